"""The figure of a scan: a panel a layer, with the numbers that the scan found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from safetensors.numpy import save_file

from fcinspect.checkpoints.scan.engines import local
from fcinspect.checkpoints.scan.findings import ScanReport
from fcinspect.checkpoints.scan.records import Wanted
from fcinspect.checkpoints.scan.scanning import distribution_in, scan
from fcinspect.cli.sources import open_checkpoint
from fcinspect.errors import InputError
from fcinspect.pictures.figures.weight import panels_figure
from fcinspect.reports.scan.charts import MOST_PANELS, ScanPictures
from fcinspect.rounding.arrays import FloatArray

RNG = np.random.default_rng(0)
Weights = dict[str, FloatArray]
Scan = Callable[..., ScanPictures]


@pytest.fixture
def scanned(tmp_path: Path) -> Scan:
    """Return what scans a file with these weights."""

    def scanned(weights: Weights, *, spectrum: bool = False) -> ScanPictures:
        path = tmp_path / "model.safetensors"
        save_file({f"{name}.weight": w for name, w in weights.items()}, path)
        checkpoint = open_checkpoint(str(path))
        with local(1) as engine:
            wanted = Wanted(spectrum=spectrum)
            layers = tuple(scan(checkpoint.layers, engine, wanted, lambda n: None))
        found = tuple(map(distribution_in, checkpoint.layers, layers))
        report = ScanReport((checkpoint.source,), layers, 0, (), ())
        return ScanPictures(report, () if spectrum else found[:MOST_PANELS])

    return scanned


def figure_of(pictures: ScanPictures) -> Figure:
    """Return the figure before it is a file."""
    return panels_figure(pictures.title, pictures.panels())


def heights(figure: Figure) -> list[list[float]]:
    """Return the heights of the bars of each panel."""
    return [
        [patch.get_height() for patch in axes.patches]  # type: ignore[attr-defined]  # bars
        for axes in figure.axes
    ]


def test_singular_values_are_those_of_numpy(scanned: Scan) -> None:
    """Above the resolution, in descending order; the others are told."""
    weights = {"a": RNG.normal(size=(6, 9)), "b": np.outer(np.arange(1.0, 6), np.ones(4))}
    figure = figure_of(scanned(weights, spectrum=True))
    for axes, name, rank in zip(figure.axes, "ab", (6, 1), strict=True):
        (line,) = axes.lines
        assert axes.get_title(loc="left") == name
        expected = np.linalg.svd(weights[name], compute_uv=False)[:rank]
        np.testing.assert_allclose(np.asarray(line.get_ydata(), float), expected, rtol=1e-9)
    assert "3 of 4 values are indistinguishable from 0" in figure.axes[1].get_xlabel()


def test_bars_are_the_counts_of_the_weights(scanned: Scan) -> None:
    """Also of numbers in other formats; the sum is the number of finite numbers."""
    weights: Weights = {
        "a": RNG.normal(size=(40, 30)).astype(np.float32),
        "b": RNG.normal(size=(7, 5)).astype(np.float16),
        "c": np.full((3, 4), np.nan),
    }
    pictures = scanned(weights)
    figure = figure_of(pictures)
    for (name, weight), found, bars in zip(
        weights.items(), pictures.distributions, heights(figure), strict=True
    ):
        finite = weight[np.isfinite(weight)].astype(np.float64)
        assert found.finite == finite.size == sum(bars), name
        edges = np.asarray(found.edges)
        expected = [
            int(((finite >= low) & ((finite < high) | (high == edges[-1]))).sum())
            for low, high in pairwise(edges)
        ]
        assert bars == expected
    assert figure.axes[2].texts[0].get_text() == "not counted: 12 NaN"


def test_many_layers_are_folded_and_told(scanned: Scan) -> None:
    """The first ones are shown."""
    figure = figure_of(scanned({f"l{k}": np.ones((2, 2)) for k in range(15)}))
    assert sum(bool(axes.patches) for axes in figure.axes) == 12
    title = figure.get_suptitle().replace("\n", " ")
    assert title.startswith("Values of the weights of ")
    assert title.endswith("model.safetensors'; showing 12 of 15 layers")


def test_a_file_that_changes_between_the_passes_is_refused(scanned: Scan, tmp_path: Path) -> None:
    """Its histogram would not be that of the numbers that were scanned."""
    layers = scanned({"a": np.zeros((3, 3))}).report.layers
    save_file({"a.weight": np.ones((3, 3))}, tmp_path / "other.safetensors")
    (stored,) = open_checkpoint(str(tmp_path / "other.safetensors")).layers
    with pytest.raises(InputError, match=r"'a\.weight' .* changed while they were being read"):
        distribution_in(stored, layers[0])


@pytest.mark.parametrize("spectrum", [False, True])
def test_odd_weights_have_panels(scanned: Scan, spectrum: bool) -> None:
    """Constant, of one number, without numbers, not finite; twice the same bytes."""
    weights: Weights = {
        "constant": np.full((3, 4), 0.5), "one": np.ones((1, 1)), "empty": np.zeros((0, 3)),
        "zeros": np.zeros((2, 2)), "inf": np.array([[np.inf, 1.0]]), "<b>$x$": np.eye(3),
    }  # fmt: skip
    pictures = scanned(weights, spectrum=spectrum)
    assert pictures.figure(".svg") == pictures.figure(".svg")


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_the_title_names_the_files_and_fits(scanned: Scan, count: int) -> None:
    """The first of many; a long one goes on in the next line, and nothing in it acts."""
    pictures = scanned({"a": np.ones((2, 2))})
    files = tuple(f"'runs/$\\frac{{1}}$/{k}/" + "long-" * 9 + "name.pt'" for k in range(count))
    figure = figure_of(replace(pictures, report=replace(pictures.report, sources=files)))
    title = "".join(figure.get_suptitle().split())
    named = [f"/{k}/long-" in title for k in range(count)]
    assert named == [k < 4 for k in range(count)]
    assert (f"and{count - 4}more" in title) == (count > 4)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]  # of matplotlib
    assert figure._suptitle is not None  # type: ignore[attr-defined]  # matplotlib has no public way
    box = figure._suptitle.get_window_extent(renderer)  # type: ignore[attr-defined]  # as above
    assert box.x1 <= figure.bbox.x1


def test_no_layer_is_said() -> None:
    """An empty figure would be a riddle."""
    figure = figure_of(ScanPictures(ScanReport(("x",), (), 0, (), ())))
    assert "no linear layer" in figure.get_suptitle()

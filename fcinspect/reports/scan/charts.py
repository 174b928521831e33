"""The layers of a scan in text and as a figure: their spectra where it computes them, else their
numbers.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Table, showing
from fcinspect.pictures.charts.curves import Series, curves, spans_decades
from fcinspect.pictures.charts.histogram import edge_labels, histogram, not_counted
from fcinspect.reports.scan.page import name_in, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import ScannedLayer, Spectrum
    from fcinspect.layers.statistics import Distribution

MOST_CURVES = 4
"""Spectra in one chart of text: so many strokes can be told apart."""
MOST_PANELS = 12
"""Layers whose numbers are told in text, and panels of a figure."""
ROLES = ("weight", "output", "input", "bias")
OTHERS = "--only and --sort choose others"
UNDECIDED = "undecided, as numbers are not finite"
PANEL = 4.2, 2.8
"""Inches across and down."""
LONGEST_NAME = 40
LETTER = 0.085
"""Inches that a letter of the title takes, on average."""
MOST_LABELS = 7
MOST_MARKED = 40
"""Singular values that are marked; of more the line alone is drawn."""


@dataclass(frozen=True)
class ScanPictures:
    """What the charts and the figure of a scan show."""

    report: ScanReport
    """The scan."""
    distributions: tuple[Distribution, ...] = ()
    """Of the first MOST_PANELS layers of the report, where the scan computes no spectra."""

    @property
    def shows_spectra(self) -> bool:
        """Whether the pictures are of singular values."""
        return any(layer.singular.wanted.spectrum for layer in self.report.layers)

    def named(self, layer: ScannedLayer) -> str:
        """Return the name of a layer as the report writes it, "" where it has none."""
        return name_in(self.report, layer)

    def blocks(self) -> list[Block]:
        """Return the pictures in text, under their title."""
        if not self.report.layers:
            return [Heading("Charts"), Line.of("no linear layer: there is nothing to draw")]
        if self.shows_spectra:
            return list(self._spectra())
        return list(self._numbers())

    def figure(self, ending: str) -> bytes:
        """Return the figure as a file of that ending."""
        from fcinspect.pictures.figures.canvas import figure_bytes

        return figure_bytes(lambda: panels_figure(self), ending)

    def _spectra(self) -> Iterator[Block]:
        named = [(self._shown(layer), layer.singular.spectrum) for layer in self.report.layers]
        shown = [(name, found) for name, found in named if found is not None][:MOST_CURVES]
        lost = [name for name, found in named if found is None][:MOST_CURVES]
        yield Heading("Singular values")
        if len(shown) == 1:
            yield Line.of(shown[0][0])
        if shown:
            pairs = zip(shown, ROLES, strict=False)
            series = [spectrum_series(name, found, role) for (name, found), role in pairs]
            yield curves(series, x_title="number of the singular value", y_title="σ")
        for name, found in shown:
            if words := below(found):
                yield Line.of(f"{name}: {words}")
        for name in lost:
            yield Line.of((f"{name}: {UNDECIDED}", "unsure"))
        yield from showing(len(shown) + len(lost), len(named), f"layers; {OTHERS}")

    def _numbers(self) -> Iterator[Block]:
        layers = self.report.layers[: len(self.distributions)]
        yield Heading("Numbers of the weights" if len(layers) > 1 else "Numbers of W")
        if len(layers) == 1:
            yield histogram(self.distributions[0])
        else:
            names = list(map(self._shown, layers))
            yield _table(names, self.distributions)
            for name, found in zip(names, self.distributions, strict=True):
                if words := not_counted(found):
                    yield Line.of((f"{name}: {words}", "unsure"))
        yield from showing(len(layers), len(self.report.layers), f"layers; {OTHERS}")
        if layers:
            yield Line.of(("--spectrum draws their singular values", "faint"))

    def _shown(self, layer: ScannedLayer) -> str:
        return self.named(layer) or text.NAMELESS


def spectrum_series(name: str, found: Spectrum, role: str = "") -> Series:
    """Return the singular values above the resolution, counted from 1."""
    return Series(name, range(1, found.rank + 1), found.values[: found.rank].tolist(), role)


def below(found: Spectrum) -> str:
    """Say how many singular values are not told from 0, and so not drawn; "" for none."""
    count = len(found.values) - found.rank
    if not count:
        return ""
    are = "value is" if count == 1 else "values are"
    return f"{text.count(count)} of {text.count(len(found.values))} {are} not told from 0"


def _table(names: Sequence[str], found: Sequence[Distribution]) -> Table:
    """Return a row for each layer: its bars between the first edge and the last."""
    rows = []
    for name, one in zip(names, found, strict=True):
        ends = edge_labels((one.edges[0], one.edges[-1])) if one.counts else ["–", "–"]
        rows.append((name, ends[0], text.bars(one.counts), ends[1], text.count(one.finite)))
    columns = (
        Column("layer", right=False, folds=True),
        Column("from"),
        Column("distribution", "weight", right=False),
        Column("to"),
        Column("finite numbers"),
    )
    return Table(columns, tuple(rows))


def panels_figure(pictures: ScanPictures) -> Figure:
    """Return the figure of the first layers of a scan, all spectra on one scale."""
    from fcinspect.pictures.figures.canvas import new_figure
    from fcinspect.pictures.figures.weight import draw_histogram

    layers = pictures.report.layers[:MOST_PANELS]
    across = min(len(layers), 3) or 1
    down = math.ceil(len(layers) / across) or 1
    figure = new_figure(max(across, 1.6) * PANEL[0], down * PANEL[1] + 0.5)
    panels = figure.subplots(
        down, across, squeeze=False, sharey="all" if pictures.shows_spectra else "none"
    ).reshape(-1)
    figure.suptitle(
        "\n".join(_title(pictures, len(layers), int(figure.get_figwidth() / LETTER))),
        x=0.01, ha="left", fontsize=11, parse_math=False,
    )  # fmt: skip
    for axes in panels[len(layers) :]:
        axes.set_axis_off()
    log_y = spans_decades(_all_values(layers))
    for k, (axes, layer) in enumerate(zip(panels, layers, strict=False)):
        name = _short(pictures.named(layer) or "W")
        if pictures.shows_spectra:
            _spectrum(axes, layer, name, log_y=log_y)
        else:
            draw_histogram(axes, pictures.distributions[k], name, MOST_LABELS)
    return figure


def _title(pictures: ScanPictures, shown: int, letters: int) -> list[str]:
    """Return the lines of the title: what is drawn, of which files, and how much of it."""
    what = "Singular values" if pictures.shows_spectra else "Numbers of the weights"
    left = showing(shown, len(pictures.report.layers), "layers")
    notes = [line.text for line in left] if shown else ["no linear layer"]
    words = "; ".join([f"{what} of {title_of(pictures.report)}", *notes])
    return textwrap.wrap(words, letters)


def _all_values(layers: tuple[ScannedLayer, ...]) -> list[float]:
    found = [layer.singular.spectrum for layer in layers]
    return [v for one in found if one is not None for v in spectrum_series("", one).y]


def _spectrum(axes: Axes, layer: ScannedLayer, name: str, *, log_y: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    from fcinspect.pictures.figures.canvas import quiet
    from fcinspect.pictures.figures.weight import BLUE

    quiet(axes)
    axes.set_title(name, loc="left", parse_math=False)
    found = layer.singular.spectrum
    if found is None:
        axes.text(0.5, 0.5, UNDECIDED, transform=axes.transAxes, ha="center", fontsize="small")
        axes.set_xticks([])
        return
    series = spectrum_series(name, found)
    if log_y:
        axes.set_yscale("log")
    axes.plot(
        list(series.x), list(series.y), color=BLUE, linewidth=1.3, markersize=3,
        marker="o" if len(series.x) <= MOST_MARKED else "none", gid="spectrum",
    )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if len(found.values) <= MOST_LABELS:
        axes.set_xticks(range(1, len(found.values) + 1))
    if len(series.x) <= MOST_MARKED:
        axes.set_xlim(0.5, max(len(found.values), 1) + 0.5)
    axes.set_ylabel("σ (logarithmic axis)" if log_y else "σ")
    note = below(found)
    axes.set_xlabel(f"number; {note}" if note else "number", fontsize="small")


def _short(name: str) -> str:
    """Return a name, or both its ends with an ellipsis between them."""
    if len(name) <= LONGEST_NAME:
        return name
    half = LONGEST_NAME // 2 - 1
    return f"{name[:half]}…{name[-half:]}"

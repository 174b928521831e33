"""The figure of a scan: a panel for each layer, with its singular values or its numbers."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from fcinspect.pictures.charts.curves import spans_decades
from fcinspect.pictures.figures.canvas import figure_bytes, new_figure, quiet
from fcinspect.pictures.figures.weight import BLUE, draw_histogram
from fcinspect.reports.scan.charts import (
    MOST_PANELS,
    UNDECIDED,
    ScanPictures,
    below,
    showing,
    spectrum_series,
)
from fcinspect.reports.scan.page import title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fcinspect.checkpoints.scan.records import ScannedLayer

PANEL = 4.2, 2.8
"""Inches across and down."""
LONGEST_NAME = 40
LETTER = 0.085
"""Inches that a letter of the title takes, on average."""
MOST_LABELS = 7
FEW = 40
"""Singular values that are marked; of more the line alone is drawn."""


def panels_bytes(ending: str, pictures: ScanPictures) -> bytes:
    """Return the figure as a file of that ending."""
    return figure_bytes(lambda: panels_figure(pictures), ending)


def panels_figure(pictures: ScanPictures) -> Figure:
    """Return the figure of the first layers of a scan, all spectra on one scale."""
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
    note = showing(shown, len(pictures.report.layers)) if shown else "no linear layer"
    words = "; ".join(filter(None, (f"{what} of {title_of(pictures.report)}", note)))
    return textwrap.wrap(words, letters)


def _all_values(layers: tuple[ScannedLayer, ...]) -> list[float]:
    found = [layer.singular.spectrum for layer in layers]
    return [v for one in found if one is not None for v in spectrum_series("", one).y]


def _spectrum(axes: Axes, layer: ScannedLayer, name: str, *, log_y: bool) -> None:
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
        marker="o" if len(series.x) <= FEW else "none", gid="spectrum",
    )  # fmt: skip
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if len(found.values) <= MOST_LABELS:
        axes.set_xticks(range(1, len(found.values) + 1))
    if len(series.x) <= FEW:
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

"""The figures of weights: one as a heat map and a histogram; of several the numbers or spectra."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fcinspect.pictures.charts.curves import Series, spans_decades, y_words
from fcinspect.pictures.charts.weight import (
    DIVERGING,
    Blocks,
    blocks_of,
    edge_labels,
    ink_on,
    not_counted,
    reduction,
)
from fcinspect.pictures.figures.canvas import file_of, new_figure, quiet

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fcinspect.layers.array import Array
    from fcinspect.layers.statistics import Distribution

WIDTH, HEIGHT = 8.0, 8.0
"""Inches."""
MOST_CELLS = (200, 300)
"""Rows and columns of a map: more are finer than what is printed."""
MOST_WRITTEN = (12, 10)
"""Rows and columns up to which the numbers stand in their cells."""
MOST_MARKED = 200
"""Cells that are marked for numbers that are not finite."""
BLUE = "#0072B2"
MOST_LABELS, FEW_LABELS = 11, 7
"""Edges of bins that are written, in one histogram and in one of several."""
PANEL = 4.2, 2.8
"""Inches across and down."""
LETTER = 0.085
"""Inches that a letter of the title takes, on average."""
LONGEST_NAME = 40
MOST_DOTS = 40
"""Singular values that are marked; of more the line alone is drawn."""


@dataclass(frozen=True)
class Panel:
    """One layer in a figure of several."""

    name: str
    numbers: Distribution | None
    """None where the figure is of singular values."""
    spectrum: Series | None = None
    """The singular values above the resolution, counted from 1; None where they are undecided."""
    count: int = 0
    """All singular values."""
    note: str = ""
    """A note on those that are not drawn."""


def weight_figure(weight: Array, found: Distribution, title: str) -> Figure:
    """Return the figure of W (out_features × in_features), with or without numbers."""
    figure = new_figure(WIDTH, HEIGHT)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))
    rows, columns = weight.shape
    upper.set_title(f"W ({rows}×{columns}) of {title}", loc="left", parse_math=False)
    if weight.size:
        draw_heat_map(upper, blocks_of(weight.values, MOST_CELLS))
    else:
        upper.text(0.5, 0.5, "W is empty", transform=upper.transAxes, ha="center")
        upper.set_axis_off()
    draw_histogram(lower, found, "Values of W", MOST_LABELS)
    return figure


weight_bytes = file_of(weight_figure)


def draw_heat_map(axes: Axes, blocks: Blocks) -> None:
    """Draw blocks on axes, outputs downwards and inputs to the right.

    The colours diverge from 0, as far on one side as on the other; the colour bar shows the side
    on which there are numbers. What is not finite has a cross.
    """
    from matplotlib.colors import ListedColormap

    scale = blocks.scale or 1.0
    finite = np.isfinite(blocks.values)
    # as ratios, since the ends of float64 are no range to a colour bar
    shown = np.where(finite, blocks.values, 0.0) / scale
    rows, columns = blocks.shape
    colors = ListedColormap(_colors(), "fcinspect-diverging")
    image = axes.imshow(
        np.ma.masked_where(~finite, shown), cmap=colors, vmin=-1, vmax=1, aspect="auto",
        interpolation="nearest", extent=(-0.5, _end(blocks, 1), _end(blocks, 0), -0.5),
        gid="heat-map",
    )  # fmt: skip
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    notes = [] if blocks.is_whole else [reduction(blocks)]
    axes.set_ylabel("output, a row of W (out_features)")
    _whole_ticks(axes, blocks)
    if blocks.scale:
        bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
        bar.set_ticks([-1, -0.5, 0, 0.5, 1])
        bar.set_ticklabels([f"{k * scale:.4g}" for k in (-1, -0.5, 0, 0.5, 1)])
        bar.outline.set_visible(False)
        bar.set_label("weight")
        signed = shown[finite]
        bar.ax.set_ylim(-1.0 if (signed < 0).any() else 0.0, 1.0 if (signed > 0).any() else 0.0)
    if rows <= MOST_WRITTEN[0] and columns <= MOST_WRITTEN[1]:
        _write(axes, blocks, scale)
    if not finite.all():
        notes.append(_mark(axes, blocks, finite))
    told = [line for note in notes for line in textwrap.wrap(note, 90)]
    axes.set_xlabel("\n".join(["input, a column of W (in_features)", *told]))


def _colors() -> list[tuple[float, ...]]:
    """Return 255 colours, the middle one that of 0."""
    places = np.linspace(0, len(DIVERGING) - 1, 255)
    at, channels = np.arange(len(DIVERGING)), np.transpose(DIVERGING) / 255
    mixed = [np.interp(places, at, channel) for channel in channels]
    return list(map(tuple, np.transpose(mixed).tolist()))


def _end(blocks: Blocks, axis: int) -> float:
    """Return where the last block would end, were it as large as the others."""
    return float(blocks.values.shape[axis] * blocks.block[axis]) - 0.5


def _whole_ticks(axes: Axes, blocks: Blocks) -> None:
    """Let the axes count outputs and inputs; an only one is 0, where a scale would divide it."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    for axis, count in ((axes.xaxis, blocks.shape[1]), (axes.yaxis, blocks.shape[0])):
        several = MaxNLocator(min(count, 8), integer=True)
        axis.set_major_locator(FixedLocator([0]) if count == 1 else several)
    axes.spines[:].set_visible(False)


def _write(axes: Axes, blocks: Blocks, scale: float) -> None:
    for (i, j), value in np.ndenumerate(blocks.values):
        if math.isfinite(value):
            words, ink = f"{value:+.3g}" if value else "0", ink_on(value / scale)
            axes.text(j, i, words, ha="center", va="center", fontsize=7, color=ink)


def _mark(axes: Axes, blocks: Blocks, finite: npt.NDArray[np.bool_]) -> str:
    """Mark the cells with numbers that are not finite; return what says so."""
    struck = np.argwhere(~finite)
    tall, wide = blocks.block
    middles = np.minimum(
        struck * (tall, wide) + (np.array((tall, wide)) - 1) / 2, np.array(blocks.shape) - 1
    )[:MOST_MARKED]
    axes.plot(
        middles[:, 1], middles[:, 0], linestyle="none", marker="X", markersize=7,
        markerfacecolor="black", markeredgecolor="white", gid="not-finite",
    )  # fmt: skip
    of = "" if len(struck) <= MOST_MARKED else f", {MOST_MARKED} of them marked"
    cells = "1 cell" if len(struck) == 1 else f"{len(struck):,} cells"
    return f"×: {cells} with numbers that are not finite{of}"


def draw_histogram(axes: Axes, found: Distribution, title: str, most_labels: int) -> None:
    """Draw a distribution on axes, and note the numbers that are in no bin.

    The bins are equally wide; their edges, at most so many of them, are written as they are.
    """
    from matplotlib.ticker import MaxNLocator

    quiet(axes)
    axes.set_title(title, loc="left", parse_math=False)
    missing = not_counted(found)
    if missing:
        axes.text(
            1, 1.0, missing, transform=axes.transAxes, ha="right", va="bottom", fontsize="small"
        )
    if not found.counts:
        words = "no finite numbers"
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center")
        axes.set_xticks([])
        axes.set_yticks([])
        return
    count = len(found.counts)
    # placed by number: float64 has ranges that are wider than itself
    bars = axes.bar(
        range(count), found.counts, width=1, align="edge", color=BLUE, edgecolor="white",
        linewidth=0.6,
    )  # fmt: skip
    for k, bar in enumerate(bars):
        bar.set_gid(f"bin-{k}")
    stride = math.ceil((count + 1) / most_labels)
    labels = edge_labels(found.edges)
    # 0 is among those that are written, if it is an edge
    first = found.edges.index(0.0) % stride if 0.0 in found.edges else 0
    axes.set_xticks(range(first, count + 1, stride), labels[first::stride])
    if max(map(len, labels[first::stride])) > 6:
        axes.tick_params(axis="x", labelsize="x-small")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_ylabel("count")
    axes.set_xlabel("weight", fontsize="small")


def panels_figure(title: str, panels: Sequence[Panel]) -> Figure:
    """Return the figure of some layers, all spectra on one scale."""
    across = min(len(panels), 3) or 1
    down = math.ceil(len(panels) / across) or 1
    figure = new_figure(max(across, 1.6) * PANEL[0], down * PANEL[1] + 0.5)
    spectra = any(panel.numbers is None for panel in panels)
    sharing: Literal["all", "none"] = "all" if spectra else "none"
    grid = figure.subplots(down, across, squeeze=False, sharey=sharing).reshape(-1)
    lines = textwrap.wrap(title, int(figure.get_figwidth() / LETTER))
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=11, parse_math=False)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    log_y = spans_decades([v for panel in panels if panel.spectrum for v in panel.spectrum.y])
    for axes, panel in zip(grid, panels, strict=False):
        if panel.numbers is not None:
            draw_histogram(axes, panel.numbers, _shortened(panel.name), FEW_LABELS)
        else:
            _draw_spectrum(axes, panel, log_y=log_y)
    return figure


panels_bytes = file_of(panels_figure)


def _shortened(name: str) -> str:
    half = LONGEST_NAME // 2 - 1
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}…{name[-half:]}"


def _draw_spectrum(axes: Axes, panel: Panel, *, log_y: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    quiet(axes)
    axes.set_title(_shortened(panel.name), loc="left", parse_math=False)
    if panel.spectrum is None:
        axes.text(0.5, 0.5, panel.note, transform=axes.transAxes, ha="center", fontsize="small")
        axes.set_xticks([])
        return
    x, y = list(panel.spectrum.x), list(panel.spectrum.y)
    if log_y:
        axes.set_yscale("log")
    marker = "o" if len(x) <= MOST_DOTS else "none"
    axes.plot(x, y, color=BLUE, linewidth=1.3, markersize=3, marker=marker, gid="spectrum")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if panel.count <= FEW_LABELS:
        axes.set_xticks(range(1, panel.count + 1))
    if len(x) <= MOST_DOTS:
        axes.set_xlim(0.5, max(panel.count, 1) + 0.5)
    axes.set_ylabel(y_words("σ", log_y))
    axes.set_xlabel(f"index; {panel.note}" if panel.note else "index", fontsize="small")

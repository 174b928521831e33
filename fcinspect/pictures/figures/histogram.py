"""A histogram as a figure: a bar for each bin, as wide as the bin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fcinspect.pictures.charts.histogram import edge_labels, not_counted
from fcinspect.pictures.figures.canvas import quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fcinspect.layers.distribution import Distribution

BLUE = "#0072B2"
MOST_LABELS = 11


def draw_histogram(
    axes: Axes, found: Distribution, title: str = "", most_labels: int = MOST_LABELS
) -> None:
    """Draw a distribution on axes; what lies in no bin is told.

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
        words = "no finite number"
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

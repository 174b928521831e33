"""How a weight is drawn as a line: its size by width, its sign by colour and by dashes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Diagram

BLUE, VERMILLION, GREY, BLACK = "#0072B2", "#D55E00", "#7A7A7A", "#000000"
"""Of Okabe and Ito's palette."""
THINNEST, GROWTH = 0.4, 2.4
"""Points: the width of a weight near 0, and by how much that of the largest is wider."""
DASH, GAP, DOT = 4.5, 2.6, 1.2
"""Points of a dashed line that are drawn and left, and those of a dot."""


@dataclass(frozen=True)
class Stroke:
    """A kind of line."""

    color: str
    width: float
    """Points."""
    dashes: tuple[float, ...] = ()
    """In widths of the line: drawn, left, drawn, …; none for a whole line."""
    alpha: float = 1.0

    @property
    def points(self) -> tuple[float, ...]:
        """The dashes in points."""
        return tuple(part * self.width for part in self.dashes)


UNKNOWN = Stroke(GREY, 0.7, alpha=0.8)
"""Of an edge whose weight is not known."""
ZERO = Stroke(GREY, THINNEST, (DOT / THINNEST, GAP / THINNEST))


def stroke_of(weight: float | None, scale: float) -> Stroke:
    """Return the line of a weight; `scale` is the largest |weight| that is drawn.

    Positive weights are whole and blue, negative ones dashed and vermillion, 0 is dotted and grey,
    and what is not finite is a black line of dashes and dots.
    """
    if weight is None:
        return UNKNOWN
    if not math.isfinite(weight):
        width = 1.2
        return Stroke(BLACK, width, tuple(p / width for p in (DASH, GAP / 2, DOT, GAP / 2)))
    if weight == 0:
        return ZERO
    share = abs(weight) / scale
    width = THINNEST + GROWTH * share
    alpha = 0.55 + 0.45 * share
    if weight > 0:
        return Stroke(BLUE, width, alpha=alpha)
    return Stroke(VERMILLION, width, (DASH / width, GAP / width), alpha)


def samples_of(diagram: Diagram) -> list[tuple[float, str]]:
    """Return the weights whose lines a legend shows, with their words."""
    scale = diagram.scale
    weights = [e.weight for c in diagram.connections for e in c.edges if e.weight is not None]
    samples: list[tuple[float, str]] = []
    if scale:
        samples = [(k * scale, f"{k * scale:+.3g}") for k in (1, 0.5, -0.5, -1)]
    if any(weight == 0 for weight in weights):
        samples.insert(len(samples) // 2, (0.0, "0"))
    if any(not math.isfinite(weight) for weight in weights):
        samples.append((math.nan, "not finite"))
    return samples

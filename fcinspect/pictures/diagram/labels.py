"""How the parts of a diagram are called and its edges drawn, in every medium.

The size of a weight is told by the width of its line, its sign by colour and by dashes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.layers.diagram import Dead
from fcinspect.page.text import safe

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Connection, Diagram, Unit, UnitColumn

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
DEAD = {
    Dead.ZERO_ROW: "all incoming weights are 0: the same output for every x",
    Dead.ZERO_OUTPUT: "output 0 for this x",
}
"""The legend of a grey unit."""
MOST_NAMED = 6
"""Units of a column that are named in a sentence."""
BLUE, VERMILLION, GREY, BLACK = "#0072B2", "#D55E00", "#7A7A7A", "#000000"
"""Of Okabe and Ito's palette."""
THINNEST, GROWTH = 0.4, 2.4
"""Points: the width of a weight near 0, and by how much that of the largest is wider."""
DASH, GAP, DOT = 4.5, 2.6, 1.2
"""Points of a dashed line that are drawn and left, and those of a dot."""


def label(column: UnitColumn, unit: Unit) -> str:
    """Return x₁, a¹₂ or y₁; units count from 1."""
    above = str(column.position).translate(SUPERSCRIPTS) if column.letter == "a" else ""
    return f"{column.letter}{above}{str(unit.index + 1).translate(SUBSCRIPTS)}"


def ascii_label(column: UnitColumn, unit: Unit) -> str:
    """Return x_1, a^1_2 or y_1."""
    above = f"^{column.position}" if column.letter == "a" else ""
    return f"{column.letter}{above}_{unit.index + 1}"


def math_label(column: UnitColumn, unit: Unit) -> str:
    """Return the label as TeX mathematics."""
    above = f"^{{{column.position}}}" if column.letter == "a" else ""
    return f"${column.letter}{above}_{{{unit.index + 1}}}$"


def dead_of(diagram: Diagram) -> tuple[Dead, ...]:
    """Return the kinds of dead units among those that are shown."""
    occurring = {unit.dead for column in diagram.columns for unit in column.units}
    return tuple(kind for kind in Dead if kind in occurring)


def dead_words(diagram: Diagram) -> tuple[str, ...]:
    """Name the dead units among those that are shown: "output 0 for this x: a¹₁, a¹₃"."""
    told = []
    for kind in dead_of(diagram):
        names = []
        for column in diagram.columns:
            here = [label(column, unit) for unit in column.units if unit.dead is kind]
            names += here[:MOST_NAMED]
            if len(here) > MOST_NAMED:
                names.append(f"{len(here) - MOST_NAMED} more of {column.title}")
        told.append(f"{DEAD[kind].partition(':')[0]}: {', '.join(names)}")
    return tuple(told)


def affine_words(connection: Connection) -> str:
    """Return the shapes of a layer, "W 5×3 + b 5"."""
    weight = f"W {connection.out_features}×{connection.in_features}"
    return f"{weight} + b {connection.out_features}" if connection.bias else weight


def function_words(connection: Connection, last: bool) -> str:
    """Return what the units of a layer compute: "a = relu(z)", "y = z"."""
    result = "y" if last else "a"
    if connection.activation == "identity":
        return f"{result} = z"
    return f"{result} = {safe(connection.activation)}(z)"


def shortened(name: str, most: int) -> str:
    """Return a name that fits, its middle left out where it is long; nothing in it can act."""
    shown = safe(name)
    if len(shown) <= most or most < 3:
        return shown
    head = (most - 1) // 2
    return f"{shown[:head]}…{shown[len(shown) - (most - 1 - head) :]}"


def words_of_fold(diagram: Diagram) -> str:
    """Return the words shown instead of columns that are not drawn."""
    return f"⋯ {diagram.folded_columns} hidden layers not drawn"


@dataclass(frozen=True)
class EdgeStroke:
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


def stroke_of(weight: float | None, scale: float) -> EdgeStroke:
    """Return the line of a weight; `scale` is the largest |weight| that is drawn.

    Positive weights are whole and blue, negative ones dashed and vermillion, 0 is dotted and grey,
    and what is not finite is a black line of dashes and dots.
    """
    if weight is None:
        return EdgeStroke(GREY, 0.7, alpha=0.8)
    if not math.isfinite(weight):
        width = 1.2
        return EdgeStroke(BLACK, width, tuple(p / width for p in (DASH, GAP / 2, DOT, GAP / 2)))
    if weight == 0:
        return EdgeStroke(GREY, THINNEST, (DOT / THINNEST, GAP / THINNEST))
    share = abs(weight) / scale
    width = THINNEST + GROWTH * share
    alpha = 0.55 + 0.45 * share
    if weight > 0:
        return EdgeStroke(BLUE, width, alpha=alpha)
    return EdgeStroke(VERMILLION, width, (DASH / width, GAP / width), alpha)


def samples_of(diagram: Diagram) -> list[tuple[float, str]]:
    """Return the weights whose lines a legend shows, with their words."""
    scale, weights = diagram.scale, diagram.weights
    shares = (1, 0.5, -0.5, -1) if scale else ()
    samples = [(k * scale, f"{k * scale:+.3g}") for k in shares]
    if any(weight == 0 for weight in weights):
        samples.insert(len(samples) // 2, (0.0, "0"))
    if any(not math.isfinite(weight) for weight in weights):
        samples.append((math.nan, "not finite"))
    return samples

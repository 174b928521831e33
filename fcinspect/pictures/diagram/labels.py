"""How the parts of a diagram are called, in every medium."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.layers.diagram import Dead
from fcinspect.page.text import safe

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Column, Connection, Diagram, Unit

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
DEAD = {
    Dead.ZERO_ROW: "all weights into it are 0: the same output for every x",
    Dead.ZERO_OUTPUT: "output 0 for this x",
}
"""What a legend says of a unit in grey."""
MOST_NAMED = 6
"""Units of a column that are named in a sentence."""
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def label(column: Column, unit: Unit) -> str:
    """Return x₁, a¹₂ or y₁; units count from 1."""
    above = str(column.position).translate(SUPERSCRIPTS) if column.letter == "a" else ""
    return f"{column.letter}{above}{str(unit.index + 1).translate(SUBSCRIPTS)}"


def ascii_label(column: Column, unit: Unit) -> str:
    """Return x_1, a^1_2 or y_1."""
    above = f"^{column.position}" if column.letter == "a" else ""
    return f"{column.letter}{above}_{unit.index + 1}"


def math_label(column: Column, unit: Unit) -> str:
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
    """Return what the units of a layer give: "a = relu(z)", "y = z"."""
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

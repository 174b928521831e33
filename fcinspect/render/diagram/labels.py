"""How the parts of a diagram are called, in every medium."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.render.text import safe

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Column, Connection, Unit

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
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

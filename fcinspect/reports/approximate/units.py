"""W1, b1, W2 and b2 of a network with one hidden layer: a row for each unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Column, Line, Table

if TYPE_CHECKING:
    from fcinspect.approximation.building import Approximation

SHOWN = (4, 4)
"""Units shown of many: the first and the last."""
ELSEWHERE = "all in --format csv or --json --full"


def units_table(found: Approximation, precision: int) -> list[Line | Table]:
    """Return the table of the units, folded where there are many."""
    stored = found.built.stored
    units, first = stored.units, SHOWN[0]
    folded = len(units) > sum(SHOWN)
    places = (
        [*range(first), *range(len(units) - SHOWN[1], len(units))] if folded else range(len(units))
    )
    chosen = [units[k] for k in places]
    knots = text.numbers([float(knot) for _, knot, _ in chosen], precision)
    biases = text.numbers([float(-sign * knot) for sign, knot, _ in chosen], precision)
    weights = text.numbers([weight for _, _, weight in chosen], precision)
    body = [
        (str(k), str(sign), bias, weight, f"x {'>' if sign > 0 else '<'} {knot}")
        for k, (sign, _, _), bias, weight, knot in zip(
            places, chosen, biases, weights, knots, strict=True
        )
    ]
    if folded:
        body.insert(first, ("⋮",) * 5)
    columns = (
        Column("unit", "faint"), Column("W1", "weight"), Column("b1", "bias"),
        Column("W2", "weight"), Column("active where", "input", right=False),
    )  # fmt: skip
    anchor = text.number(float(stored.knots[stored.anchor]), precision)
    bias = text.number(stored.bias, precision)
    lines: list[Line | Table] = [
        Line.of(
            ("W1", "weight"), ", ", ("b1", "bias"), ", ", ("W2", "weight"),
            ": a row for each hidden unit, which bends y at its knot; ", ("b2", "bias"),
            f" = {bias}, which is y at x = {anchor}",
        ),
        Table(columns, tuple(body)),
    ]  # fmt: skip
    if folded:
        shown = f"showing {sum(SHOWN)} of {text.count(len(units))} units; {ELSEWHERE}"
        lines.append(Line.of((shown, "faint")))
    return lines

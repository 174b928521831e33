"""Whether B holds A's numbers in another order: transposed, permuted, or shuffled."""

from __future__ import annotations

from fcinspect.checkpoints.diff.permuting import (
    Permutation,
    Permuted,
    as_stored,
    can_be_looked_for,
    permutation,
    rounded_to,
)
from fcinspect.checkpoints.diff.pointwise import Pointwise
from fcinspect.checkpoints.diff.reading import Grid
from fcinspect.checkpoints.diff.records import Finding, Sameness
from fcinspect.checkpoints.diff.transposing import transposed
from fcinspect.checkpoints.diff.words import Lines, Rule
from fcinspect.rounding.formats import STORED

ALIKE = 2.0**-6
"""By how much rounding may change a sum of squares; another order leaves it as it is."""
EXACTLY = 1e-9


def reordered(a: Grid, b: Grid, lines: Lines, found: Pointwise) -> Finding | None:
    """Return that B is A transposed, or with its rows or columns permuted, else None."""
    if a.rows == a.columns:
        turned = transposed(a, b)
        if turned is not None:
            return turned
    if not can_be_looked_for(a, b):
        return None
    for target in _targets(a.dtype, b.dtype):
        if _could_be(found, EXACTLY if target is None else ALIKE):
            way = as_stored if target is None else rounded_to(target)
            moved = permutation(a, b, way)
            if moved is not None:
                return _finding(moved, lines, (a, b), target)
    return None


def _could_be(found: Pointwise, much: float) -> bool:
    """Whether the sums of squares leave open that the numbers are the same in another order."""
    if found.sums.count < found.rows * found.columns:
        return True  # of places that are finite on one side only, the sums know nothing
    return not abs(found.sums.aa - found.sums.bb) > much * max(found.sums.aa, found.sums.bb)


def _targets(a: str, b: str) -> list[str | None]:
    """Return the formats in which the numbers may agree, None for the one that both have."""
    if a == b:
        return [None]
    narrower = min((a, b), key=lambda name: STORED[name].precision)
    return [a if narrower == b else b, narrower]


def _finding(
    moved: Permuted, lines: Lines, grids: tuple[Grid, Grid], target: str | None
) -> Finding:
    rule = _conversion(grids[0].dtype, grids[1].dtype, target)
    besides = rule.detail if rule else ()
    then = f", then {rule.how}" if rule else ""
    kind = f" and {rule.kind}" if rule else ""
    rows, columns = moved.rows, moved.columns
    if rows is None and columns is None:
        told = "B holds the numbers of A in another order"
        how = "numbers in another order"
        return Finding(f"with {how}{kind}", f"{how}{then}", Sameness.DIFFERENT, (told, *besides))
    named = {noun: order for noun, order in ((lines.rows, rows), (lines.columns, columns)) if order}
    nouns = sorted(named, reverse=True)  # outputs before inputs
    how = " and ".join(f"{noun}s" for noun in nouns) + " permuted"
    outputs = named.get("output")
    return Finding(
        f"with {how}{kind}",
        f"{how}{then}",
        Sameness.DIFFERENT,
        (*(_example(noun, named[noun]) for noun in nouns), *besides),
        order=None if outputs is None else tuple(map(int, outputs.order)),
    )


def _example(noun: str, order: Permutation) -> str:
    was, now = order.example
    total = len(order.order)
    return f"{order.moved:,} of {total:,} {noun}s moved: {noun} {was} is now {noun} {now}"


def _conversion(a: str, b: str, target: str | None) -> Rule | None:
    """Return what happened to the numbers besides, where they agree in the format `target`."""
    if target is None:
        return None
    if STORED[target].precision == max(STORED[a].precision, STORED[b].precision):
        return Rule(f"converted to {b}", f"converted from {a} to {b} without loss")
    narrowed = "B is A" if target == b else "A is B"
    detail = (f"{narrowed} rounded to {target} besides",)
    if target == b:
        return Rule(f"rounded to {b}", f"rounded to {b}", detail)
    return Rule(f"unrounded from {a}", f"A is B rounded to {a}", detail)

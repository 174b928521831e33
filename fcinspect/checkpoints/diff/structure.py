"""What became of a matrix as a whole: transposed, reordered, resized, or given an update."""

from __future__ import annotations

from dataclasses import replace

from fcinspect.checkpoints.diff import words
from fcinspect.checkpoints.diff.narrowing import NARROW
from fcinspect.checkpoints.diff.permuting import (
    Permutation,
    as_stored,
    can_be_looked_for,
    permutation,
    rounded_to,
)
from fcinspect.checkpoints.diff.pointwise import Pointwise, go_through
from fcinspect.checkpoints.diff.reading import Grid, Held, Part
from fcinspect.checkpoints.diff.records import Finding, Sameness
from fcinspect.checkpoints.diff.rules import Rules
from fcinspect.checkpoints.diff.updating import low_rank_update
from fcinspect.checkpoints.diff.words import Lines, Rule

CORNER = 32
"""Rows and columns that are looked at before the whole."""
ALIKE = 2.0**-6
"""By how much rounding may change a sum of squares; a permutation alone leaves it as it is."""
EXACTLY = 1e-9


def reordered(a: Grid, b: Grid, lines: Lines, found: Pointwise) -> Finding | None:
    """Return that B is A transposed, or with its rows or columns permuted, else None."""
    gap = abs(found.sums.aa - found.sums.bb)
    same_nan = found.became["nan"] == found.ceased["nan"]
    if not same_nan or gap > ALIKE * max(found.sums.aa, found.sums.bb):
        if a.rows == a.columns:
            return transposed(a, b)
        return None
    if a.rows == a.columns:
        turned = transposed(a, b)
        if turned is not None:
            return turned
    if not can_be_looked_for(a, b):
        return None
    exactly = gap <= EXACTLY * max(found.sums.aa, found.sums.bb)
    for target in _targets(a.dtype, b.dtype):
        if target is None and not exactly:
            continue
        way = as_stored if target is None else rounded_to(target)
        order = permutation(a, b, way)
        if order is not None:
            return _permuted(order, lines, (a, b), target)
    return None


def _targets(a: str, b: str) -> list[str | None]:
    """Return the formats in which the numbers may agree, None for the one that both have."""
    if a == b:
        return [None]
    narrower = min((a, b), key=lambda name: NARROW[name].precision)
    return [a if narrower == b else b, narrower]


def _permuted(
    order: Permutation, lines: Lines, grids: tuple[Grid, Grid], target: str | None
) -> Finding:
    noun = lines.columns if order.axis else lines.rows
    total = len(order.order)
    was, now = order.example
    rule = _conversion(grids[0].dtype, grids[1].dtype, target)
    moved = f"{order.moved:,} of {total:,} {noun}s moved: {noun} {was} is now {noun} {now}"
    return Finding(
        f"with {noun}s permuted" + (f" and {rule.kind}" if rule else ""),
        f"{noun}s permuted" + (f", then {rule.how}" if rule else ""),
        Sameness.DIFFERENT,
        (moved, *(rule.detail if rule else ())),
        order=tuple(map(int, order.order)) if noun == "output" else None,
    )


def _conversion(a: str, b: str, target: str | None) -> Rule | None:
    """Return what happened to the numbers besides, where they agree in the format `target`."""
    if target is None:
        return None
    if NARROW[target].precision == max(NARROW[a].precision, NARROW[b].precision):
        return Rule(f"converted to {b}", f"converted from {a} to {b} without loss")
    narrowed = "B is A" if target == b else "A is B"
    detail = (f"{narrowed} rounded to {target} besides",)
    if target == b:
        return Rule(f"rounded to {b}", f"rounded to {b}", detail)
    return Rule(f"unrounded from {a}", f"A is B rounded to {a}", detail)


def transposed(a: Grid, b: Grid) -> Finding | None:
    """Return that B is A transposed, by one of the rules between the two formats."""
    if min(a.rows, a.columns) < 1 or a.rows * a.columns < 2:
        return None
    turned = b.turned()
    corner = min(a.rows, CORNER), min(a.columns, CORNER)
    rules = Rules(a.dtype, b.dtype)
    # most matrices show in their corner that they are none's transposed
    beginning = Part(b, *corner[::-1]).read((0, corner[1], 0, corner[0])).T
    go_through(Part(a, *corner), Held(beginning, b.dtype), rules, while_ruled=True)
    if not rules.any_left:
        return None
    rules = Rules(a.dtype, b.dtype)
    found = go_through(a, turned, rules, while_ruled=True)
    rule = words.rule_of(rules, a.dtype, b.dtype) if found.complete else None
    if rule is None:
        return None
    if rule.kind == "equal":
        exactly = "" if found.changed else ", bit for bit"
        rule = Rule("transposed", "transposed", (f"B is A transposed{exactly}",))
    else:
        detail = ("B is A transposed, and then:", *rule.detail)
        rule = Rule(f"transposed and {rule.kind}", f"transposed, then {rule.how}", detail)
    return Finding(rule.kind, rule.how, Sameness.DIFFERENT, rule.detail)


def reshaped(a: Grid, b: Grid, lines: Lines) -> Finding:
    """Return how two matrices of different shapes differ: transposed, resized, or not alike."""
    if (a.rows, a.columns) == (b.columns, b.rows):
        turned = transposed(a, b)
        if turned is not None:
            return turned
    rows, columns = min(a.rows, b.rows), min(a.columns, b.columns)
    how = resized(a, b, lines)
    if (a.rows != b.rows and a.columns != b.columns) or not rows * columns:
        return Finding("resized", how, Sameness.DIFFERENT)
    rules = Rules(a.dtype, b.dtype)
    found = go_through(Part(a, rows, columns), Part(b, rows, columns), rules)
    rule = words.rule_of(rules, a.dtype, b.dtype)
    noun, count = (lines.rows, rows) if a.rows != b.rows else (lines.columns, columns)
    common = f"the first {count:,} {noun}s" if count > 1 else f"the first {noun}"
    if rule is None:
        share = found.changed / (rows * columns)
        text = f"{common} differ as well: {share:.1%} of their numbers changed"
    elif rule.kind == "equal":
        text = f"{common} {'are' if count > 1 else 'is'} equal, bit for bit"
    else:
        text = f"{common} {'are' if count > 1 else 'is'} {rule.how}"
    return Finding("resized", how, Sameness.DIFFERENT, (text,))


def resized(a: Grid, b: Grid, lines: Lines) -> str:
    """Return "resized: out 10 → 12"."""
    names = {"output": "out", "input": "in"}
    sides = sorted(
        (
            (names.get(lines.rows, lines.rows), a.rows, b.rows),
            (names.get(lines.columns, lines.columns), a.columns, b.columns),
        )
    )
    changed = [f"{name} {was:,} → {now:,}" for name, was, now in sides if was != now]
    return f"resized: {', '.join(changed)}"


def updated(a: Grid, b: Grid, found: Pointwise) -> Finding | None:
    """Return that B is A plus a low-rank update, else None."""
    if found.sums.count != found.rows * found.columns:
        return None  # not all numbers are finite
    update = low_rank_update(a, b)
    if update is None:
        return None
    values = ", ".join(f"{value:.3g}" for value in update.singular_values[:4])
    more = ", …" if update.rank > 4 else ""
    finding = Finding(
        "with a low-rank update",
        f"update of rank {update.rank}",
        Sameness.DIFFERENT,
        (f"B − A has rank {update.rank}, as a merged LoRA: σ = {values}{more}; what is left is"
         f" rounding to {b.dtype}",),
    )  # fmt: skip
    return replace(finding, rank=update.rank, singular_values=update.singular_values)

"""How two matrices of different shapes differ: transposed, resized, or with lines left out."""

from __future__ import annotations

from collections.abc import Sequence

from fcinspect.checkpoints.diff import words
from fcinspect.checkpoints.diff.permuting import can_be_looked_for, kept_lines
from fcinspect.checkpoints.diff.pointwise import go_through
from fcinspect.checkpoints.diff.reading import Grid, Part, in_shape
from fcinspect.checkpoints.diff.records import Finding, Sameness
from fcinspect.checkpoints.diff.rules import Rules
from fcinspect.checkpoints.diff.samebits import same_codes
from fcinspect.checkpoints.diff.transposing import transposed
from fcinspect.checkpoints.diff.words import Lines


def reshaped(a: Grid, b: Grid, lines: Lines) -> Finding:
    """Return how two matrices of different shapes differ."""
    if (a.rows, a.columns) == (b.columns, b.rows):
        turned = transposed(a, b)
        if turned is not None:
            return turned
    told = _common(a, b, lines) if a.rows == b.rows or a.columns == b.columns else _in_a_row(a, b)
    return Finding("resized", resized(a, b, lines), Sameness.DIFFERENT, told)


def _in_a_row(a: Grid, b: Grid) -> tuple[str, ...]:
    """Say that the numbers follow one another as before, as Tensor.reshape makes it."""
    flat = in_shape(a, b.rows, b.columns)
    if flat is None or a.dtype != b.dtype or not same_codes(flat, b):
        return ()
    return ("the numbers follow one another as in A: reshaped, not transposed",)


def _common(a: Grid, b: Grid, lines: Lines) -> tuple[str, ...]:
    """Say what became of the rows, or columns, that both have."""
    rows, columns = min(a.rows, b.rows), min(a.columns, b.columns)
    if not rows * columns:
        return ()
    by_rows = a.rows != b.rows
    noun, count = (lines.rows, rows) if by_rows else (lines.columns, columns)
    rules = Rules(a.dtype, b.dtype)
    found = go_through(Part(a, rows, columns), Part(b, rows, columns), rules)
    rule = words.rule_of(rules, a.dtype, b.dtype)
    first = f"the first {count:,} {noun}s" if count > 1 else f"the first {noun}"
    if rule is not None and rule.kind == "equal":
        return (f"{first} {'are' if count > 1 else 'is'} equal, bit for bit",)
    if rule is not None:
        return (f"{first}: {rule.how}",)
    kept = _kept(a, b, 0 if by_rows else 1)
    if kept is not None:
        return (_words_of_kept(kept, noun, shrunk=(a.rows, a.columns) > (b.rows, b.columns)),)
    return (f"of {first}, {found.changed:,} of {rows * columns:,} numbers changed",)


def _kept(a: Grid, b: Grid, axis: int) -> Sequence[int] | None:
    """Return which lines of the larger matrix make up the smaller one, in their order."""
    if a.dtype != b.dtype or not can_be_looked_for(a, b):
        return None
    larger, smaller = (a, b) if (a.rows, a.columns) > (b.rows, b.columns) else (b, a)
    return kept_lines(larger, smaller, axis)


def _words_of_kept(kept: Sequence[int], noun: str, *, shrunk: bool) -> str:
    which = words.places(noun, kept)
    if shrunk:
        return f"{which} of A are left, unchanged"
    return f"A is all there, unchanged: its {noun}s are {which} of B"


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

"""How two tensors differ, from the simplest explanation to none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fcinspect.checkpoints.diff import words
from fcinspect.checkpoints.diff.factoring import scaled_by_lines
from fcinspect.checkpoints.diff.pointwise import Pointwise, go_through
from fcinspect.checkpoints.diff.reading import Grid
from fcinspect.checkpoints.diff.records import EQUAL, Finding, Sameness
from fcinspect.checkpoints.diff.reordering import reordered
from fcinspect.checkpoints.diff.resizing import reshaped
from fcinspect.checkpoints.diff.rules import Rules
from fcinspect.checkpoints.diff.samebits import same_codes
from fcinspect.checkpoints.diff.updating import updated
from fcinspect.checkpoints.diff.words import Lines
from fcinspect.rounding.formats import NumberFormat

FEW = 10
"""So many changed numbers are few, whatever the size."""
RARE = 1e-4
"""A share of changed numbers below which they are few."""


@dataclass(frozen=True)
class Pair:
    """Two tensors as grids, and how they are spoken of."""

    a: Grid
    """A's, in the order in which it lies."""
    b: Grid
    """B's, in the order of A's."""
    lines: Lines
    """What rows and columns are called."""
    is_matrix: bool = True
    """Whether rows and columns may be exchanged or permuted: of a weight, not of a bias."""


def judge(pair: Pair, tolerance: NumberFormat | None = None) -> Finding:
    """Return how B differs from A."""
    a, b = pair.a, pair.b
    if (a.rows, a.columns) != (b.rows, b.columns):
        return reshaped(a, b, pair.lines)
    if a.dtype == b.dtype and same_codes(a, b):
        return EQUAL
    rules = Rules(a.dtype, b.dtype)
    found = go_through(a, b, rules, tolerance)
    finding = replace(_explained(pair, rules, found), magnitude=words.magnitude(found, pair.lines))
    if tolerance is None or found.outside:
        return finding
    if finding.kind == "changed":
        kind = f"equal up to {tolerance.name} rounding"
        finding = replace(finding, kind=kind, how=kind)
    return replace(finding, verdict=Sameness.ROUNDED)


def _explained(pair: Pair, rules: Rules, found: Pointwise) -> Finding:
    if pair.a.dtype == pair.b.dtype and found.changed == found.zero_signs:
        zeros = "1 zero" if found.changed == 1 else f"{found.changed:,} zeros"
        return _finding("with signs of zeros changed", f"{zeros} changed sign")
    if pair.a.dtype == pair.b.dtype and found.changed == found.nan_codes:
        nans = "1 NaN has" if found.changed == 1 else f"{found.changed:,} NaNs have"
        return _finding("with other NaNs", f"{nans} other bits")
    rule = words.rule_of(rules, pair.a.dtype, pair.b.dtype)
    if rule is not None:
        return Finding(rule.kind, rule.how, Sameness.DIFFERENT, rule.detail)
    moved = reordered(pair.a, pair.b, pair.lines, found) if pair.is_matrix else None
    if moved is not None:
        return moved
    return (
        _special_values(found)
        or _few(found)
        or (_some_lines(pair.lines, found) if pair.is_matrix else None)
        or (scaled_by_lines(pair.a, pair.b, pair.lines) if pair.is_matrix else None)
        or (updated(pair.a, pair.b, found) if pair.is_matrix else None)
        or _unrelated(found)
        or _finding("changed", "changed", *_remarks(found))
    )


def _finding(kind: str, how: str, *detail: str) -> Finding:
    return Finding(kind, how, Sameness.DIFFERENT, detail)


def _remarks(found: Pointwise) -> list[str]:
    told = words.became(found)
    return [f"{', '.join(told)}"] if told else []


def _special_values(found: Pointwise) -> Finding | None:
    """Every changed number became, or ceased to be, NaN or infinite; or became 0."""
    told = words.became(found)
    if not found.finite_changed and told:
        kinds = [
            word
            for kind, word in (("nan", "NaN"), ("inf", "Inf"))
            if found.became[kind] or found.ceased[kind]
        ]
        return _finding(f"with {' and '.join(kinds)}", ", ".join(told))
    if found.became["zero"] == found.changed:
        how = f"{found.changed:,} of {found.rows * found.columns:,} numbers became 0"
        if found.changed == found.rows * found.columns - found.zero_signs and not found.sums.bb:
            return _finding("zeroed", "all numbers became 0")
        return _finding("with numbers zeroed", how)
    return None


def _few(found: Pointwise) -> Finding | None:
    count = found.rows * found.columns
    if found.changed > max(min(FEW, count // 4), RARE * count):
        return None
    how = f"{found.changed:,} number{'' if found.changed == 1 else 's'} changed"
    return _finding("with few numbers changed", how, *_remarks(found))


def _some_lines(lines: Lines, found: Pointwise) -> Finding | None:
    """At most half of the outputs, or of the inputs, changed."""
    for noun, marked in ((lines.rows, found.changed_rows), (lines.columns, found.changed_columns)):
        if marked is not None and 0 < marked.sum() <= len(marked) / 2:
            which = np.flatnonzero(marked).tolist()
            how = f"{words.places(noun, which)} changed"
            return _finding(
                f"with {noun}s changed", how, f"{len(which):,} of {len(marked):,} {noun}s changed",
                *_remarks(found),
            )  # fmt: skip
    return None


def _unrelated(found: Pointwise) -> Finding | None:
    """The numbers of B tell nothing of those of A: as after a new initialisation."""
    r, count = found.sums.correlation, found.sums.count
    if count < 100 or not abs(r) <= 4 / count**0.5:
        return None
    text = f"its numbers are uncorrelated with those of A: r = {r:.2g} of {count:,} pairs"
    how = "uncorrelated, as if re-initialised"
    return _finding("uncorrelated", how, text, *_remarks(found))

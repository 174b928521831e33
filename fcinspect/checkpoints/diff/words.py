"""How a difference is said: the places of a tensor, and the rule that all of it obeys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fcinspect.checkpoints.diff.pointwise import Pointwise
from fcinspect.checkpoints.diff.records import Magnitude, Spot
from fcinspect.checkpoints.diff.rules import Narrowing, Rules

WAYS = {"rounded": "rounded to", "truncated": "truncated to"}
BECAME = {"nan": "became NaN", "inf": "became infinite", "zero": "became 0"}
CEASED = {"nan": "no longer NaN", "inf": "no longer infinite", "zero": "no longer 0"}


@dataclass(frozen=True)
class Lines:
    """What the rows and columns of two grids are called."""

    rows: str = "output"
    """One row of the grids."""
    columns: str = "input"
    """One column."""
    shape: tuple[int, ...] = ()
    """The shape of a tensor that is no weight; its places are told by it."""

    @property
    def flipped(self) -> bool:
        """Whether the grids hold a weight transposed."""
        return self.rows == "input"

    def index(self, row: int, column: int, columns: int) -> tuple[int, ...]:
        """Return a place as the tensor counts it."""
        if self.shape or self.rows == "":
            flat, found = row * columns + column, []
            for size in reversed(self.shape):
                flat, place = divmod(flat, size)
                found.append(place)
            return tuple(reversed(found))
        return (column, row) if self.flipped else (row, column)


@dataclass(frozen=True)
class Rule:
    """A rule that all numbers obey, in words."""

    kind: str
    """In the summary."""
    how: str
    """With its particulars."""
    detail: tuple[str, ...] = ()


def magnitude(found: Pointwise, lines: Lines) -> Magnitude:
    """Return how far two tensors lie apart."""

    def spot(place: tuple[int, int, float, float] | None) -> Spot | None:
        if place is None:
            return None
        row, column, a, b = place
        return Spot(lines.index(row, column, found.columns), a, b)

    sums = found.sums
    relative = (sums.difference / sums.aa) ** 0.5 if sums.aa > 0 else None
    if sums.count and sums.difference == 0:
        relative = 0.0
    most = found.max_abs if found.max_abs is not None else 0.0 if sums.count else None
    if found.changed and not found.finite_changed:
        most = relative = None  # what changed has no distance
    return Magnitude(
        count=found.rows * found.columns,
        changed=found.changed,
        first=spot(found.first),
        largest=spot(found.largest),
        max_abs=most,
        relative=relative,
    )


def rule_of(rules: Rules, a: str, b: str) -> Rule | None:
    """Return the simplest rule that is left, None where none is."""
    if rules.same:
        if a == b:
            return Rule("equal", "equal")
        return Rule(f"converted to {b}", f"converted from {a} to {b} without loss")
    narrowing = rules.narrowing()
    if narrowing is not None:
        return _narrowing(narrowing, a, b)
    if rules.negated:
        return Rule("negated", "negated", ("every number of B is minus the one of A",))
    factor = None if rules.factor is None else rules.factor.value(b)
    if factor is None:
        return None
    return Rule(
        "scaled",
        f"scaled by {factor:g}" if float(f"{factor:g}") == factor else f"scaled by {factor!r}",
        (f"every number of B is {factor!r} times the one of A, up to the rounding of {b}",),
    )


def _narrowing(rule: Narrowing, a: str, b: str) -> Rule:
    stored = a if rule.of == "B" else b
    kept = "" if stored == rule.dtype else f", kept as {stored}"
    words = f"{WAYS[rule.way]} {rule.dtype}"
    toward = " toward zero" if rule.way == "truncated" else ""
    if rule.of == "A":
        text = f"B is A {words}{toward}{kept}, bit for bit"
        return Rule(words, words + kept, (text,))
    back = f"A is B {words}{toward}{kept}, bit for bit"
    return Rule(f"unrounded from {rule.dtype}", f"A is B {words}{kept}", (back,))


def became(found: Pointwise) -> list[str]:
    """Return what numbers became or no longer are NaN, infinite or 0."""
    said = []
    for kind, words in BECAME.items():
        if found.became[kind]:
            said.append(f"{_numbers(found.became[kind])} {words}")
    for kind, words in CEASED.items():
        count = found.ceased[kind]
        if count:
            said.append(f"{_numbers(count)} {'is' if count == 1 else 'are'} {words}")
    return said


def _numbers(count: int) -> str:
    return f"{count:,} number" + ("" if count == 1 else "s")


def places(noun: str, which: Sequence[int]) -> str:
    """Return "output 3", "outputs 3 to 7", "outputs 1, 4 and 9", "outputs 1, 4, 9 and 20 more"."""
    plural = noun if len(which) == 1 else noun + "s"
    if len(which) == 1:
        return f"{plural} {which[0]}"
    if which[-1] - which[0] == len(which) - 1:
        return f"{plural} {which[0]} to {which[-1]}"
    if len(which) <= 4:
        return f"{plural} {', '.join(map(str, which[:-1]))} and {which[-1]}"
    return f"{plural} {', '.join(map(str, which[:3]))} and {len(which) - 3:,} more"

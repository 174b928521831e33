"""One operation held against its closed form: the verdict, the worst element, the likely cause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.dot import Admissible, DotCheck, judge
from fcinspect.rounding.running import Interval
from fcinspect.rounding.verdict import Verdict

FACTORS = {
    -1.0: "the sign is flipped",
    2.0: "it is twice what it should be",
    0.5: "it is half of what it should be",
    0.0: "it is zero where it should not be",
}
"""What a constant factor between computed and reference numbers says."""


@dataclass(frozen=True)
class OperationCheck:
    """How one computed array stands to what rounding can explain."""

    name: str
    """What was computed: "fc1.weight.grad"."""
    formula: str
    """The closed form it was held against."""
    verdict: Verdict
    max_ratio: float
    """Largest error/bound; above 1 is outside."""
    worst: tuple[int, ...] | None
    """The index of that element in the computed array."""
    computed: float | None
    """The number there."""
    reference: float | None
    """What the closed form gives there."""
    bound: float | None
    """The largest error that rounding can explain there."""
    elements: int
    """How many numbers were compared."""
    outside: int
    undecided: int
    cause: str | None
    """What the pattern of errors says, if it says something."""

    @property
    def detail(self) -> str:
        """The verdict in one sentence."""
        if self.verdict is Verdict.UNDECIDED:
            return (
                f"{self.undecided} of {self.elements} not finite or beyond the range:"
                " no bound exists"
            )
        if self.worst is None:
            return "there is nothing to compare"
        place = f"[{','.join(map(str, self.worst))}]" if self.worst else ""
        numbers = (
            f"{self.name}{place} is {self.computed!r}, the formula gives {self.reference!r}"
            f" ± {self.bound:.3g}"
        )
        if self.verdict is Verdict.WITHIN:
            return numbers
        count = f"{self.outside} of {self.elements} elements are outside; "
        return count + numbers + (f"; {self.cause}" if self.cause else "")


def check_interval(
    name: str, formula: str, interval: Interval, computed: FloatArray
) -> OperationCheck:
    """Hold computed numbers against the interval of their closed form."""
    shape = np.broadcast_shapes(interval.reference.shape, computed.shape)
    low, high, reference = (
        _table(np.broadcast_to(values, shape))
        for values in (interval.low, interval.high, interval.reference)
    )
    decided = np.broadcast_to(interval.decided, shape).reshape(reference.shape)
    result = _table(np.asarray(computed, dtype=np.float64))
    # a correct program may overflow on the way, or take the root of what rounding made negative
    decided = decided & np.isfinite(result)
    allowed = Admissible(low, high, reach=np.zeros_like(reference), decided=decided)
    judged = judge(reference, allowed, result)
    return from_dot(name, formula, judged, computed)


def from_dot(name: str, formula: str, check: DotCheck, computed: FloatArray) -> OperationCheck:
    """Return the check of an array from that of its rows and columns."""
    result = np.asarray(computed, dtype=np.float64).reshape(check.reference.shape)
    worst = None
    numbers: tuple[float | None, float | None, float | None] = (None, None, None)
    if check.worst is not None:
        flat = int(np.ravel_multi_index(check.worst, result.shape))
        worst = tuple(int(i) for i in np.unravel_index(flat, computed.shape))
        numbers = (
            float(result[check.worst]),
            float(check.reference[check.worst]),
            float(check.bound[check.worst]),
        )
    return OperationCheck(
        name,
        formula,
        check.verdict,
        check.max_ratio,
        worst,
        *numbers,
        elements=result.size,
        outside=check.outside,
        undecided=check.undecided,
        cause=_cause(check, result) if check.outside else None,
    )


def check_same(
    name: str, formula: str, pairs: list[tuple[FloatArray, FloatArray]]
) -> OperationCheck:
    """Hold arrays that must be the same numbers, bit for bit, against each other."""
    unequal = sum(not np.array_equal(a, b, equal_nan=True) for a, b in pairs)
    return OperationCheck(
        name,
        formula,
        Verdict.OUTSIDE if unequal else Verdict.WITHIN,
        float("inf") if unequal else 0.0,
        worst=None,
        computed=None,
        reference=None,
        bound=None,
        elements=len(pairs),
        outside=unequal,
        undecided=0,
        cause=f"{unequal} of {len(pairs)} arrays are not the ones handed over" if unequal else None,
    )


def _cause(check: DotCheck, result: Float64Array) -> str | None:
    """Name the constant factor that would bring every element inside its interval."""
    with np.errstate(all="ignore"):
        for factor, words in FACTORS.items():
            if np.all(np.abs(result - factor * check.reference) <= 2 * check.bound):
                return words
    transposed = result.T
    if (
        result.shape == transposed.shape
        and min(result.shape) > 1
        and np.all(np.abs(transposed - check.reference) <= 2 * check.bound)
    ):
        return "it is the transpose of what it should be"
    return None


def _table(values: FloatArray) -> Float64Array:
    """Return an array as rows of its last dimension."""
    columns = values.shape[-1] if values.ndim else 1
    rows = int(np.prod(values.shape[:-1], dtype=np.int64)) if values.ndim else 1
    return np.asarray(values, dtype=np.float64).reshape(rows, columns)

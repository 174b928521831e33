"""What rounding can do to Y = X·Wᵀ + b, whatever the order of summation.

The bound is deterministic: no correct implementation that rounds as declared leaves it, on any
input. Its formula stands in rounding/accumulation.py; the reference's own error is part of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.accumulation import SLACK, DotArithmetic, arithmetic_of
from fcinspect.rounding.arrays import Float64Array, FloatArray, half_ulp, round_to
from fcinspect.rounding.exact import ExactSums, Reference, flushed_magnitude, to_float
from fcinspect.rounding.formats import FLOAT64, NumberFormat
from fcinspect.rounding.verdict import Verdict

BLOCK = 2**17
"""Weight elements, and results, that are held in float64 at a time."""

CERTIFIED = 8
"""So many of the worst elements are recomputed without rounding before any is called outside."""


@dataclass(frozen=True, eq=False)
class Admissible:
    """The results that rounding can explain, one interval per element."""

    low: Float64Array
    high: Float64Array
    """NaN in both where only NaN is right."""
    reach: Float64Array
    """The bound as a distance: on y before the last rounding, plus half an ulp for that one"""
    decided: npt.NDArray[np.bool_]
    """False where a value is not finite or the accumulator may overflow."""


@dataclass(frozen=True, eq=False)
class DotCheck:
    """Computed results held against their admissible intervals; arrays are (rows, out)."""

    reference: Float64Array
    low: FloatArray
    high: FloatArray
    """The smallest and the largest number of the output format that rounding can explain."""
    bound: Float64Array
    """How far rounding can take a correct result; the interval is this bound made sharp."""
    max_ratio: float
    """Largest error/bound of the decided elements; above 1 is outside."""
    worst: tuple[int, int] | None
    """(row, output) of that element."""
    outside: int
    undecided: int

    @property
    def verdict(self) -> Verdict:
        """Outside before undecided before within."""
        if self.outside:
            return Verdict.OUTSIDE
        return Verdict.UNDECIDED if self.undecided else Verdict.WITHIN


@np.errstate(all="ignore")  # NaN, Inf and overflow are told by the verdict
def check_products(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | None,
    result: FloatArray,
    computed_in: DotArithmetic | str,
    *,
    by_kind: bool = False,
    counted: bool = True,
) -> DotCheck:
    """Hold a computed Y = X·Wᵀ + b against the exact value and the bound.

    x is (rows, n), weight (out, n), bias (out,) or None, result (rows, out): numbers of the
    arithmetic that is declared, or of the dtype that is named, computed as on a CPU.
    `by_kind`: where operands are NaN or Inf, the result is decided by its kind (NaN, Inf or −Inf)
    if every order of summation gives the same one; otherwise such elements are undecided.
    Not `counted`: no more is recomputed without rounding than tells whether any is outside; there
    may be fewer outside than it says.
    """
    arithmetic = arithmetic_of(computed_in) if isinstance(computed_in, str) else computed_in
    rows, n = x.shape
    outputs = weight.shape[0]
    reference = Reference(x, arithmetic)
    step = max(1, BLOCK // max(n, rows, 1))
    joined = _Joined(rows, outputs, arithmetic.output)
    for start in range(0, outputs, step):
        span = slice(start, min(start + step, outputs))
        part = None if bias is None else np.asarray(bias[span], dtype=np.float64)
        y, allowed = _check_block(reference, weight[span], part, arithmetic, by_kind)
        computed = np.asarray(result[:, span], dtype=np.float64)
        joined.add(span, judge(y, allowed, computed), allowed, computed)
    found = joined.check()
    if not counted and found.outside > CERTIFIED:
        return found
    explained = 0
    for row, column in joined.furthest():
        of_one = (x[row], weight[column], None if bias is None else float(bias[column]))
        if _explained(*of_one, float(result[row, column]), arithmetic):
            explained += 1
        elif not counted:
            break
    return replace(found, outside=found.outside - explained) if explained else found


class _Joined:
    """The checks of all blocks of outputs, written into arrays that are made once."""

    def __init__(self, rows: int, outputs: int, output: NumberFormat) -> None:
        shape = (rows, outputs)
        # the ends of intervals are numbers of the output format
        ends = np.float64 if output is FLOAT64 else np.float32
        self.reference, self.bound = np.empty(shape), np.empty(shape)
        self.low, self.high = np.empty(shape, ends), np.empty(shape, ends)
        self.max_ratio, self.outside, self.undecided = 0.0, 0, 0
        self.worst: tuple[int, int] | None = None
        self.beyond: list[tuple[float, int, int]] = []
        """(excess, row, output) of the worst elements outside."""

    def add(self, span: slice, part: DotCheck, allowed: Admissible, result: Float64Array) -> None:
        self.reference[:, span], self.bound[:, span] = part.reference, part.bound
        self.low[:, span], self.high[:, span] = part.low, part.high
        self.outside += part.outside
        self.undecided += part.undecided
        if part.worst and (self.worst is None or part.max_ratio > self.max_ratio):
            self.max_ratio = part.max_ratio
            self.worst = (part.worst[0], part.worst[1] + span.start)
        if part.outside:
            outside = allowed.decided & ~((part.low <= result) & (result <= part.high))
            excess = np.abs(result - part.reference) / part.bound
            excess = np.where(outside, np.nan_to_num(excess, nan=np.inf), -1.0)
            for flat in np.argsort(excess, axis=None)[::-1][: min(CERTIFIED, part.outside)]:
                row, column = (int(i) for i in np.unravel_index(int(flat), excess.shape))
                self.beyond.append((float(excess[row, column]), row, column + span.start))

    def furthest(self) -> list[tuple[int, int]]:
        """Return (row, output) of the few elements that are furthest outside."""
        return [(row, column) for _, row, column in sorted(self.beyond)[::-1][:CERTIFIED]]

    def check(self) -> DotCheck:
        return DotCheck(
            self.reference, self.low, self.high, self.bound,
            self.max_ratio, self.worst, self.outside, self.undecided,
        )  # fmt: skip


def _check_block(
    reference: Reference,
    weight: FloatArray,
    bias: Float64Array | None,
    arithmetic: DotArithmetic,
    by_kind: bool,
) -> tuple[Float64Array, Admissible]:
    products = reference.products(weight)
    y = products.value if bias is None else products.value + bias
    y_error = products.error + 2 * 2.0**-53 * np.abs(y)
    if bias is not None:
        y_error += 2.0**-53 * np.abs(bias)
    magnitude, finite = products.magnitude, products.finite
    allowed = admissible(y, y_error, magnitude, bias, reference.n, arithmetic, products.flushed)
    if bias is not None:
        finite = finite & np.isfinite(bias)[None, :]
    if finite.all():
        return y, allowed
    if not by_kind:
        return y, replace(allowed, decided=allowed.decided & finite)
    kind, certain = reference.kinds(weight, bias, arithmetic.largest)
    return np.where(finite, y, kind), Admissible(
        np.where(finite, allowed.low, kind),
        np.where(finite, allowed.high, kind),
        np.where(finite, allowed.reach, 0.0),
        np.where(finite, allowed.decided, certain),
    )


@np.errstate(all="ignore")
def admissible(
    y: Float64Array,
    y_error: Float64Array,
    product_magnitude: Float64Array,
    bias: Float64Array | None,
    n: int,
    arithmetic: DotArithmetic,
    flushed: Float64Array | float = 0.0,
) -> Admissible:
    """Return the interval of results for exact values within `y` ± `y_error`.

    All arrays are (rows, out); `product_magnitude` is |X||W|ᵀ, `n` the number of products,
    `flushed` the magnitude of terms with a subnormal operand, which some CPUs take for zero.
    """
    size = np.abs(y)
    product_magnitude = product_magnitude * SLACK
    magnitude = product_magnitude
    if bias is not None:
        magnitude = magnitude + np.abs(bias) * SLACK
    with_bias = bias is not None
    spread = arithmetic.spread(y, y_error, product_magnitude, magnitude, n, with_bias=with_bias)
    spread += y_error
    spread += flushed
    spread *= SLACK
    low, high = _rounded(y, spread, size, arithmetic.output)
    if bias is not None and arithmetic.output is not arithmetic.accumulate:
        # PyTorch rounds before it adds the bias where it has no fused kernel
        inner = _rounded(y - bias, spread + size * 2.0**-52, size, arithmetic.output)
        low = np.minimum(low, round_to(inner[0] + bias, arithmetic.output))
        high = np.maximum(high, round_to(inner[1] + bias, arithmetic.output))
    reach = spread + half_ulp(size + spread, arithmetic.output)
    decided = np.isfinite(y) & (magnitude < arithmetic.largest)
    return Admissible(low, high, reach, decided)


def _rounded(
    y: Float64Array, spread: Float64Array, size: Float64Array, output: NumberFormat
) -> tuple[Float64Array, Float64Array]:
    # the additions below are rounded to float64
    reach = np.where(spread == 0, 0.0, spread + (size + spread) * 2.0**-52 + 2.0**-1074)
    return round_to(y - reach, output), round_to(y + reach, output)


def judge(reference: Float64Array, allowed: Admissible, result: Float64Array) -> DotCheck:
    """Return how results stand to their admissible intervals."""
    low, high, decided = allowed.low, allowed.high, allowed.decided
    all_decided = bool(decided.all())
    with np.errstate(all="ignore"):
        inside = (low <= result) & (result <= high)
        error = np.abs(result - reference)
        if not all_decided or not np.isfinite(error).all():
            kind = np.isnan(low)
            inside |= kind & np.isnan(result)
            error = np.where((result == reference) | (kind & inside), 0.0, error)
        side = np.where(result >= reference, high - reference, reference - low)
        bound = np.maximum(side, allowed.reach, out=side)
        ratio = np.divide(error, bound, out=np.zeros_like(error), where=error != 0)
        if inside.all():
            np.fmin(ratio, 1.0, out=ratio)
        else:
            # beyond the interval and yet within its reach: a fault of less than one ulp
            above = np.nextafter(1.0, 2.0)
            ratio = np.where(inside, np.fmin(ratio, 1.0), np.fmax(ratio, above))
    if not all_decided:
        ratio = np.where(decided, ratio, -1.0)
    worst = None
    if ratio.size and ratio.max() >= 0:
        row, column = np.unravel_index(int(ratio.argmax()), ratio.shape)
        worst = (int(row), int(column))
    outside, undecided = int((decided & ~inside).sum()), int((~decided).sum())
    most = float(ratio[worst]) if worst else 0.0
    return DotCheck(reference, low, high, bound, most, worst, outside, undecided)


def _explained(
    x: FloatArray, weight: FloatArray, bias: float | None, result: float, arithmetic: DotArithmetic
) -> bool:
    """Whether the exact sum of one element, x and weight (n), explains what is called outside."""
    if not (np.isfinite(x).all() and np.isfinite(weight).all() and np.isfinite(bias or 0.0)):
        return False
    sums = ExactSums(weight.tolist(), x.tolist())
    row, unit = (np.asarray(part[None], dtype=np.float64) for part in (x, weight))
    flushed = flushed_magnitude(row, unit, arithmetic)
    y, allowed = exactly_admissible(sums, bias, arithmetic, flushed)
    return judge(y, allowed, np.array([[result]])).verdict is not Verdict.OUTSIDE


def exactly_admissible(
    sums: ExactSums, bias: float | None, arithmetic: DotArithmetic, flushed: Float64Array | float
) -> tuple[Float64Array, Admissible]:
    """Return the exact value of one element, rounded to float64, and what is admissible there."""
    exact = sums.total() + Fraction(bias or 0.0)
    size = sums.magnitude()
    y = np.array([[to_float(exact.numerator, exact.denominator)]])
    return y, admissible(
        y,
        np.abs(y) * 2.0**-53 + 2.0**-1074,
        np.array([[to_float(size.numerator, size.denominator)]]) * (1 + 2.0**-52),
        None if bias is None else np.array([bias]),
        sums.count,
        arithmetic,
        flushed,
    )

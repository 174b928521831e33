"""Which single fault gives the numbers that rounding does not explain.

A fault is a hypothesis: other operands, another arithmetic, or something done to the result. It is
named only if its own numbers explain every element within their bound; the first that does, in
order from the plain to the particular, is the answer. No hypothesis is fitted to more numbers
than it explains.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.verification.fault_arithmetic import arithmetic_causes, narrow_sums
from fcinspect.verification.fault_operands import operand_causes
from fcinspect.verification.fault_places import place_causes
from fcinspect.verification.fault_results import constant_offset, fitted_factor, result_causes
from fcinspect.verification.observed import Observed


def name_cause(
    x: FloatArray,
    weight: FloatArray,
    bias: Float64Array | None,
    result: Float64Array,
    arithmetic: DotArithmetic,
) -> str | None:
    """Return the words of the single fault that reproduces the result, or None.

    x is (rows, n), weight (out, n), bias (out) or None, result (rows, out). None also where
    nothing is outside, or all rows or outputs have operands that are not finite.
    """
    if not (result.size and weight.size and result.shape == (len(x), len(weight))):
        return None
    with np.errstate(all="ignore"):
        seen = Observed.of(x, weight, bias, result, arithmetic)
        if seen is None or not seen.wrong.any():
            return None
        return next(_causes(seen), None) or _cause_of_part(seen) or narrow_sums(seen)


def _cause_of_part(seen: Observed) -> str | None:
    """Return what explains the rows or outputs that hold all wrong elements, and which they are."""
    wrong = seen.part_that_is_wrong()
    if wrong is None:
        return None
    part, where = wrong
    # one number is explained by too much
    cause = next(_causes(part), None) if part.y.size > 1 else None
    return f"{cause} {where}" if cause else None


def _causes(seen: Observed) -> Iterator[str]:
    yield from result_causes(seen)
    yield from operand_causes(seen)
    yield from place_causes(seen)
    yield from constant_offset(seen)
    yield from arithmetic_causes(seen)
    yield from fitted_factor(seen)

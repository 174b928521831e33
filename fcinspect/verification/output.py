"""A claimed y = x·Wᵀ + b, or two of them, held against the exact value and the bound."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fcinspect.errors import FcinspectError
from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Plan, Planned, Worst
from fcinspect.verification.claim import Claim, claims_of


def plan_of(
    arrays: Mapping[str, Array],
    source: str,
    layout: str = "out,in",
    accumulate: str | None = None,
    readings: Mapping[str, Mapping[str, Array]] | None = None,
) -> Plan:
    """Return the checks of a claimed y, of y2, and of their difference.

    `arrays` holds x, W, y and maybe b and y2; `readings` the same in other formats, where the
    source does not say which it is. Raises as `claims_of` does.
    """
    claims = claims_of(arrays, layout, accumulate)

    def checked(claim: Claim) -> Check:
        cause = None
        if claim.checked.outside and readings:
            cause = _other_format(claim.name, readings, layout, accumulate)
        return claim.check(f"output/{claim.name}", cause)

    checks = [
        Planned(f"output/{claim.name}", lambda claim=claim: checked(claim))  # type: ignore[misc]
        for claim in claims
    ]
    if len(claims) == 2:
        name = "output/y against y2"
        checks.append(Planned(name, lambda: against(name, *claims)))
    first = claims[0]
    shapes = " · ".join((str(first.x.shape), f"{first.weight.shape}ᵀ"))
    shapes += "" if first.bias is None else f" + {first.bias.shape}"
    notes = [f"{first.formula}: {shapes} → {first.y.shape}, {first.arithmetic.words}"]
    notes += [
        f"y2 of the same operands: {claim.arithmetic.words}"
        for claim in claims[1:]
        if claim.arithmetic != first.arithmetic
    ]
    if accumulate is not None:
        notes.append(f"declared: --accumulate {accumulate}")
    return Plan("output", f"the output in {source}", tuple(checks), notes=tuple(notes))


def against(name: str, first: Claim, second: Claim) -> Check:
    """Return whether rounding explains every difference of two results of the same operands.

    It does where they are equal, and where each is within its own interval. Where one of them
    holds elements that have no bound, no difference is decided.
    """
    claims = (first, second)
    a, b = (np.asarray(claim.y.rows, dtype=np.float64) for claim in claims)
    differ = (a != b) & ~(np.isnan(a) & np.isnan(b))
    count = int(differ.sum())
    if not count:
        detail = "the same numbers" if a.size else "no numbers to compare"
        return Check(name, Verdict.WITHIN, detail, 0.0, elements=a.size)
    detail = f"{count:,} of {a.size:,} elements differ"
    unbound = [claim.name for claim in claims if claim.checked.undecided]
    if unbound:
        cause = f"{' and '.join(unbound)} hold{'s' * (len(unbound) == 1)} elements without a bound"
        return Check(name, Verdict.UNDECIDED, detail, cause=cause, elements=a.size, undecided=count)
    low = np.minimum(first.checked.low, second.checked.low)
    high = np.maximum(first.checked.high, second.checked.high)
    inside = [_inside(claim) for claim in claims]
    explained = inside[0] & inside[1]
    with np.errstate(all="ignore"):
        distance = np.where(differ, np.abs(a - b), 0.0)
        ratio = np.where(differ, distance / (high - low), 0.0)
    ratio = np.where(differ & ~explained, np.fmax(ratio, np.nextafter(1.0, 2.0)), ratio)
    place = np.unravel_index(int(ratio.argmax()), ratio.shape)
    blamed = [
        claim.name for claim, fits in zip(claims, inside, strict=True) if (differ & ~fits).any()
    ]
    return Check(
        name,
        Verdict.OUTSIDE if blamed else Verdict.WITHIN,
        f"{detail}, by {distance.max():.3g} at most",
        max_ratio=float(ratio[place]),
        worst=_worst(first, second, place, (float(low[place]), float(high[place]))),
        cause=f"{' and '.join(blamed)} left the bound of the exact value" if blamed else None,
        elements=a.size,
        outside=int((differ & ~explained).sum()),
    )


def _inside(claim: Claim) -> npt.NDArray[np.bool_]:
    """Return which elements lie in their intervals; those of NaN hold NaN."""
    y, found = np.asarray(claim.y.rows, dtype=np.float64), claim.checked
    if found.verdict is Verdict.WITHIN:
        return np.ones(y.shape, dtype=np.bool_)
    nan = np.isnan(y) & np.isnan(found.low)
    return (found.low <= y) & (y <= found.high) | nan


def _worst(
    first: Claim, second: Claim, place: tuple[np.intp, ...], reach: tuple[float, float]
) -> Worst:
    """Return the element where two results differ most, with the number further from the exact."""
    numbers = [float(claim.y.rows[place]) for claim in (first, second)]
    reference = float(first.checked.reference[place])
    flat = int(np.ravel_multi_index(place, first.y.rows.shape))
    index = tuple(int(i) for i in np.unravel_index(flat, first.y.shape))
    return Worst(index, max(numbers, key=lambda y: abs(y - reference)), reference, *reach)


def _other_format(
    name: str, readings: Mapping[str, Mapping[str, Array]], layout: str, accumulate: str | None
) -> str | None:
    """Return that the numbers of a claim fit another format, if they do."""
    for dtype, arrays in readings.items():
        try:
            claims = claims_of(arrays, layout, accumulate)
        except FcinspectError:  # what is declared may not fit that format
            continue
        found = next(claim for claim in claims if claim.name == name).checked
        if found.verdict is Verdict.WITHIN:
            return f"these are numbers of {dtype}: read with --dtype {dtype}, all are within bound"
    return None

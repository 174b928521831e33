"""y = x·Wᵀ + b as somebody computed it, or two of them, compared with exact value and bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from fcinspect.errors import FcinspectError, InputError
from fcinspect.layers.array import Array
from fcinspect.layers.memory import require_free_for_rows
from fcinspect.rounding.accumulation import DotArithmetic, arithmetic_of, parse_accumulate
from fcinspect.rounding.dot import DotCheck, check_products
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import of_dot
from fcinspect.verification.causes import name_cause
from fcinspect.verification.check import Check, Plan, Planned, Worst


@dataclass(frozen=True, eq=False)
class Claim:
    """y = x·Wᵀ + b, as somebody computed it."""

    x: Array
    """(*batch, in_features)"""
    weight: Array
    """(out_features, in_features)"""
    bias: Array | None
    """(out_features); None for a layer without bias."""
    y: Array
    """(*batch, out_features)"""
    arithmetic: DotArithmetic
    """How it was computed, as far as the caller declares it."""
    name: str = "y"

    @property
    def formula(self) -> str:
        """The closed form."""
        return f"{self.name} = x·Wᵀ" + ("" if self.bias is None else " + b")

    @cached_property
    def checked(self) -> DotCheck:
        """Every element against its interval; arrays are (rows, out_features)."""
        x, weight, y = self.x.rows, self.weight.values, self.y.rows
        bias = None if self.bias is None else self.bias.values
        return check_products(x, weight, bias, y, self.arithmetic, by_kind=True)

    def check(self, name: str, cause: str | None = None) -> Check:
        """Return the verdict on all elements; `cause` is used instead of a search."""
        found = self.checked
        if not found.reference.size:
            return Check(name, Verdict.WITHIN, f"no numbers: {self.name} has shape {self.y.shape}")
        if found.outside:
            cause = cause or self.cause()
        elif found.undecided:
            cause = f"sums may exceed the range of {self.arithmetic.accumulate.name}"
            if names := self.not_finite:
                cause = f"{' and '.join(names)} hold{'s' * (len(names) == 1)} NaN or Inf"
        made = of_dot(name, self.formula, found, self.y.values, cause)
        if made.worst is not None and math.isnan(made.worst.reference):
            # NaN has no interval around it
            return replace(made, worst=replace(made.worst, low=None, high=None))
        return made

    def cause(self) -> str | None:
        """Return the single fault that gives just these numbers, if one does.

        Rows and outputs whose operands are not finite are left out of the search.
        """
        x, weight, y = self.x.rows, self.weight.values, self.y.rows
        bias = None if self.bias is None else self.bias.values
        rows, outputs = np.isfinite(x).all(axis=1), np.isfinite(weight).all(axis=1)
        if bias is not None:
            outputs &= np.isfinite(bias)
        if not (rows.all() and outputs.all()):
            x, weight, y = x[rows], weight[outputs], y[np.ix_(rows, outputs)]
            bias = None if bias is None else bias[outputs]
            if not check_products(x, weight, bias, y, self.arithmetic).outside:
                operands = " and ".join(self.not_finite)
                return f"NaN or Inf in {operands} does not propagate as it must"
        return name_cause(x, weight, bias, y, self.arithmetic)

    @property
    def not_finite(self) -> tuple[str, ...]:
        """Which operands hold NaN or Inf."""
        given = {"x": self.x, "W": self.weight, "b": self.bias}
        held = {name: array.values for name, array in given.items() if array is not None}
        return tuple(name for name, values in held.items() if not np.isfinite(values).all())


def declared(dtype: str, accumulate: str | None, output: str) -> DotArithmetic:
    """Return the arithmetic that the caller declares; raises UsageError for a bad `accumulate`."""
    usual = arithmetic_of(dtype) if accumulate is None else parse_accumulate(accumulate, dtype)
    return replace(usual, output=format_named(output))


def mixed_formats(x: Array, weight: Array, bias: Array | None, arithmetic: DotArithmetic) -> str:
    """Return why the formats do not fit, "" if they do; the accumulator must hold those of b."""
    if x.dtype != weight.dtype:
        return f"x is {x.dtype}, W is {weight.dtype}: expected one format for both"
    if bias is None or bias.dtype == x.dtype:
        return ""
    held, holds = format_named(bias.dtype), arithmetic.accumulate
    if held.precision <= holds.precision and held.largest_exponent <= holds.largest_exponent:
        return ""
    return f"b is {bias.dtype}, W is {weight.dtype}: {holds.name} sums cannot hold such a bias"


def unfit_operands(
    x: tuple[int, ...], weight: tuple[int, ...], bias: tuple[int, ...] | None, held: str = ""
) -> str:
    """Return why shapes do not fit, or ""; `held`: the caller's words for `weight`, (out, in)."""
    if len(weight) != 2:
        return f"W has shape {weight}: expected two dimensions, (out_features, in_features)"
    out_features, in_features = weight
    said = held or f"W of shape {weight}"
    if not x:
        return f"x is a scalar: expected shape (…, {in_features})"
    if x[-1] != in_features:
        return f"x has shape {x}: {said} needs (…, {in_features})"
    if bias is not None and bias != (out_features,):
        return f"b has shape {bias}: {said} needs ({out_features},)"
    return ""


def unfit_output(name: str, y: tuple[int, ...], x: tuple[int, ...], weight: tuple[int, ...]) -> str:
    """Return why y cannot be the output of x, "" if it can."""
    expected = (*x[:-1], weight[0])
    if y == expected:
        return ""
    return f"{name} has shape {y}: expected {expected} for x of shape {x} and {weight[0]} outputs"


def claims_of(
    arrays: Mapping[str, Array], layout: str = "out,in", accumulate: str | None = None
) -> tuple[Claim, ...]:
    """Return y, and y2 where it is given, each with its operands.

    `layout` is how W lies in `arrays`. Raises InputError for shapes or formats that do not fit,
    UsageError for an `accumulate` that means nothing.
    """
    x, held, bias = arrays["x"], arrays["W"], arrays.get("b")
    flat = len(held.shape) == 2
    weight = Array(held.values.T, held.dtype) if layout == "in,out" and flat else held
    said = f"W of shape {held.shape} read as ({layout})"
    of_bias = None if bias is None else bias.shape
    problem = unfit_operands(x.shape, weight.shape, of_bias, said)
    if problem:
        if flat and not unfit_operands(x.shape, weight.shape[::-1], of_bias):
            other = "out,in" if layout == "in,out" else "in,out"
            problem += f"; --layout {other} fits"
        raise InputError(problem)
    found = []
    for name in ("y", "y2"):
        if (y := arrays.get(name)) is None:
            continue
        arithmetic = declared(x.dtype, accumulate, y.dtype)
        problem = mixed_formats(x, weight, bias, arithmetic)
        problem = problem or unfit_output(name, y.shape, x.shape, weight.shape)
        if problem:
            raise InputError(problem)
        found.append(Claim(x, weight, bias, y, arithmetic, name))
    require_free_for_rows(len(x.rows), *weight.shape[::-1])
    return tuple(found)


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

    checks = [Planned(f"output/{claim.name}", partial(checked, claim)) for claim in claims]
    if len(claims) == 2:
        name = "output/y against y2"
        checks.append(Planned(name, partial(against, name, *claims)))
    first = claims[0]
    shapes = f"{first.x.shape} · {first.weight.shape}ᵀ"
    shapes += "" if first.bias is None else f" + {first.bias.shape}"
    notes = [f"{first.formula}: {shapes} → {first.y.shape}, {first.arithmetic.words}"]
    if claims[-1].arithmetic != first.arithmetic:
        notes.append(f"y2 from the same operands: {claims[-1].arithmetic.words}")
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
    fits = zip(claims, inside, strict=True)
    blamed = [claim.name for claim, within in fits if (differ & ~within).any()]
    are = "are" if len(blamed) > 1 else "is"
    blame = f"{' and '.join(blamed)} {are} outside the bound of the exact value" if blamed else None
    worst = _worst(first, second, place, (float(low[place]), float(high[place])))
    return Check(
        name, Verdict.OUTSIDE if blamed else Verdict.WITHIN,
        f"{detail}, by at most {distance.max():.3g}", float(ratio[place]), worst, blame,
        a.size, outside=int((differ & ~explained).sum()),
    )  # fmt: skip


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
    for dtype, arrays in readings.items():
        try:
            claims = claims_of(arrays, layout, accumulate)
        except FcinspectError:  # what is declared may not fit that format
            continue
        found = next(claim for claim in claims if claim.name == name).checked
        if found.verdict is Verdict.WITHIN:
            return f"the numbers are {dtype}: with --dtype {dtype}, all are within bound"
    return None

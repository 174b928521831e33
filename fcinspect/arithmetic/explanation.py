"""Every product and sum of y = W x + b, and how the computed y compares with the exact one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer
from fcinspect.rounding.accumulation import DotArithmetic, arithmetic_of
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.dot import DotCheck, check_products, exactly_admissible, judge
from fcinspect.rounding.exact import ExactSums, PlainSums, flushed_magnitude, to_float
from fcinspect.rounding.verdict import Verdict


@dataclass(frozen=True)
class Term:
    """One product of a dot product."""

    index: int
    """j, the input feature"""
    weight: float
    input: float
    product: float
    """weight·input, exact for formats of up to 24 bits, else rounded once to float64"""
    running_sum: float
    """The exact sum of the products listed so far, rounded once to float64"""


@dataclass(frozen=True)
class OtherTerms:
    """The products that are not listed."""

    count: int
    sum: float
    """Their exact sum, rounded once to float64"""
    running_sum: float
    """The exact sum of all products, rounded once to float64"""


@dataclass(frozen=True)
class ExplainedElement:
    """One output, taken apart."""

    index: tuple[int, ...]
    """Its place in the output, batch dimensions first"""
    row: int
    """The row of X, batch dimensions folded"""
    column: int
    """The output feature: the row of W and the entry of b"""
    terms: tuple[Term, ...]
    others: OtherTerms | None
    bias: float | None
    output: float
    """What was computed"""
    exact_float: float
    """`exact` rounded once to float64; what IEEE arithmetic gives where there is none"""
    correctly_rounded: float
    """`exact` rounded once to the layer's dtype"""
    exact: Fraction | None = None
    """Σ weight·input + bias without rounding; None where a number is not finite"""
    error: float | None = None
    """|output − exact|"""
    bound: float | None = None
    """How far rounding alone can take a correct result, on the output's side of `exact`"""
    low: float | None = None
    """The smallest result that rounding can explain"""
    high: float | None = None
    tied: bool = False
    """Whether `exact` lies halfway between two numbers of the dtype, the output being one"""
    ulps: float | None = None
    """error in units of the last place of the layer's dtype at `exact`"""
    verdict: Verdict = Verdict.UNDECIDED

    @property
    def share(self) -> float | None:
        """error/bound; above 1 is outside."""
        if self.error is None or self.bound is None:
            return None
        if self.error == 0:
            return 0.0
        return self.error / self.bound if self.bound else math.inf


@dataclass(frozen=True, eq=False)
class Explanation:
    """A linear layer at work on one input."""

    layer: LinearLayer
    input: Array
    """x, (in) or (*batch, in)"""
    output: Array | None
    """y, (out) or (*batch, out); None when only some elements were computed"""
    results: FloatArray
    """What was computed, (rows, outputs held), batch dimensions folded"""
    elements: tuple[ExplainedElement, ...]
    ranked: bool
    """Whether terms are listed by their size, the largest first"""
    total_elements: int
    """How many elements the whole output has"""
    computed_by: str
    """What computed the output: "torch 2.13.0", "numpy 2.4.6" """
    arithmetic: DotArithmetic
    check: DotCheck
    """Every computed element against its bound"""

    @property
    def batch(self) -> tuple[int, ...]:
        """The leading dimensions of the input."""
        return self.input.shape[:-1]

    @property
    def checked_elements(self) -> int:
        """How many output elements were computed and compared with the bound."""
        return self.check.reference.size

    @property
    def worst(self) -> tuple[int, ...] | None:
        """The index of the output that is nearest to its bound, batch dimensions first."""
        if self.check.worst is None:
            return None
        row, position = self.check.worst
        column = position if self.layer.held is None else self.layer.held[position]
        return _index(row, column, self.batch)

    @property
    def verdict(self) -> Verdict:
        """The verdict on every element that was computed."""
        return self.check.verdict


def explain_affine(
    layer: LinearLayer, x: Array, result: Array, selection: Selection, *, computed_by: str
) -> Explanation:
    """Take y = W x + b apart.

    x is (in) or (*batch, in); `result` is what was computed, (*batch, outputs that the layer
    holds). Raises UsageError when x and the layer do not fit together.
    """
    layer.require_one_dtype()
    if x.shape[-1:] != (layer.in_features,):
        raise UsageError(
            f"x has shape {x.shape}: its last dimension must be the layer's in_features,"
            f" {layer.in_features}"
        )
    held = layer.held if layer.held is not None else tuple(range(layer.out_features))
    batch, rows = x.shape[:-1], x.rows
    results = result.values.reshape(math.prod(batch), len(held))
    bias = None if layer.bias is None else layer.bias.values
    check = check_products(rows, layer.weight.values, bias, results, layer.dtype)
    place = {column: position for position, column in enumerate(held)}
    elements = tuple(
        _explain_element(layer, rows[row], place[column], results, (row, column), batch, selection)
        for row, column in chosen_elements(selection, rows.shape[0], held)
    )
    output = None if layer.held is not None else result
    total, ranked = rows.shape[0] * layer.out_features, selection.top is not None
    return Explanation(
        layer, x, output, results, elements, ranked, total, computed_by,
        arithmetic_of(layer.dtype), check,
    )  # fmt: skip


def _explain_element(
    layer: LinearLayer,
    x: FloatArray,
    position: int,
    results: FloatArray,
    place: tuple[int, int],
    batch: tuple[int, ...],
    selection: Selection,
) -> ExplainedElement:
    """Take one element apart; `position` is its row among those that the layer holds."""
    row, column = place
    weights: list[float] = layer.weight.values[position].astype(np.float64).tolist()
    inputs: list[float] = x.astype(np.float64).tolist()
    bias = None if layer.bias is None else float(layer.bias.values[position])
    listed = listed_terms(weights, inputs, selection)
    finite = all(map(math.isfinite, (*weights, *inputs, bias or 0.0)))
    sums = ExactSums(weights, inputs) if finite else PlainSums(weights, inputs)
    terms, others = _listing(sums, weights, inputs, listed)
    total = sums.rounded() + (bias or 0.0)
    index, output = _index(row, column, batch), float(results[row, position])
    element = ExplainedElement(index, row, column, terms, others, bias, output, total, total)
    if isinstance(sums, PlainSums):
        return element
    arithmetic = arithmetic_of(layer.dtype)
    flushed = flushed_magnitude(np.array([inputs]), np.array([weights]), arithmetic)
    return _certified(element, sums, flushed, arithmetic)


def _listing(
    sums: ExactSums | PlainSums, weights: list[float], inputs: list[float], listed: list[int]
) -> tuple[tuple[Term, ...], OtherTerms | None]:
    terms = tuple(
        Term(j, weights[j], inputs[j], sums.product(j), running)
        for j, running in zip(listed, sums.running(listed), strict=True)
    )
    shown = set(listed)
    rest = [j for j in range(len(weights)) if j not in shown]
    return terms, OtherTerms(len(rest), sums.rounded(rest), sums.rounded()) if rest else None


def _index(row: int, column: int, batch: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of an output, the row of the folded batch unfolded."""
    return (*(int(i) for i in np.unravel_index(row, batch)), column) if batch else (column,)


def _certified(
    element: ExplainedElement,
    sums: ExactSums,
    flushed: Float64Array | float,
    arithmetic: DotArithmetic,
) -> ExplainedElement:
    """Return the element judged from its exact sum and the exact magnitudes."""
    bias, output = element.bias, element.output
    exact = sums.total() + Fraction(bias or 0.0)
    with np.errstate(all="ignore"):
        y, allowed = exactly_admissible(sums, bias, arithmetic, flushed)
        check = judge(y, allowed, np.array([[output]]))
    decided = check.verdict is not Verdict.UNDECIDED
    error = abs(Fraction(output) - exact) if math.isfinite(output) else None
    ulp = Fraction(arithmetic.output.ulp(exact))
    return replace(
        element,
        exact=exact,
        exact_float=float(y[0, 0]),
        correctly_rounded=arithmetic.output.round(exact),
        error=None if error is None else to_float(error.numerator, error.denominator),
        bound=float(check.bound[0, 0]) if decided else None,
        low=float(check.low[0, 0]) if decided else None,
        high=float(check.high[0, 0]) if decided else None,
        tied=error is not None and 2 * error == ulp,
        ulps=None if error is None else float(error / ulp),
        verdict=check.verdict,
    )


def shortened(element: ExplainedElement, most: int) -> ExplainedElement:
    """Return the element with at most so many of its terms listed, the others added up exactly."""
    listed, dropped, others = element.terms[:most], element.terms[most:], element.others
    if not dropped:
        return element
    if element.exact is None:
        left = sum((term.product for term in dropped), 0.0) + (others.sum if others else 0.0)
    else:
        rest = element.exact - Fraction(element.bias or 0.0)
        rest -= sum(Fraction(term.weight) * Fraction(term.input) for term in listed)
        left = to_float(rest.numerator, rest.denominator)
    return replace(
        element,
        terms=listed,
        others=OtherTerms(
            len(dropped) + (others.count if others else 0),
            left,
            others.running_sum if others else dropped[-1].running_sum,
        ),
    )


MOST_ELEMENTS = 8
"""Output elements taken apart unless more are asked for."""
MOST_TERMS = 16
"""Terms shown of each."""


@dataclass(frozen=True)
class Selection:
    """Which elements and terms are taken apart."""

    elements: tuple[tuple[int, int], ...] | None = None
    """(row, output) pairs; None takes the first ones"""
    top: int | None = None
    """How many of the terms that contribute most; None takes the first ones"""
    everything: bool = False
    """All elements and all terms"""


def chosen_elements(
    selection: Selection, rows: int, held: Sequence[int]
) -> Sequence[tuple[int, int]]:
    """Return the (row, output) pairs to take apart, out of the outputs that are held."""
    if selection.elements is not None:
        return selection.elements
    total = rows * len(held)
    shown = total if selection.everything else min(total, MOST_ELEMENTS)
    return [(number // len(held), held[number % len(held)]) for number in range(shown)]


def listed_terms(weights: list[float], inputs: list[float], selection: Selection) -> list[int]:
    """Return the indices of the terms to list: the first ones, or those that contribute most."""
    count = len(weights)
    if selection.top is None:
        return list(range(count if selection.everything else min(count, MOST_TERMS)))
    size = [abs(w * x) for w, x in zip(weights, inputs, strict=True)]
    by_size = sorted(range(count), key=lambda j: (-size[j] if size[j] == size[j] else -math.inf, j))
    return by_size[: selection.top]


def parse_elements(
    texts: Sequence[str], batch: tuple[int, ...], out_features: int
) -> tuple[tuple[int, int], ...]:
    """Return the (row, output) pairs that ``17`` or ``5,17`` or ``1,2,17`` name.

    One number names an output of a single vector, two a row of the folded batch and an output,
    more an index with all batch dimensions. Raises UsageError for anything out of range.
    """
    return tuple(_parse_element(text, batch, out_features) for text in texts)


def _parse_element(text: str, batch: tuple[int, ...], out_features: int) -> tuple[int, int]:
    parts = [part.strip() for part in text.split(",")]
    rows = math.prod(batch)
    lengths = {1} if not batch else {2, len(batch) + 1}
    form = "an output such as 0" if not batch else "row,output such as 0,1"
    if not all(part.isascii() and part.isdigit() and len(part) < 17 for part in parts):
        raise UsageError(f"invalid element {text!r}: expected {form}")
    numbers = [int(part) for part in parts]
    if not batch and len(numbers) == 2 and numbers[0] == 0:
        numbers = numbers[1:]  # row 0 of the one vector
    if len(numbers) not in lengths:
        raise UsageError(f"element {text!r} has {len(numbers)} indices: expected {form}")
    limits = [*batch, out_features] if len(numbers) == len(batch) + 1 else [rows, out_features]
    for number, limit in zip(numbers, limits, strict=True):
        if number >= limit:
            raise UsageError(
                f"element {text!r}: index {number} is out of range for"
                f" {tuple(limits)}, counting from 0"
            )
    row = 0
    for number, limit in zip(numbers[:-1], limits[:-1], strict=True):
        row = row * limit + number
    return row, numbers[-1]

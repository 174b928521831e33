"""The sentences on y = W x + b: its shapes, the verdict on one output, and on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import VERDICT_ROLES, Line, Span
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation
    from fcinspect.layers.linear import LinearLayer


def formula_of(layer: LinearLayer, rows: int | None = None) -> Line:
    """Return y = W · x + b, or of a batch of some rows Y = X · Wᵀ + b, each with its shape."""
    n, m, shape = layer.in_features, layer.out_features, text.matrix_shape
    bias: list[str | Span] = [] if layer.bias is None else [" + ", (f"b ({m})", "bias")]
    if rows is None:
        output, weight, x = f"y ({m})", f"W {shape((m, n))}", f"x ({n})"
        return Line.of((output, "output"), " = ", (weight, "weight"), " · ", (x, "input"), *bias)
    output, x, weight = f"Y {shape((rows, m))}", f"X {shape((rows, n))}", f"Wᵀ {shape((n, m))}"
    return Line.of((output, "output"), " = ", (x, "input"), " · ", (weight, "weight"), *bias)


def verdict_lines(explanation: Explanation, element: ExplainedElement) -> list[Line]:
    """Say what was returned, how far from the exact sum it is, and the verdict."""
    held = explanation.arithmetic.output
    computed = text.shortest(element.output, held)
    said = f"{explanation.computed_by.split()[0]} returned {computed}"
    judged = (element.verdict.value, VERDICT_ROLES[element.verdict])
    if element.exact is None:
        said += "; not every number is finite, so there is no bound: "
        return [Line.of(said, ("undecided", judged[1]), indent=2)]
    exact = text.exact_decimal(element.exact, len(computed.lstrip("-0.").replace(".", "")) + 3)
    if element.verdict is Verdict.UNDECIDED or element.ulps is None:
        beyond = f"the magnitudes exceed {explanation.arithmetic.accumulate.name}'s range: "
        said += f"; the exact sum is {exact}, {beyond}"
        return [Line.of(said, ("undecided", judged[1]), indent=2)]
    if element.error == 0:
        return [Line.of(f"{said}, which is the exact sum: ", judged, indent=2)]
    if element.tied:
        said += f", one of two {held.name} as near to the exact {exact}"
    elif element.output == element.correctly_rounded:
        said += f", the {held.name} nearest to the exact {exact}"
    else:
        said += f"; the exact sum is {exact}"
    explained = f"{_share(element.share)} of what rounding can explain"
    if element.verdict is Verdict.OUTSIDE and element.low is not None:
        low, high = (text.shortest(end or 0.0, held) for end in (element.low, element.high))
        explained = f"rounding explains {low} to {high}"
    apart = f"{text.significant(element.ulps)} ulp apart, {explained}: "
    return [Line.of(said, indent=2), Line.of(apart, judged, indent=2)]


def _share(share: float | None) -> str:
    if share is None:
        return "an unknown part"
    if share > 10:
        return f"{share:,.3g} times the bound instead"
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 1 else f"{percent:.1g} %"


def summary_lines(explanation: Explanation, ways: str = "--element and --all choose") -> list[Line]:
    """Say what was checked, the verdict on all of it, and in which arithmetic.

    `ways` says how to see the outputs that are not shown.
    """
    shown, total = len(explanation.elements), explanation.total_elements
    lines = [
        Line.of(*_overall(explanation)),
        Line.of((f"{explanation.computed_by}: {explanation.arithmetic.words}", "faint")),
        Line.of((_rounding_note(explanation), "faint")),
    ]
    more = Line.of(f"showing {shown:,} of {text.plural(total, 'output')}; {ways}")
    return [more, *lines] if shown < total else lines


def _overall(explanation: Explanation) -> list[str | Span]:
    """Return the sentence about every output that was computed."""
    check, verdict = explanation.check, explanation.verdict
    total, checked = explanation.total_elements, explanation.checked_elements
    if checked == total:
        whole = f"{text.plural(total, 'output')} checked"
    else:
        whole = f"{checked:,} of {total:,} outputs computed and checked"
    judged: Span = (verdict.value, VERDICT_ROLES[verdict])
    if verdict is not Verdict.WITHIN:
        count = check.outside if verdict is Verdict.OUTSIDE else check.undecided
        also = check.undecided if verdict is Verdict.OUTSIDE else 0
        return [f"{whole}: {count:,} ", judged, f", {also:,} undecided" if also else ""]
    said: list[str | Span] = [f"{whole}: {'all ' if checked > 1 else ''}", judged]
    worst = explanation.worst
    if worst is not None and check.max_ratio > 0 and checked > 1:
        name = "Y" if explanation.batch else "y"
        said.append(
            f"; nearest to its bound is {name}{text.index(worst)}, at {_share(check.max_ratio)}"
        )
    return said


def _rounding_note(explanation: Explanation) -> str:
    dtype = explanation.layer.dtype
    exact = f"products of {dtype} numbers and their sums are exact"
    if dtype == "float64":
        exact = "sums are exact, products shown rounded to float64"
    return f"{exact}; numbers are rounded for display only"

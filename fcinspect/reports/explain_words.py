"""The sentences on y = W x + b: the verdict on one output, and on all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import VERDICT_ROLES, Line, Span
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation


def verdict_lines(explanation: Explanation, element: ExplainedElement) -> list[Line]:
    """Say what was returned, how far from the exact sum it is, and the verdict."""
    number_format = explanation.arithmetic.output
    computed = text.shortest(element.output, number_format)
    who = explanation.computed_by.split()[0]
    role = VERDICT_ROLES[element.verdict]
    if element.exact is None:
        return [
            Line.of(
                f"{who} returned {computed}; not every number is finite, so there is no bound: ",
                ("undecided", role),
                indent=2,
            )
        ]
    exact = text.exact_decimal(element.exact, len(computed.lstrip("-0.").replace(".", "")) + 3)
    if element.verdict is Verdict.UNDECIDED or element.ulps is None:
        return [
            Line.of(
                f"{who} returned {computed}; the exact sum is {exact}, the magnitudes exceed"
                f" {explanation.arithmetic.accumulate.name}'s range: ",
                ("undecided", role),
                indent=2,
            )
        ]
    if element.error == 0:
        said = f"{who} returned {computed}, which is the exact sum: "
        return [Line.of(said, (element.verdict.value, role), indent=2)]
    if element.tied:
        near = f"one of two {number_format.name} as near to the exact {exact}"
        said = f"{who} returned {computed}, {near}"
    elif element.output == element.correctly_rounded:
        said = f"{who} returned {computed}, the {number_format.name} nearest to the exact {exact}"
    else:
        said = f"{who} returned {computed}; the exact sum is {exact}"
    lines = [Line.of(said, indent=2)]
    share = _share(element.share)
    judged: Span = (element.verdict.value, role)
    if element.verdict is Verdict.OUTSIDE and element.low is not None:
        low, high = (
            text.shortest(end or 0.0, number_format) for end in (element.low, element.high)
        )
        apart = f"{text.significant(element.ulps)} ulp apart, rounding explains {low} to {high}: "
        return [*lines, Line.of(apart, judged, indent=2)]
    apart = f"{text.significant(element.ulps)} ulp apart, {share} of what rounding can explain: "
    return [*lines, Line.of(apart, judged, indent=2)]


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
    lines = []
    if shown < total:
        lines.append(Line.of(f"showing {shown:,} of {text.plural(total, 'output')}; {ways}"))
    lines.append(Line.of(*_overall(explanation)))
    lines.append(
        Line.of(
            (f"{explanation.computed_by}: {explanation.arithmetic.words}", "faint"),
        )
    )
    lines.append(Line.of((_rounding_note(explanation), "faint")))
    return lines


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
        place = f"{name}[{','.join(map(str, worst))}]"
        said.append(f"; nearest to its bound is {place}, at {_share(check.max_ratio)}")
    return said


def _rounding_note(explanation: Explanation) -> str:
    dtype = explanation.layer.dtype
    exact = (
        "sums are exact, products shown rounded to float64"
        if dtype == "float64"
        else f"products of {dtype} numbers and their sums are exact"
    )
    return f"{exact}; numbers are rounded for display only"

"""The picture of y = W x + b: formula, matrices, each sum term by term, and the check."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.render import text
from fcinspect.render.affine_document import document
from fcinspect.render.matrices import matrix
from fcinspect.render.page import (
    VERDICT_ROLES,
    Column,
    Equation,
    Heading,
    Line,
    Matrix,
    Page,
    PageBuilder,
    Span,
    Table,
)
from fcinspect.render.view import View
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation


def view_of_explanation(
    explanation: Explanation,
    asked: dict[str, Any],
    warnings: tuple[str, ...],
) -> View:
    """Return the view of an explanation."""
    return View(
        command="explain",
        asked=asked,
        data=lambda full: dict(document(explanation, full=full)),
        page=partial(page, explanation),
        rows=partial(rows, explanation),
        ok=explanation.verdict is Verdict.WITHIN,
        warnings=warnings,
    )


def rows(explanation: Explanation) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one per listed term, then the bias, then the output."""
    yield ("element", "term", "index", "weight", "input", "product", "running_sum")
    for element in explanation.elements:
        name = ",".join(map(str, element.index))
        for t in element.terms:
            yield (name, "product", t.index, t.weight, t.input, t.product, t.running_sum)
        if element.others is not None:
            others = element.others
            yield (name, f"{others.count} others", "", "", "", others.sum, others.running_sum)
        if element.bias is not None:
            yield (name, "bias", "", "", "", element.bias, element.exact_float)
        yield (name, "output", "", "", "", "", element.output)


def page(explanation: Explanation, precision: int) -> Page:
    """Return the page."""
    built = PageBuilder()
    built.add(*_header(explanation))
    if explanation.total_elements and explanation.layer.in_features:
        built.group(_equation(explanation, precision))
        if explanation.output is None:
            held = ", ".join(map(str, explanation.layer.held or ()))
            built.add(Line.of(f"only the rows of W asked for were read: {held}", indent=2))
    for element in explanation.elements:
        built.group(*_element(explanation, element, precision))
    built.group(*_summary(explanation))
    return built.page()


def _header(explanation: Explanation) -> list[Heading | Line]:
    layer, x = explanation.layer, explanation.input
    batch, n, m = x.shape[:-1], layer.in_features, layer.out_features
    name = f"{text.safe(layer.name)} of " if layer.name else ""
    title = "Y = X·Wᵀ + b" if batch else "y = W·x + b"
    title = title if layer.bias is not None else title.removesuffix(" + b")
    lines: list[Heading | Line] = [
        Heading(f"{title}      {name}{text.safe(layer.source)}, {layer.dtype}", level=1)
    ]
    count = math.prod(batch)
    shape = text.matrix_shape
    bias: list[str | Span] = [] if layer.bias is None else [" + ", (f"b ({m})", "bias")]
    if not batch:
        formula: list[str | Span] = [
            (f"y ({m})", "output"), " = ", (f"W {shape((m, n))}", "weight"), " · ",
            (f"x ({n})", "input"), *bias,
        ]  # fmt: skip
    else:
        formula = [
            (f"Y {shape((count, m))}", "output"), " = ", (f"X {shape((count, n))}", "input"),
            " · ", (f"Wᵀ {shape((n, m))}", "weight"), *bias,
        ]  # fmt: skip
    lines.append(Line.of(*formula))
    if len(batch) > 1:
        lines.append(
            Line.of(
                f"the leading dimensions {text.shape(batch)} of x {text.shape(x.shape)} are folded"
                f" into {text.plural(count, 'row')}; y gets them back: {text.shape((*batch, m))}"
            )
        )
    if n == 0:
        same = "b" if layer.bias is not None else "0"
        lines.append(Line.of(f"in_features is 0: there is nothing to multiply, y = {same}"))
    return lines


def _equation(explanation: Explanation, precision: int) -> Equation:
    layer = explanation.layer
    weight, bias = layer.weight.values, None if layer.bias is None else layer.bias.values
    x = explanation.input.rows
    y = explanation.results
    make = partial(matrix, precision=precision)
    if explanation.batch:
        parts: list[Matrix | Span] = [
            make(x, "input", name="X"), ("·", ""), make(weight.T, "weight", name="Wᵀ"),
        ]  # fmt: skip
        if bias is not None:
            parts += [("+", ""), make(bias[None, :], "bias", name="b")]
        parts += [("=", ""), make(y, "output", name="Y")]
    else:
        parts = [make(weight, "weight", name="W"), make(x.T, "input", name="x")]
        if bias is not None:
            parts += [("+", ""), make(bias[:, None], "bias", name="b")]
        parts += [("=", ""), make(y.T, "output", name="y")]
    return Equation(tuple(parts))


def _element(
    explanation: Explanation, element: ExplainedElement, precision: int
) -> list[Line | Table]:
    batch = bool(explanation.batch)
    place = ",".join(map(str, element.index))
    i = element.column
    has_bias = element.bias is not None
    sentence: list[str | Span] = [
        (f"{'Y' if batch else 'y'}[{place}]", "output"),
        "  =  ",
        (f"row {element.row} of X" if batch else f"row {i} of W", "input" if batch else "weight"),
        " times ",
        (f"row {i} of W" if batch else "x", "weight" if batch else "input"),
    ]
    if has_bias:
        sentence += [", plus ", (f"b[{i}]", "bias")]
    blocks: list[Line | Table] = [Line.of(*sentence)]
    if element.terms or has_bias:
        blocks.append(_terms(explanation, element, precision))
    count = explanation.layer.in_features
    if element.others is not None:
        which = "largest" if explanation.ranked else "first"
        blocks.append(
            Line.of(f"showing the {which} {len(element.terms)} of {count:,} terms", indent=2)
        )
    blocks += _verdict(explanation, element)
    return blocks


def _terms(explanation: Explanation, element: ExplainedElement, precision: int) -> Table:
    x_name = f"X[{element.row},j]" if explanation.batch else "x[j]"
    terms = element.terms
    products = [t.product for t in terms]
    others = element.others
    bias = element.bias
    tail = [] if others is None else [others.sum]
    write_product = text.writer([*products, *tail, *([] if bias is None else [bias])], precision)
    sums = [t.running_sum for t in terms]
    sums += [] if others is None else [others.running_sum]
    write_sum = text.writer([*sums, element.exact_float], precision)
    weights = text.numbers((t.weight for t in terms), precision)
    inputs = text.numbers((t.input for t in terms), precision)
    rows = [
        (str(t.index), w, "×", x, "=", write_product(t.product), write_sum(t.running_sum))
        for t, w, x in zip(terms, weights, inputs, strict=True)
    ]
    if others is not None:
        more = f"{others.count:,} more"
        rows.append(
            ("⋮", more, "", "", "", write_product(others.sum), write_sum(others.running_sum))
        )
    if bias is not None:
        rows.append(
            ("", "", "", f"b[{element.column}]", "+", write_product(bias),
             write_sum(element.exact_float))
        )  # fmt: skip
    columns = (
        Column("j", "faint"),
        Column(f"W[{element.column},j]", "weight"),
        Column(""),
        Column(x_name, "input"),
        Column(""),
        Column("product"),
        Column("running sum", "output"),
    )
    return Table(columns, tuple(rows), indent=2)


def _verdict(explanation: Explanation, element: ExplainedElement) -> list[Line]:
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


def _summary(explanation: Explanation) -> list[Line]:
    shown, total = len(explanation.elements), explanation.total_elements
    lines = []
    if shown < total:
        lines.append(
            Line.of(
                f"showing {shown:,} of {text.plural(total, 'output')}; --element and --all choose"
            )
        )
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

"""The page of y = W x + b: formula, matrices, each sum term by term, and the check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import (
    Column,
    Equation,
    Heading,
    Line,
    Page,
    PageBuilder,
    RunningSum,
    Span,
    Subject,
    Table,
)
from fcinspect.page.matrices import Part, equation, matrix
from fcinspect.reports.affine_excerpt import excerpt_lines, excerpt_summary
from fcinspect.reports.affine_words import verdict_lines

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation


def page(explanation: Explanation, precision: int, *, whole: Explanation | None = None) -> Page:
    """Return the page; of a `whole` explanation where this is the part of it that fits."""
    built = PageBuilder()
    whole = whole or explanation
    built.add(*header(explanation), *excerpt_lines(explanation, whole))
    if explanation.total_elements and explanation.layer.in_features:
        built.group(_equation(explanation, precision))
        if explanation.output is None:
            held = ", ".join(map(str, explanation.layer.held or ()))
            built.add(Line.of(f"only the rows of W asked for were read: {held}", indent=2))
    for element in explanation.elements:
        built.group(*element_blocks(explanation, element, precision))
    built.group(*excerpt_summary(explanation, whole))
    return built.page()


def header(explanation: Explanation) -> list[Heading | Line]:
    """Return the title, the shapes, and what is to be known of them."""
    layer, x = explanation.layer, explanation.input
    batch, n, m = x.shape[:-1], layer.in_features, layer.out_features
    name = f"{text.layer_called(layer.name)} of " if layer.name else ""
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
    x, y = explanation.input.rows, explanation.results
    w_of, x_of, b_of, y_of = _subjects(explanation)
    names = {"i": layer.held} if layer.held else {}
    make = partial(matrix, precision=precision, names=names)
    plus: list[Part]
    if explanation.batch:
        plus = [] if bias is None else ["+", make(bias[None, :], b_of, name="b")]
        weights = make(weight.T, w_of, name="Wᵀ", turned=True)
        y_shown = make(y, y_of, name="Y")
        return equation(make(x, x_of, name="X"), "·", weights, *plus, "=", y_shown, stays=True)
    plus = [] if bias is None else ["+", make(bias[:, None], b_of, name="b", turned=True)]
    x_shown, y_shown = (
        make(x.T, x_of, name="x", turned=True),
        make(y.T, y_of, name="y", turned=True),
    )
    return equation(make(weight, w_of, name="W"), x_shown, *plus, "=", y_shown, stays=True)


def _subjects(explanation: Explanation) -> tuple[Subject, Subject, Subject, Subject]:
    """Return what W, x, b and y are, and what each comes from or goes into."""
    layer, batch = explanation.layer, bool(explanation.batch)
    shape, x, y = layer.weight.shape, explanation.input.rows, explanation.results
    n = "n " if batch else ""
    b = "" if layer.bias is None else " b"

    def subject(
        key: str, name: str, words: str, shape: Sequence[int], axes: str, lights: str, dot: str = ""
    ) -> Subject:
        return Subject(key, name, f"{words}, {text.sizes(shape)}", words, axes, lights, dot)

    return (
        subject("W", "Wᵀ" if batch else "W", "weight", shape, "i j", "x y terms"),
        subject("x", "X" if batch else "x", "input", x.shape, f"{n}j", "W terms"),
        subject("b", "b", "bias", shape[:1], "i", "y bias-term"),
        subject(
            "y", "Y" if batch else "y", "output", y.shape, f"{n}i",
            f"W x terms{b and ' b bias-term'}", f"dot W x{b}",
        ),
    )  # fmt: skip


def element_blocks(
    explanation: Explanation, element: ExplainedElement, precision: int
) -> list[Line | RunningSum]:
    """Return the sentence on an output, its sum, and how it stands to the exact."""
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
    blocks: list[Line | RunningSum] = [Line.of(*sentence, title=True)]
    if element.terms or has_bias:
        blocks.append(_sum(explanation, element, precision))
    count = explanation.layer.in_features
    if element.others is not None:
        which = "largest" if explanation.ranked else "first"
        blocks.append(
            Line.of(f"showing the {which} {len(element.terms):,} of {count:,} terms", indent=2)
        )
    blocks += verdict_lines(explanation, element)
    return blocks


def _sum(explanation: Explanation, element: ExplainedElement, precision: int) -> RunningSum:
    terms, others, bias = element.terms, element.others, element.bias
    added = [t.product for t in terms] + ([] if others is None else [others.sum])
    write_added = text.writer([*added, *([] if bias is None else [bias])], precision)
    sums = [t.running_sum for t in terms] + ([] if others is None else [others.running_sum])
    write_sum = text.writer([*sums, element.exact_float], precision)
    weights = text.numbers((t.weight for t in terms), precision)
    inputs = text.numbers((t.input for t in terms), precision)
    batch, place = bool(explanation.batch), f"{element.column}"
    axes = "n i" if batch else "i"
    name = f"{'Y' if batch else 'y'}[{','.join(map(str, element.index))}]"
    at = f"{element.row} {place}" if batch else place
    rows = [
        (str(t.index), w, "×", x, "=", write_added(t.product), write_sum(t.running_sum))
        for t, w, x in zip(terms, weights, inputs, strict=True)
    ]
    exact = [_exact(t.product, t.running_sum, repr(t.weight), repr(t.input)) for t in terms]
    ats = [f"{at} {t.index}" for t in terms]
    subjects = [Subject("terms", "", axes=f"{axes} j", lights="W x")] * len(terms)
    if others is not None:
        more = f"{others.count:,} more"
        last = (write_added(others.sum), write_sum(others.running_sum))
        rows.append(("⋮", more, "", "", "", *last))
        exact.append(_exact(others.sum, others.running_sum))
        ats.append(at)
        subjects.append(Subject("more-terms", more, axes=axes))
    if bias is not None:
        sums.append(element.exact_float)
        last = (write_added(bias), write_sum(element.exact_float))
        rows.append(("", "", "", f"b[{place}]", "+", *last))
        exact.append(_exact(bias, element.exact_float))
        ats.append(at)
        lights = "b" if explanation.layer.in_features else ""
        subjects.append(Subject("bias-term", "the bias", axes=axes, lights=lights))
    columns = (
        Column("j", "faint"),
        Column(f"W[{place},j]", "weight"),
        Column(""),
        Column(f"X[{element.row},j]" if batch else "x[j]", "input"),
        Column(""),
        Column("product"),
        Column("running sum", "output"),
    )
    table = Table(
        columns, tuple(rows), indent=2, caption=f"{name}, term by term",
        subjects=tuple(subjects), at=tuple(ats), exact=tuple(exact),
    )  # fmt: skip
    return RunningSum(table, tuple(sums), _result(element))


def _exact(product: float, total: float, weight: str = "", x: str = "") -> tuple[str, ...]:
    """Return the numbers in memory of a row's seven cells."""
    return ("", weight, "", x, "", repr(product), repr(total))


def _result(element: ExplainedElement) -> str:
    if element.exact is None:
        return "; not every number is finite, so there is no exact result"
    return f", the exact result, {text.exact_decimal(element.exact, 12)}"

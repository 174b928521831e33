"""The page of y = W x + b: formula, matrices, each sum term by term, and the check."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import (
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
from fcinspect.page.matrices import matrix
from fcinspect.reports.affine_words import summary_lines, verdict_lines

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation


def page(explanation: Explanation, precision: int) -> Page:
    """Return the page."""
    built = PageBuilder()
    built.add(*header(explanation))
    if explanation.total_elements and explanation.layer.in_features:
        built.group(_equation(explanation, precision))
        if explanation.output is None:
            held = ", ".join(map(str, explanation.layer.held or ()))
            built.add(Line.of(f"only the rows of W asked for were read: {held}", indent=2))
    for element in explanation.elements:
        built.group(*element_blocks(explanation, element, precision))
    built.group(*summary_lines(explanation))
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


def element_blocks(
    explanation: Explanation, element: ExplainedElement, precision: int
) -> list[Line | Table]:
    """Return the sentence on an output, the table of its sum, and how it stands to the exact."""
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
            Line.of(f"showing the {which} {len(element.terms):,} of {count:,} terms", indent=2)
        )
    blocks += verdict_lines(explanation, element)
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

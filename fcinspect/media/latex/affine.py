"""y = W x + b as an article: the matrices, every sum step by step, and the check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcinspect.media.latex.document import article, paragraph, said, title
from fcinspect.media.latex.equations import display, in_size
from fcinspect.media.latex.numbers import factor, math_number
from fcinspect.media.latex.widths import RAISED, size_for, width_of
from fcinspect.media.latex.words import typed, words
from fcinspect.page import text
from fcinspect.page.blocks import Equation, Matrix, Span
from fcinspect.page.matrices import matrix
from fcinspect.reports.affine_excerpt import excerpt, excerpt_lines, excerpt_summary
from fcinspect.reports.affine_words import verdict_lines

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation
    from fcinspect.rounding.arrays import FloatArray

MOST_ROWS = 36
"""A display of more steps is continued in another, since a page cannot break it."""

Step = tuple[str, str, str, str, str]
"""What is added, its two factors, what it comes to, and the sum so far."""
TITLES: Step = ("", "", "", "added", "running sum")
WIDE_ENOUGH = ("", r"\small")
"""The sizes in which a step stands in one line."""
SIGNS = 84.0
"""Points that a step takes beside its numbers and the indices of its letters."""


def explanation_document(explanation: Explanation, warnings: Sequence[str], precision: int) -> str:
    """Return the article; of a large layer the outputs that fit."""
    asked, explanation = explanation, excerpt(explanation)
    parts = [*_header(explanation), *map(said, excerpt_lines(explanation, asked))]
    if explanation.total_elements and explanation.layer.in_features:
        parts.append(_equation(explanation, precision))
        if explanation.output is None:
            held = ", ".join(map(str, explanation.layer.held or ()))
            parts.append(paragraph(f"only the rows of $W$ asked for were read: {held}"))
    for element in explanation.elements:
        parts += _element(explanation, element, precision)
    first, *others = excerpt_summary(explanation, asked)
    parts += [rf"\paragraph{{Check}} {said(first)}", *map(said, others)]
    return article(parts, warnings)


def _header(explanation: Explanation) -> list[str]:
    layer, x = explanation.layer, explanation.input
    batch, n, m = x.shape[:-1], layer.in_features, layer.out_features
    plus = "" if layer.bias is None else " + b"
    formula = rf"Y = X W^{{\mathsf{{T}}}}{plus}" if batch else f"y = W x{plus}"
    name = f"{typed(layer.name)} of " if layer.name else ""
    parts = [
        title(1, f"${formula}$"),
        paragraph(f"{name}{typed(layer.source)}, {words(layer.dtype)}"),
    ]
    count = math.prod(batch)
    if len(batch) > 1:
        parts.append(
            paragraph(
                f"the leading dimensions {text.shape(batch)} of $x$ {text.shape(x.shape)} are"
                f" folded into {text.plural(count, 'row')}; $y$ gets them back:"
                f" {text.shape((*batch, m))}"
            )
        )
    if n == 0:
        same = "b" if layer.bias is not None else "0"
        parts.append(paragraph(f"in\\_features is 0: there is nothing to multiply, $y = {same}$"))
    return parts


def _equation(explanation: Explanation, precision: int) -> str:
    layer, batch = explanation.layer, explanation.batch
    weight, bias = layer.weight.values, None if layer.bias is None else layer.bias.values
    x, y = explanation.input.rows, explanation.results
    n, m, count = layer.in_features, layer.out_features, len(x)
    wide = len(y[0]) if len(y) else m

    def shown(values: FloatArray, role: str, name: str, *shape: int) -> Matrix:
        return matrix(values, role, precision, f"{name} {text.matrix_shape(shape)}")

    if batch:
        parts: list[Matrix | Span] = [
            shown(x, "input", "X", count, n), ("·", ""), shown(weight.T, "weight", "Wᵀ", n, wide),
        ]  # fmt: skip
        if bias is not None:
            parts += [("+", ""), shown(bias[None, :], "bias", "b", wide)]
        parts += [("=", ""), shown(y, "output", "Y", count, wide)]
    else:
        parts = [shown(weight, "weight", "W", wide, n), shown(x.T, "input", "x", n)]
        if bias is not None:
            parts += [("+", ""), shown(bias[:, None], "bias", "b", wide)]
        parts += [("=", ""), shown(y.T, "output", "y", wide)]
    return display(Equation(tuple(parts)))


def _element(explanation: Explanation, element: ExplainedElement, precision: int) -> list[str]:
    batch = bool(explanation.batch)
    place = ",".join(map(str, element.index))
    i = element.column
    name = f"{'Y' if batch else 'y'}_{{{place}}}"
    x = f"X_{{{element.row},j}}" if batch else "x_j"
    factors = "" if not explanation.layer.in_features else rf"\textstyle\sum_j W_{{{i},j}}\, {x}"
    bias = "" if element.bias is None else f"b_{{{i}}}"
    total = " + ".join(filter(None, (factors, bias))) or "0"
    meant = (
        f"row {element.row} of $X$ times row {i} of $W$" if batch else f"row {i} of $W$ times $x$"
    )
    meant += "" if element.bias is None else f", plus ${bias}$"
    parts = [f"\\paragraph{{\\boldmath${name} = {total}$}} {meant}\n"]
    steps = _steps(explanation, element, precision)
    parts += _displays(steps) if steps else []
    if element.others is not None:
        which = "largest" if explanation.ranked else "first"
        count = explanation.layer.in_features
        parts.append(paragraph(f"showing the {which} {len(element.terms):,} of {count:,} terms"))
    return [*parts, *(said(line) for line in verdict_lines(explanation, element))]


def _steps(explanation: Explanation, element: ExplainedElement, precision: int) -> list[Step]:
    """Return the products, what is left out, and the bias, each with the sum so far."""
    terms, others, bias, i = element.terms, element.others, element.bias, element.column
    added = [t.product for t in terms] + ([] if others is None else [others.sum])
    write = text.writer([*added, *([] if bias is None else [bias])], precision)
    sums = [t.running_sum for t in terms] + ([] if others is None else [others.running_sum])
    write_sum = text.writer([*sums, element.exact_float], precision)
    weights = text.numbers((t.weight for t in terms), precision)
    inputs = text.numbers((t.input for t in terms), precision)
    row = f"{element.row}," if explanation.batch else ""
    x = "X" if explanation.batch else "x"
    steps = [
        (rf"W_{{{i},{t.index}}}\, {x}_{{{row}{t.index}}}", w, v, write(t.product),
         write_sum(t.running_sum))
        for t, w, v in zip(terms, weights, inputs, strict=True)
    ]  # fmt: skip
    if others is not None:
        more = rf"\text{{{others.count:,} more}}"
        steps.append((more, "", "", write(others.sum), write_sum(others.running_sum)))
    if bias is not None:
        steps.append((f"b_{{{i}}}", "", "", write(bias), write_sum(element.exact_float)))
    return steps


def _displays(steps: Sequence[Step]) -> list[str]:
    """Return the steps of a sum below each other, digits below digits; two lines each where they
    are wide.
    """
    label = max((sum(sign.isdigit() for sign in step[0]) for step in steps), default=0)
    widths = [max(map(width_of, column)) for column in zip(TITLES, *steps, strict=True)][1:]
    size = size_for(sum(widths) + SIGNS + RAISED * label)
    rows, most = (_rows, MOST_ROWS) if size in WIDE_ENOUGH else (_double_rows, MOST_ROWS // 2)
    if rows is _double_rows:
        factors, total = sum(widths[:2]), widths[3]
        size = size_for(max(factors, widths[2]) + total + SIGNS + RAISED * label)
    shown = []
    for start in range(0, len(steps), most):
        some = rows(steps[start : start + most])
        body = "\\\\\n".join(some if start == 0 else some[1:])
        columns = 5 if rows is _rows else 3
        display = f"\\[\n\\begin{{alignedat}}{{{columns}}}\n{body}\n\\end{{alignedat}}\n\\]\n"
        shown.append(in_size(display, size))
    return shown


def _rows(steps: Sequence[Step]) -> list[str]:
    """Return the titles and a line for each step."""
    negative = any(x.startswith("-") for _, _, x, _, _ in steps)
    lines = [r"&&&&&& \text{added} && \text{running sum}"]
    for name, weight, x, added, total in steps:
        factors = "&&&&"
        if weight:
            close = "" if x.startswith("-") or not negative else r"\phantom{)}"
            factors = rf"&={{}}& {math_number(weight)} &{{}}\cdot{{}}& {factor(x)}{close}"
        lines.append(
            rf"{name} {factors} &{{}}={{}}& {math_number(added)} &\quad& {math_number(total)}"
        )
    return lines


def _double_rows(steps: Sequence[Step]) -> list[str]:
    """Return the titles, and a line for the factors of each step above one for its numbers."""
    lines = [r"&& \text{added} && \text{running sum}"]
    for name, weight, x, added, total in steps:
        if weight:
            lines.append(rf"{name} &={{}}& {math_number(weight)} \cdot {factor(x)} &&")
            name = ""
        lines.append(rf"{name} &={{}}& {math_number(added)} &\quad& {math_number(total)}")
    return lines

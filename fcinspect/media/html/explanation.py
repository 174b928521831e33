"""The page of y = W x + b: point at an output and see what it is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.media.html.document import html_document
from fcinspect.media.html.grid import Part, Subject, grid, named, showing
from fcinspect.page.blocks import Line, Table
from fcinspect.page.text import exact_decimal
from fcinspect.reports.affine import element_blocks, header
from fcinspect.reports.affine_excerpt import excerpt, excerpt_lines, excerpt_summary

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation

BAR_WIDTH = 120
"""Units of the picture in which the running sum moves."""


@dataclass(frozen=True)
class Bar:
    """How a term moves the running sum, in units of the picture."""

    start: float
    end: float

    @property
    def left(self) -> str:
        """Where the bar begins."""
        return f"{min(self.start, self.end):.2f}"

    @property
    def width(self) -> str:
        """How long it is; never so short that it is not seen."""
        return f"{max(abs(self.end - self.start), 1):.2f}"

    @property
    def down(self) -> bool:
        """Whether the sum becomes smaller."""
        return self.end < self.start


@dataclass(frozen=True)
class TermRow:
    """One row of the table of a sum."""

    cells: tuple[str, ...]
    exact: tuple[str, ...]
    """The number in memory of each cell, "" where it holds none"""
    at: str
    bar: Bar | None
    key: str = ""
    """What others call it where it is no term"""
    lights: str = ""
    what: str = ""
    """What is added where it is no term: "768 more", "the bias" """


@dataclass(frozen=True)
class Section:
    """One output: the sentence, its sum, and how it stands to the exact one."""

    place: str
    axes: str
    """The letters of the output's indices"""
    sentence: Line
    table: Table | None
    rows: tuple[TermRow, ...]
    lights: str
    """What lights up with a term"""
    zero: str
    """Where the sum begins in the picture, "" where there is none"""
    result: str
    """What is said of the last sum"""
    verdict: tuple[Line, ...]


def explanation_document(explanation: Explanation, warnings: Sequence[str], precision: int) -> str:
    """Return the page as HTML; of a large layer the outputs that fit."""
    asked, explanation = explanation, excerpt(explanation)
    title, *lines = header(explanation)
    parts = _equation(explanation, precision)
    heading = getattr(title, "text", "")
    name, _, source = heading.partition("      ")
    return html_document(
        "explain.html",
        title=name,
        subtitle=source,
        lines=[*lines, *excerpt_lines(explanation, asked)],
        parts=parts,
        showing=showing(parts),
        held=explanation.layer.held if explanation.output is None else None,
        sections=[_section(explanation, e, precision) for e in explanation.elements],
        summary=excerpt_summary(explanation, asked),
        warnings=warnings,
    )


def _equation(explanation: Explanation, precision: int) -> list[Part]:
    """Return the matrices of the equation; none where there is nothing to show."""
    layer = explanation.layer
    if not explanation.total_elements or not layer.in_features:
        return []
    batch = bool(explanation.batch)
    weight, x, y = layer.weight.values, explanation.input.rows, explanation.results
    bias = None if layer.bias is None else layer.bias.values
    held = layer.held
    n = "n " if batch else ""
    shape = (layer.out_features, layer.in_features)
    of_weight = Subject(
        "W", "Wᵀ" if batch else "W", named("weight", shape), "weight", "i j", "x y terms"
    )
    of_x = Subject("x", "X" if batch else "x", named("input", x.shape), "input", n + "j", "W terms")
    of_bias = Subject("b", "b", named("bias", shape[:1]), "bias", "i", "y bias-term")
    of_y = Subject(
        "y",
        "Y" if batch else "y",
        named("output", y.shape),
        "output",
        n + "i",
        "W x terms" + ("" if bias is None else " b bias-term"),
        "dot W x" + ("" if bias is None else " b"),
    )
    if batch:
        parts: list[Part] = [
            grid(x, of_x, precision, rows="n", columns="j"),
            "·",
            grid(weight.T, of_weight, precision, rows="j", columns="i", column_names=held),
        ]
        if bias is not None:
            parts += ["+", grid(bias[None, :], of_bias, precision, columns="i", column_names=held)]
        return [*parts, "=", grid(y, of_y, precision, rows="n", columns="i", column_names=held)]
    parts = [
        grid(weight, of_weight, precision, rows="i", columns="j", row_names=held),
        "·",
        grid(x.T, of_x, precision, rows="j"),
    ]
    if bias is not None:
        parts += ["+", grid(bias[:, None], of_bias, precision, rows="i", row_names=held)]
    return [*parts, "=", grid(y.T, of_y, precision, rows="i", row_names=held)]


def _section(explanation: Explanation, element: ExplainedElement, precision: int) -> Section:
    sentence, *blocks = element_blocks(explanation, element, precision)
    assert isinstance(sentence, Line)
    table = next((block for block in blocks if isinstance(block, Table)), None)
    sums = _sums(element)
    bars, zero = _bars(sums)
    result = "; not every number is finite, so there is no exact result"
    if element.exact is not None:
        result = f", the exact result, {exact_decimal(element.exact, 12)}"
    return Section(
        place="-".join(map(str, element.index)),
        axes="n i" if explanation.batch else "i",
        sentence=sentence,
        table=table,
        rows=() if table is None else _rows(explanation, element, table, bars),
        lights="W x" if element.terms else "",
        zero=zero,
        result=result,
        verdict=tuple(block for block in blocks if isinstance(block, Line)),
    )


def _sums(element: ExplainedElement) -> list[float]:
    """Return the running sum after each row of the table."""
    sums = [term.running_sum for term in element.terms]
    if element.others is not None:
        sums.append(element.others.running_sum)
    return sums if element.bias is None else [*sums, element.exact_float]


def _rows(
    explanation: Explanation,
    element: ExplainedElement,
    table: Table,
    bars: list[Bar | None],
) -> tuple[TermRow, ...]:
    place = f"{element.row} {element.column}" if explanation.batch else str(element.column)
    written = zip(table.rows, bars, strict=True)
    rows = [
        TermRow(
            cells, _exact(t.product, t.running_sum, t.weight, t.input), f"{place} {t.index}", bar
        )
        for t, (cells, bar) in zip(element.terms, written, strict=False)
    ]
    others, bias = element.others, element.bias
    if others is not None:
        cells, bar = next(written)
        exact = _exact(others.sum, others.running_sum)
        rows.append(TermRow(cells, exact, place, bar, "more-terms", "", f"{others.count:,} more"))
    if bias is not None:
        cells, bar = next(written)
        exact = _exact(bias, element.exact_float)
        lights = "b" if explanation.layer.in_features else ""
        rows.append(TermRow(cells, exact, place, bar, "bias-term", lights, "the bias"))
    return tuple(rows)


def _exact(
    product: float, total: float, weight: float | None = None, x: float | None = None
) -> tuple[str, ...]:
    """Return the numbers in memory of a row's seven cells."""
    factors = ["" if factor is None else repr(factor) for factor in (weight, x)]
    return ("", factors[0], "", factors[1], "", repr(product), repr(total))


def _bars(sums: list[float]) -> tuple[list[Bar | None], str]:
    """Return the bars that move the running sum, and where it begins."""
    low, high = min([0.0, *sums]), max([0.0, *sums])
    if not all(map(math.isfinite, sums)) or not 0 < high - low < math.inf:
        return [None] * len(sums), ""

    def place(value: float) -> float:
        return BAR_WIDTH * ((value - low) / (high - low))

    before = [0.0, *sums[:-1]]
    bars: list[Bar | None] = [Bar(place(a), place(b)) for a, b in zip(before, sums, strict=True)]
    return bars, f"{place(0.0):.2f}"

"""The report of `shapes`: each layer as the sentence a teacher would say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.page import text
from fcinspect.page.blocks import Column, Heading, Line, Page, PageBuilder, Table, of_words
from fcinspect.page.matrices import shapes_line
from fcinspect.page.view import View
from fcinspect.reports.written import written

if TYPE_CHECKING:
    from fcinspect.shapes.trace import ShapeTrace, TracedLayer

LARGEST_EXACT_INTEGER = 2**53 - 1
"""Parsers that store every number as float64, such as jq, round larger integers."""


def view_of_shapes(trace: ShapeTrace, asked: dict[str, Any]) -> View:
    """Return the view of a shape trace."""
    from fcinspect.reports.documents.core import ShapesDocument

    warnings: tuple[str, ...] = ()
    if max(trace.parameters, trace.flops, trace.output_bytes) > LARGEST_EXACT_INTEGER:
        warnings = (
            "some counts exceed 2^53 - 1: they are exact here, but parsers that store numbers as"
            " float64 (jq, JavaScript) round them",
        )
    return View(
        command="shapes",
        asked=asked,
        data=lambda full: written(trace, ShapesDocument),
        page=lambda precision: page(trace),
        rows=partial(rows, trace),
        warnings=warnings,
    )


def rows(trace: ShapeTrace) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file."""
    titles = ("name", "kind", "input", "weight", "bias", "output", "parameters", "macs", "flops")
    yield (*titles, "parameter_bytes", "output_bytes")
    for layer in trace.layers:
        dimensions = (layer.input, layer.weight, layer.bias, layer.output)
        written = ("" if d is None else "x".join(map(str, d)) for d in dimensions)
        counts = (layer.parameters, layer.macs, layer.flops)
        yield (layer.name, layer.kind, *written, *counts, layer.parameter_bytes, layer.output_bytes)


def page(trace: ShapeTrace) -> Page:
    """Return the page; shapes hold whole numbers only."""
    built = PageBuilder()
    biased = any(layer.bias is not None for layer in trace.layers)
    formula = ("Y = X·Wᵀ" if trace.batch else "y = W·x") + (" + b" if biased else "")
    chain = " → ".join(map(str, trace.widths))
    rows_in = (
        "one vector" if not trace.batch else f"a batch of {'×'.join(map(str, trace.batch))} vectors"
    )
    built.add(
        Heading(f"Shapes of {chain}", level=1),
        Line.of(f"{rows_in}, {trace.dtype}; every layer computes {formula}"),
    )
    built.group(*(_sentence(layer) for layer in trace.layers))
    output = Column("output", "output", right=False)
    counts = map(Column, ("parameters", "MACs", "memory"))
    columns = (*of_words("layer", "kind"), output, *counts)
    body = [(la.name, la.kind, text.shape(la.output), *_counts(la)) for la in trace.layers]
    total = ("total", "", "", *_counts(trace))
    built.group(Table(columns, (*body, total), rule_before=frozenset({len(body)})))
    outputs = text.byte_count(trace.output_bytes)
    built.group(
        Line.of(
            f"a MAC is one multiply-add; {text.count(trace.flops)} FLOPs = 2·MACs"
            f"{' + the additions of b' if biased else ''}"
        ),
        Line.of(f"outputs take {outputs} when all are kept, as in training"),
    )
    return built.page()


def _counts(of: ShapeTrace | TracedLayer) -> tuple[str, str, str]:
    return text.count(of.parameters), text.count(of.macs), text.byte_count(of.parameter_bytes)


def _sentence(layer: TracedLayer) -> Line:
    """(3, 3) · (5, 3)ᵀ + (5) → (3, 5), in the colours of its parts."""
    shapes = (layer.input, layer.weight, layer.bias, layer.output)
    line = shapes_line(f"{layer.name:<5} ", shapes)
    if layer.weight is not None:
        return line
    return replace(line, spans=(*line.spans, (f"   {layer.kind}, elementwise", "")))

"""The page of x² by sawtooth layers, against what one hidden layer takes for the same error."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Column, Heading, Line, Page, PageBuilder, Table
from fcinspect.reports.approximate.page import check_lines, error_table, upper_text

if TYPE_CHECKING:
    from fcinspect.approximation.depth import Sawtooth
    from fcinspect.approximation.grid import GridCheck
    from fcinspect.layers.linear import LinearLayer

MOST_LAYERS = 3
"""Whose numbers are shown: the first, the second and the last; those between repeat them."""
ELSEWHERE = "all in --format csv or --json"


def page(
    made: Sawtooth, tolerance: Fraction | None, checks: Sequence[GridCheck], precision: int
) -> Page:
    """Return the page."""
    built = PageBuilder()
    built.add(*_title(made))
    built.group(*_formulas(made))
    built.group(*_contrast(made))
    words = (f"= 2^-{2 * made.layers + 2}", "all exact")
    built.group(*error_table(made.error, tolerance, made.number_format, words))
    built.add(*check_lines(checks, made.number_format))
    for block in _layers(made, precision):
        built.group(*block)
    return built.page()


def _title(made: Sawtooth) -> list[Heading | Line]:
    network, dtype = made.network, made.number_format.name
    parameters = sum(layer.linear.parameters for layer in network.layers)
    chain = " → ".join(map(str, network.widths))
    return [
        Heading(f"x² on [0, 1] by {text.plural(made.layers, 'sawtooth layer')}", 1),
        Line.of(f"{chain}, {dtype}, {text.plural(parameters, 'parameter')}"),
        Line.of(
            ("certified", "good"),
            f": |y − x²| ≤ {upper_text(made.error.total)} for every {dtype} x in [0, 1]; without"
            f" rounding exactly 2^-{2 * made.layers + 2} =",
            f" {text.exact_decimal(made.error.interpolation)} at worst",
        ),
    ]


def _formulas(made: Sawtooth) -> list[Line]:
    return [
        Line.of("g(x) = 2·relu(x) − 4·relu(x − 1/2) + 2·relu(x − 1), a tooth: up to 1, and down"),
        Line.of(f"f(x) = x − g(x)/4 − g(g(x))/4² − …, {made.layers} of them", hang=7),
        Line.of(
            (
                "Each further tooth doubles the segments and takes the error by four (Yarotsky"
                " 2017): three ReLUs a layer, and one that carries the sum.",
                "faint",
            )
        ),
    ]


def _contrast(made: Sawtooth) -> list[Table]:
    shallow = made.shallow
    deep = f"{text.plural(made.layers, 'hidden layer')} of sawteeth: 4·{made.layers} − 1"
    body = (
        (text.count(made.units), deep),
        (text.count(shallow.greedy), f"one hidden layer with chords: 2^{made.layers} segments"),
        (text.count(shallow.fewest_units), "one hidden layer at least, however it is built"),
    )
    columns = (Column("hidden ReLUs"), Column("", right=False))
    return [Table(columns, body, strong=frozenset({0}))]


def _layers(made: Sawtooth, precision: int) -> list[list[Line | Table]]:
    layers = [layer.linear for layer in made.network.layers]
    chosen = layers if len(layers) <= MOST_LAYERS else [*layers[:2], layers[-1]]
    shown = [_layer(layer, precision) for layer in chosen]
    if len(layers) > MOST_LAYERS:
        counts = f"showing {MOST_LAYERS} of {len(layers)} layers; {ELSEWHERE}"
        shown.append([Line.of((counts, "faint"))])
    return shown


def _layer(layer: LinearLayer, precision: int) -> list[Line | Table]:
    assert layer.bias is not None
    inputs = range(layer.in_features)
    write = text.writer(layer.weight.values.reshape(-1).tolist(), precision)
    biases = text.numbers(layer.bias.values.tolist(), precision)
    body = tuple(
        (f"y[{i}]", *map(write, row), bias)
        for i, (row, bias) in enumerate(zip(layer.weight.values.tolist(), biases, strict=True))
    )
    columns = (
        Column("", "output", right=False),
        *(Column(f"x[{j}]", "weight") for j in inputs),
        Column("b", "bias"),
    )
    title = Line.of(
        (f"layer {layer.name}", "strong"), ": ", ("W", "weight"), " and ", ("b", "bias")
    )
    return [title, Table(columns, body)]

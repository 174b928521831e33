"""A filled worksheet as a worked example, whose printed numbers are the pupil's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction

from fcinspect.verification.examples.interval import DIGITS, DOWN, UP, DecimalInterval
from fcinspect.verification.examples.record import (
    ExampleLayer,
    ExampleOptimizer,
    Printed,
    PrintedArray,
    WorkedExample,
)
from fcinspect.worksheets.answers import Answer
from fcinspect.worksheets.numbers import Range
from fcinspect.worksheets.problem import Problem, Vector

NEAREST = Context(prec=DIGITS)
EXACT = -40
"""The place to which numbers that are not rounded are told apart, behind their first digit."""
LEAST_PLACES = 2
"""Decimals from which on a wrong number may be rounded from what a slip gives."""

PLACES = {"z": "pre_activation", "a": "activation"}
"""The sheet's words for places of a layer that the worked example calls otherwise."""
BLANK = re.compile(r"(?:(\w+)\.)?([a-z_.]+)(?:\[(\d+)(?:,(\d+))?\])?", re.ASCII)


def example_of(
    problem: Problem, answers: Mapping[str, Answer], key: Mapping[str, Fraction]
) -> WorkedExample:
    """Return the worked example; `key` holds the right number of all that the sheet holds."""
    forward = all(name.partition(".")[2].startswith(("z[", "a[")) for name in key)
    numbers = dict.fromkeys(("momentum", "dampening", "weight_decay"), Decimal(0))
    numbers["lr"] = decimal(problem.learning_rate)
    sgd = ExampleOptimizer("sgd", numbers, {"nesterov": False, "maximize": False}, True)
    return WorkedExample(
        title="a worksheet",
        source=None,
        layers=tuple(
            ExampleLayer(
                tuple(_row(row) for row in layer.weight),
                None if layer.bias is None else _row(layer.bias),
                layer.activation,
            )
            for layer in problem.layers
        ),
        input=(_row(problem.x),),
        target=None if forward else (_row(problem.target),),
        classes=None,
        loss=None if forward else problem.loss,
        optimizer=None if forward else sgd,
        printed=_arrays(problem, answers, key),
        known_wrong={},
        inputs_rounded=False,
        truncated=False,
        computed_in="exact numbers",
        u=Decimal(0),
    )


def names_of(example: WorkedExample, problem: Problem) -> Mapping[str, tuple[str, int, int]]:
    """Return place, row and column of every blank by its id."""
    found = {}
    for array in example.printed:
        for row, numbers in enumerate(array.rows):
            for column in range(len(numbers)):
                name = sheet_words(array.name(row, column), problem)
                found[name] = (array.place, row, column)
    return found


def sheet_words(words: str, problem: Problem) -> str:
    """Return words about a worked example in the names of the sheet."""
    last = len(problem.layers) - 1
    words = re.sub(r"(?<![\w.])output\[(\d+)\]", rf"layers.{last}.pre_activation[\1]", words)
    words = re.sub(r"(?<![\w.])input\[", "x[", words)
    words = re.sub(r"\.pre_activation\b", ".z", words)
    words = re.sub(r"\.activation\b", ".a", words)
    words = re.sub(r"\blayers\.(\d+)", lambda match: problem.layers[int(match[1])].name, words)
    return re.sub(r"\]\[", ",", words)


def _arrays(
    problem: Problem, answers: Mapping[str, Answer], key: Mapping[str, Fraction]
) -> tuple[PrintedArray, ...]:
    numbers = {layer.name: k for k, layer in enumerate(problem.layers)}
    held: dict[str, list[tuple[int, int, Printed | None]]] = {}
    for name, right in key.items():
        match = BLANK.fullmatch(name)
        assert match is not None
        layer, place, *index = match.groups()
        if layer is not None:
            place = f"layers.{numbers[layer]}.{PLACES.get(place, place)}"
        row, column = (0, index[0]) if index[1] is None else index
        answer = answers.get(name)
        printed = None if answer is None else printed_of(answer, right)
        held.setdefault(place, []).append((int(row), int(column or 0), printed))
    return tuple(_array(place, entries) for place, entries in held.items())


def _array(place: str, entries: list[tuple[int, int, Printed | None]]) -> PrintedArray:
    rows = 1 + max(row for row, _, _ in entries)
    columns = 1 + max(column for _, column, _ in entries)
    table: list[list[Printed | None]] = [[None] * columns for _ in range(rows)]
    for row, column, printed in entries:
        table[row][column] = printed
    dimensions = 0 if place.startswith("loss") else 2 if ".weight." in place else 1
    return PrintedArray(place, dimensions, tuple(map(tuple, table)))


def printed_of(answer: Answer, right: Fraction) -> Printed:
    """Return an answer for comparing; one that may be rounded has its last place."""
    value, unit = decimal(answer.value), answer.unit
    fine = unit is not None and unit <= Fraction(1, 10**LEAST_PLACES) and answer.value != right
    if unit is not None and (fine or answer.rounds(right)):
        return Printed(value, decimal(unit))
    return Printed(value, Decimal((0, (1,), max(value.adjusted(), 0) + EXACT)))


def _row(values: Vector) -> tuple[Printed, ...]:
    return tuple(Printed(decimal(value), Decimal(0)) for value in values)


def decimal(value: Fraction) -> Decimal:
    """Return a number to 50 digits."""
    return NEAREST.divide(Decimal(value.numerator), Decimal(value.denominator))


def interval_of(numbers: Range) -> DecimalInterval:
    """Return a range to 50 digits, which hold it."""
    low, high = numbers.low, numbers.high
    return DecimalInterval(
        DOWN.divide(Decimal(low.numerator), Decimal(low.denominator)),
        UP.divide(Decimal(high.numerator), Decimal(high.denominator)),
    )

"""From the JSON document of a filled worksheet to its problem and its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fcinspect.errors import SpecError, UsageError, did_you_mean
from fcinspect.layers.linear import layer_names
from fcinspect.layers.spec import LARGEST_SEED, format_widths
from fcinspect.verification.examples.record import ExampleReader, kind_of, shown
from fcinspect.worksheets.answers import Answer, Unreadable, read_answer
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import (
    FEWEST_DECIMALS,
    HIDDEN,
    KINDS,
    LONGEST_NAME,
    MOST_DECIMALS,
    SMOOTH,
    Problem,
    SheetLayer,
    seed_of,
)
from fcinspect.worksheets.sheet import LARGEST_WIDTH, Sheet, require_paper

NAMES = ("fcinspect.worksheet/2", "fcinspect.worksheet/1")
"""Of the documents that are read; in the second a sheet says its seed."""
OTHERS = {
    "grade": "this is a grade, not a filled worksheet",
    "class": "this is a class set, not one filled worksheet",
}
"""By the key "document", what is not read."""
KEYS = ("kind", "widths", "layers", "x", "target", "learning_rate", "answers")
MOST_DIGITS = 15
"""Of a number of the problem: what is worked out by hand has fewer."""
MOST_NAMED = 3
LEAST_THOUSAND = 1000
"""Size of a result from which on 1,234 may be a whole number."""
EXPECTED = "expected the output of `fcinspect worksheet WIDTHS --json`, with numbers in its answers"


@dataclass(frozen=True)
class Filled:
    """A filled worksheet."""

    problem: Problem
    """As it is in the file."""
    answers: Mapping[str, Answer | Unreadable | None]
    """By the ids of the blanks."""
    notes: tuple[str, ...]
    """What differs from the worksheet as it was made."""
    pupil: str = ""
    """What is written after Name and, below, after Date; "" if nothing is."""
    date: str = ""
    altered: bool = False
    """Whether the problem is another one than its widths and code make."""


def read_filled(document: object, source: str) -> Filled:
    """Return what a filled worksheet, from `source`, holds; raises InputError."""
    reader = ExampleReader(source)
    data = _data(reader, document)
    problem = _problem(reader, data)
    answers = data["answers"]
    if not isinstance(answers, dict):
        raise reader.refuse(f"answers is {kind_of(answers)}: expected an object of blanks")
    sheet = Sheet(problem).blanks
    blanks = [blank.id for blank in sheet]
    thousands = any(abs(blank.answer) >= LEAST_THOUSAND for blank in sheet)
    notes = []
    altered = make(problem.options) != problem
    if altered:
        notes.append(
            f"the problem in the file differs from that of {format_widths(problem.widths)} and code"
            f" {problem.code}: the problem in the file is graded"
        )
    notes += [
        f"{key} is {kind_of(data[key])}: expected text in quotes"
        for key in ("pupil", "date")
        if not isinstance(data.get(key), str | None)
    ]
    notes += _differing(answers, blanks)
    return Filled(
        problem,
        {name: read_answer(answers.get(name), thousands) for name in blanks},
        tuple(notes),
        _words(data.get("pupil")),
        _words(data.get("date")),
        altered,
    )


def _words(value: object) -> str:
    words = " ".join(value.split()) if isinstance(value, str) else ""
    return words if len(words) <= LONGEST_NAME else f"{words[: LONGEST_NAME - 1]}…"


def _data(reader: ExampleReader, document: object) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise reader.refuse(f"{kind_of(document)} is not a worksheet: {EXPECTED}")
    data: object = document
    if "schema" in document or "data" in document:
        if document.get("schema") not in NAMES:
            said = document.get("schema")
            named = shown(said) if isinstance(said, str) else kind_of(said)
            raise reader.refuse(f"schema is {named}, not {NAMES[0]!r}: {EXPECTED}")
        data = document.get("data")
    if not isinstance(data, dict):
        raise reader.refuse(f"data is {kind_of(data)}: {EXPECTED}")
    other = "grade" if "graded" in data else data.get("document")
    if isinstance(other, str) and other in OTHERS:
        raise reader.refuse(f"{OTHERS[other]}: {EXPECTED}")
    for key in KEYS:
        if key not in data:
            raise reader.refuse(f"the key {key!r} is missing: {EXPECTED}")
    return data


def _problem(reader: ExampleReader, data: Mapping[str, Any]) -> Problem:
    seed = _seed(reader, data)
    widths, layers = _widths(reader, data["widths"]), data["layers"]
    if not isinstance(layers, list) or len(layers) != len(widths) - 1:
        count = f"a list of {len(layers)}" if isinstance(layers, list) else kind_of(layers)
        raise reader.refuse(
            f"layers is {count}: expected a list of {len(widths) - 1} to match widths"
        )
    held: list[SheetLayer[Fraction]] = []
    for k, (layer, name) in enumerate(zip(layers, layer_names(len(layers)), strict=True)):
        # the activation after the first hidden layer is that of all
        expected = (held[0].activation,) if held else HIDDEN
        if k == len(layers) - 1:
            expected = ("identity",)
        held.append(_layer(reader, layer, name, widths[k : k + 2], expected))
    decimals = _decimals(reader, data.get("decimals"), held[0].activation)
    if len({layer.bias is None for layer in held}) > 1:
        raise reader.refuse("some layers have a bias and some have none: expected all or none")
    kind = reader.chosen(data["kind"], "kind", KINDS)
    try:
        require_paper(kind, widths, held[0].bias is not None)
    except SpecError as error:
        raise reader.refuse(error.message) from None
    x = _row(reader, data["x"], "x", widths[0])
    target = _row(reader, data["target"], "target", widths[-1])
    rate = _number(reader, data["learning_rate"], "learning_rate")
    return Problem(kind, widths, seed, tuple(held), x, target, "mse", rate, decimals)


def _seed(reader: ExampleReader, data: Mapping[str, Any]) -> int:
    """Return the seed, from the code of a sheet or as it is said; both must agree."""
    code, seed = data.get("code"), data.get("seed")
    if code is None and "seed" not in data:
        raise reader.refuse(f"the key 'code' is missing: {EXPECTED}")
    if (code is None or seed is not None) and (
        type(seed) is not int or not 0 <= seed <= LARGEST_SEED
    ):
        raise reader.refuse(f"seed is {kind_of(seed)}: expected a whole number from 0 to 2^53-1")
    if code is None:
        assert isinstance(seed, int)
        return seed
    if not isinstance(code, str):
        raise reader.refuse(f"code is {kind_of(code)}: expected the code of a worksheet in quotes")
    try:
        found = seed_of(code)
    except UsageError as error:
        raise reader.refuse(error.message) from None
    if seed not in (None, found):
        raise reader.refuse(
            f"code is {code!r}, which is not the code of seed {seed}: expected only one of the two"
        )
    return found


def _widths(reader: ExampleReader, value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) < 2:
        raise reader.refuse(f"widths is {kind_of(value)}: expected a list such as [2, 3, 2]")
    for width in value:
        if type(width) is not int or not 1 <= width <= LARGEST_WIDTH:
            raise reader.refuse(
                f"widths holds {kind_of(width)}: expected whole numbers from 1 to {LARGEST_WIDTH}"
            )
    return tuple(value)


def _decimals(reader: ExampleReader, value: object, activation: str) -> int | None:
    """Return the decimals of the results, which only a sheet with sigmoid or tanh has."""
    if activation not in SMOOTH:
        if value is not None:
            raise reader.refuse(
                f"decimals is {kind_of(value)}: expected no such key: nothing is rounded with relu"
            )
        return None
    if type(value) is not int or not FEWEST_DECIMALS <= value <= MOST_DECIMALS:
        raise reader.refuse(
            f"decimals is {kind_of(value)}: expected a whole number from {FEWEST_DECIMALS} to"
            f" {MOST_DECIMALS}, because the activation is {activation}"
        )
    return value


def _layer(
    reader: ExampleReader,
    value: object,
    name: str,
    widths: tuple[int, ...],
    activations: tuple[str, ...],
) -> SheetLayer[Fraction]:
    if not isinstance(value, dict):
        raise reader.refuse(f"the layer {name} is {kind_of(value)}: expected an object")
    for key in ("name", "weight", "bias", "activation"):
        if key not in value:
            raise reader.refuse(f"the layer {name} has no {key!r}: {EXPECTED}")
    inputs, outputs = widths
    reader.chosen(value["name"], f"the name of the layer {name}", (name,))
    place = f"the activation of the layer {name}"
    activation = reader.chosen(value["activation"], place, activations)
    rows, bias = value["weight"], value["bias"]
    if not isinstance(rows, list) or len(rows) != outputs:
        raise reader.refuse(f"{name}.weight is {_size(rows)}: expected a list of {outputs} rows")
    weight = tuple(_row(reader, row, f"{name}.weight[{j}]", inputs) for j, row in enumerate(rows))
    held = None if bias is None else _row(reader, bias, f"{name}.bias", outputs)
    return SheetLayer(name, weight, held, activation)


def _row(reader: ExampleReader, value: object, place: str, count: int) -> tuple[Fraction, ...]:
    if not isinstance(value, list) or len(value) != count:
        raise reader.refuse(f"{place} is {_size(value)}: expected a list of {count}")
    return tuple(_number(reader, one, f"{place}[{i}]") for i, one in enumerate(value))


def _size(value: object) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else kind_of(value)


def _number(reader: ExampleReader, value: object, place: str) -> Fraction:
    found = read_answer(value)
    if not isinstance(found, Answer):
        raise reader.refuse(f"{place} is {kind_of(value)}: expected a number")
    number = found.value
    if max(len(str(abs(number.numerator))), len(str(number.denominator))) > MOST_DIGITS:
        raise reader.refuse(
            f"{place} is {shown(found.text)}: expected a number of at most {MOST_DIGITS} digits"
        )
    return number


def _differing(answers: Mapping[str, Any], blanks: Sequence[str]) -> Iterator[str]:
    known = set(blanks)
    unknown = [name for name in answers if name not in known]
    for name in unknown[:MOST_NAMED]:
        near = did_you_mean(name, blanks)
        yield f"{shown(name)} is not a blank of this worksheet" + (f"; {near}" if near else "")
    if len(unknown) > MOST_NAMED:
        yield f"{len(unknown) - MOST_NAMED} more answers match no blank of this worksheet"
    missing = [name for name in blanks if name not in answers]
    if missing:
        names = ", ".join(missing[:MOST_NAMED]) + (", …" if len(missing) > MOST_NAMED else "")
        yield f"answers has no entry for {len(missing)} of {len(blanks)} blanks: {names}"

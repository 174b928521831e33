"""What `worksheet` says as plain data: for JSON, and the rows of its CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from fcinspect.worksheets.working import ways, written

if TYPE_CHECKING:
    from fcinspect.reports.documents.worksheet import Exact, WorksheetDocument
    from fcinspect.worksheets.checking import KeyCheck
    from fcinspect.worksheets.sheet import Sheet

LONGEST_NUMBER = 15
"""Digits that every reader of JSON keeps."""


def document(sheet: Sheet, check: KeyCheck, answers: bool) -> WorksheetDocument:
    """Return the JSON data of a sheet, or of its key."""
    problem = sheet.problem
    found = ways(problem)
    made: WorksheetDocument = {
        "document": "worksheet",
        "kind": problem.kind,
        "widths": list(problem.widths),
        "code": problem.code,
        "layers": [
            {
                "name": layer.name,
                "weight": [_row(row) for row in layer.weight],
                "bias": None if layer.bias is None else _row(layer.bias),
                "activation": layer.activation,
            }
            for layer in problem.layers
        ],
        "x": _row(problem.x),
        "target": _row(problem.target),
        "loss": problem.loss,
        "learning_rate": exact(problem.learning_rate),
        "pupil": "",
        "date": "",
        "given": {name: exact(value) for name, value in sheet.given.items()},
        "answers": {blank.id: exact(blank.answer) if answers else None for blank in sheet.blanks},
        "ways": {blank.id: found[blank.id] for blank in sheet.blanks} if answers else None,
        "check": {
            "checked_by": check.checked_by,
            "dtype": check.dtype,
            "numbers": check.numbers,
            "equal": check.equal,
            "within_bound": check.within_bound,
        },
    }
    if problem.decimals is not None:
        made = {**made, "decimals": problem.decimals}
    return {**made, "seed": problem.seed} if answers else made


def exact(value: Fraction) -> Exact:
    """Return a number that reads back as this one, or its text."""
    if value.denominator == 1:
        return value.numerator
    text = written(value)
    digits = text.replace("-", "").replace(".", "").strip("0")
    return text if "/" in text or len(digits) > LONGEST_NUMBER else float(text)


def rows(sheet: Sheet, answers: bool) -> Iterator[Sequence[object]]:
    """Yield a row for every number: what is given, and the blanks."""
    problem = sheet.problem
    yield ("part", "place", "number", *(("way",) if answers else ()))
    spare = ("",) if answers else ()
    for place, value in _numbers(sheet):
        yield ("problem", place, written(value), *spare)
    for place, value in sheet.given.items():
        yield ("given", place, written(value), *spare)
    found = ways(problem)
    for blank in sheet.blanks:
        if answers:
            yield ("answer", blank.id, written(blank.answer), found[blank.id])
        else:
            yield ("blank", blank.id, "")


def _numbers(sheet: Sheet) -> Iterator[tuple[str, Fraction]]:
    """Yield every number of the problem, with its place."""
    problem = sheet.problem
    yield from ((f"x[{i}]", value) for i, value in enumerate(problem.x))
    for layer in problem.layers:
        for i, row in enumerate(layer.weight):
            yield from ((f"{layer.name}.weight[{i},{j}]", w) for j, w in enumerate(row))
        yield from ((f"{layer.name}.bias[{i}]", b) for i, b in enumerate(layer.bias or ()))
    if problem.kind != "forward":
        yield from ((f"target[{i}]", value) for i, value in enumerate(problem.target))
    if problem.kind in ("step", "all"):
        yield "learning_rate", problem.learning_rate


def _row(values: Sequence[Fraction]) -> list[Exact]:
    return [exact(value) for value in values]

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import NotRequired

import pytest
from typing_extensions import TypedDict

from fcinspect.layers.array import Array
from fcinspect.reports.documents.core import ArrayDocument
from fcinspect.reports.written import written


class Colour(Enum):
    """A word of a fixed list."""

    RED = "red"


@dataclass(frozen=True)
class Point:
    """A record within another."""

    place: tuple[int, ...]
    value: float
    colour: Colour = Colour.RED
    hidden: int = 7


@dataclass(frozen=True)
class Sketch:
    """A record that holds others."""

    points: tuple[Point, ...]
    best: Point | None
    numbers: Array


class PointDocument(TypedDict):
    """What is written of a point."""

    colour: str
    place: list[int]
    value: float | None


class SketchDocument(TypedDict):
    """What is written of a sketch."""

    points: list[PointDocument]
    best: PointDocument | None
    by_name: dict[str, PointDocument]
    numbers: ArrayDocument
    note: NotRequired[str]


POINT = {"colour": "red", "place": [1, 2], "value": 0.5}


def sketch(best: Point | None = None) -> Sketch:
    """Return a record that holds records and an array."""
    points = (Point((1, 2), 0.5), Point((), math.nan))
    return Sketch(points, best, Array.of([1.0, math.inf], "float32"))


def test_a_document_names_what_is_written() -> None:
    """Its keys in its order, records within by the documents within, enums by value."""
    found = written(sketch(), SketchDocument, by_name={"a": Point((1, 2), 0.5)})
    assert list(found) == ["points", "best", "by_name", "numbers"]
    assert found["points"] == [POINT, {"colour": "red", "place": [], "value": None}]
    assert list(found["points"][0]) == list(PointDocument.__annotations__)
    assert found["best"] is None
    assert found["by_name"] == {"a": POINT}


def test_numbers_that_json_has_not_are_told_apart() -> None:
    """Of an array by their places; elsewhere they are null."""
    numbers = written(sketch(), SketchDocument, by_name={})["numbers"]
    assert numbers == {
        "shape": [2],
        "dtype": "float32",
        "values": [1.0, None],
        "nonfinite": [{"index": [1], "value": "inf"}],
    }


def test_own_values_stand_in_place_of_attributes() -> None:
    """Records among them are written as the document says; so are those of a mapping."""
    found = written(sketch(), SketchDocument, by_name={}, best=Point((1, 2), 0.5), note="x")
    assert found["best"] == POINT
    assert found["note"] == "x"
    within = written(sketch(), SketchDocument, by_name={}, best={**POINT, "value": math.inf})
    assert within["best"] == {**POINT, "value": None}


def test_what_is_written_is_not_gone_through_again() -> None:
    """A document stays the same object within another."""
    point = written(Point((1, 2), 0.5), PointDocument)
    assert written(sketch(), SketchDocument, by_name={}, best=point)["best"] is point


def test_a_key_that_nothing_has_is_seen() -> None:
    """And a value that the document does not list."""
    with pytest.raises(AttributeError, match="by_name"):
        written(sketch(), SketchDocument)
    with pytest.raises(TypeError, match="PointDocument has no size, weight"):
        written(Point((), 1.0), PointDocument, size=1, weight=2)

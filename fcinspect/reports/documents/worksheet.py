"""The types of what `worksheet` writes as JSON."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

Exact = int | float | str
"""A number, exact: a string such as "31/75" where it is no short decimal."""


class SheetLayerDocument(TypedDict):
    """A layer; `weight` is (out_features, in_features)."""

    name: str
    weight: list[list[Exact]]
    bias: list[Exact] | None
    activation: str


class KeyCheckDocument(TypedDict):
    """How the exact results compare with torch's: `equal` to it, or within its rounding bound.

    Where results are rounded to decimals, these are the unrounded ones.
    """

    checked_by: str
    dtype: str
    numbers: int
    equal: int
    within_bound: int


class WorksheetDocument(TypedDict):
    """A worksheet; the pupil replaces each null of `answers` by a number or by "3/2".

    `document` tells it from a grade. `code` is what the sheet shows in place of the seed, and
    only a key has the `seed`, too. `given` holds the results that the sheet shows, `ways` the way
    to each answer where the key was asked for, which then stands in `answers`. To
    `decimals` every result is rounded and gone on with; without it none is.
    """

    document: Literal["worksheet"]
    kind: str
    widths: list[int]
    code: str
    seed: NotRequired[int]
    layers: list[SheetLayerDocument]
    x: list[Exact]
    target: list[Exact]
    loss: str
    learning_rate: Exact
    decimals: NotRequired[int]
    pupil: str
    date: str
    given: dict[str, Exact]
    answers: dict[str, Exact | None]
    ways: dict[str, str] | None
    check: KeyCheckDocument


class ClassDocument(TypedDict):
    """A class set: a worksheet, or its key, for each pupil."""

    document: Literal["class"]
    sheets: list[WorksheetDocument]

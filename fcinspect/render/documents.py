"""The JSON documents that programs may rely on, as types; their JSON Schema is made from these.

Adding a key keeps ``/1`` in a document's name; removing or retyping one raises it.
"""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

VerdictWord = Literal["within bound", "outside bound", "undecided"]


class Nonfinite(TypedDict):
    """A number that JSON cannot hold; `values` has null in its place."""

    index: list[int]
    value: Literal["nan", "inf", "-inf"]


class Statistics(TypedDict):
    """Of the finite numbers; null when there is none."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None


class ArrayDocument(TypedDict):
    """An array: every number exact when `values` is given, else its statistics and digest."""

    shape: list[int]
    dtype: str
    values: NotRequired[Any]
    nonfinite: NotRequired[list[Nonfinite]]
    statistics: NotRequired[Statistics]
    sha256: NotRequired[str]


class TracedLayerDocument(TypedDict):
    """One layer of `shapes`."""

    name: str
    kind: str
    input: list[int]
    weight: list[int] | None
    bias: list[int] | None
    output: list[int]
    parameters: int
    macs: int
    flops: int
    parameter_bytes: int
    output_bytes: int


class ShapesDocument(TypedDict):
    """What `shapes` says."""

    widths: list[int]
    batch: list[int]
    dtype: str
    layers: list[TracedLayerDocument]
    parameters: int
    macs: int
    flops: int
    parameter_bytes: int
    output_bytes: int

"""The JSON document of `diff`, as a type; its JSON Schema is made from this."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

SamenessWord = Literal["equal", "equal up to rounding", "different", "undecided"]


class SpotDocument(TypedDict):
    """One place; a number that is not finite is null."""

    index: list[int]
    a: float | None
    b: float | None


class FindingDocument(TypedDict):
    """How one tensor differs; `max_abs` and `relative` are null where nothing was measured.

    `changed` of `count` numbers are not the same; `relative` is ‖B − A‖F/‖A‖F over the places
    where both numbers are finite, and `max_abs` the largest |b − a| there.
    """

    verdict: SamenessWord
    kind: str
    how: str
    detail: list[str]
    count: int | None
    changed: int | None
    first: SpotDocument | None
    max_abs: float | None
    max_abs_at: list[int] | None
    relative: float | None
    rank: int | None
    singular_values: list[float]


class ComparedLayerDocument(TypedDict):
    """A layer that both have; `in_features_b` and `out_features_b` differ where it was resized.

    `max_abs`, `relative` and the like are of the weight; those of the bias stand in `bias`.
    """

    name: str
    name_b: str
    verdict: SamenessWord
    kind: str
    how: str
    detail: list[str]
    in_features: int
    out_features: int
    in_features_b: int
    out_features_b: int
    dtype_a: str
    dtype_b: str
    renamed: bool
    count: int | None
    changed: int | None
    first: SpotDocument | None
    max_abs: float | None
    max_abs_at: list[int] | None
    relative: float | None
    rank: int | None
    singular_values: list[float]
    bias: FindingDocument | None


class ComparedTensorDocument(FindingDocument):
    """An array that is no linear layer, under --all."""

    name: str
    name_b: str
    shape_a: list[int]
    shape_b: list[int]
    dtype_a: str
    dtype_b: str


class SideDocument(TypedDict):
    """What one side alone has; `shape` is (out_features, in_features) of a layer."""

    name: str
    shape: list[int]
    dtype: str


class NotComparedDocument(TypedDict):
    """How much was not looked at: arrays that are no linear layer, layers without --only."""

    arrays_a: int
    arrays_b: int
    layers_a: int
    layers_b: int


class SummaryDocument(TypedDict):
    """How many layers there are of each verdict and kind."""

    layers: int
    equal: int
    equal_up_to_rounding: int
    different: int
    undecided: int
    kinds: dict[str, int]
    arrays: int
    array_kinds: dict[str, int]
    only_in_a: int
    only_in_b: int
    text: str


class DiffDocument(TypedDict):
    """What `diff` says."""

    a: str
    b: str
    same: bool
    tolerance: str | None
    layers: list[ComparedLayerDocument]
    arrays: list[ComparedTensorDocument]
    only_in_a: list[SideDocument]
    only_in_b: list[SideDocument]
    not_compared: NotComparedDocument
    problems: list[str]
    summary: SummaryDocument

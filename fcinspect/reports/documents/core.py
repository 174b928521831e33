"""The JSON documents that programs may rely on, as types; their JSON Schema is made from these.

Adding a key keeps ``/1`` in a document's name; removing or retyping one raises it.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

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


class LayerDocument(TypedDict):
    """A linear layer."""

    name: str
    in_features: int
    out_features: int
    dtype: str
    weight: ArrayDocument
    bias: ArrayDocument | None
    source: str


class ExplainedLayerDocument(LayerDocument):
    """The layer that `explain` takes apart; `rows_held` when only some rows of W were read."""

    rows_held: list[int] | None


class TermDocument(TypedDict):
    """One product; `running_sum` is the exact sum so far, rounded once to float64."""

    index: int
    weight: float | None
    input: float | None
    product: float | None
    running_sum: float | None


class OtherTermsDocument(TypedDict):
    """The products that are not listed, in exact sums rounded once to float64."""

    count: int
    sum: float | None
    running_sum: float | None


class ExplainedElementDocument(TypedDict):
    """One output element, taken apart."""

    index: list[int]
    terms: list[TermDocument]
    other_terms: OtherTermsDocument | None
    bias: float | None
    exact: float | None
    exact_decimal: str | None
    correctly_rounded: float | None
    output: float | None
    error: float | None
    bound: float | None
    low: float | None
    high: float | None
    ulps: float | None
    verdict: VerdictWord


class CheckedElementsDocument(TypedDict):
    """Every computed element against its bound; `worst` is the index of the one nearest."""

    elements: int
    of: int
    outside: int
    undecided: int
    max_ratio: float | None
    worst: list[int] | None


class ExplainDocument(TypedDict):
    """What `explain` says."""

    layer: ExplainedLayerDocument
    input: ArrayDocument
    output: ArrayDocument | None
    computed_by: str
    arithmetic: str
    elements: list[ExplainedElementDocument]
    total_elements: int
    checked: CheckedElementsDocument
    verdict: VerdictWord


class FullStatistics(Statistics):
    """Of every number; `zeros`, `nan` and `inf` are counts."""

    zeros: int
    nan: int
    inf: int


class ShownLayerDocument(LayerDocument):
    """The layer that `create` made or `show` found; `activation` is what a network file names."""

    activation: str | None


class LawDocument(TypedDict):
    """The law of one parameter, and whether its numbers obey it."""

    law: str
    bound: float | None
    verdict: VerdictWord
    detail: str


class InitialisationDocument(TypedDict):
    """The initialiser that made the layer, or (not `known`) the default one, to compare with.

    `delta` is the probability with which a statement on a mean or variance fails a correct layer.
    """

    name: str
    known: bool
    delta: float
    weight: LawDocument
    bias: LawDocument | None


class ParameterStatistics(TypedDict):
    """The statistics of both parameters."""

    weight: FullStatistics
    bias: FullStatistics | None


class InspectedLayerDocument(TypedDict):
    """What `create` says, and `show` of one layer."""

    layer: ShownLayerDocument
    parameters: int
    parameter_bytes: int
    statistics: ParameterStatistics
    initialisation: InitialisationDocument


class ListedLayerDocument(TypedDict):
    """One layer of a file."""

    name: str
    in_features: int
    out_features: int
    dtype: str
    bias: bool
    parameters: int
    warnings: list[str]


class SkippedDocument(TypedDict):
    """One array of a file that is no linear layer's."""

    name: str
    reason: str


class ListingDocument(TypedDict):
    """What `show` says of a file with several layers."""

    source: str
    layers: list[ListedLayerDocument]
    parameters: int
    skipped: list[SkippedDocument]
    problems: list[str]


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

"""The JSON documents that programs may rely on, as types; their JSON Schema is made from these.

Adding a key keeps ``/1`` in a document's name; removing or retyping one raises it.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

VerdictWord = Literal["within bound", "outside bound", "undecided"]


class Nonfinite(TypedDict):
    """A number that JSON cannot represent; `values` has null instead."""

    index: list[int]
    value: Literal["nan", "inf", "-inf"]


class Statistics(TypedDict):
    """Statistics of the finite numbers; null if there are none."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None


class ArrayDocument(TypedDict):
    """An array: `values` with every number exact, or else its statistics and digest."""

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
    """The explained layer; `rows_held` lists the rows of W if only some were read, else null."""

    rows_held: list[int] | None


class TermDocument(TypedDict):
    """One product; `running_sum` is the exact sum so far, rounded once to float64."""

    index: int
    weight: float | None
    input: float | None
    product: float | None
    running_sum: float | None


class OtherTermsDocument(TypedDict):
    """The products that are not listed, as exact sums rounded once to float64."""

    count: int
    sum: float | None
    running_sum: float | None


class ExplainedElementDocument(TypedDict):
    """One output element, term by term."""

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
    """The check of every computed element; `worst` is the index of the one nearest its bound."""

    elements: int
    of: int
    outside: int
    undecided: int
    max_ratio: float | None
    worst: list[int] | None


class ExplainDocument(TypedDict):
    """The output of `explain`."""

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
    """Statistics of the finite numbers; `zeros`, `nan` and `inf` are counts."""

    zeros: int
    nan: int
    inf: int


class ShownLayerDocument(LayerDocument):
    """The layer that `create` made or `show` read; `activation` is named in a network file."""

    activation: str | None


class LawDocument(TypedDict):
    """The initialization law of one parameter, and whether its numbers satisfy it."""

    law: str
    bound: float | None
    verdict: VerdictWord
    detail: str


class InitialisationDocument(TypedDict):
    """The initializer that made the layer or, if not `known`, the default one for comparison.

    `delta` bounds the probability that a comparison of a mean or variance fails a correct layer.
    """

    name: str
    known: bool
    delta: float
    weight: LawDocument
    bias: LawDocument | None


class ParameterStatistics(TypedDict):
    """The statistics of the weight and the bias."""

    weight: FullStatistics
    bias: FullStatistics | None


class InspectedLayerDocument(TypedDict):
    """The output of `create`, and of `show` for one layer."""

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
    """One array of a file that does not belong to a linear layer."""

    name: str
    reason: str


class ListingDocument(TypedDict):
    """The output of `show` for a file with several layers."""

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
    """The output of `shapes`."""

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
    """One position; a number that is not finite is null."""

    index: list[int]
    a: float | None
    b: float | None


class FindingDocument(TypedDict):
    """How one tensor differs; `max_abs` and `relative` are null if nothing was measured.

    `changed` of `count` numbers differ; `relative` is ‖B − A‖F/‖A‖F over the places
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
    """A layer in both; `in_features_b` and `out_features_b` differ if it was resized.

    `max_abs`, `relative` and the like describe the weight; those of the bias are in `bias`.
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
    """An array that is not a linear layer, with --all."""

    name: str
    name_b: str
    shape_a: list[int]
    shape_b: list[int]
    dtype_a: str
    dtype_b: str


class SideDocument(TypedDict):
    """A layer or array on one side only; a layer's `shape` is (out_features, in_features)."""

    name: str
    shape: list[int]
    dtype: str


class NotComparedDocument(TypedDict):
    """How many were not compared: arrays that are not linear layers, layers left out by --only."""

    arrays_a: int
    arrays_b: int
    layers_a: int
    layers_b: int


class SummaryDocument(TypedDict):
    """The number of layers of each verdict and kind, and of arrays of each kind."""

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
    """The output of `diff`."""

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

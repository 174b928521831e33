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


class ParameterStepDocument(TypedDict):
    """One parameter before and after a step; `update` is new − old in float64."""

    before: ArrayDocument
    grad: ArrayDocument
    update: ArrayDocument
    after: ArrayDocument
    state_before: dict[str, ArrayDocument]
    state_after: dict[str, ArrayDocument]


class StepLayerDocument(TypedDict):
    """One layer of `step`: z = x·Wᵀ + b, a = φ(z), and the gradients of the loss."""

    name: str
    in_features: int
    out_features: int
    activation: str
    weight: ParameterStepDocument
    bias: ParameterStepDocument | None
    input: ArrayDocument
    pre_activation: ArrayDocument
    output: ArrayDocument
    grad_activation: ArrayDocument
    grad_output: ArrayDocument
    grad_input: ArrayDocument


class OptimizerDocument(TypedDict):
    """An optimizer of torch.optim with all its options."""

    name: str
    options: dict[str, Any]


class OperationCheckDocument(TypedDict):
    """One operation against its closed form; a number that is not finite is null."""

    name: str
    formula: str
    verdict: VerdictWord
    max_ratio: float | None
    worst: list[int] | None
    computed: float | None
    reference: float | None
    bound: float | None
    elements: int
    outside: int
    undecided: int
    cause: str | None
    detail: str


class EarlierFindingDocument(TypedDict):
    """An operation of a step before the last that is not within its bound."""

    step: int
    check: OperationCheckDocument


class LossAtStepDocument(TypedDict):
    """The loss after that many steps."""

    step: int
    loss: float | None


class GradientTermDocument(TypedDict):
    """What one row of the batch adds to the gradient of a followed parameter."""

    row: list[int]
    grad_activation: float | None
    derivative: float | None
    grad_output: float | None
    input: float | None
    product: float | None
    running_sum: float | None


class WorkedLineDocument(TypedDict):
    """One line of the optimizer's working; `numbers` is the formula with its numbers put in."""

    name: str
    formula: str
    numbers: str
    value: float | None


class FollowedDocument(TypedDict):
    """One parameter followed through a step."""

    name: str
    index: list[int]
    before: float | None
    grad: float | None
    update: float | None
    after: float | None
    terms: list[GradientTermDocument]
    working: list[WorkedLineDocument]


class StepDocument(TypedDict):
    """What `step` says: the last step, and the loss of all."""

    widths: list[int]
    dtype: str
    step: int
    loss: str
    optimizer: OptimizerDocument
    input: ArrayDocument
    target: ArrayDocument
    output_before: ArrayDocument
    loss_before: float | None
    layers: list[StepLayerDocument]
    output_after: ArrayDocument
    loss_after: float | None
    losses: list[LossAtStepDocument]
    checks: list[OperationCheckDocument]
    earlier: list[EarlierFindingDocument]
    earlier_verdict: VerdictWord
    parameter: FollowedDocument | None
    verdict: VerdictWord


class WorstDocument(TypedDict):
    """The element nearest to its bound; rounding can reach `low` to `high`."""

    index: list[int]
    computed: float | None
    reference: float | None
    low: float | None
    high: float | None


class CheckDocument(TypedDict):
    """One check; `max_ratio` is the largest error/bound, null where no numbers are compared."""

    name: str
    group: str
    verdict: VerdictWord
    max_ratio: float | None
    worst: WorstDocument | None
    cause: str | None
    detail: str
    elements: int
    outside: int
    undecided: int


class VerifyDocument(TypedDict):
    """What `verify` says."""

    kind: Literal["layer", "implementation", "optimizer", "output", "step", "example"]
    subject: str
    verdict: VerdictWord
    likely_cause: str | None
    checks: list[CheckDocument]
    not_exercised: list[str]
    notes: list[str]


class ShippedExampleDocument(TypedDict):
    """A worked example that comes with fcinspect; `known_wrong` says why by the place."""

    name: str
    title: str
    source: str | None
    widths: list[int]
    printed_numbers: int
    known_wrong: dict[str, str]


class ShippedExamplesDocument(TypedDict):
    """What `verify example --list` says."""

    kind: Literal["example"]
    examples: list[ShippedExampleDocument]


class PlannedChecksDocument(TypedDict):
    """What `verify --checks list` says."""

    kind: Literal["layer", "implementation", "optimizer", "output", "step", "example"]
    subject: str
    planned: list[str]
    not_exercised: list[str]

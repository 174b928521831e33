"""The JSON documents of `approximate`, `draw`, `trace` and `diagnose`, as types."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from fcinspect.reports.documents.core import ArrayDocument, LayerDocument, VerdictWord


class IntervalDocument(TypedDict):
    """[A, B]: as given, and in float64; `first` and `last` are the outermost numbers of the
    network's format inside it, between which the certificate holds.
    """

    text: str
    low: float
    high: float
    first: float
    last: float


class ErrorPartsDocument(TypedDict):
    """|f(x) − y(x)| in three parts, each rounded upwards; `certified` bounds their sum.

    `requested` is null for a depth without an error.
    """

    requested: float | None
    certified: float
    interpolation: float
    parameters: float
    arithmetic: float


class FloorDocument(TypedDict):
    """About the least error that a format can be certified for, and the units it takes.

    `error` and `width` are null where the format cannot be used at all, for `reason`. `taken` are
    the units with which it is certified for E, where they are too many to be taken, else null.
    """

    dtype: str
    error: float | None
    width: int | None
    reason: str
    taken: int | None


class NetworkLayerDocument(LayerDocument):
    """A layer and the activation behind it."""

    activation: str


class NetworkDocument(TypedDict):
    """A network as `step`, `explain` and `draw` read it."""

    layers: list[NetworkLayerDocument]


class LowerBoundDocument(TypedDict):
    """Pieces of any piecewise linear function within the error, and units of any network with one
    hidden layer.
    """

    pieces: int
    width: int


class ComparisonDocument(TypedDict):
    """Hidden ReLUs that an error takes, rounding left out."""

    error: float
    width: int
    uniform_width: int | None
    lower_bound: LowerBoundDocument


class GridCheckDocument(TypedDict):
    """The network's outputs at many points, held against f."""

    computed_by: str
    dtype: str
    points: int
    largest_error: float
    at: float
    nonfinite: int
    certified: float
    verdict: VerdictWord


class ApproximateDocument(TypedDict):
    """What `approximate` says of a network with one hidden layer."""

    function: str
    second_derivative: str
    interval: IntervalDocument
    dtype: str
    width: int
    ideal_width: int
    uniform_width: int | None
    lower_bound: LowerBoundDocument
    error: ErrorPartsDocument
    floors: list[FloorDocument]
    anchor: float
    knots: ArrayDocument
    network: NetworkDocument
    comparison: list[ComparisonDocument]
    checks: list[GridCheckDocument]


class DepthDocument(TypedDict):
    """What `approximate --depth` says of the network of sawtooth layers for x².

    `width` counts all hidden ReLUs; `shallow` is what one hidden layer takes for the same error.
    """

    function: str
    interval: IntervalDocument
    dtype: str
    depth: int
    width: int
    shallow: ComparisonDocument
    error: ErrorPartsDocument
    network: NetworkDocument
    checks: list[GridCheckDocument]


class UnitDocument(TypedDict):
    """A unit that is shown: `index` counts from 0, its label from 1.

    `value` and `bias` are null where they are not known or not finite. `dead` is "zero row" where
    every weight into the unit is 0, "zero output" where the unit of a hidden layer is 0 for the
    given input, else null.
    """

    index: int
    label: str
    value: float | None
    bias: float | None
    dead: str | None


class ColumnDocument(TypedDict):
    """The input (position 0) or the units of a layer; `folded` counts those not shown."""

    position: int
    title: str
    width: int
    units: list[UnitDocument]
    folded: int


class EdgeDocument(TypedDict):
    """From unit `source` to unit `target` of the next column: W[target, source].

    `weight` is null where it is not known or not finite.
    """

    source: int
    target: int
    weight: float | None


class ConnectionDocument(TypedDict):
    """A layer between columns that are shown; `column` is the one that it leads to.

    `left_out` counts its edges that are not drawn.
    """

    name: str
    column: int
    in_features: int
    out_features: int
    bias: bool
    activation: str
    edges: list[EdgeDocument]
    left_out: int


class FoldedColumnsDocument(TypedDict):
    """Columns in the middle of a long network that are not shown."""

    first: int
    count: int


class DrawDocument(TypedDict):
    """What `draw` says of a network; `dtype` is null where only its structure is known.

    `folds` says in sentences what is not drawn.
    """

    widths: list[int]
    source: str
    dtype: str | None
    parameters: int
    columns: list[ColumnDocument]
    layers: list[ConnectionDocument]
    folded_columns: FoldedColumnsDocument | None
    edges: int
    edges_drawn: int
    folds: list[str]


class TensorDocument(TypedDict):
    """A tensor without its numbers; `name` is its place in a tuple or dict, "" alone."""

    name: str
    shape: list[int]
    dtype: str


class PlaceDocument(TypedDict):
    """A line of source code."""

    file: str
    line: int


class WindowDocument(TypedDict):
    """The arithmetic of one dimension of a convolution or pool."""

    axis: str
    formula: str
    output: int


class UsedParameterDocument(TypedDict):
    """A parameter that a step uses; `new` where no earlier step did."""

    name: str
    shape: list[int]
    new: bool


class StepOfModuleDocument(TypedDict):
    """One step of a trace; `input` and `output` are the shapes of the first tensors."""

    name: str
    kind: str
    call: str
    is_module: bool
    input: list[int] | None
    output: list[int] | None
    inputs: list[TensorDocument]
    outputs: list[TensorDocument]
    weight: list[int] | None
    bias: list[int] | None
    parameters: int
    used_parameters: list[UsedParameterDocument]
    macs: int
    linear: bool
    called: PlaceDocument | None
    made: PlaceDocument | None
    made_in_run: bool
    windows: list[WindowDocument]
    note: str


class ChangeDocument(TypedDict):
    """Lines of a source file, from `line` on, and what is to stand in their place."""

    file: str
    line: int
    before: str
    after: str


class TrialDocument(TypedDict):
    """What the module did with the changes made, in memory."""

    runs: bool
    keeps_batch: bool
    words: str


class CauseDocument(TypedDict):
    """One likely cause; `changes` where the source is known, `trial` where the module was given."""

    name: str
    cause: str
    evidence: str
    fix: str
    code: str | None
    changes: list[ChangeDocument]
    trial: TrialDocument | None


class DiagnosisDocument(TypedDict):
    """What a message says; the most likely cause first."""

    kind: str
    message: str
    happened: str
    likely: list[CauseDocument]


class DiagnoseDocument(DiagnosisDocument):
    """What `diagnose` says; `kind` is "none" where no fault was found.

    `place` is the innermost line of the reader's own code that the error came through.
    """

    place: PlaceDocument | None
    shapes: list[str]
    checked: list[str]
    not_exercised: list[str]


class FailureDocument(TypedDict):
    """What stopped the run; `step` is the step that could not be done."""

    stage: Literal["import", "construction", "forward"]
    error: str
    message: str
    place: PlaceDocument | None
    code: str
    step: StepOfModuleDocument | None
    diagnosis: DiagnosisDocument | None


class TraceDocument(TypedDict):
    """What `trace` says; `unregistered` are numbers that steps use and the module does not know."""

    source: str
    name: str
    device: Literal["meta", "cpu"]
    why_not_meta: str
    training: bool
    batch: list[int]
    inputs: list[TensorDocument]
    outputs: list[TensorDocument]
    layers: list[StepOfModuleDocument]
    parameters: int
    unregistered: int
    trainable: int
    parameter_bytes: int
    buffers: int
    macs: int
    unused: list[UsedParameterDocument]
    failure: FailureDocument | None

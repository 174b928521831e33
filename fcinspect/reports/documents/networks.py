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
    """|f(x) − y(x)| in three parts, each rounded up; `certified` bounds their sum.

    `requested` is null for --depth without --error.
    """

    requested: float | None
    certified: float
    interpolation: float
    parameters: float
    arithmetic: float


class FloorDocument(TypedDict):
    """The smallest error, approximately, certified in a format, and the units it needs.

    `error` and `width` are null if the format cannot be used at all; `reason` says why. `taken` is
    the number of units that the format needs for E if that is too many to be used, else null.
    """

    dtype: str
    error: float | None
    width: int | None
    reason: str
    taken: int | None


class NetworkLayerDocument(LayerDocument):
    """A layer and the activation after it."""

    activation: str


class NetworkDocument(TypedDict):
    """A network as `step`, `explain` and `draw` read it."""

    layers: list[NetworkLayerDocument]


class LowerBoundDocument(TypedDict):
    """The minimum: pieces of any piecewise linear function within the error, and units of any
    network with one hidden layer.
    """

    pieces: int
    width: int


class ComparisonDocument(TypedDict):
    """The hidden ReLUs that an error needs, ignoring rounding."""

    error: float
    width: int
    uniform_width: int | None
    lower_bound: LowerBoundDocument


class GridCheckDocument(TypedDict):
    """The network's outputs at many points, compared with f."""

    computed_by: str
    dtype: str
    points: int
    largest_error: float
    at: float
    nonfinite: int
    certified: float
    verdict: VerdictWord


class ApproximateDocument(TypedDict):
    """The output of `approximate` for a network with one hidden layer."""

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
    """The output of `approximate --depth`, for the network of sawtooth layers for x².

    `width` counts all hidden ReLUs; `shallow` is what one hidden layer needs for the same error.
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

    `value` and `bias` are null if they are unknown or not finite. `dead` is "zero row" if every
    weight into the unit is 0, "zero output" if the unit is in a hidden layer and is 0 for the
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

    `weight` is null if it is unknown or not finite.
    """

    source: int
    target: int
    weight: float | None


class ConnectionDocument(TypedDict):
    """A layer between columns that are shown; `column` is the column of its outputs.

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
    """The output of `draw`; `dtype` is null if only the structure of the network is known.

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
    """A tensor without its numbers; `name` is its place in a tuple or dict, "" if in none."""

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
    """A parameter that a step uses; `new` if no earlier step did."""

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
    """Lines of a source file, from `line` on, and their replacement."""

    file: str
    line: int
    before: str
    after: str


class TrialDocument(TypedDict):
    """What the module did with the changes applied in memory."""

    runs: bool
    keeps_batch: bool
    words: str


class CauseDocument(TypedDict):
    """One likely cause; `changes` if the source is known, `trial` if the module was given."""

    name: str
    cause: str
    evidence: str
    fix: str
    code: str | None
    changes: list[ChangeDocument]
    trial: TrialDocument | None


class DiagnosisDocument(TypedDict):
    """The diagnosis of a message; the most likely cause is first."""

    kind: str
    message: str
    happened: str
    likely: list[CauseDocument]


class DiagnoseDocument(DiagnosisDocument):
    """The output of `diagnose`; `kind` is "none" if no fault was found.

    `place` is the innermost line of the user's own code that the error passed through.
    """

    place: PlaceDocument | None
    shapes: list[str]
    checked: list[str]
    not_exercised: list[str]


class FailureDocument(TypedDict):
    """What stopped the run; `step` is the step that failed."""

    stage: Literal["import", "construction", "forward"]
    error: str
    message: str
    place: PlaceDocument | None
    code: str
    step: StepOfModuleDocument | None
    diagnosis: DiagnosisDocument | None


class TraceDocument(TypedDict):
    """The output of `trace`; `unregistered` counts parameters used but not registered."""

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

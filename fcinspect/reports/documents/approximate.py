"""The types of what `approximate` writes as JSON."""

from __future__ import annotations

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

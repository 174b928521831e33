"""The types of what `scan` writes as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from fcinspect.reports.documents.core import ArrayDocument, SkippedDocument


class LinesDocument(TypedDict):
    """Some outputs or inputs: how many, and the indices of the first ones."""

    count: int
    first: list[int]


class BiasDocument(TypedDict):
    """The statistics of a bias."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    norm: float | None
    zeros: int
    nan: int
    inf: int


class SpectralNormDocument(TypedDict):
    """The largest singular value, by Lanczos' method.

    `residual` bounds the distance from value² to the nearest squared singular value, relative to
    value²; `converged` says whether value is certainly within 1e-4 of a singular value.
    """

    value: float | None
    residual: float
    steps: int
    converged: bool
    stable_rank: float | None


class HistogramDocument(TypedDict):
    """How many singular values above the resolution lie between consecutive edges."""

    scale: str
    edges: list[float | None]
    counts: list[int]


class SpectrumDocument(TypedDict):
    """All singular values, descending; those below `resolution` are rounding errors."""

    values: ArrayDocument
    resolution: float | None
    rank: int
    condition_number: float | None
    condition_is_reliable: bool
    stable_rank: float
    effective_rank: float
    histogram: HistogramDocument | None


class FingerprintDocument(TypedDict):
    """The initialization law that a weight still appears to be drawn from."""

    kind: str
    law: str
    makers: list[str]
    untrained: bool


class FindingDocument(TypedDict):
    """A reason for which a check fails."""

    kind: str
    detail: str


class ScannedLayerDocument(TypedDict):
    """One linear layer; numbers that are not finite are null, statistics are of finite numbers."""

    name: str
    source: str
    in_features: int
    out_features: int
    dtype: str
    bias: bool
    parameters: int
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    norm: float | None
    zeros: int
    nan: int
    inf: int
    dead_outputs: LinesDocument
    dead_inputs: LinesDocument
    duplicate_outputs: LinesDocument | None
    spectral_norm_low: float | None
    spectral_norm_high: float | None
    spectral_norm: SpectralNormDocument | None
    spectrum: SpectrumDocument | None
    fingerprint: FingerprintDocument | None
    bias_statistics: BiasDocument | None
    findings: list[FindingDocument]
    warnings: list[str]


class OtherDocument(TypedDict):
    """An array that is not a linear layer and was examined by a check."""

    name: str
    source: str
    min: float | None
    max: float | None
    zeros: int
    nan: int
    inf: int


class FailedFileDocument(TypedDict):
    """A file that could not be read, or not completely."""

    name: str
    reason: str


class ScanDocument(TypedDict):
    """The output of `scan`."""

    sources: list[str]
    layers: list[ScannedLayerDocument]
    parameters: int
    left_out: int
    skipped: list[SkippedDocument]
    others: list[OtherDocument]
    unread: list[str]
    failed: list[FailedFileDocument]
    problems: list[str]
    checked: bool

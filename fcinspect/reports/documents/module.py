"""The JSON documents of `trace` and `diagnose`, as types; see documents.py."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


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

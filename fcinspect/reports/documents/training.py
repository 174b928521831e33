"""The JSON documents of `step`, `verify` and `worksheet`, as types."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from fcinspect.reports.documents.core import ArrayDocument, VerdictWord


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
    """One operation compared with its closed form; a number that is not finite is null."""

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
    """An operation of an earlier step that is not within its bound."""

    step: int
    check: OperationCheckDocument


class LossAtStepDocument(TypedDict):
    """The loss after that many steps."""

    step: int
    loss: float | None


class GradientTermDocument(TypedDict):
    """The contribution of one batch row to the gradient of a followed parameter."""

    row: list[int]
    grad_activation: float | None
    derivative: float | None
    grad_output: float | None
    input: float | None
    product: float | None
    running_sum: float | None


class WorkedLineDocument(TypedDict):
    """One line of the optimizer's working; `numbers` is the formula with numbers substituted."""

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
    """The output of `step`: the last step, and the losses of all steps."""

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
    """The element nearest to its bound; rounding allows `low` to `high`."""

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
    """The output of `verify`."""

    kind: Literal["layer", "implementation", "optimizer", "output", "step", "example"]
    subject: str
    verdict: VerdictWord
    likely_cause: str | None
    checks: list[CheckDocument]
    not_exercised: list[str]
    notes: list[str]


class ShippedExampleDocument(TypedDict):
    """A worked example included in fcinspect; `known_wrong` maps each wrong place to the reason."""

    name: str
    title: str
    source: str | None
    widths: list[int]
    printed_numbers: int
    known_wrong: dict[str, str]


class ShippedExamplesDocument(TypedDict):
    """The output of `verify example --list`."""

    kind: Literal["example"]
    examples: list[ShippedExampleDocument]


class PlannedChecksDocument(TypedDict):
    """The output of `verify --checks list`."""

    kind: Literal["layer", "implementation", "optimizer", "output", "step", "example"]
    subject: str
    planned: list[str]
    not_exercised: list[str]


Exact = int | float | str
"""An exact number: a string such as "31/75" if it is not a short decimal."""


class SheetLayerDocument(TypedDict):
    """A layer; `weight` is (out_features, in_features)."""

    name: str
    weight: list[list[Exact]]
    bias: list[Exact] | None
    activation: str


class KeyCheckDocument(TypedDict):
    """How the exact results compare with torch's: `equal`, or within their rounding bound.

    If results are rounded to decimals, the unrounded ones are compared.
    """

    checked_by: str
    dtype: str
    numbers: int
    equal: int
    within_bound: int


class WorksheetDocument(TypedDict):
    """A worksheet; the pupil replaces each null in `answers` with a number or a string like "3/2".

    `document` distinguishes it from a grade. The sheet shows `code` instead of the seed; only a
    key also has the `seed`. `given` holds the results that the sheet shows. A key has the numbers
    in `answers` and the working of each in `ways`. With `decimals`, every result is rounded and
    the rounded number is used from then on; without it, nothing is rounded.
    """

    document: Literal["worksheet"]
    kind: str
    widths: list[int]
    code: str
    seed: NotRequired[int]
    layers: list[SheetLayerDocument]
    x: list[Exact]
    target: list[Exact]
    loss: str
    learning_rate: Exact
    decimals: NotRequired[int]
    pupil: str
    date: str
    given: dict[str, Exact]
    answers: dict[str, Exact | None]
    ways: dict[str, str] | None
    check: KeyCheckDocument


class ClassDocument(TypedDict):
    """A class set: a worksheet, or its key, for each pupil."""

    document: Literal["class"]
    sheets: list[WorksheetDocument]


MarkWord = Literal["right", "right up to rounding", "follows", "wrong", "unreadable", "empty"]


class GradedBlankDocument(TypedDict):
    """One blank; numbers are exact, as decimals or, if these do not terminate, as fractions.

    `answer` is null if it is empty, `right` if the solution is withheld. `follows` names the
    answers that are not right but from which this one is computed correctly; `slip` is the likely
    slip of a wrong answer or the expected form of an unreadable one, null if none is known.
    """

    id: str
    section: str
    answer: str | None
    mark: MarkWord
    right: str | None
    follows: list[str]
    slip: str | None


class ScoreDocument(TypedDict):
    """How many blanks there are, and how many have each mark."""

    blanks: int
    right: int
    rounded: int
    follows: int
    wrong: int
    unreadable: int
    empty: int


class MistakeDocument(TypedDict):
    """One slip with all the blanks that it explains; `slip` is null for blanks without any."""

    slip: str | None
    blanks: list[str]


class GradedSheetDocument(TypedDict):
    """One filled-in worksheet; `altered` if its problem is not that of its widths and code."""

    file: str
    pupil: str | None
    date: str | None
    kind: str
    widths: list[int]
    seed: int
    code: str
    bias: bool
    altered: bool
    score: ScoreDocument
    blanks: list[GradedBlankDocument]
    mistakes: list[MistakeDocument]
    notes: list[str]


class UngradedSheetDocument(TypedDict):
    """A file that is not a filled-in worksheet, and the reason."""

    file: str
    refusal: str


class GradebookDocument(TypedDict):
    """The filled-in worksheets in the order given; `document` says that these are grades, not a
    worksheet."""

    document: Literal["grade"]
    graded: list[GradedSheetDocument]
    ungraded: list[UngradedSheetDocument]

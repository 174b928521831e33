"""What a comparison of two checkpoints says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Sameness(StrEnum):
    """The verdict on a layer or tensor."""

    EQUAL = "equal"
    """The same numbers in the same format, bit for bit."""
    ROUNDED = "equal up to rounding"
    """Within the tolerance that was asked for."""
    DIFFERENT = "different"
    """Not the same."""
    UNDECIDED = "undecided"
    """Not compared, or not wholly; never success."""

    @property
    def is_same(self) -> bool:
        """Whether the verdict counts as the same."""
        return self in (Sameness.EQUAL, Sameness.ROUNDED)


@dataclass(frozen=True)
class Spot:
    """One place where the two sides differ."""

    index: tuple[int, ...]
    """(output, input) of a weight, (output,) of a bias, the index of any other tensor."""
    a: float
    b: float


@dataclass(frozen=True)
class Magnitude:
    """How far two tensors of the same shape lie apart, place by place."""

    count: int
    changed: int
    """How many of them are not the same, bit for bit or, in two formats, as numbers."""
    first: Spot | None
    """The first that changed, in the order of A's file."""
    largest: Spot | None
    """Where |b − a| is largest, of places where both are finite."""
    max_abs: float | None
    """That |b − a|; None where no place has two finite numbers, or none of these changed."""
    relative: float | None
    """‖B − A‖F/‖A‖F over places with two finite numbers; None where it is not defined."""

    @property
    def share(self) -> float:
        """How much of the numbers changed, 0 to 1."""
        return self.changed / self.count if self.count else 0.0


@dataclass(frozen=True)
class TensorFinding:
    """How one tensor of A and one of B differ."""

    kind: str
    """The kind of difference in the words of the summary, "rounded to bfloat16"."""
    how: str
    """The same with its particulars, "scaled by 0.5"."""
    detail: tuple[str, ...] = ()
    """Sentences for a reader."""
    verdict: Sameness = Sameness.DIFFERENT
    """Whether they count as the same."""
    magnitude: Magnitude | None = None
    """How far they lie apart; None where they are equal or have different shapes."""
    rank: int | None = None
    """The rank of B − A where that is a low-rank update."""
    singular_values: tuple[float, ...] = ()
    """The singular values of such an update, largest first."""
    order: tuple[int, ...] | None = field(default=None, repr=False)
    """Row i of B is row order[i] of A, where outputs were permuted; not shown."""


EQUAL = TensorFinding("equal", "equal", verdict=Sameness.EQUAL)


@dataclass(frozen=True)
class TensorSide:
    """A layer or tensor as one checkpoint holds it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """(out_features, in_features) of a layer, else the shape."""


@dataclass(frozen=True)
class Compared:
    """A layer, or another tensor, that both checkpoints have."""

    name: str
    a: TensorSide
    b: TensorSide
    finding: TensorFinding
    """The weight, or the tensor."""
    bias: TensorFinding | None = None
    """The bias; None where neither side has one."""
    is_linear: bool = True
    """Whether it is a linear layer."""
    renamed: bool = False
    """Whether it was found by its content, under another name."""

    @property
    def verdict(self) -> Sameness:
        """Return the worse of the two verdicts."""
        found = [self.finding.verdict] + ([self.bias.verdict] if self.bias else [])
        if Sameness.DIFFERENT in found:
            return Sameness.DIFFERENT
        return max(found, key=list(Sameness).index)

    @property
    def kind(self) -> str:
        """The kind of difference, of the weight or else of the bias."""
        if self.finding.verdict is Sameness.EQUAL and self.bias is not None:
            return "equal" if self.bias.kind == "equal" else "with another bias"
        return self.finding.kind

    @property
    def how(self) -> str:
        """How the layer differs, weight first."""
        if self.bias is None or self.bias.how == self.finding.how:
            return self.finding.how
        if self.finding.verdict is Sameness.EQUAL:
            return f"bias {self.bias.how}"
        if self.bias.verdict is Sameness.EQUAL:
            return self.finding.how
        return f"{self.finding.how}; bias {self.bias.how}"


@dataclass(frozen=True)
class Difference:
    """What changed from one checkpoint to another."""

    a: str
    b: str
    compared: tuple[Compared, ...]
    """What both have, in the order of A."""
    only_in_a: tuple[TensorSide, ...] = ()
    """What B lacks."""
    only_in_b: tuple[TensorSide, ...] = ()
    """What A lacks."""
    not_compared_a: int = 0
    """Tensors of A that are no linear layer and were not looked at."""
    not_compared_b: int = 0
    """Tensors of B that are no linear layer and were not looked at."""
    left_out_a: int = 0
    """Layers of A that --only leaves out."""
    left_out_b: int = 0
    """Layers of B that --only leaves out."""
    tolerance: str | None = None
    """The format whose rounding counts as the same."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how the two were put side by side."""
    problems: tuple[str, ...] = ()
    """What is missing from the files of either side, or in them without being listed."""

    @property
    def ok(self) -> bool:
        """Whether everything that was to be compared is the same."""
        if self.only_in_a or self.only_in_b or self.problems:
            return False
        return all(each.verdict.is_same for each in self.compared)

    def counted(self, *, linear: bool) -> dict[str, int]:
        """Return how many layers (or other tensors) there are of each kind, "equal" first."""
        kinds = Counter(each.kind for each in self.compared if each.is_linear == linear)
        ordered = sorted(kinds, key=lambda kind: (kind != "equal", -kinds[kind], kind))
        return {kind: kinds[kind] for kind in ordered}

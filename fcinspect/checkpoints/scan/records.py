"""What a scan says of a linear layer: its statistics, singular values and law of initialisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import Float64Array

MOST_DIGESTS = 1 << 22
"""Outputs of a layer up to which equal ones are looked for: 32 MiB of digests."""
WANTED = 1e-4
"""The relative error of σ₁ that the steps aim at."""
RELIABLE_CONDITION = 1e7
"""Condition numbers up to this are told from the Gram matrix's rounding."""


@dataclass(frozen=True)
class ScannedNumbers:
    """Of the numbers of a weight or bias; all but the counts are of its finite numbers."""

    count: int
    min: float
    """The smallest finite number; nan where there is none."""
    max: float
    mean: float
    std: float
    """The sample standard deviation (divisor n − 1, as torch.Tensor.std); nan for one number."""
    norm: float
    """The Frobenius norm, √Σw²; nan where numbers are there, but none is finite."""
    zeros: int
    """How many are exactly zero, −0 included."""
    nan: int
    inf: int

    @property
    def finite(self) -> int:
        """How many are finite."""
        return self.count - self.nan - self.inf


@dataclass(frozen=True)
class LineCount:
    """Some outputs or inputs of a layer: how many, and the first of them."""

    count: int
    first: tuple[int, ...] = ()
    """The first few, in ascending order."""


@dataclass(frozen=True)
class MatrixStatistics:
    """Of a weight W (out_features × in_features), however the file holds it."""

    numbers: ScannedNumbers
    dead_outputs: LineCount
    """Rows of W that are all zero."""
    dead_inputs: LineCount
    """Columns of W that are all zero."""
    duplicate_outputs: LineCount | None
    """Rows of W equal, bit for bit, to an earlier one, but for dead ones; None: not looked for."""
    spectral_low: float | None
    """A lower bound of σ₁, the largest of row norms, column norms and ‖W‖F/√rank; None where
    numbers are not finite."""
    spectral_high: float | None
    """An upper bound of σ₁, the smaller of ‖W‖F and √(‖W‖₁‖W‖∞)."""


@dataclass(frozen=True)
class LeadingSingularValue:
    """The largest singular value σ₁ of a matrix, as far as some passes over it tell."""

    sigma: float
    """The largest Ritz value of WᵀW, its root: at most σ₁, but for rounding."""
    residual: float
    """A bound of ‖WᵀWv − σ²v‖/σ² of the unit vector v found, rounding included: some singular
    value σᵢ has |σᵢ² − σ²| <= residual·σ². 0 for a matrix of zeros."""
    steps: int
    """Passes over the matrix with WᵀW; 0 where no step was needed."""
    stable_rank: float
    """‖W‖F²/σ², 0 for a matrix of zeros."""

    @property
    def error_bound(self) -> float:
        """A bound of |σᵢ − σ|/σ for the singular value σᵢ nearest to σ; 1 when r is too large."""
        return 1 - math.sqrt(1 - self.residual) if self.residual < 1 else 1.0

    @property
    def converged(self) -> bool:
        """Whether a singular value surely lies within 10⁻⁴ of σ, relative to it.

        That it is the largest is as likely as singular.py says. When it is false σ is a lower bound
        of σ₁, and no more is known.
        """
        return self.error_bound <= WANTED


@dataclass(frozen=True)
class Histogram:
    """Counts of positive numbers between edges."""

    scale: Literal["linear", "log"]
    """Whether the bins are equally wide, or equally wide in logarithms."""
    edges: tuple[float, ...]
    """Ascending, one more than there are bins; the last bin holds its upper edge too."""
    counts: tuple[int, ...]
    """How many numbers lie in each bin."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The singular values of a matrix."""

    values: Float64Array
    """All min(rows, columns) of them, descending; those below `resolution` are rounding."""
    norm: float
    """‖W‖F."""
    resolution: float
    """√(max(m, n)·ε)·σ₁: what is smaller is not told from 0."""
    histogram: Histogram | None
    """How many lie where, of those above the resolution; None where there is none."""

    def __post_init__(self) -> None:
        self.values.setflags(write=False)

    @property
    def largest(self) -> float:
        """σ₁; 0 for a matrix without numbers."""
        return float(self.values[0]) if self.values.size else 0.0

    @property
    def smallest(self) -> float:
        """The last singular value, as computed; 0 for a matrix without numbers."""
        return float(self.values[-1]) if self.values.size else 0.0

    @property
    def rank(self) -> int:
        """The numerical rank: how many are above the resolution."""
        return self.rank_above(self.resolution)

    def rank_above(self, noise: float) -> int:
        """Return how many singular values are above `noise` and the resolution."""
        return int((self.values > max(noise, self.resolution)).sum())

    @property
    def condition_number(self) -> float | None:
        """σ₁ over the smallest as computed; inf where that is 0, None where σ₁ is 0."""
        if not self.largest:
            return None
        return self.largest / self.smallest if self.smallest else math.inf

    @property
    def condition_is_reliable(self) -> bool:
        """Whether it is at most 10⁷, at full rank; else it may be σ₁/resolution or more."""
        condition = self.condition_number
        full = self.rank == self.values.size
        return condition is not None and full and condition <= RELIABLE_CONDITION

    @property
    def stable_rank(self) -> float:
        """‖W‖F²/σ₁², 0 for a matrix of zeros."""
        return (self.norm / self.largest) ** 2 if self.largest else 0.0

    @property
    def effective_rank(self) -> float:
        """e^H, H = −Σ pᵢ·ln pᵢ of pᵢ = σᵢ/Σσ (Roy and Vetterli 2007); 0 for a matrix of zeros.

        Of the values above the resolution.
        """
        if not self.largest:
            return 0.0
        import numpy as np

        shares = self.values[: self.rank] / self.largest
        shares = shares / shares.sum()
        return math.exp(-float((shares * np.log(shares)).sum()))


@dataclass(frozen=True)
class Wanted:
    """What is found beyond one pass over the numbers."""

    leading: bool = False
    """σ₁ by Lanczos' method."""
    spectrum: bool = False
    """All singular values."""

    @property
    def any(self) -> bool:
        """Whether anything is."""
        return self.leading or self.spectrum


@dataclass(frozen=True)
class SingularValues:
    """What was found of a weight's singular values."""

    wanted: Wanted
    """What was asked for: what is then None is undecided, as numbers are not finite."""
    leading: LeadingSingularValue | None = None
    spectrum: Spectrum | None = None

    @property
    def largest(self) -> float | None:
        """σ₁, or a lower bound near it; None where it is not known."""
        if self.spectrum is not None:
            return self.spectrum.largest
        return None if self.leading is None else self.leading.sigma


@dataclass(frozen=True)
class Fingerprint:
    """The law that a weight looks drawn from."""

    kind: Literal["uniform", "normal", "constant"]
    """The family of the law."""
    law: str
    """In symbols, "U(−1/√384, 1/√384)"; of several that fit, the first."""
    makers: tuple[str, ...]
    """Who draws from it, "nn.Linear's default"; several where the numbers fit them all."""

    @property
    def untrained(self) -> bool:
        """Whether the numbers look untouched since they were drawn: said of uniform laws only."""
        return self.kind == "uniform"

    @property
    def words(self) -> str:
        """The finding as a line."""
        by = " or ".join(self.makers)
        if self.kind == "constant":
            return f"{self.law} ({by})"
        if self.untrained:
            return f"within {self.law}: looks untrained ({by})"
        return f"like {self.law}: may be untrained ({by})"


@dataclass(frozen=True)
class ScannedLayer:
    """What was found of one linear layer."""

    name: str
    """The module path; "" for a layer on its own."""
    source: str
    """The checkpoint in words."""
    in_features: int
    out_features: int
    dtype: str
    """The number format of the weight."""
    parameters: int
    """out·in, plus out with a bias."""
    weight: MatrixStatistics
    bias: ScannedNumbers | None
    """Of the bias, None for a layer without one."""
    singular: SingularValues
    """Its singular values, as far as they were wanted."""
    fingerprint: Fingerprint | None
    """The law of initialisation that the weight still looks drawn from."""
    warnings: tuple[str, ...] = ()
    """What a reader should know of how the layer was understood."""
    doubt: str | None = None
    """Why its outputs may be its inputs, None where the file or the caller tells its layout."""


@dataclass(frozen=True)
class ScannedOther:
    """What was found of an array that is no linear layer."""

    name: str
    """The state-dict key."""
    source: str
    """The checkpoint in words."""
    numbers: ScannedNumbers

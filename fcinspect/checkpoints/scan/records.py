"""What a scan says of a linear layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.fingerprint import Fingerprint
    from fcinspect.checkpoints.scan.singular import SingularValues


@dataclass(frozen=True)
class Statistics:
    """Of the numbers of a weight or bias; all but the counts are of its finite numbers."""

    count: int
    """How many numbers there are."""
    min: float
    """The smallest finite number; nan where there is none."""
    max: float
    """The largest finite number."""
    mean: float
    """The mean."""
    std: float
    """The sample standard deviation (divisor n − 1, as torch.Tensor.std); nan for one number."""
    norm: float
    """The Frobenius norm, √Σw²; nan where numbers are there, but none is finite."""
    zeros: int
    """How many are exactly zero, −0 included."""
    nan: int
    """How many are not a number."""
    inf: int
    """How many are ±infinity."""

    @property
    def finite(self) -> int:
        """How many are finite."""
        return self.count - self.nan - self.inf


@dataclass(frozen=True)
class Places:
    """Some outputs or inputs of a layer: how many, and the first of them."""

    count: int
    """How many."""
    first: tuple[int, ...] = ()
    """The first few, in ascending order."""


@dataclass(frozen=True)
class MatrixStatistics:
    """Of a weight W (out_features × in_features), however the file holds it."""

    numbers: Statistics
    """Of its numbers."""
    dead_outputs: Places
    """Rows of W that are all zero."""
    dead_inputs: Places
    """Columns of W that are all zero."""
    duplicate_outputs: Places | None
    """Rows of W equal, bit for bit, to an earlier one, but for dead ones; None: not looked for."""
    spectral_low: float | None
    """A lower bound of σ₁, the largest of row norms, column norms and ‖W‖F/√rank; None where
    numbers are not finite."""
    spectral_high: float | None
    """An upper bound of σ₁, the smaller of ‖W‖F and √(‖W‖₁‖W‖∞)."""


@dataclass(frozen=True)
class ScannedLayer:
    """What was found of one linear layer."""

    name: str
    """The module path; "" for a layer on its own."""
    source: str
    """The checkpoint in words."""
    in_features: int
    """The width of the input."""
    out_features: int
    """The width of the output."""
    dtype: str
    """The number format of the weight."""
    parameters: int
    """out·in, plus out with a bias."""
    weight: MatrixStatistics
    """Of the weight."""
    bias: Statistics | None
    """Of the bias, None for a layer without one."""
    singular: SingularValues
    """Its singular values, as far as they were wanted."""
    fingerprint: Fingerprint | None
    """The law of initialisation that the weight still looks drawn from."""
    warnings: tuple[str, ...] = ()
    """What a reader should know of how the layer was understood."""


@dataclass(frozen=True)
class ScannedOther:
    """What was found of an array that is no linear layer."""

    name: str
    """The state-dict key."""
    source: str
    """The checkpoint in words."""
    numbers: Statistics
    """Of its numbers."""

"""What is counted and measured of an array and of a weight."""

from __future__ import annotations

from dataclasses import dataclass


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

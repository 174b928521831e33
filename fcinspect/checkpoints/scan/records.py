"""What a scan says of a linear layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.fingerprint import Fingerprint
    from fcinspect.checkpoints.scan.singular import SingularValues
    from fcinspect.checkpoints.scan.statistics import MatrixStatistics, Statistics


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
    doubt: str | None = None
    """Why its outputs may be its inputs, None where the file or the caller tells its layout."""


@dataclass(frozen=True)
class ScannedOther:
    """What was found of an array that is no linear layer."""

    name: str
    """The state-dict key."""
    source: str
    """The checkpoint in words."""
    numbers: Statistics
    """Of its numbers."""

"""The whole of a scan."""

from __future__ import annotations

from dataclasses import dataclass

from fcinspect.checkpoints.records import SkippedTensor
from fcinspect.checkpoints.scan.findings import findings_of
from fcinspect.checkpoints.scan.records import ScannedLayer, ScannedOther


@dataclass(frozen=True)
class ScanReport:
    """What a scan of one or several checkpoints says."""

    sources: tuple[str, ...]
    """The checkpoints in words."""
    layers: tuple[ScannedLayer, ...]
    """The linear layers that were gone through."""
    left_out: int
    """How many linear layers were not asked for."""
    skipped: tuple[SkippedTensor, ...]
    """The tensors that are no linear layers, and why."""
    problems: tuple[str, ...]
    """What does not fit between the shards of a checkpoint."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how the checkpoints were understood."""
    checked: bool = False
    """Whether anything that speaks against a layer is a failure."""
    others: tuple[ScannedOther, ...] = ()
    """The arrays beside the layers that were gone through, as a check of all layers does."""

    @property
    def ok(self) -> bool:
        """False when a check was asked for and does not hold, or there was nothing to check."""
        return not self.checked or not (
            self.problems
            or self.struck_others
            or not (self.layers or self.others)
            or any(findings_of(layer) for layer in self.layers)
        )

    @property
    def struck_others(self) -> tuple[ScannedOther, ...]:
        """The arrays beside the layers with numbers that are not finite."""
        return tuple(other for other in self.others if other.numbers.nan or other.numbers.inf)

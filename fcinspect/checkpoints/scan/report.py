"""The whole of a scan."""

from __future__ import annotations

from dataclasses import dataclass

from fcinspect.checkpoints.records import FailedFile, SkippedTensor
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
    failed: tuple[FailedFile, ...] = ()
    """The files that could not be read, or not to their end."""

    @property
    def ok(self) -> bool:
        """Whether every file was read, and a check that was asked for looked at all and holds."""
        if self.failed:
            return False
        return not self.checked or not (
            self.problems
            or self.struck_others
            or self.unread
            or not (self.layers or self.others)
            or any(findings_of(layer) for layer in self.layers)
        )

    @property
    def unread(self) -> tuple[SkippedTensor, ...]:
        """The weights of layers that a check of all layers should have looked at, and could not."""
        return () if self.left_out else tuple(skip for skip in self.skipped if skip.hides_layer)

    @property
    def is_undecided(self) -> bool:
        """Whether a check failed only on what was not looked at."""
        found = [finding for layer in self.layers for finding in findings_of(layer)]
        return (
            not self.ok
            and not (self.problems or self.struck_others)
            and bool(found or self.unread or self.failed)
            and all(finding.kind == "undecided" for finding in found)
        )

    @property
    def struck_others(self) -> tuple[ScannedOther, ...]:
        """The arrays beside the layers with numbers that are not finite."""
        return tuple(other for other in self.others if other.numbers.nan or other.numbers.inf)

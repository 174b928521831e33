"""What scan reads: several checkpoints, of which some may turn out to be damaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fcinspect.cli.sources import open_checkpoint
from fcinspect.errors import InputError

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint, FailedFile, StoredLinear
    from fcinspect.checkpoints.scan.engines import Engine
    from fcinspect.checkpoints.scan.records import ScannedLayer, ScannedOther, Wanted
    from fcinspect.checkpoints.scan.scanning import Progress


@dataclass
class ScanFiles:
    """The checkpoints that were opened, and the files that could not be read."""

    checkpoints: list[Checkpoint] = field(default_factory=list)
    failed: list[FailedFile] = field(default_factory=list)

    @property
    def layers(self) -> list[StoredLinear]:
        """All linear layers."""
        return [layer for checkpoint in self.checkpoints for layer in checkpoint.layers]

    def fail(self, name: str, error: InputError) -> None:
        """Note a file that cannot be read; raises the error where there is no other file."""
        from fcinspect.checkpoints.records import FailedFile

        if len(self.checkpoints) == 1 and not self.failed:
            raise error
        self.failed.append(FailedFile(name, error.message))

    def scanned(
        self, chosen: Sequence[StoredLinear], engine: Engine, wanted: Wanted, progress: Progress
    ) -> Iterator[tuple[StoredLinear, ScannedLayer]]:
        """Yield each chosen layer and what is found of it, as far as its file can be read."""
        from fcinspect.checkpoints.scan.scanning import scan

        ids = {id(layer) for layer in chosen}
        for checkpoint in self.checkpoints:
            layers = [layer for layer in checkpoint.layers if id(layer) in ids]
            try:
                yield from zip(layers, scan(layers, engine, wanted, progress), strict=True)
            except InputError as error:
                self.fail(checkpoint.source, error)

    def others(self, engine: Engine) -> Iterator[ScannedOther]:
        """Yield what is found of the arrays that are no linear layers."""
        from fcinspect.checkpoints.scan.scanning import scan_others

        for checkpoint in self.checkpoints:
            try:
                yield from scan_others([checkpoint], engine, lambda count: None)
            except InputError as error:
                self.fail(checkpoint.source, error)

    def require_all(self) -> None:
        """Raise InputError where a file could not be read, once everything else is reported."""
        if not self.failed:
            return
        count = len(self.failed)
        reasons = "; ".join(dict.fromkeys(file.reason for file in self.failed))
        raise InputError(f"{count} file{'s' * (count > 1)} not read: {reasons}")


def open_files(files: Sequence[str], layout: str) -> ScanFiles:
    """Return the checkpoints of all files and folders; one that is damaged is noted.

    A folder of several checkpoints stands for all of them. Raises InputError where nothing can be
    read.
    """
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.checkpoints.folders import SeveralCheckpoints
    from fcinspect.checkpoints.records import FailedFile

    found = ScanFiles()
    waiting = list(files)
    errors: list[InputError] = []
    while waiting:
        file = waiting.pop(0)
        try:
            checkpoint = open_checkpoint(file, layout, tolerant=True)
        except SeveralCheckpoints as several:
            waiting[:0] = several.files
            continue
        except InputError as error:
            errors.append(error)
            found.failed.append(FailedFile(repr(masked_name(file)), error.message))
            continue
        found.checkpoints.append(checkpoint)
        found.failed += checkpoint.failed
    if len(errors) == 1 and not found.checkpoints:
        raise errors[0]
    if not found.checkpoints:
        found.require_all()
    return found

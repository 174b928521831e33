"""fcinspect scan: every linear layer of a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fcinspect.cli.options import Plot, argument, choice, only_option, option, switch, whole_number
from fcinspect.cli.output import FIGURE, REPORT, Output, Writes
from fcinspect.cli.sources import LAYOUTS, LayoutOption, open_checkpoint
from fcinspect.cli.system import ExitStatus, say
from fcinspect.errors import InputError, UsageError
from fcinspect.media.emit import FORMATS, dumps, write_text

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint, FailedFile, StoredLinear
    from fcinspect.checkpoints.scan.engines import Engine
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import ScannedLayer, ScannedOther
    from fcinspect.reports.scan.charts import ScanPictures

RECORD_FORMATS = (FORMATS[0], FORMATS[1], "ndjson", *FORMATS[2:])
"""Each layer by itself as NDJSON, as soon as it is there."""
ORDERS = ("file", "name", "parameters", "in", "out", "min", "max", "mean", "std", "norm", "zeros")
WRITES = Writes(forms=RECORD_FORMATS, figure=True, files=(FIGURE, REPORT))

Found = TypeVar("Found")


@dataclass(frozen=True)
class ScanOptions:
    """What is scanned of the checkpoints, and by whom."""

    only: Annotated[list[str] | None, only_option("Only layers")] = None
    check: Annotated[
        bool,
        switch(
            "--check",
            "Exit 1 on NaN and infinities in any array, all-zero weights, dead outputs or"
            " inputs, equal outputs, missing or extra tensors in shards, or nothing to check.",
        ),
    ] = False
    spectral: Annotated[
        bool, switch("--spectral", "Compute the spectral norm, by the Lanczos method.")
    ] = False
    spectrum: Annotated[
        bool,
        switch("--spectrum", "Compute all singular values, the rank and the condition number."),
    ] = False
    sort: Annotated[
        str,
        choice(
            "--sort KEY",
            f"Order of the layers: file, name, or the largest first by {', '.join(ORDERS[2:])}.",
            ORDERS,
            "order",
        ),
    ] = "file"
    show_all: Annotated[
        bool, switch("--all", "Also list the arrays that are not linear layers.")
    ] = False
    layout: LayoutOption = LAYOUTS[0]
    workers: Annotated[
        int | None,
        option(
            "--workers N",
            "Threads on this machine; default: one per core, at most 4.",
            whole_number(1, 256),
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        option(
            "--scheduler ADDRESS",
            "A Dask scheduler, tcp://host:8786, whose workers see the same files. It can run code"
            " here: use only one that you trust to do so.",
        ),
    ] = None
    trust_scheduler: Annotated[
        bool,
        switch(
            "--trust-scheduler",
            "Use a scheduler on another machine without TLS (tls://), although anybody on the"
            " network path can impersonate it.",
        ),
    ] = False

    def engine(self) -> AbstractContextManager[Engine]:
        """Return who carries out the work."""
        from fcinspect.checkpoints.scan import engines

        if self.scheduler is None:
            if self.trust_scheduler:
                raise UsageError("--trust-scheduler requires --scheduler ADDRESS")
            return engines.local(self.workers or min(os.cpu_count() or 1, 4))
        if self.workers is not None:
            raise UsageError(
                "--workers sets threads on this machine: --scheduler has its own workers"
            )
        return engines.dask(self.scheduler, trusted=self.trust_scheduler)


def scan(
    files: Annotated[
        list[str],
        argument(
            "FILE|FOLDER|URI...",
            "Checkpoints: .safetensors, .pt, .pth, .bin, .npz, .json, an index of shards, a"
            " folder, or a URI such as s3://bucket/model.safetensors.",
        ),
    ],
    options: ScanOptions,
    plot: Plot = False,
    *,
    output: Annotated[Output, WRITES],
) -> ExitStatus:
    """Summarize every linear layer of a checkpoint.

    Each file is read in one pass, in bounded memory. Nothing in a file is executed.
    """
    from fcinspect.masking import masked_name
    from fcinspect.reports.scan.view import flat, told_of_others, view_of_scan

    run = ScanRun(options)
    run.open(files)
    ndjson = output.chosen_form() == "ndjson"
    if ndjson and options.sort == "file":
        _stream((flat(layer) for layer in run.layers()), output)
    else:
        for _ in run.layers():
            pass
    if options.check and not options.only:
        run.look_at_others()
    report = run.report()
    asked = {"files": list(map(masked_name, files)), **vars(options)}
    for name in ("workers", "scheduler", "trust_scheduler"):
        del asked[name]  # the report does not depend on it
    pictures = _pictures(report, run.pairs) if output.draws(plot) else None
    view = view_of_scan(report, asked, show_all=options.show_all, pictures=pictures, plot=plot)
    if not ndjson:
        output.write(view)
    else:
        if options.sort != "file":
            _stream(map(flat, report.layers), output)
        for remark in (*report.problems, *report.notes, *told_of_others(report)):
            say(f"fcinspect: {remark}")
        output.save_report(view)
    run.require_all()
    return ExitStatus.DONE if view.ok else ExitStatus.FAILED


def _stream(records: Iterable[Mapping[str, Any]], output: Output) -> None:
    for record in records:
        if not output.quiet:
            write_text(dumps(record))


@dataclass
class ScanRun:
    """A scan of checkpoints, of which some may turn out to be damaged, and what it has found."""

    options: ScanOptions
    checkpoints: list[Checkpoint] = field(default_factory=list)
    failed: list[FailedFile] = field(default_factory=list)
    """The files that could not be read."""
    pairs: list[tuple[StoredLinear, ScannedLayer]] = field(default_factory=list)
    """The layers as stored and as scanned."""
    others: list[ScannedOther] = field(default_factory=list)

    def open(self, files: Sequence[str]) -> None:
        """Open all files, noting damaged ones; raises InputError where nothing can be read."""
        from fcinspect.checkpoints.folders import SeveralCheckpoints
        from fcinspect.checkpoints.records import FailedFile
        from fcinspect.masking import masked_name

        waiting = list(files)
        errors: list[InputError] = []
        while waiting:
            file = waiting.pop(0)
            try:
                checkpoint = open_checkpoint(file, self.options.layout, tolerant=True)
            except SeveralCheckpoints as several:
                waiting[:0] = several.files
                continue
            except InputError as error:
                errors.append(error)
                self.failed.append(FailedFile(repr(masked_name(file)), error.message))
                continue
            self.checkpoints.append(checkpoint)
            self.failed += checkpoint.failed
        if len(errors) == 1 and not self.checkpoints:
            raise errors[0]
        if not self.checkpoints:
            self.require_all()

    @cached_property
    def held(self) -> list[StoredLinear]:
        """All linear layers."""
        return [layer for checkpoint in self.checkpoints for layer in checkpoint.layers]

    @cached_property
    def chosen(self) -> tuple[StoredLinear, ...]:
        """Those that --only names; raises UsageError where it names none."""
        from fcinspect.checkpoints.scan.scanning import selected

        return selected(self.held, self.options.only or ())

    def layers(self) -> Iterator[ScannedLayer]:
        """Yield each chosen layer as soon as it is scanned."""
        from fcinspect.checkpoints.scan.records import Wanted
        from fcinspect.checkpoints.scan.scanning import bytes_of, scan
        from fcinspect.media.progress import bytes_read

        ids = set(map(id, self.chosen))
        total = bytes_of(self.chosen)
        with self.options.engine() as engine, bytes_read(total, "scanning") as progress:
            wanted = Wanted(self.options.spectral, self.options.spectrum)

            def scanned(checkpoint: Checkpoint) -> Iterator[tuple[StoredLinear, ScannedLayer]]:
                layers = [layer for layer in checkpoint.layers if id(layer) in ids]
                return zip(layers, scan(layers, engine, wanted, progress), strict=True)

            for pair in self._of_each(scanned):
                self.pairs.append(pair)
                yield pair[1]

    def look_at_others(self) -> None:
        """Go through the arrays that are not linear layers."""
        from fcinspect.checkpoints.scan.scanning import scan_others

        with self.options.engine() as engine:
            self.others += self._of_each(
                lambda held: scan_others([held], engine, lambda count: None)
            )

    def _of_each(self, scan: Callable[[Checkpoint], Iterable[Found]]) -> Iterator[Found]:
        """Yield what is found in each readable file; raises InputError where the only one fails."""
        from fcinspect.checkpoints.records import FailedFile

        for checkpoint in self.checkpoints:
            try:
                yield from scan(checkpoint)
            except InputError as error:
                if len(self.checkpoints) == 1 and not self.failed:
                    raise
                self.failed.append(FailedFile(checkpoint.source, error.message))

    def report(self) -> ScanReport:
        """Return what was found."""
        from fcinspect.checkpoints.scan.findings import ScanReport
        from fcinspect.checkpoints.scan.scanning import ordered

        opened = self.checkpoints
        return ScanReport(
            tuple(checkpoint.source for checkpoint in opened),
            tuple(ordered([layer for _, layer in self.pairs], self.options.sort)),
            len(self.held) - len(self.chosen),
            tuple(skip for checkpoint in opened for skip in checkpoint.skipped),
            tuple(problem for checkpoint in opened for problem in checkpoint.problems),
            tuple(note for checkpoint in opened for note in checkpoint.notes),
            self.options.check,
            tuple(self.others),
            tuple(self.failed),
        )

    def require_all(self) -> None:
        """Raise InputError where a file could not be read, once everything else is reported."""
        if not self.failed:
            return
        count = len(self.failed)
        reasons = "; ".join(dict.fromkeys(file.reason for file in self.failed))
        raise InputError(f"{count} file{'s' * (count > 1)} not read: {reasons}")


def _pictures(report: ScanReport, pairs: list[tuple[StoredLinear, ScannedLayer]]) -> ScanPictures:
    from fcinspect.checkpoints.scan.scanning import distribution_in
    from fcinspect.reports.scan.charts import MOST_PANELS, ScanPictures

    pictures = ScanPictures(report)
    if pictures.shows_spectra:
        return pictures
    stored = {id(layer): held for held, layer in pairs}
    shown = report.layers[:MOST_PANELS]
    return ScanPictures(report, tuple(distribution_in(stored[id(la)], la) for la in shown))

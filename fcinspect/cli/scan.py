"""fcinspect scan: every linear layer of a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fcinspect.cli.options import Plot, RecordsOutput, only_option
from fcinspect.cli.sources import LAYOUTS, LayoutOption
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import completion_of, one_of, whole_number
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import StoredLinear
    from fcinspect.checkpoints.scan.engines import Engine
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import ScannedLayer, ScannedOther, Wanted
    from fcinspect.cli.scan_files import ScanFiles
    from fcinspect.reports.scan.charts import ScanPictures

ORDERS = ("file", "name", "parameters", "in", "out", "min", "max", "mean", "std", "norm", "zeros")
MOST_WORKERS = 256


@dataclass(frozen=True)
class ScanOptions:
    """What is scanned of the checkpoints, and by whom."""

    only: Annotated[list[str] | None, only_option("Only layers")] = None
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Exit 1 on NaN and infinities in any array, all-zero weights, dead outputs or"
            " inputs, equal outputs, missing or extra tensors in shards, or nothing to check.",
        ),
    ] = False
    spectral: Annotated[
        bool, typer.Option("--spectral", help="Compute the spectral norm, by Lanczos' method.")
    ] = False
    spectrum: Annotated[
        bool,
        typer.Option(
            "--spectrum", help="Compute all singular values, the rank and the condition number."
        ),
    ] = False
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            parser=one_of("order", ORDERS),
            autocompletion=completion_of(ORDERS),
            metavar="KEY",
            help="Order of the layers: file, name, or the largest first by "
            + ", ".join(ORDERS[2:])
            + ".",
        ),
    ] = "file"
    show_all: Annotated[
        bool, typer.Option("--all", help="List the arrays that are no linear layers too.")
    ] = False
    layout: LayoutOption = LAYOUTS[0]
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            parser=whole_number(1, MOST_WORKERS),
            metavar="N",
            help="Threads of this machine; default as many as it has cores, at most 4.",
        ),
    ] = None
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="A Dask scheduler, tcp://host:8786, whose workers see the same files. It can run"
            " code here: name only one that you trust as you trust code.",
        ),
    ] = None
    trust_scheduler: Annotated[
        bool,
        typer.Option(
            "--trust-scheduler",
            help="Use a scheduler on another machine without TLS (tls://), which anybody on the"
            " way may answer for.",
        ),
    ] = False

    def wanted(self) -> Wanted:
        """Return what is found beyond one pass."""
        from fcinspect.checkpoints.scan.records import Wanted

        return Wanted(self.spectral, self.spectrum)

    def engine(self) -> AbstractContextManager[Engine]:
        """Return who carries out the work."""
        if self.scheduler is None:
            from fcinspect.checkpoints.scan import engines

            if self.trust_scheduler:
                raise UsageError("--trust-scheduler goes with --scheduler ADDRESS")
            return engines.local(self.workers or min(os.cpu_count() or 1, 4))
        if self.workers is not None:
            raise UsageError("--workers are threads of this machine: --scheduler has its own")

        from fcinspect.checkpoints.scan import dask_cluster

        return dask_cluster.dask(self.scheduler, trusted=self.trust_scheduler)

    def asked(self) -> dict[str, Any]:
        """Return the options that decide what is reported."""
        hidden = ("workers", "scheduler", "trust_scheduler")  # the report does not depend on them
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in hidden}


def scan(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|FOLDER|URI...",
            help="Checkpoints: .safetensors, .pt, .pth, .bin, .npz, .json, an index of shards, a"
            " folder, or a URI such as s3://bucket/model.safetensors.",
        ),
    ],
    options: ScanOptions,
    plot: Plot = False,
    *,
    output: RecordsOutput,
) -> ExitStatus:
    """Summarize every linear layer of a checkpoint.

    In one pass and bounded memory. Nothing that a file holds is executed.
    """
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.scanning import ordered, selected
    from fcinspect.cli.scan_files import open_files
    from fcinspect.reports.scan.view import flat, told_of_others, view_of_scan

    source = open_files(files, options.layout)
    checkpoints, held = source.checkpoints, source.layers
    chosen = selected(held, options.only or ())
    pairs: list[tuple[StoredLinear, ScannedLayer]] = []
    others: list[ScannedOther] = []

    def report() -> ScanReport:
        return ScanReport(
            tuple(checkpoint.source for checkpoint in checkpoints),
            tuple(ordered([layer for _, layer in pairs], options.sort)),
            len(held) - len(chosen),
            tuple(skip for checkpoint in checkpoints for skip in checkpoint.skipped),
            tuple(problem for checkpoint in checkpoints for problem in checkpoint.problems),
            tuple(note for checkpoint in checkpoints for note in checkpoint.notes),
            options.check,
            tuple(others),
            tuple(source.failed),
        )

    layers = _scanned(source, chosen, options)
    if output.streams and options.sort == "file":
        output.stream(flat(layer) for layer in _kept(layers, pairs))
    else:
        pairs += layers
    if options.check and not options.only:
        with options.engine() as engine:
            others += source.others(engine)
    asked = {"files": list(map(masked_name, files)), **options.asked()}
    pictures = _pictures(report(), pairs) if output.draws(plot) else None
    view = view_of_scan(report(), asked, show_all=options.show_all, pictures=pictures, plot=plot)
    if not output.streams:
        output.write(view)
    else:
        if options.sort != "file":
            output.stream(map(flat, report().layers))
        output.remark((*report().problems, *report().notes, *told_of_others(report())))
        output.save_report(view)
    source.require_all()
    return ExitStatus.DONE if view.ok else ExitStatus.FAILED


def _pictures(report: ScanReport, pairs: list[tuple[StoredLinear, ScannedLayer]]) -> ScanPictures:
    """Return the pictures of a scan; `pairs` are its layers as stored and as scanned."""
    from fcinspect.checkpoints.scan.scanning import distribution_in
    from fcinspect.reports.scan.charts import MOST_PANELS, ScanPictures

    pictures = ScanPictures(report)
    if pictures.shows_spectra:
        return pictures
    stored = {id(layer): held for held, layer in pairs}
    shown = report.layers[:MOST_PANELS]
    return ScanPictures(report, tuple(distribution_in(stored[id(la)], la) for la in shown))


def _scanned(
    source: ScanFiles, chosen: tuple[StoredLinear, ...], options: ScanOptions
) -> Iterator[tuple[StoredLinear, ScannedLayer]]:
    from fcinspect.checkpoints.scan.scanning import bytes_of
    from fcinspect.media.progress import bytes_read

    with options.engine() as engine, bytes_read(bytes_of(chosen), "scanning") as progress:
        yield from source.scanned(chosen, engine, options.wanted(), progress)


def _kept(
    layers: Iterator[tuple[StoredLinear, ScannedLayer]],
    pairs: list[tuple[StoredLinear, ScannedLayer]],
) -> Iterator[ScannedLayer]:
    for pair in layers:
        pairs.append(pair)
        yield pair[1]

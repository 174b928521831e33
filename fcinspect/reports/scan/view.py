"""The report of `scan`: its view, its JSON, its rows and lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.scan.findings import findings_of, findings_of_other
from fcinspect.layers.array import Array
from fcinspect.page.view import View
from fcinspect.reports.scan.page import name_of, page, unread_words
from fcinspect.reports.written import written

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import ScannedLayer
    from fcinspect.reports.scan.charts import ScanPictures

STATISTICS = ("min", "max", "mean", "std", "norm", "zeros", "nan", "inf")
"""The statistics of a weight and of a bias."""
LINES = ("dead_outputs", "dead_inputs", "duplicate_outputs")
SPECTRAL_NORM = (
    ("spectral_norm", "value"),
    ("spectral_norm_residual", "residual"),
    ("spectral_norm_converged", "converged"),
    ("stable_rank", "stable_rank"),
)
SPECTRUM = ("rank", "condition_number", "condition_is_reliable", "effective_rank")
"""The columns on singular values when each line holds one layer."""


def view_of_scan(
    report: ScanReport,
    asked: dict[str, Any],
    *,
    show_all: bool,
    pictures: ScanPictures | None = None,
    plot: bool = False,
) -> View:
    """Return the view of a scan; its pictures are its figure, and on its page with `plot`."""
    charts = pictures.blocks() if pictures and plot else ()
    return View(
        command="scan",
        asked=asked,
        data=lambda full: document(report, full=full),
        page=partial(page, report, show_all=show_all, charts=charts),
        rows=partial(rows, report),
        figure=pictures.figure if pictures else None,
        svg_is_figure=plot,
        ok=report.ok,
        warnings=report.notes,
    )


def document(report: ScanReport, *, full: bool) -> dict[str, Any]:
    """Return the JSON data."""
    from fcinspect.reports.documents.scan import OtherDocument, ScanDocument

    others = [
        written(other.numbers, OtherDocument, name=other.name, source=other.source)
        for other in report.others
    ]
    return written(
        report,
        ScanDocument,
        layers=[layer_document(layer, full=full) for layer in report.layers],
        parameters=sum(layer.parameters for layer in report.layers),
        others=others,
        unread=[skip.name for skip in report.unread],
    )


def layer_document(layer: ScannedLayer, *, full: bool = False) -> dict[str, Any]:
    """Return the JSON of one layer."""
    from fcinspect.reports.documents import scan as documents

    weight, leading, spectrum = layer.weight, layer.singular.leading, layer.singular.spectrum
    own: dict[str, Any] = {name: getattr(weight.numbers, name) for name in STATISTICS}
    own |= {name: getattr(weight, name) for name in LINES}
    norm = leading and written(leading, documents.SpectralNormDocument, value=leading.sigma)
    values = spectrum and Array(spectrum.values, "float64")
    return written(
        layer,
        documents.ScannedLayerDocument,
        **own,
        bias=layer.bias is not None,
        spectral_norm_low=weight.spectral_low,
        spectral_norm_high=weight.spectral_high,
        spectral_norm=norm,
        spectrum=spectrum
        and written(spectrum, documents.SpectrumDocument, full=full, values=values),
        bias_statistics=layer.bias,
        findings=[{"kind": f.kind, "detail": f.words} for f in findings_of(layer)],
    )


def told_of_others(report: ScanReport) -> tuple[str, ...]:
    """Return what a check has against arrays that were not read as layers, each in a sentence."""
    told = unread_words(report.unread) if report.checked else []
    for other in report.struck_others:
        told += [(name_of(report, other), finding.words) for finding in findings_of_other(other)]
    return tuple(f"{name}: {words}" for name, words in told)


def flat(layer: ScannedLayer) -> dict[str, Any]:
    """Return a layer as one flat object: a line of NDJSON, a row of CSV."""
    return dict(_flat(layer, layer_document(layer)))


def _flat(layer: ScannedLayer, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        match key:
            case "findings":
                yield key, "; ".join(found["detail"] for found in value)
            case "warnings":
                yield key, "; ".join(value)
            case "dead_outputs" | "dead_inputs" | "duplicate_outputs":
                yield key, value and value["count"]
            case "fingerprint":
                yield key, layer.fingerprint and layer.fingerprint.words
            case "bias_statistics":
                yield from ((f"bias_{name}", value and value[name]) for name in STATISTICS)
            case "spectral_norm" if layer.singular.wanted.leading:
                yield from ((flat, value and value[name]) for flat, name in SPECTRAL_NORM)
            case "spectrum" if layer.singular.wanted.spectrum:
                yield from ((name, value and value[name]) for name in SPECTRUM)
            case "spectral_norm" | "spectrum":
                pass
            case _:
                yield key, value


def rows(report: ScanReport) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: a layer each."""
    titles: list[str] = []
    for layer in report.layers:
        row = flat(layer)
        if not titles:
            titles = list(row)
            yield titles
        yield [str(cell).lower() if isinstance(cell, bool) else cell for cell in row.values()]
    if not titles:
        yield ["name"]

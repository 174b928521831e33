"""A scan as JSON, rows and lines; its page is drawn in scan_page.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.scan.findings import findings_of, findings_of_other
from fcinspect.layers.array import Array
from fcinspect.page import text
from fcinspect.page.view import View
from fcinspect.reports.scan.page import page
from fcinspect.reports.scan.remarks import name_of, unread_words
from fcinspect.reports.written import array, finite

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import (
        ArrayStatistics,
        Fingerprint,
        LeadingSingularValue,
        LineCount,
        ScannedLayer,
        Spectrum,
    )
    from fcinspect.reports.documents.scan import (
        BiasDocument,
        FingerprintDocument,
        LinesDocument,
        ScanDocument,
        ScannedLayerDocument,
        SpectralNormDocument,
        SpectrumDocument,
    )
    from fcinspect.reports.scan.charts import ScanPictures


def view_of_scan(
    report: ScanReport,
    asked: dict[str, Any],
    *,
    show_all: bool,
    pictures: ScanPictures | None = None,
    plot: bool = False,
) -> View:
    """Return the view of a scan; its pictures are its figure, and on its page with `plot`."""
    return View(
        command="scan",
        asked=asked,
        data=lambda full: dict(document(report, full=full)),
        page=partial(
            page, report, show_all=show_all, charts=pictures.blocks() if pictures and plot else ()
        ),
        rows=partial(rows, report),
        figure=partial(_figure, pictures) if pictures else None,
        svg_is_figure=plot,
        ok=report.ok,
        warnings=report.notes,
    )


def _figure(pictures: ScanPictures, ending: str) -> bytes:
    """Return the figure as a file of that ending."""
    from fcinspect.reports.scan.spectra import panels_bytes

    return panels_bytes(ending, pictures)


def document(report: ScanReport, *, full: bool = False) -> ScanDocument:
    """Return the JSON data."""
    return {
        "sources": list(report.sources),
        "layers": [layer_document(layer, full=full) for layer in report.layers],
        "parameters": sum(layer.parameters for layer in report.layers),
        "left_out": report.left_out,
        "skipped": [{"name": skip.name, "reason": skip.reason} for skip in report.skipped],
        "others": [
            {
                "name": other.name,
                "source": other.source,
                "min": finite(other.numbers.min),
                "max": finite(other.numbers.max),
                "zeros": other.numbers.zeros,
                "nan": other.numbers.nan,
                "inf": other.numbers.inf,
            }
            for other in report.others
        ],
        "unread": [skip.name for skip in report.unread],
        "failed": [{"name": file.name, "reason": file.reason} for file in report.failed],
        "problems": list(report.problems),
        "checked": report.checked,
    }


def layer_document(layer: ScannedLayer, *, full: bool = False) -> ScannedLayerDocument:
    """Return the JSON of one layer."""
    weight, numbers = layer.weight, layer.weight.numbers
    return {
        "name": layer.name,
        "source": layer.source,
        "in_features": layer.in_features,
        "out_features": layer.out_features,
        "dtype": layer.dtype,
        "bias": layer.bias is not None,
        "parameters": layer.parameters,
        "min": finite(numbers.min),
        "max": finite(numbers.max),
        "mean": finite(numbers.mean),
        "std": finite(numbers.std),
        "norm": finite(numbers.norm),
        "zeros": numbers.zeros,
        "nan": numbers.nan,
        "inf": numbers.inf,
        "dead_outputs": _lines(weight.dead_outputs),
        "dead_inputs": _lines(weight.dead_inputs),
        "duplicate_outputs": _found_lines(weight.duplicate_outputs),
        "spectral_norm_low": _finite(weight.spectral_low),
        "spectral_norm_high": _finite(weight.spectral_high),
        "spectral_norm": _spectral_norm(layer.singular.leading),
        "spectrum": _spectrum(layer.singular.spectrum, full=full),
        "fingerprint": _fingerprint(layer.fingerprint),
        "bias_statistics": None if layer.bias is None else _bias(layer.bias),
        "findings": [{"kind": f.kind, "detail": f.words} for f in findings_of(layer)],
        "warnings": list(layer.warnings),
    }


def told_of_others(report: ScanReport) -> tuple[str, ...]:
    """Return what a check has against arrays that were not read as layers, each in a sentence."""
    unread = report.unread if report.checked else ()
    return tuple(f"{name}: {words}" for name, words in unread_words(unread)) + tuple(
        f"{name_of(report, other.name, other.source)}: {finding.words}"
        for other in report.struck_others
        for finding in findings_of_other(other)
    )


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
                yield key, None if value is None else value["count"]
            case "fingerprint":
                yield key, None if layer.fingerprint is None else layer.fingerprint.words
            case "bias_statistics":
                yield from ((f"bias_{name}", value and value[name]) for name in BIAS)
            case "spectral_norm" if layer.singular.wanted.leading:
                yield from ((flat, value and value[name]) for flat, name in SPECTRAL_NORM)
            case "spectrum" if layer.singular.wanted.spectrum:
                yield from ((flat, value and value[name]) for flat, name in SPECTRUM)
            case "spectral_norm" | "spectrum":
                pass
            case _:
                yield key, value


BIAS = ("min", "max", "mean", "std", "norm", "zeros", "nan", "inf")
SPECTRAL_NORM = (
    ("spectral_norm", "value"),
    ("spectral_norm_residual", "residual"),
    ("spectral_norm_converged", "converged"),
    ("stable_rank", "stable_rank"),
)
SPECTRUM = (
    ("rank", "rank"),
    ("condition_number", "condition_number"),
    ("condition_is_reliable", "condition_is_reliable"),
    ("effective_rank", "effective_rank"),
)
"""Columns of what is told of singular values where a line holds one layer."""


def rows(report: ScanReport) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: a layer each."""
    titles: list[str] = []
    for layer in report.layers:
        row = flat(layer)
        if not titles:
            titles = list(row)
            yield titles
        yield [_cell(value) for value in row.values()]
    if not titles:
        yield ["name"]


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return text.safe(value)
    return "" if value is None else value


def _lines(places: LineCount) -> LinesDocument:
    return {"count": places.count, "first": list(places.first)}


def _found_lines(places: LineCount | None) -> LinesDocument | None:
    return None if places is None else _lines(places)


def _bias(numbers: ArrayStatistics) -> BiasDocument:
    return {
        "min": finite(numbers.min),
        "max": finite(numbers.max),
        "mean": finite(numbers.mean),
        "std": finite(numbers.std),
        "norm": finite(numbers.norm),
        "zeros": numbers.zeros,
        "nan": numbers.nan,
        "inf": numbers.inf,
    }


def _spectral_norm(found: LeadingSingularValue | None) -> SpectralNormDocument | None:
    if found is None:
        return None
    return {
        "value": finite(found.sigma),
        "residual": found.residual,
        "steps": found.steps,
        "converged": found.converged,
        "stable_rank": finite(found.stable_rank),
    }


def _spectrum(found: Spectrum | None, *, full: bool) -> SpectrumDocument | None:
    if found is None:
        return None
    condition, histogram = found.condition_number, found.histogram
    return {
        "values": array(Array(found.values, "float64"), full=full),
        "resolution": finite(found.resolution),
        "rank": found.rank,
        "condition_number": _finite(condition),
        "condition_is_reliable": found.condition_is_reliable,
        "stable_rank": found.stable_rank,
        "effective_rank": found.effective_rank,
        "histogram": None
        if histogram is None
        else {
            "scale": histogram.scale,
            "edges": list(map(finite, histogram.edges)),
            "counts": list(histogram.counts),
        },
    }


def _fingerprint(found: Fingerprint | None) -> FingerprintDocument | None:
    if found is None:
        return None
    return {
        "kind": found.kind,
        "law": found.law,
        "makers": list(found.makers),
        "untrained": found.untrained,
    }


def _finite(value: float | None) -> float | None:
    return None if value is None else finite(value)

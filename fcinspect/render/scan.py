"""A scan as JSON, rows and lines; its page is drawn in scan_page.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.scan.findings import findings_of
from fcinspect.render import text
from fcinspect.render.jsonable import finite
from fcinspect.render.scan_page import page
from fcinspect.render.view import View

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.records import Places, ScannedLayer, Statistics
    from fcinspect.checkpoints.scan.report import ScanReport
    from fcinspect.render.scan_documents import (
        BiasDocument,
        LinesDocument,
        ScanDocument,
        ScannedLayerDocument,
    )


def view_of_scan(report: ScanReport, asked: dict[str, Any], *, show_all: bool) -> View:
    """Return the view of a scan."""
    return View(
        command="scan",
        asked=asked,
        data=lambda full: dict(document(report)),
        page=partial(page, report, show_all=show_all),
        rows=partial(rows, report),
        ok=report.ok,
        warnings=report.notes,
    )


def document(report: ScanReport) -> ScanDocument:
    """Return the JSON data."""
    return {
        "sources": list(report.sources),
        "layers": [layer_document(layer) for layer in report.layers],
        "parameters": sum(layer.parameters for layer in report.layers),
        "left_out": report.left_out,
        "skipped": [{"name": skip.name, "reason": skip.reason} for skip in report.skipped],
        "problems": list(report.problems),
        "checked": report.checked,
    }


def layer_document(layer: ScannedLayer) -> ScannedLayerDocument:
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
        "bias_statistics": None if layer.bias is None else _bias(layer.bias),
        "findings": [{"kind": f.kind, "detail": f.words} for f in findings_of(layer)],
        "warnings": list(layer.warnings),
    }


def flat(layer: ScannedLayer) -> dict[str, Any]:
    """Return a layer as one flat object: a line of NDJSON, a row of CSV."""
    return dict(_flat(layer_document(layer), ""))


def _flat(document: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        match key, value:
            case "findings", list():
                yield prefix + key, "; ".join(found["detail"] for found in value)
            case _, list():
                yield prefix + key, "; ".join(map(str, value))
            case _, {"count": count}:
                yield prefix + key, count
            case "bias_statistics", None:
                yield from ((f"bias_{name}", None) for name in BIAS)
            case "bias_statistics", dict():
                yield from ((f"bias_{name}", value[name]) for name in BIAS)
            case _:
                yield prefix + key, value


BIAS = ("min", "max", "mean", "std", "norm", "zeros", "nan", "inf")


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


def _lines(places: Places) -> LinesDocument:
    return {"count": places.count, "first": list(places.first)}


def _found_lines(places: Places | None) -> LinesDocument | None:
    return None if places is None else _lines(places)


def _bias(numbers: Statistics) -> BiasDocument:
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


def _finite(value: float | None) -> float | None:
    return None if value is None else finite(value)

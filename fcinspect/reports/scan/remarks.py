"""What is remarked on layers by their names: how they were understood, drawn, what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fcinspect.checkpoints.scan.findings import findings_of, findings_of_other
from fcinspect.page import text
from fcinspect.page.blocks import Line, PageBuilder

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import SkippedTensor
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import ScannedLayer

MOST_NAMED = 6
MOST_FOUND = 40
"""Findings that are shown; the JSON has them all."""


def name_in(report: ScanReport, layer: ScannedLayer) -> str:
    """Return the name of a layer, with its file where there are several; "" for one on its own."""
    if len(report.sources) < 2:
        return text.safe(layer.name)
    return name_of(report, layer.name, layer.source)


def name_of(report: ScanReport, name: str, source: str) -> str:
    """Return the name of a layer or array, with its file where there are several or it has none."""
    if not name:
        return text.safe(source)
    return text.safe(name) + (f" of {text.safe(source)}" if len(report.sources) > 1 else "")


def tell_fingerprints(built: PageBuilder, report: ScanReport) -> None:
    """Say which layers look drawn from a law of initialisation."""
    told = [
        (layer, layer.fingerprint.words) for layer in report.layers if layer.fingerprint is not None
    ]
    if told:
        built.group(
            *(Line.of(f"{words}: ", names, hang=2) for words, names in _together(report, told))
        )


def tell_warnings(built: PageBuilder, report: ScanReport) -> None:
    """Say how layers were understood; where each is shown in full it is said there."""
    told = [(layer, text.safe(warning)) for layer in report.layers for warning in layer.warnings]
    if told:
        built.group(
            *(
                Line.of(("note: ", "unsure"), f"{words}: ", names, hang=2)
                for words, names in _together(report, told)[:MOST_FOUND]
            )
        )


def _together(
    report: ScanReport, told: Iterable[tuple[ScannedLayer, str]]
) -> list[tuple[str, str]]:
    """Return each text once, with the names of the layers that it is said of."""
    by_text: dict[str, list[str]] = {}
    for layer, words in told:
        by_text.setdefault(words, []).append(name_of(report, layer.name, layer.source))
    return [(words, _named(names)) for words, names in by_text.items()]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def unread_words(unread: Iterable[SkippedTensor]) -> list[tuple[str, str]]:
    """Return what a check says of weights that were not read, once for each reason."""
    by_reason: dict[str, list[str]] = {}
    for skip in unread:
        by_reason.setdefault(skip.reason, []).append(text.safe(skip.name))
    return [
        (_named(names), f"not looked at: {text.safe(reason)}")
        for reason, names in by_reason.items()
    ]


def tell_findings(built: PageBuilder, report: ScanReport) -> None:
    """Say what speaks against layers, and where no check was asked for, how to ask."""
    found = [
        (name_of(report, layer.name, layer.source), finding.words)
        for layer in report.layers
        for finding in findings_of(layer)
    ]
    for other in report.struck_others:
        name = name_of(report, other.name, other.source)
        found += [(name, finding.words) for finding in findings_of_other(other)]
    if report.checked:
        found += unread_words(report.unread)
    by_words: dict[str, list[str]] = {}
    for name, words in found:
        by_words.setdefault(words, []).append(name)
    if not found:
        return
    lines = [
        Line.of((f"{_named(names)}: ", "strong"), (words, "bad"), hang=2)
        for words, names in list(by_words.items())[:MOST_FOUND]
    ]
    built.group(*lines)
    if len(by_words) > MOST_FOUND:
        said = f"showing {MOST_FOUND} of {len(by_words):,}; --json has them all"
        built.add(Line.of((said, "faint")))

"""The page of a scan: a table of the layers, or each in full where there are few."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from fcinspect.checkpoints.pairing.naming import is_whole
from fcinspect.checkpoints.scan.findings import equal_by_chance, findings_of, findings_of_other
from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Page, PageBuilder, Table, by_columns
from fcinspect.reports.scan.singular import ELSEWHERE, in_full, table_of
from fcinspect.reports.show_listing import why

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import SkippedTensor
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import ScannedLayer, ScannedOther

FEW = 3
"""Most layers that are shown in full."""
NOTE = ("note: ", "unsure")
MOST_NAMED = 6
MOST_FOUND = 40
"""Findings that are shown; the JSON has them all."""
BRACKETED = re.compile(r" \([^)\d]*\)")
"""Words in brackets; shapes stay."""
BEYOND_COMMA = re.compile(r",(?![^(]*\)).*", re.DOTALL)
"""The text after a comma that is outside brackets."""
MANY_ZEROS = 0.01
"""The share of zeros above which a column shows them."""


def page(report: ScanReport, precision: int, *, show_all: bool, charts: Sequence[Block]) -> Page:
    """Return the page, with charts of the layers where there are any."""
    built = PageBuilder()
    built.add(Heading(title_of(report), level=1), Line.of(_counted(report)))
    layers = report.layers
    notes: list[Line] = []
    if 0 < len(layers) <= FEW:
        for layer in layers:
            built.group(*_in_full(layer, name_in(report, layer), precision))
    elif layers:
        built.group(_table(report, precision))
        if any(layer.singular.wanted.any for layer in layers):
            names = [name_in(report, layer) for layer in layers]
            built.group(table_of(layers, names, precision))
        # where each is shown in full, that is said there
        told = [(layer, text.safe(words)) for layer in layers for words in layer.warnings]
        pairs = _together(report, told)[:MOST_FOUND]
        notes = [Line.of(NOTE, f"{words}: ", names, hang=2) for words, names in pairs]
    drawn = [(layer, layer.fingerprint.words) for layer in layers if layer.fingerprint]
    laws = [Line.of(f"{words}: ", names, hang=2) for words, names in _together(report, drawn)]
    for blocks in (notes, charts, laws, _findings(report)):
        built.group(*blocks)
    built.group(*(Line.of((p, "bad"), hang=2) for p in report.problems))
    lost = (text.safe(file.reason) for file in report.failed)
    built.group(*(Line.of(("not read: ", "bad"), reason, hang=2) for reason in lost))
    if show_all and (skipped := report.skipped):
        columns = (Column("array", right=False, folds=True), Column(why(skipped), right=False))
        table = Table(columns, tuple((text.safe(s.name), text.safe(s.reason)) for s in skipped))
        built.group(Line.of(f"{text.plural(len(skipped), 'other array')}:"), table)
    built.group(*_summary(report, show_all=show_all))
    return built.page()


def title_of(report: ScanReport) -> str:
    """Name the files, the first of many."""
    names = [text.safe(source) for source in report.sources[:4]]
    more = len(report.sources) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _counted(report: ScanReport) -> str:
    layers = report.layers
    said = f"{text.plural(len(layers), 'linear layer')}"
    if report.left_out:
        said += f" of {text.count(len(layers) + report.left_out)}"
    if not layers:
        return said
    total = sum(layer.parameters for layer in layers)
    formats = Counter(layer.dtype for layer in layers)
    named = [f"{text.count(count)} in {name}" for name, count in formats.most_common()]
    named = named if len(formats) > 1 else list(formats)
    return f"{said}, {text.plural(total, 'parameter')}, {', '.join(named)}"


def _table(report: ScanReport, precision: int) -> Table:
    """Return a row for each layer, and only such columns as tell something."""
    layers = report.layers
    columns = [
        (Column("layer", right=False, folds=True), [text.layer_name(la.name) for la in layers]),
        (Column("in"), [text.count(layer.in_features) for layer in layers]),
        (Column("out"), [text.count(layer.out_features) for layer in layers]),
    ]
    if len({layer.source for layer in layers}) > 1:
        files = [text.safe(layer.source) for layer in layers]
        columns.append((Column("file", right=False, folds=True), files))
    if len({layer.dtype for layer in layers}) > 1:
        columns.append((Column("dtype", right=False), [layer.dtype for layer in layers]))
    numbers = [layer.weight.numbers for layer in layers]
    for title in ("mean", "min", "max", "std", "norm"):
        values = [text.statistic(getattr(n, title), precision) for n in numbers]
        spare = "" if title in ("std", "norm") else ELSEWHERE
        columns.append((Column(title, spare=spare, joined=title == "min"), values))
    if any(n.zeros > MANY_ZEROS * n.count for n in numbers):
        columns.append(
            (Column("zeros"), [f"{n.zeros / n.count:.1%}" if n.zeros else "0" for n in numbers])
        )
    struck = frozenset(k for k, layer in enumerate(layers) if findings_of(layer))
    return by_columns(columns, struck)


def _in_full(layer: ScannedLayer, called: str, precision: int) -> Iterator[Heading | Line | Table]:
    name = f"{called}      " if called else ""
    widths = f"{text.count(layer.in_features)} → {text.count(layer.out_features)}"
    yield Heading(f"{name}{widths}, {layer.dtype}: {text.plural(layer.parameters, 'parameter')}")
    body = []
    for what, n in (("weight", layer.weight.numbers), ("bias", layer.bias)):
        if n is not None:
            values = (text.statistic(v, precision) for v in (n.min, n.max, n.mean, n.std, n.norm))
            body.append((what, *values, *map(text.count, (n.zeros, n.nan, n.inf))))
    titles = ("min", "max", "mean", "std", "norm", "zeros", "NaN", "±inf")
    yield Table((Column("", right=False), *map(Column, titles)), tuple(body), indent=2)
    if layer.singular.wanted.any:
        yield from in_full(layer, precision)
    weight = layer.weight
    low, high = weight.spectral_low, weight.spectral_high
    if layer.singular.largest is None and low is not None and high is not None:
        ends = " and ".join(text.significant(v, precision) for v in (low, high))
        said = f"spectral norm between {ends}, from norms of rows, columns and W"
        yield Line.of(said, indent=2, hang=2)
    for warning in layer.warnings:
        yield Line.of(NOTE, text.safe(warning), indent=2, hang=2)


def _summary(report: ScanReport, *, show_all: bool) -> Iterator[Line]:
    """Yield the verdict of a check, and what was left out of the page."""
    struck = sum(1 for layer in report.layers if findings_of(layer))
    count = text.plural(len(report.layers), "layer")
    if report.checked and report.ok:
        by_chance = any(map(equal_by_chance, report.layers))
        beyond = " beyond those that occur by chance with few bits" if by_chance else ""
        yield Line.of(
            ("Check passed: ", "good"),
            f"{count} without NaN, infinities, all-zero weights, dead outputs or inputs, or equal"
            f" outputs{beyond}{_others_passed(report)}",
        )
    elif report.checked:
        counts = [f"{struck} of {count}"] if struck else []
        if report.struck_others:
            counts.append(text.plural(len(report.struck_others), "other array"))
        if report.problems:
            counts.append(text.plural(len(report.problems), "problem") + " with its shards")
        if report.failed:
            counts.append(text.plural(len(report.failed), "file") + " not read")
        if report.unread:
            counts.append(text.plural(len(report.unread), "weight") + " not checked")
        verdict = (
            ("Check undecided: ", "unsure") if report.is_undecided else ("Check failed: ", "bad")
        )
        yield Line.of(verdict, ", ".join(counts) or "nothing to check")
    elif struck:
        yield Line.of(f"{struck} of {count} would fail --check")
    elif report.unread:
        said = text.plural(len(report.unread), "layer weight")
        yield Line.of(f"--check would be undecided: {said} not read")
    elif report.problems:
        yield Line.of("the shards would fail --check")
    if report.skipped and not show_all:
        yield Line.of((f"{'; '.join(_reasons(report.skipped))}; --all lists them", "faint"))


def _others_passed(report: ScanReport) -> str:
    if report.left_out or not report.skipped:
        return ""
    gone, left = len(report.others), len(report.skipped) - len(report.others)
    said = f"; {text.plural(gone, 'other array')} without NaN or infinities" if gone else ""
    if not left:
        return said
    whole = sum(skip.tensor is not None and is_whole(skip.tensor.dtype) for skip in report.skipped)
    of = " of integers" if whole == left else ""
    return f"{said}; {text.plural(left, 'array')}{of} not checked"


def _reasons(skipped: Sequence[SkippedTensor]) -> Iterator[str]:
    """Yield "64 arrays are not linear layers: one-dimensional (40), …", the commonest first."""
    # without what they add in brackets or behind a comma
    shortened = (
        BEYOND_COMMA.sub("", BRACKETED.sub("", s.reason)) for s in skipped if not s.missing
    )
    reasons = Counter(shortened)
    total = reasons.total()
    if total:
        named = ", ".join(f"{text.safe(reason)} ({n:,})" for reason, n in reasons.most_common(3))
        rest = ", …" if len(reasons) > 3 else ""
        verb = "array is not a linear layer" if total == 1 else "arrays are not linear layers"
        yield f"{total:,} {verb}: {named}{rest}"
    if total < len(skipped):
        gone = len(skipped) - total
        yield f"{text.plural(gone, 'array')} {'is' if gone == 1 else 'are'} missing"


def name_in(report: ScanReport, layer: ScannedLayer) -> str:
    """Return the name of a layer, with its file where there are several; "" for one on its own."""
    if len(report.sources) < 2:
        return text.safe(layer.name)
    return name_of(report, layer)


def name_of(report: ScanReport, one: ScannedLayer | ScannedOther) -> str:
    """Return the name of a layer or array, with its file where there are several or it has none."""
    if not one.name:
        return text.safe(one.source)
    return text.safe(one.name) + (f" of {text.safe(one.source)}" if len(report.sources) > 1 else "")


def _together(
    report: ScanReport, told: Iterable[tuple[ScannedLayer, str]]
) -> list[tuple[str, str]]:
    """Return each text once, with the names of the layers that it describes."""
    pairs = ((words, name_of(report, layer)) for layer, words in told)
    return [(words, _named(names)) for words, names in text.grouped(pairs).items()]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def unread_words(unread: Iterable[SkippedTensor]) -> list[tuple[str, str]]:
    """Return the check's words on weights that were not read, once for each reason."""
    found = text.grouped((skip.reason, text.safe(skip.name)) for skip in unread).items()
    return [(_named(names), f"not checked: {text.safe(reason)}") for reason, names in found]


def _findings(report: ScanReport) -> list[Line]:
    found = [(f.words, name_of(report, la)) for la in report.layers for f in findings_of(la)]
    for other in report.struck_others:
        found += [(finding.words, name_of(report, other)) for finding in findings_of_other(other)]
    if report.checked:
        found += [(words, name) for name, words in unread_words(report.unread)]
    by_words = text.grouped(found)
    lines = [
        Line.of((f"{_named(names)}: ", "strong"), (words, "bad"), hang=2)
        for words, names in list(by_words.items())[:MOST_FOUND]
    ]
    more = f"showing {MOST_FOUND} of {len(by_words):,}; --json has them all"
    return [*lines, Line.of((more, "faint"))] if len(by_words) > MOST_FOUND else lines

"""The report of `diagnose`: what happened, the likely causes, and the line to write."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from fcinspect.page import text
from fcinspect.page.blocks import Block, Heading, Line, Page, PageBuilder, Verbatim, with_notes
from fcinspect.page.view import View
from fcinspect.reports.written import written

if TYPE_CHECKING:
    from fcinspect.diagnosis.records import Cause, Change, Diagnosis
    from fcinspect.diagnosis.silent.judging import SilentReport
    from fcinspect.shapes.steps import Place

NAMES = {"Keras", "Flax", "Adam", "Lightning", "Python", "Linear", "Conv"}
"""Words that always have a capital letter."""
CLASS = re.compile(r"['\[\"]([A-Z]\w*)['\]\"]|\b([A-Z]\w*)\.\w+\(\)")
"""A class in a message: 'Net' object, Module [Net], Net.forward()."""
MOST_CAUSES = 4
"""Causes on the page; JSON and CSV have them all."""


def view_of_diagnosis(
    found: Diagnosis, asked: dict[str, Any], warnings: tuple[str, ...] = ()
) -> View:
    """Return the view of a diagnosed fault."""
    place = found.place and {"file": text.safe(found.place.file), "line": found.place.line}
    rest: dict[str, Any] = {"place": place, "shapes": [], "checked": [], "not_exercised": []}
    return View(
        command="diagnose",
        asked=asked,
        data=lambda full: {**document(found), **rest},
        page=lambda precision: page(found),
        rows=partial(rows, found.likely),
        ok=False,
        warnings=warnings,
    )


def view_of_silent(report: SilentReport, asked: dict[str, Any]) -> View:
    """Return the view of a module that runs, and of the silent faults that were looked for."""
    return View(
        command="diagnose",
        asked=asked,
        data=lambda full: _silent(report),
        page=lambda precision: _silent_page(report),
        rows=partial(rows, report.likely),
        ok=not report.likely,
    )


def document(found: Diagnosis) -> dict[str, Any]:
    """Return the JSON data of what a message says."""
    from fcinspect.reports.documents.networks import DiagnosisDocument

    return written(
        found,
        DiagnosisDocument,
        message=text.safe(found.message),
        happened=text.safe(found.happened),
        likely=_causes(found.likely),
    )


def _silent(report: SilentReport) -> dict[str, Any]:
    from fcinspect.reports.documents.networks import DiagnoseDocument

    return written(
        report,
        DiagnoseDocument,
        kind="silent" if report.likely else "none",
        message="",
        likely=_causes(report.likely),
        place=None,
        shapes=[],
    )


def _causes(likely: Sequence[Cause]) -> list[dict[str, Any]]:
    from fcinspect.reports.documents.networks import CauseDocument, TrialDocument

    return [
        written(
            cause,
            CauseDocument,
            cause=text.safe(cause.cause),
            evidence=text.safe(cause.evidence),
            fix=text.safe(cause.fix),
            trial=cause.trial
            and written(cause.trial, TrialDocument, words=text.safe(cause.trial.words)),
        )
        for cause in likely
    ]


def rows(likely: Sequence[Cause]) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one a change of the source, or a cause without any."""
    titles = ("name", "cause", "evidence", "fix", "code", "trial")
    yield (*titles, "file", "line", "before", "after")
    for cause in likely:
        trial = "" if cause.trial is None else cause.trial.words
        told = (cause.name, cause.cause, cause.evidence, cause.fix, cause.code or "", trial)
        for change in cause.changes:
            yield (*told, change.file, change.line, change.before, change.after)
        if not cause.changes:
            yield (*told, "", "", "", "")


def page_with_notes(found: Diagnosis, title: str | None = None) -> Page:
    """Return the page with the diagnosis's own notes; a `title` stands in place of its message."""
    return with_notes(page(found, title), map(text.safe, found.notes))


def page(found: Diagnosis, title: str | None = None) -> Page:
    """Return the page; a diagnosis holds whole numbers only."""
    built = PageBuilder()
    first = Heading(text.safe(found.message if title is None else title), level=1)
    built.add(first, Line.of(text.safe(found.happened)))
    if (place := found.place) is not None:
        inside = f", in {text.safe(place.function)}" if place.function else ""
        built.group(Line.of("at ", (where(place), "strong"), inside))
        if found.code:
            built.add(Verbatim(text.safe(found.code), "python", indent=2))
    for blocks in blocks_of(found.likely[:MOST_CAUSES], found.message):
        built.group(*blocks)
    return built.page()


def blocks_of(likely: Sequence[Cause], message: str = "") -> list[list[Block]]:
    """Return the blocks of each cause, most likely first; the message tells names of classes."""
    names = NAMES | {name for found in CLASS.findall(message) for name in found}
    return [_cause(cause, f"{number}. ", names) for number, cause in enumerate(likely, start=1)]


def _cause(cause: Cause, number: str, names: set[str]) -> list[Block]:
    indent = len(number)
    blocks: list[Block] = [Line.of((f"{number}{text.safe(cause.cause)}", "strong"), hang=indent)]
    for lead, said in (("because ", cause.evidence), ("fix: ", cause.fix)):
        if said:
            blocks.append(Line.of((lead, "faint"), _lowered(text.safe(said), names), indent=indent))
    if cause.changes:
        for change in cause.changes:
            blocks += _change(change, indent)
    elif cause.code:
        code = "\n".join(_lines(cause.code))
        blocks.append(Verbatim(code, "python", indent + 2, "output"))
    if cause.trial is not None:
        words = (text.safe(cause.trial.words), "good" if cause.trial.runs else "bad")
        blocks.append(Line.of(("with this, the module ", "faint"), words, indent=indent))
    elif cause.changes:
        blocks.append(Line.of(("this change was not tried", "unsure"), indent=indent))
    return blocks


def _lowered(words: str, names: set[str]) -> str:
    """Return a sentence so that it can follow another word; names keep their capital."""
    first = words.partition(" ")[0]
    plain = first.isalpha() and first.istitle() and first not in names
    return words[:1].lower() + words[1:] if plain else words


def _change(change: Change, indent: int) -> list[Block]:
    """Return the lines of a file as they are and as they are to be."""
    removed, added = _lines(change.before), _lines(change.after)
    lines = dedent("\n".join((*removed, *added))).split("\n")
    signs = "-" * len(removed) + "+" * len(added)
    shown = [f"{sign} {line}".rstrip() for sign, line in zip(signs, lines, strict=False)]
    return [
        Line.of((where(change), "strong"), indent=indent),
        Verbatim("\n".join(shown), "diff", indent + 2),
    ]


def _lines(code: str) -> list[str]:
    return [text.safe(line) for line in code.expandtabs().split("\n")] if code else []


def where(place: Place | Change) -> str:
    """Return a file, as one would type it here or as its package names it, and the line."""
    path = Path(place.file)
    folders = (Path.cwd(), *(Path(entry) for entry in sys.path if entry))
    inside = (path.relative_to(folder) for folder in folders if path.is_relative_to(folder))
    return f"{text.safe(str(next(inside, place.file)))}:{place.line}"


def _silent_page(report: SilentReport) -> Page:
    built = PageBuilder()
    built.add(Heading(text.safe(report.title), level=1), Line.of(text.safe(report.happened)))
    for blocks in blocks_of(report.likely):
        built.group(*blocks)
    built.listed("Looked for", report.checked)
    built.listed("Not exercised", report.not_exercised)
    return built.page()

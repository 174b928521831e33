"""The picture of a verification: every check, what was found, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.render import text
from fcinspect.render.jsonable import finite
from fcinspect.render.page import (
    VERDICT_ROLES,
    Block,
    Column,
    Heading,
    Line,
    Page,
    PageBuilder,
    Table,
)
from fcinspect.render.view import View
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.render.documents import CheckDocument, VerifyDocument, WorstDocument
    from fcinspect.verification.check import Check, Plan, Report

MOST_FINDINGS = 20


def view_of_report(report: Report, asked: dict[str, Any]) -> View:
    """Return the view of what was found."""
    return View(
        command="verify",
        asked=asked,
        data=lambda full: dict(document(report)),
        page=partial(page, report),
        rows=partial(rows, report),
        ok=report.verdict is Verdict.WITHIN,
    )


def view_of_plan(plan: Plan, asked: dict[str, Any]) -> View:
    """Return the list of the checks that a plan would make."""
    names = [planned.name for planned in plan.checks]

    def listed(precision: int) -> Page:
        del precision
        built = PageBuilder()
        built.add(
            Heading(f"The checks of verify {plan.kind}", level=1),
            Line.of("--checks takes their groups, names or patterns, separated by commas"),
        )
        for group in plan.groups:
            lines = [Line.of(name, indent=2) for name in names if name.startswith(f"{group}/")]
            built.group(Line.of((group, "strong")), *lines)
        return built.page()

    return View(
        command="verify",
        asked=asked,
        data=lambda full: {
            "kind": plan.kind,
            "subject": plan.subject,
            "planned": names,
            "not_exercised": list(plan.not_exercised),
        },
        page=listed,
        rows=lambda: [("check",), *((name,) for name in names)],
    )


def document(report: Report) -> VerifyDocument:
    """Return the JSON data."""
    return {
        "kind": report.kind,
        "subject": report.subject,
        "verdict": report.verdict.value,
        "likely_cause": report.likely_cause,
        "checks": [_check_document(check) for check in report.checks],
        "not_exercised": list(report.not_exercised),
        "notes": list(report.notes),
    }


def _check_document(check: Check) -> CheckDocument:
    worst: WorstDocument | None = None
    if check.worst is not None:
        worst = {
            "index": list(check.worst.index),
            "computed": finite(check.worst.computed),
            "reference": finite(check.worst.reference),
            "low": None if check.worst.low is None else finite(check.worst.low),
            "high": None if check.worst.high is None else finite(check.worst.high),
        }
    return {
        "name": check.name,
        "group": check.group,
        "verdict": check.verdict.value,
        "max_ratio": None if check.max_ratio is None else finite(check.max_ratio),
        "worst": worst,
        "cause": check.cause,
        "detail": check.detail,
        "elements": check.elements,
        "outside": check.outside,
        "undecided": check.undecided,
    }


def rows(report: Report) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one a check."""
    yield (
        "name", "verdict", "max_ratio", "worst", "computed", "reference", "low", "high",
        "elements", "outside", "undecided", "cause", "detail",
    )  # fmt: skip
    for check in report.checks:
        worst = check.worst
        place = ("", "", "", "", "")
        if worst is not None:
            index = " ".join(map(str, worst.index))
            place = (index, worst.computed, worst.reference, worst.low, worst.high)  # type: ignore[assignment]  # numbers
        yield (
            check.name, check.verdict.value, check.max_ratio, *place,
            check.elements, check.outside, check.undecided, check.cause or "", check.detail,
        )  # fmt: skip


def page(report: Report, precision: int = 4) -> Page:
    """Return the page."""
    del precision  # a verdict's numbers are written to the last digit
    built = PageBuilder()
    built.add(Heading(f"Verify {report.subject}", level=1))
    built.add(*(Line.of(note, indent=2) for note in report.notes))
    if report.checks:
        built.group(_table(report.checks))
    findings = [check for check in report.checks if check.verdict is not Verdict.WITHIN]
    for check in findings[:MOST_FINDINGS]:
        built.group(*_finding(check))
    if len(findings) > MOST_FINDINGS:
        built.group(Line.of(f"showing {MOST_FINDINGS} of {len(findings)} findings"))
    if report.not_exercised:
        built.group(
            Heading("Not exercised"), *(Line.of(what, indent=2) for what in report.not_exercised)
        )
    built.group(_sentence(report, len(findings)))
    return built.page()


def _table(checks: Sequence[Check]) -> Table:
    """Return a row for each check, under the name of its group."""
    columns = (
        Column("check", right=False),
        Column("what", right=False),
        Column("of bound"),
        Column("verdict", right=False),
    )
    found: list[tuple[str, ...]] = []
    group = None
    for check in checks:
        if check.group != group:
            group = check.group
            found.append((group, "", "", ""))
        used = "–"
        if check.max_ratio is not None and check.verdict is not Verdict.UNDECIDED:
            used = text.share(check.max_ratio)
        name = check.name.removeprefix(f"{group}/")
        found.append((f"  {name}", check.detail, used, str(check.verdict)))
    return Table(columns, tuple(found))


def _finding(check: Check) -> list[Block]:
    role = VERDICT_ROLES[check.verdict]
    lines: list[Block] = [Line.of((f"{check.verdict}: ", role), (check.name, "strong"))]
    if check.worst is not None:
        worst = check.worst
        reach = ""
        if worst.low is not None and worst.high is not None:
            reach = (
                f": only {worst.low!r} is right"
                if worst.low == worst.high
                else f", rounding reaches {worst.low!r} to {worst.high!r}"
            )
        place = f" at [{', '.join(map(str, worst.index))}]" if worst.index else ""
        lines.append(
            Line.of(
                f"{worst.computed!r}{place}; the closed form gives {worst.reference!r}{reach}",
                indent=2,
            )
        )
    counts = [(check.outside, "outside"), (check.undecided, "undecided")]
    said = [f"{count:,} of {check.elements:,} {word}" for count, word in counts if count]
    if said and check.elements > 1:
        lines.append(Line.of(" and ".join(said), indent=2))
    if check.cause is not None:
        lines.append(Line.of("likely cause: ", (check.cause, "strong"), indent=2))
    return lines


def _sentence(report: Report, findings: int) -> Line:
    count = text.plural(len(report.checks), "check")
    words = {
        Verdict.WITHIN: f"Within bound: {count}, and rounding explains every difference.",
        Verdict.OUTSIDE: f"Outside bound: {findings} of {count} found what rounding does not"
        " explain.",
        Verdict.UNDECIDED: f"Undecided: {findings} of {count} could not be decided."
        if report.checks
        else "Undecided: nothing was checked.",
    }
    likely = f" Most likely: {report.likely_cause}." if report.likely_cause else ""
    return Line.of((words[report.verdict] + likely, VERDICT_ROLES[report.verdict]))

"""The reports of `verify`: what was found, what would be checked, the examples that there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.layers.spec import format_widths
from fcinspect.page import text
from fcinspect.page.blocks import (
    VERDICT_ROLES,
    Block,
    Column,
    Heading,
    Line,
    Page,
    PageBuilder,
    Table,
    of_words,
)
from fcinspect.page.view import View
from fcinspect.reports.written import written
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.verification.check import Check, Plan, VerificationReport, Worst
    from fcinspect.verification.examples.shipped import ShippedExample

MOST_FINDINGS = 20


def view_of_report(report: VerificationReport, asked: dict[str, Any]) -> View:
    """Return the view of what was found."""
    return View(
        command="verify",
        asked=asked,
        data=lambda full: document(report),
        page=lambda precision: page(report),
        rows=partial(rows, report),
        ok=report.verdict is Verdict.WITHIN,
    )


def view_of_plan(plan: Plan, asked: dict[str, Any]) -> View:
    """Return the list of the checks that a plan would make."""
    from fcinspect.reports.documents.training import PlannedChecksDocument

    names = [planned.name for planned in plan.checks]
    built = PageBuilder()
    built.add(
        Heading(f"The checks of verify {plan.kind}", level=1),
        Line.of("--checks accepts groups, names or patterns, separated by commas"),
    )
    for group in plan.groups:
        lines = [Line.of(name, indent=2) for name in names if name.startswith(f"{group}/")]
        built.group(Line.of((group, "strong")), *lines)
    return View(
        command="verify",
        asked=asked,
        data=lambda full: written(plan, PlannedChecksDocument, planned=names),
        page=lambda precision: built.page(),
        rows=lambda: [("check",), *((name,) for name in names)],
    )


def document(report: VerificationReport) -> dict[str, Any]:
    """Return the JSON data."""
    from fcinspect.reports.documents.training import VerifyDocument

    return written(report, VerifyDocument)


def rows(report: VerificationReport) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one a check."""
    titles = ("name", "verdict", "max_ratio", "worst", "computed", "reference", "low", "high")
    yield (*titles, "elements", "outside", "undecided", "cause", "detail")
    for check in report.checks:
        place: tuple[object, ...] = ("",) * 5
        if (worst := check.worst) is not None:
            index = " ".join(map(str, worst.index))
            place = (index, worst.computed, worst.reference, worst.low, worst.high)
        counts = (check.elements, check.outside, check.undecided)
        told = (check.cause or "", check.detail)
        yield (check.name, check.verdict.value, check.max_ratio, *place, *counts, *told)


def page(report: VerificationReport) -> Page:
    """Return the page; a verdict's numbers are written to the last digit."""
    built = PageBuilder()
    built.add(Heading(f"Verify {report.subject}", level=1))
    built.add(*(Line.of(note, indent=2) for note in report.notes))
    if report.checks:
        built.group(_table(report.checks))
    findings = [check for check in report.checks if check.verdict is not Verdict.WITHIN]
    # those with one cause together, the furthest from its bound first
    pairs = (((check.word, check.bare_cause or check.name), check) for check in findings)
    told = [sorted(group, key=_nearness) for group in text.grouped(pairs).values()]
    for checks in told[:MOST_FINDINGS]:
        built.group(*_finding(checks))
    if len(told) > MOST_FINDINGS:
        built.group(Line.of(f"showing {MOST_FINDINGS} of {len(told)} findings"))
    built.listed("Not exercised", report.not_exercised)
    built.group(_sentence(report, findings))
    return built.page()


def _table(checks: Sequence[Check]) -> Table:
    columns = (*of_words("check", "what"), Column("of bound"), *of_words("verdict"))
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
        # what was raised stands below, once for all checks
        detail = check.detail if check.answered else str(check.cause).partition(":")[0]
        found.append((f"  {name}", detail, used, check.word))
    return Table(columns, tuple(found))


def _nearness(check: Check) -> float:
    return -(check.max_ratio or 0.0)


def _finding(checks: Sequence[Check]) -> list[Block]:
    check = checks[0]
    lines: list[Block] = [
        Line.of((f"{check.word}: ", VERDICT_ROLES[check.verdict]), (check.name, "strong"))
    ]
    if check.worst is not None:
        lines.append(Line.of(_worst(check.worst), indent=2))
    counts = [(check.outside, "outside"), (check.undecided, "undecided")]
    said = [f"{count:,} of {check.elements:,} {word}" for count, word in counts if count]
    if said and check.elements > 1:
        lines.append(Line.of(" and ".join(said), indent=2))
    cause = check.cause if len(checks) == 1 else check.bare_cause
    if cause is not None:
        lead = "likely cause: " if check.answered else ""
        lines.append(Line.of(lead, (cause, "strong"), indent=2))
    if len(checks) > 1:
        names = ", ".join(other.name for other in checks[1:])
        lines.append(Line.of(f"also in {names}", indent=2, hang=2))
    return lines


def _worst(worst: Worst) -> str:
    """Return the number at the worst place, and the numbers that are correct there."""
    place = f" at [{', '.join(map(str, worst.index))}]" if worst.index else ""
    said = f"{worst.computed!r}{place}; the closed form gives {worst.reference!r}"
    if worst.low is None or worst.high is None:
        return said
    if worst.low == worst.high:
        return f"{said}: only {worst.low!r} is correct"
    return f"{said}, rounding allows {worst.low!r} to {worst.high!r}"


def _sentence(report: VerificationReport, findings: Sequence[Check]) -> Line:
    count, found = text.plural(len(report.checks), "check"), len(findings)
    silent = sum(not check.answered for check in findings)
    if silent == len(report.checks) > 0:
        said = f"Not verified: none of {count} got a result."
    elif report.verdict is Verdict.OUTSIDE:
        first = "Outside bound" if any(c.word == "outside bound" for c in findings) else "Failed"
        said = f"{first}: {found} of {count} found errors that rounding does not explain."
        if silent:
            said += f" {silent} of them got no result."
    elif report.verdict is Verdict.UNDECIDED:
        said = f"Undecided: {found} of {count} could not be decided."
        if not report.checks:
            said = "Undecided: nothing was checked."
    elif any(check.max_ratio is not None for check in report.checks):
        said = f"Within bound: {count}, and rounding explains every difference."
    else:
        said = f"All {count} hold."
    likely = f" Most likely: {report.likely_cause}." if report.likely_cause else ""
    return Line.of((said + likely, VERDICT_ROLES[report.verdict]))


def view_of_examples(examples: Sequence[ShippedExample], asked: dict[str, Any]) -> View:
    """Return the list of the worked examples that come with fcinspect."""
    return View(
        command="verify",
        asked=asked,
        data=lambda full: _examples_document(examples),
        page=lambda precision: _examples_page(examples),
        rows=partial(_example_rows, examples),
    )


def _examples_document(examples: Sequence[ShippedExample]) -> dict[str, Any]:
    from fcinspect.reports.documents.training import ShippedExampleDocument

    fields = ("title", "source", "known_wrong")
    listed = []
    for one in examples:
        own: dict[str, Any] = {key: getattr(one.example, key) for key in fields}
        listed.append(written(one, ShippedExampleDocument, **own))
    return {"kind": "example", "examples": listed}


def _examples_page(examples: Sequence[ShippedExample]) -> Page:
    built = PageBuilder()
    built.add(Heading("Worked examples that come with fcinspect", level=1))
    for one in examples:
        wrong = len(one.example.known_wrong)
        said = f", {wrong} of them known to be wrong" if wrong else ""
        size = f"{format_widths(one.widths)}, {text.plural(one.printed_numbers, 'printed number')}"
        named = Line.of((one.name, "strong"), f"  {size}{said}")
        built.group(named, Line.of(one.example.title, indent=2, hang=2))
    built.group(
        Line.of("verify example NAME checks one; part of a name is enough, such as mazur"),
        Line.of("verify example --template prints a file to start from"),
    )
    return built.page()


def _example_rows(examples: Sequence[ShippedExample]) -> Iterable[Sequence[object]]:
    yield "name", "widths", "printed numbers", "title", "source", "known wrong"
    for one in examples:
        size = (format_widths(one.widths), one.printed_numbers)
        source, wrong = one.example.source or "", "; ".join(one.example.known_wrong)
        yield (one.name, *size, one.example.title, source, wrong)

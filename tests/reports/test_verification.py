from __future__ import annotations

import math
from dataclasses import replace

from fcinspect.page.blocks import Heading, Line
from fcinspect.reports.verify import MOST_FINDINGS, document, page, rows, view_of_report
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, VerificationReport, Worst

WITHIN = Check(
    "exact/zeros", Verdict.WITHIN, "0·W + b = b", max_ratio=0.0, elements=6,
    worst=Worst((0, 1), 0.5, 0.5, 0.5, 0.5),
)  # fmt: skip
OUTSIDE = Check(
    "data/output", Verdict.OUTSIDE, "y = x·Wᵀ + b", max_ratio=math.inf, elements=8, outside=3,
    worst=Worst((1, 2), 0.25, 0.75, 0.7499, 0.7501), cause="the bias is missing",
)  # fmt: skip
UNDECIDED = Check("data/y2", Verdict.UNDECIDED, "y = x·Wᵀ + b", 0.0, elements=4, undecided=4)


def report(*checks: Check) -> VerificationReport:
    """Return a report of these checks."""
    return VerificationReport("output", "'y.npz'", checks, ("other devices",), ("x is float32",))


def written(found: VerificationReport) -> str:
    """Return the words of the page, tables aside."""
    blocks = [block for group in page(found).groups for block in group]
    return "\n".join(b.text for b in blocks if isinstance(b, Line | Heading))


def test_a_finding_names_the_element_the_interval_and_the_cause() -> None:
    """What is outside is told in words and numbers; what is within is not repeated."""
    said = written(report(WITHIN, OUTSIDE))
    assert "0.25 at [1, 2]; the closed form gives 0.75, rounding allows 0.7499 to 0.7501" in said
    assert "3 of 8 outside" in said
    assert "likely cause: the bias is missing" in said
    assert "Outside bound: 1 of 2 checks found" in said
    assert "exact/zeros" not in said
    assert "other devices" in said


def test_undecided_is_no_success() -> None:
    """The sentence and the exit status say so."""
    found = report(WITHIN, UNDECIDED)
    assert "Undecided: 1 of 2 checks could not be decided." in written(found)
    assert not view_of_report(found, {}).ok
    assert view_of_report(report(WITHIN), {}).ok
    assert not view_of_report(report(), {}).ok


def test_json_has_null_where_it_has_no_number() -> None:
    """An infinite ratio and a missing place are null."""
    first, second = document(report(OUTSIDE, UNDECIDED))["checks"]
    assert first["max_ratio"] is None
    assert first["worst"] == {
        "index": [1, 2], "computed": 0.25, "reference": 0.75, "low": 0.7499, "high": 0.7501,
    }  # fmt: skip
    assert second["worst"] is None
    assert second["group"] == "data"


def test_many_findings_are_counted() -> None:
    """The page shows the first, and says how many there are; those of one cause are one."""
    found = [replace(OUTSIDE, cause=f"cause {k}") for k in range(MOST_FINDINGS + 5)]
    said = written(report(*found))
    assert f"showing {MOST_FINDINGS} of {MOST_FINDINGS + 5} findings" in said
    assert "showing" not in written(report(*[OUTSIDE] * (MOST_FINDINGS + 5)))


def test_every_check_is_a_row_of_the_sheet() -> None:
    """One row a check, titles first."""
    sheet = list(rows(report(WITHIN, OUTSIDE, UNDECIDED)))
    assert len(sheet) == 4
    assert {len(row) for row in sheet} == {len(sheet[0])}

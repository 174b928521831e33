"""The answer to texts as people posted them is right, and no cause of it is a tempting wrong one."""

from __future__ import annotations

import pytest

from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Cause, Diagnosis
from tests.diagnosis.reported import Report, evidence

REPORTS: list[Report] = [*evidence.REPORTS]


def said(cause: Cause) -> str:
    """Return all that a cause says."""
    return "\n".join((cause.cause, cause.evidence, cause.fix, cause.code or ""))


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_a_reported_text_is_answered_right(report: Report) -> None:
    """The first cause is that of the report, with its numbers and names."""
    found = diagnose(report.text)
    assert isinstance(found, Diagnosis), found
    assert found.likely[0].name == report.cause
    for words in report.says:
        assert words in said(found.likely[0]), words
    for words in report.never:
        assert not any(words in said(cause) for cause in found.likely), words

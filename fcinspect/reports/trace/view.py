"""The view of a traced module."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.page.view import View
from fcinspect.reports.trace.document import document, rows
from fcinspect.reports.trace.folding import Folding
from fcinspect.reports.trace.page import WHOLE, page

if TYPE_CHECKING:
    from fcinspect.diagnosis.records import Diagnosis
    from fcinspect.shapes.steps import ModuleTrace


def view_of_trace(
    trace: ModuleTrace,
    found: Diagnosis | None,
    asked: dict[str, Any],
    *,
    show_all: bool,
    folding: Folding = WHOLE,
) -> View:
    """Return the view of a trace, and of the diagnosis of the step that failed."""
    return View(
        command="trace",
        asked=asked,
        data=lambda full: dict(document(trace, found)),
        page=partial(page, trace, found, show_all, folding),
        rows=partial(rows, trace),
        ok=trace.failure is None,
    )

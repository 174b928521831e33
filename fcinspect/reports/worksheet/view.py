"""The view of `worksheet`: a sheet with blanks, or its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fcinspect.page.view import View
from fcinspect.reports.worksheet import document as worksheet_document
from fcinspect.reports.worksheet.page import page

if TYPE_CHECKING:
    from fcinspect.worksheets.checking import KeyCheck
    from fcinspect.worksheets.sheet import Sheet


def view_of_worksheet(
    sheet: Sheet, check: KeyCheck, asked: dict[str, Any], *, answers: bool
) -> View:
    """Return the view of a sheet; with `answers` of its key."""
    return View(
        command="worksheet",
        asked=asked,
        data=lambda full: dict(worksheet_document.document(sheet, check, answers)),
        page=lambda precision: page(sheet, check, answers),
        rows=lambda: worksheet_document.rows(sheet, answers),
        texts={
            "latex": lambda precision: _article(sheet, check, answers),
            "html": lambda precision: _form(sheet, check, asked, answers),
        },
    )


def _article(sheet: Sheet, check: KeyCheck, answers: bool) -> str:
    from fcinspect.media.latex.worksheet import worksheet_document as article

    return article(page(sheet, check, answers))


def _form(sheet: Sheet, check: KeyCheck, asked: dict[str, Any], answers: bool) -> str:
    """Return the page in HTML; a sheet holds its own document, to be saved with its answers."""
    from fcinspect.media.html.worksheet import blank_of, worksheet_page
    from fcinspect.media.jsonable import dumps, envelope

    data = dict(worksheet_document.document(sheet, check, answers))
    document = envelope("worksheet", ok=True, asked=asked, data=data, warnings=())
    return worksheet_page(
        page(sheet, check, answers, blank_of), "" if answers else dumps(document), sheet.problem
    )

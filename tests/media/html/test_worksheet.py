"""Worksheets in HTML: a field for each blank, and none in the key."""

from __future__ import annotations

import json

import pytest

from fcinspect.media.emit import rendered
from fcinspect.reports.worksheet import view_of_worksheet
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import KINDS, SheetOptions
from fcinspect.worksheets.sheet import Sheet
from fcinspect.worksheets.working import KeyCheck
from tests.media.html.reading import read

CHECK = KeyCheck("torch 2.13.0", "float64", 9, 9, 0)


def html_of(sheet: Sheet, *, answers: bool) -> str:
    """Return the page of a sheet, or of its key."""
    asked = {"widths": "</script><script>alert(1)</script>"}
    return rendered(view_of_worksheet(sheet, CHECK, asked, answers=answers), "html")


@pytest.mark.parametrize("kind", KINDS)
def test_each_blank_is_a_field(kind: str) -> None:
    """In the order of work, each named by its id for those who hear the page."""
    sheet = Sheet(make(SheetOptions(kind, (3, 2, 2), 7)))
    page = read(html_of(sheet, answers=False))
    fields = [e for e in page.all("input") if "data-answer" in e.attributes]
    assert {e.attributes["data-answer"] for e in fields} == {blank.id for blank in sheet.blanks}
    assert len(fields) == len(sheet.blanks)
    assert all(e.attributes["aria-label"] == e.attributes["data-answer"] for e in fields)
    names = [e.attributes["data-field"] for e in page.all("input") if e not in fields]
    assert names == ["Name", "Date", "Points"]


def test_the_page_holds_its_document() -> None:
    """As JSON that ends no element, whatever was asked for."""
    sheet = Sheet(make(SheetOptions("all", (2, 2, 1), 3)))
    page = read(html_of(sheet, answers=False))
    held = next(e for e in page.all("script") if e.attributes.get("id") == "document")
    document = json.loads(held.text)
    assert document["input"]["widths"] == "</script><script>alert(1)</script>"
    assert list(document["data"]["answers"]) == [blank.id for blank in sheet.blanks]
    assert set(document["data"]["answers"].values()) == {None}


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_has_no_field_and_a_sheet_no_answer(kind: str) -> None:
    """The key shows every way; the sheet's own document gives nothing away."""
    sheet = Sheet(make(SheetOptions(kind, (3, 2, 2), 7)))
    key = read(html_of(sheet, answers=True))
    assert sheet.blanks
    assert not list(key.all("input"))
    assert not [e for e in key.all("script") if e.attributes.get("id") == "document"]
    assert all(f"{blank.id} = " in key.text for blank in sheet.blanks)
    assert "How to get" not in html_of(sheet, answers=False)

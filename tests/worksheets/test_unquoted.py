"""Answers without the quotes that JSON asks for."""

from __future__ import annotations

import json

import pytest

from fcinspect.worksheets.answers import fails_in_an_answer, quoted

SHEET = """{
  "data": {
    "seed": 7,
    "pupil": null,
    "answers": {
      "fc1.z[0]": null,
      "loss": null
    },
    "check": {"checked_by": "torch"}
  }
}
"""


def filled(first: str, last: str = "null") -> str:
    """Return the sheet with these in its two blanks."""
    return SHEET.replace("null", "nobody", 1).replace("null", first, 1).replace("null", last, 1)


@pytest.mark.parametrize(
    "value", ["3,5", "2/3", ".5", "+4", "\u22123", "1 1/2", "03", "5.", "- 4", "3 or 4"]
)
def test_what_is_no_json_gets_quotes(value: str) -> None:
    """In the middle and at the end; the rest stays as it is."""
    text, names = quoted(filled(value, value))
    data = json.loads(text)["data"]
    assert data["answers"] == {"fc1.z[0]": value, "loss": value}
    assert data["pupil"] == "nobody"
    assert names == ["pupil", "fc1.z[0]", "loss"]


@pytest.mark.parametrize("value", ["3", "-0.25", "1.5e-3", '"2/3"', "null", "true"])
def test_what_is_json_stays(value: str) -> None:
    """Nothing is changed that can be read."""
    text = SHEET.replace("null", "3", 1).replace("null", value, 1)
    found, names = quoted(text)
    assert names == []
    assert json.loads(found) == json.loads(text)


def test_an_erased_answer_is_empty() -> None:
    """A pupil may delete the word null."""
    found, _ = quoted(filled(""))
    assert json.loads(found)["data"]["answers"]["fc1.z[0]"] is None


def test_only_answers_are_mended() -> None:
    """A number of the problem is never guessed."""
    text = SHEET.replace('"seed": 7', '"seed": 7,5')
    assert quoted(text)[1] == []
    with pytest.raises(json.JSONDecodeError):
        json.loads(quoted(text)[0])
    behind = SHEET.replace('"check": {"checked_by": "torch"}', '"numbers": 7,5')
    assert quoted(behind)[1] == []


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('{"data": {"answers": {"loss": 3/2}}}', True),
        ('{"data": {"answers": {"loss": 3,5, "a": 1}}}', True),
        ('{"data": {"answers": {"loss": 3', False),
        ('{"data": {"seed": 3/2, "answers": {}}}', False),
        ('{"data": {"answers": {"loss": 3}, "seed": 3/2}}', False),
        ("[" * 10**5, False),
        ("{}", False),
    ],
)
def test_where_the_hint_fits(text: str, fits: bool) -> None:
    """Not in a file that ends early, nor in another part of it."""
    assert fails_in_an_answer(text) is fits

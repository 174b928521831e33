"""The page of a graded worksheet."""

from __future__ import annotations

from fcinspect.page.blocks import Table
from fcinspect.reports.worksheet_grade import view_of_grades
from fcinspect.worksheets.answers import read_answer
from fcinspect.worksheets.grading import Entry, Gradebook, grade
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import SheetOptions
from tests.worksheets.pupil import worked_out


def reasons(slip: str) -> dict[str, str]:
    """Return what the page says of each blank of a sheet with a slip made all along."""
    problem = make(SheetOptions("all", (2, 3, 2), 0))
    answers = {name: read_answer(str(v)) for name, v in worked_out(problem, slip).items()}
    book = Gradebook((Entry("anna.json", grade(problem, answers)),))
    page = view_of_grades(book, {}, solution=True).page(4)
    (table,) = [block for group in page.groups for block in group if isinstance(block, Table)]
    return {row[0]: row[-1] for row in table.rows}


def test_many_earlier_numbers_are_called_by_one_name() -> None:
    """The output after the step takes all parameters, the loss after it all outputs."""
    found = reasons("no lr")
    assert found["output_after[0]"] == "right given your new parameters"
    assert found["loss_after"] == "right given your output_after"


def test_a_slip_is_told_once_in_the_table() -> None:
    """Further blanks name the first."""
    found = list(reasons("no lr").values())
    assert found.count("the learning rate is forgotten") == 1
    (first,) = [n for n, why in reasons("no lr").items() if why == "the learning rate is forgotten"]
    assert found.count(f"as in {first}") >= 2


def test_what_is_right_needs_no_reason() -> None:
    """The last column is empty."""
    assert set(reasons("").values()) == {""}

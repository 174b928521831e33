"""Marks: right, rounded, following, wrong, unreadable and empty."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest

from fcinspect.errors import SpecError
from fcinspect.worksheets.answers import read_answer
from fcinspect.worksheets.grading import Grade, Graded, Mark, grade
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import KINDS, Problem, SheetLayer
from fcinspect.worksheets.sheet import sheet_of
from tests.worksheets.pupil import worked_out

SHAPES = ((1, 1), (2, 2), (3, 2), (2, 3, 2), (3, 2, 3), (1, 4, 1), (2, 2, 2, 1), (4, 1, 2))


def graded(problem: Problem, changed: Mapping[str, object]) -> Grade:
    """Return the grade of the right answers but for those that are changed."""
    key = {blank.id: str(blank.answer) for blank in sheet_of(problem).blanks}
    assert set(changed) <= set(key)
    return grade(problem, {name: read_answer(v) for name, v in {**key, **changed}.items()})


def items(found: Grade) -> dict[str, Graded]:
    """Return the graded blanks by their ids."""
    return {item.id: item for item in found.items}


def row(*numbers: int) -> tuple[Fraction, ...]:
    """Return whole numbers."""
    return tuple(map(Fraction, numbers))


def by_hand(kind: str = "all") -> Problem:
    """Return a problem that is worked out in the comments of the tests.

    z1 = (2·1 − 1·3 + 4, −1 + 6 − 7) = (3, −2), a1 = (3, 0), z2 = (2·3 + 0 + 1, −3 + 0 + 0)
    = (7, −3), t = (6, 1), loss = (1 + 16)/2, G2 = (1, −4), ∂L/∂a1 = (2 + 4, −1 − 20) = (6, −21),
    G1 = (6, 0).
    """
    hidden = SheetLayer("fc1", (row(2, -1), row(-1, 2)), row(4, -7), "relu")
    last = SheetLayer("fc2", (row(2, -1), row(-1, 5)), row(1, 0), "identity")
    return Problem(kind, (2, 2, 2), 0, (hidden, last), row(1, 3), row(6, 1), "mse", Fraction(1, 3))


@pytest.mark.parametrize("widths", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [True, False])
def test_the_key_is_right(kind: str, widths: tuple[int, ...], bias: bool) -> None:
    """The results that the pupil in these tests works out by plain loops are right everywhere."""
    for seed in range(3):
        try:
            problem = make(kind, widths, seed, bias=bias)
        except SpecError:
            pytest.skip("too large for paper")
        answers = {name: read_answer(str(v)) for name, v in worked_out(problem).items()}
        found = grade(problem, answers)
        assert {item.mark for item in found.items} == {Mark.RIGHT}
        assert found.all_right
        assert found.mistakes == ()


@pytest.mark.parametrize("places", [1, 2, 4])
def test_rounded_numbers_are_right_up_to_rounding(places: int) -> None:
    """A decimal with so many places of every result is right, or right up to rounding."""
    for seed in range(6):
        problem = make("step", (2, 3, 2), seed)
        rounded = {
            blank.id: f"{float(blank.answer):.{places}f}"
            for blank in sheet_of(problem).blanks
            if round(blank.answer, places)
        }
        found = graded(problem, rounded)
        assert found.all_right, [item for item in found.items if item.mark is Mark.WRONG]


def test_the_exact_value_is_told_of_a_rounded_one() -> None:
    """2 − (1/3)·6·1 = 0 and 4 − (1/3)·6 = 2; 2 − (1/3)·1·3 = 1; −1 + (1/3)·4·3 = 3, 0 + 4/3."""
    found = items(graded(by_hand(), {"fc2.bias.after[1]": "1.33"}))
    one = found["fc2.bias.after[1]"]
    assert (one.mark, one.answer, one.right) == (Mark.ROUNDED, "1.33", Fraction(4, 3))
    assert found["fc1.bias.after[0]"].right == 2
    assert found["fc2.weight.after[0,0]"].right == 1
    assert found["fc2.weight.after[1,0]"].right == 3


def test_what_goes_on_with_rounded_numbers_is_right_up_to_rounding() -> None:
    """With b after as 1.333, the output is 1.333 and no more than that: 3·0 − 7·0 + 4/3."""
    found = items(graded(by_hand("step"), {"fc2.bias.after[1]": "1.3", "output_after[1]": "1.30"}))
    assert found["output_after[1]"].right == Fraction(4, 3)
    assert found["output_after[1]"].mark is Mark.ROUNDED
    alone = items(graded(by_hand("step"), {"output_after[1]": "1.30"}))
    assert alone["output_after[1]"].mark is Mark.WRONG


def test_one_slip_is_one_mistake() -> None:
    """Without b of fc1, z = (−1, 5): everything after it is computed rightly and follows."""
    problem = by_hand()
    found = grade(
        problem,
        {name: read_answer(str(v)) for name, v in worked_out(problem, "no bias").items()},
    )
    here = items(found)
    assert here["fc1.z[0]"].answer == "-1"
    assert here["fc1.z[0]"].mark is Mark.WRONG
    assert here["fc1.z[0]"].slip == "the bias of fc1 is forgotten"
    assert here["fc1.a[1]"].mark is Mark.FOLLOWS
    assert here["fc1.a[1]"].follows == ("fc1.z[1]",)
    assert here["fc2.z[0]"].follows == ("fc1.a[0]", "fc1.a[1]")
    assert here["loss"].mark is Mark.FOLLOWS
    assert [(m.words, m.ids) for m in found.mistakes] == [
        ("the bias of fc1 is forgotten", ("fc1.z[0]", "fc1.z[1]"))
    ]
    assert found.count(Mark.WRONG) == 2
    assert not found.all_right


def test_a_second_slip_behind_a_first_is_found() -> None:
    """The relu is forgotten in what follows from a wrong sum."""
    found = items(graded(by_hand(), {"fc1.z[1]": "-4", "fc1.a[1]": "-4"}))
    assert found["fc1.z[1]"].mark is Mark.WRONG
    assert found["fc1.a[1]"].mark is Mark.WRONG
    assert found["fc1.a[1]"].slip == "the relu of fc1 is forgotten"


def test_right_in_spite_of_a_wrong_number_is_right() -> None:
    """A right number behind a wrong one is no mistake."""
    found = items(graded(by_hand(), {"fc1.z[0]": "5"}))
    assert found["fc1.z[0]"].mark is Mark.WRONG
    assert found["fc1.a[0]"].mark is Mark.RIGHT


def test_empty_blanks_between() -> None:
    """Where z is left out, what follows from a wrong a names it, and a is judged by the problem."""
    changed: dict[str, object] = {"fc1.z[0]": None, "fc1.z[1]": "", "fc2.z[0]": "7"}
    found = graded(by_hand("forward"), changed)
    here = items(found)
    assert here["fc1.z[0]"].mark is here["fc1.z[1]"].mark is Mark.EMPTY
    assert here["fc1.a[0]"].mark is Mark.RIGHT
    assert found.count(Mark.EMPTY) == 2
    assert not found.all_right
    # −1·3 + 5·1 = 2
    follows = items(
        graded(by_hand("forward"), {"fc1.z[1]": "1", "fc1.a[1]": None, "fc2.z[1]": "2"})
    )
    assert follows["fc2.z[1]"].mark is Mark.FOLLOWS
    assert follows["fc2.z[1]"].follows == ("fc1.z[1]",)


def test_nothing_filled_in() -> None:
    """An empty sheet has no mistakes, and is not right."""
    found = grade(by_hand(), {})
    assert {item.mark for item in found.items} == {Mark.EMPTY}
    assert found.mistakes == ()
    assert not found.all_right


def test_unreadable_answers_are_told_and_not_right() -> None:
    """The rest is graded all the same."""
    found = graded(by_hand(), {"fc1.z[0]": "three"})
    one = items(found)["fc1.z[0]"]
    assert (one.mark, one.answer) == (Mark.UNREADABLE, "three")
    assert one.slip == "expected a number such as 3, -0.25, 1.5e-3 or 2/3"
    assert found.count(Mark.RIGHT) == len(found.items) - 1
    assert not found.all_right


def test_no_slip_is_made_up() -> None:
    """A number that nothing gives is wrong without a cause."""
    found = graded(by_hand(), {"fc2.z[0]": "1234567"})
    assert items(found)["fc2.z[0]"].slip is None
    assert [(m.words, m.ids) for m in found.mistakes] == [(None, ("fc2.z[0]",))]

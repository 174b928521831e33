"""Marks: right, rounded, following, wrong, unreadable and empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from random import Random

import pytest

from fcinspect.errors import SpecError
from fcinspect.worksheets.answers import read_answer
from fcinspect.worksheets.grading import Grade, Graded, Mark, grade
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import KINDS, Problem, SheetLayer, SheetOptions
from fcinspect.worksheets.sheet import Sheet
from tests.worksheets.careless import Careless
from tests.worksheets.pupil import worked_out

SHAPES = ((1, 1), (2, 2), (3, 2), (2, 3, 2), (3, 2, 3), (1, 4, 1), (2, 2, 2, 1), (4, 1, 2))

made = cache(make)


def graded(problem: Problem, changed: Mapping[str, object]) -> Grade:
    """Return the grade of the right answers but for those that are changed."""
    key = {blank.id: str(blank.answer) for blank in Sheet(problem).blanks}
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
            problem = make(SheetOptions(kind, widths, seed, bias=bias))
        except SpecError:
            pytest.skip("too large for paper")
        answers = {name: read_answer(str(v)) for name, v in worked_out(problem).items()}
        found = grade(problem, answers)
        assert {item.mark for item in found.items} == {Mark.RIGHT}
        assert found.all_right
        assert found.mistakes == ()


@pytest.mark.parametrize("places", [1, 2, 4])
def test_rounded_numbers_are_right_up_to_rounding(places: int) -> None:
    """A decimal with so many places of every result is right, or right up to rounding.

    Nothing but 0 is 0.
    """
    for seed in range(6):
        problem = make(SheetOptions("step", (2, 3, 2), seed))
        rounded = {blank.id: f"{float(blank.answer):.{places}f}" for blank in Sheet(problem).blanks}
        for item in graded(problem, rounded).items:
            nothing = item.right and not float(rounded[item.id])
            good = item.mark in (Mark.RIGHT, Mark.ROUNDED)
            assert item.mark is Mark.WRONG if nothing else good, item


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
    assert one.slip == "expected a number such as 3, -0.25, 1.5e-3, 2/3 or 1 1/2"
    assert found.count(Mark.RIGHT) == len(found.items) - 1
    assert not found.all_right


def test_no_slip_is_made_up() -> None:
    """A number that nothing gives is wrong without a cause."""
    found = graded(by_hand(), {"fc2.z[0]": "1234567"})
    assert items(found)["fc2.z[0]"].slip is None
    assert [(m.words, m.ids) for m in found.mistakes] == [(None, ("fc2.z[0]",))]


def one_sum(w: Fraction, x: int) -> Problem:
    """Return the problem z = w·x."""
    layer = SheetLayer("fc1", ((w,),), None, "identity")
    return Problem("forward", (1, 1), 0, (layer,), row(x), row(0), "mse", Fraction(1))


@pytest.mark.parametrize("answer", ["0", "0.0", "0.00", "-0.00"])
def test_nothing_rounds_to_0(answer: str) -> None:
    """However many places the 0 has: 0.004 is something."""
    found = items(graded(one_sum(Fraction(1, 250), 1), {"fc1.z[0]": answer}))
    assert found["fc1.z[0]"].mark is Mark.WRONG


@pytest.mark.parametrize("z", ["0", "0.00"])
@pytest.mark.parametrize("g", ["-0.37", "-0.5", "1"])
def test_a_unit_at_0_lets_nothing_through(z: str, g: str) -> None:
    """z = 0 in place of 3: G is 0, and nothing between 0 and ∂L/∂a = 6."""
    changed = {"fc1.z[0]": z, "fc1.grad_output[0]": g}
    found = items(graded(by_hand(), changed))
    assert found["fc1.z[0]"].mark is Mark.WRONG
    assert found["fc1.grad_output[0]"].mark is Mark.WRONG
    held = items(graded(by_hand(), {**changed, "fc1.grad_output[0]": "0"}))
    assert held["fc1.grad_output[0]"].mark is Mark.FOLLOWS


def test_a_mask_that_is_not_known_is_0_or_1() -> None:
    """x = 0.01 in place of 1 lets z of the next layer, left out, be above 0 or not: G is 6 or 0."""
    first = SheetLayer("fc1", (row(1),), None, "relu")
    second = SheetLayer("fc2", ((Fraction(10),),), (Fraction(-1, 10),), "relu")
    last = SheetLayer("fc3", (row(1),), None, "identity")
    layers, x = (first, second, last), row(1)
    problem = Problem("all", (1, 1, 1, 1), 0, layers, x, row(0), "mse", Fraction(1))
    changed: dict[str, object] = {
        "fc1.z[0]": "0.01", "fc1.a[0]": None, "fc2.z[0]": None, "fc2.a[0]": None,
        "fc2.grad_activation[0]": "6",
    }  # fmt: skip
    for g, mark in (("6", Mark.FOLLOWS), ("0", Mark.FOLLOWS), ("3", Mark.WRONG)):
        found = items(graded(problem, {**changed, "fc2.grad_output[0]": g}))
        assert found["fc2.grad_output[0]"].mark is mark, g


@pytest.mark.parametrize(
    ("answer", "mark"),
    [
        ("4.2", Mark.ROUNDED),
        ("4.20", Mark.ROUNDED),
        ("4.1", Mark.ROUNDED),
        ("4.13", Mark.ROUNDED),
        ("21/5", Mark.ROUNDED),
        ("62/15", Mark.RIGHT),
        ("4", Mark.WRONG),
        ("4.3", Mark.WRONG),
        ("4.25", Mark.WRONG),
    ],
)
def test_only_a_decimal_is_rounded(answer: str, mark: Mark) -> None:
    """Without biases z after is 31/15·2 = 62/15, and 2.1·2 = 4.2 with w after to one decimal."""
    layer = SheetLayer("fc1", (row(1),), None, "identity")
    # y = 2, G = 2·(2 + 2/15·…): w after = 1 + 16/15 = 31/15 with G = −8 and lr = 1/15
    problem = Problem("step", (1, 1), 0, (layer,), row(2), row(6), "mse", Fraction(1, 15))
    assert {b.id: b.answer for b in Sheet(problem).blanks}["output_after[0]"] == Fraction(62, 15)
    found = items(graded(problem, {"fc1.weight.after[0,0]": "2.1", "output_after[0]": answer}))
    assert found["fc1.weight.after[0,0]"].mark is Mark.ROUNDED
    assert found["output_after[0]"].mark is mark


@pytest.mark.parametrize(("answer", "mark"), [("2.1", Mark.FOLLOWS), ("2.3", Mark.WRONG)])
def test_what_follows_may_be_rounded_to_any_place(answer: str, mark: Mark) -> None:
    """With z2 = (5.5, 2.9) the loss is (0.25 + 3.61)/2 = 1.93; with (5.5, −0.98), 2.0852."""
    problem = by_hand()
    found = items(graded(problem, {"fc2.z[0]": "5.5", "fc2.z[1]": "-0.98", "loss": answer}))
    assert found["loss"].mark is mark


@pytest.mark.parametrize(
    ("gradient", "bias", "output", "follows"),
    [
        # b after = 3.8/3 = 1.2666…, which 1.3 rounds as it rounds 4/3
        ("-3.8", "1.3", "1.267", ("fc2.bias.grad[1]",)),
        # carried on as it is written, 1.3 is as right as it was
        ("-3.8", "1.3", "1.30", None),
    ],
)
def test_a_right_number_may_round_a_wrong_one(
    gradient: str, bias: str, output: str, follows: tuple[str, ...] | None
) -> None:
    """What follows from it then is no rounding of the right number; the wrong one is told."""
    changed = {"fc2.bias.grad[1]": gradient, "fc2.bias.after[1]": bias, "output_after[1]": output}
    found = items(graded(by_hand(), changed))["output_after[1]"]
    assert (found.mark is Mark.FOLLOWS) is (follows is not None)
    assert found.follows == (follows or ())


@pytest.mark.parametrize("goes_on", ["written", "before", "either"])
def test_a_slip_is_the_only_mistake(goes_on: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed rightly from numbers of one's own, rounded or not, is never wrong."""
    # which slips they are is of no matter here
    monkeypatch.setattr("fcinspect.worksheets.grading.mistakes_of", lambda *_: ())
    draws, slipped = Random(goes_on), 0
    for number in range(72):
        kind, widths = KINDS[number % 4], SHAPES[number % len(SHAPES)]
        try:
            problem = made(SheetOptions(kind, widths, number % 3))
        except SpecError:
            continue
        if number % 2:
            problem = in_thirds(problem)
        sheet = Sheet(problem)
        pupil = Careless(
            problem,
            dict(sheet.given),
            {blank.id for blank in sheet.blanks},
            draws,
            places=1 + number % 4,
            goes_on=goes_on,
            slips=(0, 0.1)[number // 2 % 2],
            leaves_out=(0, 0, 0.2)[number % 3],
        )
        pupil.work()
        found = grade(problem, {name: read_answer(v) for name, v in pupil.answers.items()})
        marks = (Mark.WRONG,) if pupil.slipped else (Mark.WRONG, Mark.FOLLOWS)
        called = {item.id for item in found.items if item.mark in marks}
        assert called <= pupil.slipped, (problem, pupil.answers)
        slipped += len(pupil.slipped)
    assert slipped > 20


def in_thirds(problem: Problem) -> Problem:
    """Return a problem with a third of the weights, and a seventh for the learning rate."""
    layers = tuple(
        replace(layer, weight=tuple(tuple(w / 3 for w in one) for one in layer.weight))
        for layer in problem.layers
    )
    return replace(problem, layers=layers, learning_rate=Fraction(1, 7))

"""Every slip that teachers look for, made all along by a pupil, and named."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import pytest

from fcinspect.errors import SpecError
from fcinspect.worksheets.answers import read_answer
from fcinspect.worksheets.grading import Grade, Mark, grade
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import Problem, SheetLayer, SheetOptions
from fcinspect.worksheets.sheet import Sheet
from tests.worksheets.pupil import worked_out
from tests.worksheets.test_grading import by_hand, graded, items, row

SHAPES = ((2, 3, 2), (2, 2, 2), (2, 2, 3), (3, 2, 2))
SEEDS = range(2)
SLIPS = [
    ("no bias", 0, "the bias of fc1 is forgotten"),
    ("no bias", 1, "the bias of fc2 is forgotten"),
    ("bias subtracted", 0, "the bias of fc1 is subtracted"),
    ("transposed", 0, "the weight of fc1 is transposed|the rows of the weight of fc1 are read"),
    ("transposed", 1, "the weight of fc2 is transposed|the rows of the weight of fc2 are read"),
    ("sign", 0, "the sign is reversed"),
    ("product forgotten", 0, "is left out"),
    ("sign of a product", 0, "has the wrong sign"),
    ("no relu", 0, "the relu of fc1 is forgotten"),
    ("no mask", 0, "the mask of the relu of fc1 is forgotten in the backward pass"),
    ("z for a", 1, "fc2.z is computed with fc1.z, not with fc1.a"),
    ("mask inverted", 0, "the mask of the relu of fc1 is 1 where it should be 0"),
    ("mask of the gradient", 0, "the gradient passes|the mask of the relu of fc1"),
    ("z for a in the gradient", 1, "fc2.weight.grad is computed with fc1.z, not with fc1.a"),
    ("old parameters", 0, "the parameters before the step are used after it"),
    ("loss without N", 0, "the loss is not divided by N"),
    ("not squared", 0, "the differences in the loss are not squared"),
    ("no 2", 0, "the 2 of 2/N is forgotten in the gradient of the loss"),
    ("no N", 0, "the gradient of the loss is not divided by N"),
    ("no 2/N", 0, "the factor 2/N is forgotten|the 2 of 2/N is forgotten"),
    ("reversed", 0, "target − output is used instead of output − target"),
    ("gradient transposed", 1, "the gradient of the weight of fc2 is transposed"),
    ("wrong way back", 1, "the gradient passes back through the transposed weight of fc2"),
    ("updated weights", 0, "the hidden gradient is propagated through already updated weights"),
    ("no lr", 0, "the learning rate is forgotten"),
    ("lr twice", 0, "the learning rate is applied twice"),
    ("added", 0, "lr times the gradient is added, not subtracted"),
    ("old forgotten", 0, "the step alone is written, without the old value"),
    ("bias frozen", 0, "the bias is not updated"),
]
MANY_SUMS = {"product forgotten": 0.8, "sign of a product": 0.8, "not squared": 0.8}
"""Slips in one number that another slip may give as well, and how often they are named at least."""


made = cache(make)


def spoilt(slip: str, layer: int) -> Iterator[tuple[Problem, Grade]]:
    """Yield the sheets on which the slip shows, with their grades."""
    for widths in SHAPES:
        square = len(widths) == 3 and widths[1] == widths[2]
        if layer > len(widths) - 2 or (slip == "wrong way back" and not square):
            continue
        for seed in SEEDS:
            try:
                problem = made(SheetOptions("all", widths, seed))
            except SpecError:
                continue
            answers = worked_out(problem, slip, layer)
            if any(answers[blank.id] != blank.answer for blank in Sheet(problem).blanks):
                yield problem, grade(problem, {n: read_answer(str(v)) for n, v in answers.items()})


@pytest.mark.parametrize(("slip", "layer", "words"), SLIPS)
@pytest.mark.sampled(2)
def test_the_slip_is_named(slip: str, layer: int, words: str) -> None:
    """It is the only one that is named, and what comes after it follows."""
    named = [
        len(found.mistakes) == 1
        and any(w in (found.mistakes[0].words or "") for w in words.split("|"))
        for _, found in spoilt(slip, layer)
    ]
    assert len(named) >= 2
    assert sum(named) >= MANY_SUMS.get(slip, 0.9) * len(named)


@pytest.mark.parametrize("slip", ["no bias", "reversed", "no mask"])
def test_a_slip_is_one_mistake(slip: str) -> None:
    """What is computed rightly from it is never called wrong."""
    for _, found in spoilt(slip, 0):
        wrong = {item.id.partition("[")[0] for item in found.items if item.mark is Mark.WRONG}
        assert len(wrong) == 1


def test_two_slips_are_both_named() -> None:
    """A forgotten bias going forward and a forgotten 2 going back."""
    problem = make(SheetOptions("all", (2, 3, 2), 0))
    forward = worked_out(problem, "no bias", 1)
    answers = {**forward, "fc2.grad_output[0]": forward["fc2.grad_output[0]"] / 2}
    answers["fc2.grad_output[1]"] = forward["fc2.grad_output[1]"] / 2
    found = grade(problem, {name: read_answer(str(v)) for name, v in answers.items()})
    words = [mistake.words for mistake in found.mistakes]
    assert words[:2] == [
        "the bias of fc2 is forgotten",
        "the 2 of 2/N is forgotten in the gradient of the loss",
    ]


RARE = ("is in its place", "is counted twice", "is computed as a sum", "the right value", "swapped")
"""Words for slips that are not told of a number of one digit."""


def test_chance_seldom_names_a_slip() -> None:
    """Every result that is off by up to 4 for no reason, all others right.

    Among small numbers a product left out or a wrong sign often gives the same.
    """
    named = count = 0
    for kind, widths in (("forward", (2, 2, 2)), ("gradient", (1, 2, 1)), ("step", (1, 2, 1))):
        problem = made(SheetOptions(kind, widths, 0))
        for blank in Sheet(problem).blanks:
            for off in (-4, -1, 2, 3):
                wrong = blank.answer + off
                one = items(graded(problem, {blank.id: str(wrong)}))[blank.id]
                if one.mark is not Mark.WRONG:
                    continue
                count += 1
                named += one.slip is not None
                if len(str(wrong).lstrip("-")) == 1:
                    assert not any(words in (one.slip or "") for words in RARE), one
    assert count > 80
    assert named < 0.2 * count


ONE_NUMBER = [
    # z1[0] = 2·1 − 1·3 + 4
    ("fc1.z[0]", "1", "fc1.weight[0,0]·x[0] is left out"),
    ("fc1.z[0]", "6", "fc1.weight[0,1]·x[1] is left out"),
    ("fc1.z[0]", "9", "fc1.weight[0,1]·x[1] has the wrong sign"),
    ("fc1.z[0]", "-8", "fc1.bias[1] is added instead of fc1.bias[0]"),
    ("fc1.z[0]", "-5", "fc1.bias[0] has the wrong sign"),
    # b = 4 with the row (−1, 2) of fc1.z[1]
    ("fc1.z[1]", "-8", "fc1.weight[1,1]·x[1] is left out"),
    ("fc1.a[1]", "-2", "the relu of fc1 is forgotten"),
    ("fc1.a[1]", "2", "fc1.z[1] loses its sign"),
    # G2[0] = 2·7/2 − 2·6/2
    ("fc2.grad_output[0]", "13", "−2·target[0]/N has the wrong sign"),
    ("fc2.grad_output[0]", "7", "−2·target[0]/N is left out"),
    ("loss", "1/2", "(fc2.z[1] − target[1])²/N is left out"),
    # ∂L/∂a1[0] = 2·1 − 1·(−4)
    ("fc1.grad_activation[0]", "-2", "fc2.weight[1,0]·fc2.grad_output[1] has the wrong sign"),
    ("fc1.weight.grad[0,0]", "18", "fc1.weight.grad[0,1] is in its place"),
    ("fc1.weight.after[0,1]", "-6", "fc1.weight[0,1] is left out"),
]


@pytest.mark.parametrize(("name", "answer", "slip"), ONE_NUMBER)
def test_slips_in_one_number(name: str, answer: str, slip: str) -> None:
    """The operands are named as the sheet names them."""
    found = items(graded(by_hand(), {name: answer}))[name]
    assert found.mark is Mark.WRONG
    assert found.slip == slip


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        # fc1.z[1] and twice fc1.z[0]; ∂L/∂a1[1] − 1·(−1) taken once more; 1 + 2 for 1·2
        ("fc1.z[0]", "-2"),
        ("fc2.z[0]", "-3"),
        ("fc2.grad_output[0]", "2"),
        ("fc2.bias.grad[0]", "2"),
    ],
)
def test_one_digit_tells_no_rare_slip(name: str, answer: str) -> None:
    """A neighbour, twice the number, a product that is added up: one of them gives any digit."""
    assert items(graded(by_hand(), {name: answer}))[name].slip is None


def test_a_slip_that_its_own_place_refutes_is_not_named() -> None:
    """With z for a, ∂L/∂W[0,1] were 3, and [1,1] no 0: it is 0, and right."""
    problem = made(SheetOptions("all", (2, 2, 2), 3))
    key = {blank.id: blank.answer for blank in Sheet(problem).blanks}
    assert key["fc2.weight.grad[1,1]"] == key["fc2.weight.grad[0,1]"] == 0
    assert key["fc1.z[1]"] * key["fc2.grad_output[0]"] == 3
    assert key["fc1.z[1]"] * key["fc2.grad_output[1]"] != 0
    found = items(graded(problem, {"fc2.weight.grad[0,1]": "3"}))["fc2.weight.grad[0,1]"]
    assert (found.mark, found.slip) == (Mark.WRONG, None)


@pytest.mark.parametrize("kind", ["gradient", "step"])
def test_no_slip_is_made_in_what_the_sheet_gives(kind: str) -> None:
    """Where z is printed on the sheet, nobody has forgotten its bias."""
    problem = made(SheetOptions(kind, (2, 2, 1), 0))
    sheet = Sheet(problem)
    results = worked_out(problem, "no bias", 0)
    for blank in sheet.blanks:
        if results[blank.id] != blank.answer:
            found = items(graded(problem, {blank.id: str(results[blank.id])}))[blank.id]
            assert "bias of fc1 is forgotten" not in (found.slip or "")


@pytest.mark.parametrize("answer", ["10/3", "3.3333", "3.33"])
def test_a_factor_of_a_third(answer: str) -> None:
    """(1 + 4 + 25)/3 = 10 is divided by N = 3 once more."""
    layer = SheetLayer("fc1", (row(2), row(3), row(6)), None, "identity")
    problem = Problem("gradient", (1, 3), 0, (layer,), row(1), row(1, 1, 1), "mse", Fraction(1))
    found = items(graded(problem, {"loss": answer}))["loss"]
    assert found.right == 10
    assert found.mark is Mark.WRONG
    assert found.slip == "the loss has a wrong factor of 1/3"


def test_digits_that_are_cut_off() -> None:
    """With lr 1/3, b[0] = 1 − 1/3 = 0.666…"""
    found = items(graded(by_hand(), {"fc2.bias.after[0]": "0.66"}))["fc2.bias.after[0]"]
    assert (found.mark, found.slip) == (Mark.WRONG, "the digits are cut off instead of rounded")


def test_several_slips_that_give_the_same() -> None:
    """2 = 6 − 4 = 6 − 2·2: both are told."""
    slip = items(graded(by_hand(), {"fc1.grad_activation[0]": "2"}))["fc1.grad_activation[0]"].slip
    assert slip == (
        "fc2.weight[1,0]·fc2.grad_output[1] is left out"
        " or fc2.weight[0,0]·fc2.grad_output[0] has the wrong sign"
    )


@pytest.mark.parametrize(
    ("answer", "slip"),
    [
        ("-21", "the sign is reversed"),
        ("12", "two of the digits are swapped"),
        ("2.1", "the decimal point is misplaced"),
        ("42", "it is twice the right value"),
    ],
)
def test_slips_of_the_pen(answer: str, slip: str) -> None:
    """21 = 3·7, where nothing else gives these numbers."""
    layer = SheetLayer("fc1", (row(3),), None, "identity")
    problem = Problem("forward", (1, 1), 0, (layer,), row(7), row(0), "mse", Fraction(1))
    found = items(graded(problem, {"fc1.z[0]": answer}))["fc1.z[0]"]
    assert found.right == 21
    assert found.slip == slip


@pytest.mark.parametrize("kind", ["step", "all"])
def test_a_small_result_written_as_zero_needs_decimals(kind: str) -> None:
    """Whoever writes 0.0 for 0.04 has made no slip in the work; one who writes 0.0 for 3 has."""
    told = "it is not 0: more decimals are needed"
    sheets = [((2, 2, 2, 2), 3, False), ((2, 2), 28, True), ((3, 2, 1), 51, True)]
    small = 0
    for widths, seed, bias in sheets:
        problem = make(SheetOptions(kind, widths, seed, bias=bias))
        for blank in Sheet(problem).blanks:
            if not 0 < abs(blank.answer) <= Fraction(1, 20):
                continue
            small += 1
            found = graded(problem, {blank.id: "0.0"})
            assert (items(found)[blank.id].mark, items(found)[blank.id].slip) == (Mark.WRONG, told)
            assert (blank.id,) in [mistake.ids for mistake in found.mistakes]
    assert small >= 3
    assert items(graded(by_hand(), {"fc1.z[0]": "0.0"}))["fc1.z[0]"].slip != told

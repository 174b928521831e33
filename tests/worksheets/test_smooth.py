"""Sheets with sigmoid and tanh: rounding at every step, the key against torch, and grades."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from fcinspect.bridge.worksheet import results_in_torch
from fcinspect.errors import SpecError
from fcinspect.worksheets import numbers, passes
from fcinspect.worksheets.answers import read_answer
from fcinspect.worksheets.drawing import LARGEST_Z
from fcinspect.worksheets.grading import NOT_WRONG, Grade, Mark, grade
from fcinspect.worksheets.making import make
from fcinspect.worksheets.numbers import Bounded, activation, rounded
from fcinspect.worksheets.passes import forward, solve
from fcinspect.worksheets.problem import KINDS, SMOOTH, Problem, SheetOptions
from fcinspect.worksheets.sheet import Sheet
from fcinspect.worksheets.working import WrongKey, check_key, ways, written
from tests.worksheets.pupil import activated, to_decimals, worked_out

WIDTHS = [(3, 2, 2), (2, 2, 1), (1, 1, 1), (2, 3, 2), (2, 2, 2, 1), (4, 3, 3), (8, 8, 8)]
NAMES = pytest.mark.parametrize("name", SMOOTH)


def made(
    name: str, widths: tuple[int, ...] = (3, 2, 2), seed: int = 0, decimals: int = 4, **more: bool
) -> Problem:
    """Return a problem of the forward sheet, which every network fits on."""
    return make(SheetOptions("forward", widths, seed, activation=name, decimals=decimals, **more))


def as_kind(problem: Problem, kind: str) -> Problem:
    """Return the problem of another sheet."""
    return make(SheetOptions(
        kind, problem.widths, problem.seed, bias=problem.has_bias,
        activation=problem.activation, decimals=problem.decimals,
    ))  # fmt: skip


def graded(problem: Problem, results: Mapping[str, object]) -> Grade:
    """Return the grade of results that are written as they are."""
    return grade(problem, {name: read_answer(value) for name, value in results.items()})


@NAMES
@pytest.mark.parametrize("decimals", [2, 3, 4, 6])
def test_activations_are_rounded_rightly(name: str, decimals: int) -> None:
    """As mpmath rounds them with 60 digits, far out and beside the places where digits change."""
    keep = to_decimals(decimals)
    for hundredths in [*range(-1500, 1501, 7), 0, 1, -1, 10**8, -(10**8)]:
        z = Fraction(hundredths, 100)
        right = keep(activated(name, z)) if abs(z) < 100 else Fraction(z > 0 or -(name == "tanh"))
        assert activation(name, z, decimals) == right
    for units in range(-5, 6):
        # just beside the z where σ or tanh is halfway between two numbers of the sheet
        middle = Fraction(2 * units + 1, 2 * 10**decimals) + (name == "sigmoid") * Fraction(1, 2)
        with mpmath.workdps(40):
            a = mpmath.mpf(middle.numerator) / middle.denominator
            at = mpmath.atanh(a) if name == "tanh" else mpmath.log(a / (1 - a))
            z = Fraction(mpmath.nstr(at, 30))
        for beside in (Fraction(-1, 10**25), Fraction(1, 10**25)):
            step = Fraction(1 if beside > 0 else -1, 2 * 10**decimals)
            assert activation(name, z + beside, decimals) == middle + step


def test_a_half_is_rounded_away_from_zero() -> None:
    """Products may lie halfway."""
    assert [rounded(Fraction(n, 200), 2) for n in (1, -1, 3, -3, 2, 0)] == [
        Fraction(n, 100) for n in (1, -1, 2, -2, 1, 0)
    ]


def test_what_is_exact_stays_so() -> None:
    """σ(0) = 1/2 and tanh(0) = 0, with a bound and without."""
    for name, right in (("sigmoid", Fraction(1, 2)), ("tanh", Fraction(0))):
        assert activation(name, Fraction(0), None) == right
        assert activation(name, Bounded(Fraction(0)), None) == Bounded(right)


@NAMES
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_the_key_is_that_of_a_pupil_who_rounds(name: str, widths: tuple[int, ...]) -> None:
    """Plain loops with mpmath's functions and the decimal module's rounding give every result."""
    for seed in range(3):
        for decimals in (2, 4, 6):
            problem = made(name, widths, seed, decimals, bias=seed != 2)
            assert solve(problem) == worked_out(problem, keep=to_decimals(decimals))


@NAMES
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_torch_computes_the_key(name: str, widths: tuple[int, ...]) -> None:
    """Unrounded to the last digits of float64, and rounded as near as rounding allows."""
    for seed in range(3):
        for decimals in (2, 4):
            problem = made(name, widths, seed, decimals, bias=seed != 2)
            check = check_key(problem, results_in_torch(problem), "torch")
            assert check.numbers == check.equal + check.within_bound == len(solve(problem))


WRONG_SLOPES: dict[str, Callable[..., object]] = {
    "no 1 −": lambda name, a: a * a,
    "of the other": lambda name, a: a * a * -1 if name == "sigmoid" else a - a * a,
    "1": lambda name, a: a - a + (a.__class__(Fraction(1))),
    "a itself": lambda name, a: a,
}


@NAMES
@pytest.mark.parametrize("wrong", WRONG_SLOPES)
def test_a_wrong_derivative_is_found(
    name: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch differs from a key that is made with another derivative, by whatever is planted."""
    problem = made(name)
    computed = results_in_torch(problem)
    monkeypatch.setattr(passes, "slope", WRONG_SLOPES[wrong])
    with pytest.raises(WrongKey, match=r"^fc1\.grad_output\[0\] is "):
        check_key(problem, computed, "torch")


@NAMES
def test_a_wrong_activation_or_rounding_is_found(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other function is; and so are cut-off digits, which half a unit does not explain."""
    problem = made(name, (2, 3, 2))
    computed = results_in_torch(problem)
    other = next(one for one in SMOOTH if one != name)
    with monkeypatch.context() as patch:
        patch.setattr(passes, "activation", lambda _, z, d: activation(other, z, d))
        with pytest.raises(WrongKey, match=r"^fc1\.a\[0\] is "):
            check_key(problem, computed, "torch")

    def cut_off(value: Fraction, decimals: int) -> Fraction:
        return Fraction(int(value * 10**decimals), 10**decimals)

    monkeypatch.setattr(numbers, "rounded", cut_off)
    found = 0
    for seed in range(6):
        problem = made(name, (2, 3, 2), seed)
        z = forward(problem.layers, problem.x)[0].z
        exact = [activated(name, value) for value in z]
        if [cut_off(a, 4) for a in exact] != [to_decimals(4)(a) for a in exact]:
            with pytest.raises(WrongKey, match=r"^fc1\.a\[\d\] is "):
                check_key(problem, results_in_torch(problem), "torch")
            found += 1
    assert found


@NAMES
@pytest.mark.parametrize("widths", WIDTHS[:-1], ids=str)
def test_made_problems_are_worth_working_out(name: str, widths: tuple[int, ...]) -> None:
    """Hidden z lie where the activation bends, the step lowers the loss, and seeds differ."""
    problems = [made(name, widths, seed) for seed in range(6)]
    for problem in problems:
        results = solve(problem)
        hidden = [layer.name for layer in problem.layers[:-1]]
        z = [v for id_, v in results.items() if id_.partition(".z[")[0] in hidden and ".z[" in id_]
        assert len(z) == sum(widths[1:-1])
        assert all(0 < abs(value) <= LARGEST_Z[name] for value in z)
        assert results["loss_after"] < results["loss"]
        for id_, value in results.items():
            assert value or "grad_output" not in id_
    assert len({(p.layers, p.x, p.target) for p in problems}) == len(problems)
    assert {p.activation for p in problems} == {name}


def test_without_a_hidden_layer_there_is_none() -> None:
    """What would be left out silently is refused."""
    with pytest.raises(SpecError, match=r"^3-2 has no hidden layer for tanh: expected at least"):
        made("tanh", (3, 2))


@NAMES
@pytest.mark.parametrize("widths", [(3, 2, 2), (2, 2, 2, 1)], ids=str)
def test_ways_lead_to_their_answers(name: str, widths: tuple[int, ...]) -> None:
    """Each is worked out as it is written; = stands before what it is, ≈ where it is rounded."""
    for seed in range(3):
        problem = made(name, widths, seed)
        results = solve(problem)
        for id_, way in ways(problem).items():
            said, sign, right = re.fullmatch(r"(.*) ([=≈]) (\S+)", way).groups()  # type: ignore[union-attr]
            found = by_calculator(said, id_.partition(".")[0], results)
            assert Fraction(right) == results[id_] == to_decimals(4)(found), (id_, way)
            assert (found == results[id_]) is (sign == "="), (id_, way)


def by_calculator(way: str, layer: str, results: Mapping[str, Fraction]) -> Fraction:
    """Return what the text of a way comes to."""
    text = re.sub(r"G\[(\d+)\]", lambda m: written(results[f"{layer}.grad_output[{m[1]}]"]), way)
    text = text.replace("·", "*").replace("−", "-")
    text = re.sub(r"\d+(?:\.\d+)?", lambda m: f"F('{m[0]}')", text).replace("²", "**2")
    text = re.sub(r"e\^(\(-F\('[\d.]+'\)\)|F\('[\d.]+'\))", r"E(\1)", text)

    def power(z: Fraction) -> Fraction:
        sigmoid = activated("sigmoid", -z)
        return 1 / sigmoid - 1

    names = {"F": Fraction, "E": power, "tanh": lambda z: activated("tanh", z)}
    found: Fraction = eval(text, names)
    return found


WRITTEN: dict[str, Callable[[float], object]] = {
    "as torch prints it": lambda value: value,
    "in float32": lambda value: float(np.float32(value)),
    "to the decimals of the sheet": lambda value: f"{value:.4f}",
    "to more decimals": lambda value: f"{value:.7f}",
    "to fewer decimals": lambda value: f"{value:.3f}" if abs(value) > 0.0005 else value,
}


@NAMES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.sampled(3)
def test_who_does_not_round_as_the_sheet_does_is_right(name: str, kind: str, way: str) -> None:
    """Unrounded results, whatever they are written to, are right up to rounding."""
    for widths in ((3, 2, 2), (2, 2, 1), (2, 2, 3)):
        for seed in range(2):
            problem = as_kind(made(name, widths, seed), kind)
            results = results_in_torch(problem)
            found = graded(problem, {id_: WRITTEN[way](v) for id_, v in results.items()})
            assert [i for i in found.items if i.mark not in NOT_WRONG] == []


@NAMES
@pytest.mark.parametrize("kind", KINDS)
def test_the_key_itself_is_right_everywhere(name: str, kind: str) -> None:
    """All blanks, and none only up to rounding."""
    problem = as_kind(made(name, decimals=3), kind)
    found = graded(problem, {blank.id: written(blank.answer) for blank in Sheet(problem).blanks})
    assert {item.mark for item in found.items} == {Mark.RIGHT}


SLIPS = {
    ("no relu", 0): "the {name} of fc1 is forgotten",
    ("no mask", 0): "the derivative of the {name} of fc1 is forgotten in the backward pass",
    ("no bias", 0): "the bias of layers.0 is forgotten",
    ("z for a", 1): "fc2.z is computed with fc1.z, not with fc1.a",
    ("z for a in the gradient", 1): "fc2.weight.grad is computed with fc1.z, not with fc1.a",
    ("loss without N", 0): "the loss is not divided by N = 3",
    (
        "reversed",
        0,
    ): "target − output is used instead of output − target: the sign of the gradient is reversed",
    ("added", 0): "lr times the gradient is added, not subtracted",
}


@NAMES
@pytest.mark.parametrize("rounds", [True, False])
@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip[0])
@pytest.mark.sampled(3)
def test_a_slip_is_named_once(name: str, slip: tuple[str, int], rounds: bool) -> None:
    """One mistake with its words; what comes of it follows, whether the pupil rounds or not."""
    for seed in range(3):
        problem = make(SheetOptions("all", (2, 2, 3), seed, activation=name, decimals=4))
        keep = to_decimals(4) if rounds else lambda value: value
        results = worked_out(problem, *slip, keep=keep)
        found = graded(problem, {k: f"{float(v):.4f}" for k, v in results.items()})
        words = SLIPS[slip].format(name=name).replace("layers.0", "fc1")
        assert [mistake.words for mistake in found.mistakes] == [words]
        wrong = [item.id for item in found.items if item.mark is Mark.WRONG]
        assert tuple(wrong) == found.mistakes[0].ids
        assert all(item.mark is not Mark.UNREADABLE for item in found.items)


@NAMES
def test_a_wrong_number_is_not_taken_for_a_rounded_one(name: str) -> None:
    """What is 30 units of the last decimal beside the right one is wrong, in every blank."""
    problem = make(SheetOptions("all", (3, 2, 2), 1, activation=name, decimals=4))
    key = {blank.id: blank.answer for blank in Sheet(problem).blanks}
    for id_, right in key.items():
        wrong = {k: written(v) for k, v in key.items()} | {id_: f"{float(right) + 0.003:.4f}"}
        found = graded(problem, wrong)
        mark = next(item.mark for item in found.items if item.id == id_)
        assert mark is Mark.WRONG, id_


@NAMES
def test_empty_blanks_do_not_hide_what_follows(name: str) -> None:
    """Without the activations, which a pupil did in the head, the rest is right."""
    problem = make(SheetOptions("all", (3, 2, 2), 2, activation=name, decimals=4))
    key = {k: written(v) for k, v in solve(problem).items() if ".a[" not in k}
    found = graded(problem, key)
    assert {item.mark for item in found.items} == {Mark.RIGHT, Mark.EMPTY}

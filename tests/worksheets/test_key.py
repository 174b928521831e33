"""The key against torch, and the ways to its answers worked out from their text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction

import pytest

from fcinspect.bridge.worksheet import results_in_torch
from fcinspect.worksheets.making import make
from fcinspect.worksheets.numbers import Bounded, total
from fcinspect.worksheets.passes import solve, solve_bounded
from fcinspect.worksheets.problem import SheetOptions
from fcinspect.worksheets.working import WrongKey, check_key, ways

WIDTHS = [
    (3, 2, 2), (2, 1), (1, 1), (2, 2), (3, 3, 3), (2, 3, 1), (2, 2, 2, 1), (5, 4), (8, 3),
    (2, 2, 7), (1, 8, 1), (1, 1, 1, 1, 1), (8, 8, 8),
]  # fmt: skip


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("widths", WIDTHS)
def test_torch_computes_the_key(widths: tuple[int, ...], bias: bool) -> None:
    """Every result, and the same number wherever float64 holds all that leads to it."""
    for seed in range(1 if sum(widths) > 8 else 4):
        problem = make(SheetOptions("forward", widths, seed, bias=bias))
        computed = results_in_torch(problem)
        check = check_key(problem, computed, "torch")
        results = solve_bounded(problem)
        assert check.numbers == check.equal + check.within_bound == len(results)
        assert check.equal >= sum(right.error == 0 for right in results.values())
        if len(problem.target) in (1, 2, 4, 8):
            # 2/N is a number of float64, and all others are whole
            inexact = {name for name, right in results.items() if right.error}
            assert all("after" in name for name in inexact)


def test_bounds_change_no_result() -> None:
    """The number that carries a bound is the exact one."""
    problem = make(SheetOptions("forward", (3, 3, 3), 4))
    assert {k: v.value for k, v in solve_bounded(problem).items()} == solve(problem)


PLANTED = ["fc1.z[1]", "fc1.a[0]", "loss", "fc2.grad_output[1]", "fc1.grad_activation[0]",
           "fc1.weight.grad[0,2]", "fc2.bias.grad[0]", "fc1.weight.after[0,1]", "output_after[0]",
           "loss_after"]  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_wrong_key_is_seen(name: str) -> None:
    """A result that is off by more than rounding explains, however little, or that is missing."""
    problem = make(SheetOptions("forward", (3, 2, 2), 7))
    computed = results_in_torch(problem)
    right = solve_bounded(problem)[name]
    beyond = float(right.value + right.error)
    for _ in range(4):
        beyond = math.nextafter(beyond, math.inf)
    for wrong in (beyond, math.nextafter(beyond, -math.inf) + 1e-9, -beyond or 1.0):
        with pytest.raises(WrongKey, match=re.escape(name)):
            check_key(problem, {**computed, name: wrong}, "torch")
    with pytest.raises(WrongKey, match="None by torch"):
        check_key(problem, {k: v for k, v in computed.items() if k != name}, "torch")


def test_what_is_not_finite_is_wrong() -> None:
    """An overflow in torch is no answer."""
    problem = make(SheetOptions("forward", (3, 2, 2), 7))
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(WrongKey):
            check_key(problem, {**results_in_torch(problem), "loss": value}, "torch")


def test_a_sum_is_exact_only_where_every_order_is() -> None:
    """2^53 + 1 − 1 loses the 1 in one order."""
    big, one = Bounded(Fraction(2**53)), Bounded(Fraction(1))
    assert total([big, one, Bounded(Fraction(-1))]).error > 0
    assert total([one, one, Bounded(Fraction(-3, 4))]) == Bounded(Fraction(5, 4))


@pytest.mark.parametrize("widths", [(3, 2, 2), (2, 2, 7), (1, 1), (2, 2, 2, 1)])
def test_ways_lead_to_their_answers(widths: tuple[int, ...]) -> None:
    """Each is worked out as it is written, and ends in the answer."""
    for seed in range(3):
        for bias in (True, False):
            problem = make(SheetOptions("forward", widths, seed, bias=bias))
            results = solve(problem)
            found = ways(problem)
            assert list(found) == list(results)
            for name, way in found.items():
                left, _, right = way.partition(" = ")
                layer = name.partition(".")[0]
                assert worked_out(left, layer, results) == results[name], way
                assert Fraction(right.partition(" ≈ ")[0]) == results[name], way


def worked_out(way: str, layer: str, results: Mapping[str, Fraction]) -> Fraction:
    """Return what the text of a way comes to; G[i] is that of its layer."""
    text = re.sub(r"G\[(\d+)\]", lambda m: f"results['{layer}.grad_output[{m[1]}]']", way)
    text = text.replace("·", "*").replace("−", "-").replace("²", "**2")
    text = re.sub(r"(?<![\w.\[*])(\d+(?:\.\d+)?)(?![\w\]'])", r"Fraction('\1')", text)
    text = re.sub(r"(?<=\*)(\d+(?:\.\d+)?)(?![\w*])", r"Fraction('\1')", text)
    text = text.replace("**Fraction('2')", "**2")
    worked: Fraction = eval(text, {"results": results, "Fraction": Fraction, "max": max})
    return worked

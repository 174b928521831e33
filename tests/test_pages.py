"""The comparison of pages finds what changed, and only that."""

from __future__ import annotations

import pytest

from tests.pages import LEFT_OUT, same_page, same_with_gaps

PAGE = """\
fc1.weight[1,3]: from input 3 to output 1 of fc1
        G[1]           x[3]            product    running sum
  ───────────────────────────────────────────────────────────
  -0.6177418   ×   1.062171   =   -0.656147439   -0.656147439
  the sum is -0.656147439; torch has -0.6561474

  j     W[0,j]   product
  0    -0.0037   -0.0006
  1     0.2682   -0.1627
  torch returned -0.27623382; the exact sum is -0.2762338075…
  0.45 ulp apart, 5 % of what rounding can explain: within bound

  computed   closed form   numbers   of bound   verdict
  ───────────────────────────────────────────────────────────
  z          x·Wᵀ + b           22       24 %   within bound
  loss       Σ(y − t)²/N         1      exact   within bound

2 outputs checked: all within bound; nearest to its bound is y[1], at 7 %
torch 2.13.0+cpu: float32
"""

ELSEWHERE = """\
fc1.weight[1,3]: from input 3 to output 1 of fc1
         G[1]           x[3]             product     running sum
  ──────────────────────────────────────────────────────────────
  -0.61774177   ×   1.062171   =   -0.6561474061   -0.6561474061
  the sum is -0.6561474061; torch has -0.65614736

  j     W[0,j]   product
  0    -0.0037   -0.0006
  1     0.2682   -0.1627
  torch returned -0.27623384, the float32 nearest to the exact -0.2762338375…
  2e-05 ulp apart, 0.2 % of what rounding can explain: within bound

  computed   closed form   numbers    of bound   verdict
  ─────────────────────────────────────────────────────────────
  z          x·Wᵀ + b           22   0.00048 %   within bound
  loss       Σ(y − t)²/N         1       4.8 %   within bound

2 outputs checked: all within bound
torch 2.14.1: float32
"""
"""The same page on another processor."""

CHANGES = [
    ("0.2682", "0.2683"),
    ("-0.0037", "0.0037"),
    ("-0.6177418", "-0.6178418"),
    ("-0.656147439   -0.656147439", "-0.656147439   0.656147439"),
    ("fc1.weight[1,3]", "fc1.weight[1,2]"),
    ("from input", "from the input"),
    ("closed form", "closed-form"),
    ("running sum", "running total"),
    ("          22", "          23"),
    ("the exact sum is -0.2762", "the exact sum is -0.2763"),
    ("24 %   within", "24 %   outside"),
    ("24 %", "24"),
    ("24 %", "beyond it"),
    ("5 % of what rounding", "5 times what rounding"),
    ("  1     0.2682   -0.1627\n", ""),
    ("  0    -0.0037   -0.0006\n  1     0.2682", "  1     0.2682   -0.1627\n  0    -0.0037"),
    ("  z          x·Wᵀ + b           22       24 %   within bound\n", ""),
    ("2 outputs checked: all within bound", "2 outputs checked: 1 outside bound"),
    ("\n\n2 outputs", "\n2 outputs"),
    ("+cpu: float32", "+cpu: float64"),
    ("  j     W[0,j]", "  j    W[0,j]"),
    ("  1     0.2682   -0.1627\n", "  1     0.2682\n   -0.1627\n"),
]
"""What stands on the page, and what would be a fault in its place."""


def test_other_last_digits_are_the_same_page() -> None:
    """With the widths of columns, the rules and the sentences that follow from them."""
    assert same_page(PAGE, PAGE)
    assert same_page(PAGE, ELSEWHERE)
    assert same_page(ELSEWHERE, PAGE)


@pytest.mark.parametrize(("right", "wrong"), CHANGES)
def test_a_change_is_seen(right: str, wrong: str) -> None:
    """A digit, a sign, a word, a row, an order, a verdict, a form, a blank."""
    assert PAGE.count(right) == 1
    assert not same_page(PAGE, PAGE.replace(right, wrong))


def test_an_exact_result_is_held_to_the_exact_sum() -> None:
    """On one processor it is met, on the other it is not: the number is the same in both."""
    near = "  torch returned -0.5; the exact sum is -0.5000000123…\n"
    apart = "  0.4 ulp apart, 3 % of what rounding can explain: within bound\n"
    met = "  torch returned -0.5, which is the exact sum: within bound\n"
    assert same_page(near + apart, met)
    assert not same_page(near.replace("is -0.5000", "is -0.5200") + apart, met)


@pytest.mark.parametrize(
    ("expected", "same"),
    [
        (["a", LEFT_OUT, "d"], True),
        (["a", LEFT_OUT, "b", LEFT_OUT], True),
        ([LEFT_OUT, "c", "d"], True),
        ([LEFT_OUT], True),
        (["a", LEFT_OUT, "b", "c", "d"], True),
        (["a", LEFT_OUT, "e"], False),
        (["a", LEFT_OUT, "d", "d"], False),
        (["a", LEFT_OUT, "c", LEFT_OUT, "b", LEFT_OUT], False),
        (["a", "b"], False),
        (["a", LEFT_OUT, "c"], False),
        (["b", LEFT_OUT], False),
    ],
)
def test_lines_are_left_out_only_where_it_says_so(expected: list[str], same: bool) -> None:
    """Any number of lines, none included, and nowhere else."""
    assert same_with_gaps(expected, ["a", "b", "c", "d"]) is same


def test_a_sentence_may_be_wrapped_elsewhere_between_gaps() -> None:
    """Its numbers are longer on this processor."""
    expected = ["the sum is 0.5000001 and torch", "has 0.5", LEFT_OUT, "end"]
    lines = ["the sum is 0.500000123", "and torch has 0.50000012", "more", "end"]
    assert same_with_gaps(expected, lines)
    assert not same_with_gaps(expected, [*lines[:2], "more", "ended"])

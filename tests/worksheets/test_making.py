"""Worksheet problems: the numbers of a seed never change, and they are worth working out."""

from __future__ import annotations

import functools
import hashlib
from fractions import Fraction

import pytest

from fcinspect.errors import SpecError, UsageError
from fcinspect.worksheets.drawing import Draws
from fcinspect.worksheets.making import make
from fcinspect.worksheets.passes import solve
from fcinspect.worksheets.problem import KINDS, Problem, SheetOptions
from fcinspect.worksheets.sheet import Sheet, blank_count, section_of
from fcinspect.worksheets.working import decimals

WIDTHS = [
    (3, 2, 2), (2, 1), (1, 1), (2, 2), (3, 3, 3), (2, 3, 1), (2, 2, 2, 1), (5, 4), (8, 3),
    (2, 3, 3, 2), (2, 2, 7), (1, 8, 1), (1, 1, 1), (3, 5, 2),
]  # fmt: skip
SEEDS = range(4)
made = functools.cache(make)


def fingerprint(problem: Problem) -> str:
    """Return a digest of every number of a problem."""
    numbers = [problem.x, problem.target, (problem.learning_rate,)]
    for layer in problem.layers:
        numbers += [*layer.weight, layer.bias or ()]
    text = ";".join(",".join(map(str, row)) for row in numbers)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_draws_are_those_of_the_published_rule() -> None:
    """SHA-256 of the text, a colon and the block number, byte by byte."""
    stream = b"".join(hashlib.sha256(f"text:{block}".encode()).digest() for block in range(40))
    draws = Draws("text")
    expected = [byte % 6 for byte in stream if byte < 252]
    assert [draws.among(range(6)) for _ in expected] == expected


PUBLISHED = {
    (3, 2, 2): "d3d8e6bae25ff288",
    (2, 3, 1): "1ec20a41210a88d7",
    (8, 5): "1171f4a2eb087788",
    (2, 2, 2, 1): "b5f9031f9b615d26",
}


@pytest.mark.parametrize("widths", PUBLISHED)
def test_the_numbers_of_a_seed_never_change(widths: tuple[int, ...]) -> None:
    """Sheets that were handed out can be made again: with and without bias, large seeds too."""
    found = [
        fingerprint(make(SheetOptions("forward", widths, seed, bias=bias)))
        for seed in (0, 7, 2**53 - 1)
        for bias in (True, False)
    ]
    assert len(set(found)) == len(found)
    assert hashlib.sha256("".join(found).encode()).hexdigest()[:16] == PUBLISHED[widths]


def test_one_problem_in_full() -> None:
    """Seed 7 of 3-2-2 as the guide shows it."""
    problem = make(SheetOptions("step", (3, 2, 2), 7))
    numbers = {"x": problem.x, "t": problem.target, "lr": (problem.learning_rate,)}
    for layer in problem.layers:
        numbers |= {f"{layer.name} W[{i}]": row for i, row in enumerate(layer.weight)}
        numbers[f"{layer.name} b"] = layer.bias or ()
    assert {name: " ".join(map(str, row)) for name, row in numbers.items()} == {
        "x": "1 -1 2", "t": "2 2", "lr": "1/10",
        "fc1 W[0]": "2 -1 -1", "fc1 W[1]": "2 -1 -2", "fc1 b": "3 -3",
        "fc2 W[0]": "1 2", "fc2 W[1]": "-1 1", "fc2 b": "-1 3",
    }  # fmt: skip
    assert [layer.activation for layer in problem.layers] == ["relu", "identity"]
    assert problem.loss == "mse"


def test_neighbours_have_other_numbers() -> None:
    """Each seed, each network, and that without bias."""
    problems = [make(SheetOptions("forward", (2, 2, 1), seed)) for seed in range(20)]
    problems += [
        make(SheetOptions("forward", (2, 2, 1), 0, bias=False)),
        make(SheetOptions("forward", (2, 1), 0)),
    ]
    assert len(set(map(fingerprint, problems))) == len(problems)


def test_the_kind_changes_no_number() -> None:
    """A class can go from the forward sheet to the gradient sheet of the same network."""
    assert len({fingerprint(make(SheetOptions(kind, (3, 2, 2), 3))) for kind in KINDS}) == 1


@pytest.mark.parametrize("widths", WIDTHS)
def test_masks_matter(widths: tuple[int, ...]) -> None:
    """Of each hidden layer some units are live and some dead, and gradients arrive at both."""
    for seed in SEEDS:
        results = solve(made(SheetOptions("step", widths, seed)))
        for number, width in enumerate(widths[1:-1], start=1):
            arriving = [results[f"fc{number}.grad_activation[{i}]"] for i in range(width)]
            z = [results[f"fc{number}.z[{i}]"] for i in range(width)]
            assert all(z)
            told = {value > 0 for value, g in zip(z, arriving, strict=True) if g}
            assert told == ({True, False} if width > 1 else {True})


@pytest.mark.parametrize("widths", WIDTHS)
def test_numbers_stay_short(widths: tuple[int, ...]) -> None:
    """Up to the gradients all are whole; of one or two layers the rest has few decimals."""
    for seed in SEEDS:
        problem = made(SheetOptions("step", widths, seed))
        results = solve(problem)
        for name, value in results.items():
            if section_of(name) in ("forward", "backward"):
                assert value.denominator == 1, name
                assert abs(value) <= 60, name
        places = [decimals(value) for value in results.values()]
        assert None not in places
        if len(widths) <= 3:
            assert max(place for place in places if place is not None) <= 6
            assert problem.learning_rate >= Fraction(1, 100)


@pytest.mark.parametrize("widths", WIDTHS)
def test_a_step_lowers_the_loss(widths: tuple[int, ...]) -> None:
    """As a reader expects of the first step that is worked out by hand."""
    for seed in SEEDS:
        results = solve(made(SheetOptions("step", widths, seed)))
        assert results["loss_after"] < results["loss"]


@pytest.mark.parametrize("widths", WIDTHS)
def test_slips_show(widths: tuple[int, ...]) -> None:
    """No bias is 0, no weight is 0, and of a square weight the transpose gives something else."""
    for seed in SEEDS:
        problem = made(SheetOptions("step", widths, seed))
        entering = problem.x
        assert 0 not in problem.x
        for layer in problem.layers:
            assert layer.bias is not None
            assert 0 not in layer.bias
            assert not any(0 in row for row in layer.weight)
            columns = tuple(zip(*layer.weight, strict=True))
            products = [
                [sum(w * v for w, v in zip(row, entering, strict=False)) for row in rows]
                for rows in (layer.weight, columns)
            ]
            if len(columns) == len(layer.weight) > 1:
                assert products[0] != products[1]
            results = solve(problem)
            entering = tuple(
                results.get(f"{layer.name}.a[{i}]", Fraction(0)) for i in range(layer.shape[0])
            )


@pytest.mark.parametrize("bias", [True, False])
def test_without_bias(bias: bool) -> None:
    """Then no result tells of one."""
    problem = make(SheetOptions("all", (3, 2, 2), 1, bias=bias))
    assert problem.has_bias is bias
    assert any(".bias." in name for name in solve(problem)) is bias


@pytest.mark.parametrize("kind", KINDS)
def test_blanks_are_counted_beforehand(kind: str) -> None:
    """What is refused by its count is counted as it would have been made."""
    for widths in [(3, 2, 2), (2, 1), (1, 1, 1, 1)]:
        for bias in (True, False):
            sheet = Sheet(make(SheetOptions(kind, widths, 0, bias=bias)))
            assert len(sheet.blanks) == blank_count(kind, widths, bias)
            assert not {blank.id for blank in sheet.blanks} & set(sheet.given)


@pytest.mark.parametrize(
    ("kind", "widths", "words"),
    [
        ("forward", (3, 9, 2), "width 9 at position 2 of '3-9-2' is too large"),
        ("forward", (3, 10**15), "width 1000000000000000 at position 2"),
        ("forward", (2,) * 6, "5 layers are too many for a worksheet: expected at most 4"),
        ("gradient", (8, 6, 2), "has 83 blanks, too many for a worksheet: expected at most 60"),
    ],
)
def test_what_does_not_fit_on_paper_is_refused(
    kind: str, widths: tuple[int, ...], words: str
) -> None:
    """With the number that is too large, and the limit."""
    with pytest.raises(SpecError) as caught:
        make(SheetOptions(kind, widths, 0))
    assert words in caught.value.message


def test_an_unknown_sheet_is_refused() -> None:
    """And the nearest is named."""
    with pytest.raises(UsageError) as caught:
        make(SheetOptions("foward", (3, 2), 0))
    assert "'foward' is not a sheet" in caught.value.message
    assert caught.value.hint == "did you mean 'forward'?"

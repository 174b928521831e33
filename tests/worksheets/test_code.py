"""The code of a worksheet: one for each seed, the same for ever, and no code when mistyped."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from fcinspect.errors import UsageError
from fcinspect.layers.spec import LARGEST_SEED
from fcinspect.worksheets.problem import ALPHABET, BASE, SHORT, code_of, seed_of

CODES = {
    0: "34JU-5G5T",
    1: "VQXW-FVF8",
    7: "JQ6G-GBVA",
    8: "AHDG-VDKZ",
    LARGEST_SEED: "MFWU-EJH5-3FD5",
}
EDGES = [*range(200), BASE**SHORT - 1, BASE**SHORT, LARGEST_SEED]
DRAWN = random.Random(3)
SEEDS = [*EDGES, *(DRAWN.randrange(LARGEST_SEED) for _ in range(200))]


def test_the_codes_of_seeds_never_change() -> None:
    """Sheets that were handed out keep their keys."""
    assert {seed: code_of(seed) for seed in CODES} == CODES
    assert ALPHABET == "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def test_each_seed_has_a_code_of_its_own() -> None:
    """Which gives it back, in any case, with dashes of any kind or without."""
    codes = [code_of(seed) for seed in SEEDS]
    assert len(set(codes)) == len(set(SEEDS))
    for seed, code in zip(SEEDS, codes, strict=True):
        assert len(code) == (9 if seed < BASE**SHORT else 14)
        for typed in (code, code.lower(), code.replace("-", ""), f" {code.replace('-', ' – ')} "):
            assert seed_of(typed) == seed


def test_neighbours_have_codes_that_do_not_look_alike() -> None:
    """A pupil who sees two sheets of a class sees no number in them."""
    for seed in range(200):
        pair = zip(code_of(seed), code_of(seed + 1), strict=True)
        assert sum(a == b for a, b in pair) <= 5  # the dash is one


@pytest.mark.parametrize("seed", [0, 7, BASE**SHORT, LARGEST_SEED])
def test_a_mistyped_code_is_refused(seed: int) -> None:
    """One wrong character, two exchanged, one too few or too many."""
    code = code_of(seed).replace("-", "")
    wrong = [
        f"{code[:k]}{sign}{code[k + 1 :]}"
        for k in range(len(code))
        for sign in ALPHABET
        if sign != code[k]
    ]
    for i, k in combinations(range(len(code)), 2):
        signs = list(code)
        signs[i], signs[k] = signs[k], signs[i]
        if code[i] != code[k]:
            wrong.append("".join(signs))
    wrong += [code[:-1], f"{code}2"]
    for typed in wrong:
        with pytest.raises(UsageError, match="is not the code of a worksheet"):
            seed_of(typed)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "it has 0 characters, not 8 or 12"),
        ("JQ6G", "it has 4 characters"),
        ("JQ6G-GBV0", "'0' appears in no code"),
        ("JQ6G-GBV\u017f", "'\u017f' appears in no code"),
        ("ß" * 4, "'ß' appears in no code"),
        ("2" * 12, "it matches no seed"),
        ("2" * 100000, "it has 100000 characters"),
    ],
)
def test_what_is_no_code_is_refused(typed: str, words: str) -> None:
    """In one short line that shows a code."""
    with pytest.raises(UsageError) as caught:
        seed_of(typed)
    assert words in caught.value.message
    assert "such as JQ6G-GBVA" in caught.value.message
    assert len(caught.value.message) < 250

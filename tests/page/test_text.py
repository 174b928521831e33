from __future__ import annotations

import math
import sys
import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import fcinspect
from fcinspect.page import text
from fcinspect.rounding.formats import FORMATS


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.1, "0.1000"),
        (-0.27623382, "-0.2762"),
        (1e-9, "1.0000e-09"),
        (12345678.0, "1.2346e+07"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (0.0, "0.0000"),
        (0.00005, "0.0001"),
        (0.00004, "4.0000e-05"),
    ],
)
def test_numbers_are_rounded_for_display_only(value: float, written: str) -> None:
    """Four decimals; a number that is not zero never looks like zero."""
    assert text.number(value) == written


@given(st.floats(allow_nan=False), st.integers(0, 17))
@example(0.5, 0)
def test_no_number_is_shown_as_zero(value: float, precision: int) -> None:
    """Whatever the precision, only zero reads as zero."""
    assert (float(text.number(value, precision)) == 0) == (value == 0)


def test_whole_numbers_lose_their_decimals_together() -> None:
    """A column of whole numbers is short; one fraction brings all decimals back."""
    assert text.numbers([1.0, -2.0, 0.0]) == ["1", "-2", "0"]
    assert text.numbers([1.0, 0.5]) == ["1.0000", "0.5000"]
    assert text.numbers([-0.0]) == ["-0"]
    assert text.numbers([math.nan, 1.0]) == ["nan", "1.0000"]


@given(st.fractions(), st.integers(1, 30))
def test_exact_decimals_are_cut_not_rounded(value: Fraction, digits: int) -> None:
    """The digits shown are true digits; … stands exactly where some were left out."""
    written = text.exact_decimal(value, digits)
    shown = Fraction(written.removesuffix("…"))
    assert abs(shown) <= abs(value)
    assert (shown == value) == (not written.endswith("…"))


@pytest.mark.parametrize("number_format", FORMATS.values(), ids=FORMATS)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_shortest_reads_back(number_format, value: float) -> None:  # type: ignore[no-untyped-def]  # a record
    """What is written identifies the number in its format."""
    held = number_format.round(value)
    if math.isfinite(held):
        assert number_format.round(Fraction(text.shortest(held, number_format))) == held


@pytest.mark.parametrize(
    "name", ["\x1b[31mred", "a\nb", "a\u202eb", "\u200bx", "a\tb", "\x07", "\ud800"]
)
def test_names_cannot_act_on_a_terminal(name: str) -> None:
    """Control and format characters are shown as escapes."""
    written = text.safe(name)
    assert written.isprintable()
    assert "\\" in written


@pytest.mark.parametrize("name", ["encoder.fc1", "[red]x[/red]", "$(touch x)", "全连接层", "é"])
def test_printable_names_are_shown_as_they_are(name: str) -> None:
    """Brackets, dollars and letters of any script are only letters."""
    assert text.safe(name) == name


@given(st.text())
def test_ascii_only_is_ascii(words: str) -> None:
    """Any text can be written where there is no UTF-8."""
    assert text.ascii_only(words).isascii()


READ = ("reading.py", "unwrapping.py", "catalogue/loosening.py")
"""Files of diagnosis that know what programs print."""


def test_every_sign_of_the_project_has_a_name_in_ascii() -> None:
    """No sign that the package writes is shown as an escape where there is ASCII only."""
    package = Path(fcinspect.__file__).parent
    modules = set(package.rglob("*.py"))
    # signs that are read in expressions, answers and pasted texts; LaTeX is ASCII itself
    other = {package / "approximation" / "expression.py", package / "worksheets" / "answers.py"}
    other |= {package / "diagnosis" / name for name in READ}
    other |= set((package / "media" / "latex").iterdir()) & modules
    assert other < modules
    written = "".join(path.read_text(encoding="utf-8") for path in modules - other)
    signs = {sign for sign in written if not sign.isascii()}
    assert signs
    assert [sign for sign in sorted(signs) if "\\" in text.ascii_only(sign)] == []


def test_bytes_and_counts() -> None:
    """Sizes are written for people."""
    assert text.byte_count(24) == "24 B"
    assert text.byte_count(2048) == "2.0 KiB"
    assert text.byte_count(4 * 10**24).endswith("ZiB")
    assert text.plural(1, "layer") == "1 layer"
    assert text.plural(12345, "layer") == "12,345 layers"


def test_every_character_that_acts_is_known() -> None:
    """The ranges hold what Unicode calls a control, a format, a surrogate or a line's end."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    every = map(chr, range(sys.maxunicode + 1))
    named = {sign for sign in every if unicodedata.category(sign) in kinds}
    assert {sign for sign in named if not text.acting().fullmatch(sign)} == set()
    assert not text.acting().search("naïve ⎡ᵀ·×−→⋯ 层 ́\u00a0")
    assert text.acting(but="\n\t").sub("", "\na\tb\r\x1b") == "\na\tb"


def test_what_goes_with_each_key() -> None:
    """The keys in the order in which they first occur, and so their values."""
    found = text.grouped([("b", 1), ("a", 2), ("b", 3)])
    assert list(found.items()) == [("b", [1, 3]), ("a", [2])]


def test_the_place_of_a_number() -> None:
    """As it is typed; that of a single number is empty."""
    assert [text.index(place) for place in ((), (3,), (1, 2))] == ["[]", "[3]", "[1,2]"]

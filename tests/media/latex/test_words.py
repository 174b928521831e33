"""Text as LaTeX: names are shown, never obeyed."""

from __future__ import annotations

import re
import string

import pytest

from fcinspect.media.latex.words import factor, math_number, typed, words

HOSTILE = r"\input{/etc/passwd}%$&#_^^M~^{x}\end{document}"


def commands(written: str) -> set[str]:
    """Return the commands in LaTeX."""
    return set(re.findall(r"\\[A-Za-z]+", written))


@pytest.mark.parametrize("write", [words, typed])
def test_no_command_comes_from_a_name(write: object) -> None:
    """Every command is one of the few that this module writes."""
    assert callable(write)
    written = write(HOSTILE)
    assert "\\" in written
    assert commands(written) <= {
        r"\texttt", r"\symbol", r"\allowbreak", r"\textbackslash",
    }  # fmt: skip
    assert "^^" not in written
    assert not re.search(r"(?<!\\)[%#&]", written)


def test_every_sign_of_ascii_is_written() -> None:
    """A typed name holds as many signs as it had."""
    signs = string.ascii_letters + string.digits + string.punctuation
    written = typed(signs)
    left = re.sub(r"\\symbol\{(\d+)\}(\{\})?", lambda m: chr(int(m[1])), written)
    assert left.replace(r"\allowbreak{}", "").removeprefix(r"\texttt{").removesuffix("}") == signs


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("é", r"\'{e}"), ("ï", r"\"{\i}"), ("ß", r"\ss{}"), ("θ", r"$\theta$"),
        ("中", r"\sign{4E2D}"), ("\x1b", r"\symbol{92}x1b"), ("😀", r"\sign{1F600}"),
        ("a  b", r"a\ \ b"), ("?`", r"\symbol{63}{}\symbol{96}"),
    ],
)  # fmt: skip
def test_signs_beyond_ascii(name: str, written: str) -> None:
    """Accented letters and Greek are set; other scripts are written by their number."""
    assert typed(name) == rf"\texttt{{{written}}}"


def test_a_long_name_may_be_broken() -> None:
    """There is a place to break it in every eight signs."""
    pieces = typed("x" * 200).removeprefix(r"\texttt{").split(r"\allowbreak{}")
    assert max(map(len, pieces)) <= 9


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("torch returned -0.25", "torch returned $-0.25$"),
        ("the exact 1.5e-07…", r"the exact $1.5\ldots\cdot10^{-7}$"),
        ("7 % of 512", r"7\,\% of 512"),
        ("nearest is Y[0,1], --element and --all", r"nearest is $Y_{0,1}$, \texttt{-{}-element}"
         r" and \texttt{-{}-all}"),
        ("fc-1e-5 v2.1.0", "fc-1e-5 v2.1.0"),
        ("torch 2.13.0+cpu", "torch 2.13.0+cpu"),
        ("∂L/∂W = Gᵀ", r"$\partial L/\partial W$ = $G^{\mathsf{T}}$"),
    ],
)  # fmt: skip
def test_running_text(text: str, written: str) -> None:
    """Numbers with a minus or a power are mathematics, and so are letters of matrices."""
    assert words(text) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("-0.0037", "-0.0037"), ("1.2e-07", r"1.2\cdot10^{-7}"), ("-3e+20", r"-3\cdot10^{20}"),
        ("nan", r"\mathrm{nan}"), ("-inf", r"-\infty"), ("1,024", "1{,}024"), ("⋯", r"\cdots"),
    ],
)  # fmt: skip
def test_numbers(number: str, written: str) -> None:
    """No number is written with a hyphen as its minus or with an e."""
    assert math_number(number) == written


def test_a_negative_factor_stands_in_parentheses() -> None:
    """And a positive one does not."""
    assert (factor("-1"), factor("1"), factor("-inf")) == ("(-1)", "1", r"(-\infty)")


def test_what_is_no_number_is_refused() -> None:
    """It does not become mathematics."""
    with pytest.raises(ValueError, match=r"\\input"):
        math_number(r"\input")

"""The formulas of the records as LaTeX."""

from __future__ import annotations

import pytest

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.losses import LOSSES
from fcinspect.media.latex.formulas import NotAFormula, formula, math_or_words, sentence
from fcinspect.media.latex.words import words

FORMULAS = [
    *(f for loss in LOSSES.values() for f in (loss.formula, loss.gradient_formula, loss.term)),
    *(f for known in ACTIVATIONS.values() for f in (known.formula, known.derivative)),
]


@pytest.mark.parametrize("text", FORMULAS)
def test_every_formula_of_a_loss_or_activation_is_read(text: str) -> None:
    """Its parentheses balance, and no sign is left that pdflatex would refuse."""
    written = formula(text)
    assert written.isascii()
    assert written.count("{") == written.count("}")
    assert written.count("(") == written.count(")")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Σ(y − t)²/N", r"\frac{\sum (y - t)^{2}}{N}"),
        ("−lr/c₁·m/d", r"-\frac{\mathrm{lr}}{c_{1}} \cdot \frac{m}{d}"),
        ("(y − t)/(y·(1 − y))/N", r"\frac{y - t}{y \cdot (1 - y)} \cdot \frac{1}{N}"),
        ("√(v/c₂) + ε", r"\sqrt{\frac{v}{c_{2}}} + \varepsilon"),
        ("∂L/∂a ⊙ φ′(z)", r"\frac{\partial L}{\partial a} \odot \varphi'(z)"),
        ("(a + b)·(c + d)/e", r"(a + b) \cdot \frac{c + d}{e}"),
        ("(a + b)/(c)·(d)", r"\frac{a + b}{c} \cdot (d)"),
        ("1 where z > 0, else 0", r"\begin{cases}1 & z > 0\\0 & \text{else}\end{cases}"),
    ],
)
def test_formulas(text: str, written: str) -> None:
    """Quotients are fractions of exactly what stands on both sides."""
    assert formula(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "within bound",
        "(a",
        "a)",
        "a +",
        r"\input{x}",
        "a b",
        "",
        "é",
        "{x}",
        "x_",
        "²",
        "٣",
        r"{\input}",
    ],
)
def test_what_is_no_formula_is_not_guessed(text: str) -> None:
    """It raises, and is written as words."""
    with pytest.raises(NotAFormula):
        formula(text)
    assert math_or_words(text) == words(text)


@pytest.mark.parametrize("name", ["a/b", "--foo_bar", "q.k", "fc1-2", "W_", "conv_1", "x" * 500])
def test_a_name_in_a_cell_is_no_formula(name: str) -> None:
    """What a layer may be called stays a word."""
    assert math_or_words(name) == words(name)
    assert "$" not in words(name)


@pytest.mark.parametrize("text", FORMULAS)
def test_in_a_cell_the_formulas_of_the_records_are_mathematics(text: str) -> None:
    """None of them looks like a name, but for a lone word or number."""
    assert math_or_words(text).startswith("$") or text.isalnum()


@pytest.mark.parametrize(
    "text", ["(" * 3000, "-" * 3000, "√" * 399, "(" * 60 + "-" * 300, "|" * 99]
)
def test_no_depth_is_too_deep(text: str) -> None:
    """However text is nested, it is a formula or it is none."""
    assert math_or_words(text)


def test_within_a_line_a_quotient_has_a_slash() -> None:
    """Parentheses stay, since there is no line of a fraction to hold together."""
    assert math_or_words("2·(y − t)/N") == r"$2 \cdot (y - t)/N$"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("z = W·a of fc1 + b", r"$z = W \cdot a$ of fc1 ${} + b$"),
        ("z = W·a of fc1 + b[0], twice", r"$z = W \cdot a$ of fc1 ${} + b_{0}$, twice"),
        ("fc1 + b and fc2", "fc1 + $b$ and fc2"),
        ("a = G ⊗ x, each number of a", r"$a = G \otimes x$, each number of $a$"),
        ("new = old − lr·g, lr = 0.2", r"$\mathrm{new} = \mathrm{old} - \mathrm{lr} \cdot g,\quad"
         r" \mathrm{lr} = 0.2$"),
        ("G = y where z > 0, else 0", r"$G = \begin{cases}y & z > 0\\0 & \text{else}\end{cases}$"),
        ("max(-3, 0) = 0", r"$\max(-3, 0) = 0$"),
        ("31/75 is a well-known number", "31/75 is a well-known number"),
    ],
)  # fmt: skip
def test_formulas_within_a_sentence(text: str, written: str) -> None:
    """The longest are mathematics; what stands around them are words."""
    assert sentence(text) == written

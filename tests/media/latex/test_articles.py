"""What stands in the articles, read without typesetting them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fcinspect.arithmetic.explanation import Selection
from fcinspect.arithmetic.settings import optimizer_named
from fcinspect.errors import UsageError
from fcinspect.media.emit import form_of, rendered
from tests.media.latex.test_compiled import explained
from tests.reports.test_step import view

PACKAGES = re.compile(r"\\usepackage(?:\[[^]]*\])?\{(\w+)\}")
WEIGHT = [[0.5, -1.25], [3, 1e-9]]


def test_an_article_needs_no_package_but_those_of_every_installation() -> None:
    """amsmath and geometry belong to what LaTeX itself requires."""
    assert PACKAGES.findall(explained(WEIGHT, [1, 2], [-1, 4])) == ["amsmath", "geometry"]


def test_the_matrices_and_every_step_of_a_sum() -> None:
    """Numbers stand as they are; a negative factor is in parentheses."""
    written = explained(WEIGHT, [1, 2], [-1, 4])
    assert "\\begin{bmatrix}\n0.5000 & -1.2500\\\\\n3.0000 & 1.0000\\cdot10^{-9}" in written
    assert "}}_{W\\ (2\\times 2)}" in written
    first = written[written.index("W_{0,0}\\, x_{0}") :].splitlines()[:3]
    assert [re.sub(r"[{}& ]|\\quad", "", line) for line in first] == [
        r"W_0,0\,x_0=0.5000\cdot(-1)=-0.5000-0.5000\\",
        r"W_0,1\,x_1=-1.2500\cdot4\phantom)=-5.0000-5.5000\\",
        "b_0=1.0000-4.5000",
    ]
    assert "which is the exact sum: \\textbf{within bound}" in written
    assert "2 outputs checked: all \\textbf{within bound}" in written
    assert written.endswith("\\emph{note:} $x$ is given\n\\end{document}\n")


def test_what_is_left_out_is_said() -> None:
    """Rows, columns and terms that are not shown are counted in words."""
    written = explained(np.ones((20, 30)), None, np.ones(30), selection=Selection(top=2))
    assert r"showing $W$ (20$\times$30): 8 of 20 rows, 5 of 30 columns" in written
    assert "showing the largest 2 of 30 terms" in written
    assert r"\text{28 more}" in written
    assert r"\cdots" in written


def test_a_long_sum_is_continued_in_a_further_display() -> None:
    """No display is higher than a page."""
    written = explained(np.ones((1, 90)), [1], np.ones(90), selection=Selection(everything=True))
    displays = re.findall(r"\\begin\{alignedat\}.*?\\end\{alignedat\}", written, re.DOTALL)
    assert sum(display.count(r"W_{") for display in displays) == 90
    assert max(display.count(r"\\") for display in displays) < 40


def test_many_decimals_take_two_lines_a_step() -> None:
    """The factors stand above what they come to, and no letter is tiny."""
    narrow = explained(WEIGHT, [1, 2], [-1 / 3, 4], dtype="float64", precision=4)
    wide = explained(WEIGHT, [1, 2], [-1 / 3, 4], dtype="float64", precision=17)
    assert (narrow.count(r"\begin{alignedat}{5}"), narrow.count(r"{alignedat}{3}")) == (2, 0)
    assert (wide.count(r"\begin{alignedat}{5}"), wide.count(r"\begin{alignedat}{3}")) == (0, 2)
    assert "scriptsize" not in wide
    lines = wide[wide.index(r"W_{0,0}\, x_{0} &") :].splitlines()[:2]
    assert lines[0].endswith(r"\cdot (-0.33333333333333331) &&\\")
    assert lines[1].startswith(" &={}& -0.16666666666666666 &")


def test_a_number_that_is_not_finite_leaves_the_sum_undecided() -> None:
    """It is written as what it is, and the verdict is not success."""
    written = explained(WEIGHT, [1, np.nan], [-np.inf, 4])
    assert r"-\infty" in written
    assert r"\mathrm{nan}" in written
    assert r"\textbf{undecided}" in written


def test_a_layer_without_inputs() -> None:
    """There is no matrix to show and no sum but the bias."""
    written = explained(np.zeros((2, 0)), [1, 2], [])
    assert "nothing to multiply, $y = b$" in written
    assert "bmatrix" not in written


def test_a_step_from_top_to_bottom() -> None:
    """Forward, loss, backward, update, after the step, check: in this order."""
    written = rendered(view(batch=(2,)), "latex")
    titles = re.findall(r"\\subsection\*\{\\boldmath ([^}]+)\}", written)
    assert titles == ["Forward", "Loss", "Backward", "Update", "After the step", "Check"]
    for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"):
        assert rf"\texttt{{{name}}}" in written
    assert "index & old & gradient & update & new" in written
    assert r"\textbf{Within bound: rounding explains every difference" in written


def test_the_losses_of_several_steps_and_one_number_followed() -> None:
    """The optimizer's lines stand with their symbols and with their numbers."""
    adam = optimizer_named("adam", {})
    written = rendered(view(optimizer=adam, steps=2, parameter="fc2.bias[1]"), "latex")
    assert "Loss by step" in written
    assert r"m &= \beta_{1} \cdot m + (1 - \beta_{1}) \cdot g" in written
    assert re.search(r"\n&= 0\.9 \\cdot \(?-?[\d.]+", written)
    assert r"\text{; torch computed } \mathbf{" in written


@pytest.mark.parametrize("shown", ["-0.0", "1e-0", "e-0", "e+"])
def test_no_number_is_written_as_in_a_program(shown: str) -> None:
    """In running text a minus would be a hyphen; a power of ten has its own form."""
    written = rendered(view(batch=(2,), optimizer=optimizer_named("adam", {})), "latex")
    outside = re.sub(r"\$[^$]*\$|\\\[.*?\\\]", "", written.split(r"\begin{document}")[1],
                     flags=re.DOTALL)  # fmt: skip
    assert shown not in outside


def test_tex_is_an_ending_of_commands_that_write_latex() -> None:
    """Others refuse it by its name."""
    assert form_of(".tex", forms=("text", "latex")) == "latex"
    with pytest.raises(UsageError, match=r"unknown file ending '\.tex'"):
        form_of(".tex")

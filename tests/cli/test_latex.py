"""explain and step as LaTeX, from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.conftest import Run


def test_an_article_is_printed_and_the_same_one_saved(run: Run, tmp_path: Path) -> None:
    """--format latex and an ending .tex."""
    target = tmp_path / "layer.tex"
    shown = run("explain", "--in", "3", "--out", "2", "-f", "latex", "--save", str(target))
    assert shown.out == target.read_text(encoding="utf-8")
    assert shown.out.startswith("% Written by fcinspect")
    assert shown.out.endswith("\\end{document}\n")
    assert shown.out.isascii()


def test_a_step_is_an_article_that_says_where_its_curve_is(run: Run) -> None:
    """--plot has its figure in a file of its own; the article holds the losses."""
    arguments = ("step", "2-2", "--steps", "3", "-f", "latex")
    assert "Loss by step" in run(*arguments).out
    assert (
        r"LaTeX output has no chart: use \texttt{-{}-save} loss.pdf for a figure of it"
        in run(*arguments, "--plot").out
    )


def test_a_worksheet_and_its_key_are_articles(run: Run) -> None:
    """The key has answers where the sheet has lines."""
    sheet = run("worksheet", "2-2", "-f", "latex").out
    key = run("worksheet", "2-2", "-f", "latex", "--answers").out
    assert r"\blank{12mm}" in sheet
    assert r"\blank" not in key
    assert "How to get each answer" in key


def test_names_of_a_file_do_not_act(run: Run, tmp_path: Path) -> None:
    """No backslash of a name comes through, in the pages or in a note."""
    target = str(tmp_path / "%.safetensors")
    save_file({"\\input{x}.weight": np.ones((2, 2), np.float32)}, target)
    for arguments in (("explain", target), ("step", target)):
        written = run(*arguments, "-f", "latex").out
        assert r"\textbackslash{}input\{x\}" in written
        assert r"\input" not in written


def test_other_commands_have_no_latex(run: Run) -> None:
    """They say which formats they have."""
    refused = run("shapes", "3-2", "-f", "latex")
    assert refused.status == 2
    assert "invalid format 'latex'" in refused.err

"""The command that makes a worksheet's problem, by the code or by the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.layers.spec import format_widths

if TYPE_CHECKING:
    from fcinspect.worksheets.problem import Problem


def command_of(problem: Problem) -> str:
    """Return "worksheet 3-2-2 --sheet all --code JQ6G-GBVA", as a pupil may see it."""
    return f"{_sheet(problem)} --code {problem.code}"


def seeded_command_of(problem: Problem) -> str:
    """Return "worksheet 3-2-2 --sheet all --seed 7", for the eyes of a teacher."""
    return f"{_sheet(problem)} --seed {problem.seed}"


def _sheet(problem: Problem) -> str:
    bias = "" if problem.has_bias else " --no-bias"
    smooth = ""
    if problem.decimals is not None:
        smooth = f" --activation {problem.activation} --decimals {problem.decimals}"
    return f"worksheet {format_widths(problem.widths)} --sheet {problem.kind}{bias}{smooth}"

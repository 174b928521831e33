"""The command that makes a worksheet's problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.layers.spec import format_widths

if TYPE_CHECKING:
    from fcinspect.worksheets.problem import Problem


def command_of(problem: Problem) -> str:
    """Return "worksheet 3-2-2 --seed 7 --sheet all"."""
    bias = "" if problem.has_bias else " --no-bias"
    made = f"{format_widths(problem.widths)} --seed {problem.seed} --sheet {problem.kind}"
    return f"worksheet {made}{bias}"

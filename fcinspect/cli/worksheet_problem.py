"""The sheet that `fcinspect worksheet` is to make, its results checked against torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcinspect.errors import SpecError, UsageError
from fcinspect.worksheets.problem import DECIMALS, SMOOTH, SheetOptions

if TYPE_CHECKING:
    from fcinspect.layers.spec import Spec
    from fcinspect.page.view import View
    from fcinspect.worksheets.checking import KeyCheck
    from fcinspect.worksheets.problem import Problem
    from fcinspect.worksheets.sheet import Sheet

LONGEST_SHOWN = 60
"""Characters of an argument that a refusal repeats."""


@dataclass(frozen=True)
class Asked:
    """The options of a sheet that is to be made."""

    kind: str
    seed: int
    bias: bool | None
    activation: str
    decimals: int | None
    """As given: None is the usual number with sigmoid and tanh, and none with relu."""

    @property
    def rounded_to(self) -> int | None:
        """The decimals of the sheet; raises UsageError for decimals that nothing has."""
        if self.activation in SMOOTH:
            return DECIMALS if self.decimals is None else self.decimals
        if self.decimals is not None:
            raise UsageError(
                f"--decimals {self.decimals} goes with --activation sigmoid or tanh: with"
                f" {self.activation} every result is exact"
            )
        return None

    def of(self, widths: tuple[int, ...], bias: bool) -> SheetOptions:
        """Return the options of the sheet; raises UsageError for decimals that nothing has."""
        return SheetOptions(self.kind, widths, self.seed, bias, self.activation, self.rounded_to)


def view_of_sheet(arguments: Sequence[str], options: Asked, answers: bool) -> View:
    """Return the view of the sheet of the one argument, its widths; with `answers` of its key.

    Raises UsageError for none or several arguments, SpecError for one that names no network.
    """
    from fcinspect.reports.worksheet.view import view_of_worksheet
    from fcinspect.worksheets.making import make

    widths, spec, with_bias = widths_of(arguments, options.bias)
    problem = make(options.of(spec.widths, with_bias))
    sheet, check = checked(problem)
    asked = asked_of(widths, sheet.problem, answers)
    return view_of_worksheet(sheet, check, asked, answers=answers)


def widths_of(arguments: Sequence[str], bias: bool | None) -> tuple[str, Spec, bool]:
    """Return the one argument, the network that it names, and whether that has a bias.

    Raises UsageError for none or several arguments, SpecError for one that names no network.
    """
    if not arguments:
        raise UsageError(
            "WIDTHS is missing: expected widths such as 3-2-2, or --grade and a filled worksheet"
        )
    widths, *others = arguments
    if others:
        more = f" and {len(others) - 1} more are" if others[1:] else " is"
        raise UsageError(
            f"{_shown(others[0])} behind the widths {_shown(widths)}{more} too many: expected"
            " widths alone, such as 3-2-2, or --grade before files"
        )
    spec = _spec(widths)
    return widths, spec, spec.bias_beside(bias)


def asked_of(widths: str, problem: Problem, answers: bool) -> dict[str, Any]:
    """Return what was asked for, after defaults; only the document of a key says the seed."""
    return {
        "widths": widths,
        "sheet": problem.kind,
        "code": problem.code,
        **({"seed": problem.seed} if answers else {}),
        "bias": problem.has_bias,
        "activation": problem.activation,
        **({} if problem.decimals is None else {"decimals": problem.decimals}),
        "answers": answers,
    }


def _spec(widths: str) -> Spec:
    """Return the network that the words name; raises SpecError for what is none."""
    from fcinspect.layers.spec import is_spec, parse_spec

    if is_spec(widths):
        return parse_spec(widths)
    if ":" in widths or Path(widths).suffix or "/" in widths:
        hint = "a filled worksheet is graded with --grade" if widths.endswith(".json") else None
        raise SpecError(
            f"{_shown(widths)} is no network of a worksheet: expected widths such as 3-2-2, whose"
            " numbers are drawn",
            hint,
        )
    return parse_spec(widths)


def checked(problem: Problem) -> tuple[Sheet, KeyCheck]:
    """Return the sheet of a problem, and how its results compare with torch's.

    Raises WrongKey where torch differs.
    """
    from fcinspect.bridge.linear import version
    from fcinspect.bridge.worksheet import results_in_torch
    from fcinspect.worksheets.checking import check_key
    from fcinspect.worksheets.sheet import Sheet

    return Sheet(problem), check_key(problem, results_in_torch(problem), version())


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")

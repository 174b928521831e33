"""The sheet that `fcinspect worksheet` is to make, its results checked against torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fcinspect.errors import SpecError

if TYPE_CHECKING:
    from fcinspect.worksheets.checking import KeyCheck
    from fcinspect.worksheets.sheet import Sheet


def checked_sheet(widths: str, kind: str, seed: int, bias: bool) -> tuple[Sheet, KeyCheck]:
    """Return the sheet and how its results compare with torch's.

    Raises SpecError for what are no widths or too large ones, WrongKey where torch differs.
    """
    from fcinspect.layers.spec import parse_widths
    from fcinspect.worksheets.checking import check_key
    from fcinspect.worksheets.making import make
    from fcinspect.worksheets.sheet import sheet_of

    if ":" in widths or Path(widths).suffix or "/" in widths:
        raise SpecError(
            f"{widths!r} is no network of a worksheet: expected widths such as 3-2-2, whose"
            " numbers are drawn"
        )
    problem = make(kind, parse_widths(widths), seed, bias=bias)

    from fcinspect.bridge.linear import version
    from fcinspect.bridge.worksheet import results_in_torch

    return sheet_of(problem), check_key(problem, results_in_torch(problem), version())

"""What fits on paper."""

from __future__ import annotations

from fcinspect.errors import SpecError, UsageError, did_you_mean
from fcinspect.layers.spec import format_widths
from fcinspect.worksheets.problem import KINDS
from fcinspect.worksheets.sheet import blank_count

LARGEST_WIDTH = 8
MOST_LAYERS = 4
MOST_BLANKS = 60
"""Two sheets of paper, and an hour."""


def require_paper(kind: str, widths: tuple[int, ...], bias: bool) -> None:
    """Raise UsageError for an unknown kind, SpecError for what is too large to do by hand."""
    if kind not in KINDS:
        raise UsageError(
            f"{kind!r} is no sheet: expected one of {', '.join(KINDS)}",
            hint=did_you_mean(kind, KINDS),
        )
    written = format_widths(widths)
    if len(widths) - 1 > MOST_LAYERS:
        raise SpecError(
            f"{len(widths) - 1} layers are too many for a worksheet: expected at most"
            f" {MOST_LAYERS}, such as 3-2-2"
        )
    for position, width in enumerate(widths, start=1):
        if width > LARGEST_WIDTH:
            raise SpecError(
                f"width {width} at position {position} of {written!r} is too large for a"
                f" worksheet: expected at most {LARGEST_WIDTH}"
            )
    count = blank_count(kind, widths, bias)
    if count > MOST_BLANKS:
        counts = {other: blank_count(other, widths, bias) for other in KINDS}
        fits = [f"--sheet {k} has {n}" for k, n in counts.items() if n <= MOST_BLANKS]
        raise SpecError(
            f"the {kind} sheet of {written!r} has {count} blanks, too many for a worksheet:"
            f" expected at most {MOST_BLANKS}",
            hint=", ".join(fits) or None,
        )

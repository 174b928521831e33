"""The sheet that figures are drawn on, in one quiet style, and its bytes as a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from fcinspect.errors import UsageError, install_hint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "fcinspect",
    "pdf.fonttype": 42,
}
DOTS_PER_INCH = 150
DATES: dict[str, dict[str, None]] = {
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
    ".png": {},
}
"""What would make two equal figures differ."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches; raises UsageError where matplotlib is missing."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError(
            "a figure needs matplotlib, which is not installed; the terminal, .txt and .md"
            " show it in characters without",
            hint=install_hint("matplotlib"),
        ) from None
    with mpl.rc_context(STYLE):
        return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def quiet(axes: Axes) -> Axes:
    """Return the axes without the lines above and to the right, which bound nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def figure_bytes(figure: Figure, ending: str) -> bytes:
    """Return a figure as a file of that ending; equal figures give equal bytes."""
    import matplotlib as mpl

    file = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(file, format=ending[1:], dpi=DOTS_PER_INCH, metadata=DATES[ending])
    return file.getvalue()

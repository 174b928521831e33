"""The sheet that figures are drawn on, in one quiet style, and its bytes as a file."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from fcinspect.errors import UsageError, install_hint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Parameters = ParamSpec("Parameters")
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
DATES: Any = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
"""What would make two equal figures differ."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches; raises UsageError where matplotlib is missing."""
    mpl = _matplotlib()
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def quiet(axes: Axes) -> Axes:
    """Return the axes without the lines above and to the right, which bound nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def file_of(make: Callable[Parameters, Figure]) -> Callable[Concatenate[str, Parameters], bytes]:
    """Return what takes an ending, then the arguments of a figure, and returns its file.

    Equal figures give equal bytes; the reader's own settings of matplotlib have no part in it.
    """

    def drawn(ending: str, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> bytes:
        mpl = _matplotlib()
        file = io.BytesIO()
        with mpl.rc_context():
            mpl.rcdefaults()
            figure = make(*args, **kwargs)
            with mpl.rc_context(STYLE):
                figure.savefig(file, format=ending[1:], dpi=150, metadata=DATES[ending])
        return file.getvalue()

    return drawn


def _matplotlib() -> Any:
    """Return matplotlib; raises UsageError where it is missing.

    It is imported in its own folder, since it reads the settings of the working folder, and
    without a backend, which is of no use here: a misnamed one would stop it.
    """
    found = importlib.util.find_spec("matplotlib")
    if found is None:
        raise UsageError(
            "figures need matplotlib, which is not installed; the terminal, .txt and .md"
            " draw with characters instead",
            hint=install_hint("matplotlib"),
        )
    if "matplotlib" not in sys.modules:
        places = [Path(place, "mpl-data") for place in found.submodule_search_locations or ()]
        backend = os.environ.pop("MPLBACKEND", None)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # a folder that is gone holds no settings
                stack.enter_context(contextlib.chdir(next(filter(Path.is_dir, places), Path("/"))))
            importlib.import_module("matplotlib")
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    return sys.modules["matplotlib"]

"""`%load_ext fcinspect`: the diagnosis of a known error, below the cell of IPython or Jupyter."""

from __future__ import annotations

import os
import sys
from typing import Any

from fcinspect.python.cells import shell_here

AFTER_CELL = "post_run_cell"


def load_ipython_extension(shell: Any) -> None:
    """Show the diagnosis below each cell that ends in a known error, from now on."""
    shell.events.register(AFTER_CELL, show_below)


def unload_ipython_extension(shell: Any) -> None:
    """Show it no more."""
    shell.events.unregister(AFTER_CELL, show_below)


def show_below(result: Any) -> None:
    """Show the diagnosis of the error that ended a cell; whatever goes wrong is silent."""
    error = getattr(result, "error_in_exec", None)
    if not isinstance(error, Exception):
        return
    try:
        _show(error)
    except Exception:
        if os.environ.get("FCINSPECT_DEBUG") == "1":
            raise


def _show(error: Exception) -> None:
    from fcinspect.python.diagnose import explained, write_below

    if getattr(shell_here(), "kernel", None) is None:
        write_below(error, sys.stdout)
        return
    found = explained(error)
    if found is not None:
        from IPython.display import display

        display(found)

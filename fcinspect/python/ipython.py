"""`%load_ext fcinspect`: the diagnosis of a known error, below the cell of IPython or Jupyter."""

from __future__ import annotations

import linecache
import os
import sys
from typing import Any

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

    if getattr(_shell(), "kernel", None) is None:
        write_below(error, sys.stdout)
        return
    found = explained(error)
    if found is not None:
        from IPython.display import display

        display(found)


def _shell() -> Any:
    from IPython import get_ipython

    return get_ipython()


def cell_names() -> dict[str, str]:
    """Return what the cells of this session are called, "Cell In[3]", by their files."""
    shell = _shell()
    name = getattr(getattr(shell, "compile", None), "format_code_name", None)
    if name is None:
        return {}
    found = {file: name(file) for file in list(linecache.cache)}
    return {file: " ".join(told) for file, told in found.items() if told and told[0] == "Cell"}

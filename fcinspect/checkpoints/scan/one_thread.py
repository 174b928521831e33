"""BLAS in one thread: on small matrices its threads wait for each other more than they work."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
_inside = contextlib.ExitStack()
_entered = 0


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread in this process until the last one who asks for it is done."""
    global _entered  # the setting is the process's
    with _lock:
        if not _entered:
            _inside.enter_context(_controller().limit(limits=1, user_api="blas"))
        _entered += 1
    try:
        yield
    finally:
        with _lock:
            _entered -= 1
            if not _entered:
                _inside.close()


@functools.cache
def _controller() -> Any:
    import numpy as np  # noqa: F401  # the controller knows the libraries that are loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

"""Verdicts: computed numbers held against independent ones and derived bounds.

For test suites: ``from fcinspect.verification import assert_linear, assert_step``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fcinspect.verification.assertions import assert_linear
    from fcinspect.verification.step_assertion import assert_step

__all__ = ["assert_linear", "assert_step"]

_HOMES = {"assert_linear": "assertions", "assert_step": "step_assertion"}
"""The modules that load numpy, which those who import a record only do not need."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

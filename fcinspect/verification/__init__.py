"""Verdicts: computed numbers compared with independent ones and derived bounds.

For test suites: ``from fcinspect.verification import assert_linear, assert_step``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fcinspect.verification.assertions import assert_linear, assert_step

__all__ = ["assert_linear", "assert_step"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # numpy is loaded there, which those who import a record only do not need
    from fcinspect.verification import assertions

    return getattr(assertions, name)

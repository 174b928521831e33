"""Modules are small here, too."""

from __future__ import annotations

from tests.verification.conftest import one_thread

__all__ = ["one_thread"]

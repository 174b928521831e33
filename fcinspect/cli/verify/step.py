"""fcinspect verify step."""

from __future__ import annotations

from fcinspect.cli.options import Output
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.verify.carry_out import Checks


def step(checks: Checks = None, *, output: Output) -> ExitStatus:
    """Not written yet."""
    raise NotImplementedError

"""A training step held against its closed forms, each operation on its own recorded inputs.

Matrix products are held against exact sums (rounding/dot.py), everything else against running-
error bounds (rounding/running.py). An optimizer is judged by its update, new − old.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fcinspect.arithmetic.training import TrainingStep
from fcinspect.rounding.verdict import Verdict, overall
from fcinspect.verification.check import Check
from fcinspect.verification.step_operations import check_after, check_step

MOST_FINDINGS = 20
"""Findings kept of the steps before the last."""


@dataclass(frozen=True)
class EarlierFinding:
    """An operation of a step before the last that is not within its bound."""

    step: int
    check: Check


@dataclass(frozen=True, eq=False)
class StepReport:
    """The last of some steps, with the checks of all."""

    last: TrainingStep
    checks: tuple[Check, ...]
    """Of the last step, in the order of computation."""
    losses: tuple[float, ...]
    """Before step 1, after step 1, …"""
    earlier: tuple[EarlierFinding, ...]
    earlier_verdict: Verdict
    """Of all steps before the last."""

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all operations of all steps."""
        return overall([self.earlier_verdict, *(check.verdict for check in self.checks)])


def check_steps(steps: Iterable[TrainingStep]) -> StepReport:
    """Check every step as it comes; keep the last and what is not within bound in the others."""
    last: TrainingStep | None = None
    checks: tuple[Check, ...] = ()
    losses: list[float] = []
    earlier: list[EarlierFinding] = []
    verdicts: set[Verdict] = set()
    for step in steps:
        if last is None:
            losses.append(step.before.loss_value)
        else:
            verdicts.update(check.verdict for check in checks)
            if len(earlier) < MOST_FINDINGS:
                earlier += _findings(last.number, checks)
        with np.errstate(all="ignore"):  # what is not finite becomes undecided
            checks = tuple(check_step(step, last))
        losses.append(step.after.loss_value)
        last = step
    assert last is not None
    # what the last step computes afterwards is nobody else's beginning
    with np.errstate(all="ignore"):
        checks += tuple(check_after(last))
    return StepReport(
        last, checks, tuple(losses), tuple(earlier[:MOST_FINDINGS]), overall(verdicts)
    )


def _findings(step: int, checks: tuple[Check, ...]) -> list[EarlierFinding]:
    return [EarlierFinding(step, c) for c in checks if c.verdict is not Verdict.WITHIN]

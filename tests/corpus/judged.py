"""What fcinspect says of a planted fault, by the functions that its commands use."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from fcinspect.arithmetic.settings import optimizer_named
from fcinspect.arithmetic.training import TrainingStep
from fcinspect.bridge.hosted import OptimizerHost
from fcinspect.bridge.subject import InProcess
from fcinspect.rounding.accumulation import arithmetic_of
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Plan, carried_out
from fcinspect.verification.claimed_step import Circumstances, ClaimedStep, plan_step
from fcinspect.verification.layer import plan_implementation
from fcinspect.verification.optimizer import plan_optimizer
from fcinspect.verification.propagation import Recorded
from fcinspect.verification.step import StepReport, check_steps
from tests.corpus.faults import Fault
from tests.corpus.rules import Rule
from tests.corpus.training import Run, as_it_should_be

OUT_FEATURES = 7
FRESH_OUT_FEATURES = 48
"""Outputs of layers whose initialisation is judged: a law needs numbers to show."""
FIRST = ("exact", "gradients", "fingerprint", "initialisation", "contract", "steps")
"""Groups in the order in which faults are looked for."""


@dataclass(frozen=True)
class Found:
    """What was said of one fault, of one width and dtype."""

    fault: Fault
    in_features: int
    dtype: str
    outside: tuple[str, ...]
    """The checks that are outside, as far as they were made."""
    causes: tuple[str, ...]
    """What they name."""

    @property
    def seen(self) -> bool:
        """Whether a check is outside."""
        return bool(self.outside)

    @property
    def named(self) -> bool:
        """Whether a cause holds one of the words that it must."""
        return any(word in cause for cause in self.causes for word in self.fault.words)

    @property
    def words(self) -> str:
        """The finding, for a failing test."""
        case = f"{self.fault.kind}: {self.fault.name}, {self.in_features} {self.dtype}"
        return f"{case}: {' | '.join(self.causes) or ', '.join(self.outside) or 'nothing'}"


def find(fault: Fault, in_features: int, dtype: str) -> Found:
    """Make checks until one names the fault, or all."""
    torch.manual_seed(0)
    outside: list[str] = []
    causes: list[str] = []
    for check in checks_of(fault, in_features, dtype):
        if check.verdict is Verdict.OUTSIDE:
            outside.append(check.name)
            if check.cause and check.cause not in causes:
                causes.append(check.cause)
            if any(word in (check.cause or "") for word in fault.words):
                break
    return Found(fault, in_features, dtype, tuple(outside), tuple(causes))


def checks_of(fault: Fault, in_features: int, dtype: str) -> Iterator[Check]:
    """Yield the checks of a fault as they are made."""
    found = fault.build()
    if fault.kind == "optimizer":
        return of_plan(optimizer_plan(found, dtype))
    if fault.kind in ("loss", "loop"):
        return of_steps(fault, in_features, dtype)
    outputs = FRESH_OUT_FEATURES if fault.kind == "initialisation" else OUT_FEATURES
    return of_plan(layer_plan(found, fault.where, in_features, dtype, outputs))


def of_plan(plan: Plan) -> Iterator[Check]:
    """Yield the checks of a plan one by one, those first that tell most."""
    order = sorted(plan.checks, key=lambda planned: _place(planned.name.partition("/")[0]))
    for planned in order:
        yield from carried_out(Plan(plan.kind, plan.subject, (planned,))).checks


def _place(group: str) -> int:
    return FIRST.index(group) if group in FIRST else len(FIRST)


def layer_plan(
    found: Callable[..., Any], kind: str, in_features: int, dtype: str, outputs: int
) -> Plan:
    """Return the checks of a kernel or a factory of modules."""
    subject = InProcess(found, "kernel" if kind == "kernel" else "factory", "a layer", dtype)
    arithmetic = arithmetic_of(dtype)
    return plan_implementation(subject, in_features, outputs, True, dtype, arithmetic)


def optimizer_plan(rule: type[Rule], dtype: str) -> Plan:
    """Return the checks of an optimizer with torch's defaults."""
    host = OptimizerHost(rule, rule.__name__, {})
    return plan_optimizer(host, optimizer_named(rule.like, {}), dtype)


def run_of(fault: Fault, in_features: int, dtype: str) -> Run:
    """Return the network in which a loss or a loop is planted."""
    if fault.kind == "loop":
        return Run(in_features, dtype=dtype)
    name, _, outputs = fault.where.partition(":")
    return Run(in_features, int(outputs or 3), dtype, name, fault.build())


def of_steps(fault: Fault, in_features: int, dtype: str) -> Iterator[Check]:
    """Yield the checks of three training steps: as each is claimed, then as all are recorded."""
    run = run_of(fault, in_features, dtype)
    loop = fault.build() if fault.kind == "loop" else as_it_should_be
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = list(run.steps(loop))
    for step in steps:
        yield from carried_out(plan_step(claimed(step))).checks
    yield from operations_of(check_steps(steps))


def claimed(step: TrainingStep) -> ClaimedStep:
    """Return a recorded step as `fcinspect verify step` reads it from a file."""
    records = tuple(
        Recorded(name, p.before, p.grad, p.after, step.number, p.state_before)
        for name, p in step.parameters
    )
    known = Circumstances(
        step.input,
        step.target,
        step.loss_name,
        {layer.name: layer.activation for layer in step.layers},
        {
            "output before": step.before.output.values,
            "loss before": step.before.loss.values,
            "output after": step.after.output.values,
            "loss after": step.after.loss.values,
        },
    )
    return ClaimedStep("a recorded step", step.optimizer, records, known)


def operations_of(report: StepReport) -> list[Check]:
    """Return all that was checked in training steps, earlier steps' findings first."""
    operations = [*(found.check for found in report.earlier), *report.checks]
    return [replace(found, name=f"step/{found.name}") for found in operations]

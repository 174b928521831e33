"""An optimizer's steps held against its rule: exact probes, recorded steps, the caller's arrays."""

from __future__ import annotations

from functools import partial

import numpy as np

from fcinspect.arithmetic.settings import Optimizer
from fcinspect.errors import InputError
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import check_allowed
from fcinspect.verification.check import Check, Plan, Planned
from fcinspect.verification.optimizer_caller import (
    check_fresh,
    check_gradients_kept,
    check_in_place,
    check_resumed,
    check_without_gradient,
)
from fcinspect.verification.optimizer_causes import name_update_cause
from fcinspect.verification.optimizer_probes import check_dyadic, check_zero_weights
from fcinspect.verification.optimizer_setting import (
    STEPS,
    Setting,
    dyadic_sets,
    gradients_of,
    missing_options,
    parameters_of,
    recorded_steps,
    step_sets,
    zero_sets,
)
from fcinspect.verification.optimizer_subject import OptimizerSubject
from fcinspect.verification.update import update_intervals


def plan_optimizer(
    subject: OptimizerSubject,
    optimizer: Optimizer,
    dtype: str,
    not_exercised: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Plan:
    """Return the checks: dyadic, zero weights, steps of several options, caller and state.

    Raises InputError where the subject does not take the options that are given.
    """
    setting = Setting(subject, optimizer, dtype)
    refused = missing_options(setting, optimizer)
    if refused:
        raise InputError(f"{subject.words} takes no {refused}: it cannot be {optimizer.call}")
    planned: list[Planned] = []
    left: list[str] = []
    for family, run, sets in (
        ("dyadic", check_dyadic, dyadic_sets(optimizer)),
        ("zero weights", check_zero_weights, zero_sets(optimizer)),
        ("steps", _steps, step_sets(setting)),
    ):
        for label, chosen in sets.items():
            missing = missing_options(setting, chosen)
            if missing:
                left.append(f"{family} of {chosen.call}: the optimizer takes no {missing}")
                continue
            name = f"{family}/{label}"
            planned.append(Planned(name, partial(run, setting, chosen, name)))
    planned += [
        Planned("caller/gradients", partial(check_gradients_kept, setting)),
        Planned("caller/parameters", partial(check_in_place, setting)),
        Planned("caller/no gradient", partial(check_without_gradient, setting)),
        Planned("state/fresh", partial(check_fresh, setting)),
        Planned("state/saved and loaded", partial(check_resumed, setting)),
    ]
    return Plan("optimizer", subject.words, tuple(planned), (*left, *not_exercised), notes)


def _steps(setting: Setting, optimizer: Optimizer, name: str) -> Check:
    """Several steps, each parameter's update held against the rule with running errors."""
    parameters, gradients = parameters_of(setting), gradients_of(setting)
    ran = setting.subject.run(parameters, gradients, setting.options(optimizer))
    records = recorded_steps(parameters, gradients, ran)
    checks = []
    with np.errstate(all="ignore"):
        for record, interval in update_intervals(optimizer, records):
            checks.append((record, check_allowed(record.name, "", interval, record.update)))
    outside = [found for _, found in checks if found.verdict is Verdict.OUTSIDE]
    undecided = [found for _, found in checks if found.verdict is Verdict.UNDECIDED]
    record, worst = max(checks, key=lambda made: made[1].max_ratio or 0.0)
    detail = f"{STEPS} steps of {optimizer.call}"
    if outside:
        detail = f"{optimizer.call}: {record.name}, step {record.step}"
    verdict = Verdict.WITHIN
    if outside or undecided:
        verdict = Verdict.OUTSIDE if outside else Verdict.UNDECIDED
    return Check(
        name,
        verdict,
        detail,
        worst.max_ratio,
        worst.worst,
        name_update_cause(optimizer, records) if outside else None,
        sum(found.elements for _, found in checks),
        sum(found.outside for _, found in checks),
        sum(found.undecided for _, found in checks),
    )

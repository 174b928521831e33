"""An optimizer's steps compared with its rule: exact probes, recorded steps, caller's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from fcinspect.arithmetic.optimizers import move
from fcinspect.arithmetic.settings import Optimizer
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.running import exact
from fcinspect.rounding.verdict import Verdict, overall
from fcinspect.verification.array_checks import check_allowed
from fcinspect.verification.check import Check, Plan, Planned, Worst, holds
from fcinspect.verification.optimizer_causes import name_update_cause
from fcinspect.verification.optimizer_subject import (
    STEPS,
    OptimizerSetting,
    OptimizerSubject,
    Ran,
    dyadic_sets,
    gradients_of,
    missing_options,
    parameters_of,
    recorded_steps,
    step_sets,
    zero_sets,
)
from fcinspect.verification.propagation import initial_state, update_intervals


def plan_optimizer(
    subject: OptimizerSubject,
    optimizer: Optimizer,
    dtype: str,
    not_exercised: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Plan:
    """Return the checks; raises InputError if the subject lacks an option that is given."""
    setting = OptimizerSetting(subject, optimizer, dtype)
    refused = missing_options(setting, optimizer)
    if refused:
        raise InputError(
            f"{subject.words} does not accept {refused}: it cannot be {optimizer.call}"
        )
    planned: list[Planned] = []
    left: list[str] = []
    for family, run, sets in (
        ("dyadic", _dyadic, dyadic_sets(optimizer)),
        ("zero weights", _zero_weights, zero_sets(optimizer)),
        ("steps", _steps, step_sets(setting)),
    ):
        for label, chosen in sets.items():
            missing = missing_options(setting, chosen)
            if missing:
                left.append(f"{family} of {chosen.call}: the optimizer does not accept {missing}")
                continue
            name = f"{family}/{label}"
            planned.append(Planned(name, partial(run, setting, chosen, name)))
    for name, check in {
        "caller/gradients": _gradients_kept,
        "caller/parameters": _in_place,
        "caller/no gradient": _without_gradient,
        "state/fresh": _fresh,
        "state/saved and loaded": _resumed,
    }.items():
        planned.append(Planned(name, partial(check, setting, name)))
    return Plan("optimizer", subject.words, tuple(planned), (*left, *not_exercised), notes)


def _steps(setting: OptimizerSetting, optimizer: Optimizer, name: str) -> Check:
    """Several steps, each parameter's update compared with the rule, with running errors."""
    parameters, gradients = parameters_of(setting), gradients_of(setting)
    ran = setting.subject.run(parameters, gradients, optimizer.given)
    records = recorded_steps(parameters, gradients, ran)
    with np.errstate(all="ignore"):
        checks = [
            check_allowed(f"{record.name}, step {record.step}", "", interval, record.update)
            for record, interval in update_intervals(optimizer, records)
        ]
    verdict = overall(found.verdict for found in checks)
    worst = max(checks, key=lambda found: found.max_ratio or 0.0)
    detail, cause = f"{STEPS} steps of {optimizer.call}", None
    if verdict is Verdict.OUTSIDE:
        detail = f"{optimizer.call}: {worst.name}"
        cause = name_update_cause(optimizer, records)
    return Check(
        name, verdict, detail, worst.max_ratio, worst.worst, cause,
        elements=sum(found.elements for found in checks),
        outside=sum(found.outside for found in checks),
        undecided=sum(found.undecided for found in checks),
    )  # fmt: skip


def _dyadic(setting: OptimizerSetting, optimizer: Optimizer, name: str) -> Check:
    """Powers of two and small whole numbers: the exact result, bit for bit."""
    random = np.random.default_rng(3)
    adaptive = optimizer.name != "sgd"
    sizes = np.full(24, 4.0) if adaptive else random.integers(1, 4, 24) * 2.0
    gradient = sizes * random.choice([-1.0, 1.0], 24)
    start = random.integers(-4, 4, 24, endpoint=True).astype(np.float64)
    # two steps of momentum take more than bfloat16's eight bits
    steps = 1 if adaptive or format_named(setting.dtype).precision < 11 else 2
    parameters = [setting.array(start)]
    gradients = [[setting.array(gradient * (1 if k == 0 else 2))] for k in range(steps)]
    ran = setting.subject.run(parameters, gradients, optimizer.given)
    expected = _by_hand(setting, optimizer, parameters[0], [given[0] for given in gradients])
    return _exactly(optimizer, name, ran, expected, parameters, gradients)


def _by_hand(
    setting: OptimizerSetting, optimizer: Optimizer, start: Array, gradients: Sequence[Array]
) -> Float64Array:
    """Return the parameter after the steps, computed without rounding in float64."""
    w = start.values.astype(np.float64)
    first = initial_state(optimizer, exact(w, format_named(setting.dtype)))
    state: Any = {name: held.value for name, held in first.items()}
    for step, gradient in enumerate(gradients, start=1):
        moved = move(optimizer, w, gradient.values.astype(np.float64), state, step)
        w, state = w + moved.update, moved.state
    return w


def _exactly(
    optimizer: Optimizer,
    name: str,
    ran: Ran,
    expected: Float64Array,
    parameters: Sequence[Array],
    gradients: Sequence[Sequence[Array]],
) -> Check:
    got = ran.after[-1][0].values.astype(np.float64)
    detail = f"{optimizer.call}: exact"
    wrong = np.flatnonzero(got != expected)
    if not wrong.size:
        return Check(name, Verdict.WITHIN, detail, 0.0, elements=got.size)
    at = int(wrong[0])
    right = float(expected[at])
    cause = name_update_cause(optimizer, recorded_steps(parameters, gradients, ran))
    return Check(
        name, Verdict.OUTSIDE, detail, np.inf, Worst((at,), float(got[at]), right, right, right),
        cause or _relative(got, expected, parameters[0]), got.size, int(wrong.size),
    )  # fmt: skip


def _relative(got: Float64Array, expected: Float64Array, start: Array) -> str | None:
    old = start.values.astype(np.float64)
    moved, right = got - old, expected - old
    used = right != 0
    ratio = moved[used] / right[used]
    if ratio.size and np.ptp(ratio) <= 1e-3 * abs(ratio[0]) and ratio[0] != 1:
        return f"the update is {float(np.median(ratio)):.9g} times what it should be"
    return None


def _zero_weights(setting: OptimizerSetting, optimizer: Optimizer, name: str) -> Check:
    """From w = 0, g = ±4 leads to −RN(lr)·2^k: a learning rate that is off by one ulp shows."""
    signs = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    parameters, gradients = [setting.array(np.zeros(5))], [[setting.array(4.0 * signs)]]
    ran = setting.subject.run(parameters, gradients, optimizer.given)
    factor = {"sgd": 4.0, "rmsprop": 1.0}.get(optimizer.name, 0.5)
    expected = -format_named(setting.dtype).round(optimizer.number("lr")) * factor * signs
    check = _exactly(optimizer, name, ran, expected, parameters, gradients)
    return replace(check, detail=f"from 0: −lr·{factor:g}, exact")


def _ran(setting: OptimizerSetting, optimizer: Optimizer | None = None, count: int = 2) -> Ran:
    options = (optimizer or setting.optimizer).given
    return setting.subject.run(parameters_of(setting), gradients_of(setting, count), options)


def _gradients_kept(setting: OptimizerSetting, name: str) -> Check:
    # what adds to a gradient or turns it may do so in place
    tried = [setting.variation({"weight_decay": 0.125}), setting.variation({"maximize": True})]
    usable = [one for one in tried if not missing_options(setting, one)] or [setting.optimizer]
    changed: dict[str, None] = {}
    for optimizer in usable:
        changed |= dict.fromkeys(_ran(setting, optimizer).changed)
    return holds(name, not changed, "are unchanged", "; ".join(list(changed)[:2]))


def _in_place(setting: OptimizerSetting, name: str) -> Check:
    cause = "parameters are replaced by new arrays: the model would not see the step"
    return holds(name, not _ran(setting).moved, "updated in place", cause)


def _without_gradient(setting: OptimizerSetting, name: str) -> Check:
    unused = parameters_of(setting)[-1]
    same = all(np.array_equal(after[-1].values, unused.values) for after in _ran(setting).after)
    cause = "a parameter without a gradient is changed"
    return holds(name, same, "the parameter is unchanged", cause)


def _fresh(setting: OptimizerSetting, name: str) -> Check:
    cause = "two optimizers share state: the second starts where the first ended"
    return holds(name, _same(_ran(setting), _ran(setting)), "starts from scratch", cause)


def _resumed(setting: OptimizerSetting, name: str) -> Check:
    whole = _ran(setting, count=4)
    options = setting.optimizer.given
    ran = setting.subject.resumed(parameters_of(setting), gradients_of(setting, 4), options, 2)
    if ran is None:
        return Check(name, Verdict.WITHIN, "it has no state_dict to save")
    cause = "after load_state_dict the steps differ: state is lost"
    return holds(name, _same(whole, ran), "continues identically", cause)


def _same(one: Ran, other: Ran) -> bool:
    return all(
        np.array_equal(a.values, b.values, equal_nan=True)
        for here, there in zip(one.after, other.after, strict=True)
        for a, b in zip(here, there, strict=True)
    )

"""Steps of which every operation is exact: powers of two, and weights of zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fcinspect.arithmetic.optimizers import move
from fcinspect.arithmetic.settings import Optimizer
from fcinspect.layers.array import Array
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.running import exact
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Worst
from fcinspect.verification.optimizer_causes import name_update_cause
from fcinspect.verification.optimizer_setting import Setting, recorded_steps
from fcinspect.verification.optimizer_subject import Ran
from fcinspect.verification.update import initial_state


def check_dyadic(setting: Setting, optimizer: Optimizer, name: str) -> Check:
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
    ran = setting.subject.run(parameters, gradients, setting.options(optimizer))
    expected = _by_hand(setting, optimizer, parameters[0], [given[0] for given in gradients])
    return _exactly(setting, optimizer, name, ran, expected, parameters, gradients)


def _by_hand(
    setting: Setting, optimizer: Optimizer, start: Array, gradients: Sequence[Array]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the parameter after the steps, computed without rounding in float64."""
    number_format = format_named(setting.dtype)
    w = start.values.astype(np.float64)
    first = initial_state(optimizer, exact(w, number_format))
    state: Any = {name: held.value for name, held in first.items()}
    for step, gradient in enumerate(gradients, start=1):
        moved = move(optimizer, w, gradient.values.astype(np.float64), state, step)
        w, state = w + moved.update, moved.state
    return w


def _exactly(
    setting: Setting,
    optimizer: Optimizer,
    name: str,
    ran: Ran,
    expected: np.ndarray[Any, np.dtype[np.float64]],
    parameters: Sequence[Array],
    gradients: Sequence[Sequence[Array]],
) -> Check:
    """Hold the last parameters against the exact ones."""
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


def _relative(got: Any, expected: Any, start: Array) -> str | None:
    """Return by what factor the update is off, where it is one."""
    old = start.values.astype(np.float64)
    moved, right = got - old, expected - old
    used = right != 0
    ratio = moved[used] / right[used]
    if ratio.size and np.ptp(ratio) <= 1e-3 * abs(ratio[0]) and ratio[0] != 1:
        return f"the update is {float(np.median(ratio)):.9g} times what it should be"
    return None


def check_zero_weights(setting: Setting, optimizer: Optimizer, name: str) -> Check:
    """From w = 0, g = ±4 leads to −RN(lr)·2^k: a learning rate that is off by one ulp shows."""
    signs = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    parameters, gradients = [setting.array(np.zeros(5))], [[setting.array(4.0 * signs)]]
    ran = setting.subject.run(parameters, gradients, setting.options(optimizer))
    number_format = format_named(setting.dtype)
    rate = number_format.round(optimizer.number("lr"))
    factor = {"sgd": 4.0, "adam": 0.5, "adamw": 0.5, "rmsprop": 1.0, "adagrad": 0.5}[optimizer.name]
    check = _exactly(
        setting, optimizer, name, ran, -rate * factor * signs, parameters, gradients
    )  # fmt: skip
    return replace(check, detail=f"from 0: −lr·{factor:g}, exact")

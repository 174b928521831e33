"""An optimizer's steps held against its rule: exact probes, recorded steps, the caller's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from fcinspect.arithmetic.optimizers import move
from fcinspect.arithmetic.settings import OPTIONS, Optimizer, Value
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.running import exact
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Misbehaved, Plan, Planned, Worst, holds
from fcinspect.verification.operation import OperationCheck, check_interval
from fcinspect.verification.optimizer_causes import name_update_cause
from fcinspect.verification.optimizer_faults import with_options
from fcinspect.verification.optimizer_subject import NotAccepted, OptimizerSubject, Ran
from fcinspect.verification.update import Recorded, initial_state, update_intervals

STEPS = 6
SHAPES = ((5, 7), (7,), (3,))
"""A weight, a bias, and a parameter that gets no gradient."""

VARIATIONS: dict[str, tuple[dict[str, Value], ...]] = {
    "sgd": (
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True, "dampening": 0.0},
        {"weight_decay": 0.1},
        {"momentum": 0.8, "weight_decay": 0.05, "maximize": True},
    ),
    "adam": (
        {"betas": (0.8, 0.95)}, {"eps": 0.1}, {"weight_decay": 0.1, "lr": 0.125},
        {"amsgrad": True, "betas": (0.5, 0.5)},
        {"lr": 0.03, "maximize": True},
    ),
    "adamw": (
        {"betas": (0.8, 0.95)}, {"eps": 0.1}, {"weight_decay": 0.2, "lr": 0.125},
        {"amsgrad": True, "betas": (0.5, 0.5)},
        {"lr": 0.03, "maximize": True},
    ),
    "rmsprop": (
        {"alpha": 0.9}, {"eps": 0.1}, {"centered": True, "alpha": 0.5, "lr": 0.125}, {"momentum": 0.9},
        {"weight_decay": 0.1, "maximize": True},
    ),
    "adagrad": (
        {"lr_decay": 0.1}, {"eps": 0.1}, {"initial_accumulator_value": 0.5},
        {"weight_decay": 0.1}, {"lr": 0.1, "maximize": True},
    ),
}  # fmt: skip
"""What is exercised besides the options given."""

DYADIC: dict[str, tuple[dict[str, Value], ...]] = {
    "sgd": (
        {"lr": 0.25},
        {"lr": 0.25, "weight_decay": 0.5},
        {"lr": 0.5, "momentum": 0.5},
        {"lr": 0.5, "momentum": 0.5, "dampening": 0.5},
        {"lr": 0.5, "momentum": 0.5, "nesterov": True},
        {"lr": 0.5, "momentum": 0.5, "weight_decay": 0.5, "maximize": True},
    ),
    "adam": ({"lr": 0.25, "betas": (0.5, 0.75), "eps": 4.0},),
    "adamw": ({"lr": 0.25, "betas": (0.5, 0.75), "eps": 4.0, "weight_decay": 0.5},),
    "rmsprop": ({"lr": 0.25, "alpha": 0.75, "eps": 2.0},),
    "adagrad": ({"lr": 0.25, "eps": 4.0},),
}
"""Options of powers of two; for gradients of ±4 every operation of the first step is exact."""


@dataclass(frozen=True)
class Setting:
    """The optimizer under inspection, the rule it should follow, and the format."""

    subject: OptimizerSubject
    optimizer: Optimizer
    dtype: str

    def options(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return the options that are not the defaults; lr always."""
        known = OPTIONS[optimizer.name]
        torch_lr = {"lr"}
        return {k: v for k, v in optimizer.options.items() if k in torch_lr or v != known[k]}

    def variation(self, changed: dict[str, Value]) -> Optimizer:
        """Return the optimizer with some options changed, nesterov only where it may be."""
        made = with_options(self.optimizer, **changed)
        if made.options.get("nesterov") and (
            made.number("dampening") or not made.number("momentum")
        ):
            made = with_options(made, nesterov=False)
        return made

    def array(self, values: Any) -> Array:
        """Return numbers rounded to the format."""
        return Array.of(values, self.dtype)


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
    refused = _missing(setting, optimizer)
    if refused:
        raise InputError(f"{subject.words} takes no {refused}: it cannot be {optimizer.call}")
    planned: list[Planned] = []
    left: list[str] = []
    for family, run, sets in (
        ("dyadic", _dyadic, _dyadic_sets(optimizer)),
        ("zero weights", _zero_weights, _zero_sets(optimizer)),
        ("steps", _steps, _step_sets(setting)),
    ):
        for label, chosen in sets.items():
            missing = _missing(setting, chosen)
            if missing:
                left.append(f"{family} of {chosen.call}: the optimizer takes no {missing}")
                continue
            name = f"{family}/{label}"
            planned.append(Planned(name, partial(run, setting, chosen, name)))
    planned += [
        Planned("caller/gradients", partial(_gradients_kept, setting)),
        Planned("caller/parameters", partial(_in_place, setting)),
        Planned("caller/no gradient", partial(_without_gradient, setting)),
        Planned("state/fresh", partial(_fresh, setting)),
        Planned("state/saved and loaded", partial(_resumed, setting)),
    ]
    return Plan("optimizer", subject.words, tuple(planned), (*left, *not_exercised), notes)


def _dyadic_sets(optimizer: Optimizer) -> dict[str, Optimizer]:
    """Return options of powers of two, by the names of those that matter."""
    base = {**OPTIONS[optimizer.name], "weight_decay": 0.0}
    return {
        _label(changed): Optimizer(optimizer.name, {**base, **changed})
        for changed in DYADIC[optimizer.name]
    }


def _step_sets(setting: Setting) -> dict[str, Optimizer]:
    """Return the options given, and variations."""
    given = setting.optimizer
    found = {"as given": given}
    for changed in VARIATIONS[given.name]:
        varied = setting.variation(changed)
        if varied.call not in [other.call for other in found.values()]:
            found[_label(changed)] = varied
    return found


def _label(changed: dict[str, Value]) -> str:
    """Return the names of options: "momentum+nesterov"."""
    names = [name for name, value in changed.items() if value and name != "lr"]
    return "together" if len(names) > 2 else "+".join(names) or "lr"


def _missing(setting: Setting, optimizer: Optimizer) -> str:
    """Return the options that the subject does not take, "" if it takes all."""
    try:
        setting.subject.run([setting.array(np.ones(1))], [], setting.options(optimizer))
    except NotAccepted as refusal:
        return refusal.message
    except Misbehaved:
        return ""
    return ""


def _parameters(setting: Setting, seed: int = 0) -> list[Array]:
    random = np.random.default_rng((seed, 1))
    return [setting.array(random.standard_normal(shape)) for shape in SHAPES]


def _gradients(setting: Setting, count: int = STEPS) -> list[list[Array | None]]:
    """Return gradients of all signs and some sizes; none for the last parameter."""
    random = np.random.default_rng((0, 2))
    found: list[list[Array | None]] = []
    for number in range(count):
        # every second one is small: what keeps the largest differs from what does not
        size = random.uniform(0.5, 2.0) / (1 if number % 2 == 0 else 8)
        drawn = [random.standard_normal(s) for s in SHAPES[:-1]]
        # away from zero, where adaptive rules divide by what underflows
        found.append([*(setting.array((d + 0.25 * np.sign(d)) * size) for d in drawn), None])
    return found


def _recorded(
    parameters: Sequence[Array], gradients: Sequence[Sequence[Array | None]], ran: Ran
) -> list[Recorded]:
    """Return the steps as records, each parameter from where it was left."""
    records = []
    before = tuple(parameters)
    names = ("weight", "bias", "unused")
    for number, (given, after) in enumerate(zip(gradients, ran.after, strict=True), start=1):
        for name, old, grad, new in zip(names, before, given, after, strict=False):
            if grad is not None:
                if new.shape != old.shape:
                    raise Misbehaved(f"made a {name} of shape {new.shape} from {old.shape}")
                records.append(Recorded(name, old, grad, new, number))
        before = after
    return records


def _steps(setting: Setting, optimizer: Optimizer, name: str) -> Check:
    """Several steps, each parameter's update held against the rule with running errors."""
    parameters, gradients = _parameters(setting), _gradients(setting)
    ran = setting.subject.run(parameters, gradients, setting.options(optimizer))
    records = _recorded(parameters, gradients, ran)
    checks = []
    with np.errstate(all="ignore"):
        for record, interval in update_intervals(optimizer, records):
            checks.append((record, check_interval(record.name, "", interval, record.update)))
    outside = [found for _, found in checks if found.verdict is Verdict.OUTSIDE]
    undecided = [found for _, found in checks if found.verdict is Verdict.UNDECIDED]
    record, worst = max(checks, key=lambda made: made[1].max_ratio)
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
        max(found.max_ratio for _, found in checks),
        _worst(worst),
        name_update_cause(optimizer, records) if outside else None,
        sum(found.elements for _, found in checks),
        sum(found.outside for _, found in checks),
        sum(found.undecided for _, found in checks),
    )


def _worst(found: OperationCheck) -> Worst | None:
    if found.worst is None or found.computed is None or found.reference is None:
        return None
    reach = found.bound or 0.0
    return Worst(
        found.worst, found.computed, found.reference, found.reference - reach,
        found.reference + reach,
    )  # fmt: skip


def _dyadic(setting: Setting, optimizer: Optimizer, name: str) -> Check:
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
    cause = name_update_cause(optimizer, _recorded(parameters, gradients, ran))
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


def _zero_sets(optimizer: Optimizer) -> dict[str, Optimizer]:
    """Return rates that are no powers of two, for rules made exact otherwise."""
    rates = dict.fromkeys((optimizer.number("lr"), 0.1, 0.003))
    last = {
        k: v for k, v in DYADIC[optimizer.name][-1].items() if k not in ("momentum", "maximize")
    }
    base = {**OPTIONS[optimizer.name], **last, "weight_decay": 0.0}
    return {
        f"lr={rate:g}": Optimizer(optimizer.name, {**base, "lr": rate}) for rate in rates if rate
    }


def _zero_weights(setting: Setting, optimizer: Optimizer, name: str) -> Check:
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


def _ran(setting: Setting, count: int = 2) -> tuple[list[Array], list[list[Array | None]], Ran]:
    parameters, gradients = _parameters(setting), _gradients(setting, count)
    options = setting.options(setting.optimizer)
    return parameters, gradients, setting.subject.run(parameters, gradients, options)


def _gradients_kept(setting: Setting) -> Check:
    # what adds to a gradient or turns it may do so in place
    optimizer = setting.variation({"weight_decay": 0.125, "maximize": True})
    if _missing(setting, optimizer):
        optimizer = setting.optimizer
    ran = setting.subject.run(
        _parameters(setting), _gradients(setting, 2), setting.options(optimizer)
    )
    return holds(
        "caller/gradients", not ran.changed, "stay as they are",
        "; ".join(ran.changed[:2]),
    )  # fmt: skip


def _in_place(setting: Setting) -> Check:
    _, _, ran = _ran(setting)
    return holds(
        "caller/parameters", not ran.moved, "updated in place",
        "parameters are replaced by new arrays: the model would not see the step",
    )  # fmt: skip


def _without_gradient(setting: Setting) -> Check:
    parameters, _, ran = _ran(setting)
    same = all(np.array_equal(after[-1].values, parameters[-1].values) for after in ran.after)
    return holds(
        "caller/no gradient", same, "such a parameter stays",
        "a parameter without a gradient is changed",
    )  # fmt: skip


def _fresh(setting: Setting) -> Check:
    """A second optimizer starts anew."""
    _, _, first = _ran(setting)
    _, _, second = _ran(setting)
    same = all(
        np.array_equal(a.values, b.values, equal_nan=True)
        for one, other in zip(first.after, second.after, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    return holds(
        "state/fresh", same, "starts anew",
        "two optimizers share state: the second starts where the first ended",
    )  # fmt: skip


def _resumed(setting: Setting) -> Check:
    parameters, gradients, whole = _ran(setting, 4)
    options = setting.options(setting.optimizer)
    ran = setting.subject.resumed(parameters, gradients, options, 2)
    name = "state/saved and loaded"
    if ran is None:
        return Check(name, Verdict.WITHIN, "it has no state_dict to save")
    same = all(
        np.array_equal(a.values, b.values, equal_nan=True)
        for one, other in zip(whole.after, ran.after, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    return holds(
        name, same, "continues the same",
        "after load_state_dict the steps are others: state is lost",
    )  # fmt: skip

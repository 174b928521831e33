"""An optimizer under inspection, whoever wrote it: what it is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fcinspect.arithmetic.settings import OPTIONS, Optimizer, Value
from fcinspect.errors import InputError, Misbehaved
from fcinspect.layers.array import Array
from fcinspect.verification.optimizer_faults import with_options
from fcinspect.verification.propagation import Recorded

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
        {"alpha": 0.9}, {"eps": 0.1}, {"centered": True, "alpha": 0.5, "lr": 0.125},
        {"momentum": 0.9},
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


class NotAccepted(InputError):
    """The optimizer has no options of these names: a set of options is not exercised."""


@dataclass(frozen=True, eq=False)
class Ran:
    """What some steps did."""

    after: tuple[tuple[Array, ...], ...]
    """For each step, every parameter after it."""
    changed: tuple[str, ...]
    """What became of the caller's gradients, in words; empty if they are as they were."""
    moved: tuple[int, ...]
    """Which parameters no longer lie where they did."""


class OptimizerSubject(Protocol):
    """An optimizer under inspection."""

    @property
    def words(self) -> str:
        """What it is, in words."""

    def run(
        self,
        parameters: Sequence[Array],
        gradients: Sequence[Sequence[Array | None]],
        options: Mapping[str, Any],
    ) -> Ran:
        """Step a fresh optimizer once for each list of gradients (None: no gradient).

        Raises Misbehaved when it raises, hangs or dies, NotAccepted for options it lacks.
        """

    def resumed(
        self,
        parameters: Sequence[Array],
        gradients: Sequence[Sequence[Array | None]],
        options: Mapping[str, Any],
        after: int,
    ) -> Ran | None:
        """Do the same, with the state saved and loaded anew after some steps; None without."""


@dataclass(frozen=True)
class OptimizerSetting:
    """The optimizer under inspection, the rule it should follow, and the format."""

    subject: OptimizerSubject
    optimizer: Optimizer
    dtype: str

    def variation(self, changed: dict[str, Value]) -> Optimizer:
        """Return the optimizer with some options changed, nesterov only where it may be."""
        made = with_options(self.optimizer, **changed)
        if not made.options.get("nesterov"):
            return made
        possible = made.number("momentum") and not made.number("dampening")
        return made if possible else with_options(made, nesterov=False)

    def array(self, values: Any) -> Array:
        """Return numbers rounded to the format."""
        return Array.of(values, self.dtype)


def dyadic_sets(optimizer: Optimizer) -> dict[str, Optimizer]:
    """Return options of powers of two, by the names of those that matter."""
    name = optimizer.name
    base = {**OPTIONS[name], "weight_decay": 0.0}
    return {label_of(changed): Optimizer(name, {**base, **changed}) for changed in DYADIC[name]}


def zero_sets(optimizer: Optimizer) -> dict[str, Optimizer]:
    """Return rates that are not powers of two, for rules made exact otherwise."""
    name, rates = optimizer.name, (optimizer.number("lr"), 0.1, 0.003)
    last = {k: v for k, v in DYADIC[name][-1].items() if k not in ("momentum", "maximize")}
    base = {**OPTIONS[name], **last, "weight_decay": 0.0}
    return {f"lr={rate:g}": Optimizer(name, {**base, "lr": rate}) for rate in rates if rate}


def step_sets(setting: OptimizerSetting) -> dict[str, Optimizer]:
    """Return the options given, and variations."""
    given = setting.optimizer
    found = {"as given": given}
    for changed in VARIATIONS[given.name]:
        varied = setting.variation(changed)
        if varied.call not in [other.call for other in found.values()]:
            found[label_of(changed)] = varied
    return found


def label_of(changed: dict[str, Value]) -> str:
    """Return the names of options: "momentum+nesterov"."""
    names = [name for name, value in changed.items() if value and name != "lr"]
    return "together" if len(names) > 2 else "+".join(names) or "lr"


def parameters_of(setting: OptimizerSetting) -> list[Array]:
    """Return parameters of SHAPES, normally distributed."""
    random = np.random.default_rng((0, 1))
    return [setting.array(random.standard_normal(shape)) for shape in SHAPES]


def gradients_of(setting: OptimizerSetting, count: int = STEPS) -> list[list[Array | None]]:
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


def recorded_steps(
    parameters: Sequence[Array], gradients: Sequence[Sequence[Array | None]], ran: Ran
) -> list[Recorded]:
    """Return the steps as records, each parameter from where it was left."""
    records, before, names = [], tuple(parameters), ("weight", "bias", "unused")
    for number, (given, after) in enumerate(zip(gradients, ran.after, strict=True), start=1):
        for name, old, grad, new in zip(names, before, given, after, strict=False):
            if grad is not None:
                if new.shape != old.shape:
                    raise Misbehaved(f"turned a {name} of shape {old.shape} into shape {new.shape}")
                records.append(Recorded(name, old, grad, new, number))
        before = after
    return records


def missing_options(setting: OptimizerSetting, optimizer: Optimizer) -> str:
    """Return the options that the subject does not take, "" if it takes all."""
    try:
        setting.subject.run([setting.array(np.ones(1))], [], optimizer.given)
    except NotAccepted as refusal:
        return refusal.message
    except Misbehaved:
        pass
    return ""

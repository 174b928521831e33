"""The names of activations, losses and optimizers, and the optimizers' options with their defaults.

There is no arithmetic here, so that the command line can offer the names without loading numpy.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fcinspect.errors import UsageError, did_you_mean
from fcinspect.names import canonical

ACTIVATION_NAMES = ("relu", "sigmoid", "tanh", "leaky_relu", "gelu", "identity")
LOSS_NAMES = (
    "mse", "l1", "half_sum_squares", "half_mean_squares", "cross_entropy", "bce",
    "bce_with_logits",
)  # fmt: skip

Value = float | bool | tuple[float, float]

_ADAM: Mapping[str, Value] = {
    "lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False,
    "maximize": False,
}  # fmt: skip

OPTIONS: Mapping[str, Mapping[str, Value]] = {
    "sgd": {
        "lr": 0.01, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False,
        "maximize": False,
    },
    "adam": _ADAM,
    "adamw": {**_ADAM, "weight_decay": 0.01},
    "rmsprop": {
        "lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0,
        "centered": False, "maximize": False,
    },
    "adagrad": {
        "lr": 0.01, "lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0,
        "eps": 1e-10, "maximize": False,
    },
}  # fmt: skip
"""Every optimizer's options as torch.optim names them, with torch's defaults, except that SGD's
lr is 0.01 (torch: 0.001)."""

CLASSES = {
    "sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad",
}  # fmt: skip
"""The optimizers' classes in torch.optim."""

OPTIMIZER_NAMES = tuple(OPTIONS)


@dataclass(frozen=True)
class Optimizer:
    """An optimizer and all its options."""

    name: str
    options: Mapping[str, Value]

    def number(self, option: str) -> float:
        """Return an option that is a number."""
        value = self.options[option]
        assert not isinstance(value, tuple)
        return float(value)

    def flag(self, option: str) -> bool:
        """Return an option that is on or off."""
        return bool(self.options[option])

    @property
    def betas(self) -> tuple[float, float]:
        """Return β1 and β2."""
        value = self.options["betas"]
        assert isinstance(value, tuple)
        return value

    @property
    def given(self) -> dict[str, Value]:
        """The options that are not the defaults; lr always."""
        usual = OPTIONS[self.name]
        return {k: v for k, v in self.options.items() if k == "lr" or v != usual[k]}

    @property
    def call(self) -> str:
        """Return the constructor's call without the parameters: SGD(lr=0.01)."""
        return f"{CLASSES[self.name]}({', '.join(f'{k}={v!r}' for k, v in self.given.items())})"


def optimizer_named(name: str, given: Mapping[str, Value | None]) -> Optimizer:
    """Return the optimizer with the options given, torch's defaults for those that are None.

    Raises UsageError for unknown names and options, and for combinations that torch refuses.
    """
    written, name = name, canonical(name, OPTIONS) or name
    if name not in OPTIONS:
        raise UsageError(
            f"unknown optimizer {written!r}: expected one of {', '.join(OPTIONS)}",
            hint=did_you_mean(written, OPTIONS),
        )
    known = OPTIONS[name]
    chosen = {option: value for option, value in given.items() if value is not None}
    for option in chosen:
        if option not in known:
            raise UsageError(f"optimizer {name} has no option {option}: it has {', '.join(known)}")
    optimizer = Optimizer(name, MappingProxyType({**known, **chosen}))
    if optimizer.options.get("nesterov") and (
        not optimizer.number("momentum") > 0 or optimizer.number("dampening") != 0
    ):
        raise UsageError("nesterov requires a momentum above 0 and a dampening of 0")
    return optimizer


def require_possible(name: str, option: str, value: object) -> None:
    """Raise UsageError for a value that torch refuses; optimizer_named refuses unknown names."""
    usual = OPTIONS.get(name, {}).get(option)
    if usual is None:
        return
    if isinstance(usual, bool):
        fits, expected = isinstance(value, bool), "true or false"
    elif isinstance(usual, tuple):
        fits = isinstance(value, tuple) and all(0 <= beta < 1 for beta in value)
        expected = "two numbers >= 0 and < 1"
    else:
        number = value if isinstance(value, int | float) else math.nan
        lowest = -sys.float_info.max if option == "dampening" else 0.0
        fits = not isinstance(value, bool) and lowest <= number <= sys.float_info.max
        expected = "a finite number" + ("" if option == "dampening" else " >= 0")
    if not fits:
        raise UsageError(f"optimizer {name}: invalid {option}={value!r}: expected {expected}")

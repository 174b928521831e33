"""The optimizers' updates as closed forms.

w is a parameter, g the gradient of the loss with respect to it, both of any shape; t counts the
steps from 1; the update is new − old. Every quantity on the way is kept with its formula, so that
the page that shows a step and the check that judges it read the same lines. `form` 1 is an
algebraically equal way to write the same update, where correct programs differ. Source: the
algorithm boxes in the reference of torch.optim.SGD, Adam, AdamW, RMSprop and Adagrad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from fcinspect.arithmetic.settings import Optimizer
from fcinspect.rounding.functions import maximum, sqrt
from fcinspect.rounding.running import Numeric

Symbols = Mapping[str, str]

SYMBOLS: Symbols = {
    "w": "old",
    "g": "g",
    "lr": "lr",
    "momentum": "μ",
    "dampening": "τ",
    "weight_decay": "λ",
    "beta1": "β₁",
    "beta2": "β₂",
    "alpha": "α",
    "eps": "ε",
    "update": "update",
}
"""How the quantities in formulas are written; names that are missing stand for themselves."""


@dataclass(frozen=True)
class Quantity(Generic[Numeric]):
    """One line of the working: name = formula = value."""

    name: str
    formula: str
    """A template: names in braces, "{g} + {weight_decay}·{w}"."""
    value: Numeric | float


@dataclass(frozen=True)
class Moved(Generic[Numeric]):
    """What one step makes of one parameter."""

    update: Numeric
    """new − old, before new is rounded."""
    state: Mapping[str, Numeric]
    """The state after the step, as torch.optim names it."""
    working: tuple[Quantity[Numeric], ...]
    """Every quantity on the way, in order."""


class _Working(Generic[Numeric]):
    """Collects the quantities on the way."""

    def __init__(self) -> None:
        self._lines: list[Quantity[Numeric]] = []

    def write(self, name: str, formula: str, value: Numeric) -> Numeric:
        self._lines.append(Quantity(name, formula, value))
        return value

    def factor(self, name: str, formula: str, value: float) -> float:
        self._lines.append(Quantity(name, formula, value))
        return value

    @property
    def lines(self) -> tuple[Quantity[Numeric], ...]:
        return tuple(self._lines)


def known_numbers(optimizer: Optimizer, step: int) -> dict[str, float]:
    """Return the hyperparameters by the names that the formulas use."""
    numbers = {
        name: float(value)
        for name, value in optimizer.options.items()
        if not isinstance(value, tuple | bool)
    }
    if "betas" in optimizer.options:
        numbers["beta1"], numbers["beta2"] = optimizer.betas
    numbers["t"] = float(step)
    return numbers


def move(
    optimizer: Optimizer,
    w: Numeric,
    g: Numeric,
    state: Mapping[str, Numeric],
    step: int,
    form: int = 0,
) -> Moved[Numeric]:
    """Return the update of one parameter; `state` is what torch.optim kept before this step."""
    working: _Working[Numeric] = _Working()
    if optimizer.flag("maximize"):
        g = working.write("g", "−{g}", -g)
    decay = optimizer.number("weight_decay")
    if decay and optimizer.name != "adamw":
        g = working.write("g", "{g} + {weight_decay}·{w}", g + decay * w)
    rule = {
        "sgd": _sgd,
        "adam": _adam,
        "adamw": _adam,
        "rmsprop": _rmsprop,
        "adagrad": _adagrad,
    }[optimizer.name]
    update, after = rule(working, optimizer, w, g, state, step, form)
    return Moved(update, after, working.lines)


def _sgd(
    working: _Working[Numeric],
    optimizer: Optimizer,
    w: Numeric,
    g: Numeric,
    state: Mapping[str, Numeric],
    step: int,
    form: int,
) -> tuple[Numeric, Mapping[str, Numeric]]:
    """SGD: buf = μ·buf + (1 − τ)·g, undamped at first; d = g + μ·buf if nesterov; −lr·d."""
    del w, step, form
    lr, momentum = optimizer.number("lr"), optimizer.number("momentum")
    if not momentum:
        return working.write("update", "−{lr}·{g}", -(lr * g)), {}
    before = state.get("momentum_buffer")
    if before is None:
        buffer = working.write("buf", "{g}", g)
    elif optimizer.number("dampening"):
        kept = 1 - optimizer.number("dampening")
        buffer = working.write(
            "buf", "{momentum}·{buf} + (1 − {dampening})·{g}", momentum * before + kept * g
        )
    else:
        buffer = working.write("buf", "{momentum}·{buf} + {g}", momentum * before + g)
    after = {"momentum_buffer": buffer}
    if not optimizer.flag("nesterov"):
        return working.write("update", "−{lr}·{buf}", -(lr * buffer)), after
    direction = working.write("d", "{g} + {momentum}·{buf}", g + momentum * buffer)
    return working.write("update", "−{lr}·{d}", -(lr * direction)), after


def _adam(
    working: _Working[Numeric],
    optimizer: Optimizer,
    w: Numeric,
    g: Numeric,
    state: Mapping[str, Numeric],
    step: int,
    form: int,
) -> tuple[Numeric, Mapping[str, Numeric]]:
    """Adam: −lr·m̂/(√v̂ + ε) with corrected moments; AdamW first takes lr·λ·w off w."""
    lr, eps = optimizer.number("lr"), optimizer.number("eps")
    beta1, beta2 = optimizer.betas
    old_m, old_v = state["exp_avg"], state["exp_avg_sq"]
    m = working.write(
        "m",
        "{beta1}·{m} + (1 − {beta1})·{g}",
        beta1 * old_m + (1 - beta1) * g if form else old_m + (1 - beta1) * (g - old_m),
    )
    v = working.write(
        "v", "{beta2}·{v} + (1 − {beta2})·{g}²", beta2 * old_v + (1 - beta2) * (g * g)
    )
    after = {"exp_avg": m, "exp_avg_sq": v}
    c1 = working.factor("c₁", "1 − {beta1}^{t}", 1 - beta1**step)
    c2 = working.factor("c₂", "1 − {beta2}^{t}", 1 - beta2**step)
    name = "v"
    if optimizer.flag("amsgrad"):
        name = "v_max"
        v = working.write("v_max", "max({v_max}, {v})", maximum(state["max_exp_avg_sq"], v))
        after["max_exp_avg_sq"] = v
    root = sqrt(v / c2) if form else sqrt(v) / c2**0.5
    d = working.write("d", f"√({{{name}}}/{{c₂}}) + {{eps}}", root + eps)
    move_by = (lr / c1) * m / d
    decay = optimizer.number("weight_decay")
    if optimizer.name == "adamw" and decay:
        shrunk = (w - (lr * decay) * w) if form else w * (1 - lr * decay)
        formula = "−{lr}·{weight_decay}·{w} − {lr}/{c₁}·{m}/{d}"
        return working.write("update", formula, (shrunk - w) - move_by), after
    return working.write("update", "−{lr}/{c₁}·{m}/{d}", -move_by), after


def _rmsprop(
    working: _Working[Numeric],
    optimizer: Optimizer,
    w: Numeric,
    g: Numeric,
    state: Mapping[str, Numeric],
    step: int,
    form: int,
) -> tuple[Numeric, Mapping[str, Numeric]]:
    """RMSprop: s = α·s + (1 − α)·g²; −lr·g/(√s + ε), √(s − avg²) if centered."""
    del w, step
    lr, alpha, eps = (optimizer.number(name) for name in ("lr", "alpha", "eps"))
    s = working.write(
        "s", "{alpha}·{s} + (1 − {alpha})·{g}²", alpha * state["square_avg"] + (1 - alpha) * (g * g)
    )
    after = {"square_avg": s}
    if optimizer.flag("centered"):
        before = state["grad_avg"]
        average = working.write(
            "avg",
            "{alpha}·{avg} + (1 − {alpha})·{g}",
            alpha * before + (1 - alpha) * g if form else before + (1 - alpha) * (g - before),
        )
        after["grad_avg"] = average
        d = working.write("d", "√({s} − {avg}²) + {eps}", sqrt(s - average * average) + eps)
    else:
        d = working.write("d", "√{s} + {eps}", sqrt(s) + eps)
    momentum = optimizer.number("momentum")
    if not momentum:
        return working.write("update", "−{lr}·{g}/{d}", -(lr * g / d)), after
    buffer = working.write(
        "buf", "{momentum}·{buf} + {g}/{d}", momentum * state["momentum_buffer"] + g / d
    )
    after["momentum_buffer"] = buffer
    return working.write("update", "−{lr}·{buf}", -(lr * buffer)), after


def _adagrad(
    working: _Working[Numeric],
    optimizer: Optimizer,
    w: Numeric,
    g: Numeric,
    state: Mapping[str, Numeric],
    step: int,
    form: int,
) -> tuple[Numeric, Mapping[str, Numeric]]:
    """Adagrad: s = s + g²; −lr_t·g/(√s + ε) with lr_t = lr/(1 + (t − 1)·lr_decay)."""
    del w, form
    lr, eps = optimizer.number("lr"), optimizer.number("eps")
    rate, name = lr, "lr"
    if optimizer.number("lr_decay"):
        name = "lr_t"
        rate = working.factor(
            "lr_t",
            "{lr}/(1 + ({t} − 1)·{lr_decay})",
            lr / (1 + (step - 1) * optimizer.number("lr_decay")),
        )
    s = working.write("s", "{s} + {g}²", state["sum"] + g * g)
    d = working.write("d", "√{s} + {eps}", sqrt(s) + eps)
    return working.write("update", f"−{{{name}}}·{{g}}/{{d}}", -(rate * g / d)), {"sum": s}


STATE_SYMBOLS: Symbols = {
    "momentum_buffer": "buf",
    "exp_avg": "m",
    "exp_avg_sq": "v",
    "max_exp_avg_sq": "v_max",
    "square_avg": "s",
    "grad_avg": "avg",
    "sum": "s",
}
"""The formulas' names of what torch.optim keeps between steps."""

FORMS = 2
"""How many algebraically equal forms `move` knows."""

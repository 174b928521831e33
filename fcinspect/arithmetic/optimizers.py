"""The optimizers' updates as formulas: one text that is evaluated, shown and altered.

w is a parameter, g the gradient of the loss with respect to it, both of any shape; t counts the
steps from 1; the update is new − old. A rule is a sequence of lines; on the right of = a name
stands for its latest value, at first that of the step before. Source: the algorithm boxes in the
reference of torch.optim.SGD, Adam, AdamW, RMSprop and Adagrad.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any, Generic, cast

from fcinspect.arithmetic.settings import Optimizer
from fcinspect.rounding.functions import magnitude, maximum, sqrt
from fcinspect.rounding.running import Numeric

Symbols = Mapping[str, str]

SYMBOLS: Symbols = {
    "w": "old", "momentum": "μ", "dampening": "τ", "weight_decay": "λ", "beta1": "β₁",
    "beta2": "β₂", "alpha": "α", "eps": "ε",
}  # fmt: skip
"""How the quantities in formulas are written; names that are missing stand for themselves."""

KEPT: Mapping[str, Symbols] = {
    "sgd": {"momentum_buffer": "buf"},
    "adam": {"exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "v_max"},
    "adamw": {"exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "v_max"},
    "rmsprop": {"square_avg": "s", "grad_avg": "avg", "momentum_buffer": "buf"},
    "adagrad": {"sum": "s"},
}
"""What each optimizer keeps between steps, by torch.optim's names, and the formulas' names."""

STATE_SYMBOLS: Symbols = {name: symbol for kept in KEPT.values() for name, symbol in kept.items()}
"""The formulas' names of what torch.optim keeps between steps."""

FORMS = 2
"""How many algebraically equal forms of a rule, or of a loss's gradient, are evaluated."""

NAME = re.compile(r"\{([^}]+)\}")
"""A quantity's name in a formula."""


@dataclass(frozen=True)
class RuleLine:
    """One line of a rule: name = formula."""

    name: str
    formula: str
    """A template: names in braces, "{g} + {weight_decay}·{w}"."""
    computed: tuple[str, ...] = ()
    """How programs compute it where they differ from the formula, for each form."""

    def of_form(self, form: int) -> str:
        """Return the formula that is evaluated: programs differ in algebraically equal ways."""
        return self.computed[form] if form < len(self.computed) else self.formula


Lines = tuple[RuleLine, ...]


def rule_lines(optimizer: Optimizer, *, begun: bool) -> Lines:
    """Return the lines of one step; `begun`: SGD has a momentum buffer of an earlier one."""
    lines = []
    if optimizer.flag("maximize"):
        lines.append(RuleLine("g", "−{g}"))
    if optimizer.number("weight_decay") and optimizer.name != "adamw":
        lines.append(RuleLine("g", "{g} + {weight_decay}·{w}"))
    if optimizer.name == "sgd":
        return (*lines, *_sgd(optimizer, begun))
    rules = {"adam": _adam, "adamw": _adam, "rmsprop": _rmsprop, "adagrad": _adagrad}
    return (*lines, *rules[optimizer.name](optimizer))


def _sgd(optimizer: Optimizer, begun: bool) -> Iterator[RuleLine]:
    if not optimizer.number("momentum"):
        yield RuleLine("update", "−{lr}·{g}")
        return
    if not begun:
        yield RuleLine("buf", "{g}")
    elif optimizer.number("dampening"):
        yield RuleLine("buf", "{momentum}·{buf} + (1 − {dampening})·{g}")
    else:
        yield RuleLine("buf", "{momentum}·{buf} + {g}")
    if optimizer.flag("nesterov"):
        yield RuleLine("d", "{g} + {momentum}·{buf}")
        yield RuleLine("update", "−{lr}·{d}")
    else:
        yield RuleLine("update", "−{lr}·{buf}")


def _adam(optimizer: Optimizer) -> Iterator[RuleLine]:
    yield RuleLine("m", "{beta1}·{m} + (1 − {beta1})·{g}", ("{m} + (1 − {beta1})·({g} − {m})",))
    yield RuleLine("v", "{beta2}·{v} + (1 − {beta2})·{g}²")
    yield RuleLine("c₁", "1 − {beta1}^{t}")
    yield RuleLine("c₂", "1 − {beta2}^{t}")
    v = "v"
    if optimizer.flag("amsgrad"):
        v = "v_max"
        yield RuleLine("v_max", "max({v_max}, {v})")
    yield RuleLine("d", f"√({{{v}}}/{{c₂}}) + {{eps}}", (f"√{{{v}}}/{{c₂}}^0.5 + {{eps}}",))
    if optimizer.name == "adamw" and optimizer.number("weight_decay"):
        yield RuleLine(
            "update",
            "−{lr}·{weight_decay}·{w} − {lr}/{c₁}·{m}/{d}",
            (
                "({w}·(1 − {lr}·{weight_decay}) − {w}) − {lr}/{c₁}·{m}/{d}",
                "({w} − {lr}·{weight_decay}·{w} − {w}) − {lr}/{c₁}·{m}/{d}",
            ),
        )
    else:
        yield RuleLine("update", "−{lr}/{c₁}·{m}/{d}")


def _rmsprop(optimizer: Optimizer) -> Iterator[RuleLine]:
    yield RuleLine("s", "{alpha}·{s} + (1 − {alpha})·{g}²")
    if optimizer.flag("centered"):
        average = "{alpha}·{avg} + (1 − {alpha})·{g}"
        yield RuleLine("avg", average, ("{avg} + (1 − {alpha})·({g} − {avg})",))
        yield RuleLine("d", "√({s} − {avg}²) + {eps}")
    else:
        yield RuleLine("d", "√{s} + {eps}")
    if optimizer.number("momentum"):
        yield RuleLine("buf", "{momentum}·{buf} + {g}/{d}")
        yield RuleLine("update", "−{lr}·{buf}")
    else:
        yield RuleLine("update", "−{lr}·{g}/{d}")


def _adagrad(optimizer: Optimizer) -> Iterator[RuleLine]:
    rate = "lr"
    if optimizer.number("lr_decay"):
        rate = "lr_t"
        yield RuleLine("lr_t", "{lr}/(1 + ({t} − 1)·{lr_decay})")
    yield RuleLine("s", "{s} + {g}²")
    yield RuleLine("d", "√{s} + {eps}")
    yield RuleLine("update", f"−{{{rate}}}·{{g}}/{{d}}")


@dataclass(frozen=True)
class Quantity(Generic[Numeric]):
    """One line of the working: name = formula = value."""

    name: str
    formula: str
    """A template, as in RuleLine."""
    value: Numeric | float


@dataclass(frozen=True)
class StepOfOne(Generic[Numeric]):
    """What one step makes of one parameter."""

    update: Numeric
    """new − old, before new is rounded."""
    state: Mapping[str, Numeric]
    """The state after the step, as torch.optim names it."""
    working: tuple[Quantity[Numeric], ...]
    """Every quantity on the way, in order."""


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
    lines: Sequence[RuleLine] | None = None,
) -> StepOfOne[Numeric]:
    """Return the update of one parameter, given torch.optim's state, by `lines` or its own rule."""
    if lines is None:
        lines = rule_lines(optimizer, begun="momentum_buffer" in state)
    kept = KEPT[optimizer.name]
    values: dict[str, Numeric | float] = {**known_numbers(optimizer, step), "w": w, "g": g}
    values |= {kept[name]: value for name, value in state.items() if name in kept}
    working = []
    for line in lines:
        values[line.name] = evaluated(line.of_form(form), values)
        working.append(Quantity(line.name, line.formula, values[line.name]))
    written = {line.name for line in lines}
    after = {name: values[symbol] for name, symbol in kept.items() if symbol in written}
    return StepOfOne(
        cast("Numeric", values["update"]), cast("Mapping[str, Numeric]", after), tuple(working)
    )


def evaluated(formula: str, values: Mapping[str, Numeric | float]) -> Numeric | float:
    """Return the value of a formula, computed in the order in which it is written.

    Of x², |x|, √x and max(x, y), x and y are names in braces or expressions in parentheses.
    """
    found: Numeric | float = eval(_compiled(formula), FUNCTIONS, {"values": values})
    return found


FUNCTIONS: dict[str, Any] = {
    "__builtins__": {},
    "sqrt": sqrt,
    "max": maximum,
    "magnitude": magnitude,
    "square": lambda x: x * x,
}
SIGNS = str.maketrans({"·": "*", "−": "-", "^": "**", "√": "sqrt"})


@cache
def _compiled(formula: str) -> CodeType:
    written = re.sub(r"\|(.+?)\|", r"magnitude(\1)", formula)
    written = re.sub(r"(\{[^}]+\})²", r"square(\1)", written.translate(SIGNS))
    return compile(NAME.sub(r'(values["\1"])', written), formula, "eval")

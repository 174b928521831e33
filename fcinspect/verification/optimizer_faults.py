"""Rules that are not an optimizer's own, and yet computed in its place: one fault each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fcinspect.arithmetic.optimizers import Moved
from fcinspect.arithmetic.settings import Optimizer, Value
from fcinspect.rounding.functions import magnitude, maximum, sqrt
from fcinspect.rounding.running import Running
from fcinspect.verification.update import Rule, rule_of


def faulty_rules(optimizer: Optimizer) -> Iterator[tuple[str, Rule]]:
    """Yield the words of a fault and the rule it makes, plain faults first."""
    right = rule_of(optimizer)
    yield "the step was not applied", _scaled(right, 0.0)
    yield "the step was applied twice", _twice(right)
    yield "the sign is wrong: it climbs instead of descending", _scaled(right, -1.0)
    yield "the gradient was accumulated: twice the gradient", _with_gradient(right, 2.0)
    yield from _options_ignored(optimizer)
    yield from _steps_miscounted(optimizer, right)
    yield from _decays(optimizer)
    if optimizer.name == "sgd":
        yield from _sgd(optimizer)
    elif optimizer.name in ("adam", "adamw"):
        yield from _adam(optimizer)
    elif optimizer.name == "rmsprop":
        yield from _rmsprop(optimizer)
    else:
        yield from _adagrad(optimizer)
    factors = (
        (10.0, "ten times"), (0.1, "a tenth of"), (2.0, "twice"), (0.5, "half of"),
        (100.0, "a hundred times"), (0.01, "a hundredth of"),
    )  # fmt: skip
    for factor, words in factors:
        yield f"the learning rate is {words} what was given", _scaled_rate(optimizer, factor)
    if optimizer.options.get("momentum"):
        # what is left of a buffer that is not kept
        yield "the state is not kept between steps", _forgetful(right)
    elif optimizer.name != "sgd":
        yield "the state is not kept between steps", _forgetful(right)
        yield "the state is not kept between steps", _beginning_anew(right)


def with_options(optimizer: Optimizer, **changed: Value) -> Optimizer:
    """Return the optimizer with other values of its options."""
    return Optimizer(optimizer.name, {**optimizer.options, **changed})


def _scaled(rule: Rule, factor: float) -> Rule:
    def altered(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        moved = rule(w, g, state, step, form)
        # an exact factor: no rounding of its own
        update = Running(
            moved.update.value * factor, moved.update.error * abs(factor), moved.update.format
        )
        return Moved(update, moved.state, ())

    return altered


def _scaled_rate(optimizer: Optimizer, factor: float) -> Rule:
    return rule_of(with_options(optimizer, lr=optimizer.number("lr") * factor))


def _twice(rule: Rule) -> Rule:
    def altered(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        first = rule(w, g, state, step, form)
        middle = w + first.update
        second = rule(middle, g, first.state, step + 1, form)
        return Moved((middle - w) + second.update, second.state, ())

    return altered


def _with_gradient(rule: Rule, factor: float) -> Rule:
    return lambda w, g, state, step, form: rule(w, factor * g, state, step, form)


def _forgetful(rule: Rule) -> Rule:
    def altered(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        fresh = {name: 0.0 * held for name, held in state.items() if name != "momentum_buffer"}
        return Moved(rule(w, g, fresh, step, form).update, fresh, ())

    return altered


def _beginning_anew(rule: Rule) -> Rule:
    forgetful = _forgetful(rule)
    return lambda w, g, state, step, form: forgetful(w, g, state, 1, form)


def _options_ignored(optimizer: Optimizer) -> Iterator[tuple[str, Rule]]:
    off: dict[str, tuple[Value, str]] = {
        "nesterov": (False, "nesterov is ignored"),
        "dampening": (0.0, "dampening is ignored"),
        "momentum": (0.0, "momentum is ignored"),
        "maximize": (False, "maximize is ignored"),
        "amsgrad": (False, "amsgrad is ignored"),
        "centered": (False, "centered is ignored"),
        "weight_decay": (0.0, "weight decay is ignored"),
        "lr_decay": (0.0, "lr_decay is ignored"),
        "initial_accumulator_value": (0.0, "initial_accumulator_value is ignored"),
    }
    for option, (value, words) in off.items():
        if optimizer.options.get(option):
            changed: dict[str, Value] = {option: value}
            if option == "momentum" and "nesterov" in optimizer.options:
                changed["nesterov"] = False
            yield words, rule_of(with_options(optimizer, **changed))
    known = optimizer.options
    if known.get("momentum") and not known.get("dampening") and known.get("nesterov") is False:
        yield "nesterov is used", rule_of(with_options(optimizer, nesterov=True))
    if "betas" in optimizer.options:
        swapped = with_options(optimizer, betas=optimizer.betas[::-1])
        yield "β₁ and β₂ are exchanged", rule_of(swapped)
    if "alpha" in optimizer.options:
        other = with_options(optimizer, alpha=1 - optimizer.number("alpha"))
        yield "α stands for the share of the new gradient: 1 − α is used", rule_of(other)


def _steps_miscounted(optimizer: Optimizer, rule: Rule) -> Iterator[tuple[str, Rule]]:
    if optimizer.name in ("adam", "adamw", "adagrad"):
        yield "steps are counted from 2", lambda w, g, s, t, form: rule(w, g, s, t + 1, form)
        yield "the step counter stays at 1", lambda w, g, s, t, form: rule(w, g, s, 1, form)


def _decays(optimizer: Optimizer) -> Iterator[tuple[str, Rule]]:
    """Yield weight decay in the wrong place or of the wrong size."""
    decay = optimizer.number("weight_decay")
    if not decay:
        return
    lr = optimizer.number("lr")
    bare = rule_of(with_options(optimizer, weight_decay=0.0))

    def decoupled(by: float) -> Rule:
        def altered(
            w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
        ) -> Moved[Running]:
            moved = bare(w, g, state, step, form)
            return Moved((w * (1 - by) - w) + moved.update, moved.state, ())

        return altered

    if optimizer.name == "adamw":
        coupled = Optimizer("adam", optimizer.options)
        yield "weight decay is coupled: added to the gradient, as in Adam", rule_of(coupled)
    else:
        words = "weight decay is decoupled: taken off the parameter, as in AdamW"
        yield words, decoupled(lr * decay)
    yield "weight decay is not multiplied by the learning rate", decoupled(decay)
    negative = with_options(optimizer, weight_decay=-decay)
    yield "weight decay has the wrong sign", rule_of(negative)
    yield "weight decay is doubled", rule_of(with_options(optimizer, weight_decay=2 * decay))
    yield "weight decay is halved", rule_of(with_options(optimizer, weight_decay=decay / 2))


def _sgd(optimizer: Optimizer) -> Iterator[tuple[str, Rule]]:
    lr, momentum = optimizer.number("lr"), optimizer.number("momentum")
    if not momentum:
        return
    dampening, decay = optimizer.number("dampening"), optimizer.number("weight_decay")

    def with_decay(w: Running, g: Running) -> Running:
        g = -g if optimizer.flag("maximize") else g
        return g + decay * w if decay else g

    def damped(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        g = with_decay(w, g)
        old = state.get("momentum_buffer")
        kept = (1 - dampening) * g
        buffer = kept if old is None else momentum * old + kept
        d = g + momentum * buffer if optimizer.flag("nesterov") else buffer
        return Moved(-(lr * d), {"momentum_buffer": buffer}, ())

    def averaged(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        g = with_decay(w, g)
        old = state.get("momentum_buffer")
        buffer = (1 - momentum) * g if old is None else momentum * old + (1 - momentum) * g
        return Moved(-(lr * buffer), {"momentum_buffer": buffer}, ())

    def averaged_later(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        old = state.get("momentum_buffer")
        return averaged(w, g, state, step, form) if old is not None else damped_first(w, g)

    def damped_first(w: Running, g: Running) -> Moved[Running]:
        g = with_decay(w, g)
        return Moved(-(lr * g), {"momentum_buffer": g}, ())

    def lagging(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        """The buffer before this gradient moves the parameter."""
        g = with_decay(w, g)
        old = state.get("momentum_buffer")
        buffer = g if old is None else momentum * old + (1 - dampening) * g
        return Moved(-(lr * (0.0 * g if old is None else old)), {"momentum_buffer": buffer}, ())

    def without_gradient(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        """Nesterov's μ·buf without the g before it."""
        buffer = damped_first(w, g).state["momentum_buffer"]
        old = state.get("momentum_buffer")
        if old is not None:
            buffer = momentum * old + (1 - dampening) * buffer
        return Moved(-(lr * (momentum * buffer)), {"momentum_buffer": buffer}, ())

    if optimizer.flag("nesterov"):
        yield "nesterov forgets the gradient: μ·buf instead of g + μ·buf", without_gradient
    if dampening:
        yield "dampening is applied at the first step too", damped
    yield "momentum averages: the gradient is multiplied by 1 − μ", averaged
    yield "momentum averages from the second step on: 1 − μ", averaged_later
    yield "the momentum of the step before is used", lagging


def _adam(optimizer: Optimizer) -> Iterator[tuple[str, Rule]]:
    lr, eps = optimizer.number("lr"), optimizer.number("eps")
    beta1, beta2 = optimizer.betas
    decay = optimizer.number("weight_decay")

    def altered(kind: str) -> Rule:
        def rule(
            w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
        ) -> Moved[Running]:
            g = -g if optimizer.flag("maximize") else g
            if decay and optimizer.name == "adam":
                g = g + decay * w
            share = 1.0 if kind == "sum" else 1 - beta1
            m = beta1 * state["exp_avg"] + share * g
            squared = magnitude(g) if kind == "plain" else g * g
            v = beta2 * state["exp_avg_sq"] + (1 - beta2) * squared
            c1 = 1.0 if kind in ("none", "first") else 1 - beta1**step
            c2 = 1.0 if kind in ("none", "second") else 1 - beta2**step
            after = {"exp_avg": m, "exp_avg_sq": v}
            if optimizer.flag("amsgrad"):
                v = maximum(state["max_exp_avg_sq"], v)
                after["max_exp_avg_sq"] = v
            scaled = v / c2 if c2 != 1.0 else v
            d = sqrt(scaled) + eps
            if kind == "inside":
                d = sqrt(scaled + eps)
            elif kind == "hat":
                d = (sqrt(v) + eps) * (1 / c2**0.5)
            elif kind == "no root":
                d = scaled + eps
            elif kind == "no eps":
                d = sqrt(scaled)
            top = g if kind == "gradient" else m
            update = -(((lr / c1) * top) / d)
            if decay and optimizer.name == "adamw" and kind == "behind":
                update = (w + update) * (1 - lr * decay) - w
            elif decay and optimizer.name == "adamw":
                update = (w * (1 - lr * decay) - w) + update
            return Moved(update, after, ())

        return rule

    yield "bias correction is missing", altered("none")
    yield "the first moment is not corrected", altered("first")
    yield "the second moment is not corrected", altered("second")
    yield "ε stands inside the root", altered("inside")
    yield "ε is not scaled: it is added before the correction", altered("hat")
    yield "ε is left out", altered("no eps")
    yield "the root of the second moment is missing", altered("no root")
    yield "the second moment holds |g| instead of g²", altered("plain")
    yield "the gradient is used instead of the first moment", altered("gradient")
    yield "the first moment adds gradients up instead of averaging them", altered("sum")
    if decay and optimizer.name == "adamw":
        yield "weight decay shrinks the new parameter instead of the old one", altered("behind")


def _rmsprop(optimizer: Optimizer) -> Iterator[tuple[str, Rule]]:
    lr, alpha, eps = (optimizer.number(name) for name in ("lr", "alpha", "eps"))
    momentum, decay = optimizer.number("momentum"), optimizer.number("weight_decay")

    def altered(kind: str) -> Rule:
        def rule(
            w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
        ) -> Moved[Running]:
            g = -g if optimizer.flag("maximize") else g
            g = g + decay * w if decay else g
            s = alpha * state["square_avg"] + (1 - alpha) * (g * g)
            if kind == "late":
                s = state["square_avg"]
            after = {"square_avg": alpha * state["square_avg"] + (1 - alpha) * (g * g)}
            inner = s
            if optimizer.flag("centered"):
                average = alpha * state["grad_avg"] + (1 - alpha) * g
                after["grad_avg"] = average
                inner = s - average * average
            d = {
                "inside": lambda: sqrt(inner + eps),
                "no root": lambda: inner + eps,
                "no eps": lambda: sqrt(inner),
            }.get(kind, lambda: sqrt(inner) + eps)()
            moved = g / d
            if momentum:
                moved = momentum * state["momentum_buffer"] + moved
                after["momentum_buffer"] = moved
            return Moved(-(lr * moved), after, ())

        return rule

    yield "ε stands inside the root", altered("inside")
    yield "ε is left out", altered("no eps")
    yield "the root is missing", altered("no root")
    yield "the mean square of the step before is used", altered("late")


def _adagrad(optimizer: Optimizer) -> Iterator[tuple[str, Rule]]:
    lr, eps, slower = (optimizer.number(name) for name in ("lr", "eps", "lr_decay"))
    decay = optimizer.number("weight_decay")

    def altered(kind: str) -> Rule:
        def rule(
            w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
        ) -> Moved[Running]:
            g = -g if optimizer.flag("maximize") else g
            g = g + decay * w if decay else g
            s = state["sum"] + (magnitude(g) if kind == "plain" else g * g)
            d = {
                "inside": lambda: sqrt(s + eps),
                "mean": lambda: sqrt(s / float(step)) + eps,
                "no root": lambda: s + eps,
                "late": lambda: sqrt(state["sum"]) + eps,
                "no eps": lambda: sqrt(s),
                "now": lambda: sqrt(g * g) + eps,
                "plain": lambda: sqrt(s) + eps,
            }[kind]()
            return Moved(-((lr / (1 + (step - 1) * slower)) * g / d), {"sum": s}, ())

        return rule

    yield "ε stands inside the root", altered("inside")
    yield "squares are averaged instead of added", altered("mean")
    yield "the root is missing", altered("no root")
    yield "the sum of the step before is used", altered("late")
    yield "ε is left out", altered("no eps")
    yield "only the last square is used", altered("now")
    yield "the sum holds |g| instead of g²", altered("plain")


def plain(optimizer: Optimizer) -> Rule:
    """Return plain gradient descent with the optimizer's learning rate."""
    lr = optimizer.number("lr")

    def rule(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> Moved[Running]:
        return Moved(-(lr * g), state, ())

    return rule

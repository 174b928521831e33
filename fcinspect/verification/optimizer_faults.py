"""Rules with one fault each, computed instead of an optimizer's own rule.

A fault replaces formulas, adds or moves a line, changes an option, or wraps the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fcinspect.arithmetic.optimizers import Lines, RuleLine, StepOfOne, rule_lines
from fcinspect.arithmetic.settings import Optimizer, Value
from fcinspect.rounding.running import Running
from fcinspect.verification.propagation import Rule, rule_of

State = Mapping[str, Running]
Moved = StepOfOne[Running]
Faults = Iterator[tuple[str, Rule]]
"""The words of each fault and the rule it makes."""
Formulas = Mapping[str, str]
"""Formulas by the name of the line where they replace the rule's."""


def faulty_rules(optimizer: Optimizer) -> Faults:
    """Yield the words of a fault and the rule it makes, plain faults first."""
    right = rule_of(optimizer)
    yield "the step was not applied", _not_applied(right)
    yield "the step was applied twice", _twice(right)
    climbing, doubled = RuleLine("update", "−{update}"), RuleLine("g", "2·{g}")
    words = "the sign is wrong: the step ascends instead of descending"
    yield words, rule_of(optimizer, lambda lines, begun: (*lines, climbing))
    words = "the gradient was accumulated: it is doubled"
    yield words, rule_of(optimizer, lambda lines, begun: (doubled, *lines))
    yield from _options_ignored(optimizer)
    if optimizer.name in ("adam", "adamw", "adagrad"):
        yield "steps are counted from 2", lambda w, g, s, t, form: right(w, g, s, t + 1, form)
        yield "the step counter stays at 1", lambda w, g, s, t, form: right(w, g, s, 1, form)
    yield from _decays(optimizer)
    own = {"sgd": _sgd, "adam": _adam, "adamw": _adam, "rmsprop": _rmsprop, "adagrad": _adagrad}
    yield from own[optimizer.name](optimizer)
    factors = (
        (10.0, "ten times"), (0.1, "a tenth of"), (2.0, "twice"), (0.5, "half"),
        (100.0, "a hundred times"), (0.01, "a hundredth of"),
    )  # fmt: skip
    for factor, words in factors:
        scaled = with_options(optimizer, lr=optimizer.number("lr") * factor)
        yield f"the learning rate is {words} what was given", rule_of(scaled)
    if optimizer.name != "sgd" or optimizer.number("momentum"):
        yield "the state is not kept between steps", _forgetful(right)
    if optimizer.name != "sgd" and not optimizer.options.get("momentum"):
        anew = _forgetful(right)
        words = "the state is not kept between steps"
        yield words, lambda w, g, s, t, form: anew(w, g, s, 1, form)


def plain_descent(optimizer: Optimizer) -> Rule:
    """Return plain gradient descent with the optimizer's learning rate."""
    return rule_of(optimizer, lambda lines, begun: (RuleLine("update", "−{lr}·{g}"),))


def with_options(optimizer: Optimizer, **changed: Value) -> Optimizer:
    """Return the optimizer with other values of its options."""
    return Optimizer(optimizer.name, {**optimizer.options, **changed})


def _replaced(
    optimizer: Optimizer, formulas: Formulas, first: Formulas | None = None, *, last: str = ""
) -> Rule:
    """Return the rule, computed as it is written, with these formulas in it.

    `first`: those of the first step, where they are others. The line called `last` comes last.
    """

    def altered(lines: Lines, begun: bool) -> Lines:
        chosen = formulas if begun or first is None else first
        found = [RuleLine(line.name, chosen.get(line.name, line.formula)) for line in lines]
        return tuple(sorted(found, key=lambda line: line.name == last))

    return rule_of(optimizer, altered)


def _not_applied(rule: Rule) -> Rule:
    def altered(w: Running, g: Running, state: State, step: int, form: int) -> Moved:
        moved = rule(w, g, state, step, form)
        # exactly nothing: no rounding of its own
        update = Running(moved.update.value * 0.0, moved.update.error * 0.0, w.format)
        return StepOfOne(update, moved.state, ())

    return altered


def _twice(rule: Rule) -> Rule:
    def altered(w: Running, g: Running, state: State, step: int, form: int) -> Moved:
        first = rule(w, g, state, step, form)
        middle = w + first.update
        second = rule(middle, g, first.state, step + 1, form)
        return StepOfOne((middle - w) + second.update, second.state, ())

    return altered


def _forgetful(rule: Rule) -> Rule:
    def altered(w: Running, g: Running, state: State, step: int, form: int) -> Moved:
        # momentum alone begins without a buffer, other rules with one of zeros
        fresh = {
            name: 0.0 * held
            for name, held in state.items()
            if name != "momentum_buffer" or len(state) > 1
        }
        return StepOfOne(rule(w, g, fresh, step, form).update, fresh, ())

    return altered


def _options_ignored(optimizer: Optimizer) -> Faults:
    known = optimizer.options
    for option in (
        "nesterov", "dampening", "momentum", "maximize", "amsgrad", "centered", "weight_decay",
        "lr_decay", "initial_accumulator_value",
    ):  # fmt: skip
        if known.get(option):
            changed: dict[str, Value] = {option: False if known[option] is True else 0.0}
            if option == "momentum" and "nesterov" in known:
                changed["nesterov"] = False
            words = option.replace("weight_decay", "weight decay")
            yield f"{words} is ignored", rule_of(with_options(optimizer, **changed))
    if known.get("momentum") and not known.get("dampening") and known.get("nesterov") is False:
        yield "nesterov is used", rule_of(with_options(optimizer, nesterov=True))
    if "betas" in known:
        swapped = with_options(optimizer, betas=optimizer.betas[::-1])
        yield "β₁ and β₂ are swapped", rule_of(swapped)
    if "alpha" in known:
        other = with_options(optimizer, alpha=1 - optimizer.number("alpha"))
        yield "α weights the new gradient instead of the average: 1 − α is used", rule_of(other)


def _decays(optimizer: Optimizer) -> Faults:
    decay = optimizer.number("weight_decay")
    if not decay:
        return
    bare = with_options(optimizer, weight_decay=0.0)

    def decoupled(share: str) -> Rule:
        shrunk = RuleLine("update", f"({{w}}·(1 − {share}) − {{w}}) + {{update}}")
        return rule_of(optimizer, lambda lines, begun: (*rule_lines(bare, begun=begun), shrunk))

    if optimizer.name == "adamw":
        coupled = Optimizer("adam", optimizer.options)
        yield "weight decay is coupled: added to the gradient, as in Adam", rule_of(coupled)
    else:
        words = "weight decay is decoupled: subtracted from the parameter, as in AdamW"
        yield words, decoupled("{lr}·{weight_decay}")
    yield "weight decay is not multiplied by the learning rate", decoupled("{weight_decay}")
    for factor, words in ((-1.0, "has the wrong sign"), (2.0, "is doubled"), (0.5, "is halved")):
        other = with_options(optimizer, weight_decay=factor * decay)
        yield f"weight decay {words}", rule_of(other)


def _sgd(optimizer: Optimizer) -> Faults:
    if not optimizer.number("momentum"):
        return
    damped = "{momentum}·{buf} + (1 − {dampening})·{g}"
    share, of_buffer = "(1 − {momentum})·{g}", {"update": "−{lr}·{buf}"}
    averaged = {"buf": f"{{momentum}}·{{buf}} + {share}", **of_buffer}
    if optimizer.flag("nesterov"):
        words = "nesterov omits the gradient: μ·buf instead of g + μ·buf"
        update = {"update": "−{lr}·({momentum}·{buf})"}
        yield words, _replaced(optimizer, {"buf": damped, **update}, update)
    if optimizer.number("dampening"):
        words = "dampening is applied in the first step too"
        yield words, _replaced(optimizer, {"buf": damped}, {"buf": "(1 − {dampening})·{g}"})
    words = "momentum averages: the gradient is multiplied by 1 − μ"
    yield words, _replaced(optimizer, averaged, {"buf": share, **of_buffer})
    words = "momentum averages from the second step on: 1 − μ"
    yield words, _replaced(optimizer, averaged, of_buffer)
    # nesterov's line is left without a part: nothing looks ahead
    lagging = {"buf": damped, "d": "{g}", **of_buffer}
    first = {"d": "{g}", "update": "−{lr}·(0·{g})"}
    words = "the momentum of the previous step is used"
    yield words, _replaced(optimizer, lagging, first, last="buf")


def _adam(optimizer: Optimizer) -> Faults:
    v = "{v_max}" if optimizer.flag("amsgrad") else "{v}"
    decoupled = optimizer.name == "adamw" and optimizer.number("weight_decay")
    shrinking = "({w}·(1 − {lr}·{weight_decay}) − {w}) − " if decoupled else "−"

    def altered(top: str = "{lr}/{c₁}·{m}", **formulas: str) -> Rule:
        return _replaced(optimizer, {"update": f"{shrinking}{top}/{{d}}", **formulas})

    uncorrected = f"√{v} + {{eps}}"
    yield "bias correction is missing", altered("{lr}·{m}", d=uncorrected)
    yield "the first moment is not corrected", altered("{lr}·{m}")
    yield "the second moment is not corrected", altered(d=uncorrected)
    yield "ε is inside the square root", altered(d=f"√({v}/{{c₂}} + {{eps}})")
    words = "ε is not scaled: it is added before the correction"
    yield words, altered(d=f"({uncorrected})·(1/{{c₂}}^0.5)")
    yield "ε is left out", altered(d=f"√({v}/{{c₂}})")
    yield "the square root of the second moment is missing", altered(d=f"{v}/{{c₂}} + {{eps}}")
    words = "the second moment holds |g| instead of g²"
    yield words, altered(v="{beta2}·{v} + (1 − {beta2})·|{g}|")
    yield "the gradient is used instead of the first moment", altered("{lr}/{c₁}·{g}")
    words = "the first moment sums gradients instead of averaging them"
    yield words, altered(m="{beta1}·{m} + 1·{g}")
    if decoupled:
        words = "weight decay shrinks the new parameter instead of the old one"
        behind = "({w} − {lr}/{c₁}·{m}/{d})·(1 − {lr}·{weight_decay}) − {w}"
        yield words, altered(update=behind)


def _rmsprop(optimizer: Optimizer) -> Faults:
    inner = "({s} − {avg}²)" if optimizer.flag("centered") else "{s}"
    divided = {} if optimizer.number("momentum") else {"update": "−{lr}·({g}/{d})"}

    def with_divisor(formula: str) -> Rule:
        return _replaced(optimizer, {"d": formula, **divided})

    yield "ε is inside the square root", with_divisor(f"√({inner} + {{eps}})")
    yield "ε is left out", with_divisor(f"√{inner}")
    yield "the square root is missing", with_divisor(f"{inner} + {{eps}}")
    words = "the mean square of the previous step is used"
    yield words, _replaced(optimizer, divided, last="s")


def _adagrad(optimizer: Optimizer) -> Faults:
    def with_divisor(formula: str) -> Rule:
        return _replaced(optimizer, {"d": formula})

    yield "ε is inside the square root", with_divisor("√({s} + {eps})")
    yield "squares are averaged instead of summed", with_divisor("√({s}/{t}) + {eps}")
    yield "the square root is missing", with_divisor("{s} + {eps}")
    yield "the sum of the previous step is used", _replaced(optimizer, {}, last="s")
    yield "ε is left out", with_divisor("√{s}")
    yield "only the last square is used", with_divisor("√({g}²) + {eps}")
    yield "the sum holds |g| instead of g²", _replaced(optimizer, {"s": "{s} + |{g}|"})

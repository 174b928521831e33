"""The words for a slip, as a teacher would say it to a pupil."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from fcinspect.verification.examples.interval import DOWN
from fcinspect.verification.examples.slips import Slip
from fcinspect.worksheets.as_example import sheet_words
from fcinspect.worksheets.problem import Problem


def pupil_words(slip: Slip, problem: Problem) -> str:
    """Return what went wrong, in the names of the sheet."""
    told = _WORDS.get(slip.kind)
    if told is not None:
        words = told(slip, problem)
        if words is not None:
            return words
    return sheet_words(slip.words, problem)


def _name(slip: Slip, problem: Problem) -> str:
    return "every layer" if slip.layer is None else problem.layers[slip.layer].name


def _activation(slip: Slip, problem: Problem) -> str | None:
    name = _name(slip, problem)
    if slip.name == "identity":
        return f"the {problem.activation} of {name} is forgotten"
    if slip.layer == len(problem.layers) - 1:
        return f"a {slip.name} is applied behind {name}, which has none"
    return f"{slip.name} is applied behind {name}, not {problem.activation}"


def _derivative(slip: Slip, problem: Problem) -> str:
    forgotten = "mask" if problem.activation == "relu" else "derivative"
    activation = f"the {problem.activation} of {_name(slip, problem)}"
    return f"the {forgotten} of {activation} is forgotten on the way back"


def _derivative_is_activation(slip: Slip, problem: Problem) -> str:
    name = _name(slip, problem)
    return f"the gradient is multiplied by {name}.a itself, not by 1 where {name}.z > 0"


def _inverted(slip: Slip, problem: Problem) -> str:
    return f"the mask of the relu of {_name(slip, problem)} is 1 where it should be 0"


def _relu_of_gradient(slip: Slip, problem: Problem) -> str:
    name = _name(slip, problem)
    return f"the gradient is let through where it is above 0, not where {name}.z is"


def _not_activated(slip: Slip, problem: Problem) -> str:
    assert slip.layer is not None
    names = [layer.name for layer in problem.layers[slip.layer - 1 : slip.layer + 1]]
    return f"{names[1]}.z is computed with {names[0]}.z, not with {names[0]}.a"


def _gradient_not_activated(slip: Slip, problem: Problem) -> str:
    assert slip.layer is not None
    names = [layer.name for layer in problem.layers[slip.layer - 1 : slip.layer + 1]]
    return f"{names[1]}.weight.grad is computed with {names[0]}.z, not with {names[0]}.a"


def _loss_factor(slip: Slip, problem: Problem) -> str | None:
    count = Decimal(problem.widths[-1])
    if slip.factor == count:
        return f"the loss is not divided by N = {count}"
    if slip.factor == Decimal("0.5"):
        return "the loss is halved"
    if slip.factor == 2:
        return "the loss is doubled"
    return None


def _gradient_factor(slip: Slip, problem: Problem) -> str | None:
    count = Decimal(problem.widths[-1])
    if slip.factor == -1:
        return "target − output is taken for output − target: the sign of the gradient is reversed"
    # N = 2: without 2/N nothing changes, and without one of the two it is told by its factor
    if slip.factor == Decimal("0.5"):
        return "the 2 of 2/N is forgotten in the gradient of the loss"
    if slip.factor == count:
        return f"the gradient of the loss is not divided by N = {count}"
    if slip.factor == DOWN.divide(count, Decimal(2)):
        return "the factor 2/N is forgotten in the gradient of the loss"
    return None


def _step(slip: Slip, problem: Problem) -> str | None:
    rate = problem.learning_rate
    if slip.factor == -1:
        return "lr times the gradient is added, not subtracted"
    if slip.factor and Fraction(slip.factor) * rate == 1:
        return "the learning rate is forgotten"
    return None


def _bias_takes_weights(slip: Slip, problem: Problem) -> str:
    name, column = _name(slip, problem), slip.pair[0]
    return f"the bias of {name} is changed by the gradient of weight[·,{column}]"


_WORDS: dict[str, Callable[[Slip, Problem], str | None]] = {
    "activation is": _activation,
    "derivative missing": _derivative,
    "derivative is activation": _derivative_is_activation,
    "derivative inverted": _inverted,
    "activation of gradient": _relu_of_gradient,
    "input not activated": _not_activated,
    "gradient from input not activated": _gradient_not_activated,
    "loss times": _loss_factor,
    "gradient times": _gradient_factor,
    "step times": _step,
    "bias takes weight gradient": _bias_takes_weights,
}

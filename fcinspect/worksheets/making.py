"""Making a worksheet's problem from its options.

Numbers are drawn until the sheet is worth working out. With relu its whole numbers stay short, the
relu of every hidden layer lets some units through and holds others back, and a slip such as a
forgotten bias, a transposed weight or a forgotten mask changes a result. With sigmoid and tanh,
units are drawn until every hidden z lies where the activation bends; then whole targets near the
outputs, and the whole again until no gradient is rounded to 0 and a step of SGD lowers the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from fcinspect.errors import SpecError
from fcinspect.layers.linear import layer_names
from fcinspect.layers.spec import format_widths
from fcinspect.worksheets.drawing import (
    LARGEST_OUTPUT,
    LARGEST_Z,
    RATES,
    Draws,
    Lacks,
    Whole,
    around_zero,
    exact,
    first_rate,
    layer_lacks,
    least_lacking,
    lowers,
    network_lacks,
    smooth_lacks,
    unit_lacks,
)
from fcinspect.worksheets.numbers import rounded
from fcinspect.worksheets.passes import Passed, backward, forward, worked_exactly
from fcinspect.worksheets.problem import Problem, SheetLayer, SheetOptions, Vector
from fcinspect.worksheets.sheet import require_paper

LAYER_TRIES = 60
"""How often one layer is drawn anew before its best is taken."""
WEIGHTS_DRAWN = 2000
"""About so many weights are drawn for the whole: small networks are drawn more often."""
UNIT_TRIES = 60
"""How often the weights of one unit behind sigmoid or tanh are drawn anew."""
NETWORK_TRIES = 60


def make(options: SheetOptions) -> Problem:
    """Return the problem of these options.

    The hidden layers' sigmoid or tanh needs `decimals`, to which every result is rounded. Raises
    UsageError for an unknown kind, SpecError for what does not fit on paper, and for a sigmoid or
    tanh without hidden layers.
    """
    require_paper(options.kind, options.widths, options.bias)
    return replace(_made(replace(options, kind="")), kind=options.kind)


@lru_cache(maxsize=64)
def _made(options: SheetOptions) -> Problem:
    """Return the problem of no kind; the sheets of a class have many in common."""
    widths = options.widths
    smooth = f"{options.activation}:" if options.decimals is not None else ""
    if smooth and len(widths) < 3:
        raise SpecError(
            f"{format_widths(widths)} has no hidden layer for {options.activation}: expected at"
            " least three widths, such as 3-2-2"
        )
    written = f"{format_widths(widths)}:{'b' if options.bias else '-'}:{options.seed}"
    draws = Draws(f"fcinspect worksheet 1:{smooth}{written}")
    if smooth:
        return least_lacking(_smooth_attempt(draws, options) for _ in range(NETWORK_TRIES))
    tries = 20 + WEIGHTS_DRAWN // sum(n * m for n, m in pairwise(widths))
    return _problem(options, *least_lacking(_attempt(draws, options) for _ in range(tries)))


def _problem(
    options: SheetOptions,
    layers: Sequence[SheetLayer[int]] | Sequence[SheetLayer[Fraction]],
    x: Whole | Vector,
    target: Whole | Vector,
    rate: Fraction,
) -> Problem:
    """Return the problem in exact numbers."""
    held: tuple[SheetLayer[Fraction], ...] = tuple(
        SheetLayer(
            layer.name,
            tuple(map(exact, layer.weight)),
            None if layer.bias is None else exact(layer.bias),
            layer.activation,
        )
        for layer in layers
    )
    kind, widths, seed = options.kind, options.widths, options.seed
    return Problem(kind, widths, seed, held, exact(x), exact(target), "mse", rate, options.decimals)


def _attempt(
    draws: Draws, options: SheetOptions
) -> tuple[tuple[Sequence[SheetLayer[int]], Whole, Whole, Fraction], Lacks]:
    """Draw x, then layer by layer W row by row and b, then the errors y − t.

    Return the layers, x, the target and the learning rate.
    """
    widths = options.widths
    entering = x = draws.row(widths[0], around_zero(3))
    layers: list[SheetLayer[int]] = []
    passed: list[Passed[int]] = []
    for name, outputs in zip(layer_names(len(widths) - 1), widths[1:], strict=True):
        activation = "relu" if len(layers) < len(widths) - 2 else "identity"
        layer, here = _layer(draws, entering, outputs, name, activation, options.bias)
        layers.append(layer)
        passed.append(here)
        entering = here.a
    outputs = len(entering)
    step = outputs if outputs % 2 else outputs // 2
    errors = draws.row(outputs, [step * n for n in around_zero(3 if step == 1 else 1)])
    target = tuple(y - error for y, error in zip(entering, errors, strict=True))
    arrives = tuple(2 * error // outputs for error in errors)
    gradients = backward(layers, passed, arrives)
    after = first_rate(layers, passed, gradients, target)
    rate = RATES[-1] if after is None else after[0]
    return (layers, x, target, rate), network_lacks(layers, passed, gradients, after)


def _layer(
    draws: Draws, x: Whole, outputs: int, name: str, activation: str, bias: bool
) -> tuple[SheetLayer[int], Passed[int]]:
    """Return the first layer of LAYER_TRIES that lacks nothing, or the one that lacks least."""

    def attempt() -> tuple[tuple[SheetLayer[int], Passed[int]], Lacks]:
        weight = tuple(draws.row(len(x), around_zero(2)) for _ in range(outputs))
        held = draws.row(outputs, around_zero(3)) if bias else None
        layer = SheetLayer(name, weight, held, activation)
        here = forward((layer,), x)[0]
        return (layer, here), layer_lacks(layer, here)

    return least_lacking(attempt() for _ in range(LAYER_TRIES))


def _smooth_attempt(draws: Draws, options: SheetOptions) -> tuple[Problem, Lacks]:
    """Draw x, then unit by unit its weights and its bias, then the targets."""
    widths = options.widths
    entering = x = exact(draws.row(widths[0], around_zero(3)))
    layers: list[SheetLayer[Fraction]] = []
    for name, outputs in zip(layer_names(len(widths) - 1), widths[1:], strict=True):
        last = len(layers) == len(widths) - 2
        limit = LARGEST_OUTPUT if last else LARGEST_Z[options.activation]
        weight, bias = _units(draws, entering, outputs, options.bias, limit)
        layers.append(SheetLayer(name, weight, bias, "identity" if last else options.activation))
        entering = forward(layers[-1:], entering, options.decimals)[0].a
    target = tuple(rounded(y, 0) + draws.among((-1, 1)) for y in entering)
    problems = [_problem(options, layers, x, target, rate) for rate in RATES[:3]]
    found = [worked_exactly(problem) for problem in problems]
    for problem, made in zip(problems, found, strict=True):
        if lowers(problem, made):
            return problem, smooth_lacks(problem, made)
    problem = replace(problems[-1], learning_rate=RATES[-1])
    return problem, smooth_lacks(problem, found[-1])


def _units(
    draws: Draws, x: Vector, outputs: int, bias: bool, limit: int
) -> tuple[tuple[Vector, ...], Vector | None]:
    """Return weights and biases whose z are not 0 nor beyond the limit, and whose units differ."""
    weights: list[Vector] = []
    biases: list[Fraction] = []

    def attempt() -> tuple[tuple[Vector, Fraction], Lacks]:
        row = exact(draws.row(len(x), around_zero(2)))
        offset = Fraction(draws.among(around_zero(2))) if bias else Fraction(0)
        z = sum((w * v for w, v in zip(row, x, strict=True)), offset)
        return (row, offset), unit_lacks(z, limit, repeated=row in weights)

    for _ in range(outputs):
        row, offset = least_lacking(attempt() for _ in range(UNIT_TRIES))
        weights.append(row)
        biases.append(offset)
    return tuple(weights), tuple(biases) if bias else None

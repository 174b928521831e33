"""Making the problem of a worksheet with sigmoid or tanh from its widths and seed.

Whole numbers are drawn, unit by unit, until every hidden z lies where the activation bends; then
whole targets near the outputs. The whole is drawn again until no gradient is rounded to 0 and a
step of SGD lowers the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from fcinspect.errors import SpecError
from fcinspect.layers.network import layer_names
from fcinspect.layers.spec import format_widths
from fcinspect.worksheets.drawing import Draws, around_zero, exact, least_lacking
from fcinspect.worksheets.passes import Dense, Worked, forward, mse, worked
from fcinspect.worksheets.problem import Problem, SheetLayer, Vector
from fcinspect.worksheets.smooth import rounded
from fcinspect.worksheets.wishes import RATES

UNIT_TRIES = 60
"""How often the weights of one unit are drawn anew before the best are taken."""
NETWORK_TRIES = 60
LARGEST_Z = {"sigmoid": 4, "tanh": 2}
"""Beyond these the derivative is below 0.02 and 0.08."""
LARGEST_OUTPUT = 10
LEAST_GRADIENT = Fraction(1, 100)
"""Of a hidden unit, so that its digits are worth working out."""
LEAST_RATE = Fraction(1, 10)


@dataclass(frozen=True)
class Smooth:
    """What is asked of a sheet with sigmoid or tanh."""

    activation: str
    decimals: int


Layer = Dense[Fraction]


@dataclass(frozen=True)
class _Drawn:
    """One attempt, worked out with the learning rate that suits it."""

    x: Vector
    layers: tuple[Layer, ...]
    target: Vector
    rate: Fraction
    made: Worked[Fraction]


def make_smooth(
    kind: str, widths: tuple[int, ...], seed: int, bias: bool, asked: Smooth
) -> Problem:
    """Return the problem; the numbers do not depend on the kind.

    Raises SpecError where no layer is hidden: behind the last one stands no activation.
    """
    if len(widths) < 3:
        raise SpecError(
            f"{format_widths(widths)} has no hidden layer for {asked.activation}: expected at least"
            " three widths, such as 3-2-2"
        )
    drawn = _drawn(widths, seed, bias, asked)
    layers = tuple(
        SheetLayer(name, layer.weight, layer.bias, layer.activation)
        for name, layer in zip(layer_names(len(drawn.layers)), drawn.layers, strict=True)
    )
    return Problem(
        kind, widths, seed, layers, drawn.x, drawn.target, "mse", drawn.rate, asked.decimals
    )


@lru_cache(maxsize=64)
def _drawn(widths: tuple[int, ...], seed: int, bias: bool, asked: Smooth) -> _Drawn:
    """Return the first attempt that lacks nothing, or the one that lacks least."""
    written = f"{format_widths(widths)}:{'b' if bias else '-'}:{seed}"
    draws = Draws(f"fcinspect worksheet 1:{asked.activation}:{written}")
    attempts = (_attempt(draws, widths, bias, asked) for _ in range(NETWORK_TRIES))
    return least_lacking((drawn, tuple(_lacks(drawn, asked))) for drawn in attempts)


def _attempt(draws: Draws, widths: tuple[int, ...], bias: bool, asked: Smooth) -> _Drawn:
    """Draw x, then unit by unit its weights and its bias, then the targets."""
    entering = x = exact(draws.row(widths[0], around_zero(3)))
    layers: list[Layer] = []
    for number, (_, outputs) in enumerate(pairwise(widths), start=1):
        last = number == len(widths) - 1
        limit = LARGEST_OUTPUT if last else LARGEST_Z[asked.activation]
        name = "identity" if last else asked.activation
        layer = _layer(draws, entering, outputs, bias, limit, name)
        layers.append(layer)
        entering = forward((layer,), entering, asked.decimals)[0].a
    target = tuple(rounded(y, 0) + draws.among((-1, 1)) for y in entering)
    found = [worked(layers, x, target, rate, asked.decimals) for rate in RATES[:3]]
    before = mse(found[0].y, target)
    for rate, made in zip(RATES, found, strict=False):
        if mse(made.again[-1].a, target) < before:
            return _Drawn(x, tuple(layers), target, rate, made)
    return _Drawn(x, tuple(layers), target, RATES[-1], found[-1])


def _layer(draws: Draws, x: Vector, outputs: int, bias: bool, limit: int, activation: str) -> Layer:
    """Return a layer whose z are other than 0 and not beyond the limit, and whose units differ."""
    units: list[_Unit] = []
    for _ in range(outputs):
        attempts = (_unit(draws, x, bias) for _ in range(UNIT_TRIES))
        units.append(least_lacking((unit, _unit_lacks(unit, units, limit)) for unit in attempts))
    biases = tuple(unit.bias for unit in units if unit.bias is not None)
    return Dense(tuple(unit.weights for unit in units), biases or None, activation)


@dataclass(frozen=True)
class _Unit:
    weights: Vector
    bias: Fraction | None
    z: Fraction


def _unit(draws: Draws, x: Vector, bias: bool) -> _Unit:
    weights = exact(draws.row(len(x), around_zero(2)))
    offset = Fraction(draws.among(around_zero(2))) if bias else None
    z = sum((w * v for w, v in zip(weights, x, strict=True)), offset or Fraction(0))
    return _Unit(weights, offset, z)


def _unit_lacks(unit: _Unit, others: Sequence[_Unit], limit: int) -> tuple[bool, ...]:
    return not unit.z, unit.weights in [one.weights for one in others], abs(unit.z) > limit


def _lacks(drawn: _Drawn, asked: Smooth) -> Iterator[bool]:
    """Yield what an attempt lacks, the most important first."""
    hidden = drawn.made.passed[:-1]
    limit = LARGEST_Z[asked.activation]
    yield any(not z or abs(z) > limit for here in hidden for z in here.z)
    yield any(not g for here in drawn.made.gradients for row in here.weight for g in row)
    yield not _lowers(drawn)
    yield any(abs(g) < LEAST_GRADIENT for here in drawn.made.gradients[:-1] for g in here.g)
    yield any(len(here.z) > 1 and len(set(here.z)) == 1 for here in hidden)
    yield any(_symmetric(layer) for layer in drawn.layers)
    yield drawn.rate < LEAST_RATE
    yield any(abs(y) > LARGEST_OUTPUT for y in drawn.made.y)
    yield len(drawn.x) > 1 and len(set(drawn.x)) == 1


def _lowers(drawn: _Drawn) -> bool:
    return mse(drawn.made.again[-1].a, drawn.target) < mse(drawn.made.y, drawn.target)


def _symmetric(layer: Layer) -> bool:
    """Whether a transposed weight would be the same; only a square one can be."""
    rows = layer.weight
    return len(rows) > 1 and rows == tuple(zip(*rows, strict=True))

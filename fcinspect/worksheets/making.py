"""Making a worksheet's problem from its widths and seed.

Whole numbers are drawn until the sheet is worth working out: its numbers stay short, the relu of
every hidden layer lets some units through and holds others back, and a slip such as a forgotten
bias, a transposed weight or a forgotten mask changes a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from fcinspect.layers.network import layer_names
from fcinspect.layers.spec import format_widths
from fcinspect.worksheets.drawing import Draws, around_zero, exact, least_lacking
from fcinspect.worksheets.making_smooth import Smooth, make_smooth
from fcinspect.worksheets.paper import require_paper
from fcinspect.worksheets.passes import Dense, Passed, forward
from fcinspect.worksheets.problem import Problem, SheetLayer
from fcinspect.worksheets.wishes import RATES, Whole, first_rate, layer_lacks, network_lacks

LAYER_TRIES = 60
"""How often one layer is drawn anew before its best is taken."""
WEIGHTS_DRAWN = 2000
"""About so many weights are drawn for the whole: small networks are drawn more often."""


def make(
    kind: str,
    widths: tuple[int, ...],
    seed: int,
    *,
    bias: bool = True,
    activation: str = "relu",
    decimals: int | None = None,
) -> Problem:
    """Return the problem of these widths and this seed; the numbers do not depend on the kind.

    The hidden layers' sigmoid or tanh needs `decimals`, to which every result is rounded. The same
    arguments give the same numbers in every version. Raises UsageError for an unknown kind,
    SpecError for what does not fit on paper, and for a sigmoid or tanh without hidden layers.
    """
    require_paper(kind, widths, bias)
    if decimals is not None:
        return make_smooth(kind, widths, seed, bias, Smooth(activation, decimals))
    drawn, rate = _drawn(widths, seed, bias)
    return drawn.problem(kind, widths, seed, rate)


@lru_cache(maxsize=64)
def _drawn(widths: tuple[int, ...], seed: int, bias: bool) -> tuple[_Drawn, Fraction]:
    """Return the numbers and the learning rate; the sheets of a class have many in common."""
    draws = Draws(f"fcinspect worksheet 1:{format_widths(widths)}:{'b' if bias else '-'}:{seed}")
    tries = 20 + WEIGHTS_DRAWN // sum(n * m for n, m in pairwise(widths))
    return least_lacking(_attempt(draws, widths, bias) for _ in range(tries))


def _attempt(
    draws: Draws, widths: tuple[int, ...], bias: bool
) -> tuple[tuple[_Drawn, Fraction], tuple[bool, ...]]:
    """Return an attempt with its learning rate, and what it lacks."""
    drawn = _Drawn.of(draws, widths, bias)
    after = first_rate(drawn.layers, drawn.passed, drawn.arrives, drawn.target)
    lacks = network_lacks(drawn.layers, drawn.passed, drawn.arrives, after)
    return (drawn, RATES[-1] if after is None else after[0]), lacks


@dataclass(frozen=True)
class _Drawn:
    """One attempt."""

    x: Whole
    layers: tuple[Dense[int], ...]
    passed: tuple[Passed[int], ...]
    target: Whole
    arrives: Whole
    """∂L/∂y"""

    @classmethod
    def of(cls, draws: Draws, widths: tuple[int, ...], bias: bool) -> _Drawn:
        """Draw x, then layer by layer W row by row and b, then the errors y − t."""
        entering = x = draws.row(widths[0], around_zero(3))
        layers: list[Dense[int]] = []
        passed: list[Passed[int]] = []
        for number, shape in enumerate(pairwise(widths), start=1):
            layer, here = _layer(draws, shape, entering, bias, relu=number < len(widths) - 1)
            layers.append(layer)
            passed.append(here)
            entering = here.a
        outputs = len(entering)
        step = outputs if outputs % 2 else outputs // 2
        errors = draws.row(outputs, [step * n for n in around_zero(3 if step == 1 else 1)])
        target = tuple(y - error for y, error in zip(entering, errors, strict=True))
        arrives = tuple(2 * error // outputs for error in errors)
        return cls(x, tuple(layers), tuple(passed), target, arrives)

    def problem(self, kind: str, widths: tuple[int, ...], seed: int, rate: Fraction) -> Problem:
        """Return it as a problem of exact numbers."""
        layers = tuple(
            SheetLayer(
                name,
                tuple(map(exact, layer.weight)),
                None if layer.bias is None else exact(layer.bias),
                layer.activation,
            )
            for name, layer in zip(layer_names(len(self.layers)), self.layers, strict=True)
        )
        x, target = exact(self.x), exact(self.target)
        return Problem(kind, widths, seed, layers, x, target, "mse", rate)


def _layer(
    draws: Draws, shape: tuple[int, int], x: Whole, bias: bool, *, relu: bool
) -> tuple[Dense[int], Passed[int]]:
    """Return the first layer of LAYER_TRIES that lacks nothing, or the one that lacks least."""
    inputs, outputs = shape
    activation = "relu" if relu else "identity"

    def attempt() -> tuple[tuple[Dense[int], Passed[int]], tuple[bool, ...]]:
        weight = tuple(draws.row(inputs, around_zero(2)) for _ in range(outputs))
        layer = Dense(weight, draws.row(outputs, around_zero(3)) if bias else None, activation)
        here = forward((layer,), x)[0]
        return (layer, here), layer_lacks(layer, here)

    return least_lacking(attempt() for _ in range(LAYER_TRIES))

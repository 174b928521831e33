"""Making a worksheet's problem from its options, and the problems of a class set.

Numbers are drawn until the sheet is worth working out. With relu its whole numbers stay short, the
relu of every hidden layer lets some units through and holds others back, and a slip such as a
forgotten bias, a transposed weight or a forgotten mask changes a result. With sigmoid and tanh,
units are drawn until every hidden z lies where the activation bends; then whole targets near the
outputs, and all of it again until no gradient is rounded to 0 and a step of SGD lowers the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from fcinspect.errors import InputError, SpecError
from fcinspect.layers.linear import layer_names
from fcinspect.layers.spec import LARGEST_SEED, format_widths
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
)
from fcinspect.worksheets.numbers import rounded
from fcinspect.worksheets.passes import Passed, backward, forward, worked_exactly
from fcinspect.worksheets.problem import (
    LARGEST_CLASS,
    LONGEST_NAME,
    Problem,
    SheetLayer,
    SheetOptions,
    Vector,
)
from fcinspect.worksheets.sheet import Sheet, require_paper
from fcinspect.worksheets.working import KeyCheck

TRIES = 60
"""How often a layer, or after sigmoid or tanh a unit or the whole, is drawn before the best."""
WEIGHTS_DRAWN = 2000
"""About so many weights are drawn for the whole: small networks are drawn more often."""


def make(options: SheetOptions) -> Problem:
    """Return the problem of these options; sigmoid and tanh need `decimals`.

    Raises UsageError for an unknown kind, SpecError for what does not fit on paper, and for a
    sigmoid or tanh without hidden layers.
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
        return least_lacking(_smooth_attempt(draws, options) for _ in range(TRIES))
    tries = 20 + WEIGHTS_DRAWN // sum(n * m for n, m in pairwise(widths))
    return _problem(options, *least_lacking(_attempt(draws, options) for _ in range(tries)))


def _problem(
    options: SheetOptions,
    layers: Sequence[SheetLayer[int]] | Sequence[SheetLayer[Fraction]],
    x: Whole | Vector,
    target: Whole | Vector,
    rate: Fraction,
) -> Problem:
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
    """Draw x, then layer by layer W and b, then the errors y − t; return the problem's parts."""
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
    def attempt() -> tuple[tuple[SheetLayer[int], Passed[int]], Lacks]:
        weight = tuple(draws.row(len(x), around_zero(2)) for _ in range(outputs))
        held = draws.row(outputs, around_zero(3)) if bias else None
        layer = SheetLayer(name, weight, held, activation)
        here = forward((layer,), x)[0]
        return (layer, here), layer_lacks(layer, here)

    return least_lacking(attempt() for _ in range(TRIES))


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
        return (row, offset), (not z, row in weights, abs(z) > limit)

    for _ in range(outputs):
        row, offset = least_lacking(attempt() for _ in range(TRIES))
        weights.append(row)
        biases.append(offset)
    return tuple(weights), tuple(biases) if bias else None


SEEDS_A_SHEET = 10
"""How many seeds are looked at for each sheet, before a network has too few problems."""


@dataclass(frozen=True)
class Seat:
    """Whose sheet one of a class set is."""

    number: int
    """From 1."""
    total: int
    pupil: str = ""
    """The name, or "" for a line to write it on."""


@dataclass(frozen=True)
class Copy:
    """One sheet of a class set."""

    sheet: Sheet
    check: KeyCheck
    seat: Seat


def class_problems(options: SheetOptions, count: int) -> list[Problem]:
    """Return different problems of the seed and those after it; raises SpecError."""
    last = min(options.seed + SEEDS_A_SHEET * count, LARGEST_SEED)
    found: dict[object, Problem] = {}
    for seed in range(options.seed, last + 1):
        problem = make(replace(options, seed=seed))
        found.setdefault((problem.layers, problem.x), problem)
        if len(found) == count:
            return list(found.values())
    plain = "" if options.bias else " without bias"
    raise SpecError(
        f"{format_widths(options.widths)}{plain} has {len(found)} different problems in the seeds"
        f" from {options.seed} to {last}: expected a class no larger than that, or larger widths"
    )


def names_in(text: bytes | bytearray, source: str) -> tuple[str, ...]:
    """Return the names of a class from `source`, one a line; raises InputError."""
    try:
        lines = text.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{source} is not UTF-8 text (byte {error.start}): expected one name per line"
        ) from None
    names = []
    for number, line in enumerate(lines, start=1):
        name = " ".join(line.split())
        if len(name) > LONGEST_NAME:
            raise InputError(
                f"line {number} of {source} has {len(name)} characters: expected a name of at most"
                f" {LONGEST_NAME}"
            )
        if name:
            names.append(name)
    if not names:
        raise InputError(f"{source} holds no names: expected one per line")
    if len(names) > LARGEST_CLASS:
        raise InputError(f"{source} holds {len(names)} names: expected at most {LARGEST_CLASS}")
    return tuple(names)

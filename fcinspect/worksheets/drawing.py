"""Seeded draws of small whole numbers, and what makes drawn ones worth working out by hand.

The draws never change, so that any version can make a sheet of today again. The stream of a text is
SHA-256(text, ":", block number in decimal digits), block after block, byte by byte. A draw among n
values takes the next byte below the largest multiple of n up to 256, modulo n.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from hashlib import sha256
from itertools import chain, count
from typing import TypeVar

from fcinspect.worksheets.passes import Gradients, Passed, Worked, forward, mse
from fcinspect.worksheets.problem import Problem, SheetLayer
from fcinspect.worksheets.working import decimals

Value = TypeVar("Value")
Whole = tuple[int, ...]
Lacks = tuple[bool, ...]
"""What an attempt lacks, the most important first."""

RATES = tuple(map(Fraction, ("0.5", "0.2", "0.1", "0.05", "0.02", "0.01", "0.001", "0.0001")))
"""The first that lowers the loss and leaves every relu as it is becomes the learning rate."""
LARGEST_FORWARD = 20
LARGEST_GRADIENT = 40
LONGEST_LOSS = 6
"""Decimals of the loss after the step."""
LARGEST_Z = {"sigmoid": 4, "tanh": 2}
"""Beyond these the derivative is below 0.02 and 0.08."""
LARGEST_OUTPUT = 10
"""Behind sigmoid or tanh."""
LEAST_GRADIENT = Fraction(1, 100)
"""Of a hidden unit after these, so that its digits are worth working out."""


class Draws:
    """The draws that a text begins."""

    def __init__(self, text: str) -> None:
        blocks = (sha256(f"{text}:{number}".encode()).digest() for number in count())
        self._bytes = chain.from_iterable(blocks)

    def among(self, values: Sequence[Value]) -> Value:
        """Return one of up to 256 values."""
        limit = 256 - 256 % len(values)
        byte = next(byte for byte in self._bytes if byte < limit)
        return values[byte % len(values)]

    def row(self, length: int, values: Sequence[Value]) -> tuple[Value, ...]:
        """Return so many draws of the same values."""
        return tuple(self.among(values) for _ in range(length))


def around_zero(most: int) -> list[int]:
    """Return the whole numbers from −most to most without 0."""
    return [number for number in range(-most, most + 1) if number]


def exact(row: Sequence[int] | Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Return whole numbers as exact ones."""
    return tuple(map(Fraction, row))


def least_lacking(attempts: Iterable[tuple[Value, Lacks]]) -> Value:
    """Return the first attempt that lacks nothing, or else the first that lacks least."""
    best: list[Value] = []
    fewest: Lacks = ()
    for attempt, lacks in attempts:
        if not best or lacks < fewest:
            best, fewest = [attempt], lacks
        if not any(lacks):
            break
    return best[0]


def layer_lacks(layer: SheetLayer[int], here: Passed[int]) -> Lacks:
    """Return what a layer lacks on the way forward."""
    relu = layer.activation == "relu"
    live = {z > 0 for z in here.z}
    wanted = {True, False} if len(here.z) > 1 else {True}
    rows_repeat = len(layer.weight[0]) > 1 and len(set(layer.weight)) < len(layer.weight)
    return (
        relu and live != wanted,
        relu and 0 in here.z,
        not _transposition_shows(layer, here.x),
        layer.bias is not None and _all_same(layer.bias),
        any(map(_all_same, layer.weight)) or rows_repeat,
        max(map(abs, here.z)) > LARGEST_FORWARD,
    )


def network_lacks(
    layers: Sequence[SheetLayer[int]],
    passed: Sequence[Passed[int]],
    gradients: Sequence[Gradients[int]],
    after: tuple[Fraction, Fraction] | None,
) -> Lacks:
    """Return what a network lacks; `after` is its learning rate and the loss after the step."""
    arrives = gradients[-1].arrives
    forwards = [layer_lacks(*parts) for parts in zip(layers, passed, strict=True)]
    backwards = list(zip(layers, passed, gradients, strict=True))
    largest = max(abs(g) for here in gradients for row in here.weight for g in row)
    rate, loss = after or (Fraction(0), Fraction(0))
    places = decimals(loss)
    return (
        any(lacks[0] or lacks[1] for lacks in forwards),
        any(
            layer.activation == "relu" and not _mask_shows(here, back)
            for layer, here, back in backwards
        ),
        after is None,
        any(lacks[2] for lacks in forwards),
        any(not _transposition_shows(layer, back.g) for layer, _, back in backwards[1:]),
        places is None,
        any(any(lacks[3:]) for lacks in forwards),
        _all_same(passed[0].x),
        len(arrives) == 2 and _all_same(arrives),
        largest > LARGEST_GRADIENT,
        rate < Fraction(1, 100),
        (places or 0) > LONGEST_LOSS,
        rate < Fraction(1, 10),
    )


def first_rate(
    layers: Sequence[SheetLayer[int]],
    passed: Sequence[Passed[int]],
    gradients: Sequence[Gradients[int]],
    target: Whole,
) -> tuple[Fraction, Fraction] | None:
    """Return the learning rate and the loss after its step, or None where no rate will do."""
    outputs = len(target)
    before = sum((y - t) ** 2 for y, t in zip(passed[-1].a, target, strict=True))
    masks = [[z > 0 for z in here.z] for here in passed[:-1]]
    for rate in RATES:
        after = _after(layers, gradients, passed[0].x, rate)
        scale = rate.denominator ** len(layers)
        squares = sum((y - t * scale) ** 2 for y, t in zip(after[-1].a, target, strict=True))
        kept = [[z > 0 for z in here.z] for here in after[:-1]] == masks
        if kept and squares < before * scale**2:
            return rate, Fraction(squares, outputs * scale**2)
    return None


def _after(
    layers: Sequence[SheetLayer[int]], gradients: Sequence[Gradients[int]], x: Whole, rate: Fraction
) -> list[Passed[int]]:
    """Return the forward pass after the step, layer k's numbers times q^k for the rate p/q.

    So they stay whole: q·W − p·∂L/∂W replaces W, and (q·b − p·G)·q^(k−1) replaces b.
    """
    p, q = rate.numerator, rate.denominator
    changed = [
        SheetLayer(
            layer.name,
            tuple(
                tuple(q * w - p * g for w, g in zip(*rows, strict=True))
                for rows in zip(layer.weight, here.weight, strict=True)
            ),
            layer.bias
            and tuple((q * b - p * g) * q**k for b, g in zip(layer.bias, here.g, strict=True)),
            layer.activation,
        )
        for k, (layer, here) in enumerate(zip(layers, gradients, strict=True))
    ]
    return forward(changed, x)


def smooth_lacks(problem: Problem, made: Worked[Fraction]) -> Lacks:
    """Return what a problem with sigmoid or tanh lacks."""
    hidden, gradients = made.passed[:-1], made.gradients
    limit = LARGEST_Z[problem.activation]
    # a transposed weight must show
    square = [layer.weight for layer in problem.layers if len(layer.weight) > 1]
    return (
        any(not z or abs(z) > limit for here in hidden for z in here.z),
        any(not g for here in gradients for row in here.weight for g in row),
        not lowers(problem, made),
        any(abs(g) < LEAST_GRADIENT for here in gradients[:-1] for g in here.g),
        any(_all_same(here.z) for here in hidden),
        any(rows == tuple(zip(*rows, strict=True)) for rows in square),
        problem.learning_rate < Fraction(1, 10),
        any(abs(y) > LARGEST_OUTPUT for y in made.y),
        _all_same(problem.x),
    )


def lowers(problem: Problem, made: Worked[Fraction]) -> bool:
    """Whether the step lowers the loss, which is not rounded here."""
    return mse(made.again[-1].a, problem.target) < mse(made.y, problem.target)


def _all_same(row: Sequence[object]) -> bool:
    return len(row) > 1 and len(set(row)) == 1


def _mask_shows(here: Passed[int], gradient: Gradients[int]) -> bool:
    # at a live unit, and at a dead one where there are two units
    arriving = {z > 0 for z, g in zip(here.z, gradient.arrives, strict=True) if g}
    return arriving == ({True, False} if len(here.z) > 1 else {True})


def _transposition_shows(layer: SheetLayer[int], vector: Whole) -> bool:
    """Whether W·v and Wᵀ·v differ; only a square W can be mistaken."""
    rows, columns = layer.weight, tuple(zip(*layer.weight, strict=True))
    if len(rows) == 1 or len(rows) != len(columns):
        return True
    plain, transposed = (
        [sum(w * v for w, v in zip(line, vector, strict=True)) for line in lines]
        for lines in (rows, columns)
    )
    return plain != transposed

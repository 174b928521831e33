"""What makes a drawn network worth working out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from fcinspect.worksheets.passes import Dense, Gradients, Passed, backward, forward
from fcinspect.worksheets.writing import decimals

Whole = tuple[int, ...]
RATES = tuple(map(Fraction, ("0.5", "0.2", "0.1", "0.05", "0.02", "0.01", "0.001", "0.0001")))
"""The first that lowers the loss and leaves every relu as it is becomes the learning rate."""
LARGEST_FORWARD = 20
LARGEST_GRADIENT = 40
LONGEST_LOSS = 6
"""Decimals of the loss after the step."""


def layer_lacks(layer: Dense[int], here: Passed[int]) -> tuple[bool, ...]:
    """Return what a layer lacks on the way forward, the most important first."""
    live = {z > 0 for z in here.z}
    wanted = {True, False} if len(here.z) > 1 else {True}
    return (
        _has_relu(layer) and live != wanted,
        _has_relu(layer) and 0 in here.z,
        not _transposition_shows(layer, here.x),
        layer.bias is not None and _all_same(layer.bias),
        any(map(_all_same, layer.weight)) or _rows_repeat(layer),
        max(map(abs, here.z)) > LARGEST_FORWARD,
    )


def network_lacks(
    layers: Sequence[Dense[int]],
    passed: Sequence[Passed[int]],
    arrives: Whole,
    after: tuple[Fraction, Fraction] | None,
) -> tuple[bool, ...]:
    """Return what a network lacks on the way back and afterwards, the most important first.

    `arrives` is ∂L/∂y, `after` the learning rate and the loss after the step.
    """
    gradients = backward(layers, passed, arrives)
    forwards = [layer_lacks(*parts) for parts in zip(layers, passed, strict=True)]
    backwards = list(zip(layers, passed, gradients, strict=True))
    largest = max(abs(g) for here in gradients for row in here.weight for g in row)
    rate, loss = after or (Fraction(0), Fraction(0))
    places = decimals(loss)
    return (
        any(lacks[0] or lacks[1] for lacks in forwards),
        any(_has_relu(layer) and not _mask_shows(here, back) for layer, here, back in backwards),
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
    layers: Sequence[Dense[int]], passed: Sequence[Passed[int]], arrives: Whole, target: Whole
) -> tuple[Fraction, Fraction] | None:
    """Return the learning rate and the loss after its step, or None where no rate will do."""
    gradients = backward(layers, passed, arrives)
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
    layers: Sequence[Dense[int]], gradients: Sequence[Gradients[int]], x: Whole, rate: Fraction
) -> list[Passed[int]]:
    """Return the forward pass after the step, every layer's numbers times rate.denominator^k.

    So they stay whole: with the rate p/q, q·W − p·∂L/∂W takes the place of W, and
    (q·b − p·G)·q^(k−1) that of layer k's b.
    """
    p, q = rate.numerator, rate.denominator
    changed = [
        Dense(
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


def _has_relu(layer: Dense[int]) -> bool:
    return layer.activation == "relu"


def _all_same(row: Sequence[int]) -> bool:
    return len(row) > 1 and len(set(row)) == 1


def _rows_repeat(layer: Dense[int]) -> bool:
    return len(layer.weight[0]) > 1 and len(set(layer.weight)) < len(layer.weight)


def _mask_shows(here: Passed[int], gradient: Gradients[int]) -> bool:
    """Whether a gradient arrives at a live unit, and at a dead one where there are two units."""
    arriving = {z > 0 for z, g in zip(here.z, gradient.arrives, strict=True) if g}
    return arriving == ({True, False} if len(here.z) > 1 else {True})


def _transposition_shows(layer: Dense[int], vector: Whole) -> bool:
    """Whether W·v and Wᵀ·v differ; only a square W can be mistaken."""
    rows, columns = layer.weight, tuple(zip(*layer.weight, strict=True))
    if len(rows) == 1 or len(rows) != len(columns):
        return True
    return any(
        sum(w * v for w, v in zip(row, vector, strict=True))
        != sum(w * v for w, v in zip(column, vector, strict=True))
        for row, column in zip(rows, columns, strict=True)
    )

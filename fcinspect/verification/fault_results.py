"""Faults that show in the result alone: what was added, scaled, permuted or put over it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.rounding.arrays import Float64Array
from fcinspect.verification.fault_places import middle
from fcinspect.verification.observed import Observed

FEWEST = 8
"""Numbers that one fitted number has to explain."""


def result_causes(seen: Observed) -> Iterator[str]:
    """Yield what would turn the right result into the one observed."""
    y = seen.y
    if not np.isfinite(y).all():
        if np.isnan(y).all():
            yield "the result is NaN"
        return
    if not y.any() and seen.right.any():
        yield "the result is all zeros"
    yield from _bias_causes(seen)
    yield from _factor_causes(seen)
    yield from _order_causes(seen)
    for name, activation in ACTIVATIONS.items():
        if name != "identity" and seen.near(activation.forward(seen.right), 1.2):
            yield f"{name} is applied to the result"
    if 1 < len(seen.outputs) == len(seen.weight):
        powers = np.exp(seen.right - seen.right.max(axis=-1, keepdims=True))
        if seen.near(powers / powers.sum(axis=-1, keepdims=True), 1.2):
            yield "softmax is applied to the result"
    if seen.near(np.abs(seen.right)):
        yield "the absolute value of the result is taken"


def _bias_causes(seen: Observed) -> Iterator[str]:
    if seen.bias is None or not seen.b.any():
        return
    bias, outputs, rows = seen.bias, list(seen.outputs), list(seen.rows)
    bare = seen.right - seen.b
    if seen.near(bare):
        yield "the bias is missing"
    if seen.near(bare + 2 * seen.b):
        yield "the bias is added twice"
    if seen.near(bare - seen.b):
        yield "the bias is subtracted"
    whole = {
        "the bias is added in reverse order": bias[::-1],
        "the bias is added one place too late": np.roll(bias, 1),
        "the bias is added one place too early": np.roll(bias, -1),
        "the mean of the bias is added": np.full_like(bias, bias.mean()),
        "the sum of the bias is added": np.full_like(bias, bias.sum()),
        "the absolute value of the bias is added": np.abs(bias),
    }
    for words, other in whole.items():
        if seen.near(bare + other[outputs]):
            yield words
    first = np.asarray(rows)[:, None] == 0
    if len(rows) > 1 and seen.near(np.where(first, seen.right, bare)):
        yield "the bias is added to the first row only"
    if len(seen.x) == len(bias) and seen.near(bare + bias[rows][:, None]):
        yield "the bias is added to rows instead of outputs"
    for count, words in ((len(seen.x), "rows"), (seen.n, "inputs")):
        if count > 2 and seen.near(bare + count * seen.b):
            yield f"the bias is added {count} times, once for each of the {words}"
        if count > 1 and seen.near(bare + seen.b / count):
            yield f"the bias is divided by {count}, the number of {words}"


def _factor_causes(seen: Observed) -> Iterator[str]:
    """Name a constant factor, of the result or of the products without the bias."""
    rows, (outputs, n) = len(seen.x), seen.weight.shape
    known: dict[float, str] = {
        -1.0: "the sign is flipped",
        2.0: "it is doubled",
        0.5: "it is halved",
    }
    for value, words in (
        (rows, "the number of rows"),
        (n, "in_features"),
        (outputs, "out_features"),
    ):
        root = f"√{value}, the root of {words}"
        known.setdefault(float(value), f"it is multiplied by {value}, {words}")
        known.setdefault(1 / value, f"it is divided by {value}, {words}")
        known.setdefault(float(np.sqrt(value)), f"it is multiplied by {root}")
        known.setdefault(1 / float(np.sqrt(value)), f"it is divided by {root}")
    known.pop(1.0, None)
    bare = seen.right - seen.b
    for whole, subject in ((seen.right, ""), (bare, "W·x is affected: ")):
        if subject and not seen.b.any():
            return
        rest = 0.0 if whole is seen.right else seen.b
        for factor, words in known.items():
            if seen.near(factor * whole + rest, max(1.0, factor)):
                yield _factor_words(words, subject)


def constant_offset(seen: Observed) -> Iterator[str]:
    """Name the one number that was added to every output, where no factor does the same."""
    if seen.y.size < FEWEST or not np.isfinite(seen.y).all():
        return
    error, room = seen.y - seen.right, seen.room
    fitted = middle(error, room, np.ones_like(error))
    if fitted is None or np.all(np.abs(error) <= room):
        return
    for whole, rest in ((seen.right, 0.0), (seen.right - seen.b, seen.b)):
        if middle(seen.y - rest, room, whole) is not None:
            return
    for guess in (*(float(f"{fitted:.{digits}g}") for digits in (1, 2, 3, 4)), fitted):
        if np.all(np.abs(error - guess) <= room):
            how = "added to" if guess > 0 else "subtracted from"
            yield f"a constant {abs(guess):.6g} is {how} every output"
            return


def fitted_factor(seen: Observed) -> Iterator[str]:
    """Name the factor that fits best: one number, that explains many."""
    if seen.y.size < FEWEST or not np.isfinite(seen.y).all():
        return
    bare = seen.right - seen.b
    for whole, rest, subject in ((seen.right, 0.0, ""), (bare, seen.b, "W·x is affected: ")):
        factor = _fitted(whole, seen.y - rest)
        if factor and seen.near(factor * whole + rest, max(1.0, abs(factor))):
            yield _factor_words(f"it is multiplied by {factor:.4g}", subject)


def _factor_words(words: str, subject: str) -> str:
    return words.replace("it is", "W·x is" if subject else "the result is").replace(
        "the sign", "the sign of W·x" if subject else "the sign of the result"
    )


def _fitted(expected: Float64Array, observed: Float64Array) -> float:
    """Return the factor that fits best, by least squares."""
    size = float((expected * expected).sum())
    return float((expected * observed).sum()) / size if size > 0 else 0.0


def _order_causes(seen: Observed) -> Iterator[str]:
    """Name a permutation of rows or outputs; needs all of them."""
    if len(seen.outputs) == len(seen.weight) and len(seen.rows) == len(seen.x):
        if seen.y.shape[0] == seen.y.shape[1] > 1 and _same(seen, seen.right.T, seen.reach.T):
            yield "the result is transposed"
        flat = seen.right.T.reshape(seen.y.shape)
        if seen.y.size > max(seen.y.shape) and _same(seen, flat, seen.reach.T.reshape(flat.shape)):
            yield "the result is reshaped instead of transposed"
        for axis, word in ((1, "outputs"), (0, "rows")):
            order = _permutation(seen, axis)
            if order is not None:
                yield _order_words(word, order)


def _same(seen: Observed, expected: Float64Array, reach: Float64Array) -> bool:
    return bool(np.all(np.abs(seen.y - expected) <= 2 * reach))


def _permutation(seen: Observed, axis: int) -> list[int] | None:
    """Return which right row (output) stands in each row (output), if one fits each uniquely."""
    y, right, reach = (np.moveaxis(values, axis, 0) for values in (seen.y, seen.right, seen.reach))
    if y.shape[1] < 2 and len(y) > 2:
        return None
    found = []
    for line in y:
        fits = np.all(np.abs(line - right) <= 2 * reach, axis=1)
        if fits.sum() != 1:
            return None
        found.append(int(fits.argmax()))
    return found if found != list(range(len(found))) else None


def _order_words(word: str, order: list[int]) -> str:
    count = len(order)
    if len(set(order)) == 1:
        return f"all {word} are {word[:-1]} {order[0]}"
    if order == list(range(count))[::-1]:
        return f"the {word} are in reverse order"
    shift = order[0]
    if order == [(i + shift) % count for i in range(count)]:
        by = min(shift, count - shift)
        return f"the {word} are shifted by {by}"
    if len(set(order)) == count:
        moved = [i for i, j in enumerate(order) if i != j]
        if len(moved) == 2:
            return f"the {word} {moved[0]} and {moved[1]} are exchanged"
        return f"the {word} are permuted"
    at = next(i for i, j in enumerate(order) if i != j)
    return f"{word[:-1]} {at} holds {word[:-1]} {order[at]}"

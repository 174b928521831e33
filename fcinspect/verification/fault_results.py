"""Faults that show in the result: what was added, scaled or permuted, and places that are wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.names import ordinal
from fcinspect.rounding.arrays import Float64Array
from fcinspect.verification.observed import Observed

FEWEST = 8
"""Numbers that one fitted number has to explain."""
MOST_ENDS = 24
"""The most places at which inputs may end that are tried."""


def result_causes(seen: Observed) -> Iterator[str]:
    """Yield what would turn the right result into the one observed."""
    y = seen.y
    if np.isnan(y).all():
        yield "the result is NaN"
    if not np.isfinite(y).all():
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
    for times, words in ((0, "missing"), (2, "added twice"), (-1, "subtracted")):
        if seen.near(bare + times * seen.b):
            yield f"the bias is {words}"
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
    rows, (outputs, n) = len(seen.x), seen.weight.shape
    known = {-1.0: "the sign is flipped", 2.0: "it is doubled", 0.5: "it is halved"}
    sizes = {"the number of rows": rows, "in_features": n, "out_features": outputs}
    for words, value in sizes.items():
        root = f"√{value}, the square root of {words}"
        known.setdefault(float(value), f"it is multiplied by {value}, {words}")
        known.setdefault(1 / value, f"it is divided by {value}, {words}")
        known.setdefault(float(np.sqrt(value)), f"it is multiplied by {root}")
        known.setdefault(1 / float(np.sqrt(value)), f"it is divided by {root}")
    known.pop(1.0, None)
    parts = [(seen.right, np.zeros_like(seen.b), "the result")]
    parts += [(seen.right - seen.b, seen.b, "W·x")] if seen.b.any() else []
    for whole, rest, subject in parts:
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
    for whole, rest, subject in ((seen.right, 0.0, "the result"), (bare, seen.b, "W·x")):
        # by least squares
        size = float((whole * whole).sum())
        factor = float((whole * (seen.y - rest)).sum()) / size if size > 0 else 0.0
        if factor and seen.near(factor * whole + rest, max(1.0, abs(factor))):
            yield _factor_words(f"it is multiplied by {factor:.4g}", subject)


def _factor_words(words: str, subject: str) -> str:
    words = words.replace("it is", f"{subject} is")
    return words.replace("the sign", f"the sign of {subject}")


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
    """Return which right row (output) is in each row (output), if one fits each uniquely."""
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
        return f"all {word} equal {word[:-1]} {order[0]}"
    if order == list(range(count))[::-1]:
        return f"the {word} are in reverse order"
    shift = order[0]
    if order == [(i + shift) % count for i in range(count)]:
        return f"the {word} are shifted by {min(shift, count - shift)}"
    moved = [i for i, j in enumerate(order) if i != j]
    if len(set(order)) < count:
        return f"{word[:-1]} {moved[0]} holds {word[:-1]} {order[moved[0]]}"
    if len(moved) == 2:
        return f"{word} {moved[0]} and {moved[1]} are swapped"
    return f"the {word} are permuted"


def place_causes(seen: Observed) -> Iterator[str]:
    """Yield the place that explains what is wrong."""
    if not np.isfinite(seen.y).all():
        return
    yield from _ends(seen)
    yield from _columns(seen)
    outputs = np.flatnonzero(seen.wrong.any(axis=0))
    # two rows tell which number of one output is wrong
    if outputs.size == 1 and len(seen.rows) > 1:
        yield from _one_weight(seen, int(outputs[0]))
        yield from _one_bias(seen, int(outputs[0]))


def _ends(seen: Observed) -> Iterator[str]:
    """Name the input from which on, or up to which, the others are left out."""
    excess: Float64Array = np.abs(seen.y - seen.right) / seen.reach
    row, column = np.unravel_index(int(np.nanargmax(excess)), excess.shape)
    x, w = seen.xs[row], seen.w[column]
    error = seen.y[row, column] - seen.right[row, column]
    reach = 2 * seen.room[row, column]
    kept = np.concatenate([[0.0], np.cumsum(x * w)])
    for words, sums in (("from {} on", kept - kept[-1]), ("before {}", -kept)):
        distance = np.abs(sums - error)
        near = np.flatnonzero(distance <= reach)
        for end in sorted(near[np.argsort(distance[near])][:MOST_ENDS].tolist(), reverse=True):
            if end in (0, seen.n):
                continue
            x_cut = seen.xs.copy()
            x_cut[:, slice(end) if "before" in words else slice(end, None)] = 0.0
            if seen.explained_by(x=x_cut):
                yield f"inputs {words.format(end)} are left out"
                return


def _columns(seen: Observed) -> Iterator[str]:
    """Name the inputs whose products are missing or counted too often, by regression."""
    x, w = seen.xs, seen.w
    error = seen.y - seen.right
    if error.size < 2:
        return
    sizes, sums = (x * x).sum(axis=0) * (w * w).sum(axis=0), ((error.T @ x) * w).sum(axis=0)
    slopes = np.divide(sums, sizes, out=np.zeros(seen.n), where=sizes > 0)
    faults = {-1.0: "left out", 1.0: "counted twice", -2.0: "subtracted instead of added"}
    for factor, words in faults.items():
        apart = np.abs(slopes - factor)
        for places in (np.flatnonzero(apart < 0.5), np.argsort(apart)[:1]):
            if not 0 < places.size < seen.n:
                continue
            altered = seen.xs.copy()
            altered[:, places] *= 1 + factor
            if seen.explained_by(x=altered):
                yield f"{_inputs(sorted(places.tolist()))} {words}"
                return


def _inputs(places: list[int]) -> str:
    if len(places) == 1:
        return f"input {places[0]} is"
    step = places[1] - places[0]
    if step > 1 and places == list(range(places[0], places[-1] + 1, step)) and len(places) > 2:
        return f"every {ordinal(step)} input from {places[0]} on is"
    listed = ", ".join(map(str, places[:4])) + (", …" if len(places) > 4 else "")
    return f"{len(places)} inputs ({listed}) are"


def _one_weight(seen: Observed, column: int) -> Iterator[str]:
    """Name the one weight of this output that is wrong, and by how much."""
    x, error = seen.xs, (seen.y - seen.right)[:, column]
    sizes = (x * x).sum(axis=0)
    slopes = np.divide(error @ x, sizes, out=np.zeros(seen.n), where=sizes > 0)
    left = ((error[:, None] - x * slopes) ** 2).sum(axis=0)
    best = np.argsort(left)[:2]
    if best.size == 2 and left[best[1]] <= 4 * left[best[0]]:
        return
    k = int(best[0])
    fitted = middle(error, seen.room[:, column], x[:, k])
    if fitted is None:
        return
    for change, words in _changes(float(seen.w[column, k]), fitted):
        weight = seen.w.copy()
        weight[column, k] += change
        if seen.explained_by(weight=weight):
            yield f"weight [{seen.outputs[column]}, {k}] {words}"
            return


def _one_bias(seen: Observed, column: int) -> Iterator[str]:
    error = (seen.y - seen.right)[:, column]
    fitted = middle(error, seen.room[:, column], np.ones_like(error))
    if seen.bias is None or fitted is None:
        return
    for change, words in _changes(float(seen.b[column]), fitted):
        bias = seen.b.copy()
        bias[column] += change
        if seen.explained_by(bias=bias):
            yield f"bias [{seen.outputs[column]}] {words}"
            return


def middle(error: Float64Array, reach: Float64Array, x: Float64Array) -> float | None:
    """Return the middle of the factors c for which c·x is each error within its reach."""
    used = x != 0
    if not used.any():
        return None
    centre, width = error[used] / x[used], reach[used] / np.abs(x[used])
    low, high = float((centre - width).max()), float((centre + width).min())
    return (low + high) / 2 if low <= high else None


def _changes(value: float, fitted: float) -> Iterator[tuple[float, str]]:
    if value:
        yield -value, "is treated as 0"
        yield value, "is doubled"
        yield -2 * value, "has the wrong sign"
    yield fitted, f"is off by {fitted:.4g}"

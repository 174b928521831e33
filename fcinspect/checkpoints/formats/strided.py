"""Reading a view whose numbers do not lie one after the other: every second row, some columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray


def span_of(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Return the numbers from the first to the last of a view, 0 for one without numbers."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def read_strided(
    numbers: Callable[[int, int], FloatArray],
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    what: str,
    rows: Sequence[int] | None,
) -> FloatArray:
    """Return a view, or these rows of it; strides count numbers.

    `numbers` returns the numbers of the view's run from the first asked for on, and so many. What
    lies between the rows asked for is read, too. Raises InputError where that does not fit.
    """
    import numpy as np
    from numpy.lib.stride_tricks import as_strided

    first, inner = 0, shape
    if rows is not None:
        first = min(rows, default=0)
        inner = (max(rows, default=-1) + 1 - first, *shape[1:])
    length = span_of(inner, strides)
    # a bfloat16 is held in four bytes, and its copy too
    require_free(8 * (length + math.prod(inner)), what, refusal=InputError)
    held = numbers(first * strides[0] if strides else 0, length)
    view = as_strided(held, inner, [n * held.itemsize for n in strides], writeable=False)
    wanted = view if rows is None else view[[row - first for row in rows]]
    return np.ascontiguousarray(wanted).reshape(wanted.shape)

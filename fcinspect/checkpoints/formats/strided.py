"""Reading a view whose numbers do not lie one after the other: every second row, some columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fcinspect.checkpoints.access.uris import masked_name
from fcinspect.checkpoints.places import read_place
from fcinspect.checkpoints.records import Place
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
    run: Place, shape: tuple[int, ...], strides: tuple[int, ...], rows: Sequence[int] | None
) -> FloatArray:
    """Return a view, or these rows of it, of the numbers of `run`; strides count numbers.

    What lies between the rows asked for is read, too. Raises InputError where that does not fit.
    """
    import numpy as np
    from numpy.lib.stride_tricks import as_strided

    from fcinspect.rounding.arrays import ITEMSIZES

    itemsize, first, count = ITEMSIZES[run.dtype], 0, shape[0]
    if rows is not None:
        first = min(rows, default=0)
        count = max(rows, default=-1) + 1 - first
    inner = (count, *shape[1:])
    length = span_of(inner, strides)
    # a bfloat16 is held in four bytes, and its copy too
    needed = 8 * (length + math.prod(inner))
    require_free(needed, f"reading {masked_name(run.uri)!r}", refusal=InputError)
    part = replace(run, begin=run.begin + first * strides[0] * itemsize, shape=(length,))
    numbers = read_place(part)
    steps = [stride * numbers.itemsize for stride in strides]
    view = as_strided(numbers, inner, steps, writeable=False)
    wanted = view if rows is None else view[[row - first for row in rows]]
    return np.ascontiguousarray(wanted)

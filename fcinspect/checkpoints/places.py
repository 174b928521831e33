"""Reading the numbers that lie at a place of a file, and what headers may say of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.access.handles import open_storage
from fcinspect.checkpoints.records import FilePlace
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray

WIDEST_OF_NOTHING = 1 << 20
"""Rows or columns of an array that has no numbers; those of a layer take memory all the same."""
MOST_DIGITS = 30


def read_place(place: FilePlace, rows: Sequence[int] | None = None) -> FloatArray:
    """Return a tensor, or these rows of it, in the carrier of its dtype.

    Raises InputError where the file is shorter than its header says, or was changed since.
    """
    from fcinspect.rounding.arrays import ITEMSIZES, from_bytes

    if place.transposed:
        whole = from_bytes(_bytes(place, [(0, _size(place))]), place.dtype)
        turned = whole.reshape(place.shape[::-1]).T
        return turned if rows is None else turned[list(rows)]
    if rows is None:
        data = _bytes(place, [(0, _size(place))])
        return from_bytes(data, place.dtype).reshape(place.shape)
    width = math.prod(place.shape[1:]) * ITEMSIZES[place.dtype]
    data = _bytes(place, [(first * width, (last + 1) * width) for first, last in _runs(rows)])
    return from_bytes(data, place.dtype).reshape(len(rows), *place.shape[1:])


def read_run(place: FilePlace, first: int, length: int) -> FloatArray:
    """Return so many numbers of a one-dimensional place, from the one numbered `first` on."""
    from fcinspect.rounding.arrays import ITEMSIZES

    begin = place.begin + first * ITEMSIZES[place.dtype]
    return read_place(replace(place, begin=begin, shape=(length,)))


def _size(place: FilePlace) -> int:
    from fcinspect.rounding.arrays import ITEMSIZES

    return math.prod(place.shape) * ITEMSIZES[place.dtype]


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run of consecutive rows."""
    for _, run in itertools.groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
        members = [row for _, row in run]
        yield members[0], members[-1]


def _bytes(place: FilePlace, spans: list[tuple[int, int]]) -> bytearray:
    """Return the bytes of these spans, one after the other."""
    data = bytearray(sum(end - begin for begin, end in spans))
    view = memoryview(data)
    with closing(open_storage(place.uri, place.stamp)) as storage:
        for begin, end in spans:
            storage.read_into(view[: end - begin], place.begin + begin)
            view = view[end - begin :]
    return data


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


def claim(shape: Sequence[int]) -> str | None:
    """Return what an array of shape (0, N) or (N, 0) claims, if that is too much, in words.

    None stands for a shape that is as small as any real one. Arrays that have numbers are bounded
    by the bytes that these take.
    """
    if 0 not in shape:
        return None
    widths = math.prod(width for width in shape if width)
    if widths <= WIDEST_OF_NOTHING:
        return None
    text = str(widths) if widths < 10**MOST_DIGITS else f"more than 10^{MOST_DIGITS}"
    return f"has no numbers and claims {text} rows or columns of nothing"


def unique_keys(
    refuse: Callable[[str], Exception],
) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Return the hook of json.loads that raises `refuse(key)` for a key that stands twice."""

    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise refuse(key)
            found[key] = value
        return found

    return checked

"""Reading the numbers that lie at a place of a file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fcinspect.checkpoints.access.handles import open_storage
from fcinspect.checkpoints.records import Place

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray


def read_place(place: Place, rows: Sequence[int] | None = None) -> FloatArray:
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


def read_run(place: Place, first: int, length: int) -> FloatArray:
    """Return so many numbers of a one-dimensional place, from the one numbered `first` on."""
    from fcinspect.rounding.arrays import ITEMSIZES

    begin = place.begin + first * ITEMSIZES[place.dtype]
    return read_place(replace(place, begin=begin, shape=(length,)))


def _size(place: Place) -> int:
    from fcinspect.rounding.arrays import ITEMSIZES

    return math.prod(place.shape) * ITEMSIZES[place.dtype]


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run of consecutive rows."""
    for _, run in itertools.groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
        members = [row for _, row in run]
        yield members[0], members[-1]


def _bytes(place: Place, spans: list[tuple[int, int]]) -> bytearray:
    """Return the bytes of these spans, one after the other."""
    data = bytearray(sum(end - begin for begin, end in spans))
    view = memoryview(data)
    storage = open_storage(place.uri, place.stamp)
    try:
        for begin, end in spans:
            storage.read_into(view[: end - begin], place.begin + begin)
            view = view[end - begin :]
    finally:
        storage.close()
    return data

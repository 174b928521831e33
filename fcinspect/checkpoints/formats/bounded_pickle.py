"""Python's unpickler with a bound on what the plain values of a pickle take.

A pickle of a megabyte can make a million lists; one of some hundred can be a single text, which is
read, decoded and kept. Neither is in any file of tensors.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import Any

from fcinspect.checkpoints.formats.pickle_stream import Stream
from fcinspect.checkpoints.formats.stand_ins import LONG, LONGEST_TEXT, Inert, Unsound

LONGEST_INTEGER = 1024
"""Bytes of one whole number."""
STEPS_FOR_MEMORY = 3
"""Reads as which a container or a place of the memo counts: it takes a hundred bytes or more."""


class BoundedUnpickler(pickle._Unpickler):
    """The unpickler in its pure form; large values are passed over, many are refused."""

    # what the base class sets, which is not declared for mypy
    stack: list[Any]
    append: Callable[[object], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, encoding="utf-8", errors="backslashreplace")
        self._stream = stream

    def _load_frame(self) -> None:
        self.read(8)  # only tells how much to read ahead

    def _load_long4(self) -> None:
        (length,) = struct.unpack("<i", self.read(4))
        if not 0 <= length <= LONGEST_INTEGER:
            raise Unsound(f"it has a whole number of {length} bytes")
        self.append(int.from_bytes(self.read(length), "little", signed=True))

    def _load_bytearray8(self) -> None:
        (length,) = struct.unpack("<Q", self.read(8))
        self._stream.skip(length)
        self.append(Inert("bytearray"))

    def _load_old_text(self) -> None:
        (length,) = struct.unpack("<i", self.read(4))
        if not 0 <= length <= LONGEST_TEXT:
            raise Unsound(f"it has a text of {length} bytes")
        self.append(self.read(length).decode("utf-8", "backslashreplace"))

    def _text(self, length: int) -> None:
        if length > LONGEST_TEXT:
            self._stream.skip(length)
            self.append(LONG)
        else:
            self.append(self.read(length).decode("utf-8", "surrogatepass"))

    def _bytes(self, length: int) -> None:
        if length > LONGEST_TEXT:
            self._stream.skip(length)
            self.append(Inert("bytes"))
        else:
            self.append(self.read(length))

    def _load_text(self) -> None:
        self._text(int.from_bytes(self.read(4), "little"))

    def _load_text8(self) -> None:
        self._text(int.from_bytes(self.read(8), "little"))

    def _load_bytes(self) -> None:
        self._bytes(int.from_bytes(self.read(4), "little"))

    def _load_bytes8(self) -> None:
        self._bytes(int.from_bytes(self.read(8), "little"))

    dispatch = {  # noqa: RUF012  # declared by the base class
        **pickle._Unpickler.dispatch,
        **{
            code[0]: method  # type: ignore[misc]  # declared for the unpickler in C
            for code, method in (
                (pickle.FRAME, _load_frame), (pickle.LONG4, _load_long4),
                (pickle.BYTEARRAY8, _load_bytearray8), (pickle.BINSTRING, _load_old_text),
                (pickle.BINUNICODE, _load_text), (pickle.BINUNICODE8, _load_text8),
                (pickle.BINBYTES, _load_bytes), (pickle.BINBYTES8, _load_bytes8),
            )
        },
    }  # fmt: skip


def charged(load: Callable[[Any], None]) -> Callable[[BoundedUnpickler], None]:
    """Return an instruction that counts what it takes of memory before it is carried out."""

    def counted(unpickler: BoundedUnpickler) -> None:
        unpickler._stream.spend(STEPS_FOR_MEMORY)
        load(unpickler)

    return counted


for _code in (
    pickle.MEMOIZE, pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.EMPTY_LIST,
    pickle.EMPTY_DICT, pickle.LIST, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3,
):  # fmt: skip
    _load = BoundedUnpickler.dispatch[_code[0]]
    # declared for the unpickler in C
    BoundedUnpickler.dispatch[_code[0]] = charged(_load)  # type: ignore[assignment]

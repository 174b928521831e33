"""What a process with foreign code answers: plain records, checked here, nothing executed.

A message is a frame: `MAGIC`, the lengths of its two parts, a JSON document, the bytes of the
arrays. In the document an array stands as {"dtype", "shape"}; its numbers follow in the order in
which the arrays stand. A record is an object of its fields, a tuple is a list.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import struct
import time
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from fcinspect.layers.array import Array
from fcinspect.rounding.formats import FORMATS

MAGIC = b"fci1"
HEAD = struct.Struct("<4sIQ")
LONGEST_DOCUMENT = 2**26
"""Bytes of the JSON document."""
MOST_VALUES = 2**22
"""Texts, numbers, records and lists in it; an array is one."""
LONGEST_TEXT = 20_000
"""Characters of a text in a record; the middle of a longer one is left out and counted."""
LONGEST_WORD = 1000
"""Characters of a word in it: what wraps lines and looks for patterns tries each of them."""
ENDLESS = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


class Overdue(Exception):
    """Reading a message takes longer than its answer may."""


class Garbled(Exception):
    """What came is not a message, or not the one that was expected; says what is wrong."""


def frame(value: object) -> bytes:
    """Return a message of records, tuples, mappings, texts, numbers and arrays.

    Raises TypeError for anything else, and ValueError for what is too long.
    """
    arrays: list[bytes] = []
    document = json.dumps(_plain(value, arrays)).encode("ascii")
    if len(document) > LONGEST_DOCUMENT:
        raise ValueError(f"{len(document)} bytes: expected at most {LONGEST_DOCUMENT}")
    return b"".join((HEAD.pack(MAGIC, len(document), sum(map(len, arrays))), document, *arrays))


def lengths(head: bytes, free: int) -> tuple[int, int]:
    """Return the lengths of the two parts that a frame's head announces.

    Raises Garbled for what is no head, or announces more than is read or than `free` bytes.
    """
    magic, document, arrays = HEAD.unpack(head)
    if magic != MAGIC:
        raise Garbled("it is not an fcinspect message")
    if document > LONGEST_DOCUMENT or arrays > free:
        raise Garbled(f"it is {document + arrays:,} bytes long")
    return document, arrays


def read_message(
    document: bytes, arrays: bytes, kinds: Mapping[str, Any], deadline: float = math.inf
) -> tuple[int, str, Any]:
    """Return the number of a message, its kind, and its value, of the type that the kind has.

    Raises Garbled for everything else, Overdue when time.monotonic() is beyond the deadline.
    """
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise Garbled("it is not JSON") from None
    reader = _MessageReader(memoryview(arrays), deadline)
    number, kind, value = reader.read(found, tuple[int, str, Any], "the message")
    if kind not in kinds:
        raise Garbled("the message is of an unknown kind")
    read = reader.read(value, kinds[kind], "value")
    if not reader.is_done:
        raise Garbled("it holds more numbers than its arrays need")
    return number, kind, read


def _plain(value: Any, arrays: list[bytes]) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Array):
        from fcinspect.rounding.arrays import to_bytes  # numpy, only where there are numbers

        arrays.append(to_bytes(value.values, value.dtype))
        return {"dtype": value.dtype, "shape": list(value.shape)}
    kind: Any = type(value)
    names = _names(kind)
    if names:
        return {name: _plain(getattr(value, name), arrays) for name in names}
    if isinstance(value, tuple | list):
        return [_plain(part, arrays) for part in value]
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("a mapping with keys that are not strings")
        return {name: _plain(part, arrays) for name, part in value.items()}
    raise TypeError(f"an object of type {type(value).__name__}")


class _MessageReader:
    """Reads values of expected types; the numbers of arrays are taken in their order."""

    def __init__(self, store: memoryview, deadline: float) -> None:
        self._deadline = deadline
        self._store = store
        self._position = 0
        self._values = 0

    @property
    def is_done(self) -> bool:
        """Whether all numbers are taken."""
        return self._position == len(self._store)

    def read(self, found: Any, kind: Any, where: str) -> Any:
        """Return a value of that type; raises Garbled for another."""
        if kind is Any:
            return found
        self._values += 1
        if self._values > MOST_VALUES:
            raise Garbled(f"it holds more than {MOST_VALUES:,} values")
        if not self._values % 4096 and time.monotonic() > self._deadline:
            raise Overdue
        origin, arguments = _parts(kind)
        if origin in (Union, types.UnionType):
            return self._one_of(found, arguments, where)
        if origin is Literal:
            if not any(type(found) is type(word) and found == word for word in arguments):
                raise _unexpected(found, " or ".join(map(repr, arguments)), where)
            return found
        if origin is tuple:
            return self._tuple(found, arguments, where)
        if origin is dict:
            return {
                name: self.read(part, arguments[1], f"{where}.{name}")
                for name, part in _of(found, dict, where).items()
            }
        if kind is Array:
            return self._array(_of(found, dict, where), where)
        if dataclasses.is_dataclass(kind):
            return self._record(_of(found, dict, where), kind, where)
        if kind is float and type(found) is int:
            return found
        return _of(found, types.NoneType if kind is None else kind, where)

    def _one_of(self, found: Any, kinds: tuple[Any, ...], where: str) -> Any:
        if found is None and types.NoneType in kinds:
            return None
        (other,) = (kind for kind in kinds if kind is not types.NoneType)
        return self.read(found, other, where)

    def _tuple(self, found: Any, kinds: tuple[Any, ...], where: str) -> tuple[Any, ...]:
        parts = _of(found, list, where)
        if len(kinds) == 2 and kinds[1] is ...:
            kinds = (kinds[0],) * len(parts)
        if len(parts) != len(kinds):
            raise Garbled(f"{where} has {len(parts)} entries instead of {len(kinds)}")
        return tuple(
            self.read(part, kind, f"{where}[{i}]")
            for i, (part, kind) in enumerate(zip(parts, kinds, strict=True))
        )

    def _record(self, found: dict[str, Any], kind: Any, where: str) -> Any:
        wanted = _fields(kind)
        if found.keys() != wanted.keys():
            raise Garbled(f"{where} is not a {kind.__name__}")
        values = {}
        for name, of in wanted.items():
            value = self.read(found[name], of, f"{where}.{name}")
            values[name] = _cut(value) if isinstance(value, str) else value
        try:
            return kind(**values)
        except (ValueError, ArithmeticError, LookupError) as error:
            raise Garbled(f"{where} is not a {kind.__name__}: {error}") from None

    def _array(self, found: dict[str, Any], where: str) -> Array:
        from fcinspect.rounding.arrays import from_bytes

        dtype = self.read(found.get("dtype"), str, f"{where}.dtype")
        shape = self.read(found.get("shape"), tuple[int, ...], f"{where}.shape")
        if dtype not in FORMATS or min(shape, default=0) < 0:
            raise Garbled(f"{where} is not an array")
        size = math.prod(shape) * FORMATS[dtype].itemsize
        if size > len(self._store) - self._position:
            raise Garbled(f"{where} needs more numbers than the message holds")
        data = self._store[self._position : self._position + size]
        self._position += size
        try:
            return Array(from_bytes(data, dtype).reshape(shape), dtype)
        except (ValueError, OverflowError):
            raise Garbled(f"{where} is not an array") from None


@cache
def _names(kind: type) -> tuple[str, ...]:
    if not dataclasses.is_dataclass(kind):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(kind), get_args(kind)


@cache
def _fields(kind: Any) -> dict[str, Any]:
    """Return the types of a record's fields; names of its module's own `if TYPE_CHECKING` fail."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _of(found: Any, kind: type[Any], where: str) -> Any:
    if type(found) is not kind:
        raise _unexpected(found, kind.__name__, where)
    return found


def _unexpected(found: Any, wanted: str, where: str) -> Garbled:
    return Garbled(f"{where} is a {type(found).__name__} instead of {wanted}"[:300])


def _cut(text: str) -> str:
    """Return a text in which no word and no whole is longer than what is ever read."""
    if len(text) > LONGEST_WORD:
        text = ENDLESS.sub(lambda word: _shortened(word[0], LONGEST_WORD), text)
    return _shortened(text, LONGEST_TEXT)


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    kept = most // 2
    return f"{text[:kept]} … {len(text) - 2 * kept:,} characters … {text[-kept:]}"

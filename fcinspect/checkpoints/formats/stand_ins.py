"""What stands for the objects of a pickle of torch.save: inert records, no real class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NORMAL = {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
    "Bool": "bool", "ComplexDouble": "complex128", "ComplexFloat": "complex64",
}  # fmt: skip
QUANTIZED = {
    "QInt8": "qint8", "QUInt8": "quint8", "QInt32": "qint32",
    "QUInt4x2": "quint4x2", "QUInt2x4": "quint2x4",
}  # fmt: skip
STORAGES = {f"{word}Storage": dtype for word, dtype in {**NORMAL, **QUANTIZED}.items()}
"""The class of a storage -> the dtype of its numbers."""

ITEMSIZE = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2,
    "complex128": 16, "complex64": 8, "complex32": 4,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint64": 8, "uint32": 4, "uint16": 2,
    "uint8": 1, "bool": 1,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1, "float4_e2m1fn_x2": 1,
    "qint8": 1, "quint8": 1, "qint32": 4, "quint4x2": 1, "quint2x4": 1,
    **{f"{sign}int{bits}": 1 for sign in ("", "u") for bits in range(1, 8)},
    "bits8": 1, "bits16": 2, "bits1x8": 1, "bits2x4": 1, "bits4x2": 1,
}  # fmt: skip
"""Bytes of one number of every dtype of torch."""
ALIASES = {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32",
    "short": "int16", "cfloat": "complex64", "cdouble": "complex128", "chalf": "complex32",
}  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Inert:
    """An object that only was there: nothing of it is kept."""

    words: str
    """What it is, "numpy.dtype"."""

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, eq=False, slots=True)
class SavedStorage:
    """A run of numbers in the archive, which tensors are views of."""

    key: str
    """The name of its member, behind ``data/``."""
    dtype: str | None
    """The dtype of its numbers, None where only the tensors say it."""
    nbytes: int
    """Bytes of all its numbers."""


@dataclass(frozen=True, eq=False, slots=True)
class SavedTensor:
    """A view of a storage, or a tensor of another kind."""

    dtype: str
    """The dtype in torch's words."""
    shape: tuple[int, ...]
    """The shape, outermost dimension first."""
    kind: str | None = None
    """"sparse", "quantized", "nested", "meta", "negated"; None for plain numbers."""
    storage: SavedStorage | None = None
    """Where its numbers lie, None for other kinds."""
    offset: int = 0
    """The first number's place in the storage, in numbers."""
    strides: tuple[int, ...] = ()
    """Numbers from one index to the next, for each dimension."""


MOST_IN_KEY = 16
"""Items of a tuple that is a key."""

Maker = Callable[[tuple[Any, ...]], object]
"""The arguments that a pickle gives to a class or function -> what stands for the result."""


@dataclass(frozen=True, eq=False, slots=True)
class Named:
    """A class or function that a pickle names."""

    words: str
    """Its full name."""
    make: Maker
    """What a call of it becomes."""
    dtype: str | None = None
    """For a dtype or a class of storages, the dtype in torch's words."""

    def __str__(self) -> str:
        return self.words


class Unsound(Exception):
    """A pickle that torch.save does not write; the message says where."""


LONGEST_TEXT = 1 << 20
"""Bytes of one text; a longer one is no name of a tensor, and is not kept."""
LONG = Inert("a long text")
"""What stands for it."""


def require_key(key: object) -> None:
    """Refuse keys whose hash or text is a long work: those of nested tuples double at a level."""
    if isinstance(key, tuple) and len(key) <= MOST_IN_KEY:
        for item in key:
            _require_scalar(item)
    else:
        _require_scalar(key)


def _require_scalar(key: object) -> None:
    if key is LONG:
        raise Unsound(f"a key of its dicts has more than {LONGEST_TEXT} bytes")
    if type(key) is int and key.bit_length() > 64:
        raise Unsound("a key is a whole number of more than 64 bits")
    if not isinstance(key, str | bytes | int | float | Inert | Named | type(None)):
        raise Unsound("a key of its dicts is no name or number")

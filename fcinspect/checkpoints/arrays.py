"""Named arrays of .npz, .npy, .safetensors and JSON files, or of JSON on standard input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.opening import Kind, check_readable, kind_of, tensors_of
from fcinspect.checkpoints.places import read_whole
from fcinspect.checkpoints.storage import STDIN, standard_input
from fcinspect.errors import InputError, UsageError
from fcinspect.layers.array import Array
from fcinspect.masking import masked_name
from fcinspect.names import listed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


INPUTS = ("x", "input")
"""The array that is taken for an input where a file holds several."""
MOST_NAMED = 8


@dataclass(frozen=True)
class ArrayFile:
    """A file of named arrays, or a JSON text."""

    words: str
    """It in words: "'step.npz'", "standard input"."""
    kind: Kind
    path: str = "-"
    text: bytes | bytearray = b""
    """The JSON."""

    def arrays(self) -> dict[str, NamedArray]:
        """Return the arrays of an .npz or .safetensors file, unread; raises InputError."""
        if self.kind == "npz":
            from fcinspect.checkpoints.formats import npz

            return {
                each.name: NamedArray(
                    each.dtype.name, str(each.dtype), each.shape, npz.READABLE, each.values
                )
                for each in npz.members_of(self.path)
            }
        from fcinspect.checkpoints.formats import safetensors

        readable, found = tuple(safetensors.READABLE.values()), {}
        for each in safetensors.tensors_of(self.path):
            problem = each.problem and f"cannot be read: {each.problem}"
            dtype, read = each.dtype, partial(each.read, None)
            found[each.name] = NamedArray(dtype, dtype, each.shape, readable, read, problem)
        return found

    def refuse_dtype(self, dtype: str | None) -> None:
        """Raise UsageError for a dtype of numbers whose format the file says itself."""
        if dtype is not None:
            name = self.words if self.kind == "json" else repr(self.path)
            raise UsageError(f"--dtype {dtype}: {name} already states the dtype of its numbers")


@dataclass(frozen=True, eq=False)
class NamedArray:
    """One array of a file, its numbers unread."""

    dtype: str
    """The number format in our words, or in the file's where we have none."""
    stored: str
    """The format in the words of the file."""
    shape: tuple[int, ...]
    readable: tuple[str, ...]
    """The formats that are read from such a file."""
    read: Callable[[], npt.NDArray[Any]]
    """Returns the numbers in the carrier of `dtype`, in the order in which they lie."""
    problem: str | None = None
    """Why they cannot be read, as far as the file's own reader tells."""

    @property
    def is_readable(self) -> bool:
        """Whether the numbers are read without loss."""
        return self.dtype in self.readable and self.problem is None


def source_of(path: str, expected: str) -> ArrayFile:
    """Return what a path names, or the JSON on standard input for "-".

    Raises InputError for what is not there and, naming what is `expected`, for a file of torch.
    """
    if path == "-":
        return ArrayFile(STDIN, "json", text=standard_input())
    check_readable(path)
    kind = kind_of(path)
    if kind == "torch":
        raise InputError(f"{path!r} is not an {expected}")
    text = read_whole(path) if kind == "json" else b""
    return ArrayFile(repr(masked_name(path)), kind, path, text)


def is_exact(values: npt.NDArray[np.float64], dtype: str) -> bool:
    """Whether every number is one of a format; any NaN is."""
    import numpy as np

    return bool(np.array_equal(Array.of(values, dtype).values, values, equal_nan=True))


def load_values(path: str) -> tuple[npt.NDArray[np.float64], str | None]:
    """Return the array in a file, or in the JSON on standard input for "-", and its dtype.

    A file with several arrays must name one of them x or input. Of a document that fcinspect
    wrote it is the output, so that a layer's output can be the next layer's input, or else the
    input. The dtype is None for plain lists of numbers.
    """
    source = source_of(path, "array: expected .npz, .npy, .json or .safetensors")
    if source.kind == "json":
        from fcinspect.checkpoints.formats.json_array import parse

        return _decoded(parse(source.text, source.words, "an array"), source.words)

    import numpy as np

    by_name = {tensor.name: tensor for tensor in tensors_of(path, source.kind)}
    chosen = by_name[_input_among(list(by_name), source.words)]
    values = np.asarray(chosen.read(None), dtype=np.float64)
    return values, None if chosen.note else chosen.dtype


def values_from_json(text_or_object: Any, source: str = "x") -> npt.NDArray[np.float64]:
    """Return the array that JSON text, or a value already parsed, holds."""
    from fcinspect.checkpoints.formats.json_array import parse

    is_text = isinstance(text_or_object, str | bytes)
    return _decoded(parse(text_or_object, source) if is_text else text_or_object, source)[0]


def _decoded(document: object, source: str) -> tuple[npt.NDArray[np.float64], str | None]:
    from fcinspect.checkpoints.formats.json_array import decode, is_array_document
    from fcinspect.checkpoints.formats.json_file import envelope_data

    data = envelope_data(document)
    value, place = document, "x"
    if data is not None:
        held = [key for key in ("output", "input") if data.get(key) is not None]
        if not held:
            reason = "is an fcinspect document that holds neither an output nor an input"
            raise InputError(f"{source} {reason}")
        value, place = data[held[0]], f"data.{held[0]}"
    elif isinstance(document, dict) and not is_array_document(document):
        place = _input_among(list(document), source)
        value = document[place]
    found = decode(value, place)
    return found.values, found.dtype


def _input_among(names: list[str], source: str) -> str:
    if len(names) == 1:
        return names[0]
    for name in INPUTS:
        if name in names:
            return name
    many = f"{len(names)} arrays" + (f": {listed(names, MOST_NAMED, ', ...')}" if names else "")
    raise InputError(f"{source} holds {many}: expected one, or one named x or input")

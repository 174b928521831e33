"""Reading an array of inputs: from .npz, .npy, .safetensors, .json or JSON on standard input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.access.handles import read_whole
from fcinspect.checkpoints.access.streams import standard_input
from fcinspect.checkpoints.access.uris import masked_name
from fcinspect.checkpoints.files import check_readable, kind_of
from fcinspect.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fcinspect.checkpoints.records import StoredTensor

NAMES = ("x", "input")
"""The array that is taken where a file holds several."""


def load_values(path: str) -> tuple[npt.NDArray[np.float64], str | None]:
    """Return the array in a file, or in the JSON on standard input for "-", and its dtype.

    A file with several arrays must name one of them x or input. Of a document that fcinspect
    wrote it is the output, so that a layer's output can be the next layer's input, or else the
    input. The dtype is None for plain lists of numbers.
    """
    if path == "-":
        return _from_json(standard_input(), "standard input")
    check_readable(path)
    kind = kind_of(path)
    if kind == "json":
        return _from_json(read_whole(path), repr(masked_name(path)))
    if kind == "npz":
        from fcinspect.checkpoints.formats import npz

        return _from_tensors(npz.tensors_of(path), path)
    if kind == "safetensors":
        from fcinspect.checkpoints.formats import safetensors

        return _from_tensors(safetensors.tensors_of(path), path)
    raise InputError(f"{path!r} is no array: expected .npz, .npy, .json or .safetensors")


def values_from_json(text_or_object: Any, source: str = "x") -> npt.NDArray[np.float64]:
    """Return the array that JSON text, or a value already parsed, holds."""
    from fcinspect.checkpoints.formats.json_array import parse

    is_text = isinstance(text_or_object, str | bytes)
    return _decoded(parse(text_or_object, source) if is_text else text_or_object, source)[0]


def _from_json(text: bytes | bytearray, source: str) -> tuple[npt.NDArray[np.float64], str | None]:
    from fcinspect.checkpoints.formats.json_array import parse

    return _decoded(parse(text, source, "an array"), source)


def _decoded(document: object, source: str) -> tuple[npt.NDArray[np.float64], str | None]:
    from fcinspect.checkpoints.formats.json_array import decode, is_array_document
    from fcinspect.checkpoints.formats.json_file import envelope_data

    data = envelope_data(document)
    if data is not None:
        for key in ("output", "input"):
            if data.get(key) is not None:
                found = decode(data[key], f"data.{key}")
                return found.values, found.dtype
        raise InputError(f"{source} is a document of fcinspect that holds no output and no input")
    if isinstance(document, dict) and not is_array_document(document):
        key = _choice(list(document), source)
        found = decode(document[key], key)
    else:
        found = decode(document, "x")
    return found.values, found.dtype


def _from_tensors(
    tensors: Sequence[StoredTensor], path: str
) -> tuple[npt.NDArray[np.float64], str | None]:
    import numpy as np

    by_name = {tensor.name: tensor for tensor in tensors}
    chosen = by_name[_choice(list(by_name), repr(masked_name(path)))]
    values = np.asarray(chosen.read(None), dtype=np.float64)
    return values, None if chosen.note else chosen.dtype


def _choice(names: list[str], source: str) -> str:
    if len(names) == 1:
        return names[0]
    for name in NAMES:
        if name in names:
            return name
    held = ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")
    raise InputError(
        f"{source} holds {len(names)} arrays{': ' + held if names else ''}:"
        " expected one, or one named x or input"
    )

"""From the name of a checkpoint to its linear layers, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fcinspect.checkpoints.files import check_readable, kind_of, standard_input
from fcinspect.checkpoints.records import Checkpoint, Layout, StoredTensor
from fcinspect.errors import InputError

Unpickle = Callable[[str], Sequence[StoredTensor]]
"""Reads a file of torch.save that only torch itself can read."""


def open_checkpoint(
    name: str,
    layout: Layout = "out,in",
    plain_dtype: str = "float32",
    *,
    unpickle: Unpickle,
) -> Checkpoint:
    """Return the layers of a file of any kind, or of the JSON on standard input for "-".

    `plain_dtype` is the dtype of JSON numbers for which the file names none. Raises InputError for
    what is unreadable or unsound.
    """
    if name == "-":
        return _from_json(standard_input(), "standard input", layout, plain_dtype)
    check_readable(name)
    kind = kind_of(name)
    if kind == "json":
        return _from_json(Path(name).read_bytes(), repr(name), layout, plain_dtype)

    from fcinspect.checkpoints.pairing import pair

    match kind:
        case "safetensors":
            from fcinspect.checkpoints import safetensors

            tensors: Sequence[StoredTensor] = safetensors.tensors_of(name)
        case "npz":
            from fcinspect.checkpoints import npz

            tensors = npz.tensors_of(name)
        case "torch":
            tensors = unpickle(name)
    return pair(tensors, repr(name), layout)


def _from_json(text: bytes, source: str, layout: Layout, plain_dtype: str) -> Checkpoint:
    from fcinspect.checkpoints.json_array import parse
    from fcinspect.checkpoints.json_file import checkpoint_of

    if not text.strip():
        raise InputError(f"{source} is empty: expected a layer in JSON")
    try:
        return checkpoint_of(parse(text, source), source, layout, plain_dtype)
    except InputError as error:
        if source in error.message:
            raise
        raise InputError(f"{source}: {error.message}", error.hint) from None

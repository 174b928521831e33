"""Files of torch.save (.pt, .pth, .bin): read without running anything in them, and written."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fcinspect.bridge.linear import to_array, to_tensor
from fcinspect.checkpoints.formats.nesting import named_tensors
from fcinspect.checkpoints.formats.torch_words import (
    INSTEAD,
    check_members,
    claims_more,
    damaged,
    no_layer,
    no_tensors,
    not_torch,
    pickled_objects,
    without_numbers,
)
from fcinspect.checkpoints.formats.widths import claim
from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.checkpoints.records import Checkpoint, Layout, StoredTensor, unreadable
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.rounding.formats import FORMATS

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.rounding.arrays import FloatArray


def open_pickled(path: str, layout: Layout = "out,in") -> Checkpoint:
    """Return the layers of a file of torch.save; raises InputError for all but plain tensors."""
    return pair(tensors_of(path), repr(path), layout)


def tensors_of(path: str) -> list[StoredTensor]:
    """Return the tensors of a file of torch.save; raises InputError for all but plain tensors."""
    _refuse_unfit_archive(path)
    size = Path(path).stat().st_size
    require_free(2 * size, f"reading {path!r}", refusal=InputError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # torch has no kind of its own for a file that it cannot read
        raise _refusal(path, error) from None
    found = named_tensors(content, torch.Tensor, repr(path))
    if not found:
        raise no_tensors(repr(path))
    return [_stored(name, tensor, path) for name, tensor in found.items()]


def pickled_bytes(state: Mapping[str, Array]) -> bytes:
    """Return the content of a .pt file that holds a state dict."""
    file = io.BytesIO()
    torch.save({name: to_tensor(values) for name, values in state.items()}, file)
    return file.getvalue()


def _refuse_unfit_archive(path: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [(i.filename, i.compress_size, i.file_size) for i in archive.infolist()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return  # not a zip file, or a damaged one: torch.load says what is wrong
    check_members(repr(path), members)


def _refusal(path: str, error: Exception) -> InputError:
    """Say in one line what torch says in many."""
    text, source = str(error), repr(path)
    pickled = re.search(r"GLOBAL ([\w.]+)", text)
    if pickled is not None:
        return pickled_objects(source, pickled[1])
    if "Weights only load failed" in text:
        return InputError(
            f"{source} holds more than plain tensors, or is damaged: it is not loaded", INSTEAD
        )
    if "failed finding central directory" in text or isinstance(error, EOFError):
        return damaged(source)
    reason = (text.splitlines() or [""])[0].rstrip(".")[:200]
    return not_torch(source, f"{type(error).__name__}: {reason}")


def _stored(name: str, tensor: torch.Tensor, path: str) -> StoredTensor:
    dtype, shape = str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        kind = "quantized" if tensor.is_quantized else "meta" if tensor.is_meta else "sparse"
        return unreadable(name, dtype, shape, without_numbers(kind))
    too_wide = claim(shape)
    if too_wide is not None:
        raise InputError(f"{name!r} of {path!r} {too_wide}: refused")
    held = tensor.untyped_storage().nbytes() // tensor.element_size()
    if tensor.numel() > held:
        raise claims_more(name, repr(path), tensor.numel(), held)
    if dtype not in FORMATS:
        return unreadable(name, dtype, shape, no_layer(dtype))

    def read(rows: Sequence[int] | None) -> FloatArray:
        return to_array(tensor if rows is None else tensor[list(rows)]).values

    return StoredTensor(name, dtype, shape, read)

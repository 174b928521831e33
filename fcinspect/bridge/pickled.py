"""Files of torch.save (.pt, .pth, .bin): read without running anything in them, and written."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fcinspect.bridge.linear import to_array, to_tensor
from fcinspect.checkpoints.pairing import pair
from fcinspect.checkpoints.records import Checkpoint, Layout, StoredTensor, unreadable
from fcinspect.checkpoints.saving import state_dict
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.rounding.formats import FORMATS

if TYPE_CHECKING:
    from fcinspect.layers.linear import LinearLayer
    from fcinspect.rounding.arrays import FloatArray

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights")
"""Keys under which a training script keeps the state dict, left out of the layers' names."""

INSTEAD = "save the state dict alone: torch.save(model.state_dict(), 'weights.pt')"
MOST_LEVELS = 50


def open_pickled(path: str, layout: Layout = "out,in") -> Checkpoint:
    """Return the layers of a file of torch.save; raises InputError for all but plain tensors."""
    return pair(tensors_of(path), repr(path), layout)


def tensors_of(path: str) -> list[StoredTensor]:
    """Return the tensors of a file of torch.save; raises InputError for all but plain tensors."""
    _refuse_torchscript(path)
    size = Path(path).stat().st_size
    require_free(2 * size, f"reading {path!r}", refusal=InputError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # torch has no kind of its own for a file that it cannot read
        raise InputError(_refusal(path, error), hint=_instead(error)) from None
    found = dict(_flattened(content))
    if not found:
        raise InputError(f"{path!r} holds no tensors", hint=INSTEAD)
    return [_stored(name, tensor, path) for name, tensor in found.items()]


def pickled_bytes(layer: LinearLayer) -> bytes:
    """Return the content of a .pt file that holds the layer's state dict."""
    file = io.BytesIO()
    torch.save({name: to_tensor(values) for name, values in state_dict(layer).items()}, file)
    return file.getvalue()


def _refuse_torchscript(path: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return  # not a zip file, or a damaged one: torch.load says what is wrong
    if any(name.endswith("/constants.pkl") for name in names):
        raise InputError(
            f"{path!r} is a TorchScript archive, which holds code",
            hint="save its numbers: torch.save(torch.jit.load('m.pt').state_dict(), 'weights.pt')",
        )
    require_free(2 * unpacked, f"unpacking {path!r}", refusal=InputError)


def _refusal(path: str, error: Exception) -> str:
    """Say in one line what torch says in many."""
    text = str(error)
    pickled = re.search(r"GLOBAL ([\w.]+)", text)
    if pickled is not None:
        return f"{path!r} holds pickled objects ({pickled[1]}), which are never loaded"
    if "Weights only load failed" in text:
        return f"{path!r} holds more than plain tensors, or is damaged: it is not loaded"
    if "failed finding central directory" in text or isinstance(error, EOFError):
        return f"{path!r} is truncated or damaged"
    reason = (text.splitlines() or [""])[0].rstrip(".")[:200]
    return f"{path!r} is not a file of torch.save ({type(error).__name__}: {reason})"


def _instead(error: Exception) -> str | None:
    return INSTEAD if "Weights only load failed" in str(error) else None


def _flattened(content: object) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of nested dicts and lists under dotted names."""
    found = list(_walk(content, (), frozenset()))
    short = ["".join(f".{key}" for key in _unwrapped(path))[1:] for path, _ in found]
    if len(set(short)) == len(short):
        return zip(short, (tensor for _, tensor in found), strict=True)
    return iter([(".".join(path), tensor) for path, tensor in found])


def _unwrapped(path: tuple[str, ...]) -> tuple[str, ...]:
    while len(path) > 1 and path[0] in WRAPPERS:
        path = path[1:]
    return path


def _walk(
    content: object, path: tuple[str, ...], above: frozenset[int]
) -> Iterator[tuple[tuple[str, ...], torch.Tensor]]:
    if isinstance(content, torch.Tensor):
        yield path or ("weight",), content
        return
    if id(content) in above or len(path) > MOST_LEVELS:
        return  # a container that holds itself
    inner: Sequence[tuple[object, object]] = ()
    if isinstance(content, Mapping):
        inner = list(content.items())
    elif isinstance(content, list | tuple):
        inner = list(enumerate(content))
    for key, value in inner:
        yield from _walk(value, (*path, str(key)), above | {id(content)})


def _stored(name: str, tensor: torch.Tensor, path: str) -> StoredTensor:
    dtype, shape = str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        kind = "quantized" if tensor.is_quantized else "meta" if tensor.is_meta else "sparse"
        return unreadable(name, dtype, shape, f"is a {kind} tensor, without plain numbers")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise InputError(
            f"{name!r} of {path!r} claims {tensor.numel()} numbers, its storage holds"
            f" {tensor.untyped_storage().nbytes() // tensor.element_size()}: refused"
        )
    if dtype not in FORMATS:
        return unreadable(name, dtype, shape, f"holds {dtype}: layers are floating-point")

    def read(rows: Sequence[int] | None) -> FloatArray:
        return to_array(tensor if rows is None else tensor[list(rows)]).values

    return StoredTensor(name, dtype, shape, read)

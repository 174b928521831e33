"""Layers as the bytes of a state-dict file, and writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fcinspect.errors import OutputError, UsageError

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer

ENDINGS = (".safetensors", ".npz")
"""The files that are written here; .pt is written by bridge/linear.py."""


def state_dict(*layers: LinearLayer) -> dict[str, Array]:
    """Return the layers' parameters under their state-dict keys."""
    found = {}
    for layer in layers:
        prefix = f"{layer.name}." if layer.name else ""
        found[f"{prefix}weight"] = layer.weight
        if layer.bias is not None:
            found[f"{prefix}bias"] = layer.bias
    return found


def state_bytes(state: Mapping[str, Array], ending: str) -> bytes:
    """Return the content of a file of that ending; the numbers are exact."""
    return _npz(state) if ending == ".npz" else _safetensors(state)


def _safetensors(state: Mapping[str, Array]) -> bytes:
    import numpy as np
    from safetensors import TensorSpec, serialize

    from fcinspect.rounding.arrays import to_bytes

    # the package reads by address: the buffers must stay alive until it is done
    buffers = {
        name: (values, np.frombuffer(to_bytes(values.values, values.dtype) or b"\0", np.uint8))
        for name, values in state.items()
    }
    specs = {
        name: TensorSpec(
            dtype=values.dtype,
            shape=list(values.shape),
            data_ptr=buffer.ctypes.data,
            data_len=buffer.size if values.size else 0,
        )
        for name, (values, buffer) in buffers.items()
    }
    return bytes(serialize(specs, None))


def _npz(state: Mapping[str, Array]) -> bytes:
    import numpy as np

    for name, values in state.items():
        if values.dtype == "bfloat16":
            raise UsageError(
                f"{name} is bfloat16, which .npz cannot hold: save it as .safetensors or .pt"
            )
    file = io.BytesIO()
    arrays = {name: values.values for name, values in state.items()}
    np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy types the keyword allow_pickle
    return file.getvalue()


def write_beside(path: Path, content: Callable[[], bytes], *, force: bool) -> None:
    """Write `content()` to a temporary file beside `path`, then rename it to `path`.

    Raises OutputError when the folder is missing or read-only, when `path` exists and `force` is
    not given, or when the disk is full; `path` is then as it was before.
    """
    check_target(path, force=force)
    data = content()
    try:
        if path.exists() and not path.is_file():  # a device such as /dev/stdout or /dev/full
            path.write_bytes(data)
            return
        target = path.resolve()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(_mode_of(target))
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def check_target(path: Path, *, force: bool) -> None:
    """Raise OutputError when `path` cannot be written; before any work is done for it."""
    try:
        if path.is_dir():
            raise OutputError(f"cannot write {str(path)!r}: it is a folder")
        if not path.parent.is_dir():
            parent = str(path.parent)
            raise OutputError(f"cannot write {str(path)!r}: no such folder: {parent!r}")
        if path.is_file() and not force:
            raise OutputError(f"{str(path)!r} exists: use --force to replace it")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise OutputError(f"cannot write {str(path)!r}: {reason}") from None


def _mode_of(path: Path) -> int:
    """Return the permissions the file has, or those a new file would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask

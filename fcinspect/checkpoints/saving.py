"""Layers as the bytes of a state-dict file, .safetensors or .npz."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer

ENDINGS = (".safetensors", ".npz")
"""The files that are written here; .pt is written by bridge/pickled.py."""


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

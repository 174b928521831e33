"""Files of torch.save (.pt, .pth) that are written; checkpoints/formats reads them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from fcinspect.bridge.linear import to_tensor

if TYPE_CHECKING:
    from fcinspect.layers.array import Array


def pickled_bytes(state: Mapping[str, Array]) -> bytes:
    """Return the content of a .pt file that holds a state dict."""
    file = io.BytesIO()
    torch.save({name: to_tensor(values) for name, values in state.items()}, file)
    return file.getvalue()

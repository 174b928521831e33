"""A module without its numbers: the same modules and ties, every tensor on the meta device."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from fcinspect.bridge.trace.origins import is_lazy


def meta_copy(module: nn.Module) -> nn.Module:
    """Return a copy of a module on the meta device; no number is copied, and ties hold.

    Raises whatever a module raises that cannot be copied.
    """
    memo: dict[int, object] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        if is_lazy(tensor):
            # a lazy parameter or buffer is made like any other of its class
            lazy: Any = type(tensor)
            memo[id(tensor)] = lazy(
                requires_grad=tensor.requires_grad, device="meta", dtype=tensor.dtype
            )
            continue
        empty = torch.empty_like(tensor, device="meta")
        memo[id(tensor)] = (
            nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty
        )
    return copy.deepcopy(module, memo)

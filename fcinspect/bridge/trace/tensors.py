"""Tensors in whatever a module takes or returns, and how they are recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from fcinspect.bridge.trace.origins import is_lazy
from fcinspect.bridge.trace.unregistered import CLOSED
from fcinspect.shapes import steps

PACKED = "packed"
"""The name of the rows of all sequences of a batch, one below the other."""
MOST_DEPTH = 8


def tensors_of(
    value: Any, name: str = "", depth: int = MOST_DEPTH
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors in nested tuples, lists, dicts and objects under dotted names.

    Of a distribution they are its parameters, of a packed sequence its rows.
    """
    if isinstance(value, torch.Tensor):
        yield name, value
        return
    if isinstance(value, CLOSED) or depth == 0:
        return
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, PackedSequence):
        inner = [(PACKED, value.data)]
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        inner = list(zip(value._fields, value, strict=True))
    elif isinstance(value, list | tuple):
        inner = list(enumerate(value))
    elif is_dataclass(value) and not isinstance(value, type):
        inner = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif not isinstance(value, nn.Module):
        inner = [(k, v) for k, v in getattr(value, "__dict__", {}).items() if k[:1] != "_"]
    for key, part in inner:
        yield from tensors_of(part, f"{name}.{key}" if name else str(key), depth - 1)


def described(value: Any) -> tuple[steps.Tensor, ...]:
    """Return the shapes of a value's tensors."""
    return tuple(steps.Tensor(tuple(t.shape), dtype_name(t), name) for name, t in tensors_of(value))


def dtype_name(tensor: torch.Tensor) -> str:
    """Return "float32"."""
    return str(tensor.dtype).removeprefix("torch.")


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the shape of a tensor, or None of anything else."""
    return tuple(value.shape) if isinstance(value, torch.Tensor) and not is_lazy(value) else None


def form_of(tensor: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return what tells a tensor from other views of its numbers: shape, strides and offset."""
    return tuple(tensor.shape), tuple(tensor.stride()), int(tensor.storage_offset())

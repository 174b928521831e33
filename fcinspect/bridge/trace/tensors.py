"""Tensors in whatever a module takes or returns, and how they are recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from fcinspect.bridge.trace.origins import is_lazy
from fcinspect.shapes import steps


def tensors_of(value: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of nested tuples, lists, dicts and dataclasses under dotted names."""
    if isinstance(value, torch.Tensor):
        yield name, value
        return
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        inner = list(zip(value._fields, value, strict=True))
    elif isinstance(value, list | tuple):
        inner = list(enumerate(value))
    elif is_dataclass(value) and not isinstance(value, type):
        inner = [(field.name, getattr(value, field.name)) for field in fields(value)]
    for key, part in inner:
        yield from tensors_of(part, f"{name}.{key}" if name else str(key))


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

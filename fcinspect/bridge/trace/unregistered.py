"""Modules and parameters that a module holds, and torch does not know of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import nn

TORCHS_OWN = frozenset(vars(nn.Module()))
"""Attributes that every module has: what is in them is registered."""
MOST_DEPTH = 4
"""So many lists, dicts and objects in one another are opened."""
MOST_PARTS = 100_000
CLOSED = (
    str, bytes, int, float, complex, torch.Tensor, type, ModuleType, FunctionType, MethodType,
    BuiltinFunctionType,
)  # fmt: skip
"""What holds no layers."""


@dataclass(frozen=True)
class Holding:
    """An attribute of a module that holds modules or parameters outside of torch's own places."""

    owner: nn.Module
    attribute: str
    """Of the owner: "layers"."""
    container: str
    """Its class: "list", "dict", "Heads"; "" of a module or parameter that stands there itself."""
    modules: tuple[tuple[str, nn.Module], ...]
    """By how they are reached from the traced module: "encoder.layers[0]"."""
    parameters: tuple[nn.Parameter, ...]
    """Those that stand there themselves."""

    def all_parameters(self) -> list[nn.Parameter]:
        """Return every parameter in it."""
        inner = [p for _, module in self.modules for p in module.parameters()]
        return [*inner, *self.parameters]


def holdings(module: nn.Module) -> Iterator[Holding]:
    """Yield what a module and its registered parts hold in lists, dicts and objects."""
    for name, part in list(module.named_modules()):
        for attribute, value in vars(part).items():
            if attribute in TORCHS_OWN:
                continue
            place = f"{name}.{attribute}" if name else attribute
            found = list(_held(value, place, MOST_DEPTH, {id(part)}))
            if found:
                yield Holding(
                    owner=part,
                    attribute=attribute,
                    container=""
                    if isinstance(value, nn.Module | nn.Parameter)
                    else type(value).__name__,
                    modules=tuple((at, m) for at, m in found if isinstance(m, nn.Module)),
                    parameters=tuple(p for _, p in found if isinstance(p, nn.Parameter)),
                )


def _held(
    value: Any, place: str, depth: int, seen: set[int]
) -> Iterator[tuple[str, nn.Module | nn.Parameter]]:
    if isinstance(value, nn.Module | nn.Parameter):
        yield place, value
        return
    if depth == 0 or isinstance(value, CLOSED) or id(value) in seen:
        return
    seen.add(id(value))
    for below, part in _parts(value, place):
        if not isinstance(part, CLOSED) or isinstance(part, nn.Parameter):
            yield from _held(part, below, depth - 1, seen)


def _parts(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield what stands in a list, tuple, set or dict, or in an object of the reader's."""
    if isinstance(value, list | tuple | set | frozenset | dict) and len(value) > MOST_PARTS:
        return
    if isinstance(value, list | tuple | set | frozenset):
        for number, part in enumerate(value):
            yield f"{place}[{number}]", part
    elif isinstance(value, dict):
        for key, part in value.items():
            yield f"{place}[{key!r}]", part
    elif not type(value).__module__.startswith("torch"):
        for key, part in getattr(value, "__dict__", {}).items():
            yield f"{place}.{key}", part

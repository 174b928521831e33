"""The tensors that a module holds, takes and returns, and the parameters they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from math import prod
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.nn.utils.rnn import PackedSequence

from fcinspect.bridge.linear import dtype_name
from fcinspect.shapes import steps
from fcinspect.shapes.steps import Parameter

TORCHS_OWN = frozenset(vars(nn.Module()))
"""Attributes that every module has: what is in them is registered."""
MOST_OPENED = 4
"""So many lists, dicts and objects in one another are opened."""
MOST_PARTS = 100_000
CLOSED = (
    str, bytes, int, float, complex, torch.Tensor, type, ModuleType, FunctionType, MethodType,
    BuiltinFunctionType,
)  # fmt: skip
"""What holds no layers."""
Made = tuple[torch.Tensor, ...]
"""The parameters that something was made from."""
PACKED = "packed"
"""The name of the rows of all sequences of a batch, one below the other."""
MOST_DEPTH = 8


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
            found = list(_held(value, place, MOST_OPENED, {id(part)}))
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


class Origins:
    """Follows the parameters of one module through a run: weight.t() is still the weight."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._keys: dict[int, str] = {}
        self._used: dict[int, torch.Tensor] = {}
        self._by_storage: dict[int, Made] = {}
        self._kept: list[torch.Tensor] = []
        """Kept alive, so that no other tensor gets their addresses."""
        self._learn_keys()
        held = (p for holding in holdings(module) for p in holding.all_parameters())
        for parameter in (*module.parameters(), *held):
            if not is_lazy(parameter):
                self._by_storage.setdefault(storage(parameter), (parameter,))

    def of(self, tensor: torch.Tensor) -> Made | None:
        """Return the parameters that a tensor was made from alone, or None."""
        if isinstance(tensor, nn.Parameter) and not is_lazy(tensor):
            return (tensor,)
        return self._by_storage.get(storage(tensor))

    def of_all(self, tensors: Sequence[torch.Tensor]) -> Made | None:
        """Return the parameters that all of them together were made from, or None."""
        found = [self.of(tensor) for tensor in tensors]
        if not found or any(made is None for made in found):
            return None
        return tuple({id(p): p for made in found if made for p in made}.values())

    def derived(self, tensors: Iterable[torch.Tensor], made_from: Made) -> None:
        """Remember what tensors were made from."""
        for tensor in tensors:
            self._kept.append(tensor)
            self._by_storage[storage(tensor)] = made_from

    def mixed(self, tensor: torch.Tensor) -> None:
        """Note that other numbers were written into a tensor."""
        if not isinstance(tensor, nn.Parameter):
            self._by_storage.pop(storage(tensor), None)

    def use(self, found: Iterable[torch.Tensor], *, failed: bool = False) -> tuple[Parameter, ...]:
        """Return the parameters of a step, each once; a step that failed uses none up."""
        listed: dict[int, Parameter] = {}
        for parameter in found:
            if id(parameter) in listed:
                continue
            new = id(parameter) not in self._used
            if not failed:
                self._used[id(parameter)] = parameter
            self._kept.append(parameter)
            key = self._key(parameter)
            listed[id(parameter)] = Parameter(key, tuple(parameter.shape), new)
        return tuple(listed.values())

    def is_used(self, parameter: torch.Tensor) -> bool:
        """Whether a step used a parameter."""
        return id(parameter) in self._used

    def strangers(self) -> int:
        """Return how many numbers the parameters hold that were used and are not registered."""
        known = {id(p) for p in self._module.parameters()}
        return sum(
            prod(p.shape)
            for p in self._used.values()
            if isinstance(p, nn.Parameter) and id(p) not in known
        )

    def _key(self, parameter: torch.Tensor) -> str:
        if id(parameter) not in self._keys:
            self._learn_keys()  # a layer may be made in forward
            self._keys.setdefault(id(parameter), "")
        return self._keys[id(parameter)]

    def _learn_keys(self) -> None:
        for key, parameter in self._module.named_parameters(remove_duplicate=False):
            if not self._keys.get(id(parameter)):
                self._keys[id(parameter)] = key  # a tied one has its first name


def is_lazy(parameter: torch.Tensor) -> bool:
    """Whether a parameter of a lazy module has no shape yet."""
    return isinstance(parameter, UninitializedParameter | UninitializedBuffer)


def storage(tensor: torch.Tensor) -> int:
    """Return what tensors share that are views of each other.

    On the meta device data_ptr() is 0: only the private address tells storages apart.
    """
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError, AttributeError):
        return id(tensor)  # a sparse tensor has no storage


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
    return tuple(
        steps.Tensor(tuple(t.shape), dtype_name(t.dtype), name) for name, t in tensors_of(value)
    )


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the shape of a tensor, or None of anything else."""
    return tuple(value.shape) if isinstance(value, torch.Tensor) and not is_lazy(value) else None


def form_of(tensor: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return what tells a tensor from other views of its numbers: shape, strides and offset."""
    return tuple(tensor.shape), tuple(tensor.stride()), int(tensor.storage_offset())

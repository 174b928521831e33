"""Which parameters a tensor was made from alone, and which of them a run used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from fcinspect.bridge.trace.unregistered import holdings
from fcinspect.shapes.steps import Parameter

Made = tuple[torch.Tensor, ...]
"""The parameters that something was made from."""


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
        for parameter in module.parameters():
            self._know(parameter)
        for holding in holdings(module):
            for parameter in holding.all_parameters():
                self._know(parameter)

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

    def _know(self, parameter: nn.Parameter) -> None:
        if not is_lazy(parameter):
            self._by_storage.setdefault(storage(parameter), (parameter,))


def is_lazy(parameter: torch.Tensor) -> bool:
    """Whether a parameter of a lazy module has no shape yet."""
    return isinstance(parameter, UninitializedParameter | UninitializedBuffer)


def storage(tensor: torch.Tensor) -> int:
    """Return what tensors share that are views of each other."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError, AttributeError):
        return id(tensor)  # a sparse tensor has no storage

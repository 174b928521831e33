"""Whether the optimizers that stand beside a module hold its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from fcinspect.bridge.observe.not_exercised import NotExercised
from fcinspect.diagnosis.observations import OptimizerHolds
from fcinspect.errors import InputError, did_you_mean

Namespaces = Sequence[dict[str, Any]]
"""The module's own attributes, and what stands beside it in its source."""


def optimizer_beside(
    module: nn.Module, namespaces: Namespaces, wanted: str | None, ready: bool
) -> OptimizerHolds:
    """Return what the optimizers hold together; raises NotExercised where none can be judged.

    `wanted` is the name of one, or of a function that makes it of the module; InputError where
    there is none. Without it, those count that hold any parameter of the module: two may share
    it. One that holds no parameter of the module counts if what it holds is no other module's,
    or that of a twin.
    """
    found = _optimizers(namespaces)
    if wanted is not None:
        made, called = _wanted(module, namespaces, wanted, found)
        found, ready = {wanted: made}, ready or called
    if not found:
        raise NotExercised("an optimizer: none was found; --optimizer NAME names it")
    if not ready:
        raise NotExercised(
            f"{', '.join(found)}: an optimizer can hold the parameters of a ready module only;"
            " name that in place of its class"
        )
    own = {id(p) for p in module.parameters()}
    holders = {name: one for name, one in found.items() if held_by(one) & own}
    if not holders and wanted is None:
        others = _others(module, namespaces)
        holders = {name: one for name, one in found.items() if not held_by(one) & others}
        if not holders:
            raise NotExercised(
                f"{', '.join(found)}: no parameter of this module is held, only those of other"
                " objects there"
            )
    return _together(module, holders or found, own)


def held_by(optimizer: Optimizer) -> set[int]:
    """Return the ids of the parameters that an optimizer updates."""
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def _together(module: nn.Module, optimizers: dict[str, Optimizer], own: set[int]) -> OptimizerHolds:
    held = set().union(*(held_by(one) for one in optimizers.values()))
    trained = [(key, p) for key, p in module.named_parameters() if p.requires_grad]
    return OptimizerHolds(
        name=" and ".join(optimizers),
        kind=type(next(iter(optimizers.values()))).__name__,
        missing=tuple(key for key, p in trained if id(p) not in held),
        of=len(trained),
        foreign=len(held - own),
    )


def _optimizers(namespaces: Namespaces) -> dict[str, Optimizer]:
    found: dict[str, Optimizer] = {}
    for names in namespaces:
        for name, value in names.items():
            if isinstance(value, Optimizer) and value not in found.values():
                found.setdefault(name, value)
    return found


def _wanted(
    module: nn.Module, namespaces: Namespaces, name: str, found: dict[str, Optimizer]
) -> tuple[Optimizer, bool]:
    """Return the optimizer of that name, and whether it was made of the module just now."""
    value = next((names[name] for names in namespaces if name in names), None)
    if value is None:
        raise InputError(
            f"--optimizer {name}: there is no such object beside the module",
            hint=did_you_mean(name, found),
        )
    called = callable(value) and not isinstance(value, Optimizer)
    if called:
        value = value(module)
    if not isinstance(value, Optimizer):
        raise InputError(f"--optimizer {name}: it is no torch.optim.Optimizer")
    return value, called


def _others(module: nn.Module, namespaces: Namespaces) -> set[int]:
    """Return the ids of the parameters of other objects there that may have an optimizer."""
    values = [
        value for names in namespaces for value in names.values() if not _is_twin(module, value)
    ]
    inside = (p for value in values if isinstance(value, nn.Module) for p in value.parameters())
    alone = (value for value in values if isinstance(value, torch.Tensor))
    return {id(p) for p in (*inside, *alone)}


def _is_twin(one: nn.Module, other: object) -> bool:
    """Whether another module looks just the same and has other numbers.

    One with the same numbers was copied on purpose, as a target network is.
    """
    if other is one or not isinstance(other, nn.Module) or type(other) is not type(one):
        return False
    here, there = one.state_dict(), other.state_dict()
    if {key: t.shape for key, t in here.items()} != {key: t.shape for key, t in there.items()}:
        return False
    return any(not torch.equal(here[key], there[key]) for key in here)

"""What is seen of a module on random numbers, and of the optimizer and weights beside it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from fcinspect.bridge.linear import to_tensor
from fcinspect.bridge.observe.random_runs import GradientReach, NotExercised, RandomRuns
from fcinspect.bridge.observe.row_mixing import mixing_of
from fcinspect.bridge.trace.module_inputs import meta_copy
from fcinspect.bridge.trace.sites import MadePlaces
from fcinspect.bridge.trace.tensors import Holding, holdings, is_lazy
from fcinspect.checkpoints.opening import check_readable, kind_of
from fcinspect.checkpoints.pairing.naming import module_path
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.diagnosis.observations import (
    ROWS_MIX,
    Lifeless,
    Mixing,
    Observations,
    OptimizerHolds,
    StoredWeights,
    Unregistered,
)
from fcinspect.errors import InputError, did_you_mean
from fcinspect.layers.array import Array
from fcinspect.masking import is_uri, masked_name
from fcinspect.shapes import steps

PLAIN = ("list", "tuple", "set", "dict")
Namespaces = Sequence[dict[str, Any]]
"""The module's own attributes, and what stands beside it in its source."""


class Observer:
    """Looks at a module on the CPU."""

    def __init__(
        self,
        module: nn.Module,
        inputs: Sequence[steps.Tensor],
        unused: Collection[str],
        made: MadePlaces,
    ) -> None:
        """`unused` are the state-dict keys of the parameters that a run did not use."""
        self._module = module
        self._runs = RandomRuns(module, inputs)
        self._reach = GradientReach(self._runs, unused)
        self._made = made
        self._checked: list[str] = []
        self._not: list[str] = []

    def all(self, namespaces: Namespaces, optimizer: str | None, ready: bool) -> Observations:
        """Return everything that was seen."""
        return Observations(
            unregistered=self._unregistered(),
            lifeless=self._lifeless(),
            mixing=self._mixing(),
            optimizer=self._optimizer(namespaces, optimizer, ready),
            checked=tuple(self._checked),
            not_exercised=tuple(self._not),
        )

    def _unregistered(self) -> tuple[Unregistered, ...]:
        self._checked.append("layers and parameters that are not registered")
        known = {id(p) for p in self._module.parameters()}
        found = []
        for holding in holdings(self._module):
            strangers = [p for p in holding.all_parameters() if id(p) not in known]
            # a frozen module is kept in a list so that it is not trained and saved
            if not any(p.requires_grad for p in strangers) or not self._matters(holding):
                continue
            first = holding.modules[0][1] if holding.modules else None
            found.append(
                Unregistered(
                    owner=type(holding.owner).__name__,
                    attribute=holding.attribute,
                    container=holding.container,
                    count=len(holding.modules) + len(holding.parameters),
                    numbers=sum(p.numel() for p in strangers if not is_lazy(p)),
                    modules=bool(holding.modules),
                    made=None if first is None else self._made.of(first),
                )
            )
        return tuple(found)

    def _matters(self, holding: Holding) -> bool:
        """Whether a run uses what is held; in a plain list layers are meant to be, anyway."""
        if type(holding.owner).__module__.startswith("torch.") and holding.attribute[0] == "_":
            return False
        if holding.container in PLAIN:
            return True
        inner = [p for p in holding.all_parameters() if p.requires_grad and not is_lazy(p)]
        try:
            return any(gradient is not None for gradient in self._reach.gradients(inner))
        except Exception:
            return False

    def _lifeless(self) -> tuple[Lifeless, ...]:
        try:
            found = self._reach.lifeless()
        except NotExercised as why:
            self._not.append(f"gradients: {why}")
            return ()
        self._checked.append("layers that forward never uses")
        self._checked.append("parameters that no gradient reaches, on random inputs")
        self._not += self._reach.notes
        return found

    def _mixing(self) -> Mixing | None:
        try:
            found = mixing_of(self._runs)
        except NotExercised as why:
            self._not.append(f"{ROWS_MIX}: {why}")
            return None
        self._checked.append(ROWS_MIX)
        return found

    def _optimizer(
        self, namespaces: Namespaces, wanted: str | None, ready: bool
    ) -> OptimizerHolds | None:
        try:
            found = optimizer_beside(self._module, namespaces, wanted, ready)
        except NotExercised as why:
            self._not.append(str(why))
            return None
        self._checked.append(f"whether {found.name} holds the module's parameters")
        return found


def namespace_of(place: str) -> dict[str, Any]:
    """Return what stands in an imported module of the reader's."""
    wanted = Path(place).resolve() if place.endswith(".py") else None
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "") == place:
            return vars(module)
        # it was loaded by the file's own name; only then are links looked at
        file = getattr(module, "__file__", None)
        if wanted and file and file.endswith(Path(place).name) and Path(file).resolve() == wanted:
            return vars(module)
    return {}


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
        raise NotExercised("an optimizer: none was found; use --optimizer NAME")
    if not ready:
        raise NotExercised(
            f"{', '.join(found)}: an optimizer can hold only the parameters of a ready module;"
            " name the module instead of its class"
        )
    own = {id(p) for p in module.parameters()}
    holders = {name: one for name, one in found.items() if held_by(one) & own}
    if not holders and wanted is None:
        others = _others(module, namespaces)
        holders = {name: one for name, one in found.items() if not held_by(one) & others}
        if not holders:
            raise NotExercised(
                f"{', '.join(found)}: no parameter of this module is held, only parameters of"
                " other objects"
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
            f"--optimizer {name}: no such object beside the module",
            hint=did_you_mean(name, found),
        )
    called = callable(value) and not isinstance(value, Optimizer)
    if called:
        value = value(module)
    if not isinstance(value, Optimizer):
        raise InputError(f"--optimizer {name}: not a torch.optim.Optimizer")
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


def held_against(module: nn.Module, path: str, ready: bool) -> StoredWeights:
    """Return how a file's weights fit a module; raises InputError for a file that is none.

    A `ready` module has weights of its own to compare with. The module keeps them.
    """
    stored = {tensor.name: tensor for tensor in _tensors(path)}
    by_path = {
        module_path(name).replace("/", "."): t for name, t in stored.items() if len(t.shape) == 2
    }
    turned, square, transposed, equal = [], [], [], 0
    for name, part in module.named_modules():
        found = by_path.get(name)
        if found is None or not isinstance(part, nn.Linear) or is_lazy(part.weight):
            continue
        own = tuple(part.weight.shape)
        if own[0] == own[1] and found.shape == own:
            square.append(name)
            if ready and _is_transposed(part.weight, found):
                transposed.append(name)
        elif found.shape == own[::-1]:
            turned.append((name, found.shape))
        elif found.shape == own:
            equal += 1
    kernels = any(name.replace("/", ".").endswith("kernel") for name in stored)
    return StoredWeights(
        repr(path),
        _refusal(module, stored.values()),
        tuple(turned),
        tuple(square),
        equal,
        tuple(transposed),
        kernels,
    )


def _tensors(path: str) -> list[StoredTensor]:
    from fcinspect.checkpoints.formats import npz, safetensors, torch_file

    check_readable(path)
    kind = kind_of(path)
    readers = {
        "safetensors": safetensors.tensors_of,
        "npz": npz.tensors_of,
        "torch": torch_file.tensors_of,
    }
    if kind not in readers or (kind == "torch" and is_uri(path)):
        raise InputError(
            f"--weights {masked_name(path)!r}: expected a .safetensors or .npz file, or a .pt"
            " or .bin file on this machine"
        )
    return list(readers[kind](path))


def _is_transposed(weight: torch.Tensor, stored: StoredTensor) -> bool:
    if stored.problem is not None:
        return False
    values = to_tensor(Array(stored.read(None), stored.dtype)).to(weight.dtype)
    return torch.equal(values.T, weight) and not torch.equal(values, weight)


def _refusal(module: nn.Module, stored: Iterable[StoredTensor]) -> str:
    """Return what load_state_dict says of shapes and names, without loading a number."""
    shapes = {
        tensor.name: torch.empty(tensor.shape, device="meta")
        for tensor in stored
        if tensor.problem is None or tensor.dtype.startswith(("int", "uint", "bool"))
    }
    copy = meta_copy(module)
    try:
        copy.load_state_dict(shapes, assign=True)
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    return ""

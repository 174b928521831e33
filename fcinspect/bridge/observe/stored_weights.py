"""A file of weights beside the module that is to load it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from fcinspect.bridge.linear import to_tensor
from fcinspect.bridge.trace.module_inputs import meta_copy
from fcinspect.bridge.trace.tensors import is_lazy
from fcinspect.checkpoints.opening import check_readable, kind_of
from fcinspect.checkpoints.pairing.naming import module_path
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.diagnosis.observations import StoredWeights
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.masking import is_uri, masked_name


def held_against(module: nn.Module, path: str, ready: bool) -> StoredWeights:
    """Return how a file's weights fit a module; raises InputError for a file that is none.

    A `ready` module has weights of its own to compare with. The module keeps them.
    """
    stored = {tensor.name: tensor for tensor in _tensors(path)}
    linear = {
        name: part
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear) and not is_lazy(part.weight)
    }
    by_path = {
        module_path(name).replace("/", "."): t for name, t in stored.items() if len(t.shape) == 2
    }
    turned, square, transposed, equal = [], [], [], 0
    for name, part in linear.items():
        found = by_path.get(name)
        if found is None:
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
    check_readable(path)
    match kind_of(path):
        case "safetensors":
            from fcinspect.checkpoints.formats import safetensors

            return list(safetensors.tensors_of(path))
        case "npz":
            from fcinspect.checkpoints.formats import npz

            return list(npz.tensors_of(path))
        case "torch" if not is_uri(path):
            from fcinspect.checkpoints.formats import torch_file

            return list(torch_file.tensors_of(path))
        case _:
            raise InputError(
                f"--weights {masked_name(path)!r}: expected a .safetensors or .npz file, or a .pt"
                " or .bin file on this machine"
            )


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

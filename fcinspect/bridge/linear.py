"""Real nn.Linear layers made and run by torch, and the arrays that pass between it and us."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from functools import cache

import numpy as np
import torch
from torch import nn

from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer, LinearRequest

LONGEST_REASON = 120
"""Characters of torch's own words, which may take ten lines."""


def version() -> str:
    """Return "torch 2.13.0"."""
    return f"torch {torch.__version__}"


def threads() -> int:
    """Return how many threads torch computes with."""
    return torch.get_num_threads()


def require_device(name: str) -> None:
    """Raise UsageError when torch cannot compute on the device of that name, in one plain line."""
    here = _devices()
    expected = f"expected {' or '.join(here)}"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device {name!r} is not a torch device: {expected}") from None
    if device.type == "cpu":
        return
    if device.type not in (found.partition(":")[0] for found in here):
        raise UsageError(f"--device {name!r}: torch finds no {device.type} device here; {expected}")
    if device.index is not None and str(device) not in here:
        raise UsageError(f"--device {name!r}: no such {device.type} device; {expected}")
    try:
        torch.zeros(1, device=device).sum().item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        raise UsageError(f"--device {name!r} cannot compute: {reason}; {expected}") from None


def _devices() -> list[str]:
    """Return the devices that torch has on this machine: cpu, and cuda, cuda:0, … or others."""
    found = ["cpu"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a driver that is too old is told by what is missing
        kind = torch.accelerator.current_accelerator(check_available=True)
        if kind is not None:
            found.append(kind.type)
            found += [f"{kind.type}:{k}" for k in range(torch.accelerator.device_count())]
    return found


def dtype_of(name: str) -> torch.dtype:
    """Return torch's dtype of that name."""
    found: torch.dtype = getattr(torch, name)
    return found


def dtype_name(dtype: torch.dtype) -> str:
    """Return "float32"."""
    return str(dtype).removeprefix("torch.")


def to_array(tensor: torch.Tensor) -> Array:
    """Return a copy of a tensor's numbers, exact."""
    name = dtype_name(tensor.dtype)
    plain = tensor.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    return Array(np.array(plain.numpy()), name)


def to_tensor(values: Array) -> torch.Tensor:
    """Return a copy of an array's numbers as a tensor of its dtype, exact."""
    return torch.from_numpy(np.array(values.values)).to(dtype_of(values.dtype))


def create_layer(request: LinearRequest) -> LinearLayer:
    """Return the layer that torch makes after torch.manual_seed(seed)."""
    return layer_of(_seeded(request), request.words)


def run_layer(
    request: LinearRequest, batch: tuple[int, ...] = (), x: Array | None = None
) -> tuple[LinearLayer, Array, Array]:
    """Return the seeded layer, its input and torch's output.

    Without `x` the input is torch.randn(*batch, in_features), drawn after the layer.
    """
    module = _seeded(request)
    drawn = (*batch, request.in_features)
    given = torch.randn(drawn, dtype=dtype_of(request.dtype)) if x is None else to_tensor(x)
    with torch.no_grad():
        result = module(given)
    return layer_of(module, request.words), to_array(given), to_array(result)


def _seeded(request: LinearRequest) -> nn.Linear:
    torch.manual_seed(request.seed)
    with warnings.catch_warnings():
        # torch warns that a layer of width 0 has nothing to initialise; the report says so
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        module = nn.Linear(
            request.in_features,
            request.out_features,
            bias=request.bias,
            dtype=dtype_of(request.dtype),
        )
        if request.init != "default":
            try:
                getattr(nn.init, request.init + "_")(module.weight)
            except (NotImplementedError, ZeroDivisionError) as error:
                # orthogonal has no 16-bit form, xavier divides by in_features + out_features
                raise UsageError(
                    f"torch cannot initialize {request.words} in {request.dtype}: {error}"
                ) from None
    return module


def layer_of(module: nn.Linear, source: str, name: str = "") -> LinearLayer:
    """Return the record of a module."""
    bias = None if module.bias is None else to_array(module.bias)
    return LinearLayer(to_array(module.weight), bias, source, name)


def seed_generators(seed: int) -> None:
    """Do as torch.manual_seed does, without what that notes for devices that are not there.

    For each kind of device not in use yet it formats the whole stack, and keeps it until the
    process ends: that is slow where it is called often.
    """
    if _has_accelerator():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


_has_accelerator = cache(torch.accelerator.is_available)


def pickled_bytes(state: Mapping[str, Array]) -> bytes:
    """Return the content of a .pt file that holds a state dict."""
    file = io.BytesIO()
    torch.save({name: to_tensor(values) for name, values in state.items()}, file)
    return file.getvalue()

"""What a module is made of and called with: its constructor's arguments, its inputs, a copy."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import nn

from fcinspect.bridge.linear import dtype_name
from fcinspect.bridge.trace.tensors import is_lazy, tensors_of
from fcinspect.errors import InputError, UsageError, did_you_mean
from fcinspect.layers.memory import require_free
from fcinspect.shapes import steps

WHOLE_NUMBERS = re.compile(r"(?:^|_)(?:ids?|idx|index|indices|tokens?|masks?|labels?|targets?)$")
"""Names of inputs that hold whole numbers."""
USUAL = ("input_ids", "attention_mask", "x", "input", "pixel_values")
"""Names of inputs that are needed even where forward has defaults for all."""
FIRST_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding)


def check_arguments(found: Any, arguments: Mapping[str, Any], text: str) -> None:
    """Raise where a class or function cannot be called with these arguments."""
    signature = _signature(found)
    if signature is None:
        return
    parameters = signature.parameters
    _check_names(arguments, signature, "--arg", text)
    missing = [
        p.name
        for p in parameters.values()
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in arguments
    ]
    if missing:
        given = " ".join(f"--arg {name}=…" for name in missing)
        raise UsageError(f"{text} needs {', '.join(missing)}", hint=f"give {given}")


def inputs_of(
    module: nn.Module, given: Sequence[steps.Tensor], batch: tuple[int, ...] | None
) -> tuple[tuple[steps.Tensor, ...], str]:
    """Return the inputs, and how they were found where they were not given."""
    held = next((p for p in module.parameters() if p.is_floating_point()), None)
    usual = "float32" if held is None else dtype_name(held.dtype)
    if given:
        lead = batch or ()
        return tuple(steps.Tensor((*lead, *t.shape), t.dtype or usual, t.name) for t in given), ""
    example = getattr(module, "example_input_array", None)
    if example is not None:
        shapes = [t for _, t in tensors_of(example)]
        return tuple(
            steps.Tensor((*(batch or ()), *t.shape[len(batch or ()) :]), dtype_name(t.dtype))
            for t in shapes
        ), "from its example_input_array"
    for name, part in module.named_modules():
        if next(iter(part.parameters(recurse=False)), None) is None:
            continue
        if isinstance(part, nn.Linear) and not is_lazy(part.weight):
            where = f"{name}.in_features" if name else "in_features"
            shape = (*(batch if batch is not None else (1,)), part.in_features)
            return (steps.Tensor(shape, usual),), f"as wide as {where}"
        break
    raise UsageError("the shape of the input is unknown", hint=_how_to_give(module))


def made_on(device: str, inputs: Sequence[steps.Tensor]) -> tuple[list[Any], dict[str, Any]]:
    """Return the inputs as zeros, positional ones and named ones."""
    if device == "cpu":
        require_free(sum(8 * prod(t.shape) for t in inputs), "the input", refusal=InputError)
    made = [torch.zeros(t.shape, dtype=getattr(torch, t.dtype), device=device) for t in inputs]
    return called_with(inputs, made)


def called_with(
    inputs: Sequence[steps.Tensor], tensors: Sequence[torch.Tensor]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call; "batch.x" is the entry x of a dict called batch.

    Raises UsageError where a name is given twice, as a tensor or as a dict.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for given, tensor in zip(inputs, tensors, strict=True):
        if not given.name:
            args.append(tensor)
            continue
        *outer, last = given.name.split(".")
        holder = kwargs
        for part in outer:
            holder = holder.setdefault(part, {})
            if not isinstance(holder, dict):
                break
        if not isinstance(holder, dict) or last in holder:
            raise UsageError(f"--input {given.name}=…: this name is given twice")
        holder[last] = tensor
    return args, kwargs


def check_call(module: nn.Module, args: list[Any], kwargs: dict[str, Any], text: str) -> None:
    """Raise UsageError where forward does not take so many inputs, or none of that name."""
    signature = _signature(module.forward)
    if signature is None:
        return
    _check_names(kwargs, signature, "--input", "forward")
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise UsageError(
            f"forward({', '.join(signature.parameters)}) of {text} cannot take these inputs:"
            f" {error}",
            hint=_how_to_give(module),
        ) from None


def _how_to_give(module: nn.Module) -> str:
    """Return the --input options that forward's signature asks for, with sizes to be changed."""
    signature = _signature(module.forward)
    taken = [
        p
        for p in ({} if signature is None else signature.parameters).values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    needed = [p.name for p in taken if p.default is p.empty] or [
        p.name for p in taken if p.name in USUAL
    ]
    if not needed:
        return "give it: --input 4,3,32,32 (batch first)"
    if len(needed) == 1:
        return f"give it: --input {_sizes(needed[0], module)} (batch first)"
    options = " ".join(f"--input {name}={_sizes(name, module)}" for name in needed)
    return f"forward takes {', '.join(needed)}: {options}"


def _sizes(name: str, module: nn.Module) -> str:
    """Return sizes that an input of that name may have, batch first."""
    if WHOLE_NUMBERS.search(name):
        return "2,8:int64"
    first = next((m for m in module.modules() if isinstance(m, FIRST_LAYERS)), None)
    if isinstance(first, nn.Embedding):
        return "2,8:int64"
    if isinstance(first, nn.Linear) and not is_lazy(first.weight):
        return f"2,{first.in_features}"
    if isinstance(first, nn.Conv1d):
        return f"2,{first.in_channels},100"
    return f"4,{first.in_channels if isinstance(first, nn.Conv2d) else 3},32,32"


def _signature(function: Any) -> inspect.Signature | None:
    """Return what a function takes; None of one that does not tell."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _check_names(
    names: Iterable[str], signature: inspect.Signature, option: str, function: str
) -> None:
    parameters = signature.parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for name in names:
        if name not in parameters:
            raise UsageError(
                f"{option} {name}=…: {function} takes ({', '.join(parameters) or 'no arguments'})",
                hint=did_you_mean(name, parameters) or _as_entry(name, option, list(parameters)),
            )


def _as_entry(name: str, option: str, parameters: list[str]) -> str | None:
    """Return how a dict is given to a function that takes a single thing."""
    if option != "--input" or len(parameters) != 1:
        return None
    return f"if {parameters[0]} is a dict, give its entries as --input {parameters[0]}.{name}=…"


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

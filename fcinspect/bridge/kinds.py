"""What an object of somebody else's code is: a kernel, a maker of modules, or a ready module."""

from __future__ import annotations

import inspect
import re
from typing import Any, Literal

import torch
from torch import nn

from fcinspect.errors import InputError

Kind = Literal["kernel", "factory", "module"]

INPUTS = ("in_features", "n_in", "in_dim", "input_size", "in_size", "input_dim", "d_in")
"""What the first parameter of a maker of modules is called."""
WEIGHTS = ("weight", "weights", "w", "W")
"""What one of the first three parameters of a kernel is called."""


def kind_of(found: Any, text: str) -> Kind:
    """Return what the object named `text` is.

    Raises InputError where it is no linear layer, or where it cannot be told.
    """
    if isinstance(found, nn.Module):
        return "module"
    if inspect.isclass(found):
        if issubclass(found, nn.Module):
            return "factory"
        if issubclass(found, torch.autograd.Function):
            raise InputError(f"{text} is an autograd.Function: give {text}.apply")
        if issubclass(found, torch.optim.Optimizer):
            raise InputError(
                f"{text} is an optimizer, no linear layer", hint="fcinspect verify optimizer"
            )
    if not callable(found):
        raise InputError(
            f"{text} is {kind_words(found)}: expected an nn.Module, a class or factory of modules,"
            " or a function of (input, weight, bias)"
        )
    names = _parameters(found)
    if names[:1] and names[0] in INPUTS:
        return "factory"
    if any(name in WEIGHTS for name in names[:3]):
        return "kernel"
    raise InputError(
        f"{text} takes ({', '.join(names) or '…'}): it cannot be told whether it makes modules or"
        " computes",
        hint="--kind factory for (in_features, out_features, bias), --kind kernel for (input,"
        " weight, bias)",
    )


def kind_words(value: Any) -> str:
    """Return what a value is, in words: "a list", "None"."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def _parameters(found: Any) -> list[str]:
    """Return the names of a callable's parameters; a builtin tells them in its documentation."""
    try:
        return list(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        first = (inspect.getdoc(found) or "").partition("\n")[0]
        told = re.match(r"\w+\(([^()]*)\)", first)
        given = told[1].split(",") if told else []
        return [name.partition("=")[0].partition(":")[0].strip() for name in given]

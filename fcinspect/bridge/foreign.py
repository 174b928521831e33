"""What an object of somebody's code is, what it returned, did to its operands, and raised."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from fcinspect.bridge.linear import dtype_name, to_array
from fcinspect.bridge.loading import expectation, words_of
from fcinspect.errors import InputError, Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.subject import LayerAnswer

Kind = Literal["kernel", "factory", "module"]

INPUTS = ("in_features", "n_in", "in_dim", "input_size", "in_size", "input_dim", "d_in")
"""What the first parameter of a maker of modules is called."""
WEIGHTS = ("weight", "weights", "w", "W")
"""What one of the first three parameters of a kernel is called."""
Given = Mapping[str, torch.Tensor | None]


def kind_of(found: Any, text: str) -> Kind:
    """Return what the object named `text` is.

    Raises InputError where it is no linear layer, or where it cannot be told.
    """
    if isinstance(found, nn.Module):
        return "module"
    bases = found.__mro__ if inspect.isclass(found) else ()
    if nn.Module in bases:
        return "factory"
    if torch.autograd.Function in bases:
        raise InputError(f"{text} is an autograd.Function: use {text}.apply")
    if torch.optim.Optimizer in bases:
        hint = "use fcinspect verify optimizer"
        raise InputError(f"{text} is an optimizer, not a linear layer", hint=hint)
    if not callable(found):
        raise InputError(
            f"{text} is {kind_words(found)}: expected an nn.Module, a module class or factory,"
            " or a function of (input, weight, bias)"
        )
    names = _parameters(found)
    if names[:1] and names[0] in INPUTS:
        return "factory"
    if any(name in WEIGHTS for name in names[:3]):
        return "kernel"
    raise InputError(
        f"{text} takes ({', '.join(names) or '…'}): this does not show whether it makes modules or"
        " computes",
        hint="use --kind factory for (in_features, out_features, bias), --kind kernel for (input,"
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


class BackwardFailed(Misbehaved):
    """A layer that takes part in differentiation, and raised when its gradients were asked for."""


@contextmanager
def guarded(expected: str = "", *, backward: bool = False) -> Iterator[None]:
    """Tell what foreign code raises as what it is: a finding.

    `expected` is the form of what is called, for a call whose arguments are refused.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except (Misbehaved, KeyboardInterrupt):
        raise
    except BaseException as error:
        if backward:
            raise BackwardFailed(f"its backward raised {words_of(error)}") from None
        said = expectation(error, expected) if expected else ""
        raise Misbehaved(f"raised {words_of(error)}{said}") from None


def answer_of(output: Any, changed: tuple[str, ...], gradients: Mapping[str, Any]) -> LayerAnswer:
    """Return the record of an output and of the gradients of "input", "weight" and "bias"."""
    made = {
        f"grad_{name}": None if gradients.get(name) is None else array_of(gradients[name])
        for name in ("input", "weight", "bias")
    }
    return LayerAnswer(array_of(output), changed, **made)


def gradients_of(returned: Any) -> dict[str, Any]:
    """Return the gradients that a `backward` gave: a mapping, or (input, weight, bias)."""
    if isinstance(returned, Mapping):
        return dict(returned)
    parts = returned if isinstance(returned, tuple | list) else (returned,)
    return dict(zip(("input", "weight", "bias"), parts, strict=False))


def array_of(values: Any) -> Array:
    """Return what came back as an array; raises Misbehaved for anything else."""
    if isinstance(values, torch.Tensor):
        if dtype_name(values.dtype) not in FORMATS:
            raise Misbehaved(f"returned {dtype_name(values.dtype)} numbers")
        return to_array(values)
    if isinstance(values, np.ndarray | np.floating):
        array = np.array(values)
        if array.dtype.name not in FORMATS:
            raise Misbehaved(f"returned {array.dtype.name} numbers")
        return Array(array, array.dtype.name)
    raise Misbehaved(f"returned {kind_words(values)} instead of an array")


def copies(given: Given) -> dict[str, torch.Tensor | None]:
    """Return what the operands are before a call."""
    return {k: None if v is None else v.detach().clone() for k, v in given.items()}


def changed_of(given: Given, before: Given) -> tuple[str, ...]:
    """Return the names of the tensors that are not what they were; NaN stays NaN."""
    names = []
    for name, values in given.items():
        was = before[name]
        if values is None or was is None:
            continue
        now = values.detach()
        if now.shape != was.shape or not bool(((now == was) | (now.isnan() & was.isnan())).all()):
            names.append(name)
    return tuple(names)

"""What foreign code returned and did to its operands, as records; what it raised, as a finding."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from fcinspect.bridge.kinds import kind_words
from fcinspect.bridge.linear import to_array
from fcinspect.bridge.loading import expectation, words_of
from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.subject import LayerAnswer

Given = Mapping[str, torch.Tensor | None]


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
            raise Misbehaved(f"returned numbers of {dtype_name(values.dtype)}")
        return to_array(values)
    if isinstance(values, np.ndarray | np.floating):
        array = np.array(values)
        if array.dtype.name not in FORMATS:
            raise Misbehaved(f"returned numbers of {array.dtype.name}")
        return Array(array, array.dtype.name)
    raise Misbehaved(f"returned {kind_words(values)} instead of an array")


def dtype_name(dtype: torch.dtype) -> str:
    """Return "float32"."""
    return str(dtype).removeprefix("torch.")


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

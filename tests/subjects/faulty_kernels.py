"""Functions of (input, weight, bias) with one fault each."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tests.subjects.correct import by_torch as right


def hangs(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Never return."""
    while True:
        time.sleep(0.01)


def crashes(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Read address 0."""
    ctypes.string_at(0)
    return right(input, weight, bias)


def ends(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """End the process."""
    os._exit(5)


def exits(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Raise SystemExit."""
    sys.exit("enough")


def raises(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Raise."""
    raise ZeroDivisionError("the planted message")


def prints(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Write to standard output, by Python and below it."""
    print("printed by python")
    os.write(1, b"printed below python\n")
    return right(input, weight, bias)


def none(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Forget to return."""
    right(input, weight, bias)


def lists(input: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
    """Return nested lists."""
    return right(input, weight, bias).tolist()


def pair(input: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, None]:
    """Return a tuple."""
    return right(input, weight, bias), None


def whole_numbers(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return integers."""
    return right(input, weight, bias).to(torch.int64)


def flat(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Lose the batch's shape."""
    return right(input, weight, bias).reshape(-1)


def scales_input(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Write to the input."""
    y = right(input, weight, bias)
    with torch.no_grad():
        input.mul_(2)
    return y


def scales_weight(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Write to the weight."""
    y = right(input, weight, bias)
    with torch.no_grad():
        weight.mul_(2)
    return y


def ignores_bias(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Leave the bias out."""
    return right(input, weight, None)


def needs_bias(input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Add a bias that may be None."""
    return right(input, weight, None) + bias


def upcasts(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return float64."""
    wide = None if bias is None else bias.double()
    return right(input.double(), weight.double(), wide)


def ignores_strides(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Read memory in the order in which it lies."""
    x = torch.as_strided(input, input.shape, torch.empty(input.shape).stride())
    return functional.linear(x, weight, bias)


def changes_with_batch(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Drop the last input from the third row of a batch on."""
    y = right(input, weight, bias)
    if input.dim() != 2 or len(input) < 3:
        return y
    return torch.cat([y[:2], right(input[2:, :-1], weight[:, :-1], bias)])


def transposed(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Take the weight for (in, out) wherever that is possible."""
    if weight.shape[0] == weight.shape[1]:
        weight = weight.T
    return right(input, weight, bias)


not_callable = 3

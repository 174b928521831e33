"""Runs of a module on random numbers, the same ones every time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from fcinspect.bridge.linear import seed_generators
from fcinspect.bridge.trace.module_inputs import called_with
from fcinspect.bridge.trace.tensors import is_lazy
from fcinspect.shapes import steps

SEED = 0


class NotExercised(Exception):
    """Why something could not be looked at, in words for the reader."""


class RandomRuns:
    """Calls a module on inputs of given shapes."""

    def __init__(self, module: nn.Module, inputs: Sequence[steps.Tensor]) -> None:
        self.module = module
        self.inputs = inputs
        if any(is_lazy(parameter) for parameter in module.parameters()):
            with torch.no_grad():
                self.run(self.made())  # only now its parameters have shapes

    def made(self, rows: int | None = None, seed: int = SEED) -> list[torch.Tensor]:
        """Return random inputs, with so many rows in place of the first dimension."""
        made = []
        with seeded(seed):
            for given in self.inputs:
                shape = given.shape
                if rows is not None and shape:
                    shape = (rows, *shape[1:])
                tensor = torch.zeros(shape, dtype=getattr(torch, given.dtype))
                draw(tensor)
                made.append(tensor)
        return made

    def run(self, inputs: Sequence[torch.Tensor]) -> Any:
        """Return what the module returns; raises whatever it raises."""
        args, kwargs = called_with(self.inputs, inputs)
        with seeded(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.module(*args, **kwargs)

    def on_rows(self, rows: int, seed: int = SEED) -> Any:
        """Return the output for so many rows, or for those given where it does not take them."""
        try:
            return self.run(self.made(rows, seed))
        except Exception:
            return self.run(self.made(None, seed))


def draw(tensor: torch.Tensor) -> None:
    """Fill a tensor with other random numbers; whole ones are 0 or 1, which index anything."""
    if tensor.is_floating_point() or tensor.is_complex():
        tensor.copy_(torch.randn(tensor.shape, dtype=tensor.dtype))
    elif tensor.dim() == 0 or bool((tensor == 0).all()):
        tensor.copy_(torch.randint(0, 2, tensor.shape))
    else:
        tensor.copy_(1 - tensor.to(torch.int64))


@contextmanager
def seeded(seed: int = SEED) -> Iterator[None]:
    """Draw the same numbers every time, and leave the generator as it was."""
    with torch.random.fork_rng(devices=[]):
        seed_generators(seed)
        yield

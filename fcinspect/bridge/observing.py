"""Runs a module on random numbers, forwards and backwards, and notes what was seen."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fcinspect.bridge.loading import words_of
from fcinspect.bridge.sites import MadePlaces
from fcinspect.bridge.tracer import is_lazy, modules_in, tensors_of
from fcinspect.diagnosis.observations import (
    Lifeless,
    Mixing,
    Observations,
    OptimizerHolds,
    Unregistered,
)
from fcinspect.errors import InputError, did_you_mean
from fcinspect.shapes import steps

ROWS = 32
"""Rows of a batch on which a gradient is looked for, where the module takes so many."""
SEED = 0


class Observer:
    """Looks at a module on the CPU."""

    def __init__(
        self, module: nn.Module, inputs: Sequence[steps.Tensor], used: set[str], made: MadePlaces
    ) -> None:
        """`used` are the state-dict keys of the parameters that a run used."""
        self._module = module
        self._inputs = inputs
        self._used = used
        self._made = made
        self._checked: list[str] = []
        self._not: list[str] = []

    def all(
        self, namespaces: Sequence[dict[str, Any]], optimizer: str | None, ready: bool
    ) -> Observations:
        """Return everything that was seen."""
        lifeless, frozen = self._lifeless()
        return Observations(
            unregistered=self._unregistered(),
            lifeless=lifeless,
            frozen=frozen,
            mixing=self._mixing(),
            optimizers=self._optimizers(namespaces, optimizer, ready),
            checked=tuple(self._checked),
            not_exercised=tuple(self._not),
        )

    def _unregistered(self) -> tuple[Unregistered, ...]:
        self._checked.append("layers and parameters in plain lists and dicts")
        found = []
        known = {id(p) for p in self._module.parameters()}
        for _, part in list(self._module.named_modules()):
            for name, value in vars(part).items():
                if name.startswith("_") or not isinstance(value, list | tuple | dict):
                    continue
                modules = [m for _, m in modules_in(value, name)]
                values = list(value.values()) if isinstance(value, dict) else list(value)
                parameters = [p for p in values if isinstance(p, nn.Parameter)]
                inner = [p for m in modules for p in m.parameters()] + parameters
                strangers = [p for p in inner if id(p) not in known]
                if not strangers:
                    continue
                found.append(
                    Unregistered(
                        owner=type(part).__name__,
                        attribute=name,
                        container=type(value).__name__,
                        count=len(modules) + len(parameters),
                        numbers=sum(p.numel() for p in strangers if not is_lazy(p)),
                        modules=bool(modules),
                        made=self._made.of(modules[0]) if modules else None,
                    )
                )
        return tuple(found)

    def _lifeless(self) -> tuple[tuple[Lifeless, ...], tuple[str, ...]]:
        named = [(key, p) for key, p in self._module.named_parameters() if not is_lazy(p)]
        frozen = tuple(key for key, p in named if not p.requires_grad)
        trained = [(key, p) for key, p in named if p.requires_grad]
        try:
            gradients = self._gradients([p for _, p in trained])
        except Exception as error:
            self._not.append(f"gradients: the backward pass stops ({words_of(error)})")
            return (), frozen
        if gradients is None:
            self._not.append("gradients: no output depends on a parameter that requires one")
            gradients = [None] * len(trained)
        self._checked.append("layers that forward never uses")
        self._checked.append("parameters that no gradient reaches, on random inputs")
        dead = []
        for (key, p), gradient in zip(trained, gradients, strict=True):
            if gradient is None:
                kind = "detached" if key in self._used else "never used"
                dead.append(Lifeless(key, tuple(p.shape), kind))
            elif p.numel() and not bool(gradient.any()):
                dead.append(Lifeless(key, tuple(p.shape), "zero"))
        return tuple(dead), frozen

    def _gradients(self, parameters: list[nn.Parameter]) -> list[torch.Tensor | None] | None:
        """Return the gradients of a random sum of all outputs; None where none has any."""
        output = self._first_that_runs((ROWS, None))
        scores = [t for _, t in tensors_of(output) if t.requires_grad]
        if not scores or not parameters:
            return None
        with _seeded():
            total = sum((t * torch.randn_like(t)).sum() for t in scores if t.is_floating_point())
        assert isinstance(total, torch.Tensor)
        return list(torch.autograd.grad(total, parameters, allow_unused=True))

    def _first_that_runs(self, rows: Sequence[int | None]) -> Any:
        """Return the output for the first number of rows that the module takes."""
        *others, last = rows
        for count in others:
            try:
                return self._run(self._made_inputs(count))
            except Exception:
                continue
        return self._run(self._made_inputs(last))

    def _mixing(self) -> Mixing | None:
        what = "rows of the batch that depend on one another"
        shapes = [t.shape for t in self._inputs]
        if not shapes or not all(shape for shape in shapes):
            self._not.append(f"{what}: there is no batch dimension")
            return None
        rows = shapes[0][0]
        if len(shapes) > 1 and (rows, rows) in shapes:
            self._not.append(f"{what}: an input is ({rows}, {rows}), as of a graph and its nodes")
            return None
        given: int | None = None
        if rows < 2:
            rows = given = 3
        if self._module.training:
            self._not.append(f"{what}: in training mode BatchNorm and dropout mix them")
            return None
        try:
            first = self._made_inputs(given)
            if not all(t.shape[0] == rows for t in first):
                self._not.append(f"{what}: the inputs have different first dimensions")
                return None
            other = [t.clone() for t in first]
            for tensor in other:
                _redraw(tensor[0])
            with torch.no_grad():
                runs = [self._run(first), self._run(first), self._run(other)]
        except Exception as error:
            self._not.append(f"{what}: on random numbers it stops ({words_of(error)})")
            return None
        return self._compared(runs, rows, what)

    def _compared(self, runs: Sequence[Any], rows: int, what: str) -> Mixing | None:
        once, again, changed = ([t for _, t in tensors_of(run)] for run in runs)
        if not all(a.shape == b.shape and _same(a, b) for a, b in zip(once, again, strict=True)):
            self._not.append(f"{what}: the same input does not give the same output twice")
            return None
        by_row = [
            (a, b) for a, b in zip(once, changed, strict=True) if a.dim() and a.shape == b.shape
        ]
        self._checked.append(what)
        for a, b in by_row:
            if a.shape[0] != rows:
                continue
            moved = [row for row in range(rows) if not _same(a[row], b[row])]
            if any(row != 0 for row in moved):
                return Mixing(rows, tuple(moved), tuple(a.shape))
        return None

    def _optimizers(
        self, namespaces: Sequence[dict[str, Any]], wanted: str | None, ready: bool
    ) -> tuple[OptimizerHolds, ...]:
        found: dict[str, torch.optim.Optimizer] = {}
        for names in namespaces:
            for name, value in names.items():
                if isinstance(value, torch.optim.Optimizer):
                    found.setdefault(name, value)
        if wanted is not None:
            value = next((n[wanted] for n in namespaces if wanted in n), None)
            if value is None:
                raise InputError(
                    f"--optimizer {wanted}: there is no such object beside the module",
                    hint=did_you_mean(wanted, found),
                )
            if callable(value) and not isinstance(value, torch.optim.Optimizer):
                value, ready = value(self._module), True
            if not isinstance(value, torch.optim.Optimizer):
                raise InputError(f"--optimizer {wanted}: it is no torch.optim.Optimizer")
            found = {wanted: value}
        if not ready and found:
            self._not.append(
                f"{', '.join(found)}: an optimizer can hold the parameters of a ready module only;"
                " name that in place of its class"
            )
            return ()
        if not found:
            self._not.append("an optimizer: none was found; --optimizer NAME names it")
            return ()
        self._checked.append(f"whether {', '.join(found)} holds the module's parameters")
        return tuple(self._held(name, optimizer) for name, optimizer in found.items())

    def _held(self, name: str, optimizer: torch.optim.Optimizer) -> OptimizerHolds:
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        own = [(key, p) for key, p in self._module.named_parameters() if p.requires_grad]
        all_own = {id(p) for p in self._module.parameters()}
        return OptimizerHolds(
            name,
            type(optimizer).__name__,
            tuple(key for key, p in own if id(p) not in held),
            len(own),
            len(held - all_own),
        )

    def _run(self, inputs: list[torch.Tensor]) -> Any:
        names = [t.name for t in self._inputs]
        args = [t for t, name in zip(inputs, names, strict=True) if not name]
        kwargs = {name: t for t, name in zip(inputs, names, strict=True) if name}
        with _seeded(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._module(*args, **kwargs)

    def _made_inputs(self, rows: int | None) -> list[torch.Tensor]:
        """Return random inputs, with so many rows in place of the first dimension."""
        made = []
        with _seeded():
            for given in self._inputs:
                shape = given.shape
                if rows is not None and shape:
                    shape = (rows, *shape[1:])
                tensor = torch.zeros(shape, dtype=getattr(torch, given.dtype))
                _redraw(tensor)
                made.append(tensor)
        return made


def _redraw(tensor: torch.Tensor) -> None:
    """Fill a tensor with other random numbers; whole ones are 0 or 1, which index anything."""
    if tensor.is_floating_point() or tensor.is_complex():
        tensor.copy_(torch.randn(tensor.shape, dtype=tensor.dtype))
    elif tensor.dim() == 0 or bool((tensor == 0).all()):
        tensor.copy_(torch.randint(0, 2, tensor.shape))
    else:
        tensor.copy_(1 - tensor.to(torch.int64))


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool(((a == b) | ((a != a) & (b != b))).all())


@contextmanager
def _seeded() -> Iterator[None]:
    """Draw the same numbers every time, and leave the generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        yield


def namespace_of(place: str) -> dict[str, Any]:
    """Return what stands in an imported module of the reader's."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if getattr(module, "__name__", "") == place or (
            place.endswith(".py") and file and Path(file).resolve() == Path(place).resolve()
        ):
            return vars(module)
    return {}

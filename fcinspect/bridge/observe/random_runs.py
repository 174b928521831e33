"""Runs of a module on random numbers, the same every time, and where gradients reach in them."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from math import inf
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from fcinspect.bridge.linear import seed_generators
from fcinspect.bridge.loading import words_of
from fcinspect.bridge.trace.module_inputs import called_with
from fcinspect.bridge.trace.tensors import is_lazy, tensors_of
from fcinspect.diagnosis.observations import Kind, Lifeless, listed
from fcinspect.shapes import steps

SEED = 0
ROWS = 32
"""Rows of a batch on which a gradient is looked for, where the module takes so many."""
MORE_INPUTS = 4
"""So many further inputs are tried where a gradient is missing."""
STEPS = 3
LENGTH = 0.1
"""Steps of gradient descent after which a gradient that is 0 at the start only is none, and the
largest change of a parameter in each."""

KEYS = {F.scaled_dot_product_attention: -2, F.multi_head_attention_forward: 0}
"""Functions that attend, and the dimension of their keys."""
Gradients = list[torch.Tensor | None]


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


class GradientReach:
    """Looks for the gradients of all parameters that want one."""

    def __init__(self, runs: RandomRuns, unused: Collection[str]) -> None:
        """`unused` are the state-dict keys of the parameters that a run did not use."""
        self._runs = runs
        self._unused = unused
        named = [(key, p) for key, p in runs.module.named_parameters() if not is_lazy(p)]
        self._all = [key for key, _ in named]
        self._trained = {key: p for key, p in named if p.requires_grad}
        self.notes: list[str] = []
        """What is known of parameters without a gradient, and is no fault."""

    def lifeless(self) -> tuple[Lifeless, ...]:
        """Return the parameters that no gradient reaches; raises NotExercised."""
        parameters = list(self._trained.values())
        try:
            gradients = self.gradients(parameters)
        except NotExercised:
            raise
        except Exception as error:
            raise NotExercised(f"the backward pass fails ({words_of(error)})") from None
        kinds: dict[str, Kind] = {}
        for key, gradient in zip(self._trained, gradients, strict=True):
            if gradient is None:
                kinds[key] = "never used" if key in self._unused else "detached"
            elif gradient.numel() and not bool(gradient.any()):
                kinds[key] = "zero"
        self._on_other_inputs(kinds)
        self._without_rows(kinds)
        self._in_the_other_mode(kinds)
        self._later(kinds)
        self._in_part(kinds)
        return tuple(
            Lifeless(key, tuple(self._trained[key].shape), kind, self._is_whole(key, kinds))
            for key, kind in kinds.items()
        )

    def gradients(self, parameters: Sequence[torch.Tensor], seed: int = SEED) -> Gradients:
        """Return the gradients of a random sum of all outputs; None where it has none."""
        with _OneKey():
            output = self._runs.on_rows(ROWS, seed)
        scores = [t for _, t in tensors_of(output) if t.requires_grad]
        if scores and not any(t.numel() for t in scores):
            raise NotExercised(f"the output is empty on random inputs: {tuple(scores[0].shape)}")
        if not scores or not parameters:
            return [None] * len(parameters)
        with seeded():
            total = sum((t * torch.randn_like(t)).sum() for t in scores)
        assert isinstance(total, torch.Tensor)
        if total.is_complex():
            total = total.real
        return list(torch.autograd.grad(total, parameters, allow_unused=True))

    def _on_other_inputs(self, kinds: dict[str, Kind]) -> None:
        """Take out what other random inputs reach: an expert that these rows did not choose."""
        for seed in range(SEED + 1, SEED + 1 + MORE_INPUTS):
            if not kinds:
                return
            try:
                gradients = self.gradients([self._trained[key] for key in kinds], seed)
            except Exception:
                return
            for key, gradient in zip(list(kinds), gradients, strict=True):
                if gradient is not None and gradient.any():
                    del kinds[key]

    def _without_rows(self, kinds: dict[str, Kind]) -> None:
        """Take out layers that are called with empty tensors only."""
        rows: dict[str, int] = {}

        def counted(name: str, module: nn.Module, args: Any) -> None:
            rows[name] = rows.get(name, 0) + sum(t.numel() for _, t in tensors_of(args))

        module = self._runs.module
        layers = {key.rpartition(".")[0] for key, kind in kinds.items() if kind == "zero"} - {""}
        hooks = [
            module.get_submodule(name).register_forward_pre_hook(partial(counted, name))
            for name in layers
        ]
        try:
            if hooks:
                self._runs.on_rows(ROWS)
        finally:
            for hook in hooks:
                hook.remove()
        found = [key for key in kinds if rows.get(key.rpartition(".")[0]) == 0]
        if found:
            self._note(
                kinds, found, "no row of random inputs reaches it, as can happen to an expert"
            )

    def _in_the_other_mode(self, kinds: dict[str, Kind]) -> None:
        """Take out what is used in the other mode: heads that only train."""
        module = self._runs.module
        names = [key for key, kind in kinds.items() if kind != "zero"]
        if not names:
            return
        modes = [(part, part.training) for part in module.modules()]
        try:
            module.train(not module.training)
            gradients = self.gradients([self._trained[key] for key in names])
        except Exception:
            return
        finally:
            for part, mode in modes:
                part.training = mode
        found = [key for key, g in zip(names, gradients, strict=True) if g is not None]
        if found:
            now, other = ("training", "evaluation")[:: 1 if module.training else -1]
            how = "omit" if module.training else "use"
            words = f"used in {other} mode, but not in this run in {now} mode; {how} --train for it"
            self._note(kinds, found, words)

    def _later(self, kinds: dict[str, Kind]) -> None:
        """Take out what has a gradient after a few steps of gradient descent of all parameters."""
        names = [key for key, kind in kinds.items() if kind == "zero"]
        if not names:
            return
        try:
            with self._after_steps():
                gradients = self.gradients([self._trained[key] for key in names])
        except Exception:
            return  # parameters that some code does not take
        woken = [key for key, g in zip(names, gradients, strict=True) if g is not None and g.any()]
        if woken:
            self._note(
                kinds, woken,
                "the gradient is 0 only at the start: what it is multiplied by starts at 0, and is"
                " trained",
            )  # fmt: skip

    @contextmanager
    def _after_steps(self) -> Iterator[None]:
        """Take steps of the length of a gradient's largest number, and take them back."""
        parameters = list(self._trained.values())
        before = [p.detach().clone() for p in parameters]
        try:
            for _ in range(STEPS):
                for parameter, gradient in zip(parameters, self.gradients(parameters), strict=True):
                    largest = 0.0 if gradient is None else float(gradient.abs().max())
                    if gradient is not None and 0 < largest < inf:
                        with torch.no_grad():
                            parameter.add_(gradient, alpha=-LENGTH / largest)
            yield
        finally:
            with torch.no_grad():
                for parameter, numbers in zip(parameters, before, strict=True):
                    parameter.copy_(numbers)

    def _in_part(self, kinds: dict[str, Kind]) -> None:
        """Take out gradients of 0 beside others of the same layer: the layer is not dead."""
        found = [k for k, kind in kinds.items() if kind == "zero" and not self._is_whole(k, kinds)]
        if found:
            self._note(
                kinds, found,
                "the gradient is 0 on this input, but those of others in the layer are not: as when"
                " a bias cancels out, or an initial state is 0",
            )  # fmt: skip

    def _note(self, kinds: dict[str, Kind], names: Sequence[str], words: str) -> None:
        self.notes.append(f"{listed(names)}: {words}")
        for name in names:
            del kinds[name]

    def _is_whole(self, key: str, kinds: dict[str, Kind]) -> bool:
        """Whether all parameters of a parameter's layer are as it is."""
        layer = key.rpartition(".")[0]
        beside = [other for other in self._all if other.rpartition(".")[0] == layer]
        return all(kinds.get(other) == kinds[key] for other in beside)


class _OneKey(TorchFunctionMode):
    """Computes attention to a single key, whose weight is 1 whatever enters, by a softmax.

    The gradient of that weight is then exactly 0; fused kernels can leave a rounding error.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = {**dict(zip(("query", "key"), args, strict=False)), **(kwargs or {})}
        axis = KEYS.get(func)
        single = axis is not None and named["key"].shape[axis] == 1
        with sdpa_kernel(SDPBackend.MATH) if single else nullcontext():
            return func(*args, **(kwargs or {}))

"""Which parameters of a module a gradient reaches, on random inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from fcinspect.bridge.loading import words_of
from fcinspect.bridge.observe.random_runs import RandomRuns, seeded
from fcinspect.bridge.observe.row_mixing import NotExercised
from fcinspect.bridge.trace.origins import is_lazy
from fcinspect.bridge.trace.tensors import tensors_of
from fcinspect.diagnosis.observations import Kind, Lifeless

ROWS = 32
"""Rows of a batch on which a gradient is looked for, where the module takes so many."""
MOST_NAMES = 6
NUDGE = 0.05
"""Standard deviation of the numbers that are added to parameters to see a gradient wake."""

Gradients = list[torch.Tensor | None]


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
        except Exception as error:
            raise NotExercised(f"the backward pass stops ({words_of(error)})") from None
        kinds: dict[str, Kind] = {}
        for key, gradient in zip(self._trained, gradients, strict=True):
            if gradient is None:
                kinds[key] = "never used" if key in self._unused else "detached"
            elif gradient.numel() and not bool(gradient.any()):
                kinds[key] = "zero"
        self._in_the_other_mode(kinds)
        self._nudged(kinds)
        self._in_part(kinds)
        return tuple(
            Lifeless(key, tuple(self._trained[key].shape), kind, self._is_whole(key, kinds))
            for key, kind in kinds.items()
        )

    def gradients(self, parameters: Sequence[torch.Tensor]) -> Gradients:
        """Return the gradients of a random sum of all outputs; None where it has none."""
        output = self._runs.on_rows(ROWS)
        scores = [t for _, t in tensors_of(output) if t.requires_grad]
        if not scores or not parameters:
            return [None] * len(parameters)
        with seeded():
            total = sum((t * torch.randn_like(t)).sum() for t in scores)
        assert isinstance(total, torch.Tensor)
        if total.is_complex():
            total = total.real
        return list(torch.autograd.grad(total, parameters, allow_unused=True))

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
            where = "evaluation" if module.training else "training"
            how = "without --train" if module.training else "--train"
            self._note(kinds, found, f"used in {where} mode only; {how} looks there")

    def _nudged(self, kinds: dict[str, Kind]) -> None:
        """Take out what has a gradient as soon as all parameters are a little different."""
        names = [key for key, kind in kinds.items() if kind == "zero"]
        if not names:
            return
        with _changed_a_little(self._runs.module):
            try:
                gradients = self.gradients([self._trained[key] for key in names])
            except Exception:
                return
        woken = [key for key, g in zip(names, gradients, strict=True) if g is not None and g.any()]
        if woken:
            self._note(
                kinds, woken, "the gradient is 0 only while what it is multiplied by starts at 0"
            )

    def _in_part(self, kinds: dict[str, Kind]) -> None:
        """Take out gradients of 0 beside others of the same layer: the layer is not dead."""
        found = [k for k, kind in kinds.items() if kind == "zero" and not self._is_whole(k, kinds)]
        if found:
            self._note(
                kinds, found,
                "the gradient is 0 on this input, that of others in the layer is not: as where a"
                " bias cancels out, or a first state is 0",
            )  # fmt: skip

    def _note(self, kinds: dict[str, Kind], names: Sequence[str], words: str) -> None:
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        self.notes.append(f"{', '.join(names[:MOST_NAMES])}{more}: {words}")
        for name in names:
            del kinds[name]

    def _is_whole(self, key: str, kinds: dict[str, Kind]) -> bool:
        """Whether all parameters of a parameter's layer are as it is."""
        layer = key.rpartition(".")[0]
        beside = [other for other in self._all if other.rpartition(".")[0] == layer]
        return all(kinds.get(other) == kinds[key] for other in beside)


@contextmanager
def _changed_a_little(module: nn.Module) -> Iterator[None]:
    """Add small random numbers to all parameters, and take them away again."""
    parameters = [p for p in module.parameters() if p.is_floating_point()]
    before = [p.detach().clone() for p in parameters]
    with torch.no_grad(), seeded(1):
        for parameter in parameters:
            parameter.add_(torch.randn_like(parameter), alpha=NUDGE)
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, numbers in zip(parameters, before, strict=True):
                parameter.copy_(numbers)

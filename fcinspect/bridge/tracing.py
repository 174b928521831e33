"""Somebody's module in a process of its own; this side imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from fcinspect.bridge.process import Worker
from fcinspect.diagnosis.observations import Observations
from fcinspect.errors import InputError, Misbehaved
from fcinspect.layers.linear import LinearLayer
from fcinspect.layers.memory import is_free
from fcinspect.shapes.steps import Device, Link, ModuleTrace, Tensor

TRACED = "fcinspect.bridge.traced:Traced"
"""What runs the module, there; importing it would import torch here."""


class Tracing:
    """A module that is traced in another process."""

    def __init__(self, text: str, arguments: Mapping[str, Any], timeout: float) -> None:
        self._asked = (text, arguments, timeout)
        self._worker = Worker(TRACED, text, dict(arguments), timeout=timeout)

    def trace(
        self,
        inputs: Sequence[Tensor],
        batch: tuple[int, ...] | None = None,
        training: bool = False,
        device: Device | None = None,
    ) -> ModuleTrace:
        """Return the trace of one run; raises InputError where the code ends or hangs."""
        asked = (tuple(inputs), batch, training, device)
        found: ModuleTrace = self._ask("trace", *asked, returns=ModuleTrace)
        return found

    def trace_edited(
        self, texts: Mapping[str, str], inputs: Sequence[Tensor], training: bool = False
    ) -> ModuleTrace:
        """Return the trace with the texts of some files replaced, in memory only."""
        asked = (dict(texts), tuple(inputs), training)
        found: ModuleTrace = self._ask_edited("trace_edited", *asked, returns=ModuleTrace)
        return found

    def observe(
        self,
        run: ModuleTrace,
        training: bool,
        optimizer: str | None = None,
        weights: str | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> Observations:
        """Return what is seen of the module on random numbers; `run` is its trace.

        Of one that is too large for this machine nothing is seen, which is said.
        """
        if not fits(run):
            why = "everything that needs numbers: the module does not fit in this machine's memory"
            return Observations(not_exercised=(why,))
        unused = {p.name for p in run.unused}
        asked = (run.inputs, training, unused, optimizer, weights, dict(texts or {}))
        found: Observations = self._ask_edited("observe", *asked, returns=Observations)
        return found

    def chained(
        self, chain: Sequence[Link], seed: int | None
    ) -> tuple[tuple[LinearLayer, ...], bool]:
        """Return the layers of a chain, and whether the module was ready; see Traced."""
        returns = tuple[tuple[LinearLayer, ...], bool]
        layers, ready = self._ask("chained", chain, seed, returns=returns)
        return layers, ready

    def _ask_edited(self, method: str, *arguments: Any, returns: Any) -> Any:
        """Ask as usual, and a new process where this one has imported too much."""
        found = self._ask(method, *arguments, returns=returns | None)
        if found is not None:
            return found
        fresh = Tracing(*self._asked)
        try:
            return fresh._ask(method, *arguments, returns=returns)
        finally:
            fresh.close()

    def _ask(self, method: str, *arguments: Any, returns: Any) -> Any:
        """Return what a method of Traced gives; raises InputError where the code ends or hangs."""
        try:
            return self._worker.ask(method, *arguments, returns=returns)
        except Misbehaved as fault:
            hint = "use --timeout SECONDS to allow more time" if "within" in str(fault) else None
            raise InputError(f"{self._asked[0]}: {fault}", hint=hint) from None

    def close(self) -> None:
        """End the process."""
        self._worker.close()


def fits(run: ModuleTrace) -> bool:
    """Whether a module, its outputs and as much again twice fit this machine's memory."""
    outputs = (tensor for step in run.steps for tensor in step.outputs)
    numbers = sum(prod(tensor.shape) for tensor in (*outputs, *run.inputs))
    return is_free(3 * (run.parameter_bytes + 4 * numbers))

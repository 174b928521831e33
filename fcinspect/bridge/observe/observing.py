"""Runs a module on random numbers, forwards and backwards, and notes what was seen."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from fcinspect.bridge.loading import words_of
from fcinspect.bridge.observe.gradient_reach import GradientReach
from fcinspect.bridge.observe.not_exercised import NotExercised
from fcinspect.bridge.observe.optimizers_beside import optimizer_beside
from fcinspect.bridge.observe.random_runs import RandomRuns
from fcinspect.bridge.observe.row_mixing import mixing_of
from fcinspect.bridge.trace.origins import is_lazy
from fcinspect.bridge.trace.sites import MadePlaces
from fcinspect.bridge.trace.unregistered import Holding, holdings
from fcinspect.diagnosis.observations import (
    ROWS_MIX,
    Lifeless,
    Mixing,
    Observations,
    OptimizerHolds,
    Unregistered,
)
from fcinspect.shapes import steps

PLAIN = ("list", "tuple", "set", "dict")


class Observer:
    """Looks at a module on the CPU."""

    def __init__(
        self,
        module: nn.Module,
        inputs: Sequence[steps.Tensor],
        unused: Collection[str],
        made: MadePlaces,
    ) -> None:
        """`unused` are the state-dict keys of the parameters that a run did not use."""
        self._module = module
        self._runs = RandomRuns(module, inputs)
        self._reach = GradientReach(self._runs, unused)
        self._made = made
        self._checked: list[str] = []
        self._not: list[str] = []

    def all(
        self, namespaces: Sequence[dict[str, Any]], optimizer: str | None, ready: bool
    ) -> Observations:
        """Return everything that was seen."""
        return Observations(
            unregistered=self._unregistered(),
            lifeless=self._lifeless(),
            mixing=self._mixing(),
            optimizer=self._optimizer(namespaces, optimizer, ready),
            checked=tuple(self._checked),
            not_exercised=tuple(self._not),
        )

    def _unregistered(self) -> tuple[Unregistered, ...]:
        self._checked.append("layers and parameters that are not registered")
        known = {id(p) for p in self._module.parameters()}
        found = []
        for holding in holdings(self._module):
            strangers = [p for p in holding.all_parameters() if id(p) not in known]
            # a frozen module is kept in a list so that it is not trained and saved
            if not any(p.requires_grad for p in strangers) or not self._matters(holding):
                continue
            first = holding.modules[0][1] if holding.modules else None
            found.append(
                Unregistered(
                    owner=type(holding.owner).__name__,
                    attribute=holding.attribute,
                    container=holding.container,
                    count=len(holding.modules) + len(holding.parameters),
                    numbers=sum(p.numel() for p in strangers if not is_lazy(p)),
                    modules=bool(holding.modules),
                    made=None if first is None else self._made.of(first),
                )
            )
        return tuple(found)

    def _matters(self, holding: Holding) -> bool:
        """Whether a run uses what is held; in a plain list layers are meant to be, anyway."""
        if type(holding.owner).__module__.startswith("torch.") and holding.attribute[0] == "_":
            return False
        if holding.container in PLAIN:
            return True
        inner = [p for p in holding.all_parameters() if p.requires_grad and not is_lazy(p)]
        try:
            return any(gradient is not None for gradient in self._reach.gradients(inner))
        except Exception:
            return False

    def _lifeless(self) -> tuple[Lifeless, ...]:
        try:
            found = self._reach.lifeless()
        except NotExercised as why:
            self._not.append(f"gradients: {why}")
            return ()
        self._checked.append("layers that forward never uses")
        self._checked.append("parameters that no gradient reaches, on random inputs")
        self._not += self._reach.notes
        return found

    def _mixing(self) -> Mixing | None:
        try:
            found = mixing_of(self._runs)
        except NotExercised as why:
            self._not.append(f"{ROWS_MIX}: {why}")
            return None
        self._checked.append(ROWS_MIX)
        return found

    def _optimizer(
        self, namespaces: Sequence[dict[str, Any]], wanted: str | None, ready: bool
    ) -> OptimizerHolds | None:
        try:
            found = optimizer_beside(self._module, namespaces, wanted, ready)
        except NotExercised as why:
            self._not.append(str(why))
            return None
        self._checked.append(f"whether {found.name} holds the module's parameters")
        return found


def namespace_of(place: str) -> dict[str, Any]:
    """Return what stands in an imported module of the reader's."""
    wanted = Path(place).resolve() if place.endswith(".py") else None
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "") == place:
            return vars(module)
        # it was loaded by the file's own name; only then are links looked at
        file = getattr(module, "__file__", None)
        if wanted and file and file.endswith(Path(place).name) and Path(file).resolve() == wanted:
            return vars(module)
    return {}


def not_observed(error: Exception) -> Observations:
    """Return what is to be said of a module that does not run on random numbers at all."""
    return Observations(not_exercised=(f"all that needs numbers: it stops ({words_of(error)})",))

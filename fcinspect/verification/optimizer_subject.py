"""An optimizer under inspection, whoever wrote it: what is asked of it and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fcinspect.errors import InputError
from fcinspect.layers.array import Array


class NotAccepted(InputError):
    """The optimizer has no options of these names: a set of options is not exercised."""


@dataclass(frozen=True, eq=False)
class Ran:
    """What some steps did."""

    after: tuple[tuple[Array, ...], ...]
    """For each step, every parameter after it."""
    changed: tuple[str, ...]
    """What became of the caller's gradients, in words; empty if they are as they were."""
    moved: tuple[int, ...]
    """Which parameters no longer lie where they did."""


class OptimizerSubject(Protocol):
    """An optimizer under inspection."""

    @property
    def words(self) -> str:
        """What it is, in words."""

    def run(
        self,
        parameters: Sequence[Array],
        gradients: Sequence[Sequence[Array | None]],
        options: Mapping[str, Any],
    ) -> Ran:
        """Step a fresh optimizer once for each list of gradients (None: no gradient).

        Raises Misbehaved when it raises, hangs or dies, NotAccepted for options it lacks.
        """

    def resumed(
        self,
        parameters: Sequence[Array],
        gradients: Sequence[Sequence[Array | None]],
        options: Mapping[str, Any],
        after: int,
    ) -> Ran | None:
        """Do the same, with the state saved and loaded anew after some steps; None without."""

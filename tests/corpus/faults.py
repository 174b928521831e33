"""What a planted fault is, and how one is written down."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["forward", "gradient", "loss", "optimizer", "initialisation", "loop"]
KINDS: tuple[Kind, ...] = ("forward", "gradient", "loss", "optimizer", "initialisation", "loop")


@dataclass(frozen=True)
class Fault:
    """Code with one fault in it, and the words that its likely cause must hold."""

    name: str
    """What is wrong, unique among the faults of its kind."""
    kind: Kind
    where: str
    """What the code stands in for: a kernel, a factory, a loss, an optimizer, a step."""
    words: tuple[str, ...]
    """One of these must be in the cause of a check that is outside."""
    build: Callable[[], Any]
    """Makes the faulty object, with no memory of earlier ones."""
    observable: bool = True
    why_not: str = ""
    """Why no check can find it, where none can."""
    dtypes: tuple[str, ...] = ("float32", "bfloat16")
    """Where it is a fault at all."""
    most: int = 4096
    """The in_features up to which it is run: what loops over inputs takes long beyond."""


def in_words(function: Callable[..., Any]) -> str:
    """Return a name in words: bias_missing and BiasMissing are "bias missing"."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", function.__name__)
    return apart.replace("_", " ").lower()


@dataclass(frozen=True)
class Register:
    """Collects the faults of one kind; its methods are decorators of the faulty code."""

    kind: Kind
    where: str
    faults: list[Fault]

    def stateless(
        self,
        *words: str,
        why_not: str = "",
        dtypes: tuple[str, ...] = ("float32", "bfloat16"),
        most: int = 4096,
        where: str | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Plant the decorated object itself."""

        def plant(found: Callable[..., Any]) -> Callable[..., Any]:
            self._plant(in_words(found), words, lambda: found, why_not, dtypes, most, where)
            return found

        return plant

    def built(
        self,
        *words: str,
        why_not: str = "",
        dtypes: tuple[str, ...] = ("float32", "bfloat16"),
        most: int = 4096,
        where: str | None = None,
    ) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
        """Plant what the decorated function returns, made anew each time."""

        def plant(build: Callable[[], Any]) -> Callable[[], Any]:
            self._plant(in_words(build), words, build, why_not, dtypes, most, where)
            return build

        return plant

    def _plant(
        self,
        name: str,
        words: tuple[str, ...],
        build: Callable[[], Any],
        why_not: str,
        dtypes: tuple[str, ...],
        most: int,
        where: str | None,
    ) -> None:
        kind, stands = self.kind, where or self.where
        observable = not why_not
        fault = Fault(name, kind, stands, words, build, observable, why_not, dtypes, most)
        self.faults.append(fault)

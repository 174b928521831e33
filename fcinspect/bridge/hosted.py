"""Somebody's linear layer in a process of its own; see verification.subject.Subject."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fcinspect.bridge.kinds import Kind, kind_of
from fcinspect.bridge.loading import load
from fcinspect.bridge.process import Worker
from fcinspect.bridge.subject import InProcess
from fcinspect.errors import InputError, Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.subject import LayerAnswer, LayerCall, Made


@dataclass(frozen=True)
class Description:
    """What was found under the name."""

    kind: Kind
    dtype: str
    in_features: int | None
    """Of a ready module; None where it does not tell."""
    out_features: int | None
    bias: bool
    """Whether a ready module has a bias."""


class Described(InProcess):
    """A layer that tells what it is."""

    def describe(self) -> Description:
        """Return what was found, without calling it."""
        widths: tuple[int | None, int | None] = (None, None)
        bias = True
        if self.kind == "module":
            made = self.made(0, 0, True, 0)
            weight = made.parameter("weight")
            widths = (made.in_features, made.out_features)
            if weight is not None and len(weight.shape) == 2 and None in widths:
                widths = (weight.shape[1], weight.shape[0])
            bias = made.parameter("bias") is not None
        name = str(self.dtype).removeprefix("torch.")
        return Description(self.kind, name, *widths, bias)

    def gives_gradients(self) -> bool:
        """Whether a small call gives any gradient."""
        return self.differentiable

    def takes_only_numpy(self) -> bool:
        """Whether a kernel refuses float32 tensors and takes float32 arrays."""
        other = InProcess(self.found, "kernel", self.words, "float32")
        x, weight, bias = (Array.of(np.ones(shape), "float32") for shape in ((2, 3), (2, 3), (2,)))
        other.call(LayerCall(x, weight, bias))
        return other.takes == "numpy"

    def what_it_takes(self) -> str:
        """Return "torch" or "numpy"; known after a call."""
        return self.takes


def host(
    text: str, kind: str | None, dtype: str | None, device: str, arguments: Mapping[str, Any]
) -> Described:
    """Return the object of that name, ready to be called; for the process that runs it."""
    found: Any = load(text)
    settled = _kind(found, kind, text)
    if arguments and settled != "factory":
        raise InputError(f"--arg is for factories of modules: {text} is a {settled}")
    if settled == "module":
        found = found.to(torch.device(device))
        first = next(iter(found.parameters()), None)
        held = dtype or "float32" if first is None else str(first.dtype).removeprefix("torch.")
        if dtype is not None and dtype != held:
            raise InputError(f"--dtype {dtype}: the ready module {text} holds {held}")
        if held not in FORMATS:
            raise InputError(
                f"the ready module {text} holds {held}: expected one of {', '.join(FORMATS)}"
            )
        dtype = held
    dtype = dtype or "float32"
    return Described(found, settled, text, dtype, device, arguments)


def _kind(found: Any, kind: str | None, text: str) -> Kind:
    if kind is None:
        return kind_of(found, text)
    if not callable(found):
        return kind_of(found, text)
    ready = isinstance(found, torch.nn.Module)
    of_modules = inspect.isclass(found) and issubclass(found, torch.nn.Module)
    if kind == "kernel" and (ready or of_modules):
        what = "a ready module" if ready else "a class of modules"
        raise InputError(f"--kind kernel: {text} is {what}, no function of (input, weight, bias)")
    if kind == "factory" and ready:
        raise InputError(f"--kind factory: {text} is a ready module and makes none")
    if kind == "module":
        return "module" if isinstance(found, torch.nn.Module) else "factory"
    return "factory" if kind == "factory" else "kernel"


class Hosted:
    """The layer behind a name, run in another process."""

    def __init__(
        self,
        text: str,
        kind: str | None,
        dtype: str | None,
        device: str,
        arguments: Mapping[str, Any],
        timeout: float,
    ) -> None:
        """Load the object; raises InputError where it cannot be."""
        self._worker = Worker(host, text, kind, dtype, device, dict(arguments), timeout=timeout)
        self.words = text
        try:
            self.description: Description = self._worker.ask("describe", returns=Description)
        except Misbehaved as fault:
            raise InputError(f"{text} cannot be looked at: {fault}") from None
        self.takes = "torch"
        if self.description.dtype == "bfloat16" and self.kind == "kernel":
            self._refuse_numpy()
        try:
            self.differentiable: bool = self._worker.ask("gives_gradients", returns=bool)
            self.takes = self._worker.ask("what_it_takes", returns=str)
        except Misbehaved:
            # the checks will say what it does
            self.differentiable = False

    def _refuse_numpy(self) -> None:
        try:
            only_numpy = self._worker.ask("takes_only_numpy", returns=bool)
        except Misbehaved:
            return
        if only_numpy:
            self.close()
            raise InputError(
                f"--dtype bfloat16: {self.words} takes numpy arrays, and numpy has no bfloat16",
                hint="--dtype float32, float64 or float16",
            )

    @property
    def kind(self) -> Kind:
        """A kernel, a factory or a ready module."""
        return self.description.kind

    def call(self, call: LayerCall) -> LayerAnswer:
        """Run it once; raises Misbehaved when it raises, hangs, dies or returns no array."""
        answer: LayerAnswer = self._worker.ask("call", call, returns=LayerAnswer)
        return answer

    def made(self, in_features: int, out_features: int, bias: bool, seed: int) -> Made:
        """Return a fresh module (factory) or the ready one; raises Misbehaved."""
        made: Made = self._worker.ask("made", in_features, out_features, bias, seed, returns=Made)
        return made

    def close(self) -> None:
        """End the process."""
        self._worker.close()

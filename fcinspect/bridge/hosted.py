"""Somebody's linear layer in a process of its own; see verification.subject.Subject."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from fcinspect.bridge.foreign import Kind, kind_of
from fcinspect.bridge.linear import dtype_name
from fcinspect.bridge.loading import load
from fcinspect.bridge.process import Worker
from fcinspect.bridge.subject import Description, InProcess
from fcinspect.errors import InputError, Misbehaved
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.subject import LayerAnswer, LayerCall, Made


def host(
    text: str, kind: str | None, dtype: str | None, device: str, arguments: Mapping[str, Any]
) -> InProcess:
    """Return the object of that name, ready to be called; for the process that runs it."""
    found: Any = load(text)
    settled = _kind(found, kind, text)
    if arguments and settled != "factory":
        raise InputError(f"--arg is for factories of modules: {text} is a {settled}")
    if settled == "module":
        found = found.to(torch.device(device))
        first = next(iter(found.parameters()), None)
        held = dtype or "float32" if first is None else dtype_name(first.dtype)
        if dtype is not None and dtype != held:
            raise InputError(f"--dtype {dtype}: the ready module {text} holds {held}")
        if held not in FORMATS:
            raise InputError(
                f"the ready module {text} holds {held}: expected one of {', '.join(FORMATS)}"
            )
        dtype = held
    dtype = dtype or "float32"
    return InProcess(found, settled, text, dtype, device, arguments)


def _kind(found: Any, kind: str | None, text: str) -> Kind:
    if kind is None or not callable(found):
        return kind_of(found, text)
    ready = isinstance(found, torch.nn.Module)
    of_modules = inspect.isclass(found) and issubclass(found, torch.nn.Module)
    if kind == "kernel" and (ready or of_modules):
        what = "a ready module" if ready else "a class of modules"
        raise InputError(f"--kind kernel: {text} is {what}, no function of (input, weight, bias)")
    if kind == "factory" and ready:
        raise InputError(f"--kind factory: {text} is a ready module and makes none")
    if kind == "module" and ready:
        return "module"
    return "kernel" if kind == "kernel" else "factory"


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
            self.differentiable: bool = self._worker.ask("differentiable", returns=bool)
            self.takes = self._worker.ask("takes", returns=str)
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

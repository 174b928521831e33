"""Somebody's linear layer or optimizer in a process of its own.

See verification.subject.Subject and verification.optimizer_subject.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch

from fcinspect.arithmetic.settings import CLASSES
from fcinspect.bridge.foreign import Kind, guarded, kind_of
from fcinspect.bridge.linear import dtype_name, to_array, to_tensor
from fcinspect.bridge.loading import load, split
from fcinspect.bridge.process import Worker
from fcinspect.bridge.subject import Description, InProcess
from fcinspect.errors import InputError, Misbehaved, UsageError
from fcinspect.layers.array import Array
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.optimizer_subject import NotAccepted, Ran
from fcinspect.verification.subject import LayerAnswer, LayerCall, Made

FUNCTION = "a function (param, grad, state, **options)"
CLASS = "a class (params, **options)"
Gradients = Sequence[Sequence[Array | None]]
"""For each step, the gradient of each parameter."""


def host(
    text: str, kind: str | None, dtype: str | None, device: str, arguments: Mapping[str, Any]
) -> InProcess:
    """Return the object of that name, ready to be called; for the process that runs it."""
    found: Any = load(text)
    settled = _kind(found, kind, text)
    if arguments and settled != "factory":
        raise InputError(f"--arg is for module factories: {text} is a {settled}")
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
        what = "a ready module" if ready else "a module class"
        raise InputError(
            f"--kind kernel: {text} is {what}, not a function of (input, weight, bias)"
        )
    if kind == "factory" and ready:
        raise InputError(f"--kind factory: {text} is a ready module, not a factory")
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
            raise InputError(f"{text} cannot be inspected: {fault}") from None
        self.kind: Kind = self.description.kind
        self.takes = "torch"
        if self.description.dtype == "bfloat16" and self.kind == "kernel":
            only_numpy = False
            with suppress(Misbehaved):
                only_numpy = self._worker.ask("takes_only_numpy", returns=bool)
            if only_numpy:
                self.close()
                raise InputError(
                    f"--dtype bfloat16: {text} takes numpy arrays, and numpy has no bfloat16",
                    hint="use --dtype float32, float64 or float16",
                )
        try:
            self.differentiable: bool = self._worker.ask("differentiable", returns=bool)
            self.takes = self._worker.ask("takes", returns=str)
        except Misbehaved:
            # the checks will say what it does
            self.differentiable = False

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


class OptimizerHost:
    """Makes and steps optimizers of one kind; see verification.optimizer_subject."""

    def __init__(self, found: Any, words: str, fixed: Mapping[str, Any]) -> None:
        """`found` is a class like torch.optim.Optimizer, or a function (param, grad, state)."""
        self.found = found
        self.words = words
        self._fixed = dict(fixed)

    def prepare(self) -> None:
        """Import what the first optimizer made imports, for seconds: no part of a call's time."""
        if inspect.isclass(self.found) and issubclass(self.found, torch.optim.Optimizer):
            importlib.import_module("torch._dynamo")

    def run(
        self, parameters: Sequence[Array], gradients: Gradients, options: Mapping[str, Any]
    ) -> Ran:
        """Step a fresh optimizer; raises Misbehaved, and NotAccepted for options it lacks."""
        tensors = [to_tensor(values).requires_grad_() for values in parameters]
        return self._stepped(tensors, gradients, self._stepper(tensors, options))

    def resumed(
        self,
        parameters: Sequence[Array],
        gradients: Gradients,
        options: Mapping[str, Any],
        after: int,
    ) -> Ran | None:
        """Do the same, with the state saved and loaded into a fresh optimizer after some steps.

        None where the optimizer has no state_dict.
        """
        tensors = [to_tensor(values).requires_grad_() for values in parameters]
        first = self._made(tensors, options)
        if not (hasattr(first, "state_dict") and hasattr(first, "load_state_dict")):
            return None
        begun = self._stepped(tensors, gradients[:after], first.step)
        copies = [tensor.detach().clone().requires_grad_() for tensor in tensors]
        second = self._made(copies, options)
        with guarded():
            second.load_state_dict(first.state_dict())
        rest = self._stepped(copies, gradients[after:], second.step)
        return Ran((*begun.after, *rest.after), (), ())

    def _stepper(
        self, tensors: list[torch.Tensor], options: Mapping[str, Any]
    ) -> Callable[[], object]:
        made = self._made(tensors, options)
        if inspect.isclass(self.found):
            return lambda: made.step()
        states: list[dict[str, Any]] = [{} for _ in tensors]
        given = {**options, **self._fixed}

        def step() -> None:
            with torch.no_grad():
                for tensor, state in zip(tensors, states, strict=True):
                    if tensor.grad is None:
                        continue
                    new = self.found(tensor, tensor.grad, state, **given)
                    if new is not None:
                        tensor.copy_(new)

        return step

    def _made(self, tensors: list[torch.Tensor], options: Mapping[str, Any]) -> Any:
        """Return an optimizer of these tensors, None of a function; raises NotAccepted."""
        given = {**options, **self._fixed}
        self._require_accepted(given)
        if not inspect.isclass(self.found):
            return None
        with guarded(CLASS):
            make: Callable[..., object] = self.found
            return make(tensors, **given)

    def _require_accepted(self, given: Mapping[str, Any]) -> None:
        try:
            known = inspect.signature(self.found).parameters
        except (TypeError, ValueError):
            return
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values()):
            return
        missing = [name for name in given if name not in known]
        if missing:
            raise NotAccepted(", ".join(missing))

    def _stepped(
        self, tensors: list[torch.Tensor], gradients: Gradients, step: Callable[[], object]
    ) -> Ran:
        after: list[tuple[Array, ...]] = []
        places = [tensor.data_ptr() for tensor in tensors]
        changed: list[str] = []
        for given in gradients:
            for tensor, values in zip(tensors, given, strict=True):
                tensor.grad = None if values is None else to_tensor(values)
            with guarded("step()" if inspect.isclass(self.found) else FUNCTION):
                step()
            after.append(tuple(to_array(tensor) for tensor in tensors))
            for index, (tensor, values) in enumerate(zip(tensors, given, strict=True)):
                if values is None:
                    continue
                if tensor.grad is None:
                    changed.append(f"the gradient of parameter {index} is gone")
                elif not torch.equal(tensor.grad, to_tensor(values)):
                    changed.append(f"the gradient of parameter {index} is modified")
        moved = tuple(
            index
            for index, (tensor, place) in enumerate(zip(tensors, places, strict=True))
            if tensor.data_ptr() != place
        )
        return Ran(tuple(after), tuple(dict.fromkeys(changed)), moved)


def torch_optimizer(like: str, *, fused: bool, foreach: bool) -> OptimizerHost:
    """Return torch.optim's own class of that name; one tensor at a time if neither is asked.

    Raises UsageError where it has no fused kernel.
    """
    found = getattr(torch.optim, CLASSES[like])
    if fused and "fused" not in inspect.signature(found).parameters:
        raise UsageError(f"--fused: torch.optim.{CLASSES[like]} has no fused kernel")
    way = "fused" if fused else "foreach" if foreach else "one tensor at a time"
    fixed = {"fused": True} if fused else {"foreach": foreach}
    return OptimizerHost(found, f"torch.optim.{CLASSES[like]}, {way}", fixed)


def host_optimizer(text: str) -> OptimizerHost:
    """Return the optimizer of that name; for the process that runs it."""
    found: Any = load(text)
    if isinstance(found, torch.optim.Optimizer):
        raise InputError(f"{text} is a ready optimizer: name its class, {type(found).__name__}")
    if inspect.isclass(found) and not hasattr(found, "step"):
        raise InputError(f"{text} is a class without a step(): expected an optimizer")
    if not callable(found):
        raise InputError(
            f"{text} is a {type(found).__name__}: expected a class like torch.optim.SGD, or"
            f" {FUNCTION}"
        )
    return OptimizerHost(found, text, {})


class HostedOptimizer:
    """Somebody's optimizer in a process of its own."""

    def __init__(self, text: str, timeout: float) -> None:
        split(text)
        self._worker = Worker(host_optimizer, text, timeout=timeout)
        self.words = text

    def run(
        self, parameters: Sequence[Array], gradients: Gradients, options: Mapping[str, Any]
    ) -> Ran:
        """Step a fresh optimizer; raises Misbehaved, and NotAccepted for options it lacks."""
        ran: Ran = self._worker.ask("run", parameters, gradients, options, returns=Ran)
        return ran

    def resumed(
        self,
        parameters: Sequence[Array],
        gradients: Gradients,
        options: Mapping[str, Any],
        after: int,
    ) -> Ran | None:
        """Do the same, with the state saved and loaded into a fresh optimizer."""
        asked = (parameters, gradients, options, after)
        ran: Ran | None = self._worker.ask("resumed", *asked, returns=Ran | None)
        return ran

    def close(self) -> None:
        """End the process."""
        self._worker.close()

"""Watches one call of a module: every module without parts, every function between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode  # torch's own documentation names it

from fcinspect.bridge.linear import dtype_name
from fcinspect.bridge.trace.meta import NotPlain, answered, check_dtypes, check_settings
from fcinspect.bridge.trace.sites import MadePlaces, calling_place
from fcinspect.bridge.trace.step_words import (
    PRODUCTS,
    QUIET,
    Recurrent,
    call_of_function,
    call_of_module,
    is_in_place,
    is_leaf,
    is_parametrization,
    macs_of,
    name_of,
    windows_of,
)
from fcinspect.bridge.trace.tensors import (
    Origins,
    described,
    form_of,
    holdings,
    is_lazy,
    shape_of,
    storage,
    tensors_of,
)
from fcinspect.names import ordinal
from fcinspect.shapes import steps
from fcinspect.shapes.steps import Step

MOST_STEPS = 20_000
"""Later steps are counted, not listed."""


class Tracer:
    """Collects the steps of one call of a module."""

    def __init__(self, module: nn.Module, made: MadePlaces) -> None:
        self.steps: list[Step] = []
        self.left_out = 0
        """How many steps were too many to be listed."""
        self.failed: tuple[BaseException, Step] | None = None
        self._made = made
        self._paths: dict[int, str] = {id(part): name for name, part in module.named_modules()}
        self._stack: list[nn.Module] = [module]
        self._inside_leaf = 0
        self.macs = 0
        """Multiply–adds so far, those of steps that are not listed too."""
        self.origins = Origins(module)
        self._kept: list[object] = []
        """Kept alive, so that no other object gets their addresses."""
        self._recurrent: dict[int, Recurrent] = {}
        """What recurrent layers returned, by its storage."""
        self._used: dict[int, int] = {}
        for holding in holdings(module):
            for place, held in holding.modules:
                for below, found in held.named_modules():
                    self._paths.setdefault(id(found), f"{place}.{below}" if below else place)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every module and function that is called inside."""
        original = nn.Module.__call__
        tracer = self

        def called(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            return tracer._module(module, original, args, kwargs)

        nn.Module.__call__ = called  # type: ignore[method-assign]  # as torch.fx does
        try:
            with self._made.remembered(in_run=True), _Functions(self), _Operators(self):
                yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def returned(self, output: Any) -> None:
        """Note what the module returned: what it made of parameters alone is used, too."""
        self.origins.use(self._made_from(tensor for _, tensor in tensors_of(output)))

    def _module(self, module: nn.Module, original: Any, args: Any, kwargs: Any) -> Any:
        if self._inside_leaf:
            return original(module, *args, **kwargs)
        self._stack.append(module)
        try:
            if not is_leaf(module):
                return original(module, *args, **kwargs)
            return self._leaf(module, original, args, kwargs)
        finally:
            self._stack.pop()

    def _leaf(self, module: nn.Module, original: Any, args: Any, kwargs: Any) -> Any:
        kind = type(module).__name__
        called = calling_place()
        given = [tensor for _, tensor in tensors_of((args, kwargs))]
        inputs = _inputs(args, kwargs)
        before, self._inside_leaf = self.macs, self._inside_leaf + 1
        try:
            output = original(module, *args, **kwargs)
        except BaseException as error:
            if self.failed is None or self.failed[0] is not error:
                self.failed = (error, self._leaf_step(module, kind, called, given, inputs, None))
            raise
        finally:
            self._inside_leaf -= 1
        made_from = self.origins.of_all(given) if is_parametrization(module) else None
        if made_from is not None:
            self.origins.derived((t for _, t in tensors_of(output)), made_from)
            if self.macs == before:
                return output  # a weight that is only scaled is still the weight
        outputs = described(output)
        step = self._leaf_step(module, kind, called, given, inputs, outputs)
        step = replace(
            step,
            macs=self.macs - before,
            note=self._again(module),
            windows=windows_of(module, inputs, outputs),
        )
        self._remember_recurrent(module, output)
        self._keep(step)
        return output

    def _leaf_step(
        self,
        module: nn.Module,
        kind: str,
        called: steps.Place | None,
        given: Sequence[torch.Tensor],
        inputs: tuple[steps.Tensor, ...],
        outputs: tuple[steps.Tensor, ...] | None,
    ) -> Step:
        """Return the step; `outputs` are None of one that failed."""
        now = type(module).__name__  # a lazy layer has become another
        own = [p for p in module.parameters() if not is_lazy(p)]
        return Step(
            number=len(self.steps),
            path=self._path(module),
            kind=kind if kind == now else f"{kind} → {now}",
            call=call_of_module(module),
            is_module=True,
            inputs=inputs,
            outputs=outputs or (),
            parameters=self.origins.use(self._made_from([*own, *given]), failed=outputs is None),
            macs=0,
            linear=isinstance(module, nn.Linear),
            weight=shape_of(getattr(module, "weight", None)),
            bias=shape_of(getattr(module, "bias", None)),
            called=called,
            made=self._made.of(module),
            made_in_run=self._made.is_of_run(module),
        )

    def function(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Call a function of torch and note it where it makes tensors of tensors."""
        name = name_of(function)
        if self._inside_leaf or getattr(function, "__name__", name) in QUIET:
            return function(*args, **kwargs)
        given = [tensor for _, tensor in tensors_of((args, kwargs))]
        before = self.macs
        try:
            output = function(*args, **kwargs)
        except BaseException as error:
            if given and (self.failed is None or self.failed[0] is not error):
                step = self._function_step(name, args, kwargs, given, None)
                self.failed = (error, step)
            raise
        made_from = self.origins.of_all(given)
        returned = [tensor for _, tensor in tensors_of(output)]
        if not given or not returned:
            self._written(function, args, made_from)
            return output
        if made_from is not None:
            self.origins.derived(returned, made_from)
            if self.macs == before:
                return output  # weight.t() is still the weight
        step = self._function_step(name, args, kwargs, given, described(output))
        self._written(function, args, made_from)
        self._keep(replace(step, macs=self.macs - before))
        return output

    def failed_module(
        self, module: nn.Module, args: Any, kwargs: Any, called: steps.Place | None
    ) -> Step:
        """Return the step of a module without parts that failed unwatched."""
        given = [tensor for _, tensor in tensors_of((args, kwargs))]
        inputs = _inputs(args, kwargs)
        return self._leaf_step(module, type(module).__name__, called, given, inputs, None)

    def failed_function(
        self, owner: nn.Module, name: str, args: Any, kwargs: Any, called: steps.Place | None
    ) -> Step:
        """Return the step of a function that failed unwatched, called by a module's forward."""
        given = [tensor for _, tensor in tensors_of((args, kwargs))]
        self._stack.append(owner)
        step = self._function_step(name, args, kwargs, given, None)
        self._stack.pop()
        return replace(step, called=called)

    def _function_step(
        self,
        name: str,
        args: Any,
        kwargs: Any,
        given: list[torch.Tensor],
        outputs: tuple[steps.Tensor, ...] | None,
    ) -> Step:
        """Return the step; `outputs` are None of one that failed."""
        entering = [t for t in given if self.origins.of(t) is None]
        weights = [t for t in given if self.origins.of(t) is not None] if entering else []
        product = name == "linear" or (name in PRODUCTS and bool(weights))
        parameters = self.origins.use(self._made_from(given), failed=outputs is None)
        inputs = tuple(
            steps.Tensor(tuple(tensor.shape), dtype_name(tensor.dtype))
            for tensor in entering or given
        )
        weight = next((t for t in weights if t.dim() > 1), None)
        bias = next((t for t in weights if t.dim() == 1), None)
        if weight is None and product:
            # a weight that was computed from the input, or a single vector
            weight, bias = (given[1], bias) if name == "linear" else (bias, None)
        return Step(
            number=len(self.steps),
            path=self._path(self._stack[-1]),
            kind=name,
            call=call_of_function(name, args, kwargs),
            is_module=False,
            inputs=inputs,
            outputs=outputs or (),
            parameters=parameters,
            macs=0,
            linear=product,
            weight=shape_of(weight),
            bias=shape_of(bias) if product else None,
            called=calling_place(),
            made=None,
            windows=windows_of((name, args, kwargs), inputs, outputs or ()),
            note=self._recurrent_note(name, args),
        )

    def _keep(self, step: Step) -> None:
        self.failed = None  # an error that the module itself caught
        if len(self.steps) < MOST_STEPS:
            self.steps.append(step)
        else:
            self.left_out += 1

    def _written(self, function: Any, args: Any, made_from: object) -> None:
        """Note where a function wrote into a tensor what was not made of parameters alone."""
        if made_from is None and is_in_place(function) and isinstance(args[0], torch.Tensor):
            self.origins.mixed(args[0])

    def _path(self, module: nn.Module) -> str:
        if id(module) not in self._paths:
            for name, part in self._stack[0].named_modules():
                self._paths.setdefault(id(part), name)
            self._paths.setdefault(id(module), type(module).__name__.lower())
            self._kept.append(module)
        return self._paths[id(module)]

    def _again(self, module: nn.Module) -> str:
        times = self._used[id(module)] = self._used.get(id(module), 0) + 1
        self._kept.append(module)
        if next(module.parameters(), None) is None:
            return ""
        words = ["made in forward"] if self._made.is_of_run(module) else []
        return ", ".join(words + [f"{ordinal(times)} use"] * (times > 1))

    def _made_from(self, tensors: Iterable[torch.Tensor]) -> list[torch.Tensor]:
        return [p for tensor in tensors for p in self.origins.of(tensor) or ()]

    def _remember_recurrent(self, module: nn.Module, output: Any) -> None:
        if not isinstance(module, nn.RNNBase) or not isinstance(output, tuple):
            return
        for name, tensor in tensors_of(output):
            what = "hidden state" if name in ("1", "1.0") else "cell state"
            if name.startswith("0"):
                what = "output"
            self._kept.append(tensor)
            self._recurrent[storage(tensor)] = Recurrent(
                self._path(module),
                what,
                module.batch_first,
                tensor.dim() == 3,
                module.bidirectional,
                form_of(tensor),
            )

    def _recurrent_note(self, name: str, args: Any) -> str:
        if name != "getitem" or len(args) != 2 or not isinstance(args[0], torch.Tensor):
            return ""
        found = self._recurrent.get(storage(args[0]))
        # in a turned or shortened view an index means something else
        return found.note(args[1]) if found and found.form == form_of(args[0]) else ""


def _inputs(args: Any, kwargs: Any) -> tuple[steps.Tensor, ...]:
    return described((args, kwargs) if kwargs else args if len(args) != 1 else args[0])


class _Functions(TorchFunctionMode):
    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._tracer.function(func, args, kwargs or {})


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    def __init__(self, tracer: Tracer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self._tracer = tracer

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: nothing is compiled here, and skipping imports all of torch._dynamo."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        check_settings(func, args)
        try:
            output = answered(func, args, kwargs or {})
        except NotPlain:
            check_dtypes(func, args)
            output = func(*args, **(kwargs or {}))
        self._tracer.macs += macs_of(func, args, output)
        return output

"""Somebody's module in the process that runs it: traced, and run again with its source edited."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from fcinspect.bridge.foreign import kind_words
from fcinspect.bridge.loading import load, replaced, split, words_of
from fcinspect.bridge.trace.module_inputs import (
    check_arguments,
    check_call,
    inputs_of,
    made_on,
    meta_copy,
)
from fcinspect.bridge.trace.sites import MadePlaces, Sources, class_places, failure_of, texts_of
from fcinspect.bridge.trace.tensors import described, is_lazy
from fcinspect.bridge.trace.tracer import Tracer
from fcinspect.bridge.tracing import fits
from fcinspect.diagnosis.observations import Observations
from fcinspect.errors import InputError, UsageError
from fcinspect.layers.linear import LinearLayer
from fcinspect.shapes import steps
from fcinspect.shapes.steps import Device, Failure, Link, ModuleTrace, Parameter, Stage


class Refused(Exception):
    """The reader's own code raised while it was loaded or while the module was made."""

    def __init__(self, stage: Stage, error: BaseException) -> None:
        super().__init__(stage)
        self.stage: Stage = stage
        self.error = error


class Traced:
    """The module behind a name, and runs of it."""

    def __init__(self, text: str, arguments: Mapping[str, Any]) -> None:
        """Remember what is asked for; the code itself is loaded by the first run."""
        split(text)
        self._text = text
        self._arguments = dict(arguments)
        self._made = MadePlaces()
        self._sources = Sources()
        self._edited: Mapping[str, str] = {}
        self._found: Any = None
        self._loaded = False

    def trace(
        self,
        inputs: Sequence[steps.Tensor],
        batch: tuple[int, ...] | None,
        training: bool,
        device: Device | None,
    ) -> ModuleTrace:
        """Return the trace of one run on inputs of these shapes.

        Raises InputError for an object that is no module or an input that does not fit its
        forward; whatever the module itself does wrong is the trace's failure.
        """
        try:
            self._load()
        except Refused as refused:
            return self._not_made(refused, inputs, batch)
        if device is not None:
            return self._run(device, inputs, batch, training)
        found = self._run("meta", inputs, batch, training)
        if found.failure is None or not fits(found):
            return found
        # torch's words on the CPU are those that the reader sees, and there numbers can be read
        again = self._run("cpu", inputs, batch, training, _why(found.failure))
        if again.failure is not None and _alike(found.failure, again.failure):
            return replace(again, device="meta", why_not_meta="")
        return again

    def module(self) -> nn.Module:
        """Return a fresh module, or the ready one; raises InputError or Refused."""
        self._load()
        return self._module_on("cpu")

    def chained(
        self, chain: Sequence[Link], seed: int | None
    ) -> tuple[tuple[LinearLayer, ...], bool]:
        """Return the layers of a chain, and whether the module was ready.

        A fresh module is made after torch.manual_seed(seed). Raises InputError where it computes
        something else, UsageError for a seed of a ready module.
        """
        from fcinspect.bridge.networks import layers_of

        self._load()
        ready = isinstance(self._found, nn.Module)
        if ready and seed is not None:
            raise UsageError(f"--seed is for classes and functions: {self._text} is a ready module")
        torch.manual_seed(seed or 0)
        with self._borrowed("cpu") as module:
            return layers_of(module, chain, self._text), ready

    def trace_edited(
        self, texts: Mapping[str, str], inputs: Sequence[steps.Tensor], training: bool
    ) -> ModuleTrace | None:
        """Return the trace with the texts of some files replaced, in memory only.

        All the reader's own modules are executed again. None where that takes a new process, since
        installed modules that are loaded here hold on to what is replaced. Raises InputError where
        the run did not load every replaced file: such a run says nothing about the change.
        """
        other = self._edited_with(texts)
        if other is None:
            return None
        with replaced(texts):
            return other.trace(inputs, None, training, None)

    def observe(
        self,
        inputs: Sequence[steps.Tensor],
        training: bool,
        unused: set[str],
        optimizer: str | None,
        weights: str | None,
        texts: Mapping[str, str],
    ) -> Observations | None:
        """Return what is seen of the module on random numbers; see Observer.

        `texts` are put in place of files, as in trace_edited; None where that takes a new process.
        Raises InputError for code that does not make a module.
        """
        from fcinspect.bridge.observe.observing import Observer, held_against, namespace_of

        if texts:
            other = self._edited_with(texts)
            if other is None:
                return None
            with replaced(texts):
                return other.observe(inputs, training, unused, optimizer, weights, {})
        try:
            self._load()
            with self._borrowed("cpu") as module:
                ready = isinstance(self._found, nn.Module)
                names = [vars(module), namespace_of(split(self._text)[0])]
                module.train(training)
                try:
                    observer = Observer(module, inputs, unused, self._made)
                except Exception as error:
                    why = f"everything that needs numbers: the module fails ({words_of(error)})"
                    return Observations(not_exercised=(why,))
                seen = observer.all(names, optimizer, ready)
                if weights is None:
                    return seen
                return replace(seen, weights=held_against(module, weights, ready))
        except Refused as refused:
            raise InputError(f"{self._text} cannot be created: {refused.error}") from None

    def _edited_with(self, texts: Mapping[str, str]) -> Traced | None:
        """Return the same module still to be loaded, with the texts; None where it cannot be."""
        if not self._sources.forget(texts):
            return None
        other = Traced(self._text, self._arguments)
        other._sources, other._edited = self._sources, dict(texts)
        return other

    def _load(self) -> None:
        if self._loaded:
            return
        with self._made.remembered(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._found = load(self._text)
            except InputError as refusal:
                if refusal.__cause__ is not None:
                    raise Refused("import", refusal.__cause__) from None
                raise
        self._loaded = True

    def _run(
        self,
        device: Device,
        inputs: Sequence[steps.Tensor],
        batch: tuple[int, ...] | None,
        training: bool,
        why_not_meta: str = "",
    ) -> ModuleTrace:
        try:
            with self._borrowed(device) as module:
                module.train(training)
                wanted, origin = inputs_of(module, inputs, batch)
                args, kwargs = made_on(device, wanted)
                check_call(module, args, kwargs, self._text)
                tracer = Tracer(module, self._made)
                output, failure = _called(module, args, kwargs, tracer)
                tracer.returned(output)
                named = [(key, p) for key, p in module.named_parameters() if not is_lazy(p)]
                left, used = tracer.left_out, tracer.origins.is_used
                unused = [(key, p) for key, p in named if failure is None and not used(p)]
                return ModuleTrace(
                    source=self._text,
                    name=type(module).__name__,
                    device=device,
                    why_not_meta=why_not_meta,
                    training=module.training,
                    inputs=wanted,
                    input_origin=origin,
                    steps=tuple(tracer.steps),
                    outputs=() if failure else described(output),
                    parameters=sum(p.numel() for _, p in named),
                    trainable=sum(p.numel() for _, p in named if p.requires_grad),
                    buffers=sum(b.numel() for b in module.buffers() if not is_lazy(b)),
                    unused=tuple(Parameter(key, tuple(p.shape), True) for key, p in unused),
                    parameter_bytes=sum(p.numel() * p.element_size() for _, p in named),
                    failure=failure,
                    stopped=f"{left} more steps are counted but not listed" if left else "",
                    sources=self._texts(module, tracer, failure),
                    macs=tracer.macs,
                    unregistered=tracer.origins.strangers(),
                )
        except Refused as refused:
            return self._not_made(refused, inputs, batch)

    def _texts(self, module: nn.Module, tracer: Tracer, failure: Failure | None) -> dict[str, str]:
        done = [*tracer.steps, failure.step if failure else None]
        places = [place for step in done if step for place in (step.called, step.made)]
        if failure is not None:
            places += [failure.place, *class_places(module)]
        return texts_of(places, self._edited)

    def _not_made(
        self, refused: Refused, inputs: Sequence[steps.Tensor], batch: tuple[int, ...] | None
    ) -> ModuleTrace:
        wanted = tuple(steps.Tensor((*(batch or ()), *t.shape), t.dtype, t.name) for t in inputs)
        failure = failure_of(refused.error, refused.stage, None)
        return ModuleTrace(
            source=self._text, name=self._text.rpartition(":")[2], device="cpu", why_not_meta="",
            training=False, inputs=wanted, input_origin="", steps=(), outputs=(), parameters=0,
            trainable=0, buffers=0, unused=(), parameter_bytes=0, failure=failure,
            sources=texts_of([failure.place], self._edited),
        )  # fmt: skip

    @contextmanager
    def _borrowed(self, device: Device) -> Iterator[nn.Module]:
        """Lend the module on a device; a ready one gets its own numbers back."""
        ready = isinstance(self._found, nn.Module)
        if ready and self._arguments:
            raise UsageError(f"--arg is for classes and functions: {self._text} is a ready module")
        if not ready:
            yield self._module_on(device)
            return
        lazy = any(is_lazy(p) for p in self._found.parameters())
        if device == "meta" or lazy:
            # a run would make a lazy layer an ordinary one for good
            copied = meta_copy(self._found) if device == "meta" else copy.deepcopy(self._found)
            for own, other in zip(self._found.modules(), copied.modules(), strict=True):
                self._made.same(own, other)
            yield copied
            return
        with _as_it_was(self._found):
            yield self._found

    def _module_on(self, device: Device) -> nn.Module:
        found = self._found
        if isinstance(found, nn.Module):
            return found
        other_class = inspect.isclass(found) and not issubclass(found, nn.Module)
        if other_class or not callable(found):
            what = "a class, but not a module class" if other_class else kind_words(found)
            raise InputError(
                f"{self._text} is {what}: expected an nn.Module, a module class,"
                " or a function that returns one"
            )
        check_arguments(found, self._arguments, self._text)
        with self._made.remembered(), torch.device(device), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                module = found(**self._arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raise Refused("construction", error) from None
        if not isinstance(module, nn.Module):
            raise InputError(
                f"{self._text} returned {kind_words(module)}: expected an nn.Module, a module"
                " class, or a function that returns one"
            )
        return module


def _called(
    module: nn.Module, args: list[Any], kwargs: dict[str, Any], tracer: Tracer
) -> tuple[Any, Failure | None]:
    try:
        with torch.no_grad(), warnings.catch_warnings(), tracer.watching():
            warnings.simplefilter("ignore")
            return module(*args, **kwargs), None
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        failed = tracer.failed
        step = failed[1] if failed is not None and failed[0] is error else None
        return None, failure_of(error, "forward", step)


@contextmanager
def _as_it_was(module: nn.Module) -> Iterator[None]:
    """Give a ready module its modes and its buffers' numbers back, which training changes."""
    modes = [(part, part.training) for part in module.modules()]
    buffers = [(b, b.detach().clone()) for b in module.buffers() if not is_lazy(b)]
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        with torch.no_grad():
            for buffer, numbers in buffers:
                buffer.copy_(numbers)


def _alike(one: Failure, other: Failure) -> bool:
    if one.step is None or other.step is None:
        return (one.step, one.stage, one.message) == (other.step, other.stage, other.message)
    return (one.step.number, one.step.path, one.step.kind) == (
        other.step.number, other.step.path, other.step.kind,
    )  # fmt: skip


def _why(failure: Failure) -> str:
    line = next(iter(failure.message.strip().splitlines()), "")
    return f"{failure.error}: {line[:120]}"

"""A change that could mend a failed run, the scene that it is looked for in, and usual edits."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import PurePath

from fcinspect.diagnosis.editing import (
    Edit,
    Source,
    argument_of,
    last_name,
    prefix_of,
    where_written,
)
from fcinspect.diagnosis.recognising import cause_of
from fcinspect.diagnosis.records import Cause
from fcinspect.shapes.steps import Failure, ModuleTrace, Place, Shape, Step, Tensor

CODE_TOO = {"view-of-another-size", "input-transposed", "channels-missing"}
"""Causes that are shown with code beside their edits."""
FLATTENING = {"flatten", "Flatten", "view", "reshape"}


@dataclass(frozen=True)
class Candidate:
    """A cause with the edits that mend it."""

    cause: Cause
    """Its code says what no edit of a file can."""
    edits: tuple[Edit, ...] = ()
    inputs: tuple[Tensor, ...] | None = None
    """Other inputs to try, where the input is at fault."""
    rows: int | None = None
    """How many rows should come out, where not as many as go in."""

    def called(self, name: str) -> Candidate:
        """Return the same, with a cause of another name."""
        return replace(self, cause=replace(self.cause, name=name))


def candidate(
    name: str,
    edits: tuple[Edit, ...] = (),
    inputs: tuple[Tensor, ...] | None = None,
    rows: int | None = None,
    /,
    **values: object,
) -> Candidate:
    """Return a candidate with the words of the catalogue; its code where no edit says it."""
    cause = cause_of("repairs", name, **values)
    if edits and cause.name not in CODE_TOO:
        cause = replace(cause, code=None)
    return Candidate(cause, edits, inputs, rows)


@dataclass(frozen=True)
class Scene:
    """A failed run, and the source around it."""

    trace: ModuleTrace
    failure: Failure
    sources: dict[str, Source]

    @classmethod
    def of(cls, trace: ModuleTrace) -> Scene | None:
        """Return the scene of a trace, or None for one that did not fail."""
        if trace.failure is None:
            return None
        sources = {file: Source(file, text) for file, text in trace.sources.items()}
        return cls(trace, trace.failure, sources)

    @property
    def step(self) -> Step | None:
        """The step that failed."""
        return self.failure.step

    @property
    def message(self) -> str:
        """What torch says."""
        return self.failure.message

    @property
    def entering(self) -> Shape | None:
        """The shape of the first tensor that enters the step that failed."""
        if self.step is None or not self.step.inputs:
            return None
        return self.step.inputs[0].shape

    @property
    def batch(self) -> int | None:
        """The first dimension of the module's first input."""
        inputs = self.trace.inputs
        return inputs[0].shape[0] if inputs and inputs[0].shape else None

    def source(self, place: Place | None) -> Source | None:
        """Return the file of a place."""
        return None if place is None else self.sources.get(place.file)

    def call(self, place: Place | None) -> tuple[Source, ast.Call] | None:
        """Return the call at a place and its file, where both are known."""
        source = self.source(place)
        if source is None or place is None:
            return None
        calls = (node for node in source.nodes(place) if isinstance(node, ast.Call))
        return next(((source, call) for call in calls), None)

    def made_once(self, step: Step) -> bool:
        """Whether no other step's module was made by the same piece of source."""
        others = [s for s in self.trace.steps if s.made == step.made and s.path != step.path]
        return step.made is not None and not others


def named(step: Step) -> str:
    """Return how a layer is called in a sentence: "fc1", "layer 2" of nn.Sequential."""
    return f"layer {step.path}" if step.path.isdecimal() else step.path or "the layer"


def maker(step: Step) -> str:
    """Return "; net.py:12 creates the layer", for a line that makes others too."""
    place = step.made
    return "" if place is None else f"; {PurePath(place.file).name}:{place.line} creates the layer"


def times(*factors: int) -> str:
    """Write a product: 32·7·7."""
    return "·".join(map(str, factors))


def by(shape: Shape) -> str:
    """Write a shape as PyTorch users read it: (4, 1568)."""
    return "(" + ", ".join(map(str, shape)) + ")"


def argument_edit(
    scene: Scene, step: Step, position: int, keyword: str, new: str
) -> tuple[Edit, ...]:
    """Return the edit of an argument where the module was made, or where its value is written."""
    found = scene.call(step.made)
    if found is None or not scene.made_once(step):
        return ()
    source, call = found
    argument = argument_of(call, position, keyword)
    if argument is None:
        return ()
    written = where_written(scene.sources.values(), source, argument)
    return () if written is None else (written[0].replaced(written[1], new),)


def flattening_of(scene: Scene, entering: Shape) -> Step | None:
    """Return the step that flattened what enters, behind it only what keeps a shape."""
    for step in reversed(scene.trace.steps):
        if not step.inputs or all(tensor.shape != entering for tensor in step.outputs):
            continue
        if step.inputs[0].shape != entering:
            return step if step.kind in FLATTENING else None
    return None


def flatten_rows(scene: Scene, step: Step) -> tuple[Edit, ...]:
    """Return the edit that lets a flatten, view or reshape keep its rows."""
    found = scene.call(step.made if step.is_module else step.called)
    if found is None:
        return ()
    source, call = found
    if step.is_module:
        return (source.replaced(call, f"{source.segment(call.func)}()"),)
    subject = subject_of(source, call)
    return () if subject is None else (source.replaced(call, f"{subject}.flatten(1)"),)


def subject_of(source: Source, call: ast.Call) -> str | None:
    """Return the tensor that a function or method of torch is called on, as it is written."""
    if isinstance(call.func, ast.Attribute) and prefix_of(call.func) not in ("torch.", "F."):
        return source.operand(call.func.value)
    if call.args and not isinstance(call.args[0], ast.Starred):
        return source.operand(call.args[0])
    return None


def before_layer(scene: Scene, step: Step, method: str, module: str) -> tuple[Edit, ...]:
    """Return the edit that changes what enters a layer.

    Where the layer is called, its argument gets the method; in an nn.Sequential, the module is
    put before it.
    """
    if not in_sequential(scene, step):
        return with_method(scene, step.called, method)
    made = scene.call(step.made)
    if made is None or not scene.made_once(step):
        return ()
    source, call = made
    return (source.inserted_before(call, f"{module.replace('nn.', prefix_of(call.func))}, "),)


def with_method(scene: Scene, place: Place | None, method: str) -> tuple[Edit, ...]:
    """Return the edit that gives the first argument of a call a method: ".float()"."""
    found = scene.call(place)
    if found is None or not found[1].args or isinstance(found[1].args[0], ast.Starred):
        return ()
    source, call = found
    return (source.replaced(call.args[0], f"{source.operand(call.args[0])}{method}"),)


def in_sequential(scene: Scene, step: Step) -> bool:
    """Whether the layer is written as an argument of nn.Sequential."""
    made = scene.call(step.made)
    if made is None:
        return False
    source, call = made
    holder = source.parent(call)
    if isinstance(holder, ast.Starred | ast.List):
        holder = source.parent(holder)
    return isinstance(holder, ast.Call) and (
        last_name(holder.func) in ("Sequential", "__init__") and call in holder.args
    )

"""A change that could mend a failed run, and the scene that it is looked for in."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import PurePath

from fcinspect.diagnosis.editing import Edit, Source
from fcinspect.shapes.steps import Failure, ModuleTrace, Place, Shape, Step, Tensor


@dataclass(frozen=True)
class Candidate:
    """A cause with the edits that mend it; see records.Cause for the words."""

    name: str
    cause: str
    evidence: str
    fix: str
    edits: tuple[Edit, ...] = ()
    code: str | None = None
    """For what no edit of a file can say."""
    inputs: tuple[Tensor, ...] | None = None
    """Other inputs to try, where the input is at fault."""
    rows: int | None = None
    """How many rows should come out, where not as many as go in."""


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

    def before(self, shape: Shape) -> Step | None:
        """Return the last step that gave a tensor of that shape."""
        for step in reversed(self.trace.steps):
            if any(tensor.shape == shape for tensor in step.outputs):
                return step
        return None

    def source(self, place: Place | None) -> Source | None:
        """Return the file of a place."""
        return None if place is None else self.sources.get(place.file)

    def call(self, place: Place | None) -> tuple[Source, ast.Call] | None:
        """Return the call at a place and its file, where both are known."""
        source = self.source(place)
        call = None if source is None else source.call_at(place)
        return None if source is None or call is None else (source, call)

    def made_once(self, step: Step) -> bool:
        """Whether no other step's module was made by the same piece of source."""
        others = [s for s in self.trace.steps if s.made == step.made and s.path != step.path]
        return step.made is not None and not others


def named(step: Step) -> str:
    """Return how a layer is called in a sentence: "fc1", "layer 2" of nn.Sequential."""
    return f"layer {step.path}" if step.path.isdecimal() else step.path or "the layer"


def maker(step: Step) -> str:
    """Return "; net.py:12 makes the layer", for a line that makes others too."""
    place = step.made
    return "" if place is None else f"; {PurePath(place.file).name}:{place.line} makes the layer"


def times(*factors: int) -> str:
    """Write a product: 32·7·7."""
    return "·".join(map(str, factors))


def by(shape: Shape) -> str:
    """Write a shape as PyTorch users read it: (4, 1568)."""
    return "(" + ", ".join(map(str, shape)) + ")"

"""Changes of the reader's own source that could mend what stopped a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fcinspect.diagnosis.repairs import calls, constructors, products, sizes
from fcinspect.diagnosis.repairs.candidate import Candidate, Scene
from fcinspect.shapes.steps import ModuleTrace

WAYS: tuple[Callable[[Scene], Iterator[Candidate]], ...] = (
    products.candidates,
    calls.candidates,
    sizes.lacking,
    constructors.candidates,
    sizes.joining,
    sizes.padded,
)


def candidates(trace: ModuleTrace) -> list[Candidate]:
    """Return what could mend the failure of a trace, most likely first."""
    scene = Scene.of(trace)
    return [] if scene is None else [found for way in WAYS for found in way(scene)]

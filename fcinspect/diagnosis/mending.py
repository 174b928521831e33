"""Runs a module with its source changed, and changed further until it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fcinspect.diagnosis.editing import Edit, applied
from fcinspect.diagnosis.records import Trial, one_line
from fcinspect.diagnosis.repairs import candidates
from fcinspect.shapes.steps import ModuleTrace, Tensor

Retry = Callable[[Mapping[str, str], Sequence[Tensor]], ModuleTrace | None]
"""(texts of files, inputs) -> the trace of the module with those texts in place of its files, or
None where it could not be run."""

MOST_RUNS = 24
MOST_CHANGES = 4
"""So many faults in a row are mended for one cause."""
STAGES = ("import", "construction", "forward")


class Mender:
    """Tries changes of the source of one module."""

    def __init__(self, retry: Retry | None) -> None:
        self._retry = retry
        self._left = 0 if retry is None else MOST_RUNS

    def mended(
        self, texts: dict[str, str], inputs: Sequence[Tensor]
    ) -> tuple[ModuleTrace | None, dict[str, str]]:
        """Return the trace with these texts, and the texts with what else had to be changed.

        Where no further change lets the module run, that is the trace with just these texts; None
        where nothing could be run.
        """
        first = self.run(texts, inputs)
        reached, changed = first, texts
        for _ in range(MOST_CHANGES - 1):
            if reached is None or reached.failure is None:
                break
            further = self._one_more(reached, changed, inputs)
            if further is None:
                return first, texts
            reached, changed = further
        if reached is None or reached.failure is not None:
            return first, texts
        return reached, changed

    def _one_more(
        self, reached: ModuleTrace, changed: dict[str, str], inputs: Sequence[Tensor]
    ) -> tuple[ModuleTrace, dict[str, str]] | None:
        """Return the first change more with which the run comes further."""
        for candidate in candidates(reached):
            more = edited(candidate.edits, reached)
            if not more or candidate.inputs:
                continue
            texts = {**changed, **more}
            further = self.run(texts, inputs)
            if further is not None and _went_on(reached, further):
                return further, texts
        return None

    def run(self, texts: Mapping[str, str], inputs: Sequence[Tensor]) -> ModuleTrace | None:
        """Return the trace with just these texts; None where it could not be run."""
        if self._retry is None or self._left == 0:
            return None
        self._left -= 1
        return self._retry(texts, inputs)


def edited(edits: Sequence[Edit], trace: ModuleTrace) -> dict[str, str]:
    """Return the texts of the files with the edits made; none where they cannot all be made."""
    try:
        return applied(edits, trace.sources)
    except (ValueError, KeyError):
        return {}  # two edits of one place


def trial_of(trace: ModuleTrace | None, wanted: int | None = None) -> Trial | None:
    """Return what a run gave, in words; `wanted` rows should come out, else as many as go in."""
    if trace is None:
        return None
    if trace.failure is not None:
        words = one_line(f"{trace.failure.error}: {trace.failure.message}")
        return Trial(False, f"still stops: {words}")
    rows = trace.inputs[0].shape[:1] if trace.inputs else ()
    if wanted is not None:
        rows = (wanted,)
    # a single number, as of a loss, has no rows to keep
    kept = bool(trace.outputs) and trace.outputs[0].shape[:1] in (rows, ())
    words = f"runs: {shapes_of(trace.inputs)} → {shapes_of(trace.outputs)}"
    if not kept and rows:
        words += f", where {rows[0]} rows should come out"
    return Trial(True, words, kept)


def shapes_of(tensors: Sequence[Tensor]) -> str:
    """Write the shapes of tensors: "(4, 10), (1, 4, 64)"."""
    return ", ".join("(" + ", ".join(map(str, t.shape)) + ")" for t in tensors) or "no tensor"


def _went_on(before: ModuleTrace, after: ModuleTrace) -> bool:
    """Whether a run came further than one that failed."""
    if after.failure is None:
        return True
    assert before.failure is not None
    old, new = STAGES.index(before.failure.stage), STAGES.index(after.failure.stage)
    if old != new:
        return new > old
    if len(after.steps) != len(before.steps):
        return len(after.steps) > len(before.steps)
    return after.failure.message != before.failure.message

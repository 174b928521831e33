"""The diagnosis of a module that did not run, with its source changed and tried until it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod

from fcinspect.diagnosis.editing import Edit, applied, changes_of
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.recognising import recognise
from fcinspect.diagnosis.records import Cause, Diagnosis, Trial, one_line
from fcinspect.diagnosis.repairs import candidates
from fcinspect.diagnosis.repairs.candidate import Candidate
from fcinspect.shapes.steps import ModuleTrace, Tensor

Retry = Callable[[Mapping[str, str], Sequence[Tensor]], ModuleTrace | None]
"""(texts of files, inputs) -> the trace of the module with those texts in place of its files, or
None where it could not be run."""

MOST_RUNS = 24
MOST_CHANGES = 4
"""So many faults in a row are mended for one cause."""
STAGES = ("import", "construction", "forward")
MOST_CAUSES = 5
ALSO_CALLED = {"input-left-float32": "other-dtype", "one-side-half": "other-dtype"}
"""What causes of messages are called among the changes of source."""
CERTAIN = {"features-do-not-divide"}
"""Causes that leave no room for what a text can only guess."""


def diagnose_trace(trace: ModuleTrace, retry: Retry | None) -> Diagnosis | None:
    """Return the diagnosis of a failed run, or None where neither text nor module tells.

    With `retry`, each change of the source is tried, and those with which the module runs and
    keeps its batch come first.
    """
    failure = trace.failure
    if failure is None:
        return None
    known = recognise(facts_of_trace(trace))
    mender = Mender(retry)
    tried = [(candidate, *_cause(candidate, trace, mender)) for candidate in candidates(trace)]
    # what mends the module by itself comes before what needs a further change
    tried.sort(key=lambda found: found[2])
    # of other inputs only the first is worth a word with which the module runs
    others_run = [c for given, c, _ in tried if given.inputs and c.trial and c.trial.runs]
    causes = [c for given, c, _ in tried if given.inputs is None or c in others_run[:1]]
    others = [cause for cause in known.likely if not _told(cause, causes, trace)] if known else []
    if not causes and not others:
        return None
    return Diagnosis(
        known.kind if known else "shape",
        one_line(f"{failure.error}: {failure.message}"),
        known.happened if known else f"{failure.error}: {one_line(failure.message)}.",
        tuple(sorted((*causes, *others), key=_order)[:MOST_CAUSES]),
        place=failure.place,
        code=failure.code,
    )


def with_step(known: Diagnosis, trace: ModuleTrace) -> Diagnosis:
    """Return the diagnosis of a message with what the failed step tells; no earlier one was seen.

    Where the step speaks of the first cause, its own causes come first, in their order, else
    behind those of the message. Causes that it refutes are left out. Nothing is run.
    """
    found = [given for given in candidates(trace) if given.inputs is None]
    told: dict[str, Cause] = {}
    for given in found:
        told.setdefault(given.cause.name, _cause(given, trace, Mender(None))[0])
    refuted = _contradicted(trace, earlier_seen=False)
    left = [c for c in known.likely if c.name not in refuted or c.name in told]
    left = _with_attribute(left, told.pop("misspelt-attribute", None))
    for cause in left:
        if ALSO_CALLED.get(cause.name) in told:
            told[cause.name] = replace(told.pop(ALSO_CALLED[cause.name]), name=cause.name)
    if not left:
        return replace(known, likely=tuple(told.values())[:MOST_CAUSES] or known.likely)
    order = [*told, *(c.name for c in left)]
    if left[0].name not in told:
        order = [*(c.name for c in left), *told]
    if _rows_are_lost(trace):
        order.sort(key=lambda name: name != "batch-flattened")
    by_name = {cause.name: cause for cause in left} | told
    likely = [by_name[name] for name in dict.fromkeys(order)]
    written = {change.after.strip() for cause in likely for change in cause.changes}
    likely = [c for c in likely if c.changes or (c.code or "") not in written]
    return replace(known, likely=tuple(likely[:MOST_CAUSES]))


def _with_attribute(likely: list[Cause], near: Cause | None) -> list[Cause]:
    """Return causes with that of an attribute that has another name in the module itself."""
    first = likely[0].name if likely else ""
    if near is not None and first == "attribute-not-defined":
        return [near, *likely]
    if near is not None and first == "attribute-misspelt":
        return [replace(likely[0], changes=near.changes), *likely[1:]]
    return likely


def _rows_are_lost(trace: ModuleTrace) -> bool:
    """Whether one row arrives of a batch of several."""
    step = None if trace.failure is None else trace.failure.step
    batch = trace.inputs[0].shape[:1] if trace.inputs and len(trace.inputs[0].shape) > 1 else ()
    if step is None or not step.inputs or not batch:
        return False
    return batch[0] > 1 and prod(step.inputs[0].shape[:-1]) == 1


def facts_of_trace(trace: ModuleTrace) -> Facts:
    """Return what is known of a failed run, its step and inputs among it."""
    assert trace.failure is not None
    told = read(trace.failure.traceback)[0]
    failure = trace.failure
    return replace(told, step=failure.step, inputs=trace.inputs, attributes=failure.attributes)


def _told(cause: Cause, causes: Sequence[Cause], trace: ModuleTrace) -> bool:
    """Whether the module itself tells already that a cause of the text holds, or does not."""
    written = {change.after.strip() for own in causes for change in own.changes}
    names = {own.name for own in causes} | _contradicted(trace)
    return bool(names & CERTAIN) or cause.name in names or (cause.code or "") in written


def _contradicted(trace: ModuleTrace, *, earlier_seen: bool = True) -> set[str]:
    """Return the names of causes that a text can only guess, and that the failed step refutes.

    Some are refuted only where the earlier steps were seen, too.
    """
    step = None if trace.failure is None else trace.failure.step
    if step is None or not step.inputs or not (earlier_seen or step.parameters):
        return set()
    found = set()
    if step.linear and step.weight is not None and len(step.weight) == 2:
        found |= {"flatten-missing", "input-transposed", "weight-transposed"}
        if earlier_seen:
            found |= {"batch-flattened", "pool-to-fit", "unbatched"}
    entering = step.inputs[0].shape
    if "Norm" in step.kind and step.weight is not None and entering[-1:] != step.weight[:1]:
        found.add("channels-last")
    if len(entering) == 2:
        found.add("lengths-differ")
    expected = re.search(r"Expected (\d+), got \d+", trace.failure.message if trace.failure else "")
    if expected is not None and int(expected[1]) not in entering:
        found.add("sequence-transposed")
    batch = trace.inputs[0].shape[:1] if trace.inputs else ()
    if entering[:1] == batch and earlier_seen:
        found |= {"batch-flattened", "unbatched"}
    elif entering[:1] == batch and step.path:
        found.add("batch-flattened")
    if earlier_seen and all(earlier.path != step.path for earlier in trace.steps):
        found.add("layer-applied-twice")
    return found


def _cause(candidate: Candidate, trace: ModuleTrace, mender: Mender) -> tuple[Cause, bool]:
    """Return the cause of a candidate with what its changes gave, and whether others go with it."""
    plain = candidate.cause
    texts = edited(candidate.edits, trace)
    if not texts and (candidate.edits or candidate.inputs is None):
        return plain, False
    if candidate.inputs is not None:
        return replace(plain, trial=trial_of(mender.run(texts, candidate.inputs))), False
    reached, changed = mender.mended(texts, trace.inputs)
    cause = replace(
        plain, changes=changes_of(trace.sources, changed), trial=trial_of(reached, candidate.rows)
    )
    return cause, changed != texts


def _order(cause: Cause) -> int:
    """First what runs and keeps its batch, then what runs, is not tried, and does not run."""
    if cause.trial is None:
        return 2
    if not cause.trial.runs:
        return 3
    return 0 if cause.trial.keeps_batch else 1


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
            if reached is not None and reached.failure is not None:
                reached, changed = self._one_more(reached, changed, inputs) or (None, texts)
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
        return Trial(False, f"still fails: {words}")
    rows = trace.inputs[0].shape[:1] if trace.inputs else ()
    if wanted is not None:
        rows = (wanted,)
    # a single number, as of a loss, has no rows to keep
    kept = bool(trace.outputs) and trace.outputs[0].shape[:1] in (rows, ())
    words = f"runs: {shapes_of(trace.inputs)} → {shapes_of(trace.outputs)}"
    if not kept and rows:
        words += f", but {rows[0]} rows should come out"
    return Trial(True, words, kept)


def shapes_of(tensors: Sequence[Tensor]) -> str:
    """Write the shapes of tensors: "(4, 10), (1, 4, 64)"."""
    return ", ".join("(" + ", ".join(map(str, t.shape)) + ")" for t in tensors) or "no tensor"


def _went_on(before: ModuleTrace, after: ModuleTrace) -> bool:
    if after.failure is None:
        return True
    assert before.failure is not None
    old, new = STAGES.index(before.failure.stage), STAGES.index(after.failure.stage)
    if old != new:
        return new > old
    if len(after.steps) != len(before.steps):
        return len(after.steps) > len(before.steps)
    return after.failure.message != before.failure.message

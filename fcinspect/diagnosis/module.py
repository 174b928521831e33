"""The diagnosis of a module that did not run, with its source changed and tried."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from fcinspect.diagnosis.editing import changes_of
from fcinspect.diagnosis.mending import Mender, Retry, edited, trial_of
from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.recognising import recognise
from fcinspect.diagnosis.records import Cause, Diagnosis, one_line
from fcinspect.diagnosis.repairs import candidates
from fcinspect.diagnosis.repairs.candidate import Candidate
from fcinspect.shapes.steps import ModuleTrace

MOST_CAUSES = 5
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
    known = recognise(read(failure.traceback)[0])
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


def _told(cause: Cause, causes: Sequence[Cause], trace: ModuleTrace) -> bool:
    """Whether the module itself tells already that a cause of the text holds, or does not."""
    written = {change.after.strip() for own in causes for change in own.changes}
    names = {own.name for own in causes} | _contradicted(trace)
    if names & CERTAIN:
        return True
    return cause.name in names or (cause.code or "") in written


def _contradicted(trace: ModuleTrace) -> set[str]:
    """Return the names of causes that a text can only guess, and that the failed step refutes.

    What does hold of them is among the module's own causes.
    """
    step = None if trace.failure is None else trace.failure.step
    if step is None or not step.inputs:
        return set()
    found = set()
    if step.linear and step.weight is not None and len(step.weight) == 2:
        found |= {"batch-flattened", "flatten-missing", "pool-to-fit"}
        found |= {"unbatched", "input-transposed", "weight-transposed"}
    entering = step.inputs[0].shape
    if "Norm" in step.kind and step.weight is not None and entering[-1:] != step.weight[:1]:
        found.add("channels-last")
    if len(entering) == 2:
        found.add("lengths-differ")
    expected = re.search(r"Expected (\d+), got \d+", trace.failure.message if trace.failure else "")
    if expected is not None and int(expected[1]) not in entering:
        found.add("sequence-transposed")
    batch = trace.inputs[0].shape[:1] if trace.inputs else ()
    if entering[:1] == batch:
        found |= {"batch-flattened", "unbatched"}
    if all(earlier.path != step.path for earlier in trace.steps):
        found.add("layer-applied-twice")
    return found


def _cause(candidate: Candidate, trace: ModuleTrace, mender: Mender) -> tuple[Cause, bool]:
    """Return the cause of a candidate with what its changes gave, and whether others go with it."""
    plain = Cause(
        candidate.name, candidate.cause, candidate.evidence, candidate.fix, candidate.code
    )
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

"""The diagnosis of a module that did not run, with its source changed and tried."""

from __future__ import annotations

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
    tried = [(candidate, _cause(candidate, trace, mender)) for candidate in candidates(trace)]
    # of other inputs only those are worth a word with which the module runs
    causes = [c for given, c in tried if given.inputs is None or (c.trial and c.trial.runs)]
    if known is None and not causes:
        return None
    names = {cause.name for cause in causes}
    others = [cause for cause in known.likely if cause.name not in names] if known else []
    return Diagnosis(
        known.kind if known else "shape",
        one_line(f"{failure.error}: {failure.message}"),
        known.happened if known else f"{failure.error}: {one_line(failure.message)}.",
        tuple(sorted((*causes, *others), key=_order)[:MOST_CAUSES]),
    )


def _cause(candidate: Candidate, trace: ModuleTrace, mender: Mender) -> Cause:
    """Return the cause of a candidate, with its changes and what they gave."""
    plain = Cause(
        candidate.name, candidate.cause, candidate.evidence, candidate.fix, candidate.code
    )
    texts = edited(candidate.edits, trace)
    if not texts and (candidate.edits or candidate.inputs is None):
        return plain
    if candidate.inputs is not None:
        return replace(plain, trial=trial_of(mender.run(texts, candidate.inputs)))
    reached, changed = mender.mended(texts, trace.inputs)
    return replace(
        plain, changes=changes_of(trace.sources, changed), trial=trial_of(reached, candidate.rows)
    )


def _order(cause: Cause) -> int:
    """First what runs and keeps its batch, then what runs, is not tried, and does not run."""
    if cause.trial is None:
        return 2
    if not cause.trial.runs:
        return 3
    return 0 if cause.trial.keeps_batch else 1

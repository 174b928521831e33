"""The report on a module that runs: what was looked for, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from fcinspect.diagnosis.mending import Retry, shapes_of
from fcinspect.diagnosis.observations import Observations
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.silent import beside, layers, rows, shapes
from fcinspect.diagnosis.silent.case import Case, Observe
from fcinspect.shapes.steps import ModuleTrace


@dataclass(frozen=True)
class SilentReport:
    """What was looked for in a module that runs, and what was found."""

    title: str
    happened: str
    """In words, with full stops."""
    likely: tuple[Cause, ...]
    """What was found, worst first; empty if nothing was."""
    checked: tuple[str, ...]
    """What was looked for."""
    not_exercised: tuple[str, ...]
    """What was not, and why."""


def judge(
    trace: ModuleTrace, seen: Observations, retry: Retry | None, observe: Observe
) -> SilentReport:
    """Return the faults that a run and its observations show.

    With `retry`, each change of the source is tried, and the module looked at again.
    """
    case = Case(trace, seen, retry, observe)
    by_shape = shapes.found(case)
    found = (
        *by_shape,
        # rows that a view or broadcast mixes are told by it already
        *(rows.found(case) if not by_shape else ()),
        *layers.found(case),
        *beside.found(case),
    )
    checked = (*shapes.CHECKED, *seen.checked, *beside.looked_for(case))
    count = f"{len(found)} silent fault{'' if len(found) == 1 else 's'}"
    verdict = f"{count} found." if found else "No silent fault was found."
    return SilentReport(
        f"{trace.name} runs: {shapes_of(trace.inputs)} → {shapes_of(trace.outputs)}",
        f"No error was raised. {verdict}",
        found,
        # what was looked for and could not be told is under what was not exercised
        tuple(what for what in checked if not any(u.startswith(what) for u in case.undecided)),
        (*seen.not_exercised, *case.undecided),
    )

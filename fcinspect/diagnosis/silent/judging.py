"""The report on a module that runs: what was looked for, and what was found.

Here stand the faults of what is beside the module: its optimizer, and its state dict in a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fcinspect.diagnosis.mending import Retry, shapes_of
from fcinspect.diagnosis.observations import Observations, OptimizerHolds, StoredWeights, listed
from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.recognising import cause_of, recognise
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.repairs.candidate import by
from fcinspect.diagnosis.silent import layers, shapes
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
    by_shape = list(shapes.found(case))
    found = (
        *by_shape,
        # rows that a view or broadcast mixes are told by it already
        *(shapes.mixed(case) if not by_shape else ()),
        *layers.found(case),
        *_of_optimizer(seen.optimizer),
        *_of_weights(case),
    )
    checked = (*shapes.CHECKED, *seen.checked)
    if seen.weights is None:
        case.undecided.append("a state dict: none was given; use --weights FILE")
    else:
        source = seen.weights.source
        checked += (
            f"whether {source} loads, and whether weights that are not square are transposed",
        )
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


def _of_optimizer(held: OptimizerHolds | None) -> Iterator[Cause]:
    if held is None or not held.missing:
        return
    foreign = f"{held.foreign} that are not the module's" if held.foreign else ""
    values = {"name": held.name, "kind": held.kind, "of": held.of}
    if len(held.missing) == held.of:
        verb = "update" if " and " in held.name else "updates"
        foreign = foreign and f", but {foreign}"
        yield cause_of("silent", "optimizer-other-parameters", verb=verb, foreign=foreign, **values)
        return
    foreign = foreign and f"; it holds {foreign}, as when a layer was replaced"
    missing = listed(list(held.missing))
    yield cause_of(
        "silent", "optimizer-lacks-parameters", missing=missing, foreign=foreign, **values
    )


def _of_weights(case: Case) -> tuple[Cause, ...]:
    """A state dict whose weights are transposed, or that does not load."""
    stored = case.seen.weights
    if stored is None:
        return ()
    if stored.square and not (
        stored.reversed or stored.kernels or stored.transposed or stored.equal
    ):
        case.undecided.append(
            f"whether {listed(list(stored.square))} of {stored.source} are transposed: square"
            " weights load either way, and no other weight decides"
        )
    turned = _turned(stored)
    if turned is not None:
        return (turned,)
    known = recognise(read(stored.refusal)[0]) if stored.refusal else None
    return known.likely[:1] if known else ()


def _turned(found: StoredWeights) -> Cause | None:
    """Return which weights of a state dict are transposed."""
    turned = found.reversed and not found.equal
    if found.transposed:
        names = listed(list(found.transposed))
        return cause_of("silent", "square-weight-transposed", names=names, source=found.source)
    if found.square and (turned or found.kernels):
        names = listed(list(found.square))
        others = ", ".join(f"{name} {by(shape)}" for name, shape in found.reversed[:3])
        because = (
            f"the other weights are stored as (in, out): {others}" if turned else "they are kernels"
        )
        return cause_of("silent", "square-weight-transposed/others", names=names, because=because)
    if not found.reversed:
        return None
    first, shape = found.reversed[0]
    names = listed([name for name, _ in found.reversed])
    values = {"names": names, "first": first, "shape": by(shape), "source": found.source}
    return cause_of("silent", "weight-transposed", **values)

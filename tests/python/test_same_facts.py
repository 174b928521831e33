"""Text, a living exception and a traced module give the same facts of the same failure."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from fcinspect.bridge.failures import failure_facts
from fcinspect.bridge.traced import Traced
from fcinspect.cli.module import parse_input
from fcinspect.diagnosis.facts import Facts, Frame
from fcinspect.diagnosis.locating import located
from fcinspect.diagnosis.mending import facts_of_trace
from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.recognising import first_known
from tests.diagnosis.broken_modules import BROKEN, Broken
from tests.diagnosis.test_repairs import run
from tests.python.test_diagnose import module_of

OTHER_NAMES = {
    "misspelt-argument": {"keyword-misspelt"},
    "not-a-module": {"function-in-sequential", "class-in-sequential"},
}
"""What the message alone calls causes of a module."""
NOT_SEEN = {
    "tuple-of-lstm": "an earlier step",
    "misspelt-forward": "a class whose forward does not run",
    "indented-forward": "likewise",
    "one-width-of-a-chain": "which layer it is, in a function that makes several",
}
"""What a single failure does not tell."""
ONE_OF_TWO = ("two-faults", "chain-of-widths")
"""Modules with two faults, of which one is seen."""
SEEN_OTHERWISE = ("view-of-another-size", "joined-along-the-batch", "joined-along-time")
"""Their operands are computed in the call itself, which is not done again."""


@pytest.fixture(params=BROKEN, ids=lambda broken: broken.name)
def broken(request: pytest.FixtureRequest) -> Broken:
    """Return each broken module."""
    found: Broken = request.param
    return found


@pytest.fixture
def failed(broken: Broken, tmp_path: Path) -> Iterator[BaseException]:
    """Return what a broken module raises on numbers."""
    inputs = [parse_input(text) for text in broken.inputs]
    source = broken.source
    given = [torch.zeros(t.shape, dtype=getattr(torch, t.dtype or "float32")) for t in inputs]
    try:
        net = module_of(source, tmp_path, "broken").Net
        module = net if isinstance(net, nn.Module) else net()
        module.eval()(*given)
    except Exception as error:
        yield error
        return
    pytest.fail("it runs")


def test_text_and_exception(failed: BaseException) -> None:
    """All that a traceback in text tells: error, message, frames with lines and marks."""
    text = "".join(traceback.format_exception(failed))
    for seen, told in zip(failure_facts(failed).reports, read(text), strict=False):
        assert replace(seen, step=None, inputs=(), attributes=()) == told


def in_file(facts: Facts, file: str) -> list[Frame]:
    """Return the frames in a file."""
    return [frame for frame in facts.frames if frame.file == file]


def test_exception_and_traced_module(broken: Broken, failed: BaseException, tmp_path: Path) -> None:
    """The step: path, kind, shapes, dtypes, parameters, and where it is called and made."""
    inputs = [parse_input(text) for text in broken.inputs]
    file = str(tmp_path / "broken.py")
    traced = facts_of_trace(Traced(f"{file}:Net", {}).trace(inputs, None, False, None))
    seen = failure_facts(failed).reports[0]
    assert (seen.error, seen.message) == (traced.error, traced.message)
    assert in_file(seen, file)[-1:] == in_file(traced, file)[-1:]
    assert seen.attributes == traced.attributes
    if seen.step is None or traced.step is None:
        assert traced.step is seen.step or broken.name in SEEN_OTHERWISE
        return
    assert seen.inputs == traced.inputs
    step = replace(seen.step, number=traced.step.number)
    if step.called is None or step.called.file != file:
        # of a bare nn.Sequential, the caller is this file or the tracer
        step = replace(step, called=traced.step.called, made=step.made or traced.step.made)
    assert step == traced.step


@pytest.mark.parametrize(
    "broken", [b for b in BROKEN if b.name not in NOT_SEEN], ids=lambda b: b.name, indirect=True
)
def test_the_cause_of_a_traced_module_comes_first_without_a_run(
    broken: Broken, failed: BaseException
) -> None:
    """Its edit is the one that a traced module is seen to run with."""
    seen = failure_facts(failed)
    known = first_known(seen.reports)
    assert known is not None
    first = located(*known, seen.sources).likely[0]
    assert first.name in {broken.cause, *OTHER_NAMES.get(broken.cause, ())}
    if not first.changes or broken.name in ONE_OF_TWO:
        return
    lines = broken.source.split("\n")
    for change in sorted(first.changes, key=lambda c: c.line, reverse=True):
        before = change.before.split("\n") if change.before else []
        lines[change.line - 1 : change.line - 1 + len(before)] = change.after.split("\n")
    assert run("\n".join(lines), [parse_input(t) for t in broken.inputs]).shape[0] == broken.rows

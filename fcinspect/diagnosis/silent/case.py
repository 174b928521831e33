"""A module that runs, what was seen of it, and what becomes of it with its source changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import PurePath

from fcinspect.diagnosis.editing import Edit, Source, changes_of, last_name
from fcinspect.diagnosis.mending import Mender, Retry, edited, trial_of
from fcinspect.diagnosis.observations import Observations
from fcinspect.diagnosis.records import Cause, Trial, one_line
from fcinspect.diagnosis.repairs.candidate import Scene
from fcinspect.shapes.steps import Failure, ModuleTrace, Place, Step

Observe = Callable[[ModuleTrace, Mapping[str, str]], Observations | None]
"""(run, texts of files) -> what is seen of the module with those texts in place of its files."""

METHOD = re.compile(r"(?P<name>pred|y) = (?P=name)\.(?P<method>\w+\([\d, ]*\))")
"""What a known cause of a loss says of its first argument, or of its second."""


class Case:
    """What the judges of silent faults look at."""

    def __init__(
        self, trace: ModuleTrace, seen: Observations, retry: Retry | None, observe: Observe
    ) -> None:
        self.trace = trace
        self.seen = seen
        sources = {file: Source(file, text) for file, text in trace.sources.items()}
        self.scene = Scene(trace, Failure(None, "", "", None, ""), sources)
        """The run and its source, as changes of it are looked for in."""
        self.undecided: list[str] = []
        """What could not be told, and why."""
        self._mender = Mender(retry)
        self._observe = observe

    @property
    def rows(self) -> int | None:
        """The first dimension of the module's first input."""
        return self.scene.batch

    @property
    def time_first(self) -> bool:
        """Whether the batch is dimension 1, as recurrent layers have it without batch_first."""
        inputs, outputs = self.trace.inputs, self.trace.outputs
        if not inputs or not outputs or len(inputs[0].shape) != 3 or not outputs[0].shape:
            return False
        steps, batch = inputs[0].shape[:2]
        recurrent = any("batch_first=False" in step.call for step in self.trace.steps)
        return recurrent and steps != batch and outputs[0].shape[0] == batch

    def where(self, place: Place | None) -> str:
        """Return " (net.py:17: y = y - y.mean(0))", or "" where the place is not known."""
        if place is None:
            return ""
        source = self.scene.source(place)
        code = "" if source is None else one_line(source.lines[place.line - 1])
        return f" ({PurePath(place.file).name}:{place.line}{f': {code}' if code else ''})"

    @property
    def has_single(self) -> bool:
        """Whether an input has a dimension of 1 behind the batch: a longer one may tell more."""
        return any(1 in tensor.shape[1:] for tensor in self.trace.inputs)

    def with_one_row_more(self, step: Step) -> Step | None:
        """Return the same step of a run whose batch has one row more; None if there is none."""
        run = self._larger
        if run is None or step.number >= len(run.steps):
            return None
        other = run.steps[step.number]
        return other if (other.path, other.kind) == (step.path, step.kind) else None

    @cached_property
    def _larger(self) -> ModuleTrace | None:
        rows = self.rows
        inputs = [
            replace(t, shape=(rows + 1, *t.shape[1:])) if rows and t.shape[:1] == (rows,) else t
            for t in self.trace.inputs
        ]
        run = self._mender.run({}, inputs)
        return None if run is None or run.failure is not None else run

    def tried(
        self,
        cause: Cause,
        edits: tuple[Edit, ...],
        mended: Callable[[Observations], bool] | None = None,
    ) -> Cause:
        """Return the cause with its changes, and whether the fault is gone with them."""
        texts = edited(edits, self.trace)
        if not texts:
            return cause
        reached, texts = self._mender.mended(texts, self.trace.inputs)
        cause = replace(
            cause, changes=changes_of(self.trace.sources, texts), trial=trial_of(reached)
        )
        if reached is None or cause.trial is None or not cause.trial.runs or mended is None:
            return cause
        seen = self._observe(reached, texts)
        if seen is None:
            return cause
        gone = mended(seen)
        words = f"{cause.trial.words}; the fault {'is gone' if gone else 'remains'}"
        return replace(cause, trial=Trial(gone, words, cause.trial.keeps_batch))


def squeezed(case: Case, step: Step, number: int, method: str) -> tuple[Edit, ...]:
    """Return the edit that gives an operand, by its number, a method: a - b, or f(a, b)."""
    place, source = step.called, case.scene.source(step.called)
    if source is None or place is None:
        return ()
    for node in source.nodes(place):
        operands: list[ast.expr] = []
        if isinstance(node, ast.BinOp):
            operands = [node.left, node.right]
        elif isinstance(node, ast.Call):
            operands = [*node.args, *(keyword.value for keyword in node.keywords)]
        if number < len(operands) and not isinstance(operands[number], ast.Starred):
            new = f"{source.operand(operands[number])}.{method}"
            return (source.replaced(operands[number], new),)
    return ()


def softmax_over_last(case: Case, step: Step) -> tuple[Edit, ...]:
    """Return the edit that takes a softmax along the last dimension."""
    found = case.scene.call(step.made if step.is_module else step.called)
    if found is None:
        return ()
    source, call = found
    given = [keyword.value for keyword in call.keywords if keyword.arg == "dim"]
    given += [argument for argument in call.args if _is_number(argument)]
    if given:
        return (source.replaced(given[0], "-1"),)
    softmax = "oftmax" in last_name(call.func)  # nn.Softmax()
    return (source.with_keyword(call, "dim=-1"),) if call.args or call.keywords or softmax else ()


def _is_number(node: ast.expr) -> bool:
    try:
        return isinstance(ast.literal_eval(node), int)
    except (ValueError, TypeError, SyntaxError):
        return False

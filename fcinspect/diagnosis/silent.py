"""Faults that give no message: what was seen of a module that runs, judged."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fcinspect.diagnosis.editing import Edit, Source, changes_of, prefix_of
from fcinspect.diagnosis.mending import Mender, Retry, edited, shapes_of, trial_of
from fcinspect.diagnosis.observations import (
    Lifeless,
    Observations,
    Unregistered,
)
from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.recognising import recognise
from fcinspect.diagnosis.records import Cause, Trial
from fcinspect.diagnosis.repairs.candidate import Scene, by
from fcinspect.diagnosis.repairs.flattening import flatten_rows
from fcinspect.diagnosis.silent_beside import listed, of_optimizer, of_weights, undecided_weights
from fcinspect.shapes.steps import Failure, ModuleTrace, Step

Observe = Callable[[ModuleTrace, Mapping[str, str]], Observations | None]
"""(run, texts of files) -> what is seen of the module with those texts in place of its files."""

RECURRENT = ("RNN", "LSTM", "GRU")
SEQUENTIAL = (*RECURRENT, "MultiheadAttention")
"""What takes (time, batch, features) unless batch_first is True."""
RESHAPING = ("view", "reshape", "flatten", "Flatten", "unflatten")
ELEMENTWISE = ("add", "sub", "mul", "div", "rsub", "iadd", "isub", "imul")


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
    judged = _Judge(trace, seen, retry, observe)
    shapes = [*judged.batch_changed(), *judged.broadcasts()]
    found = (
        *shapes,
        # rows that a view or broadcast mixes are told by it already
        *(judged.mixing() if not shapes else ()),
        *judged.unregistered(),
        *judged.lifeless(),
        *judged.optimizers(),
        *judged.weights(),
    )
    count = f"{len(found)} silent fault{'' if len(found) == 1 else 's'}"
    verdict = f"{count} found." if found else "No silent fault was found."
    checked = (
        "views that change the batch", "tensors that are broadcast against each other",
        *seen.checked,
    )  # fmt: skip
    return SilentReport(
        f"{trace.name} runs: {shapes_of(trace.inputs)} → {shapes_of(trace.outputs)}",
        f"No error was raised. {verdict}",
        found,
        checked,
        (*seen.not_exercised, *judged.undecided),
    )


class _Judge:
    def __init__(
        self, trace: ModuleTrace, seen: Observations, retry: Retry | None, observe: Observe
    ) -> None:
        self._trace = trace
        self._seen = seen
        self._mender = Mender(retry)
        self._observe = observe
        self._sources = {file: Source(file, text) for file, text in trace.sources.items()}
        self.undecided: list[str] = []

    def batch_changed(self) -> list[Cause]:
        """A view that makes other rows of the batch, which go out as they are."""
        rows = self._rows()
        outputs = self._trace.outputs
        if rows is None or not outputs or outputs[0].shape[:1] in ((rows,), ()):
            return []
        if self._time_first():
            return []
        for step in self._trace.steps:
            if step.kind not in RESHAPING or not step.inputs or not step.outputs:
                continue
            before, after = step.inputs[0].shape, step.outputs[0].shape
            if before[:1] == (rows,) and after[:1] != (rows,):
                scene = Scene(self._trace, _NONE, self._sources)
                cause = Cause(
                    "batch-changed-by-view",
                    f"{step.kind}{step.call} changes the number of rows of the batch",
                    f"{by(before)} → {by(after)}: {rows} rows go in, {after[0] if after else 1}"
                    f" come"
                    f" out, and the output is {by(outputs[0].shape)}",
                    "keep the rows and flatten the rest",
                    "x = x.flatten(1)",
                )
                return [self._tried(cause, flatten_rows(scene, step), None)]
        return []

    def mixing(self) -> list[Cause]:
        """Rows of the batch that depend on one another."""
        mixing = self._seen.mixing
        if mixing is None or self._time_first():
            return []
        if any(s.kind in SEQUENTIAL and len(s.inputs[0].shape) == 2 for s in self._trace.steps):
            self.undecided.append(
                "rows of the batch that depend on one another: a sequence without a batch enters"
            )
            return []
        others = [row for row in mixing.changed if row != 0]
        seen = (
            f"row 0 of the input alone was changed, and of the output's {mixing.rows} rows"
            f" {listed([str(row) for row in others])} changed too"
        )
        for step in self._trace.steps:
            time_first = step.kind in SEQUENTIAL and "batch_first=False" in step.call
            if time_first and step.inputs and len(step.inputs[0].shape) == 3:
                return [self._batch_first(step, seen)]
        for step in self._trace.steps:
            named = step.kind in ("softmax", "Softmax", "log_softmax", "LogSoftmax")
            if named and step.call.replace("dim=", "") in ("(0)", "0"):
                cause = Cause(
                    "softmax-over-batch",
                    "The softmax is taken over the batch",
                    f"{step.words} works along dimension 0; {seen}",
                    "take it over the classes",
                    "torch.softmax(x, dim=1)",
                )
                return [cause]
        return [
            Cause(
                "rows-mixed",
                "Rows of the batch depend on one another",
                seen,
                "look for a view, transpose or sum that runs over dimension 0",
            )
        ]

    def _batch_first(self, step: Step, seen: str) -> Cause:
        shape = step.inputs[0].shape
        edits: tuple[Edit, ...] = ()
        source = None if step.made is None else self._sources.get(step.made.file)
        call = None if source is None else source.call_at(step.made)
        if source is not None and call is not None:
            given = next((k for k in call.keywords if k.arg == "batch_first"), None)
            if given is not None:
                edits = (source.replaced(given.value, "True"),)
            else:
                last = [*call.args, *(k.value for k in call.keywords)][-1:]
                if last:
                    edits = (
                        source.replaced(last[0], f"{source.segment(last[0])}, batch_first=True"),
                    )
        cause = Cause(
            "batch-first-forgotten",
            f"{step.path} takes the batch for time: batch_first=True is missing",
            f"{by(shape)} enters, read as {shape[0]} steps of a batch of {shape[1]}; {seen}",
            "construct it with batch_first=True",
            f"nn.{step.kind}(…, batch_first=True)",
        )
        return self._tried(cause, edits, lambda observed: observed.mixing is None)

    def broadcasts(self) -> list[Cause]:
        """Element-wise operations in which both operands are stretched: (N, 1) with (N,)."""
        found = []
        for step in self._trace.steps:
            if step.kind in ELEMENTWISE and step.outputs:
                found += _column(step) or _stretched(step)
        return found

    def unregistered(self) -> list[Cause]:
        """Layers in a plain list."""
        return [self._unregistered(found) for found in self._seen.unregistered]

    def _unregistered(self, found: Unregistered) -> Cause:
        kind = {"dict": "ModuleDict"}.get(found.container, "ModuleList")
        if not found.modules:
            kind = {"dict": "ParameterDict"}.get(found.container, "ParameterList")
        what = "layers" if found.modules else "parameters"
        cause = Cause(
            "unregistered-layers",
            f"The {what} in {found.attribute} are not registered: it is a plain {found.container}",
            f"{found.owner}.{found.attribute} holds {found.count} with {found.numbers:,} parameters"
            " that model.parameters(), state_dict() and .to(device) do not see",
            f"put them into nn.{kind}",
            f"self.{found.attribute} = nn.{kind}(…)",
        )
        return self._tried(
            cause, self._registered(found, kind),
            lambda seen: all(u.attribute != found.attribute for u in seen.unregistered),
        )  # fmt: skip

    def _registered(self, found: Unregistered, kind: str) -> tuple[Edit, ...]:
        for source in self._sources.values():
            for node in ast.walk(source.tree) if source.tree is not None else ():
                if isinstance(node, ast.Assign) and len(node.targets) == 1:
                    target = node.targets[0]
                    named = isinstance(target, ast.Attribute) and target.attr == found.attribute
                    holder = source.enclosing(node, ast.ClassDef)
                    if named and isinstance(holder, ast.ClassDef) and holder.name == found.owner:
                        prefix = _prefix(source)
                        written = source.segment(node.value)
                        if isinstance(node.value, ast.GeneratorExp):
                            written = f"[{written[1:-1]}]"
                        edit = source.replaced(node.value, f"{prefix}{kind}({written})")
                        return (edit,)
        return ()

    def lifeless(self) -> list[Cause]:
        """Layers without a gradient."""
        found = []
        words = {
            "never used": (
                "layer-never-used",
                "Forward never uses {0}",
                "registered, counted and saved, but no step of the run uses them",
                "call the layer in forward, or remove it",
            ),
            "detached": (
                "layer-detached",
                "No gradient reaches {0}",
                "they are used, but the output does not depend on them differentiably: a detach(),"
                " .data, .item(), argmax or torch.no_grad() stands between",
                "remove it",
            ),
            "zero": (
                "layer-dead",
                "The gradient of {0} is exactly 0 on random inputs",
                "every number of the gradient is 0: a ReLU behind is off for all rows, or a factor"
                " is 0",
                "look at the initialisation (weights of 0, large negative biases) and at double"
                " activations",
            ),
        }
        for kind, (name, cause, evidence, fix) in words.items():
            parts = [p for p in self._seen.lifeless if p.kind == kind]
            if parts:
                found.append(
                    Cause(name, cause.format(_layers(parts)), f"{_keys(parts)}: {evidence}", fix)
                )
        return found

    def optimizers(self) -> list[Cause]:
        """An optimizer that updates other parameters than the module's."""
        return [
            of_optimizer(held) for held in self._seen.optimizers if held.missing or held.foreign
        ]

    def weights(self) -> list[Cause]:
        """A state dict whose square weights lie the other way round."""
        found = self._seen.weights
        if found is None:
            return []
        self.undecided += undecided_weights(found)
        causes = of_weights(found)
        known = recognise(read(found.refusal)[0]) if found.refusal else None
        names = {cause.name for cause in causes}
        return [*causes, *(c for c in (known.likely if known else ()) if c.name not in names)]

    def _rows(self) -> int | None:
        inputs = self._trace.inputs
        return inputs[0].shape[0] if inputs and inputs[0].shape else None

    def _time_first(self) -> bool:
        """Whether the batch is dimension 1, as recurrent layers have it without batch_first."""
        inputs, outputs = self._trace.inputs, self._trace.outputs
        if not inputs or not outputs or len(inputs[0].shape) != 3 or not outputs[0].shape:
            return False
        steps, batch = inputs[0].shape[:2]
        recurrent = any("batch_first=False" in step.call for step in self._trace.steps)
        return recurrent and steps != batch and outputs[0].shape[0] == batch

    def _tried(
        self, cause: Cause, edits: tuple[Edit, ...], mended: Callable[[Observations], bool] | None
    ) -> Cause:
        """Return the cause with its changes, and whether the fault is gone with them."""
        texts = edited(edits, self._trace)
        if not texts:
            return cause
        reached, texts = self._mender.mended(texts, self._trace.inputs)
        cause = replace(
            cause, changes=changes_of(self._trace.sources, texts), trial=trial_of(reached)
        )
        if reached is None or cause.trial is None or not cause.trial.runs or mended is None:
            return cause
        seen = self._observe(reached, texts)
        if seen is None:
            return cause
        gone = mended(seen)
        words = f"{cause.trial.words}; the fault {'is gone' if gone else 'stays'}"
        return replace(cause, trial=Trial(gone, words, cause.trial.keeps_batch))


def _column(step: Step) -> list[Cause]:
    """Return what is wrong with a bias of shape (N, 1): its numbers go along the batch."""
    parameter = step.parameters[0] if step.parameters else None
    if parameter is None or len(parameter.shape) != 2 or parameter.shape[1] != 1 or not step.inputs:
        return []
    n, entering, out = parameter.shape[0], step.inputs[0].shape, step.outputs[0].shape
    if n < 2 or len(entering) != 2:
        return []
    evidence = f"{by(entering)} and {by(parameter.shape)} give {by(out)}"
    if out == entering:
        evidence += f": they fit only because the batch has {n} rows"
    return [
        Cause(
            "bias-column",
            f"{parameter.name or 'The bias'} is a column ({n}, 1), added along the batch",
            evidence,
            f"give it the shape ({entering[1]},)",
            f"torch.zeros({entering[1]})",
        )
    ]


def _stretched(step: Step) -> list[Cause]:
    """Return what is wrong with operands that are broadcast against each other."""
    shapes = [t.shape for t in step.inputs] + [p.shape for p in step.parameters]
    out = step.outputs[0].shape
    if len(shapes) != 2 or out in shapes or () in shapes:
        return []
    return [
        Cause(
            "operands-broadcast",
            f"{step.kind} stretches both of its operands",
            f"{by(shapes[0])} and {by(shapes[1])} give {by(out)}",
            "give both the same shape: squeeze(1) or unsqueeze(1)",
            "a = a.squeeze(1)",
        )
    ]


_NONE = Failure(None, "", "", None, "")


def _prefix(source: Source) -> str:
    """Return how the file names torch.nn: "nn." or "torch.nn."."""
    for node in ast.walk(source.tree) if source.tree is not None else ():
        if isinstance(node, ast.Call) and prefix_of(node.func) in ("nn.", "torch.nn."):
            return prefix_of(node.func)
    return "torch.nn."


def _layers(parts: list[Lifeless]) -> str:
    return listed(list(dict.fromkeys(p.name.rpartition(".")[0] or p.name for p in parts)))


def _keys(parts: list[Lifeless]) -> str:
    return listed([p.name for p in parts])

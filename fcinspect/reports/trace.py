"""The report of `trace`: every step, the linear layers in words, what the module returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Page, PageBuilder, Table, Verbatim
from fcinspect.page.view import View
from fcinspect.reports import diagnose as diagnosis
from fcinspect.reports.trace_steps import Folding, called, first_shape, sentence, size_lines
from fcinspect.reports.written import written

if TYPE_CHECKING:
    from fcinspect.diagnosis.records import Diagnosis
    from fcinspect.shapes.steps import ModuleTrace, Place, Step, Tensor

MOST_ROWS = 200
"""Most steps on the page unless all are requested; JSON and CSV have them all."""
FEW_MORE = 20
"""Up to this many more are shown rather than left out."""
MOST_SENTENCES = 40
ELSEWHERE = "see --json"


def view_of_trace(
    trace: ModuleTrace,
    found: Diagnosis | None,
    asked: dict[str, Any],
    *,
    show_all: bool,
    folding: Folding,
) -> View:
    """Return the view of a trace, and of the diagnosis of the step that failed."""
    return View(
        command="trace",
        asked=asked,
        data=lambda full: document(trace, found),
        page=lambda precision: page(trace, found, show_all, folding),
        rows=partial(rows, trace),
        ok=trace.failure is None,
    )


def document(trace: ModuleTrace, found: Diagnosis | None) -> dict[str, Any]:
    """Return the JSON data."""
    from fcinspect.reports.documents import networks as documents

    failure = trace.failure
    stopped = failure and written(
        failure,
        documents.FailureDocument,
        message=text.safe(failure.message),
        code=text.safe(failure.code),
        step=failure.step and _step(failure.step),
        diagnosis=found and diagnosis.document(found),
    )
    return written(
        trace,
        documents.TraceDocument,
        why_not_meta=text.safe(trace.why_not_meta),
        batch=(first_shape(trace.inputs) or ())[:1],
        layers=list(map(_step, trace.steps)),
        failure=stopped,
    )


def _step(step: Step) -> dict[str, Any]:
    from fcinspect.reports.documents.networks import StepOfModuleDocument, WindowDocument

    return written(
        step,
        StepOfModuleDocument,
        name=step.path,
        input=first_shape(step.inputs),
        output=first_shape(step.outputs),
        parameters=step.count,
        used_parameters=step.parameters,
        windows=[written(w, WindowDocument, formula=w.words) for w in step.windows],
    )


def rows(trace: ModuleTrace) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one a step."""
    titles = ("name", "kind", "call", "line", "input", "output", "weight", "bias")
    yield (*titles, "parameters", "macs")
    for step in trace.steps:
        place = step.called or step.made
        line = "" if place is None else f"{Path(place.file).name}:{place.line}"
        shapes = first_shape(step.inputs), first_shape(step.outputs), step.weight, step.bias
        sizes = ("" if shape is None else "x".join(map(str, shape)) for shape in shapes)
        yield (step.path, step.kind, step.call, line, *sizes, step.count, step.macs)


def page(trace: ModuleTrace, found: Diagnosis | None, show_all: bool, folding: Folding) -> Page:
    """Return the page; shapes hold whole numbers only."""
    built = PageBuilder()
    built.add(Heading(f"Trace of {text.safe(trace.name)}", level=1))
    if trace.inputs and (trace.failure is None or trace.failure.stage == "forward"):
        built.add(*(Line.of(line, indent=2) for line in _head(trace)))
    if trace.steps:
        _add_steps(built, trace, show_all, folding)
    if trace.failure is None:
        _finish(built, trace, folding)
    else:
        _stop(built, trace, found)
    return built.page()


def _add_steps(built: PageBuilder, trace: ModuleTrace, show_all: bool, folding: Folding) -> None:
    chosen = folding.chosen(trace.steps)
    rows = folding.rows(chosen)
    whole = show_all or len(rows) <= MOST_ROWS + FEW_MORE
    built.group(_table(trace, rows if whole else rows[:MOST_ROWS]))
    note = folding.note(len(chosen), len(trace.steps), len(rows))
    if note:
        built.add(Line.of(note))
    if not whole:
        what = "steps" if len(rows) == len(trace.steps) else "rows"
        said = f"showing {MOST_ROWS} of {len(rows):,} {what}"
        built.add(Line.of(f"{said}; --all shows all, --depth and --only fewer"))


def _head(trace: ModuleTrace) -> list[str]:
    given = ", ".join(map(_input, trace.inputs))
    origin = f", {trace.input_origin}" if trace.input_origin else ""
    how = "training" if trace.training else "evaluation"
    where = "on the meta device: shapes only, no numbers"
    if trace.device != "meta":
        where = "with zeros on the CPU"
        if trace.why_not_meta:
            where += f", because it fails on the meta device ({text.safe(trace.why_not_meta)})"
    files = dict.fromkeys(p.file for p in _places(trace))
    lines = [f"input {given}{origin}", f"{where}; in {how} mode"]
    if len(files) == 1:
        lines.append(f"line numbers refer to {text.safe(Path(next(iter(files))).name)}")
    return lines


def _input(tensor: Tensor) -> str:
    name = f"{tensor.name} " if tensor.name else ""
    if name[:1].isdigit():
        number, _, rest = name.partition(".") if "." in name else (name.rstrip(), "", "")
        name = f"[{number}]{f'.{rest}' if rest else ' '}"
    return f"{name}{text.shape(tensor.shape)} {tensor.dtype}".rstrip()


def _places(trace: ModuleTrace) -> list[Place]:
    return [place for step in trace.steps if (place := step.called or step.made) is not None]


def _table(trace: ModuleTrace, steps: Sequence[Step]) -> Table:
    """Return a row for each step; linear layers stand out."""
    several = len({place.file for place in _places(trace)}) > 1
    columns = (
        Column("step", right=False, legible=16),
        Column("line", right=not several, spare=ELSEWHERE),
        Column("input → output", right=False, legible=12),
        Column("weight", right=False, spare=ELSEWHERE),
        *map(Column, ("parameters", "MACs")),
    )
    body = [_row(step, several) for step in steps]
    strong = frozenset(number for number, step in enumerate(steps) if step.linear)
    if trace.failure is not None:
        return Table(columns, tuple(body), strong=strong)
    unused = sum(prod(parameter.shape) for parameter in trace.unused)
    last = [("not used in this run", "", "", "", text.count(unused), "")] if unused else []
    last.append(("total", "", "", "", text.count(trace.parameters), text.count(trace.macs)))
    return Table(columns, (*body, *last), rule_before=frozenset({len(body)}), strong=strong)


def _row(step: Step, several: bool) -> tuple[str, ...]:
    place = step.called or step.made
    line = ""
    if place is not None:
        line = f"{text.safe(Path(place.file).name)}:{place.line}" if several else str(place.line)
    entering = ", ".join(dict.fromkeys(text.sizes(t.shape) for t in step.inputs[:3]))
    leaving = ", ".join(text.sizes(t.shape) for t in step.outputs[:3])
    more = ", …" if len(step.outputs) > 3 else ""
    parameters = "reused" if step.parameters else ""
    if step.count:
        parameters = text.count(step.count)
    return (
        _name(step),
        line,
        f"{entering} → {leaving}{more}",
        "" if step.weight is None else text.sizes(step.weight),
        parameters,
        text.count(step.macs) if step.macs else "",
    )


def _name(step: Step) -> str:
    """Return "fc1 Linear", "relu()", "block flatten(1)", "[:, -1] last step of rnn"."""
    call = text.safe(step.call)
    kind = call if step.kind == "getitem" else f"{step.kind}{call or '()'}"
    if step.is_module:
        kind = step.kind
    words = (text.safe(step.path), kind, text.safe(step.note), call if step.is_module else "")
    return " ".join(filter(None, words))


def _finish(built: PageBuilder, trace: ModuleTrace, folding: Folding) -> None:
    linear: dict[object, Step] = {}
    for step in folding.chosen(trace.steps):
        if step.linear:
            linear.setdefault((called(step), step.inputs, step.weight, step.bias), step)
    if linear:
        wide = max(len(called(step)) for step in linear.values())
        shown = [sentence(step, min(wide, 30)) for step in linear.values()]
        built.group(Heading("Linear layers: Y = X·Wᵀ + b"), *shown[:MOST_SENTENCES])
        if len(shown) > MOST_SENTENCES:
            said = f"showing {MOST_SENTENCES} of {len(shown):,}; --json has all"
            built.add(Line.of(said, indent=2))
    if sizes := size_lines(trace):
        built.group(Heading("Sizes"), *sizes)
    outputs = ", ".join(map(_input, trace.outputs)) or "no tensor"
    trainable = f", {text.count(trace.trainable)} trainable"
    if trace.trainable == trace.parameters:
        trainable = ", all trainable" if trace.parameters else ""
    buffers = f"; {text.plural(trace.buffers, 'number')} in buffers" if trace.buffers else ""
    lines = [
        f"returns {outputs}",
        f"{text.count(trace.parameters)} parameters in {text.byte_count(trace.parameter_bytes)}"
        f"{trainable}{buffers}",
        f"{text.count(trace.macs)} MACs: one multiply-add each; adding a bias counts as none",
    ]
    if trace.unregistered:
        lines.append(
            f"not registered: {text.plural(trace.unregistered, 'parameter')} used in this run;"
            " parameters(), state_dict() and .to() do not see them"
        )
    if trace.unused:
        names = ", ".join(text.safe(p.name) for p in trace.unused[:8])
        more = f" and {len(trace.unused) - 8} more" if len(trace.unused) > 8 else ""
        size = sum(prod(p.shape) for p in trace.unused)
        lines.append(f"not used in this run: {names}{more} ({text.plural(size, 'parameter')})")
    if trace.stopped:
        lines.append(trace.stopped)
    built.group(*(Line.of(line) for line in lines))


def _stop(built: PageBuilder, trace: ModuleTrace, found: Diagnosis | None) -> None:
    failure = trace.failure
    assert failure is not None
    step, place = failure.step, failure.place
    where = "" if place is None else f", {diagnosis.where(place)}"
    what = f"Stops at {text.safe(step.words)}" if step is not None else "Stops"
    if failure.stage != "forward":
        what = f"Stops during {failure.stage}"
    lines: list[Block] = [Heading(f"{what}{where}")]
    if failure.code:
        lines.append(Verbatim(text.safe(failure.code), "python", indent=2, role="strong"))
    if step is not None and step.inputs:
        entering = ", ".join(map(_input, step.inputs))
        weight = f", weight {text.shape(step.weight)}" if step.weight is not None else ""
        lines.append(Line.of(f"input {entering}{weight}", indent=2))
    said = " ".join(failure.message.split())
    lines.append(Line.of((f"{failure.error}: {text.safe(said[:400])}", "bad"), indent=2))
    built.group(*lines)
    if found is None:
        built.group(Line.of("fcinspect does not recognize this message."))
        return
    built.group(Line.of(text.safe(found.happened)))
    for blocks in diagnosis.blocks_of(found.likely[: diagnosis.MOST_CAUSES], failure.message):
        built.group(*blocks)

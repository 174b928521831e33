"""The picture of a traced module: every step, the linear layers in words, the arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcinspect.render import diagnosis, text
from fcinspect.render.page import (
    Block,
    Column,
    Heading,
    Line,
    Page,
    PageBuilder,
    Span,
    Table,
    Verbatim,
)  # fmt: skip
from fcinspect.render.view import View
from fcinspect.shapes.windows import same_for_all

if TYPE_CHECKING:
    from fcinspect.diagnosis.records import Diagnosis
    from fcinspect.render.module_documents import (
        FailureDocument,
        PlaceDocument,
        StepOfModuleDocument,
        TensorDocument,
        TraceDocument,
        UsedParameterDocument,
    )
    from fcinspect.shapes.steps import ModuleTrace, Parameter, Place, Shape, Step, Tensor

MOST_ROWS = 200
"""Steps shown on the page unless all are asked for; JSON and CSV have them all."""
FEW_MORE = 20
"""So many more are shown rather than left out."""
MOST_SENTENCES = 40
MOST_WINDOWS = 12
MOST_NAME = 30
HANG = 4
"""Further blanks before the second line of a sentence that a narrow terminal breaks."""
FLATTENING = ("flatten", "Flatten", "view", "reshape")


def view_of_trace(
    trace: ModuleTrace, found: Diagnosis | None, asked: dict[str, Any], *, show_all: bool
) -> View:
    """Return the view of a trace, and of the diagnosis of the step that failed."""
    return View(
        command="trace",
        asked=asked,
        data=lambda full: dict(document(trace, found)),
        page=partial(page, trace, found, show_all),
        rows=partial(rows, trace),
        ok=trace.failure is None,
    )


def document(trace: ModuleTrace, found: Diagnosis | None) -> TraceDocument:
    """Return the JSON data."""
    first = trace.inputs[0].shape if trace.inputs else ()
    return {
        "source": trace.source,
        "name": trace.name,
        "device": trace.device,
        "why_not_meta": text.safe(trace.why_not_meta),
        "training": trace.training,
        "batch": list(first[:1]),
        "inputs": _tensors(trace.inputs),
        "outputs": _tensors(trace.outputs),
        "layers": [_step(step) for step in trace.steps],
        "parameters": trace.parameters,
        "unregistered": trace.unregistered,
        "trainable": trace.trainable,
        "parameter_bytes": trace.parameter_bytes,
        "buffers": trace.buffers,
        "macs": trace.macs,
        "unused": [_parameter(p) for p in trace.unused],
        "failure": _failure(trace, found),
    }


def _failure(trace: ModuleTrace, found: Diagnosis | None) -> FailureDocument | None:
    failure = trace.failure
    if failure is None:
        return None
    return {
        "stage": failure.stage,
        "error": failure.error,
        "message": text.safe(failure.message),
        "place": _place(failure.place),
        "code": text.safe(failure.code),
        "step": None if failure.step is None else _step(failure.step),
        "diagnosis": None if found is None else diagnosis.document(found),
    }


def _step(step: Step) -> StepOfModuleDocument:
    return {
        "name": step.path,
        "kind": step.kind,
        "call": step.call,
        "is_module": step.is_module,
        "input": list(step.inputs[0].shape) if step.inputs else None,
        "output": list(step.outputs[0].shape) if step.outputs else None,
        "inputs": _tensors(step.inputs),
        "outputs": _tensors(step.outputs),
        "weight": None if step.weight is None else list(step.weight),
        "bias": None if step.bias is None else list(step.bias),
        "parameters": step.count,
        "used_parameters": [_parameter(p) for p in step.parameters],
        "macs": step.macs,
        "linear": step.linear,
        "called": _place(step.called),
        "made": _place(step.made),
        "made_in_run": step.made_in_run,
        "windows": [{"axis": w.axis, "formula": w.words, "output": w.output} for w in step.windows],
        "note": step.note,
    }


def _tensors(tensors: Sequence[Tensor]) -> list[TensorDocument]:
    return [{"name": t.name, "shape": list(t.shape), "dtype": t.dtype} for t in tensors]


def _parameter(parameter: Parameter) -> UsedParameterDocument:
    return {"name": parameter.name, "shape": list(parameter.shape), "new": parameter.new}


def _place(place: Place | None) -> PlaceDocument | None:
    return None if place is None else {"file": place.file, "line": place.line}


def rows(trace: ModuleTrace) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one a step."""
    yield (
        "name", "kind", "call", "line", "input", "output", "weight", "bias", "parameters", "macs",
    )  # fmt: skip
    for step in trace.steps:
        place = step.called or step.made
        line = "" if place is None else f"{Path(place.file).name}:{place.line}"
        shapes = (
            "x".join(map(str, shape)) if shape is not None else ""
            for shape in (_first(step.inputs), _first(step.outputs), step.weight, step.bias)
        )
        yield (step.path, step.kind, step.call, line, *shapes, step.count, step.macs)


def _first(tensors: Sequence[Tensor]) -> Shape | None:
    return tensors[0].shape if tensors else None


def page(
    trace: ModuleTrace, found: Diagnosis | None, show_all: bool = False, precision: int = 4
) -> Page:
    """Return the page."""
    del precision  # shapes hold whole numbers only
    built = PageBuilder()
    built.add(Heading(f"Trace of {text.safe(trace.name)}", level=1))
    if trace.inputs and (trace.failure is None or trace.failure.stage == "forward"):
        built.add(*(Line.of(line, indent=2) for line in _head(trace)))
    if trace.steps:
        whole = show_all or len(trace.steps) <= MOST_ROWS + FEW_MORE
        shown = len(trace.steps) if whole else MOST_ROWS
        built.group(_table(trace, shown))
        if shown < len(trace.steps):
            built.add(Line.of(f"showing {shown} of {len(trace.steps):,} steps; --all shows all"))
    if trace.failure is None:
        _finish(built, trace)
    else:
        _stop(built, trace, found)
    return built.page()


def _head(trace: ModuleTrace) -> list[str]:
    given = ", ".join(_input(tensor) for tensor in trace.inputs)
    origin = f", {trace.input_origin}" if trace.input_origin else ""
    how = "training" if trace.training else "evaluation"
    where = "on the meta device: shapes only, no numbers"
    if trace.device != "meta":
        where = "on zeros on the CPU"
        if trace.why_not_meta:
            where += f", since on the meta device it stops ({text.safe(trace.why_not_meta)})"
    files = dict.fromkeys(p.file for p in _places(trace))
    lines = [f"input {given}{origin}", f"{where}; in {how} mode"]
    if len(files) == 1:
        lines.append(f"lines are those of {text.safe(Path(next(iter(files))).name)}")
    return lines


def _input(tensor: Tensor) -> str:
    name = f"{tensor.name} " if tensor.name else ""
    if name[:1].isdigit():
        number, _, rest = name.partition(".") if "." in name else (name.rstrip(), "", "")
        name = f"[{number}]{f'.{rest}' if rest else ' '}"
    return f"{name}{text.shape(tensor.shape)} {tensor.dtype}".rstrip()


def _places(trace: ModuleTrace) -> list[Place]:
    return [place for step in trace.steps if (place := step.called or step.made) is not None]


def _table(trace: ModuleTrace, most: int) -> Table:
    """Return a row for each step; linear layers stand out."""
    several = len({place.file for place in _places(trace)}) > 1
    columns = (
        Column("step", right=False),
        Column("line", right=several is False),
        Column("input → output", right=False),
        Column("weight", right=False),
        Column("parameters"),
        Column("MACs"),
    )
    steps = trace.steps[:most]
    body = [_row(step, several) for step in steps]
    if trace.failure is not None:
        return Table(columns, tuple(body), strong=_linear(steps))
    unused = sum(prod(parameter.shape) for parameter in trace.unused)
    last = [("not used in this run", "", "", "", text.count(unused), "")] if unused else []
    last.append(("total", "", "", "", text.count(trace.parameters), text.count(trace.macs)))
    rules = frozenset({len(body)})
    return Table(columns, (*body, *last), rule_before=rules, strong=_linear(steps))


def _linear(steps: Sequence[Step]) -> frozenset[int]:
    return frozenset(number for number, step in enumerate(steps) if step.linear)


def _row(step: Step, several: bool) -> tuple[str, ...]:
    place = step.called or step.made
    line = ""
    if place is not None:
        line = f"{text.safe(Path(place.file).name)}:{place.line}" if several else str(place.line)
    entering = ", ".join(dict.fromkeys(text.sizes(t.shape) for t in step.inputs[:3]))
    leaving = ", ".join(text.sizes(t.shape) for t in step.outputs[:3])
    more = ", …" if len(step.outputs) > 3 else ""
    parameters = text.count(step.count) if step.count else ""
    if not step.count and step.parameters:
        parameters = "again"
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
    words = [text.safe(step.path)] if step.path else []
    if step.is_module:
        words.append(step.kind)
    elif step.kind == "getitem":
        words.append(text.safe(step.call))
    else:
        words.append(f"{step.kind}{text.safe(step.call) or '()'}")
    if step.note:
        words.append(text.safe(step.note))
    if step.is_module and step.call:
        words.append(text.safe(step.call))
    return " ".join(words)


def _finish(built: PageBuilder, trace: ModuleTrace) -> None:
    linear: dict[object, Step] = {}
    for step in trace.steps:
        if step.linear:
            linear.setdefault((_called(step), step.inputs, step.weight, step.bias), step)
    if linear:
        wide = max(len(_called(step)) for step in linear.values())
        shown = [_sentence(step, min(wide, MOST_NAME)) for step in linear.values()]
        built.group(Heading("Linear layers: Y = X·Wᵀ + b"), *shown[:MOST_SENTENCES])
        if len(shown) > MOST_SENTENCES:
            said = f"showing {MOST_SENTENCES} of {len(shown):,}; --json has all"
            built.add(Line.of(said, indent=2))
    sizes = _sizes(trace)
    if sizes:
        built.group(Heading("Sizes"), *sizes)
    outputs = ", ".join(_input(tensor) for tensor in trace.outputs) or "no tensor"
    lines = [
        f"returns {outputs}",
        f"{text.count(trace.parameters)} parameters in {text.byte_count(trace.parameter_bytes)}"
        f"{_trainable(trace)}{_buffers(trace)}",
        f"{text.count(trace.macs)} MACs: one product and its addition each; adding a bias"
        " multiplies nothing",
    ]
    if trace.unregistered:
        lines.append(
            f"not registered: {text.plural(trace.unregistered, 'parameter')} that steps use;"
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


def _trainable(trace: ModuleTrace) -> str:
    if trace.trainable == trace.parameters:
        return ", all trainable" if trace.parameters else ""
    return f", {text.count(trace.trainable)} trainable"


def _buffers(trace: ModuleTrace) -> str:
    return f"; {text.plural(trace.buffers, 'number')} in buffers" if trace.buffers else ""


def _called(step: Step) -> str:
    """Return "fc1", or of a function where it is called and its name."""
    kind = f"{step.kind}{step.call}" if step.kind == "einsum" else step.kind
    name = step.path if step.is_module and step.path else f"{step.path} {kind}".strip()
    return text.safe(name)


def _sentence(step: Step, wide: int) -> Line:
    """Return fc1   (4, 2048) · (128, 2048)ᵀ + (128) → (4, 128)."""
    entering, leaving = _first(step.inputs), _first(step.outputs)
    turned = step.is_module or step.kind == "linear"
    parts: list[str | Span] = [
        (f"{_called(step):<{wide}}   ", "strong"),
        (text.shape(entering or ()), "input"),
    ]
    if step.weight is not None:
        sign = ", " if step.kind == "einsum" else " · "  # its words say what meets what
        parts += [sign, (text.shape(step.weight) + ("ᵀ" if turned else ""), "weight")]
    if step.bias is not None:
        parts += [" + ", (text.shape(step.bias), "bias")]
    parts += [" → ", (text.shape(leaving or ()), "output")]
    return Line.of(*parts, indent=2, hang=HANG)


def _sizes(trace: ModuleTrace) -> list[Block]:
    """Return the arithmetic of convolutions, pools and flattening, each once."""
    found: dict[tuple[str, str, str], None] = {}
    for step in trace.steps:
        name = text.safe(step.path) if step.is_module and step.path else step.kind
        for window in same_for_all(step.windows):
            found[name, window.axis, window.words] = None
        merged = _merged(step)
        if merged:
            found[name, "", merged] = None
    if not found:
        return []
    names, axes = (max(len(entry[place]) for entry in found) for place in (0, 1))
    lines: list[Block] = [
        Line.of(
            (f"{name:<{names}}   ", "strong"),
            f"{axis:<{axes}}   " if axes else "",
            words,
            indent=2,
            hang=HANG,
        )
        for name, axis, words in found
    ]
    if len(lines) > MOST_WINDOWS:
        rest = Line.of(f"showing {MOST_WINDOWS} of {len(lines)}; --json has all", indent=2)
        return [*lines[:MOST_WINDOWS], rest]
    return lines


def _merged(step: Step) -> str:
    """Return "32·8·8 = 2048" where dimensions are flattened into one."""
    entering, leaving = _first(step.inputs), _first(step.outputs)
    if step.kind not in FLATTENING or not entering or not leaving or len(leaving) >= len(entering):
        return ""
    lead = 0
    while lead < len(leaving) and entering[lead] == leaving[lead]:
        lead += 1
    tail = len(leaving) - lead - 1
    inner = entering[lead : len(entering) - tail]
    if lead == len(leaving) or prod(inner) != leaving[lead] or len(inner) < 2:
        return ""
    return f"{'·'.join(map(str, inner))} = {leaving[lead]}"


def _stop(built: PageBuilder, trace: ModuleTrace, found: Diagnosis | None) -> None:
    failure = trace.failure
    assert failure is not None
    step, place = failure.step, failure.place
    where = "" if place is None else f"{text.safe(diagnosis.shown_file(place.file))}:{place.line}"
    what = f"Stops at {text.safe(step.words)}" if step is not None else "Stops"
    if failure.stage != "forward":
        what = f"Stops at its {failure.stage}"
    lines: list[Block] = [Heading(f"{what}{f', {where}' if where else ''}")]
    if failure.code:
        lines.append(Verbatim(text.safe(failure.code), "python", indent=2, role="strong"))
    if step is not None and step.inputs:
        entering = ", ".join(_input(tensor) for tensor in step.inputs)
        weight = f", weight {text.shape(step.weight)}" if step.weight is not None else ""
        lines.append(Line.of(f"input {entering}{weight}", indent=2))
    said = " ".join(failure.message.split())
    lines.append(Line.of((f"{failure.error}: {text.safe(said[:400])}", "bad"), indent=2))
    built.group(*lines)
    if found is None:
        built.group(Line.of("This message is not one that fcinspect knows."))
        return
    built.group(Line.of(text.safe(found.happened)))
    for blocks in diagnosis.blocks_of(found.likely[: diagnosis.MOST_CAUSES], failure.message):
        built.group(*blocks)

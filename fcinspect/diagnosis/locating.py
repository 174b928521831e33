"""A diagnosis of a pasted traceback, with its place and the lines of source that it would change.

The source is only read. A change is proposed where the traceback's line still stands in its file,
and where the layer that it calls is made by one constructor with the numbers of the message.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from fcinspect.diagnosis.editing import Edit, Source, changes_of, last_name
from fcinspect.diagnosis.facts import Call, Facts, Frame, call_of
from fcinspect.diagnosis.failed_layer import (
    Constructors,
    FailedLayer,
    constructor_of,
    failed_layer,
)
from fcinspect.diagnosis.mending import edited, with_step
from fcinspect.diagnosis.recognising import weighed
from fcinspect.diagnosis.records import Cause, Diagnosis
from fcinspect.diagnosis.repairs import candidates
from fcinspect.diagnosis.repairs.candidate import Scene, before_layer
from fcinspect.shapes.steps import Failure, ModuleTrace, Place, Step, Tensor

LEAST_QUOTED = 16
"""Characters by which the beginning of a line is known again."""
ALSO_CALLED = {
    "keyword-misspelt": "misspelt-argument",
    "function-in-sequential": "not-a-module",
    "class-in-sequential": "not-a-module",
}
"""What the causes of texts are called among the changes of source."""
NO_EDIT = "no edit is proposed"


def located(
    found: Diagnosis,
    facts: Facts,
    sources: Mapping[str, Source],
    modules: Mapping[str, str] | None = None,
) -> Diagnosis:
    """Return a diagnosis with the place of the error, and with changes of the source.

    `sources` are the files that are there, by the names that the traceback gives them; `modules`
    tells how such a file is named as a module, by its path.
    """
    step = facts.step
    if facts.attributes or (step is not None and (step.called or step.made)):
        return _seen(found, facts, sources)
    frame = facts.calling_frame
    if frame is None:
        return found
    source = sources.get(frame.file)
    file = frame.file if source is None else source.file
    found = replace(found, place=Place(file, frame.line, function=frame.function), code=frame.code)
    if source is None or not frame.code or source.tree is None:
        return found
    if not _stands(frame, source, cut="❱" in facts.text):
        return _noted(
            found,
            f"line {frame.line} of {PurePath(file).name} no longer reads {frame.code[:80]!r}: the"
            f" file has changed since; {NO_EDIT}",
        )
    try:
        changed = _changed(found, facts, frame, source, list(sources.values()))
    except RecursionError:
        return found  # an expression that is nested too deeply to be written
    if changed.likely == found.likely:
        return changed
    return _noted(changed, _further(source, frame.line, (modules or {}).get(source.file)))


def _seen(found: Diagnosis, facts: Facts, sources: Mapping[str, Source]) -> Diagnosis:
    """Return a diagnosis of an error that was seen to happen, with what its step tells."""
    step = facts.step
    frame = facts.own_place
    place = (step and step.called) or (_line_of(frame) if frame.file else None)
    trace = _failed(facts, step, place, frame.code, sources.values())
    found = with_step(found, trace)
    return replace(weighed(found, facts), place=place, code=frame.code)


def _line_of(frame: Frame) -> Place:
    return Place(frame.file, frame.line, function=frame.function)


def _failed(
    facts: Facts, step: Step | None, place: Place | None, code: str, sources: Iterable[Source]
) -> ModuleTrace:
    """Return what is known of a run that failed, in the form that repairs are looked for in."""
    failure = Failure(
        step=step, error=facts.error or "", message=facts.message, place=place, code=code,
        attributes=facts.attributes,
    )  # fmt: skip
    return ModuleTrace(
        source=place.file if place else "", name="", device="cpu", why_not_meta="",
        training=False, inputs=facts.inputs, input_origin="", steps=(), outputs=(), parameters=0,
        trainable=0, buffers=0, unused=(), parameter_bytes=0, failure=failure,
        sources={given.file: given.text for given in sources},
    )  # fmt: skip


def _further(source: Source, line: int, module: str | None) -> str:
    """Return that nothing was run, and what would run it."""
    held = [
        node.name
        for node in source.walk()
        if isinstance(node, ast.ClassDef) and node.lineno <= line <= (node.end_lineno or line)
    ]
    if module is None or len(held) != 1:
        return "the source was only read"
    target = shlex.quote(f"{module}:{held[0]}")
    return (
        f"the source was only read; fcinspect diagnose {target} --input SHAPE runs the module and"
        " tries each change"
    )


def _noted(found: Diagnosis, note: str) -> Diagnosis:
    return replace(found, notes=(*found.notes, note))


def _stands(frame: Frame, source: Source, *, cut: bool) -> bool:
    """Whether the line that the traceback quotes stands there still; a box may have cut it."""
    if not 0 < frame.line <= len(source.lines):
        return False
    line, quoted = (" ".join(text.split()) for text in (source.lines[frame.line - 1], frame.code))
    return line == quoted or (cut and len(quoted) >= LEAST_QUOTED and line.startswith(quoted))


def _changed(
    found: Diagnosis, facts: Facts, frame: Frame, source: Source, sources: Sequence[Source]
) -> Diagnosis:
    call = _call(facts, frame, source)
    if call is None:
        return found
    layer = failed_layer(facts)
    made: ast.Call | None = None
    if layer is not None:
        known = constructor_of(source, call, layer, sources)
        if known.made is None:
            return _noted(found, _doubt(known, source, call)) if known.candidates else found
        made = known.made
    trace = _trace(facts, source, sources, call, layer, made)
    proposed = _proposed(trace, made is not None)
    likely = tuple(_with_changes(cause, proposed, trace) for cause in found.likely)
    return replace(found, likely=likely)


def _doubt(known: Constructors, source: Source, call: ast.Call) -> str:
    lines = list(dict.fromkeys(str(node.lineno) for node in known.candidates))
    places = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(lines)}"
    verb = "creates" if len(lines) == 1 else "create"
    name = ast.unparse(call.func)
    return f"{places} of {PurePath(source.file).name} {verb} {name} {known.why}; {NO_EDIT}"


def _call(facts: Facts, frame: Frame, source: Source) -> ast.Call | None:
    """Return the only call in the frame's line that the diagnosis can speak of."""
    told = facts.call or _of_statement(frame, source, frame is not facts.frames[-1])
    if told is None:
        return None
    found = [
        node
        for node in source.walk()
        if isinstance(node, ast.Call)
        and node.lineno <= frame.line <= (node.end_lineno or node.lineno)
        and ast.unparse(node.func) == told.function
    ]
    marked = [node for node in found if frame.marked and source.segment(node) == frame.marked]
    found = marked or found
    return found[0] if len(found) == 1 else None


def _of_statement(frame: Frame, source: Source, inside: bool) -> Call | None:
    around = [
        node
        for node in source.walk()
        if isinstance(node, ast.stmt)
        and node.lineno <= frame.line <= (node.end_lineno or node.lineno)
        and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    if not around:
        return None
    innermost = min(around, key=lambda node: (node.end_lineno or node.lineno) - node.lineno)
    return call_of(source.segment(innermost), frame.marked, inside=inside)


def _trace(
    facts: Facts,
    source: Source,
    sources: Sequence[Source],
    call: ast.Call,
    layer: FailedLayer | None,
    made: ast.Call | None,
) -> ModuleTrace:
    """Return the run that failed as the text tells it."""
    step = None
    if layer is not None and made is not None:
        step = Step(
            number=0,
            path=last_name(call.func),
            kind=last_name(made.func),
            call="",
            is_module=True,
            inputs=(Tensor(layer.entering, "float32"),),
            outputs=(),
            parameters=layer.parameters,
            macs=0,
            linear=layer.kinds == ("Linear",),
            weight=layer.weight,
            bias=None,
            called=_place(source, call),
            made=_place(source, made),
        )
    code = source.lines[call.lineno - 1].strip()
    return _failed(facts, step, _place(source, call), code, sources)


def _place(source: Source, node: ast.expr) -> Place:
    return Place(source.file, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def _proposed(trace: ModuleTrace, of_layer: bool) -> dict[str, tuple[Edit, ...]]:
    found = {given.cause.name: given.edits for given in reversed(candidates(trace)) if given.edits}
    scene = Scene.of(trace)
    if of_layer and scene is not None and scene.step is not None and scene.step.linear:
        found["flatten-missing"] = before_layer(scene, scene.step, ".flatten(1)", "nn.Flatten()")
    return found


def _with_changes(
    cause: Cause, proposed: Mapping[str, tuple[Edit, ...]], trace: ModuleTrace
) -> Cause:
    edits = proposed.get(ALSO_CALLED.get(cause.name, cause.name))
    if edits is None:
        return cause
    return replace(cause, changes=changes_of(trace.sources, edited(edits, trace)))

"""Where a tensor is flattened, and how a layer gets it flat."""

from __future__ import annotations

import ast

from fcinspect.diagnosis.editing import (
    Edit,
    Source,
    argument_of,
    as_operand,
    last_name,
    prefix_of,
    where_written,
)
from fcinspect.diagnosis.repairs.candidate import Scene
from fcinspect.shapes.steps import Shape, Step

FLATTENING = {"flatten", "Flatten", "view", "reshape"}


def argument_edit(
    scene: Scene, step: Step, position: int, keyword: str, new: str
) -> tuple[Edit, ...]:
    """Return the edit of an argument where the module was made, or where its value is written."""
    found = scene.call(step.made)
    if found is None or not scene.made_once(step):
        return ()
    source, call = found
    argument = argument_of(call, position, keyword)
    if argument is None:
        return ()
    written = where_written(scene.sources.values(), source, argument)
    return () if written is None else (written[0].replaced(written[1], new),)


def flattening_of(scene: Scene, entering: Shape) -> Step | None:
    """Return the step that flattened what enters, behind it only what keeps a shape."""
    for step in reversed(scene.trace.steps):
        if not step.inputs or all(tensor.shape != entering for tensor in step.outputs):
            continue
        if step.inputs[0].shape != entering:
            return step if step.kind in FLATTENING else None
    return None


def image_before(scene: Scene, entering: Shape) -> Shape | None:
    """Return the shape that was flattened to what enters."""
    step = flattening_of(scene, entering)
    return None if step is None else step.inputs[0].shape


def flatten_rows(scene: Scene, step: Step) -> tuple[Edit, ...]:
    """Return the edit that lets a flatten, view or reshape keep its rows."""
    if step.is_module:
        found = scene.call(step.made)
        if found is None:
            return ()
        source, call = found
        return (source.replaced(call, f"{source.segment(call.func)}()"),)
    found = scene.call(step.called)
    if found is None:
        return ()
    source, call = found
    subject = subject_of(source, call)
    return () if subject is None else (source.replaced(call, f"{subject}.flatten(1)"),)


def subject_of(source: Source, call: ast.Call) -> str | None:
    """Return the tensor that a function or method of torch is called on, as it is written."""
    if isinstance(call.func, ast.Attribute) and prefix_of(call.func) not in ("torch.", "F."):
        return as_operand(source.segment(call.func.value), call.func.value)
    if call.args and not isinstance(call.args[0], ast.Starred):
        return as_operand(source.segment(call.args[0]), call.args[0])
    return None


def before_layer(scene: Scene, step: Step, method: str, module: str) -> tuple[Edit, ...]:
    """Return the edit that changes what enters a layer.

    Where the layer is called, its argument gets the method; in an nn.Sequential, the module is
    put before it.
    """
    found = scene.call(step.called)
    if found is not None:
        source, call = found
        if call.args and not isinstance(call.args[0], ast.Starred):
            argument = call.args[0]
            written = as_operand(source.segment(argument), argument)
            if not in_sequential(scene, step):
                return (source.replaced(argument, f"{written}{method}"),)
    made = scene.call(step.made)
    if made is None or not scene.made_once(step) or not in_sequential(scene, step):
        return ()
    source, call = made
    prefix = prefix_of(call.func)
    written = ", ".join(part.replace("nn.", prefix) for part in (module,))
    return (source.inserted_before(call, f"{written}, "),)


def in_sequential(scene: Scene, step: Step) -> bool:
    """Whether the layer is written as an argument of nn.Sequential."""
    made = scene.call(step.made)
    if made is None:
        return False
    source, call = made
    holder = source.parent(call)
    if isinstance(holder, ast.Starred | ast.List):
        holder = source.parent(holder)
    return isinstance(holder, ast.Call) and (
        last_name(holder.func) in ("Sequential", "__init__") and call in holder.args
    )

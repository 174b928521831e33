"""A call in forward that must read otherwise: a dtype, a tuple, a view, a name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fcinspect.diagnosis.editing import Edit
from fcinspect.diagnosis.repairs.candidate import (
    Candidate,
    Scene,
    by,
    candidate,
    flatten_rows,
    times,
    with_method,
)
from fcinspect.errors import did_you_mean
from fcinspect.shapes.steps import Shape, Step

CASTS = {"float32": "float", "float64": "double", "float16": "half", "bfloat16": "bfloat16"}
RECURRENT = ("RNN", "LSTM", "GRU")
FLOATING = ("Conv", *RECURRENT, "BatchNorm", "LayerNorm")
OTHER_DTYPES = {"float64": "float64-input", "int64": "integer-input", "int32": "integer-input"}
CHANNELS_LAST = {
    "Conv1d": (3, "The sequence is laid out as (batch, time, channels)", "0, 2, 1"),
    "Conv2d": (4, "The image is laid out as (batch, height, width, channels)", "0, 3, 1, 2"),
}
"""Of a convolution, the dimensions that enter, how they may lie, and the order it takes."""
INDICES = "argument #1 'indices'"


def candidates(scene: Scene) -> Iterator[Candidate]:
    """Return what could mend the failing call."""
    for way in (_casts, _tuples, _views, _attributes, _channels_last, _whole_lists):
        yield from way(scene)


def _casts(scene: Scene) -> Iterator[Candidate]:
    """An input whose dtype differs from the layer's."""
    step = scene.step
    if step is None or not step.inputs or "type" not in scene.message:
        return
    entering, name = step.inputs[0].dtype, step.path or "the layer"
    values = {"name": name, "entering": entering, "words": step.words}
    values["shape"] = by(step.inputs[0].shape)
    if step.kind == "Embedding" and INDICES in scene.message:
        edits = with_method(scene, step.called, ".long()")
        other = _other_input(scene)
        yield candidate("float-indices", edits, method="long", other=other, **values)
    elif step.linear or step.kind.startswith(FLOATING):
        held = _held_dtype(scene, step)
        if held == entering or held not in CASTS:
            return
        edits = with_method(scene, step.called, f".{CASTS[held]}()")
        found = candidate("other-dtype", edits, held=held, method=CASTS[held], **values)
        yield found.called(OTHER_DTYPES.get(entering, "other-dtype"))


def _other_input(scene: Scene) -> str:
    """Return the option that gives the module's own input the dtype, where indices enter it."""
    inputs = scene.trace.inputs
    if len(inputs) != 1 or inputs[0].shape != scene.entering:
        return ""
    return f"; for this run, use --input {','.join(map(str, inputs[0].shape))}:int64"


def _held_dtype(scene: Scene, step: Step) -> str:
    """Return the dtype of a layer's weight, which torch's message names beside the input's."""
    names = {
        "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16",
        "long": "int64", "int": "int32",
    }  # fmt: skip
    found = [names[word] for word in re.findall(r"\w+", scene.message.lower()) if word in names]
    others = [name for name in found if name != step.inputs[0].dtype]
    return others[-1] if others else "float32"


def _tuples(scene: Scene) -> Iterator[Candidate]:
    """What a recurrent layer returns, (output, state), goes on as if it were a tensor."""
    if "not tuple" not in scene.message and "'tuple' object has no attribute" not in scene.message:
        return
    layer = next((s for s in reversed(scene.trace.steps) if s.kind in RECURRENT), None)
    if layer is None:
        return
    last = "[0][:, -1]" if "batch_first=True" in layer.call else "[0][-1]"
    output, state = (by(tensor.shape) for tensor in layer.outputs[:2])
    found = scene.call(layer.called)
    for name, part in (("tuple-from-rnn", last), ("tuple-from-rnn-all-steps", "[0]")):
        edits: tuple[Edit, ...] = ()
        if found is not None:
            source, call = found
            edits = (source.replaced(call, f"{source.segment(call)}{part}"),)
        values = {"path": layer.path, "words": layer.words, "output": output, "state": state}
        yield candidate(name, edits, part=part, **values)


def _views(scene: Scene) -> Iterator[Candidate]:
    """A view with a fixed number of features, or of a tensor that is not contiguous."""
    step = scene.step
    if step is None or step.kind not in ("view", "reshape") or not step.inputs:
        return
    found = scene.call(step.called)
    shape = step.inputs[0].shape
    if "is not compatible with input tensor's size and stride" in scene.message:
        edits: tuple[Edit, ...] = ()
        if found is not None and isinstance(found[1].func, ast.Attribute):
            source, call = found
            subject = source.segment(found[1].func.value)
            new = source.segment(call).replace(f"{subject}.view", f"{subject}.reshape", 1)
            edits = (source.replaced(call, new),)
        yield candidate("view-of-strided", edits, call=step.call, shape=by(shape))
        return
    if "is invalid for input of size" not in scene.message or len(shape) < 2:
        return
    divided = _not_divided(scene, shape)
    yield divided or candidate(
        "view-of-another-size",
        flatten_rows(scene, step),
        call=f"{step.kind}{step.call}",
        shape=by(shape),
        features=" · ".join(map(str, shape[1:])),
        rows=shape[0],
    )


def _not_divided(scene: Scene, shape: Shape) -> Candidate | None:
    """Heads of a whole division that leaves some features over: 24 // 5 = 4, and 5·4 = 20."""
    asked = re.search(r"shape '\[([\d, ]+)\]'", scene.message)
    if asked is None:
        return None
    *lead, heads, width = map(int, asked[1].split(", "))
    features = shape[-1]
    if tuple(lead) != shape[:-1] or not width or not heads or features % heads == 0:
        return None
    if features // heads != width:
        return None
    held, fewer = heads * width, max(h for h in range(1, heads + 1) if features % h == 0)
    values = {"features": features, "heads": heads, "width": width, "held": held, "fewer": fewer}
    return candidate(
        "features-do-not-divide", factors=times(heads, width), left=features - held, **values
    )


def _attributes(scene: Scene) -> Iterator[Candidate]:
    failure = scene.failure
    missing = re.search(r"object has no attribute '(\w+)'", failure.message)
    if failure.error != "AttributeError" or missing is None or not failure.attributes:
        return
    hint = did_you_mean(missing[1], failure.attributes)
    near = re.search(r"'(\w+)'", hint) if hint else None
    source = scene.source(failure.place)
    if near is None or source is None or failure.place is None:
        return
    line = failure.place.line
    nodes = (
        *source.nodes(failure.place),
        *(n for n in source.walk() if getattr(n, "lineno", 0) == line),
    )
    wanted = (n for n in nodes if isinstance(n, ast.Attribute) and n.attr == missing[1])
    node = next(wanted, None)
    edits: tuple[Edit, ...] = ()
    if node is not None:
        edits = (source.replaced(node, f"{source.segment(node.value)}.{near[1]}"),)
    yield candidate("misspelt-attribute", edits, wrong=missing[1], near=near[1])


def _channels_last(scene: Scene) -> Iterator[Candidate]:
    """An image as (batch, height, width, channels), a sequence as (batch, time, channels)."""
    step, entering = scene.step, scene.entering
    told = re.search(r"to have (\d+) channels, but got", scene.message)
    if step is None or entering is None or told is None or step.kind not in CHANNELS_LAST:
        return
    rank, what, order = CHANNELS_LAST[step.kind]
    if len(entering) != rank or entering[-1] != int(told[1]):
        return
    edits = with_method(scene, step.called, f".permute({order})")
    values = {"what": what, "entering": by(entering), "channels": told[1], "order": order}
    yield candidate("channels-last", edits, **values)


def _whole_lists(scene: Scene) -> Iterator[Candidate]:
    if 'Module [ModuleList] is missing the required "forward" function' not in scene.message:
        return
    found = scene.call(scene.failure.place)
    if found is None:
        return
    source, call = found
    statement = source.parent(call)
    if not isinstance(statement, ast.Assign | ast.Return) or len(call.args) != 1:
        return
    targets = statement.targets if isinstance(statement, ast.Assign) else call.args
    holder, argument = source.segment(call.func), source.segment(call.args[0])
    blanks = " " * statement.col_offset
    target = source.segment(targets[0])
    lines = [f"for layer in {holder}:", f"{blanks}    {target} = layer({argument})"]
    if isinstance(statement, ast.Return):
        lines.append(f"{blanks}return {target}")
    elif target != argument:
        return
    edit = source.replaced(statement, "\n".join(lines))
    yield candidate("module-list-called", (edit,), holder=holder)

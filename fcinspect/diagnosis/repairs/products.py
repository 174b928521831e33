"""A linear layer, or a product with a weight, that meets a wrong number of features."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from fcinspect.diagnosis.editing import Edit, Source, argument_of, prefix_of, where_written
from fcinspect.diagnosis.repairs.candidate import (
    Candidate,
    Scene,
    argument_edit,
    before_layer,
    by,
    candidate,
    flatten_rows,
    flattening_of,
    in_sequential,
    maker,
    named,
    times,
)
from fcinspect.diagnosis.repairs.sizes import other_input, pooled
from fcinspect.diagnosis.rules.image_sizes import as_image
from fcinspect.shapes.steps import Shape, Step, Tensor


def candidates(scene: Scene) -> Iterator[Candidate]:
    """Return what could mend a product of shapes that do not fit."""
    step, entering = scene.step, scene.entering
    if step is None or step.weight is None or not entering or not step.linear:
        return
    if len(step.weight) != 2:
        return
    rows, columns = step.weight
    if not step.is_module:
        layout = step.kind == "linear"
        wanted, out = (columns, rows) if layout else (rows, columns)
        yield from _of_function(scene, step, entering, wanted, out)
    elif entering[-1] != columns:  # else something else is wrong
        yield from _of_layer(scene, step, entering, columns, rows)


def _of_layer(
    scene: Scene, step: Step, entering: Shape, wanted: int, out: int
) -> Iterator[Candidate]:
    yield from _batch_flattened(scene, step, entering, wanted)
    yield from _not_flattened(scene, step, entering, wanted)
    yield from _unbatched(scene, entering, wanted)
    # deeper in the network the first dimension is the batch
    given = entering[0] != scene.batch or any(t.shape == entering for t in scene.trace.inputs)
    if len(entering) == 2 and entering[0] == wanted and given:
        yield from _transposed_input(scene, step, entering, wanted)
    if out == entering[-1]:
        yield from _swapped(scene, step, entering, wanted, out)
    yield from _in_features(scene, step, entering, wanted, out)
    yield from pooled(scene, step, entering, wanted)
    yield from other_input(scene, entering, wanted)


def _in_features(
    scene: Scene, step: Step, entering: Shape, wanted: int, out: int
) -> Iterator[Candidate]:
    width, name = entering[-1], named(step)
    flattened = flattening_of(scene, entering)
    image = () if flattened is None else flattened.inputs[0].shape
    evidence = f"{name} gets {by(entering)}: {width:,} features, but expects {wanted:,}"
    if len(image) == 4:
        if prod(image[1:]) == width:
            evidence += f"; {width:,} = {times(*image[1:])}, channels × height × width before"
            evidence += " flattening"
        expected = as_image(wanted, image[1])
        if expected is not None:
            evidence += f"; {wanted:,} = {times(*expected)}"
    edits = argument_edit(scene, step, 0, "in_features", str(width))
    values = {"wanted": wanted, "width": width, "out": out, "evidence": evidence}
    yield candidate("in-features", edits, name=name, maker="" if edits else maker(step), **values)


def _batch_flattened(scene: Scene, step: Step, entering: Shape, wanted: int) -> Iterator[Candidate]:
    """A flatten or view that put the rows of the batch together, or mixed them."""
    flattened, batch = flattening_of(scene, entering), scene.batch
    if flattened is None:
        return
    shape = flattened.inputs[0].shape
    if len(shape) < 2 or shape[0] != batch or entering[:1] == (batch,):
        return
    edits = flatten_rows(scene, flattened)
    features = prod(shape[1:])
    if features != wanted:
        edits += argument_edit(scene, step, 0, "in_features", str(features))
    words = f"{flattened.kind}{flattened.call}" if not flattened.is_module else flattened.words
    yield candidate(
        "batch-flattened",
        edits,
        words=words,
        entering=by(entering),
        shape=by(shape),
        batch=batch,
        factors=times(*shape[1:]),
        features=features,
    )


def _not_flattened(scene: Scene, step: Step, entering: Shape, wanted: int) -> Iterator[Candidate]:
    """An image or sequence that goes into the layer as it is."""
    batch, features = scene.batch, prod(entering[1:])
    if len(entering) < 3 or entering[0] != batch or features == 0:
        return
    exact = features == wanted
    if not exact and len(entering) != 4:
        return
    edits = before_layer(scene, step, ".flatten(1)", "nn.Flatten()")
    if not exact and edits:
        changed = argument_edit(scene, step, 0, "in_features", str(features))
        edits = edits + changed if changed else ()
    yield candidate(
        "flatten-missing",
        edits,
        name=named(step),
        entering=by(entering),
        last=entering[-1],
        factors=times(*entering[1:]),
        features=features,
        exact=", which is in_features" * exact,
    )


def _unbatched(scene: Scene, entering: Shape, wanted: int) -> Iterator[Candidate]:
    inputs = scene.trace.inputs
    if len(inputs) != 1 or len(entering) < 2 or prod(entering) != wanted or entering[0] == 1:
        return
    shape = (1, *inputs[0].shape)
    given = (Tensor(shape, inputs[0].dtype, inputs[0].name),)
    values = {"entering": by(entering), "factors": times(*entering), "shape": by(shape)}
    yield candidate("unbatched", (), given, wanted=wanted, **values)


def _transposed_input(
    scene: Scene, step: Step, entering: Shape, wanted: int
) -> Iterator[Candidate]:
    edits = () if in_sequential(scene, step) else before_layer(scene, step, ".T", "")
    values = {"entering": by(entering), "wanted": wanted}
    yield candidate("input-transposed", edits, None, entering[1], **values)


def _swapped(
    scene: Scene, step: Step, entering: Shape, wanted: int, out: int
) -> Iterator[Candidate]:
    edits: tuple[Edit, ...] = ()
    found = scene.call(step.made)
    if found is not None and scene.made_once(step):
        source, call = found
        first, second = argument_of(call, 0, "in_features"), argument_of(call, 1, "out_features")
        written = first is not None and where_written(scene.sources.values(), source, first)
        if written != (source, first):
            return  # a parameter, or what a loop goes through, is not written here
        if first is not None and second is not None:
            edits = (
                source.replaced(first, source.segment(second)),
                source.replaced(second, source.segment(first)),
            )
    values = {"width": entering[-1], "out": out, "wanted": wanted}
    yield candidate("weight-transposed", edits, name=named(step), **values)


def _of_function(
    scene: Scene, step: Step, entering: Shape, wanted: int, out: int
) -> Iterator[Candidate]:
    """F.linear(x, W) with W as (in, out), x @ W with W as (out, in), and what is not flattened."""
    width = entering[-1]
    if width == wanted:
        return
    if width == out:
        edits = _transposed_weight(scene, step)
        values = {"entering": by(entering), "weight": by(step.weight or ()), "width": width}
        yield candidate("weight-transposed/function", edits, **values)
    if len(entering) > 2 and prod(entering[1:]) == wanted:
        yield from _not_flattened(scene, step, entering, wanted)
    yield from _batch_flattened(scene, step, entering, wanted)


def _transposed_weight(scene: Scene, step: Step) -> tuple[Edit, ...]:
    source, place = scene.source(step.called), step.called
    if source is None or place is None:
        return ()
    for node in source.nodes(place):
        operand: ast.expr | None = None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            operand = node.right
        elif isinstance(node, ast.Call):
            bound = isinstance(node.func, ast.Attribute) and prefix_of(node.func) not in (
                "torch.", "F.", "nn.functional.", "torch.nn.functional.",
            )  # fmt: skip
            operand = argument_of(node, 0 if bound else 1, "weight")
        if operand is not None:
            return (source.replaced(operand, _turned(source, operand)),)
    return ()


def _turned(source: Source, operand: ast.expr) -> str:
    """Return an operand transposed; what is transposed already is left as it was before."""
    if isinstance(operand, ast.Attribute) and operand.attr in ("T", "mT"):
        return source.segment(operand.value)
    if (
        isinstance(operand, ast.Call)
        and isinstance(operand.func, ast.Attribute)
        and (operand.func.attr, operand.args) == ("t", [])
    ):
        return source.segment(operand.func.value)
    return f"{source.operand(operand)}.T"

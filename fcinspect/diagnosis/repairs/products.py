"""A linear layer, or a product with a weight, that meets a wrong number of features."""

from __future__ import annotations

import ast
from math import prod

from fcinspect.diagnosis.editing import (
    Edit,
    Source,
    argument_of,
    as_operand,
    prefix_of,
    where_written,
)
from fcinspect.diagnosis.repairs.candidate import Candidate, Scene, by, maker, named, times
from fcinspect.diagnosis.repairs.flattening import (
    argument_edit,
    before_layer,
    flatten_rows,
    flattening_of,
    image_before,
    in_sequential,
)
from fcinspect.diagnosis.repairs.pictures import other_input, pooled
from fcinspect.diagnosis.rules.product import as_image
from fcinspect.shapes.steps import Shape, Step, Tensor


def candidates(scene: Scene) -> list[Candidate]:
    """Return what could mend a product of shapes that do not fit."""
    step, entering = scene.step, scene.entering
    if step is None or step.weight is None or entering is None or not step.linear:
        return []
    if len(step.weight) != 2 or not entering:
        return []
    if step.is_module:
        out, wanted = step.weight
        if entering[-1] == wanted:
            return []  # the widths agree: something else is wrong
        return _of_layer(scene, step, entering, wanted, out)
    return _of_function(scene, step, entering)


def _of_layer(scene: Scene, step: Step, entering: Shape, wanted: int, out: int) -> list[Candidate]:
    found: list[Candidate] = []
    found += _batch_flattened(scene, step, entering, wanted)
    found += _not_flattened(scene, step, entering, wanted)
    found += _unbatched(scene, entering, wanted)
    # deeper in the network the first dimension is the batch
    given = entering[0] != scene.batch or any(t.shape == entering for t in scene.trace.inputs)
    if len(entering) == 2 and entering[0] == wanted and given:
        found += _transposed_input(scene, step, entering, wanted)
    if out == entering[-1]:
        found += _swapped(scene, step, entering, wanted, out)
    found += _in_features(scene, step, entering, wanted, out)
    found += pooled(scene, step, entering, wanted)
    found += other_input(scene, step, entering, wanted)
    return found


def _in_features(
    scene: Scene, step: Step, entering: Shape, wanted: int, out: int
) -> list[Candidate]:
    width = entering[-1]
    image = image_before(scene, entering)
    name = named(step)
    evidence = f"{name} gets {by(entering)}: {width:,} features, and expects {wanted:,}"
    if image is not None and len(image) == 4:
        if prod(image[1:]) == width:
            evidence += f"; {width:,} = {times(*image[1:])}, channels × height × width before it"
            evidence += " is flattened"
        expected = as_image(wanted, image[1])
        if expected is not None:
            evidence += f"; {wanted:,} = {times(*expected)}"
    edits = argument_edit(scene, step, 0, "in_features", str(width))
    return [
        Candidate(
            "in-features",
            f"in_features of {name} is {wanted:,}, and {width:,} arrive",
            evidence,
            f"make in_features {width}{'' if edits else maker(step)}",
            edits,
            code=None if edits else f"nn.Linear({width}, {out})",
        )
    ]


def _batch_flattened(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    """A flatten or view that put the rows of the batch together, or mixed them."""
    flattened, batch = flattening_of(scene, entering), scene.batch
    if flattened is None:
        return []
    shape = flattened.inputs[0].shape
    if len(shape) < 2 or shape[0] != batch or entering[:1] == (batch,):
        return []
    edits = flatten_rows(scene, flattened)
    features = prod(shape[1:])
    if features != wanted:
        edits += argument_edit(scene, step, 0, "in_features", str(features))
    words = f"{flattened.kind}{flattened.call}" if not flattened.is_module else flattened.words
    return [
        Candidate(
            "batch-flattened",
            "The rows of the batch are flattened into one another",
            f"{words} makes {by(entering)} of {by(shape)}: the {batch} rows of the batch are gone;"
            f" one row has {times(*shape[1:])} = {features:,} features",
            "keep the first dimension: flatten from dimension 1",
            edits,
            code=None if edits else "x = torch.flatten(x, 1)",
        )
    ]


def _not_flattened(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    """An image or sequence that goes into the layer as it is."""
    batch, features = scene.batch, prod(entering[1:])
    if len(entering) < 3 or entering[0] != batch or features == 0:
        return []
    exact = features == wanted
    if not exact and len(entering) != 4:
        return []
    edits = before_layer(scene, step, ".flatten(1)", "nn.Flatten()")
    if not exact and edits:
        changed = argument_edit(scene, step, 0, "in_features", str(features))
        edits = edits + changed if changed else ()
    evidence = f"{by(entering)} enters: {entering[-1]} features in the last dimension"
    if exact:
        evidence += (
            f"; flattened, a row has {times(*entering[1:])} = {features:,}, as in_features says"
        )
    else:
        evidence += f"; flattened, a row has {times(*entering[1:])} = {features:,}"
    return [
        Candidate(
            "flatten-missing",
            f"The input of {named(step)} is not flattened",
            evidence,
            "flatten it from dimension 1, behind the batch",
            edits,
            code=None if edits else "x = torch.flatten(x, 1)",
        )
    ]


def _unbatched(scene: Scene, entering: Shape, wanted: int) -> list[Candidate]:
    """One sample without a batch."""
    inputs = scene.trace.inputs
    if len(inputs) != 1 or len(entering) < 2 or prod(entering) != wanted or entering[0] == 1:
        return []
    shape = (1, *inputs[0].shape)
    return [
        Candidate(
            "unbatched",
            "The input is one sample without a batch dimension",
            f"{by(entering)} enters, and {times(*entering)} = {wanted:,} is one whole row",
            f"give it a batch of one: {by(shape)}",
            code="x = x.unsqueeze(0)",
            inputs=(Tensor(shape, inputs[0].dtype, inputs[0].name),),
        )
    ]


def _transposed_input(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    return [
        Candidate(
            "input-transposed",
            "The input lies the other way round: (features, batch)",
            f"{by(entering)} enters: its first dimension is in_features = {wanted:,}",
            "transpose it, so that each row is one sample",
            before_layer(scene, step, ".T", "nn.Flatten()")
            if not in_sequential(scene, step)
            else (),
            code="x = x.T",
            rows=entering[1],
        )
    ]


def _swapped(scene: Scene, step: Step, entering: Shape, wanted: int, out: int) -> list[Candidate]:
    edits: tuple[Edit, ...] = ()
    found = scene.call(step.made)
    if found is not None and scene.made_once(step):
        source, call = found
        first, second = argument_of(call, 0, "in_features"), argument_of(call, 1, "out_features")
        written = first is not None and where_written(scene.sources.values(), source, first)
        if written != (source, first):
            return []  # a parameter, or what a loop goes through, is not written here
        if first is not None and second is not None:
            edits = (
                source.replaced(first, source.segment(second)),
                source.replaced(second, source.segment(first)),
            )
    return [
        Candidate(
            "weight-transposed",
            f"in_features and out_features of {named(step)} are swapped",
            f"{entering[-1]:,} features arrive, and out_features is {out:,}, in_features"
            f" {wanted:,}",
            f"write nn.Linear({out}, {wanted})",
            edits,
            code=None if edits else f"nn.Linear({out}, {wanted})",
        )
    ]


def _of_function(scene: Scene, step: Step, entering: Shape) -> list[Candidate]:
    """F.linear(x, W) with W as (in, out), x @ W with W as (out, in), and what is not flattened."""
    assert step.weight is not None
    rows, columns = step.weight
    width = entering[-1]
    layout = step.kind == "linear"
    wanted, out = (columns, rows) if layout else (rows, columns)
    if width == wanted:
        return []
    found: list[Candidate] = []
    if width == out:
        edits = _transposed_weight(scene, step)
        found.append(
            Candidate(
                "weight-transposed",
                "The weight lies the other way round",
                f"{by(entering)} meets a weight {by(step.weight)}: its other side is {width:,}",
                "transpose the weight",
                edits,
                code=None if edits else "y = x @ weight.T",
            )
        )
    if len(entering) > 2 and prod(entering[1:]) == wanted:
        found += _not_flattened(scene, step, entering, wanted)
    found += _batch_flattened(scene, step, entering, wanted)
    return found


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
    return f"{as_operand(source.segment(operand), operand)}.T"

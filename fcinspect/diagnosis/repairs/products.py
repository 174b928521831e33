"""A linear layer, or a product with a weight, that meets a wrong number of features."""

from __future__ import annotations

import ast
from math import isqrt, prod

from fcinspect.diagnosis.editing import (
    Edit,
    Source,
    argument_of,
    as_operand,
    last_name,
    prefix_of,
)
from fcinspect.diagnosis.factors import as_image
from fcinspect.diagnosis.repairs.candidate import Candidate, Scene, by, times
from fcinspect.shapes.steps import Shape, Step, Tensor

FLATTENING = {"flatten", "Flatten", "view", "reshape"}
MOST_SIZES = 4


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
    if len(entering) == 2 and entering[0] == wanted:
        found += _transposed_input(scene, step, entering, wanted)
    if out == entering[-1]:
        found += _swapped(scene, step, entering, wanted, out)
    found += _in_features(scene, step, entering, wanted)
    found += _pooled(scene, step, entering, wanted)
    found += _other_input(scene, step, entering, wanted)
    return found


def _in_features(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    width = entering[-1]
    image = _image_before(scene, entering)
    name = step.path or "the layer"
    evidence = f"{name} gets {by(entering)}: {width:,} features, and expects {wanted:,}"
    if image is not None and prod(image[1:]) == width:
        evidence += (
            f"; {width:,} = {times(*image[1:])}, channels × height × width before it is flattened"
        )
    expected = as_image(wanted, image[1] if image is not None and len(image) == 4 else None)
    if expected is not None and image is not None:
        evidence += f"; {wanted:,} = {times(*expected)}"
    edits = _argument_edit(scene, step, 0, "in_features", str(width))
    return [
        Candidate(
            "in-features",
            f"in_features of {name} is {wanted:,}, and {width:,} arrive",
            evidence,
            f"make in_features {width}",
            edits,
            code=None if edits else f"in_features={width}",
        )
    ]


def _argument_edit(
    scene: Scene, step: Step, position: int, keyword: str, new: str
) -> tuple[Edit, ...]:
    """Return the edit of an argument where the module was made."""
    found = scene.call(step.made)
    if found is None or not scene.made_once(step):
        return ()
    source, call = found
    argument = argument_of(call, position, keyword)
    return () if argument is None else (source.replaced(argument, new),)


def _image_before(scene: Scene, entering: Shape) -> Shape | None:
    """Return the shape that was flattened to what enters."""
    step = scene.before(entering)
    if step is None or step.kind not in FLATTENING or not step.inputs:
        return None
    return step.inputs[0].shape


def _batch_flattened(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    """A flatten or view that put the rows of the batch together, or mixed them."""
    flattened, batch = scene.before(entering), scene.batch
    if flattened is None or flattened.kind not in FLATTENING or not flattened.inputs:
        return []
    shape = flattened.inputs[0].shape
    if len(shape) < 2 or shape[0] != batch or entering[:1] == (batch,):
        return []
    edits = flatten_rows(scene, flattened)
    features = prod(shape[1:])
    if features != wanted:
        edits += _argument_edit(scene, step, 0, "in_features", str(features))
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
    subject = _subject(source, call)
    return () if subject is None else (source.replaced(call, f"{subject}.flatten(1)"),)


def _subject(source: Source, call: ast.Call) -> str | None:
    """Return the tensor that a function or method of torch is called on, as it is written."""
    if isinstance(call.func, ast.Attribute) and prefix_of(call.func) not in ("torch.", "F."):
        return as_operand(source.segment(call.func.value), call.func.value)
    if call.args and not isinstance(call.args[0], ast.Starred):
        return as_operand(source.segment(call.args[0]), call.args[0])
    return None


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
        changed = _argument_edit(scene, step, 0, "in_features", str(features))
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
            f"The input of {step.path or 'the layer'} is not flattened",
            evidence,
            "flatten it from dimension 1, behind the batch",
            edits,
            code=None if edits else "x = torch.flatten(x, 1)",
        )
    ]


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
            if not _in_sequential(scene, step):
                return (source.replaced(argument, f"{written}{method}"),)
    made = scene.call(step.made)
    if made is None or not scene.made_once(step) or not _in_sequential(scene, step):
        return ()
    source, call = made
    prefix = prefix_of(call.func)
    written = ", ".join(part.replace("nn.", prefix) for part in (module,))
    return (source.inserted_before(call, f"{written}, "),)


def _in_sequential(scene: Scene, step: Step) -> bool:
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
            if not _in_sequential(scene, step)
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
        if first is not None and second is not None:
            edits = (
                source.replaced(first, source.segment(second)),
                source.replaced(second, source.segment(first)),
            )
    return [
        Candidate(
            "weight-transposed",
            f"in_features and out_features of {step.path or 'the layer'} are swapped",
            f"{entering[-1]:,} features arrive, and out_features is {out:,}, in_features"
            f" {wanted:,}",
            f"write nn.Linear({out}, {wanted})",
            edits,
            code=None if edits else f"nn.Linear({out}, {wanted})",
        )
    ]


def _pooled(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    """Another size of the picture keeps the weights: a pool that makes it fit."""
    image = _image_before(scene, entering)
    flattened = scene.before(entering)
    if image is None or flattened is None or len(image) != 4 or wanted % image[1]:
        return []
    side = isqrt(wanted // image[1])
    if side < 1 or side * side * image[1] != wanted or image[2:] == (side, side):
        return []
    edits: tuple[Edit, ...] = ()
    if flattened.is_module:
        found = scene.call(flattened.made)
        if found is not None:
            source, call = found
            pool = f"{prefix_of(call.func)}AdaptiveAvgPool2d({side})"
            edits = (source.inserted_before(call, f"{pool}, "),)
    else:
        found = scene.call(flattened.called)
        subject = None if found is None else _subject(*found)
        if found is not None and subject is not None:
            source, call = found
            pooled = f"torch.nn.functional.adaptive_avg_pool2d({subject}, {side})"
            edits = (source.replaced(call, f"{pooled}.flatten(1)"), *_import_torch(source))
    return [
        Candidate(
            "pool-to-fit",
            f"The picture has another size than {step.path or 'the layer'} was made for",
            f"{wanted:,} = {times(image[1], side, side)}, and {times(*image[1:])} arrive",
            f"pool to {side}×{side} before flattening: all weights keep their shapes",
            edits,
            code=None if edits else f"x = nn.AdaptiveAvgPool2d({side})(x)",
        )
    ]


def _import_torch(source: Source) -> tuple[Edit, ...]:
    """Return the edit that imports torch, where the file does not."""
    if source.tree is None:
        return ()
    for node in source.tree.body:
        if isinstance(node, ast.Import) and any(
            (alias.asname or alias.name).partition(".")[0] == "torch" for alias in node.names
        ):
            return ()
    first = next(
        (n for n in source.tree.body if isinstance(n, ast.Import | ast.ImportFrom)
         and getattr(n, "module", "") != "__future__"), None,
    )  # fmt: skip
    return () if first is None else (source.inserted_before(first, "import torch\n"),)


def _other_input(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    """A picture of another size, for which the layer was made."""
    image, inputs = _image_before(scene, entering), scene.trace.inputs
    if image is None or len(image) != 4 or len(inputs) != 1 or len(inputs[0].shape) != 4:
        return []
    if wanted % image[1]:
        return []
    side = isqrt(wanted // image[1])
    if side * side * image[1] != wanted or not image[2]:
        return []
    batch, channels, height, width = inputs[0].shape
    if height != width:
        return []
    guesses = dict.fromkeys(
        (
            height * side // image[2],
            height + (side - image[2]) * (height // image[2]),
            height + side - image[2],
        )
    )
    return [
        Candidate(
            "input-size",
            f"The network was made for pictures of {size}×{size}",
            f"{wanted:,} = {times(image[1], side, side)}: {side}×{side} where"
            f" {image[2]}×{image[3]} arrive",
            f"crop, pad or resize the pictures to {size}×{size}: all weights stay",
            code=f"x = torch.nn.functional.interpolate(x, size=({size}, {size}))",
            inputs=(Tensor((batch, channels, size, size), inputs[0].dtype, inputs[0].name),),
        )
        for size in list(guesses)[:MOST_SIZES]
        if size > 0 and size != height
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

"""Images of a size or rank that the network was not built for, and tensors that do not join."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from math import isqrt

from fcinspect.diagnosis.editing import Edit, Source, argument_of, prefix_of
from fcinspect.diagnosis.repairs.candidate import (
    Candidate,
    Scene,
    before_layer,
    by,
    candidate,
    flattening_of,
    named,
    subject_of,
    times,
)
from fcinspect.shapes.steps import Shape, Step, Tensor

CONVOLUTION = re.compile(r"Conv(?:Transpose)?([123])d")
AXES = {1: "(batch, channels, length)", 2: "(batch, channels, height, width)",
        3: "(batch, channels, depth, height, width)"}  # fmt: skip
ELEMENTWISE = ("add", "sub", "mul", "div", "iadd", "isub", "imul", "add_", "sub_", "mul_")
JOINING = ("cat", "concat", "concatenate")
MOST_STRIDE = 8


def pooled(scene: Scene, step: Step, entering: Shape, wanted: int) -> Iterator[Candidate]:
    """A pool that makes an image of a different size fit: the weights stay."""
    expected = _expected(scene, entering, wanted)
    if expected is None:
        return
    flattened, image, side = expected
    if side < 1 or image[2:] == (side, side):
        return
    edits: tuple[Edit, ...] = ()
    found = scene.call(flattened.made if flattened.is_module else flattened.called)
    subject = None if found is None else subject_of(*found)
    if found is not None and flattened.is_module:
        source, call = found
        pool = f"{prefix_of(call.func)}AdaptiveAvgPool2d({side})"
        edits = (source.inserted_before(call, f"{pool}, "),)
    elif found is not None and subject is not None:
        source, call = found
        pool = f"torch.nn.functional.adaptive_avg_pool2d({subject}, {side})"
        edits = (source.replaced(call, f"{pool}.flatten(1)"), *_import_torch(source))
    expected_product = times(image[1], side, side)
    values = {"expected": expected_product, "arriving": times(*image[1:]), "side": side}
    yield candidate("pool-to-fit", edits, name=named(step), wanted=wanted, **values)


def _expected(scene: Scene, entering: Shape, wanted: int) -> tuple[Step, Shape, int] | None:
    """Return what flattened images, their shape, and the side of those that were expected."""
    flattened = flattening_of(scene, entering)
    image = () if flattened is None else flattened.inputs[0].shape
    if flattened is None or len(image) != 4 or wanted % image[1]:
        return None
    side = isqrt(wanted // image[1])
    return (flattened, image, side) if side * side * image[1] == wanted else None


def _import_torch(source: Source) -> tuple[Edit, ...]:
    first: ast.stmt | None = None
    for node in () if source.tree is None else source.tree.body:
        if isinstance(node, ast.Import):
            names = [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
            if "torch" in names:
                return ()
        if isinstance(node, ast.Import | ast.ImportFrom):
            future = getattr(node, "module", "") == "__future__"
            first = first or (None if future else node)
    return () if first is None else (source.inserted_before(first, "import torch\n"),)


def other_input(scene: Scene, entering: Shape, wanted: int) -> Iterator[Candidate]:
    """An image of a different size, for which the layer was built."""
    expected, inputs = _expected(scene, entering, wanted), scene.trace.inputs
    if expected is None or len(inputs) != 1 or len(inputs[0].shape) != 4:
        return
    _, image, side = expected
    batch, channels, height, width = inputs[0].shape
    if not image[2] or height != width:
        return
    guesses = (
        height * side // image[2],
        height + (side - image[2]) * (height // image[2]),
        height + side - image[2],
    )
    for size in dict.fromkeys(guesses):
        if size > 0 and size != height:
            yield candidate(
                "input-size",
                (),
                (Tensor((batch, channels, size, size), inputs[0].dtype, inputs[0].name),),
                size=size,
                wanted=wanted,
                expected=times(image[1], side, side),
                side=side,
                height=image[2],
                width=image[3],
            )


def padded(scene: Scene) -> Iterator[Candidate]:
    """A convolution whose kernel is larger than what is left of the image."""
    step, entering = scene.step, scene.entering
    told = re.search(r"per channel: \(([\d x]+)\)\. Kernel size: \(([\d x]+)\)", scene.message)
    if told is None or step is None or entering is None or not step.is_module:
        return
    sizes, kernel = ([int(n) for n in group.split(" x ")] for group in told.groups())
    missing = max((k - n + 1) // 2 for n, k in zip(sizes, kernel, strict=True))
    padding, edits = missing, tuple[Edit, ...]()
    found = scene.call(step.made)
    if found is not None and scene.made_once(step):
        source, call = found
        given = argument_of(call, 4, "padding")
        if isinstance(given, ast.Constant) and isinstance(given.value, int):
            padding += given.value
            edits = (source.replaced(given, str(padding)),)
        elif given is None and not any(isinstance(part, ast.Starred) for part in call.args):
            edits = (source.with_keyword(call, f"padding={padding}"),)
    values = {"entering": by(entering), "words": step.words, "missing": missing}
    yield candidate("shrunk-to-nothing", edits, kernel="×".join(map(str, kernel)), **values)


def lacking(scene: Scene) -> Iterator[Candidate]:
    """Return the dimension that the module's own input may lack."""
    step, entering = scene.step, scene.entering
    known = None if step is None else CONVOLUTION.fullmatch(step.kind)
    told = re.search(r"to have (\d+) channels, but got (\d+)", scene.message)
    inputs = scene.trace.inputs
    if step is None or entering is None or known is None or told is None or len(inputs) != 1:
        return
    axes, channels = int(known[1]), int(told[1])
    if len(entering) != axes + 1 or entering != inputs[0].shape or entering[0] != int(told[2]):
        return
    read = f"{named(step)} treats {by(entering)} as one sample of {entering[0]} channels"
    values = {"read": read, "kind": step.kind, "axes": AXES[axes], "channels": channels}
    if entering[1] == channels and channels > 1:
        whole: Shape = (*entering, entering[-1])
        given = (Tensor(whole, inputs[0].dtype, inputs[0].name),)
        yield candidate("dimension-missing", (), given, whole=by(whole), **values)
        return
    whole = (entering[0], channels, *entering[1:])
    if channels == 1:
        module = f"nn.Unflatten(1, (1, {entering[1]}))"
        edits = before_layer(scene, step, ".unsqueeze(1)", module)
        yield candidate("channels-missing", edits, whole=by(whole), **values)
        return
    given = (Tensor(whole, inputs[0].dtype, inputs[0].name),)
    kept = ", -1" * axes
    yield candidate("channels-missing/several", (), given, whole=by(whole), kept=kept, **values)


def joining(scene: Scene) -> Iterator[Candidate]:
    """Return what could make two tensors fit."""
    step = scene.step
    if step is None or len({len(tensor.shape) for tensor in step.inputs}) != 1:
        return
    shapes = [tensor.shape for tensor in step.inputs]
    if step.kind in ELEMENTWISE and len(shapes) == 2 and "must match the size" in scene.message:
        yield from _skipped(scene, step, *shapes)
    if step.kind in JOINING and "must match except in dimension" in scene.message:
        yield from _joined(scene, step, shapes)


def _skipped(scene: Scene, step: Step, one: Shape, other: Shape) -> Iterator[Candidate]:
    """What an earlier layer gave is added to what later ones made of it."""
    earlier, later = sorted((one, other), key=lambda shape: _age(scene, shape))
    layer = _projection(earlier, later)
    if layer is None:
        return
    values = {"one": by(one), "other": by(other), "earlier": by(earlier), "made": layer}
    yield candidate("sizes-differ", kind=step.kind, **values)


def _age(scene: Scene, shape: Shape) -> int:
    """Return the number of the step that gave a shape last; -1 of an input."""
    giving = [s.number for s in scene.trace.steps if any(t.shape == shape for t in s.outputs)]
    return max(giving, default=-1)


def _projection(shape: Shape, wanted: Shape) -> str | None:
    """Return the layer that makes one shape of another in its channels, and in its sizes."""
    if len(shape) == 4 and shape[0] == wanted[0]:
        for stride in range(1, MOST_STRIDE + 1):
            if all((n - 1) // stride + 1 == m for n, m in zip(shape[2:], wanted[2:], strict=True)):
                given = "" if stride == 1 else f", stride={stride}"
                return f"nn.Conv2d({shape[1]}, {wanted[1]}, 1{given})"
    if len(shape) in (2, 3) and shape[:-1] == wanted[:-1]:
        return f"nn.Linear({shape[-1]}, {wanted[-1]})"
    return None


def _joined(scene: Scene, step: Step, shapes: list[Shape]) -> Iterator[Candidate]:
    """Tensors that differ in one dimension alone, joined along another."""
    differing = [k for k, sizes in enumerate(zip(*shapes, strict=True)) if len(set(sizes)) > 1]
    if len(differing) != 1:
        return
    edits: tuple[Edit, ...] = ()
    found = scene.call(step.called)
    if found is not None:
        source, call = found
        dim = argument_of(call, 1, "dim") or argument_of(call, 1, "axis")
        if dim is not None:
            edits = (source.replaced(dim, str(differing[0])),)
        elif call.args and not call.keywords and not isinstance(call.args[0], ast.Starred):
            edits = (source.inserted_after(call.args[0], f", {differing[0]}"),)
    written = " and ".join(map(by, dict.fromkeys(shapes)))
    yield candidate("joined-sizes", edits, shapes=written, axis=differing[0])

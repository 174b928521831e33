"""Pictures of another size or rank than the network was made for."""

from __future__ import annotations

import ast
import re
from math import isqrt

from fcinspect.diagnosis.editing import Edit, Source, argument_of, prefix_of
from fcinspect.diagnosis.repairs.candidate import Candidate, Scene, by, named, times
from fcinspect.diagnosis.repairs.flattening import (
    before_layer,
    flattening_of,
    image_before,
    subject_of,
)
from fcinspect.shapes.steps import Shape, Step, Tensor

MOST_SIZES = 4
CONVOLUTION = re.compile(r"Conv(?:Transpose)?([123])d")
AXES = {1: "(batch, channels, length)", 2: "(batch, channels, height, width)",
        3: "(batch, channels, depth, height, width)"}  # fmt: skip


def pooled(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    """Another size of the picture keeps the weights: a pool that makes it fit."""
    flattened = flattening_of(scene, entering)
    image = None if flattened is None else flattened.inputs[0].shape
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
        subject = None if found is None else subject_of(*found)
        if found is not None and subject is not None:
            source, call = found
            pooled = f"torch.nn.functional.adaptive_avg_pool2d({subject}, {side})"
            edits = (source.replaced(call, f"{pooled}.flatten(1)"), *_import_torch(source))
    return [
        Candidate(
            "pool-to-fit",
            f"The picture has another size than {named(step)} was made for",
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


def other_input(scene: Scene, step: Step, entering: Shape, wanted: int) -> list[Candidate]:
    """A picture of another size, for which the layer was made."""
    image, inputs = image_before(scene, entering), scene.trace.inputs
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


def padded(scene: Scene) -> list[Candidate]:
    """A convolution whose kernel is larger than what has become of the picture."""
    step, entering = scene.step, scene.entering
    told = re.search(r"per channel: \(([\d x]+)\)\. Kernel size: \(([\d x]+)\)", scene.message)
    if told is None or step is None or entering is None or not step.is_module:
        return []
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
            written = [*call.args, *(part.value for part in call.keywords)]
            edits = (source.inserted_after(written[-1], f", padding={padding}"),)
    return [
        Candidate(
            "shrunk-to-nothing",
            "The picture is too small for so many convolutions and pools",
            f"{by(entering)} enters {step.words}, whose kernel is {'×'.join(map(str, kernel))}",
            f"give it {missing} more on each side by its padding, or start from a larger picture",
            edits,
        )
    ]


def lacking(scene: Scene) -> list[Candidate]:
    """Return the dimension that the module's own input may lack."""
    step, entering = scene.step, scene.entering
    known = None if step is None else CONVOLUTION.fullmatch(step.kind)
    told = re.search(r"to have (\d+) channels, but got (\d+)", scene.message)
    inputs = scene.trace.inputs
    if step is None or entering is None or known is None or told is None or len(inputs) != 1:
        return []
    axes, channels = int(known[1]), int(told[1])
    if len(entering) != axes + 1 or entering != inputs[0].shape or entering[0] != int(told[2]):
        return []
    read = f"{by(entering)} enters {named(step)}, read as one sample of {entering[0]} channels"
    if entering[1] == channels and channels > 1:
        whole: Shape = (*entering, entering[-1])
        return [
            Candidate(
                "dimension-missing",
                f"The input lacks a dimension: {step.kind} takes {AXES[axes]}",
                f"{read}; its dimension 1 is {channels}, as the channels are to be",
                f"give it all of them: {by(whole)}",
                inputs=(Tensor(whole, inputs[0].dtype, inputs[0].name),),
            )
        ]
    whole = (entering[0], channels, *entering[1:])
    cause = f"The input has no dimension of channels: {step.kind} takes {AXES[axes]}"
    if channels == 1:
        last = ", ".join(map(str, (1, entering[1])))
        return [
            Candidate(
                "channels-missing",
                cause,
                read,
                f"put it behind the batch: {by(whole)}",
                before_layer(scene, step, ".unsqueeze(1)", f"nn.Unflatten(1, ({last}))"),
                code="x = x.unsqueeze(1)",
            )
        ]
    return [
        Candidate(
            "channels-missing",
            cause,
            read,
            f"put it behind the batch: {by(whole)}; grey pictures can be repeated as {channels}"
            " channels",
            code=f"x = x.unsqueeze(1).expand(-1, {channels}{', -1' * axes})",
            inputs=(Tensor(whole, inputs[0].dtype, inputs[0].name),),
        )
    ]

"""Pictures that lack a dimension: a convolution takes them for a single one without a batch."""

from __future__ import annotations

import re

from fcinspect.diagnosis.repairs.candidate import Candidate, Scene, by, named
from fcinspect.diagnosis.repairs.flattening import before_layer
from fcinspect.shapes.steps import Shape, Tensor

CONVOLUTION = re.compile(r"Conv(?:Transpose)?([123])d")
AXES = {1: "(batch, channels, length)", 2: "(batch, channels, height, width)",
        3: "(batch, channels, depth, height, width)"}  # fmt: skip


def candidates(scene: Scene) -> list[Candidate]:
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

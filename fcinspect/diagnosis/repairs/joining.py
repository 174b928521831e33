"""Two tensors that are added or joined, and differ where they must not."""

from __future__ import annotations

import ast

from fcinspect.diagnosis.editing import Edit, argument_of
from fcinspect.diagnosis.repairs.candidate import Candidate, Scene, by
from fcinspect.shapes.steps import Shape, Step

ELEMENTWISE = ("add", "sub", "mul", "div", "iadd", "isub", "imul", "add_", "sub_", "mul_")
JOINING = ("cat", "concat", "concatenate")
MOST_STRIDE = 8


def candidates(scene: Scene) -> list[Candidate]:
    """Return what could make two tensors fit."""
    step = scene.step
    if step is None or len({len(tensor.shape) for tensor in step.inputs}) != 1:
        return []
    shapes = [tensor.shape for tensor in step.inputs]
    if step.kind in ELEMENTWISE and len(shapes) == 2 and "must match the size" in scene.message:
        return _skipped(scene, step, *shapes)
    if step.kind in JOINING and "must match except in dimension" in scene.message:
        return _joined(scene, step, shapes)
    return []


def _skipped(scene: Scene, step: Step, one: Shape, other: Shape) -> list[Candidate]:
    """What an earlier layer gave is added to what later ones made of it."""
    earlier, later = sorted((one, other), key=lambda shape: _age(scene, shape))
    layer = _projection(earlier, later)
    if layer is None:
        return []
    return [
        Candidate(
            "sizes-differ",
            f"The two operands of {step.kind} have different shapes",
            f"{by(one)} meets {by(other)}; {by(earlier)} is the earlier one",
            "give the earlier one, as in a skipped connection, a layer of its own",
            code=f"self.skip = {layer}",
        )
    ]


def _age(scene: Scene, shape: Shape) -> int:
    """Return the number of the step that gave a shape last; -1 of an input."""
    step = scene.before(shape)
    return -1 if step is None else step.number


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


def _joined(scene: Scene, step: Step, shapes: list[Shape]) -> list[Candidate]:
    """Tensors that differ in one dimension alone, joined along another."""
    differing = [k for k, sizes in enumerate(zip(*shapes, strict=True)) if len(set(sizes)) > 1]
    if len(differing) != 1:
        return []
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
    return [
        Candidate(
            "joined-sizes",
            "The tensors are joined along the wrong dimension",
            f"{written} differ in dimension {differing[0]} alone",
            f"join them along dimension {differing[0]}",
            edits,
            code=None if edits else f"torch.cat(tensors, dim={differing[0]})",
        )
    ]

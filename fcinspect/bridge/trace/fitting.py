"""Whether a traced module could run with numbers on this machine; asked without torch."""

from __future__ import annotations

from math import prod

from fcinspect.layers.memory import is_free
from fcinspect.shapes.steps import ModuleTrace


def fits(run: ModuleTrace) -> bool:
    """Whether a module, its outputs and as much again twice fit this machine's memory."""
    outputs = (tensor for step in run.steps for tensor in step.outputs)
    numbers = sum(prod(tensor.shape) for tensor in (*outputs, *run.inputs))
    return is_free(3 * (run.parameter_bytes + 4 * numbers))

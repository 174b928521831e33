"""A traced module that is a chain of linear layers, each with an activation or none behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fcinspect.errors import InputError
from fcinspect.shapes.steps import ModuleTrace, Step

ACTIVATIONS = {
    "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "gelu": "gelu",
    "leakyrelu": "leaky_relu", "leaky_relu": "leaky_relu", "relu_": "relu",
    "silu": "silu", "elu": "elu", "selu": "selu", "softplus": "softplus", "mish": "mish",
    "hardtanh": "hardtanh", "softmax": "softmax", "logsoftmax": "log_softmax",
    "log_softmax": "log_softmax",
}  # fmt: skip
"""What an activation is called in a trace, in small letters -> in torch.nn.functional."""
PASSING = frozenset({"dropout", "identity", "contiguous", "to", "float"})
"""Steps that change no number when a module is evaluated."""
FLATTENING = frozenset({"flatten", "view", "reshape"})
"""Steps that are let pass before the first layer."""


@dataclass(frozen=True)
class Link:
    """A linear layer of a chain."""

    name: str
    """Its module path, "fc1"."""
    weight: str
    """State-dict key of W."""
    bias: str | None
    in_features: int
    out_features: int
    activation: str = "identity"
    """What stands behind it, a name of torch.nn.functional."""


def chain_of(trace: ModuleTrace) -> tuple[Link, ...]:
    """Return the linear layers of a module in the order in which they ran.

    Raises InputError for a module whose steps are not one chain of linear layers and activations.
    """
    links: list[Link] = []
    for step in trace.steps:
        kind = step.kind.lower()
        if step.kind in ("Linear", "linear") and step.weight is not None:
            links.append(_link(step, links, trace))
        elif kind in ACTIVATIONS and links and links[-1].activation == "identity":
            links[-1] = replace(links[-1], activation=ACTIVATIONS[kind])
        elif kind not in PASSING and not (kind in FLATTENING and not links):
            raise _refusal(trace, f"it runs {step.words}")
    if not links:
        raise _refusal(trace, "it runs no linear layer")
    if len(trace.outputs) != 1:
        raise _refusal(trace, f"it returns {len(trace.outputs)} tensors")
    return tuple(links)


def _link(step: Step, links: list[Link], trace: ModuleTrace) -> Link:
    assert step.weight is not None
    out_features, in_features = step.weight
    matrix = [p for p in step.parameters if len(p.shape) == 2]
    vector = [p for p in step.parameters if len(p.shape) == 1]
    if len(matrix) != 1 or len(matrix) + len(vector) != len(step.parameters) or not matrix[0].name:
        raise _refusal(trace, f"the weight of {step.words} is no parameter of it")
    if links and links[-1].out_features != in_features:
        raise _refusal(
            trace, f"{step.words} takes {in_features} features, the layer before gives"
            f" {links[-1].out_features}",
        )  # fmt: skip
    name = matrix[0].name.removesuffix(".weight")
    bias = vector[0].name if vector else None
    return Link(name, matrix[0].name, bias, in_features, out_features)


def _refusal(trace: ModuleTrace, why: str) -> InputError:
    return InputError(
        f"{trace.source} is no chain of linear layers: {why}",
        hint="fcinspect trace shows what it runs",
    )

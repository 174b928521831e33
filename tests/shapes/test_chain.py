"""Which traces are chains of linear layers."""

from __future__ import annotations

import pytest

from fcinspect.errors import InputError
from fcinspect.shapes.steps import ModuleTrace, Parameter, Step, Tensor, chain_of


def step(kind: str, path: str = "", weight: tuple[int, ...] | None = None) -> Step:
    """Return a step; with a weight it is a linear layer of that path."""
    parameters = () if weight is None else (
        Parameter(f"{path}.weight", weight, True), Parameter(f"{path}.bias", weight[:1], True),
    )  # fmt: skip
    return Step(
        number=0, path=path, kind=kind, call="", is_module=bool(path), inputs=(), outputs=(),
        parameters=parameters, macs=0, linear=weight is not None, weight=weight, bias=None,
        called=None, made=None,
    )  # fmt: skip


def trace(*steps: Step, outputs: int = 1) -> ModuleTrace:
    """Return the trace of a module that runs these steps."""
    return ModuleTrace(
        source="net.py:Net", name="Net", device="meta", why_not_meta="", training=False, inputs=(),
        input_origin="", steps=steps, outputs=(Tensor((1, 2), "float32"),) * outputs, parameters=0,
        trainable=0, buffers=0, unused=(), parameter_bytes=0,
    )  # fmt: skip


def test_a_chain_is_found() -> None:
    """Layers in their order, each with what stands behind it; what changes nothing is passed."""
    links = chain_of(
        trace(
            step("Flatten", "flat"), step("Linear", "a", (5, 3)), step("LeakyReLU", "act"),
            step("Dropout", "drop"), step("Linear", "b", (2, 5)), step("sigmoid"),
        )
    )  # fmt: skip
    assert [(k.name, k.weight, k.bias, k.activation) for k in links] == [
        ("a", "a.weight", "a.bias", "leaky_relu"),
        ("b", "b.weight", "b.bias", "sigmoid"),
    ]
    assert [(k.in_features, k.out_features) for k in links] == [(3, 5), (5, 2)]


@pytest.mark.parametrize(
    ("steps", "outputs", "why"),
    [
        ((), 1, "it runs no linear layer"),
        ((step("Conv2d", "conv"),), 1, "it runs conv (Conv2d)"),
        ((step("relu"), step("Linear", "a", (5, 3))), 1, "it runs relu"),
        ((step("Linear", "a", (5, 3)), step("relu"), step("tanh")), 1, "it runs tanh"),
        ((step("Linear", "a", (5, 3)), step("flatten")), 1, "it runs flatten"),
        ((step("Linear", "a", (5, 3)), step("Linear", "b", (2, 4))), 1, "takes 4 features"),
        ((step("Linear", "a", (5, 3)),), 2, "it returns 2 tensors"),
    ],
)
def test_what_is_no_chain_is_refused(steps: tuple[Step, ...], outputs: int, why: str) -> None:
    """The step is named."""
    with pytest.raises(InputError, match="is not a chain of linear layers") as refused:
        chain_of(trace(*steps, outputs=outputs))
    assert why in refused.value.message

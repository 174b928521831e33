from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fcinspect.shapes.trace import trace_widths


@settings(max_examples=60, deadline=None)
@given(
    widths=st.lists(st.integers(1, 12), min_size=2, max_size=5),
    batch=st.lists(st.integers(0, 4), max_size=3),
    bias=st.booleans(),
)
def test_shapes_and_parameters_are_torchs(widths: list[int], batch: list[int], bias: bool) -> None:
    """Every output shape and parameter count is that of real modules."""
    trace = trace_widths(tuple(widths), tuple(batch), bias=bias, activation="ReLU")
    x = torch.zeros(*batch, widths[0], device="meta")
    linears = [layer for layer in trace.layers if layer.kind == "Linear"]
    for layer, (n, m) in zip(linears, itertools.pairwise(widths), strict=True):
        module = nn.Linear(n, m, bias=bias, device="meta")
        assert layer.input == tuple(x.shape)
        x = module(x)
        assert layer.output == tuple(x.shape)
        assert layer.weight == tuple(module.weight.shape)
        assert layer.bias == (tuple(module.bias.shape) if bias else None)
        assert layer.parameters == sum(p.numel() for p in module.parameters())
        assert layer.parameter_bytes == sum(p.nbytes for p in module.parameters())
    assert trace.parameters == sum(layer.parameters for layer in linears)


def test_macs_count_products_only() -> None:
    """A batch of 3 through 4-2: 3·2·4 products; the bias adds none; FLOPs = 2·MACs + bias."""
    trace = trace_widths((4, 2), (3,))
    assert (trace.macs, trace.flops) == (24, 54)


def test_activations_are_rows_of_their_own() -> None:
    """Hidden layers and the last may have different activations, without parameters."""
    trace = trace_widths((3, 5, 2), activation="ReLU", output_activation="Sigmoid")
    assert [layer.kind for layer in trace.layers] == ["Linear", "ReLU", "Linear", "Sigmoid"]
    assert [layer.name for layer in trace.layers] == ["fc1", "act1", "fc2", "act2"]
    assert trace.layers[1].parameters == trace.layers[1].macs == 0


@pytest.mark.parametrize("width", [10**12, 10**15])
def test_nothing_is_allocated(width: int) -> None:
    """Widths far beyond any memory give exact counts."""
    assert trace_widths((width, width)).parameters == width * width + width

"""Convolution and pooling arithmetic against torch."""

from __future__ import annotations

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from fcinspect.shapes.windows import Window, same_for_all

GRID = list(product((5, 8, 17), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2)))
"""Sizes, kernels, strides, paddings and dilations."""


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"), GRID)
def test_the_formulas_give_torchs_sizes(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    """Convolution, transposed convolution, and pools that round down or up."""
    x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    sliding = Window("length", size, kernel, stride, padding, dilation)
    real = F.conv1d(x, weight, stride=stride, padding=padding, dilation=dilation)
    assert sliding.output == real.shape[-1]
    grown = F.conv_transpose1d(x, weight, stride=stride, padding=padding, dilation=dilation)
    transposed = Window("length", size, kernel, stride, padding, dilation, transposed=True)
    assert transposed.output == grown.shape[-1]
    if stride > 1:
        more = F.conv_transpose1d(x, weight, stride=stride, padding=padding, output_padding=1)
        wider = Window("length", size, kernel, stride, padding, 1, 1, transposed=True)
        assert wider.output == more.shape[-1]
    if 2 * padding <= kernel:
        for ceil in (False, True):
            pooled = F.max_pool1d(x, kernel, stride, padding, dilation, ceil_mode=ceil)
            window = Window("length", size, kernel, stride, padding, dilation, ceil=ceil)
            assert window.output == pooled.shape[-1]


def test_the_words_are_the_formula_with_its_numbers() -> None:
    """As a teacher writes it; evaluated, it is the output."""
    window = Window("height", 32, 3, 2, 1)
    assert window.words == "⌊(32 + 2·1 − 1·(3 − 1) − 1)/2⌋ + 1 = 16"
    assert Window("height", 16, 2, 2, 0, transposed=True).words == (
        "(16 − 1)·2 − 2·0 + 1·(2 − 1) + 0 + 1 = 32"
    )
    assert Window("height", 5, 2, 2, 0, ceil=True).words.startswith("⌈(5 + 2·0")


def test_alike_axes_are_told_once() -> None:
    """Height and width with the same numbers are one line; others are two."""
    height, width = Window("height", 8, 3, 1, 1), Window("width", 8, 3, 1, 1)
    assert [w.axis for w in same_for_all((height, width))] == ["height and width"]
    other = Window("width", 9, 3, 1, 1)
    assert same_for_all((height, other)) == (height, other)
    assert same_for_all((height,)) == (height,)

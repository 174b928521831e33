from __future__ import annotations

import math
import re
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.shapes.steps import AXES, Window, same_for_all

SIZES, KERNELS, PADDINGS = range(1, 13), range(1, 5), range(4)
each_stride = pytest.mark.parametrize("stride", [1, 2, 3])
each_dilation = pytest.mark.parametrize("dilation", [1, 2, 3])


def window(size: int, kernel: int, stride: int, padding: int, dilation: int) -> Window:
    """Return a window over one dimension."""
    return Window("length", size, kernel, stride, padding, dilation)


@each_stride
@each_dilation
def test_convolutions_are_as_long_as_torchs(stride: int, dilation: int) -> None:
    """And where torch finds no place for the kernel, nothing is left."""
    seen = set()
    for size, kernel, padding in product(SIZES, KERNELS, PADDINGS):
        found = window(size, kernel, stride, padding, dilation).output
        x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
        try:
            real = F.conv1d(x, weight, None, stride, padding, dilation).shape[-1]
        except RuntimeError:
            assert found <= 0
            seen.add(False)
        else:
            assert found == real
            seen.add(True)
    assert True in seen


@each_stride
@each_dilation
def test_transposed_convolutions_are_as_long_as_torchs(stride: int, dilation: int) -> None:
    """With the padding of the output, which must be smaller than stride or dilation."""
    for size, kernel, padding, out in product(SIZES, KERNELS, PADDINGS, range(3)):
        if out >= max(stride, dilation):
            continue
        found = Window(
            "length", size, kernel, stride, padding, dilation, output_padding=out, transposed=True
        ).output
        x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
        try:
            real = F.conv_transpose1d(x, weight, None, stride, padding, out, 1, dilation).shape[-1]
        except RuntimeError:
            assert found <= 0
        else:
            assert found == real


@each_stride
@each_dilation
@pytest.mark.parametrize("ceil", [False, True])
def test_max_pools_are_as_long_as_torchs(stride: int, dilation: int, ceil: bool) -> None:
    """Rounded down or up; a window never begins behind the last number."""
    corrected = 0
    for size, kernel, padding in product(SIZES, KERNELS, PADDINGS):
        if 2 * padding > kernel:
            continue
        found = Window("length", size, kernel, stride, padding, dilation, ceil=ceil)
        x = torch.zeros(1, 1, size)
        try:
            real = F.max_pool1d(x, kernel, stride, padding, dilation, ceil).shape[-1]
        except RuntimeError:
            assert found.output <= 0
            continue
        assert found.output == real
        free = size + 2 * padding - dilation * (kernel - 1) - 1
        corrected += ceil and real != math.ceil(free / stride) + 1
    assert corrected or not ceil or stride == 1


@each_stride
@pytest.mark.parametrize("ceil", [False, True])
def test_average_pools_are_as_long_as_torchs(stride: int, ceil: bool) -> None:
    """They have no dilation."""
    for size, kernel, padding in product(SIZES, KERNELS, PADDINGS):
        if 2 * padding > kernel:
            continue
        found = Window("length", size, kernel, stride, padding, ceil=ceil).output
        try:
            real = F.avg_pool1d(torch.zeros(1, 1, size), kernel, stride, padding, ceil).shape[-1]
        except RuntimeError:
            assert found <= 0
        else:
            assert found == real


def test_dimensions_are_independent() -> None:
    """Each axis of a convolution with its own settings."""
    sizes, kernels, strides, paddings, dilations = (
        (9, 12, 7),
        (3, 2, 1),
        (2, 1, 3),
        (1, 0, 2),
        (1, 2, 1),
    )
    x, weight = torch.zeros(1, 1, *sizes), torch.zeros(1, 1, *kernels)
    real = F.conv3d(x, weight, None, strides, paddings, dilations).shape[2:]
    each = zip(AXES[3], sizes, kernels, strides, paddings, dilations, strict=True)
    assert tuple(Window(*settings).output for settings in each) == tuple(real)


windows = st.builds(
    Window,
    st.just("length"),
    size=st.integers(1, 300),
    kernel=st.integers(1, 12),
    stride=st.integers(1, 8),
    padding=st.integers(0, 6),
    dilation=st.integers(1, 4),
    output_padding=st.integers(0, 3),
    transposed=st.booleans(),
    ceil=st.booleans(),
)


@given(windows)
def test_words_hold_the_numbers_and_end_with_the_output(found: Window) -> None:
    """A reader finds every setting that counts, and the size of what leaves."""
    formula, _, result = found.words.rpartition(" = ")
    assert int(result.replace("−", "-")) == found.output
    numbers = list(map(int, re.findall(r"\d+", formula)))
    settings = [found.size, found.kernel, found.stride, found.padding, found.dilation]
    if found.transposed:
        settings.append(found.output_padding)
    for setting in set(settings):
        assert numbers.count(setting) >= settings.count(setting)


@given(windows)
def test_words_are_true(found: Window) -> None:
    """The formula, worked out as it is written, gives what stands behind its equals sign."""
    formula, _, result = found.words.rpartition(" = ")
    python = formula.replace("·", "*").replace("−", "-")
    python = python.replace("⌊", "floor(").replace("⌈", "ceil(")
    python = python.replace("⌋", ")").replace("⌉", ")")
    worked_out = eval(python, {"floor": math.floor, "ceil": math.ceil})
    assert worked_out == int(result.replace("−", "-"))


def test_windows_that_are_alike_are_told_once() -> None:
    """Under the names of all their axes; those that differ stay apart."""
    height, width = Window("height", 8, 3, 1, 1), Window("width", 8, 3, 1, 1)
    (both,) = same_for_all((height, width))
    assert both.axis == "height and width"
    assert both.words == height.words
    wider = Window("width", 9, 3, 1, 1)
    assert same_for_all((height, wider)) == (height, wider)
    assert same_for_all((height,)) == (height,)
    assert same_for_all(()) == ()

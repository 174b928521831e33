"""What holds for arbitrary layers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fcinspect.checkpoints.diff.diffing import DiffRequest
from fcinspect.checkpoints.diff.records import Sameness
from tests.checkpoints.diff.planting import Tensors, difference

DTYPES = {torch.float64: "<u8", torch.float32: "<u4", torch.bfloat16: "<u2", torch.float16: "<u2"}


@st.composite
def layers(draw: st.DrawFn) -> Tensors:
    """Draw layers of any bits, NaN payloads and subnormal numbers among them."""
    found: Tensors = {}
    for place in range(draw(st.integers(1, 3))):
        dtype = draw(st.sampled_from(list(DTYPES)))
        rows, columns = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
        count = rows * columns * int(DTYPES[dtype][2])
        made = draw(st.binary(min_size=count, max_size=count))
        bits = torch.from_numpy(np.frombuffer(made, np.uint8).copy())
        found[f"fc{place}.weight"] = bits.view(dtype).reshape(rows, columns)
    return found


@settings(max_examples=60)
@given(layers())
def test_a_checkpoint_is_the_same_as_itself(tensors: Tensors) -> None:
    """Whatever bits it holds."""
    with tempfile.TemporaryDirectory() as name:
        found = difference(Path(name), tensors, tensors)
        assert found.ok
        assert all(each.verdict is Sameness.EQUAL for each in found.compared)


@settings(max_examples=120)
@given(layers(), st.data())
def test_one_changed_bit_is_never_the_same(tensors: Tensors, data: st.DataObject) -> None:
    """In any place of any layer; the finding counts one changed number and tells which."""
    name = data.draw(st.sampled_from(list(tensors)))
    changed = tensors[name].clone()
    rows, columns = changed.shape
    row = data.draw(st.integers(0, rows - 1))
    column = data.draw(st.integers(0, columns - 1))
    size = changed.element_size()
    bit = data.draw(st.integers(0, 8 * size - 1))
    changed.view(torch.uint8)[row, column * size + bit // 8] ^= 1 << (bit % 8)
    with tempfile.TemporaryDirectory() as folder:
        found = difference(Path(folder), tensors, {**tensors, name: changed})
        other = difference(Path(folder), {**tensors, name: changed}, tensors)
    for each in (found, other):
        assert not each.ok
        (layer,) = [layer for layer in each.compared if layer.verdict is not Sameness.EQUAL]
        assert layer.name + ".weight" == name
        assert layer.finding.magnitude is not None
        assert layer.finding.magnitude.changed == 1
        assert layer.finding.magnitude.first is not None
        assert layer.finding.magnitude.first.index == (row, column)


@settings(max_examples=60)
@given(layers(), st.sampled_from(["float32", "bfloat16", "float16"]), st.data())
def test_a_tolerance_is_never_stricter_than_bits_and_never_takes_a_number_for_nan(
    tensors: Tensors, tolerance: str, data: st.DataObject
) -> None:
    """What is equal stays the same; NaN in the place of a number does not."""
    request = DiffRequest(tolerance=tolerance)
    name = data.draw(st.sampled_from(list(tensors)))
    changed = tensors[name].clone()
    is_nan = bool(torch.isnan(changed[0, 0]))
    changed[0, 0] = 1.0 if is_nan else float("nan")
    with tempfile.TemporaryDirectory() as folder:
        assert difference(Path(folder), tensors, tensors, request).ok
        assert not difference(Path(folder), tensors, {**tensors, name: changed}, request).ok

"""Outputs that are equal by chance, held against layers of random numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fcinspect.checkpoints.scan.findings import may_be_chance

DRAWN = [
    (1, 512, "bfloat16"),
    (2, 512, "bfloat16"),
    (1, 300, "float16"),
    (1, 5000, "float32"),
    (3, 400, "float8_e4m3fn"),
    (2, 64, "float8_e5m2"),
    (64, 5000, "float8_e5m2"),
    (1, 2000, "float64"),
]


@pytest.mark.parametrize(("inputs", "outputs", "dtype"), DRAWN)
@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_what_random_numbers_make_equal_is_chance(
    inputs: int, outputs: int, dtype: str, law: str
) -> None:
    """No draw of a smooth law is taken for a fault; all outputs equal are one."""
    torch.manual_seed(0)
    for _ in range(20):
        drawn = torch.rand if law == "uniform" else torch.randn
        weight = drawn(outputs, inputs, dtype=torch.float64) - (0.5 if law == "uniform" else 0)
        rows = weight.to(getattr(torch, dtype)).double()
        equal = outputs - len(np.unique(rows.numpy(), axis=0))
        assert not equal or may_be_chance(equal, outputs, inputs, dtype)
    assert not may_be_chance(outputs - 1, outputs, inputs, dtype)


@pytest.mark.parametrize(
    ("equal", "outputs", "inputs", "dtype"),
    [
        (1, 30, 40, "float32"),  # one output is a copy
        (1, 4096, 4096, "bfloat16"),
        (2, 3, 3, "float32"),
        (1, 1000, 8, "float16"),
        (1, 100, 20, "float8_e4m3fn"),
        (1, 500, 1, "float64"),
        (400, 512, 1, "bfloat16"),
    ],
)
def test_what_chance_does_not_make_is_told(
    equal: int, outputs: int, inputs: int, dtype: str
) -> None:
    """Copies of outputs stay faults."""
    assert not may_be_chance(equal, outputs, inputs, dtype)

"""Other people's cases: PyTorch's sample inputs and ONNX's node tests, and each of them spoilt."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from fcinspect.rounding.accumulation import arithmetic_of
from fcinspect.rounding.arrays import round_to
from fcinspect.rounding.dot import DotCheck, check_products
from fcinspect.rounding.formats import FLOAT64, FORMATS, format_named
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.assertions import assert_linear
from tests.verification.correct import moved
from tests.verification.library_ways import Floats


@dataclass(frozen=True, eq=False)
class Case:
    """alpha·A·B + beta·C and its result, numbers of one dtype in float64 arrays."""

    dtype: str
    a: Floats
    """(rows, n)"""
    b: Floats
    """(n, out)"""
    c: Floats
    """Broadcast to (rows, out)."""
    y: Floats
    """(rows, out)"""
    alpha: float = 1.0
    beta: float = 1.0

    def judged(self, y: Floats | None = None) -> list[DotCheck]:
        """Return the check of each row, whose C is its bias."""
        result = self.y if y is None else y
        bias = np.broadcast_to(self.c, self.y.shape)
        x, weight, arithmetic = self.a, self.b.T, arithmetic_of(self.dtype)
        if (self.alpha, self.beta) != (1.0, 1.0):
            # scaled operands are exact in float64; scaling rounds each row's sum and its bias
            # once more, for which two products of zero stand
            x = np.pad(x * self._held(self.alpha), ((0, 0), (0, 2)))
            weight = np.pad(weight, ((0, 0), (0, 2)))
            bias = bias * self._held(self.beta)
            arithmetic = type(arithmetic)(FLOAT64, arithmetic.accumulate, arithmetic.output)
        return [
            check_products(x[i : i + 1], weight, bias[i], result[i : i + 1], arithmetic)
            for i in range(len(x))
        ]

    def _held(self, factor: float) -> float:
        """Return a factor as the computation holds it; torch's addmm without inputs, in 16 bits."""
        if self.dtype == "float64":
            return factor
        held = format_named("float32" if self.a.shape[1] else self.dtype)
        return held.round(factor)

    def spoilt(self) -> Iterator[Floats]:
        """Yield the result with one number moved by 4 bounds, for every number."""
        for i, found in enumerate(self.judged()):
            for j in range(self.y.shape[1]):
                wrong = self.y.copy()
                wrong[i, j] = round_to(moved(found, (0, j)), format_named(self.dtype))
                yield wrong


def samples(name: str, dtype: str) -> list[Any]:
    """Return PyTorch's own sample inputs of an operation."""
    pytest.importorskip("expecttest", reason="needs expecttest (.[cases])")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db

        wanted = getattr(torch, dtype)
        found: list[Any] = [op for op in op_db if op.name == name and wanted in op.dtypes]
        return [s for op in found for s in op.sample_inputs("cpu", wanted)]


@pytest.mark.parametrize("dtype", FORMATS)
def test_sample_inputs_of_linear_are_within(dtype: str) -> None:
    """nn.functional.linear on PyTorch's samples: 1-D to 5-D, empty batches, with and without b."""
    found = samples("nn.functional.linear", dtype)
    assert len(found) >= 10
    for sample in found:
        y = torch.nn.functional.linear(sample.input, *sample.args, **sample.kwargs)
        assert_linear(y, sample.input, *sample.args, **sample.kwargs)
        x, weight, *biases = (numbers(part) for part in (sample.input, *sample.args))
        bias = biases[0] if biases else np.zeros(1)
        rows, result = (part.reshape(-1, part.shape[-1]) for part in (x, numbers(y)))
        check_case(Case(dtype, rows, weight.T, bias, result))


def numbers(values: torch.Tensor) -> Floats:
    """Return a tensor's numbers in float64."""
    return values.detach().double().numpy()


@pytest.mark.parametrize("dtype", FORMATS)
def test_sample_inputs_of_addmm_are_within(dtype: str) -> None:
    """beta·C + alpha·A·B, C of every shape that broadcasts, in_features 0 among them."""
    found = samples("addmm", dtype)
    assert len(found) >= 10
    for sample in found:
        y = torch.addmm(sample.input, *sample.args, **sample.kwargs)
        c, a, b, result = (numbers(part) for part in (sample.input, *sample.args, y))
        check_case(Case(dtype, a, b, c, result, **sample.kwargs))


def onnx_cases() -> list[tuple[str, Case]]:
    """Return ONNX's node tests of Gemm and MatMul in floating point."""
    pytest.importorskip("onnx", reason="needs onnx (.[cases])")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nodes, gemm, matmul = (
            import_module(f"onnx.backend.test.case.node{module}")
            for module in ("", ".gemm", ".matmul")
        )
        # importing the modules runs every case once, and each name may be used once
        nodes._existing_names.clear()
        nodes._NodeTestCases.clear()
        for case in (gemm.Gemm, matmul.MatMul):
            for name in sorted(vars(case)):
                if name.startswith("export"):
                    getattr(case, name)()
        return [(test.name, part) for test in nodes._NodeTestCases for part in parts(test)]


def parts(test: Any) -> Iterator[Case]:
    """Yield the matrix products of a node test."""
    (inputs, (y,)) = test.data_sets[0]
    node = test.model.graph.node[0]
    if y.dtype.name not in FORMATS or node.op_type not in ("Gemm", "MatMul"):
        return
    told = {entry.name: entry.i or entry.f for entry in node.attribute}
    a, b = (np.asarray(part, dtype=np.float64) for part in inputs[:2])
    c = np.asarray(inputs[2], dtype=np.float64) if len(inputs) > 2 else np.zeros(1)
    a, b = a.T if told.get("transA") else a, b.T if told.get("transB") else b
    scales = {key: told[key] for key in ("alpha", "beta") if key in told}
    a = a if a.ndim > 1 else a[None]
    b = b if b.ndim > 1 else b[:, None]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    stack = (math.prod(batch), a.shape[-2], b.shape[-1])
    result = np.asarray(y, dtype=np.float64).reshape(stack)
    a, b = (np.broadcast_to(part, (*batch, *part.shape[-2:])) for part in (a, b))
    a, b = (part.reshape(-1, *part.shape[-2:]) for part in (a, b))
    for i in range(len(result)):
        yield Case(y.dtype.name, a[i], b[i], c, result[i], **scales)


def test_onnx_node_cases_are_within() -> None:
    """Gemm with alpha, beta and transposes, MatMul of stacks."""
    found = onnx_cases()
    assert len({name for name, _ in found}) >= 14
    for _, case in found:
        check_case(case)


def check_case(case: Case) -> None:
    """Assert that a case is within bound, and outside once a number is moved by 4 bounds."""
    assert {found.verdict for found in case.judged()} <= {Verdict.WITHIN}
    for wrong in case.spoilt():
        assert sum(found.outside for found in case.judged(wrong)) == 1

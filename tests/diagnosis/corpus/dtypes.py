"""Mistakes with dtypes: two sides that differ, and dtypes that an operation does not take."""

from __future__ import annotations

from collections.abc import Callable

import numpy
import torch
from torch import nn
from torch.nn import functional

from tests.diagnosis.corpus import Mistake


def given(layer: nn.Module, x: object) -> Callable[[], object]:
    """Return a call that gives the layer an input."""

    def make() -> object:
        return layer(x)

    return make


def called(function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    """Return a call of a function."""

    def make() -> object:
        return function(*arguments)

    return make


def rows(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return (4, 3) numbers."""
    return torch.ones(4, 3, dtype=dtype)


def images(dtype: torch.dtype) -> torch.Tensor:
    """Return one 8 × 8 image of 3 channels."""
    return torch.ones(1, 3, 8, 8, dtype=dtype)


def from_numpy() -> object:
    """Give a layer the array that numpy makes without being asked for a dtype."""
    features = torch.from_numpy(numpy.random.default_rng(0).normal(size=(4, 3)))
    return nn.Linear(3, 2)(features)


def weight_set(dtype: torch.dtype) -> Callable[[], object]:
    """Return a product with a weight of another dtype."""

    def make() -> object:
        weight = torch.ones(2, 3).to(dtype)
        x = rows()
        return functional.linear(x, weight)

    return make


def masked_half() -> object:
    """Mask attention scores in half precision with -1e9."""
    scores = torch.zeros(2, 2, dtype=torch.float16)
    return scores.masked_fill(torch.eye(2, dtype=torch.bool), -1e9)


def float_index() -> object:
    """Index with the result of a division."""
    return torch.arange(4)[torch.arange(4) / 2]


def indexed_write() -> object:
    """Write float64 values into a float32 tensor."""
    x = torch.zeros(3)
    x[torch.tensor([0])] = torch.ones(1, dtype=torch.float64)
    return x


def states() -> object:
    """Give an LSTM initial states from numpy."""
    h0 = torch.from_numpy(numpy.zeros((1, 2, 4)))
    x = torch.ones(5, 2, 3)
    return nn.LSTM(3, 4)(x, (h0, h0))


DOUBLE, HALF, LONG = torch.float64, torch.float16, torch.int64
LINEAR = nn.Linear(3, 2)
CONVOLUTION = nn.Conv2d(3, 4, 3)

MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(name, make, cause, "dtype")
    for name, make, cause in (
        ("double-into-linear", given(LINEAR, rows(DOUBLE)), "float64-input"),
        ("numpy-into-linear", from_numpy, "float64-input"),
        ("double-without-bias", given(nn.Linear(3, 2, bias=False), rows(DOUBLE)), "float64-input"),
        (
            "double-vector-1d",
            called(functional.linear, rows(DOUBLE)[0], rows()[0]),
            "float64-input",
        ),
        ("long-into-linear", given(LINEAR, rows(LONG)), "integer-input"),
        ("int32-into-linear", given(LINEAR, rows(torch.int32)), "integer-input"),
        ("byte-into-linear", given(LINEAR, rows(torch.uint8)), "byte-images"),
        ("byte-without-bias", given(nn.Linear(3, 2, bias=False), rows(torch.uint8)), "byte-images"),
        ("bool-into-linear", given(LINEAR, rows() > 0), "bool-input"),
        ("complex-into-linear", given(LINEAR, torch.fft.fft(rows())), "complex-input"),
        ("half-model", given(nn.Linear(3, 2).half(), rows()), "one-side-half"),
        ("half-input", given(LINEAR, rows(HALF)), "one-side-half"),
        ("bfloat16-input", given(LINEAR, rows(torch.bfloat16)), "one-side-half"),
        ("half-beside-bfloat16", given(nn.Linear(3, 2).bfloat16(), rows(HALF)), "one-side-half"),
        ("double-numpy-half-model", given(nn.Linear(3, 2).half(), rows(DOUBLE)), "one-side-half"),
        ("double-model", given(nn.Linear(3, 2).double(), rows()), "double-layer"),
        ("float8-weight", weight_set(torch.float8_e4m3fn), "packed-weight"),
        ("int8-weight", weight_set(torch.int8), "packed-weight"),
        (
            "bias-in-float64",
            called(functional.linear, rows(), rows()[:2], torch.ones(2, dtype=DOUBLE)),
            "bias-dtype",
        ),
        ("double-into-conv", given(CONVOLUTION, images(DOUBLE)), "float64-input"),
        ("byte-into-conv", given(CONVOLUTION, images(torch.uint8)), "byte-images"),
        ("long-into-conv", given(CONVOLUTION, images(LONG)), "integer-input"),
        ("half-conv", given(nn.Conv2d(3, 4, 3).half(), images(torch.float32)), "one-side-half"),
        (
            "double-conv-no-bias",
            given(nn.Conv2d(3, 4, 3, bias=False), images(DOUBLE)),
            "float64-input",
        ),
        ("double-into-lstm", given(nn.LSTM(3, 4), torch.ones(5, 2, 3).double()), "float64-input"),
        ("long-into-gru", given(nn.GRU(3, 4), torch.ones(5, 2, 3).long()), "integer-input"),
        ("half-lstm", given(nn.LSTM(3, 4).half(), torch.ones(5, 2, 3)), "one-side-half"),
        ("double-lstm-states", states, "float64-input"),
        ("double-lstm-cell", given(nn.LSTMCell(3, 4), rows(DOUBLE)), "float64-input"),
        ("double-layer-norm", given(nn.LayerNorm(3), rows(DOUBLE)), "float64-input"),
        ("half-layer-norm", given(nn.LayerNorm(3).half(), rows()), "one-side-half"),
        ("double-batch-norm", given(nn.BatchNorm1d(3), rows(DOUBLE)), "float64-input"),
        ("long-batch-norm", given(nn.BatchNorm1d(3), rows(LONG)), "integer-input"),
        ("double-prelu", given(nn.PReLU(), rows(DOUBLE)), "float64-input"),
        ("double-mm", called(torch.mm, rows(DOUBLE), rows().T), "float64-input"),
        ("float-mm-double", called(torch.bmm, rows()[None], rows(DOUBLE).T[None]), "float64-input"),
        ("double-einsum", called(torch.einsum, "ij,kj->ik", rows(DOUBLE), rows()), "float64-input"),
        ("double-mv", called(torch.mv, rows(DOUBLE), rows()[0]), "float64-input"),
        ("half-bmm", called(torch.bmm, rows(HALF)[None], rows().T[None]), "one-side-half"),
        (
            "double-baddbmm",
            called(torch.baddbmm, torch.ones(1, 4, 4).double(), rows()[None], rows().T[None]),
            "float64-input",
        ),
        (
            "double-query",
            called(
                functional.scaled_dot_product_attention,
                *(rows(dtype)[None, None] for dtype in (DOUBLE, torch.float32, torch.float32)),
            ),
            "float64-input",
        ),
        ("bool-times-bool", called(torch.mm, rows() > 0, rows().T > 0), "integer-input"),
        ("long-gelu", given(nn.GELU(), rows(LONG)), "integer-input"),
        ("long-mean", called(torch.mean, rows(LONG)), "integer-input"),
        ("long-normal-init", called(nn.init.normal_, rows(LONG)), "integer-draw"),
        ("float-and-float", called(torch.bitwise_and, rows(), rows()), "float-as-mask"),
        ("half-svd", called(torch.linalg.svd, rows(HALF)), "half-on-cpu"),
        ("float8-sum", called(torch.add, *[rows().to(torch.float8_e4m3fn)] * 2), "packed-values"),
        ("complex-maximum", called(torch.max, torch.fft.fft(rows())), "complex-input"),
        ("float-embedding", given(nn.Embedding(9, 3), rows()), "float-indices"),
        ("float-index", float_index, "float-indices"),
        ("float-gather", called(torch.gather, rows(), 1, rows()), "float-indices"),
        ("object-array", called(torch.from_numpy, numpy.array([1, None])), "object-array"),
        ("text-array", called(torch.from_numpy, numpy.array(["cat", "dog"])), "text-array"),
        ("masked-half", masked_half, "mask-value-too-large"),
        ("byte-overflow", called(torch.full_like, rows(torch.uint8), 300), "value-out-of-range"),
        ("float-mask", called(rows().masked_fill, rows(), 0.0), "mask-not-bool"),
        ("one-minus-mask", called(torch.sub, rows() > 0, rows() > 0), "bool-arithmetic"),
        ("double-written", indexed_write, "written-values-dtype"),
        ("double-out", lambda: torch.mm(rows(), rows().T, out=rows(DOUBLE)), "out-dtype"),
        ("bfloat16-numpy", called(rows(torch.bfloat16).numpy), "no-numpy-dtype"),
        ("dtype-by-name", lambda: nn.Linear(3, 2, dtype="float32"), "numpy-dtype"),
        ("model-to-int", called(nn.Linear(3, 2).to, torch.int8), "integer-layer"),
    )
)

"""Products whose shapes do not fit."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.diagnosis.corpus import Mistake

MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "picture-of-28-for-32",
        lambda: nn.Linear(2048, 128)(torch.zeros(64, 32, 7, 7).flatten(1)),
        "in-features",
        "product",
    ),
    Mistake(
        "400-features", lambda: nn.Linear(256, 120)(torch.zeros(4, 400)), "in-features", "product"
    ),
    Mistake(
        "one-feature-more", lambda: nn.Linear(10, 64)(torch.zeros(32, 11)), "in-features", "product"
    ),
    Mistake(
        "one-vector-too-short", lambda: nn.Linear(5, 3)(torch.zeros(4)), "in-features", "product"
    ),
    Mistake(
        "without-bias",
        lambda: nn.Linear(12, 7, bias=False)(torch.zeros(2, 9, 10)),
        "in-features",
        "product",
    ),
    Mistake(
        "flatten-of-the-batch",
        lambda: nn.Linear(2048, 128)(torch.zeros(4, 2048).flatten().unsqueeze(0)),
        "batch-flattened",
        "product",
    ),
    Mistake(
        "flatten-of-everything",
        lambda: nn.Linear(784, 10)(torch.zeros(64, 1, 28, 28).flatten()),
        "batch-flattened",
        "product",
    ),
    Mistake(
        "grey-picture-not-flattened",
        lambda: nn.Linear(784, 128)(torch.zeros(64, 1, 28, 28)),
        "flatten-missing",
        "product",
    ),
    Mistake(
        "feature-maps-not-flattened",
        lambda: nn.Linear(16 * 5 * 5, 120)(torch.zeros(4, 16, 5, 5)),
        "flatten-missing",
        "product",
    ),
    Mistake(
        "sequence-not-flattened",
        lambda: nn.Linear(50 * 8, 2)(torch.zeros(32, 50, 8)),
        "flatten-missing",
        "product",
    ),
    Mistake(
        "single-colour-picture",
        lambda: nn.Linear(3072, 10)(torch.zeros(3, 32, 32).flatten(1)),
        "unbatched",
        "product",
    ),
    Mistake(
        "single-grey-picture",
        lambda: nn.Linear(784, 10)(torch.zeros(28, 28)),
        "unbatched",
        "product",
    ),
    Mistake(
        "features-by-batch",
        lambda: nn.Linear(3, 8)(torch.zeros(3, 5)),
        "input-transposed",
        "product",
    ),
    Mistake(
        "table-transposed",
        lambda: nn.Linear(13, 1)(torch.zeros(13, 506)),
        "input-transposed",
        "product",
    ),
    Mistake(
        "swapped-widths",
        lambda: nn.Linear(128, 784)(torch.zeros(64, 784)),
        "weight-transposed",
        "product",
    ),
    Mistake(
        "functional-in-out",
        lambda: F.linear(torch.zeros(8, 20), torch.zeros(20, 5)),
        "weight-transposed",
        "product",
    ),
    Mistake(
        "matmul-out-in",
        lambda: torch.zeros(8, 20) @ torch.zeros(5, 20),
        "weight-transposed",
        "product",
    ),
    Mistake(
        "mm-out-in",
        lambda: torch.mm(torch.zeros(8, 6), torch.zeros(4, 6)),
        "weight-transposed",
        "product",
    ),
    Mistake(
        "packed-four-bits",
        lambda: F.linear(torch.zeros(7, 4096), torch.zeros(8388608, 1)),
        "packed-weight",
        "product",
    ),
    Mistake(
        "clip-for-sdxl",
        lambda: nn.Linear(2048, 640, bias=False)(torch.zeros(1, 77, 768)),
        "wrong-text-encoder",
        "product",
    ),
    Mistake(
        "two-prompts-for-sdxl",
        lambda: nn.Linear(768, 320, bias=False)(torch.zeros(2, 77, 1024)),
        "wrong-text-encoder",
        "product",
    ),
    Mistake(
        "meta-device",
        lambda: nn.Linear(20, 5, device="meta")(torch.zeros(8, 30, device="meta")),
        "in-features",
        "product",
    ),
    Mistake(
        "matrix-by-vector",
        lambda: torch.mv(torch.zeros(5, 3), torch.zeros(4)),
        "vector-length",
        "product",
    ),
    Mistake(
        "matrix-turned-by-vector",
        lambda: torch.zeros(5, 3) @ torch.zeros(5),
        "weight-transposed",
        "product",
    ),
    Mistake(
        "dot-of-two-lengths",
        lambda: torch.dot(torch.zeros(3), torch.zeros(4)),
        "vector-length",
        "product",
    ),
    Mistake(
        "batched-inner-sizes",
        lambda: torch.bmm(torch.zeros(2, 3, 4), torch.zeros(2, 5, 4)),
        "inner-sizes-differ",
        "product",
    ),
    Mistake(
        "batched-batches",
        lambda: torch.bmm(torch.zeros(2, 3, 4), torch.zeros(3, 4, 5)),
        "batches-differ",
        "product",
    ),
    Mistake(
        "bias-of-another-length",
        lambda: F.linear(torch.zeros(3, 5), torch.zeros(4, 5), torch.zeros(3)),
        "bias-length",
        "product",
    ),
    Mistake(
        "weight-of-one-dimension",
        lambda: F.linear(torch.zeros(3, 5), torch.zeros(5), torch.zeros(1)),
        "weight-rank",
        "product",
    ),
    Mistake(
        "weight-of-three-dimensions",
        lambda: F.linear(torch.zeros(3, 5), torch.zeros(2, 4, 5)),
        "weight-rank",
        "product",
    ),
    Mistake(
        "batched-by-the-operator",
        lambda: torch.zeros(2, 5, 64) @ torch.zeros(2, 5, 64),
        "inner-sizes-differ",
        "product",
    ),
    Mistake("single-number", lambda: nn.Linear(1, 1)(torch.tensor(3.0)), "scalar-input", "product"),
    Mistake(
        "numpy-matmul", lambda: np.zeros((2, 3)) @ np.zeros((4, 3)), "weight-transposed", "product"
    ),
    Mistake(
        "numpy-dot-of-features",
        lambda: np.dot(np.zeros((3, 4)), np.zeros((5, 2))),
        "inner-sizes-differ",
        "product",
    ),
    Mistake(
        "numpy-dot-of-a-weight",
        lambda: np.zeros((3, 4)).dot(np.zeros((2, 4))),
        "weight-transposed",
        "product",
    ),
    Mistake(
        "numpy-dot-of-an-input",
        lambda: np.zeros((4, 3)).dot(np.zeros((4, 2))),
        "input-transposed",
        "product",
    ),
    Mistake(
        "numpy-dot-of-vectors", lambda: np.dot(np.zeros(3), np.zeros(4)), "vector-length", "product"
    ),
    Mistake(
        "numpy-matmul-of-a-number", lambda: np.float64(3) @ np.zeros(3), "scalar-input", "product"
    ),
    Mistake(
        "numpy-vecdot", lambda: np.vecdot(np.zeros(3), np.zeros(4)), "inner-sizes-differ", "product"
    ),
)

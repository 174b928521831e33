"""Shapes that do not fit elsewhere than in a product."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.diagnosis.corpus import Mistake

MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "view-with-fixed-features",
        lambda: torch.zeros(4, 32, 7, 7).view(-1, 2048),
        "view-of-another-size",
        "shape",
    ),
    Mistake(
        "view-with-fixed-batch",
        lambda: torch.zeros(48, 10).view(64, 10),
        "batch-written-down",
        "shape",
    ),
    Mistake(
        "reshape-with-fixed-features",
        lambda: torch.zeros(4, 30).reshape(-1, 16),
        "view-of-another-size",
        "shape",
    ),
    Mistake(
        "view-of-transposed",
        lambda: torch.zeros(4, 3, 5).transpose(1, 2).view(4, 15),
        "view-of-strided",
        "shape",
    ),
    Mistake(
        "grey-into-colour",
        lambda: nn.Conv2d(3, 16, 3)(torch.zeros(4, 1, 32, 32)),
        "in-channels",
        "shape",
    ),
    Mistake(
        "channels-at-the-end",
        lambda: nn.Conv2d(3, 16, 3)(torch.zeros(4, 32, 32, 3)),
        "channels-last",
        "shape",
    ),
    Mistake(
        "flattened-into-conv",
        lambda: nn.Conv2d(1, 8, 3)(torch.zeros(4, 784)),
        "convolution-rank",
        "shape",
    ),
    Mistake(
        "kernel-larger-than-picture",
        lambda: nn.Conv2d(3, 8, 5)(torch.zeros(1, 3, 3, 3)),
        "shrunk-to-nothing",
        "shape",
    ),
    Mistake(
        "pooled-to-nothing",
        lambda: nn.MaxPool2d(2)(torch.zeros(4, 16, 1, 1)),
        "shrunk-to-nothing",
        "shape",
    ),
    Mistake(
        "batch-norm-of-another-width",
        lambda: nn.BatchNorm1d(64)(torch.zeros(4, 128)),
        "num-features",
        "shape",
    ),
    Mistake(
        "batch-norm-2d-behind-linear",
        lambda: nn.BatchNorm2d(64)(torch.zeros(4, 64)),
        "batch-norm-rank",
        "shape",
    ),
    Mistake(
        "batch-norm-1d-behind-conv",
        lambda: nn.BatchNorm1d(8)(torch.zeros(4, 8, 5, 5)),
        "batch-norm-rank",
        "shape",
    ),
    Mistake(
        "batch-norm-of-one-row",
        lambda: nn.BatchNorm1d(64)(torch.zeros(1, 64)),
        "batch-of-one",
        "shape",
    ),
    Mistake(
        "layer-norm-of-another-width",
        lambda: nn.LayerNorm(10)(torch.zeros(4, 20)),
        "normalized-shape",
        "shape",
    ),
    Mistake(
        "lstm-of-another-width",
        lambda: nn.LSTM(10, 8)(torch.zeros(5, 3, 28)),
        "input-size",
        "shape",
    ),
    Mistake(
        "hidden-state-of-another-batch",
        lambda: nn.GRU(10, 8, batch_first=True)(torch.zeros(4, 7, 10), torch.zeros(1, 7, 8)),
        "hidden-state-batch",
        "shape",
    ),
    Mistake(
        "hidden-state-without-batch",
        lambda: nn.GRU(10, 8)(torch.zeros(7, 4, 10), torch.zeros(1, 8)),
        "hidden-state-rank",
        "shape",
    ),
    Mistake(
        "picture-into-lstm",
        lambda: nn.LSTM(28, 8)(torch.zeros(4, 1, 28, 28)),
        "sequence-rank",
        "shape",
    ),
    Mistake(
        "embed-dim-of-attention",
        lambda: nn.MultiheadAttention(64, 4)(*[torch.zeros(5, 2, 32)] * 3),
        "embed-dim",
        "shape",
    ),
    Mistake(
        "token-out-of-range",
        lambda: nn.Embedding(10, 4)(torch.tensor([3, 10])),
        "index-out-of-range",
        "shape",
    ),
    Mistake(
        "residual-of-another-width",
        lambda: torch.zeros(4, 10) + torch.zeros(4, 20),
        "sizes-differ",
        "shape",
    ),
    Mistake(
        "cat-of-two-batches",
        lambda: torch.cat([torch.zeros(4, 3), torch.zeros(5, 3)], dim=1),
        "joined-sizes",
        "shape",
    ),
    Mistake(
        "cat-of-two-ranks",
        lambda: torch.cat([torch.zeros(4, 3, 2), torch.zeros(4, 3)], dim=1),
        "joined-ranks",
        "shape",
    ),
    Mistake(
        "stack-of-two-lengths",
        lambda: torch.stack([torch.zeros(3), torch.zeros(4)]),
        "samples-differ",
        "shape",
    ),
    Mistake("flatten-of-a-vector", lambda: torch.zeros(5).flatten(1), "missing-dimension", "shape"),
    Mistake(
        "permute-without-batch",
        lambda: torch.zeros(32, 32, 3).permute(0, 3, 1, 2),
        "missing-dimension",
        "shape",
    ),
    Mistake(
        "index-of-a-missing-axis",
        lambda: torch.zeros(4, 10)[:, -1, :],
        "missing-dimension",
        "shape",
    ),
    Mistake(
        "unflatten-of-401",
        lambda: nn.Unflatten(1, (16, 5, 5))(torch.zeros(2, 401)),
        "unflatten-sizes",
        "shape",
    ),
    Mistake(
        "einsum-of-two-sizes",
        lambda: torch.einsum("bi,oi->bo", torch.zeros(4, 3), torch.zeros(5, 2)),
        "einsum-operands",
        "shape",
    ),
    Mistake("item-of-a-batch", lambda: torch.zeros(4).item(), "no-single-number", "shape"),
    Mistake(
        "conv1d-of-another-width",
        lambda: F.conv1d(torch.zeros(2, 5, 9), torch.zeros(4, 3, 2)),
        "in-channels",
        "shape",
    ),
    Mistake("numpy-bias", lambda: np.zeros((3, 4)) + np.zeros(5), "bias-length", "shape"),
    Mistake("numpy-column", lambda: np.zeros((3, 4)) + np.zeros(3), "vector-along-rows", "shape"),
    Mistake("numpy-batches", lambda: np.zeros((3, 4)) - np.zeros((5, 4)), "sizes-differ", "shape"),
    Mistake(
        "numpy-gradient", lambda: np.zeros((3, 4)) - np.zeros((4, 3)), "operand-transposed", "shape"
    ),
    Mistake(
        "numpy-stacks", lambda: np.zeros((2, 3, 4)) @ np.zeros((5, 4, 2)), "batches-differ", "shape"
    ),
    Mistake(
        "numpy-broadcast-to",
        lambda: np.broadcast_to(np.zeros(3), (4, 5)),
        "batches-differ",
        "shape",
    ),
    Mistake(
        "numpy-in-place",
        lambda: np.subtract(np.zeros(3), np.zeros((3, 3)), out=np.zeros(3)),
        "output-too-small",
        "shape",
    ),
    Mistake(
        "numpy-assigned",
        lambda: np.zeros((3, 4)).__setitem__((slice(None), 0), np.zeros(4)),
        "sizes-differ",
        "shape",
    ),
    Mistake("numpy-reshape", lambda: np.zeros(12).reshape(5, 2), "view-of-another-size", "shape"),
    Mistake(
        "numpy-reshape-of-rows",
        lambda: np.zeros((3, 4)).reshape(5, -1),
        "view-of-another-size",
        "shape",
    ),
    Mistake(
        "numpy-joined",
        lambda: np.concatenate([np.zeros((3, 4)), np.zeros((5, 3))], axis=1),
        "joined-sizes",
        "shape",
    ),
    Mistake(
        "numpy-joined-ranks",
        lambda: np.concatenate([np.zeros((3, 4)), np.zeros(4)]),
        "joined-ranks",
        "shape",
    ),
    Mistake(
        "numpy-stacked", lambda: np.stack([np.zeros(3), np.zeros(4)]), "samples-differ", "shape"
    ),
    Mistake("numpy-indices", lambda: np.zeros(3)[:, 1], "missing-dimension", "shape"),
    Mistake("numpy-axis", lambda: np.zeros((3, 4)).sum(axis=2), "missing-dimension", "shape"),
)

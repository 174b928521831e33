"""Weights as torch.nn.init leaves them, and what their statistics say."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from fcinspect.checkpoints.scan.findings import fingerprint_of
from fcinspect.checkpoints.scan.records import (
    Fingerprint,
    LineCount,
    MatrixStatistics,
    ScannedNumbers,
)


def statistics_of(weight: Tensor) -> MatrixStatistics:
    """Return the statistics of a weight, by numpy in float64."""
    values = weight.detach().double().numpy()
    finite = values[np.isfinite(values)]
    norm = float(np.linalg.norm(finite))
    numbers = ScannedNumbers(
        values.size,
        float(finite.min()),
        float(finite.max()),
        float(finite.mean()),
        float(finite.std(ddof=1)) if finite.size > 1 else math.nan,
        norm,
        int((values == 0).sum()),
        int(np.isnan(values).sum()),
        int(np.isinf(values).sum()),
    )
    longest = float(max(np.linalg.norm(values, axis=axis).max() for axis in (0, 1)))
    return MatrixStatistics(numbers, LineCount(0), LineCount(0), None, longest, norm)


def found(weight: Tensor, *, with_leading: bool = False) -> Fingerprint | None:
    """Return the fingerprint of a weight, with or without the help of σ₁."""
    outputs, inputs = weight.shape
    dtype = str(weight.dtype).removeprefix("torch.")
    leading = float(torch.linalg.matrix_norm(weight.detach().double(), 2)) if with_leading else None
    return fingerprint_of(statistics_of(weight), inputs, outputs, dtype, leading)


def fresh(
    fill: Callable[[Tensor], object], *shape: int, dtype: str = "float32", seed: int = 0
) -> Tensor:
    """Return a weight that `fill` filled."""
    torch.manual_seed(seed)
    weight = torch.empty(shape, dtype=getattr(torch, dtype))
    fill(weight)
    return weight


def default(weight: Tensor) -> None:
    """Fill a weight as nn.Linear does."""
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))


def published(weight: Tensor) -> None:
    """Fill a weight as GPT-2 and BERT do."""
    nn.init.normal_(weight, 0.0, 0.02)


LAWS: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "default": (default, "nn.Linear's default"),
    "kaiming_uniform": (nn.init.kaiming_uniform_, "Kaiming uniform"),
    "xavier_uniform": (nn.init.xavier_uniform_, "Xavier uniform"),
    "kaiming_normal": (nn.init.kaiming_normal_, "Kaiming normal"),
    "xavier_normal": (nn.init.xavier_normal_, "Xavier normal"),
    "published": (published, "as GPT-2 and BERT are initialized"),
    "kaiming_uniform of fan_out": (
        lambda weight: nn.init.kaiming_uniform_(weight, mode="fan_out"),
        "Kaiming uniform with fan_out",
    ),
    "kaiming_normal of fan_out": (
        lambda weight: nn.init.kaiming_normal_(weight, mode="fan_out"),
        "Kaiming normal with fan_out",
    ),
}

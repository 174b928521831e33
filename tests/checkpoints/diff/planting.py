"""Two checkpoints of which one is changed on purpose; torch makes the numbers."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from fcinspect.checkpoints.diff.diffing import DiffRequest, diff
from fcinspect.checkpoints.diff.records import Compared, Difference, TensorFinding
from fcinspect.cli.sources import open_checkpoint

Tensors = dict[str, torch.Tensor]


def weights(
    rows: int = 24, columns: int = 17, seed: int = 0, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Return numbers as of a trained layer, which need every digit of the format."""
    made = torch.Generator().manual_seed(seed)
    return (torch.randn(rows, columns, generator=made, dtype=torch.float64) * 0.05).to(dtype)


def written(folder: Path, name: str, tensors: Tensors) -> str:
    """Write a .safetensors file and return its path."""
    path = folder / name
    save_file({key: value.clone().contiguous() for key, value in tensors.items()}, path)
    return str(path)


def difference(
    folder: Path,
    a: Tensors,
    b: Tensors,
    request: DiffRequest | None = None,
    layouts: tuple[str, str] = ("out,in", "out,in"),
) -> Difference:
    """Write both and compare them."""
    first = open_checkpoint(written(folder, "a.safetensors", a), layouts[0])
    second = open_checkpoint(written(folder, "b.safetensors", b), layouts[1])
    return diff(first, second, request)


def compared(folder: Path, a: Tensors, b: Tensors, request: DiffRequest | None = None) -> Compared:
    """Return what is said of the one layer of both."""
    found = difference(folder, a, b, request)
    assert len(found.compared) == 1
    return found.compared[0]


def finding(
    folder: Path, a: torch.Tensor, b: torch.Tensor, tolerance: str | None = None
) -> TensorFinding:
    """Return what is said of two weights."""
    request = DiffRequest(tolerance=tolerance)
    return compared(folder, {"fc.weight": a}, {"fc.weight": b}, request).finding

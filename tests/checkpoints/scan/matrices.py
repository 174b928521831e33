"""Matrices written to files, and what float64 and exact arithmetic say of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from fcinspect.checkpoints.formats import safetensors
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.checkpoints.scan.jobs import carry_out
from fcinspect.checkpoints.scan.matrix import ScannedMatrix
from fcinspect.checkpoints.scan.records import MatrixStatistics

Float64 = npt.NDArray[np.float64]


def stored(values: npt.ArrayLike | torch.Tensor, dtype: str, folder: Path) -> StoredTensor:
    """Return a tensor of a .safetensors file that holds these numbers, rounded to `dtype`."""
    tensor = values if isinstance(values, torch.Tensor) else torch.tensor(np.asarray(values))
    path = folder / "matrix.safetensors"
    save_file({"weight": tensor.to(getattr(torch, dtype)).contiguous()}, path)
    (found,) = safetensors.tensors_of(str(path))
    return found


def numbers_of(tensor: StoredTensor) -> Float64:
    """Return the numbers that are stored, by safetensors' and torch's own reading."""
    from safetensors import safe_open

    assert tensor.place is not None
    with safe_open(tensor.place.uri, "pt") as file:
        wide: Any = file.get_tensor(tensor.name).to(torch.float64).numpy()
    return np.asarray(wide)


def scanned(tensor: StoredTensor, *, outputs_are_columns: bool = False) -> MatrixStatistics:
    """Return what a scan finds of a matrix."""
    matrix = ScannedMatrix(tensor, outputs_are_columns=outputs_are_columns)
    if matrix.is_in_a_file:
        for job in matrix.jobs:
            matrix.add(job, *carry_out([job]))
    else:
        matrix.go_through_memory()
    return matrix.statistics()


def exact_moments(values: Float64) -> tuple[float, float, float]:
    """Return mean, std and norm of the finite numbers, all but exact."""
    kept = values[np.isfinite(values)]
    largest = float(np.abs(kept).max(initial=0.0))
    exponent = math.frexp(largest)[1] if largest else 0
    scaled = np.ldexp(kept, -exponent)
    mean = math.fsum(scaled.tolist()) / max(len(kept), 1)
    squares = math.fsum(np.square(scaled).tolist())
    deviations = math.fsum(np.square(scaled - mean).tolist())
    std = math.sqrt(deviations / (len(kept) - 1)) if len(kept) > 1 else math.nan
    return tuple(_scaled(v, exponent) for v in (mean, std, math.sqrt(squares)))  # type: ignore[return-value]  # three


def _scaled(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.inf

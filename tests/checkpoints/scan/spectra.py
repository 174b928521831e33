"""Matrices of known singular values, and passes over them."""

from __future__ import annotations

import numpy as np

from fcinspect.checkpoints.scan.jobs import Blocks
from fcinspect.rounding.arrays import Float64Array, FloatArray


def passes(matrix: FloatArray, rows: int = 7) -> Blocks:
    """Return passes over a matrix in memory, `rows` rows a block."""
    return lambda: (matrix[start : start + rows] for start in range(0, len(matrix), rows))


def gaussian(rows: int, columns: int, seed: int = 0) -> Float64Array:
    """Return a matrix of normal numbers."""
    return np.random.default_rng(seed).standard_normal((rows, columns))


def with_singular_values(
    values: Float64Array | list[float], rows: int, columns: int, seed: int = 0
) -> Float64Array:
    """Return UΣVᵀ with random orthonormal U and V: exact up to a few roundings."""
    values = np.asarray(values, dtype=np.float64)
    left = np.linalg.qr(gaussian(rows, len(values), seed))[0]
    right = np.linalg.qr(gaussian(columns, len(values), seed + 1))[0]
    product: Float64Array = (left * values) @ right.T
    return product


def singular_values(matrix: FloatArray) -> Float64Array:
    """Return all singular values by LAPACK's SVD in float64, in descending order."""
    return np.linalg.svd(matrix.astype(np.float64), compute_uv=False)

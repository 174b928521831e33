"""All singular values of a matrix that is read block by block, through its Gram matrix.

The Gram matrix of the smaller side, WᵀW or WWᵀ, is summed in float64 and its eigenvalues λ are
the squares of the singular values. That is many times faster than a singular value decomposition
and bounded in memory, and costs small values: an eigenvalue is off by a modest multiple of
u·λ₁, so that σᵢ is off by about u·σ₁²/σᵢ, and below √u·σ₁ nothing is known of it. The resolution
given is √(max(m, n)·ε)·σ₁, the rule of numpy.linalg.matrix_rank and MATLAB's rank applied to the
eigenvalues; the numerical rank counts what is above it. It is the rank of the matrix as it is
held. Numbers rounded to a format are those of another matrix ± u·‖W‖F (Weyl: every σ moves by at
most ‖ΔW‖₂ <= ‖ΔW‖F <= u·‖W‖F), so that of a bfloat16 weight even values above the resolution may
be rounding: `rank_above(u·‖W‖F)` counts those that are not.

Memory: the Gram matrix and the two copies of it that LAPACK works on, 3·8·p² bytes for p the
smaller side, and a panel of 64 MiB. WᵀW takes one pass, WWᵀ one for every panel of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np

from fcinspect.checkpoints.access.handles import open_storage
from fcinspect.checkpoints.access.storage import ArrayStorage, Storage
from fcinspect.checkpoints.access.uris import is_uri
from fcinspect.checkpoints.records import Place
from fcinspect.checkpoints.scan.jobs import (
    Blocks,
    as_it_lies,
    blocks_of,
    one_blas_thread,
    scaled_rows,
    size_of,
    unscaled,
)
from fcinspect.checkpoints.scan.lanczos import leading_singular_value
from fcinspect.checkpoints.scan.records import (
    Histogram,
    SingularValues,
    Spectrum,
    Wanted,
)
from fcinspect.errors import InputError
from fcinspect.layers.memory import is_free, require_free
from fcinspect.rounding.arrays import ITEMSIZES, Float64Array

PANEL = 1 << 23
"""Numbers of a panel of rows: 64 MiB."""
STRIPE = 512
"""Columns of the Gram matrix that are added to at a time."""
EPSILON = 2.0**-52
BINS = 16
"""How many there are."""
WIDE = 100.0
"""The largest over the smallest from which on the bins are equally wide in logarithms."""


def spectrum_of(blocks: Blocks, shape: tuple[int, int]) -> Spectrum | None:
    """Return all singular values of a matrix (rows × columns); None if they are undecided.

    That is where a number is not finite. Raises InputError where the Gram matrix does not fit in
    memory, before it is allocated. The caller sees to the threads of BLAS.
    """
    rows, columns = shape
    small = min(rows, columns)
    if not small:
        return Spectrum(np.zeros(0), 0.0, 0.0, None)
    what = f"all singular values of a {rows:,} × {columns:,} matrix"
    require_free(3 * 8 * small**2 + 2 * 8 * PANEL, what, refusal=InputError)
    size = size_of(blocks)
    if size is None:
        return None
    if size.norm == 0:
        return Spectrum(np.zeros(small), 0.0, 0.0, None)
    gram = np.zeros((small, small))
    with np.errstate(all="ignore"):  # a file that changed may hold anything
        if columns <= rows:
            _add_columns_products(gram, blocks, size.scale)
        else:
            _add_rows_products(gram, blocks, size.scale, columns)
    if not np.isfinite(gram).all():
        return None  # the numbers are no longer those that were looked at
    # only the lower triangle is summed, and looked at
    eigenvalues = np.linalg.eigvalsh(gram, UPLO="L")
    values = np.sqrt(np.maximum(eigenvalues[::-1], 0.0))
    resolution = math.sqrt(max(shape) * EPSILON) * float(values[0])
    histogram = histogram_of(values[values > resolution], size.scale)
    with np.errstate(over="ignore", under="ignore"):
        held = np.ldexp(values, size.scale)
    return Spectrum(
        held, unscaled(size.norm, size.scale), unscaled(resolution, size.scale), histogram
    )


def _add_columns_products(gram: Float64Array, blocks: Blocks, scale: int) -> None:
    """Add WᵀW, its lower triangle, in one pass."""
    for panel in _panels(blocks, scale, gram.shape[0]):
        for start in range(0, gram.shape[0], STRIPE):
            stripe = slice(start, start + STRIPE)
            gram[start:, stripe] += panel[:, start:].T @ panel[:, stripe]


def _panels(blocks: Blocks, scale: int, columns: int) -> Iterator[Float64Array]:
    """Yield rows gathered to panels: products of few rows wait for the memory of the sum."""
    most = max(1, PANEL // columns)
    panel: Float64Array | None = None
    filled = 0
    for tile in scaled_rows(blocks, scale):
        if panel is None:
            panel = np.empty((most, columns))
        taken = 0
        while taken < len(tile):
            some = min(len(tile) - taken, most - filled)
            panel[filled : filled + some] = tile[taken : taken + some]
            taken, filled = taken + some, filled + some
            if filled == most:
                yield panel
                filled = 0
    if panel is not None and filled:
        yield panel[:filled]


def _add_rows_products(gram: Float64Array, blocks: Blocks, scale: int, columns: int) -> None:
    """Add WWᵀ, its lower triangle, in a pass for every panel of rows."""
    most = max(1, PANEL // columns)
    for begin in range(0, len(gram), most):
        first: Float64Array | None = None
        for position, panel in enumerate(_panels(blocks, scale, columns)):
            rows = slice(position * most, position * most + len(panel))
            if rows.start == begin:
                first = panel.copy()
            if first is not None:
                gram[rows, begin : begin + len(first)] = panel @ first.T


def histogram_of(values: Float64Array, exponent: int = 0) -> Histogram | None:
    """Return the histogram of values·2^exponent, the values positive; None where there is none.

    The bins run from 0 to the largest, or from the smallest to the largest in logarithms where
    they are a factor of more than 100 apart.
    """
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    linear = high <= WIDE * low
    edges = np.linspace(0.0, high, BINS + 1) if linear else np.geomspace(low, high, BINS + 1)
    # rounding may not carry the outer edges past the numbers
    edges[-1] = high
    if not linear:
        edges[0] = low
    counts = np.histogram(values, edges)[0]
    with np.errstate(over="ignore", under="ignore"):
        held = np.ldexp(edges, exponent)
    return Histogram(
        "linear" if linear else "log", tuple(map(float, held)), tuple(map(int, counts))
    )


def singular_values(place: Place, wanted: Wanted) -> SingularValues:
    """Return the singular values of a matrix in a file; raises InputError."""
    with closing(open_storage(place.uri, place.stamp)) as storage:
        return singular_values_in(*_near(place, storage), wanted)


def singular_values_in(place: Place, storage: Storage, wanted: Wanted) -> SingularValues:
    """Return the singular values of a matrix in an open file; raises InputError."""
    blocks, shape = blocks_of(place, storage), as_it_lies(place)
    with one_blas_thread():
        leading = leading_singular_value(blocks, shape) if wanted.leading else None
        spectrum = spectrum_of(blocks, shape) if wanted.spectrum else None
    return SingularValues(wanted, leading, spectrum)


def _near(place: Place, storage: Storage) -> tuple[Place, Storage]:
    """Bring a matrix that is far away here once, where there is memory for it.

    It is read dozens of times.
    """
    size = math.prod(place.shape) * ITEMSIZES[place.dtype]
    if not is_uri(place.uri) or not is_free(size):
        return place, storage
    words = np.empty(size, np.uint8)
    storage.read_into(words.data, place.begin)
    return replace(place, begin=0), ArrayStorage(place.uri, words)

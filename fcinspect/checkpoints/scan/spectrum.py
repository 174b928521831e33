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
from dataclasses import dataclass

import numpy as np

from fcinspect.checkpoints.scan.histogram import Histogram, histogram_of
from fcinspect.checkpoints.scan.passes import Blocks, scaled_rows, size_of, unscaled
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.rounding.arrays import Float64Array

PANEL = 1 << 23
"""Numbers of a panel of rows: 64 MiB."""
STRIPE = 512
"""Columns of the Gram matrix that are added to at a time."""
RELIABLE_CONDITION = 1e7
"""Condition numbers up to this are told from the Gram matrix's rounding."""
EPSILON = 2.0**-52


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The singular values of a matrix."""

    values: Float64Array
    """All min(rows, columns) of them, descending; those below `resolution` are rounding."""
    norm: float
    """‖W‖F."""
    resolution: float
    """√(max(m, n)·ε)·σ₁: what is smaller is not told from 0."""
    histogram: Histogram | None
    """How many lie where, of those above the resolution; None where there is none."""

    def __post_init__(self) -> None:
        self.values.setflags(write=False)

    @property
    def largest(self) -> float:
        """σ₁; 0 for a matrix without numbers."""
        return float(self.values[0]) if self.values.size else 0.0

    @property
    def smallest(self) -> float:
        """The last singular value, as computed; 0 for a matrix without numbers."""
        return float(self.values[-1]) if self.values.size else 0.0

    @property
    def rank(self) -> int:
        """The numerical rank: how many are above the resolution."""
        return self.rank_above(self.resolution)

    def rank_above(self, noise: float) -> int:
        """Return how many singular values are above `noise` and the resolution."""
        return int((self.values > max(noise, self.resolution)).sum())

    @property
    def condition_number(self) -> float | None:
        """σ₁ over the smallest as computed; inf where that is 0, None where σ₁ is 0."""
        if not self.largest:
            return None
        return self.largest / self.smallest if self.smallest else math.inf

    @property
    def condition_is_reliable(self) -> bool:
        """Whether the condition number is at most 10⁷, and the smallest above the resolution.

        Where it is false the true condition number may be anything from about
        σ₁/resolution upwards.
        """
        condition = self.condition_number
        full = self.rank == self.values.size
        return condition is not None and full and condition <= RELIABLE_CONDITION

    @property
    def stable_rank(self) -> float:
        """‖W‖F²/σ₁², 0 for a matrix of zeros."""
        return (self.norm / self.largest) ** 2 if self.largest else 0.0

    @property
    def effective_rank(self) -> float:
        """e^H, H = −Σ pᵢ·ln pᵢ of pᵢ = σᵢ/Σσ (Roy and Vetterli 2007); 0 for a matrix of zeros.

        Of the values above the resolution.
        """
        if not self.largest:
            return 0.0
        shares = self.values[: self.rank] / self.largest
        shares = shares / shares.sum()
        return math.exp(-float((shares * np.log(shares)).sum()))


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

"""Singular values of a matrix that is read block by block.

The largest takes one pass a step of Lanczos' method on WᵀW, the vectors kept orthogonal (Golub and
Van Loan, Matrix Computations, 4th ed., sections 10.1 and 10.3): after k steps the largest Ritz
value θ is the largest of ‖Wx‖² over the unit vectors x of the Krylov space of WᵀW and the start, so
σ = √θ <= σ₁ but for rounding. WᵀWv takes one pass, y = Tv and w += Tᵀy for every tile T of rows;
Golub and Kahan's method has the same space, and its products with W and Wᵀ alternate. What is lost
by squaring is the small singular values, not the largest.

The largest could be missed by a start that hardly points its way. The vector x found is a
polynomial of WᵀW times the start, and near θ the larger the farther up its argument, so that its
part along the first singular vector is as a rule no less than the start's, c; and as the residual r
holds that of every part, σ₁² − θ <= r/c. For a random start c < 10⁻⁶/√n is as rare as 1 in 10⁶. The
steps stop when r <= 2·10⁻⁴·θ·10⁻⁶/√n, so that σ is then within 10⁻⁴ of σ₁ but for such a start.
After the last step r is often larger, and σ nearer than r tells: its error goes with r².

The basis is full after 64 vectors, or as many as 256 MiB hold, at least 4 (no Krylov space has more
than rank + 1); then the upper quarter of the Ritz vectors goes on as the basis (thick restart: Wu
and Simon, SIAM J. Matrix Anal. Appl. 22, 2000). Memory: the basis, five vectors more and one tile.

The same bits come out of every run with one BLAS thread (the caller sees to that).

All of them are found through the Gram matrix of the smaller side, WᵀW or WWᵀ: it is summed in
float64, and its eigenvalues λ are the squares of the singular values. That is many times faster
than a singular value decomposition and bounded in memory, and costs small values: an eigenvalue is
off by a modest multiple of u·λ₁, so that σᵢ is off by about u·σ₁²/σᵢ, and below √u·σ₁ nothing is
known of it. The resolution given is √(max(m, n)·ε)·σ₁, the rule of numpy.linalg.matrix_rank and
MATLAB's rank applied to the eigenvalues; the numerical rank counts what is above it. It is the rank
of the matrix as it is held. Numbers rounded to a format are those of another matrix ± u·‖W‖F (Weyl:
every σ moves by at most ‖ΔW‖₂ <= ‖ΔW‖F <= u·‖W‖F), so that of a bfloat16 weight even values above
the resolution may be rounding: `rank_above(u·‖W‖F)` counts those that are not.

Memory: the Gram matrix and the two copies of it that LAPACK works on, 3·8·p² bytes for p the
smaller side, and a panel of 64 MiB. WᵀW takes one pass, WWᵀ one for every panel of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Literal

import numpy as np

from fcinspect.checkpoints.places import FilePlace, open_storage
from fcinspect.checkpoints.scan import jobs, records
from fcinspect.checkpoints.storage import ArrayStorage, Storage
from fcinspect.errors import InputError
from fcinspect.layers.memory import is_free, require_free
from fcinspect.masking import is_uri
from fcinspect.rounding.arrays import Float64Array

MOST_STEPS = 64
"""Steps, each a pass over the matrix, after which the best so far is returned."""
BASIS_BYTES = 1 << 28
"""Memory of the basis; a longer one starts again from its best vectors."""
SHORTEST_BASIS = 4
"""Vectors of a basis however long they are."""
UNLUCKY = 1e-6
"""How much shorter than 1/√n the start's part along the first singular vector is allowed to be."""
SEED = 20_240_229
PANEL = 1 << 23
"""Numbers of a panel of rows: 64 MiB."""
STRIPE = 512
"""Columns of the Gram matrix that are added to at a time."""
EPSILON = 2.0**-52
BINS = 16
WIDE = 100.0
"""The largest over the smallest from which on the bins are equally wide in logarithms."""


def leading_singular_value(
    blocks: jobs.Blocks, shape: tuple[int, int], *, most_steps: int = MOST_STEPS
) -> records.LeadingSingularValue | None:
    """Return the largest singular value of a matrix (rows × columns); None if it is undecided.

    That is where a number is not finite. The numbers are looked at in one pass before the steps.
    Raises InputError where the basis, at least 4 vectors of float64, does not fit in memory.
    """
    if most_steps < 1:
        raise ValueError(f"most_steps {most_steps}: expected at least 1")
    rows, columns = shape
    if not rows or not columns:
        return records.LeadingSingularValue(0.0, 0.0, 0, 0.0)
    size = jobs.size_of(blocks)
    if size is None:
        return None
    scale, norm = size
    if norm == 0:
        return records.LeadingSingularValue(0.0, 0.0, 0, 0.0)
    krylov = _Krylov(columns, min(most_steps, rows + 1, columns))
    wanted = 2 * records.WANTED * UNLUCKY / math.sqrt(columns)
    for step in range(1, most_steps + 1):
        if not krylov.take(_gram_times(blocks, scale, krylov.last)):
            return None  # the numbers are no longer those that were looked at
        value, residual = krylov.leading()
        if value <= 0:
            return None  # nor here
        if residual <= wanted * value or krylov.is_exhausted(norm) or step == most_steps:
            break
        krylov.extend()
    residual = residual / value + _rounding(rows, columns, step) * (norm * norm / value)
    sigma = jobs.unscaled(math.sqrt(value), scale)
    return records.LeadingSingularValue(sigma, residual, step, norm * norm / value)


def _gram_times(blocks: jobs.Blocks, scale: int, vector: Float64Array) -> Float64Array:
    """Return WᵀWv in one pass."""
    product = np.zeros_like(vector)
    with np.errstate(all="ignore"):  # a file that changed may hold anything
        for tile in jobs.scaled_rows(blocks, scale):
            product += (tile @ vector) @ tile
    return product


def _rounding(rows: int, columns: int, steps: int) -> float:
    """Return a bound of what rounding adds to the residual, relative to ‖W‖F².

    A product WᵀWv in any order of summation is off by at most γ(m+n)·|W|ᵀ|W||v| (Higham, Accuracy
    and Stability of Numerical Algorithms, 2nd ed., section 3.5), orthogonalising it twice by a few
    k·u more; the vector found is a combination of k of them with coefficients of norm 1.
    """
    return math.sqrt(steps) * (rows + columns + 8 * steps) * 2.0**-53


class _Krylov:
    """An orthonormal basis V (rows), and H = V·WᵀW·Vᵀ."""

    def __init__(self, length: int, wanted: int) -> None:
        fitting = max(SHORTEST_BASIS, BASIS_BYTES // (8 * length))
        most = min(wanted, fitting)
        what = f"the largest singular value of a matrix with {length:,} columns"
        require_free((most + 5) * 8 * length, what, refusal=InputError)
        self._basis = np.empty((most, length))
        self._small = np.zeros((most, most))
        self._used = 0
        self._next = _normal(length)
        self._beta = 0.0
        self._values = np.zeros(0)
        self._vectors = np.zeros((0, 0))
        self.extend()

    @property
    def last(self) -> Float64Array:
        newest: Float64Array = self._basis[self._used - 1]
        return newest

    def extend(self) -> None:
        if self._used == len(self._basis):
            self._restart()
        np.copyto(self._basis[self._used], self._next)
        self._used += 1

    def take(self, product: Float64Array) -> bool:
        if not np.isfinite(product).all():
            return False
        basis, newest = self._basis[: self._used], self._used - 1
        column = np.zeros(self._used)
        for _ in range(2):  # twice is enough (Parlett, The Symmetric Eigenvalue Problem, 6.9)
            part = basis @ product
            product -= part @ basis
            column += part
        self._small[: self._used, newest] = self._small[newest, : self._used] = column
        self._beta = math.sqrt(float(product @ product))
        self._next = product
        if self._beta > 0:
            self._next /= self._beta
        self._values, self._vectors = np.linalg.eigh(self._small[: self._used, : self._used])
        return True

    def leading(self) -> tuple[float, float]:
        """Return the largest Ritz value θ and ‖WᵀWx − θx‖ for its vector x."""
        return float(self._values[-1]), self._beta * abs(float(self._vectors[-1, -1]))

    def is_exhausted(self, norm: float) -> bool:
        """Whether WᵀW maps the basis into itself: what is left of the product is rounding."""
        return self._used == self._basis.shape[1] or self._beta <= 2.0**-50 * norm * norm

    def _restart(self) -> None:
        """Keep the Ritz vectors of the upper quarter, at least two."""
        keep = max(2, self._used // 4)
        kept = self._vectors[:, -keep:]
        long = self._basis.shape[1]
        step = max(1, (1 << 20) // self._used)
        for start in range(0, long, step):  # in place: no second basis
            part = self._basis[: self._used, start : start + step]
            part[:keep] = kept.T @ part
        self._small[:] = 0
        np.fill_diagonal(self._small[:keep, :keep], self._values[-keep:])
        self._used = keep


def _normal(length: int) -> Float64Array:
    start: Float64Array = np.random.Generator(np.random.PCG64(SEED)).standard_normal(length)
    start /= math.sqrt(float(start @ start))
    return start


def spectrum_of(blocks: jobs.Blocks, shape: tuple[int, int]) -> records.Spectrum | None:
    """Return all singular values of a matrix (rows × columns); None if they are undecided.

    That is where a number is not finite. Raises InputError where the Gram matrix does not fit in
    memory, before it is allocated. The caller sees to the threads of BLAS.
    """
    rows, columns = shape
    small = min(rows, columns)
    if not small:
        return records.Spectrum(np.zeros(0), 0.0, 0.0, None)
    what = f"all singular values of a {rows:,} × {columns:,} matrix"
    require_free(3 * 8 * small**2 + 2 * 8 * PANEL, what, refusal=InputError)
    size = jobs.size_of(blocks)
    if size is None:
        return None
    scale, norm = size
    if norm == 0:
        return records.Spectrum(np.zeros(small), 0.0, 0.0, None)
    gram = np.zeros((small, small))
    with np.errstate(all="ignore"):  # a file that changed may hold anything
        if columns <= rows:  # add WᵀW, its lower triangle, in one pass
            for panel in _panels(blocks, scale, columns):
                for start in range(0, columns, STRIPE):
                    stripe = slice(start, start + STRIPE)
                    gram[start:, stripe] += panel[:, start:].T @ panel[:, stripe]
        else:
            _add_rows_products(gram, blocks, scale, columns)
    if not np.isfinite(gram).all():
        return None  # the numbers are no longer those that were looked at
    # only the lower triangle is summed, and looked at
    eigenvalues = np.linalg.eigvalsh(gram, UPLO="L")
    values = np.sqrt(np.maximum(eigenvalues[::-1], 0.0))
    resolution = math.sqrt(max(shape) * EPSILON) * float(values[0])
    histogram = histogram_of(values[values > resolution], scale)
    with np.errstate(over="ignore", under="ignore"):
        held = np.ldexp(values, scale)
    return records.Spectrum(
        held, jobs.unscaled(norm, scale), jobs.unscaled(resolution, scale), histogram
    )


def _panels(blocks: jobs.Blocks, scale: int, columns: int) -> Iterator[Float64Array]:
    """Yield rows gathered to panels: products of few rows wait for the memory of the sum."""
    most = max(1, PANEL // columns)
    panel: Float64Array | None = None
    filled = 0
    for tile in jobs.scaled_rows(blocks, scale):
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


def _add_rows_products(gram: Float64Array, blocks: jobs.Blocks, scale: int, columns: int) -> None:
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


def histogram_of(values: Float64Array, exponent: int = 0) -> records.Histogram | None:
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
    scale: Literal["linear", "log"] = "linear" if linear else "log"
    return records.Histogram(scale, tuple(map(float, held)), tuple(map(int, counts)))


def singular_values(place: FilePlace, wanted: records.Wanted) -> records.SingularValues:
    """Return the singular values of a matrix in a file; raises InputError."""
    with closing(open_storage(place.uri, place.stamp)) as storage:
        if not is_uri(place.uri) or not is_free(place.size):
            return singular_values_in(place, storage, wanted)
        # a matrix that is far away is brought here once: it is read dozens of times
        words = np.empty(place.size, np.uint8)
        storage.read_into(words.data, place.begin)
        return singular_values_in(replace(place, begin=0), ArrayStorage(place.uri, words), wanted)


def singular_values_in(
    place: FilePlace, storage: Storage, wanted: records.Wanted
) -> records.SingularValues:
    """Return the singular values of a matrix in an open file; raises InputError."""
    blocks, shape = jobs.blocks_of(place, storage), jobs.as_it_lies(place)
    with jobs.one_blas_thread():
        leading = leading_singular_value(blocks, shape) if wanted.leading else None
        spectrum = spectrum_of(blocks, shape) if wanted.spectrum else None
    return records.SingularValues(wanted, leading, spectrum)

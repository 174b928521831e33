"""The largest singular value of a matrix that is read block by block, one pass a step.

Lanczos' method on WᵀW, the vectors kept orthogonal (Golub and Van Loan, Matrix Computations, 4th
ed., sections 10.1 and 10.3): after k steps the largest Ritz value θ is the largest of ‖Wx‖² over
the unit vectors x of the Krylov space of WᵀW and the start, so σ = √θ <= σ₁ but for rounding.
WᵀWv takes one pass, y = Tv and w += Tᵀy for every tile T of rows; Golub and Kahan's method has
the same space, and its products with W and Wᵀ alternate. What is lost by squaring is the small
singular values, not the largest.

The largest could be missed by a start that hardly points its way. The vector x found is a
polynomial of WᵀW times the start, and near θ the larger the farther up its argument, so that its
part along the first singular vector is as a rule no less than the start's, c; and as the residual
r holds that of every part, σ₁² − θ <= r/c. For a random start c < 10⁻⁶/√n is as rare as 1 in 10⁶.
The steps stop when r <= 2·10⁻⁴·θ·10⁻⁶/√n, so that σ is then within 10⁻⁴ of σ₁ but for such a start.
After the last step r is often larger, and σ nearer than r tells: its error goes with r².

The basis is full after 64 vectors, or as many as 256 MiB hold, at least 4 (no Krylov space has more
than rank + 1); then the upper quarter of the Ritz vectors goes on as the basis (thick restart: Wu
and Simon, SIAM J. Matrix Anal. Appl. 22, 2000). Memory: the basis, five vectors more and one tile.

The same bits come out of every run with one BLAS thread (the caller sees to that).
"""

from __future__ import annotations

import math

import numpy as np

from fcinspect.checkpoints.scan.jobs import Blocks, scaled_rows, size_of, unscaled
from fcinspect.checkpoints.scan.records import WANTED, LeadingSingularValue
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
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
"""Of the start."""


def leading_singular_value(
    blocks: Blocks, shape: tuple[int, int], *, most_steps: int = MOST_STEPS
) -> LeadingSingularValue | None:
    """Return the largest singular value of a matrix (rows × columns); None if it is undecided.

    That is where a number is not finite. The numbers are looked at in one pass before the steps.
    Raises InputError where the basis, at least 4 vectors of float64, does not fit in memory.
    """
    if most_steps < 1:
        raise ValueError(f"most_steps {most_steps}: expected at least 1")
    rows, columns = shape
    if not rows or not columns:
        return LeadingSingularValue(0.0, 0.0, 0, 0.0)
    size = size_of(blocks)
    if size is None:
        return None
    if size.norm == 0:
        return LeadingSingularValue(0.0, 0.0, 0, 0.0)
    krylov = _Krylov(columns, min(most_steps, rows + 1, columns))
    scale, norm = size.scale, size.norm
    wanted = 2 * WANTED * UNLUCKY / math.sqrt(columns)
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
    sigma = unscaled(math.sqrt(value), scale)
    return LeadingSingularValue(sigma, residual, step, norm * norm / value)


def _gram_times(blocks: Blocks, scale: int, vector: Float64Array) -> Float64Array:
    """Return WᵀWv in one pass."""
    product = np.zeros_like(vector)
    with np.errstate(all="ignore"):  # a file that changed may hold anything
        for tile in scaled_rows(blocks, scale):
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
        """The newest vector of the basis."""
        newest: Float64Array = self._basis[self._used - 1]
        return newest

    def extend(self) -> None:
        """Add the next vector to the basis, after a restart if the basis is full."""
        if self._used == len(self._basis):
            self._restart()
        np.copyto(self._basis[self._used], self._next)
        self._used += 1

    def take(self, product: Float64Array) -> bool:
        """Take in WᵀW times the newest vector; false if it is not finite."""
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
    """Return a random unit vector, always the same of its length."""
    start: Float64Array = np.random.Generator(np.random.PCG64(SEED)).standard_normal(length)
    start /= math.sqrt(float(start @ start))
    return start

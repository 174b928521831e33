"""A matrix reduced by blocks: of each, the value of largest magnitude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fcinspect.rounding.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Blocks:
    """What a picture shows of a matrix."""

    values: npt.NDArray[np.float64]
    """Of each block the value of largest magnitude, the positive one of two alike; (rows of
    blocks × columns of blocks). Of a block with numbers that are not finite one of those."""
    block: tuple[int, int]
    """(rows, columns) of a block; the last ones of either may be smaller."""
    shape: tuple[int, int]
    """(rows, columns) of the matrix."""

    @property
    def is_whole(self) -> bool:
        """Whether each block is one number."""
        return self.block == (1, 1)

    @property
    def is_even(self) -> bool:
        """Whether all blocks are alike."""
        return not any(n % b for n, b in zip(self.shape, self.block, strict=True))

    @property
    def scale(self) -> float:
        """The largest finite magnitude; 0 where there is none.

        It is that of the matrix unless the number shares its block with one that is not finite.
        """
        import numpy as np

        finite = self.values[np.isfinite(self.values)]
        return float(np.abs(finite).max()) if finite.size else 0.0


def blocks_of(matrix: FloatArray, most: tuple[int, int]) -> Blocks:
    """Return a matrix of one number or more in at most `most` (rows, columns) of blocks."""
    import numpy as np

    rows, columns = matrix.shape
    block = -(-rows // most[0]), -(-columns // most[1])
    if block == (1, 1):
        return Blocks(matrix.astype(np.float64), block, (rows, columns))
    # maximum and minimum of numpy are nan where one number is
    high, low = (
        _reduced(matrix, block, reduce).astype(np.float64) for reduce in (np.maximum, np.minimum)
    )
    with np.errstate(invalid="ignore"):
        values = np.where(np.isnan(high) | (high >= -low), high, low)
    return Blocks(values, block, (rows, columns))


def _reduced(matrix: FloatArray, block: tuple[int, int], reduce: np.ufunc) -> FloatArray:
    import numpy as np

    rows, columns = matrix.shape
    by_rows = reduce.reduceat(matrix, np.arange(0, rows, block[0]), axis=0)
    reduced: FloatArray = reduce.reduceat(by_rows, np.arange(0, columns, block[1]), axis=1)
    return reduced

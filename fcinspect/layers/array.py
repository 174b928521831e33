"""An array of numbers together with the name of its number format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy.typing as npt

    from fcinspect.rounding.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Array:
    """Numbers and their dtype; read-only."""

    values: FloatArray
    """The numbers, in the carrier of `dtype` (rounding/arrays.py)."""
    dtype: str
    """The number format: float64, float32, bfloat16 or float16."""

    def __post_init__(self) -> None:
        self.values.setflags(write=False)

    @classmethod
    def of(cls, values: npt.ArrayLike, dtype: str) -> Array:
        """Return `values` rounded to nearest in `dtype`."""
        from fcinspect.rounding.arrays import hold

        return cls(hold(values, dtype), dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, outermost dimension first."""
        return tuple(self.values.shape)

    @property
    def rows(self) -> FloatArray:
        """The numbers with all batch dimensions folded, (rows, last dimension)."""
        return self.values.reshape(math.prod(self.shape[:-1]), self.shape[-1])

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

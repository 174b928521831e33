"""The 8-bit formats that checkpoints hold, as float32: a table of 256 numbers each.

E4M3FN and E5M2 of Micikevicius et al., "FP8 Formats for Deep Learning", 2022. Weights are kept in
them, but no layer is computed in them here.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.formats import FLOAT8_E4M3FN, FLOAT8_E5M2

NAMES = (FLOAT8_E4M3FN.name, FLOAT8_E5M2.name)


@functools.cache
def table(name: str) -> npt.NDArray[np.float32]:
    """Return the number that each byte stands for."""
    codes = np.arange(256, dtype=np.uint16)
    if name == FLOAT8_E5M2.name:  # the upper byte of a float16
        return (codes << 8).view(np.float16).astype(np.float32)
    exponent, fraction = (codes >> 3) & 15, (codes & 7).astype(np.float32)
    # bias 7; exponent 0 holds the subnormal numbers
    size = np.ldexp(
        np.where(exponent == 0, fraction / 8, 1 + fraction / 8),
        np.maximum(exponent, 1).astype(np.int32) - 7,
    )
    size[(codes & 127) == 127] = np.nan  # there is no infinity
    signed: npt.NDArray[np.float32] = np.where(codes < 128, size, -size).astype(np.float32)
    return signed

"""Whether two matrices hold the same bits."""

from __future__ import annotations

import numpy as np

from fcinspect.checkpoints.diff.codes import Codes, tiles
from fcinspect.checkpoints.diff.reading import Grid
from fcinspect.rounding.arrays import ITEMSIZES


def same_codes(a: Grid, b: Grid) -> bool:
    """Whether two grids of one format hold the same bits; ends at the first block that differs."""
    for tile in tiles(a.rows, a.columns, ITEMSIZES[a.dtype]):
        if not np.array_equal(_wide(a.read(tile)), _wide(b.read(tile))):
            return False
    return True


def _wide(codes: Codes) -> Codes:
    """Return codes eight bytes at a time where they lie so."""
    if codes.flags.c_contiguous and codes.nbytes % 8 == 0:
        return codes.reshape(-1).view(np.uint64)
    return codes

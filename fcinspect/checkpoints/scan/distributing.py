"""How the numbers of scanned weights are distributed, in one pass more and bounded memory."""

from __future__ import annotations

from fcinspect.checkpoints.records import StoredLinear
from fcinspect.checkpoints.scan.jobs import blocks_of
from fcinspect.checkpoints.scan.matrix import Matrix
from fcinspect.checkpoints.scan.records import ScannedLayer
from fcinspect.errors import InputError
from fcinspect.layers.statistics import Distribution, distributed


def distribution_in(stored: StoredLinear, scanned: ScannedLayer) -> Distribution:
    """Return the distribution of a weight that was scanned before.

    Raises InputError where its file cannot be read, or is no longer what was scanned.
    """
    numbers = scanned.weight.numbers
    if not numbers.count:
        return Distribution((), ())
    matrix = Matrix(stored.weight)
    storage = matrix.open()
    try:
        return distributed(blocks_of(matrix.place, storage)(), numbers.min, numbers.max)
    except ValueError:
        raise InputError(
            f"the numbers of {stored.weight.name!r} in {stored.source} changed while they were read"
        ) from None
    finally:
        storage.close()

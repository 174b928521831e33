"""Singular values of a weight where its file tells them, as far as they are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fcinspect.checkpoints.access.storage import ArrayStorage, Storage, open_storage
from fcinspect.checkpoints.access.uris import is_uri
from fcinspect.checkpoints.records import Place
from fcinspect.checkpoints.scan.jobs import as_it_lies, blocks_of
from fcinspect.checkpoints.scan.lanczos import LeadingSingularValue, leading_singular_value
from fcinspect.checkpoints.scan.one_thread import one_blas_thread
from fcinspect.checkpoints.scan.spectrum import Spectrum, spectrum_of
from fcinspect.layers.memory import is_free
from fcinspect.rounding.arrays import ITEMSIZES


@dataclass(frozen=True)
class Wanted:
    """What is found beyond one pass over the numbers."""

    leading: bool = False
    """σ₁ by Lanczos' method."""
    spectrum: bool = False
    """All singular values."""

    @property
    def any(self) -> bool:
        """Whether anything is."""
        return self.leading or self.spectrum


@dataclass(frozen=True)
class SingularValues:
    """What was found of a weight's singular values."""

    wanted: Wanted
    """What was asked for: what is then None is undecided, as numbers are not finite."""
    leading: LeadingSingularValue | None = None
    """σ₁."""
    spectrum: Spectrum | None = None
    """All of them."""

    @property
    def largest(self) -> float | None:
        """σ₁, or a lower bound near it; None where it is not known."""
        if self.spectrum is not None:
            return self.spectrum.largest
        return None if self.leading is None else self.leading.sigma


def singular_values(place: Place, wanted: Wanted) -> SingularValues:
    """Return the singular values of a matrix in a file; raises InputError."""
    storage = open_storage(place.uri, place.stamp)
    try:
        return singular_values_in(*_near(place, storage), wanted)
    finally:
        storage.close()


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

"""Tensors for the tests of pairing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.checkpoints.places import FilePlace
from fcinspect.checkpoints.records import (
    Checkpoint,
    LayoutChoice,
    StoredTensor,
    in_memory,
)
from fcinspect.checkpoints.storage import Stamp


def tensor(name: str, *shape: int, dtype: str = "float32") -> StoredTensor:
    """Return a tensor of consecutive numbers."""
    size = int(np.prod(shape))
    return in_memory(name, np.arange(size, dtype=np.float32).reshape(shape), dtype)


def paired(*tensors: StoredTensor, layout: LayoutChoice = "auto") -> Checkpoint:
    """Pair these tensors."""
    return pair(tensors, "x", layout)


def at(name: str, begin: int, *shape: int, uri: str = "f") -> StoredTensor:
    """Return a tensor that lies at this byte of a file."""
    place = FilePlace(uri, Stamp(0), "float32", begin, shape)
    return replace(tensor(name, *shape), place=place)

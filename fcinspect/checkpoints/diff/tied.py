"""Tied weights: several names for the same numbers of a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from fcinspect.checkpoints.records import Checkpoint, Place, StoredTensor


def tied(checkpoint: Checkpoint) -> tuple[tuple[str, ...], ...]:
    """Return the names that share their numbers, a layer's among them, in the order of the file.

    Told by where the numbers lie; equal numbers in two places are not tied.
    """
    groups: dict[tuple[str, int, str, tuple[int, ...]], list[str]] = defaultdict(list)
    layers: set[str] = set()
    for layer in checkpoint.layers:
        for key in _key(layer.weight):
            groups[key].append(layer.name)
            layers.add(layer.name)
    for skip in checkpoint.skipped:
        for key in () if skip.tensor is None else _key(skip.tensor):
            groups[key].append(skip.name)
    return tuple(
        tuple(names) for names in groups.values() if len(names) > 1 and layers.intersection(names)
    )


def _key(tensor: StoredTensor) -> Iterator[tuple[str, int, str, tuple[int, ...]]]:
    place: Place | None = tensor.place
    if place is not None and all(place.shape):
        yield place.uri, place.begin, place.dtype, place.shape

"""Tied weights: several names for the same numbers of a file."""

from __future__ import annotations

from collections import defaultdict

from fcinspect.checkpoints.records import Checkpoint, StoredTensor


def tied(checkpoint: Checkpoint) -> tuple[tuple[str, ...], ...]:
    """Return the names that share their numbers, a layer's among them, in the order of the file.

    Told by where the numbers lie; equal numbers in two places are not tied.
    """
    groups: dict[object, list[str]] = defaultdict(list)
    layers: set[str] = set()
    for layer in checkpoint.layers:
        if (key := _key(layer.weight)) is not None:
            groups[key].append(layer.name)
            layers.add(layer.name)
    for skip in checkpoint.skipped:
        if (key := _key(skip.tensor)) is not None:
            groups[key].append(skip.name)
    return tuple(
        tuple(names) for names in groups.values() if len(names) > 1 and layers.intersection(names)
    )


def _key(tensor: StoredTensor | None) -> object:
    return None if tensor is None or tensor.place is None else tensor.place.numbers

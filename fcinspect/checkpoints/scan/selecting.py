"""Which layers a scan goes through, and in what order it tells of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from fcinspect.checkpoints.formats.safetensors import natural_key
from fcinspect.checkpoints.records import StoredLinear
from fcinspect.checkpoints.scan.records import ScannedLayer
from fcinspect.errors import InputError, did_you_mean

KEYS: dict[str, Callable[[ScannedLayer], float]] = {
    "parameters": lambda layer: layer.parameters,
    "in": lambda layer: layer.in_features,
    "out": lambda layer: layer.out_features,
    "min": lambda layer: layer.weight.numbers.min,
    "max": lambda layer: layer.weight.numbers.max,
    "mean": lambda layer: layer.weight.numbers.mean,
    "std": lambda layer: layer.weight.numbers.std,
    "norm": lambda layer: layer.weight.numbers.norm,
    "zeros": lambda layer: layer.weight.numbers.zeros,
}
"""What layers are sorted by, the largest first; besides "name"."""
ORDERS = ("file", "name", *KEYS)


def selected(layers: Sequence[StoredLinear], patterns: Sequence[str]) -> tuple[StoredLinear, ...]:
    """Return the layers whose name fits a pattern of a shell; all without patterns.

    Raises InputError for a pattern that fits none.
    """
    if not patterns:
        return tuple(layers)
    names = [layer.name for layer in layers]
    for pattern in patterns:
        if not any(fits(name, pattern) for name in names):
            raise InputError(
                f"no linear layer's name fits {pattern!r}", hint=did_you_mean(pattern, names)
            )
    return tuple(
        layer for layer in layers if any(fits(layer.name, pattern) for pattern in patterns)
    )


def fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern of a shell, or is that very text: experts[3]."""
    return name == pattern or fnmatchcase(name, pattern)


def ordered(layers: Iterable[ScannedLayer], order: str) -> list[ScannedLayer]:
    """Return the layers by name, by the largest number first, or as they come for "file"."""
    if order == "file":
        return list(layers)
    if order == "name":
        return sorted(layers, key=lambda layer: natural_key(layer.name))
    key = KEYS[order]

    def descending(layer: ScannedLayer) -> tuple[bool, float]:
        value = key(layer)
        return math.isnan(value), -value

    return sorted(layers, key=descending)

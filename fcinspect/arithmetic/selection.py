"""Which outputs of a layer are taken apart, and which of their terms are listed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fcinspect.errors import UsageError

MOST_ELEMENTS = 8
"""Output elements taken apart unless more are asked for."""
MOST_TERMS = 16
"""Terms shown of each."""


@dataclass(frozen=True)
class Selection:
    """Which elements and terms are taken apart."""

    elements: tuple[tuple[int, int], ...] | None = None
    """(row, output) pairs; None takes the first ones"""
    top: int | None = None
    """How many of the terms that contribute most; None takes the first ones"""
    everything: bool = False
    """All elements and all terms"""


def chosen_elements(
    selection: Selection, rows: int, held: Sequence[int]
) -> Sequence[tuple[int, int]]:
    """Return the (row, output) pairs to take apart, out of the outputs that are held."""
    if selection.elements is not None:
        return selection.elements
    total = rows * len(held)
    shown = total if selection.everything else min(total, MOST_ELEMENTS)
    return [(number // len(held), held[number % len(held)]) for number in range(shown)]


def listed_terms(weights: list[float], inputs: list[float], selection: Selection) -> list[int]:
    """Return the indices of the terms to list: the first ones, or those that contribute most."""
    count = len(weights)
    if selection.top is None:
        return list(range(count if selection.everything else min(count, MOST_TERMS)))
    size = [abs(w * x) for w, x in zip(weights, inputs, strict=True)]
    by_size = sorted(range(count), key=lambda j: (-size[j] if size[j] == size[j] else -math.inf, j))
    return by_size[: selection.top]


def parse_elements(
    texts: Sequence[str], batch: tuple[int, ...], out_features: int
) -> tuple[tuple[int, int], ...]:
    """Return the (row, output) pairs that ``17`` or ``5,17`` or ``1,2,17`` name.

    One number names an output of a single vector, two a row of the folded batch and an output,
    more an index with all batch dimensions. Raises UsageError for anything out of range.
    """
    return tuple(_parse_element(text, batch, out_features) for text in texts)


def _parse_element(text: str, batch: tuple[int, ...], out_features: int) -> tuple[int, int]:
    parts = [part.strip() for part in text.split(",")]
    rows = math.prod(batch)
    lengths = {1} if not batch else {2, len(batch) + 1}
    form = "an output such as 0" if not batch else "row,output such as 0,1"
    if not all(part.isascii() and part.isdigit() and len(part) < 17 for part in parts):
        raise UsageError(f"element {text!r} is not an index: expected {form}")
    numbers = [int(part) for part in parts]
    if not batch and len(numbers) == 2 and numbers[0] == 0:
        numbers = numbers[1:]  # row 0 of the one vector
    if len(numbers) not in lengths:
        raise UsageError(f"element {text!r} has {len(numbers)} indices: expected {form}")
    limits = [*batch, out_features] if len(numbers) == len(batch) + 1 else [rows, out_features]
    for number, limit in zip(numbers, limits, strict=True):
        if number >= limit:
            raise UsageError(
                f"element {text!r}: index {number} is beyond the output's"
                f" {tuple(limits)}, counted from 0"
            )
    row = 0
    for number, limit in zip(numbers[:-1], limits[:-1], strict=True):
        row = row * limit + number
    return row, numbers[-1]

"""Which layer of A belongs to which of B: by its name, or by its numbers.

A wrapper puts a prefix before every name: nn.DataParallel "module.", torch.compile "_orig_mod.", a
model with a head "model.". Prefixes are left out where more names then agree, and that is said.

By numbers, a corner of each weight is read. Weights whose corners are the same are compared whole;
of the others those belong together whose corners are nearly proportional, as after rounding,
scaling or fine-tuning, and as they lie or transposed. Permuted weights are not found in this way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fcinspect.checkpoints.diff.comparing import Desk, unreadable, weights
from fcinspect.checkpoints.diff.grids import CodeReader, same_codes, weight_of
from fcinspect.checkpoints.records import StoredLinear
from fcinspect.rounding.arrays import Float64Array

WRAPPERS = ("module.", "_orig_mod.", "model.")
"""Prefixes that need not stand before every name: a head beside the model has none."""
CORNER = 16
"""Rows and columns of a corner, at most."""
ALIKE = 0.9
"""|r| of two corners from which they are taken for the same layer: by chance r is about 1/√n."""
ALIKE_IF_SMALL = 0.9999
"""The same of corners of fewer than 64 numbers."""
FEWEST = 4
"""Numbers below which a corner tells nothing."""
MOST_TRIES = 4
"""Weights that are compared whole with one whose corner is the same."""

Pairs = list[tuple[StoredLinear, StoredLinear]]


@dataclass(frozen=True)
class Alignment:
    """Pairs of names, and those that are left."""

    pairs: tuple[tuple[str, str], ...]
    """(name in A, name in B), in the order of A."""
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """How names were changed before they were compared."""


def align(a: Sequence[str], b: Sequence[str]) -> Alignment:
    """Return which names belong together."""
    of_a, of_b = _left_out(a, b)
    short_a, short_b = _without(a, of_a), _without(b, of_b)
    notes = []
    for side, names, prefix in (("A", a, of_a), ("B", b, of_b)):
        count = sum(name.startswith(prefix) for name in names)
        many = "every name" if count == len(names) else f"{count:,} of {len(names):,} names"
        if prefix:
            notes.append(f"the prefix {prefix!r} of {many} of {side} is ignored")
    by_short = dict(zip(short_b, b, strict=True))
    shorter = zip(a, short_a, strict=True)
    pairs = tuple((name, by_short[short]) for name, short in shorter if short in by_short)
    if not pairs and len(a) == len(b) == 1 and "" in (a[0], b[0]):
        pairs = ((a[0], b[0]),)
        notes = [f"the only layer of each side is compared: {a[0]!r} of A and {b[0]!r} of B"]
    met_a, met_b = {name for name, _ in pairs}, {name for _, name in pairs}
    only_a = tuple(name for name in a if name not in met_a)
    only_b = tuple(name for name in b if name not in met_b)
    return Alignment(pairs, only_a, only_b, tuple(notes))


def _left_out(a: Sequence[str], b: Sequence[str]) -> tuple[str, str]:
    """Return the prefixes of A and of B without which the most names agree."""
    best = (_agreeing(a, b), "", "")
    for of_a in ("", *_prefixes(a)):
        for of_b in ("", *_prefixes(b)):
            if best[0] == min(len(a), len(b)):
                return best[1:]
            if of_a and of_b and not (_is_wrapper(of_a) and _is_wrapper(of_b)):
                continue  # encoder.0 and decoder.0 are two layers
            found = (_agreeing(_without(a, of_a), _without(b, of_b)), of_a, of_b)
            # more names that agree, then shorter prefixes
            best = max(best, found, key=lambda each: (each[0], -len(each[1]) - len(each[2])))
    return best[1:]


def _is_wrapper(prefix: str) -> bool:
    for wrapper in WRAPPERS:
        prefix = prefix.replace(wrapper, "")
    return not prefix


def _agreeing(a: Sequence[str], b: Sequence[str]) -> int:
    """How many names agree; -1 where leaving out a prefix made two names of a side the same."""
    if len(set(a)) < len(a) or len(set(b)) < len(b):
        return -1
    return len(set(a) & set(b))


def _prefixes(names: Sequence[str]) -> list[str]:
    """Return what may be left out: what stands before every name, and known wrappers."""
    found: list[str] = []
    if len(names) > 1:
        parts = names[0].split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            prefix = ".".join(parts[:depth]) + "."
            if not all(name.startswith(prefix) for name in names):
                break
            found.append(prefix)
    for wrapper in WRAPPERS:
        for prefix in (wrapper, *(outer + wrapper for outer in WRAPPERS if outer != wrapper)):
            if prefix not in found and any(name.startswith(prefix) for name in names):
                found.append(prefix)
    return found


def _without(names: Sequence[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in names]


@dataclass(frozen=True, eq=False)
class _Sample:
    layer: StoredLinear
    corner: Float64Array


def matched(a: Sequence[StoredLinear], b: Sequence[StoredLinear], desk: Desk) -> Pairs:
    """Return the layers that belong together, in the order of A; each is in one pair at most."""
    ours, theirs = _samples(a, desk.a), _samples(b, desk.b)
    pairs = _equal(ours, theirs, desk)
    met = {id(layer) for pair in pairs for layer in pair}
    pairs += _alike(
        [sample for sample in ours if id(sample.layer) not in met],
        [sample for sample in theirs if id(sample.layer) not in met],
    )
    order = {id(layer): place for place, layer in enumerate(a)}
    return sorted(pairs, key=lambda pair: order[id(pair[0])])


def look_alike(a: Sequence[StoredLinear], b: Sequence[StoredLinear], desk: Desk) -> int:
    """Return how many layers seem to belong together, by corners that lie in files alone."""
    in_files = [[layer for layer in layers if layer.weight.place is not None] for layers in (a, b)]
    return len(_alike(_samples(in_files[0], desk.a), _samples(in_files[1], desk.b)))


def _samples(layers: Sequence[StoredLinear], reader: CodeReader) -> list[_Sample]:
    found = []
    for layer in layers:
        if unreadable(layer.weight, layer.weight) is None:
            grid, flipped = weight_of(layer.weight, layer.layout, reader)
            corner = grid.values((0, min(grid.rows, CORNER), 0, min(grid.columns, CORNER)))
            found.append(_Sample(layer, np.ascontiguousarray(corner.T if flipped else corner)))
    return found


def _equal(ours: Sequence[_Sample], theirs: Sequence[_Sample], desk: Desk) -> Pairs:
    by_key: dict[object, list[_Sample]] = defaultdict(list)
    for sample in theirs:
        by_key[sample.layer.shape, sample.corner.tobytes()].append(sample)
    pairs: Pairs = []
    for sample in ours:
        candidates = by_key[sample.layer.shape, sample.corner.tobytes()]
        for candidate in candidates[:MOST_TRIES]:
            pair = weights(sample.layer, candidate.layer, desk)
            if pair.a.dtype == pair.b.dtype and same_codes(pair.a, pair.b):
                pairs.append((sample.layer, candidate.layer))
                candidates.remove(candidate)
                break
    return pairs


def _alike(ours: Sequence[_Sample], theirs: Sequence[_Sample]) -> Pairs:
    """Pair weights whose corners are nearly proportional, the nearest first."""
    groups = _groups(theirs)
    found = [
        (-r, place, other)
        for place, sample in enumerate(ours)
        for r, other in _near(sample, groups)
    ]
    pairs: Pairs = []
    met_a: set[int] = set()
    met_b: set[int] = set()
    for _, place, other in sorted(found):
        if place not in met_a and other not in met_b:
            met_a.add(place)
            met_b.add(other)
            pairs.append((ours[place].layer, theirs[other].layer))
    return pairs


def _groups(samples: Sequence[_Sample]) -> dict[tuple[int, int], tuple[list[int], Float64Array]]:
    """Return, for each shape, which samples have it and a row for each: its corner's direction."""
    by_shape: dict[tuple[int, int], dict[int, Float64Array]] = defaultdict(dict)
    for place, sample in enumerate(samples):
        direction = _direction(sample.corner)
        if direction is not None:
            by_shape[sample.layer.shape][place] = direction
    return {shape: (list(held), np.stack(list(held.values()))) for shape, held in by_shape.items()}


def _near(
    sample: _Sample, groups: dict[tuple[int, int], tuple[list[int], Float64Array]]
) -> Iterator[tuple[float, int]]:
    """Yield (|r|, place) of those that are like a corner, as it lies or transposed."""
    least = ALIKE if sample.corner.size >= 64 else ALIKE_IF_SMALL
    for corner, shape in (
        (sample.corner, sample.layer.shape),
        (sample.corner.T, sample.layer.shape[::-1]),
    ):
        direction, group = _direction(corner), groups.get(shape)
        if direction is not None and group is not None:
            places, directions = group
            r = np.abs(directions @ direction)
            yield from ((float(r[k]), places[k]) for k in np.flatnonzero(r >= least))


def _direction(corner: Float64Array) -> Float64Array | None:
    """Return a corner as a unit vector about its mean; None where it tells nothing."""
    flat = np.where(np.isfinite(corner), corner, 0.0).ravel()
    if flat.size < FEWEST:
        return None
    largest = np.abs(flat).max()
    if not largest:
        return None
    flat = flat / largest
    flat -= flat.mean()
    length = float(np.sqrt(flat @ flat))
    return flat / length if length > 1e-9 else None

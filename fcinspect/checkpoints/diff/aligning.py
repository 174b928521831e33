"""Which name of A belongs to which name of B.

A wrapper puts a prefix before every name: nn.DataParallel "module.", torch.compile "_orig_mod.", a
model with a head "model.". Prefixes are left out where more names then agree, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WRAPPERS = ("module.", "_orig_mod.", "model.")
"""Prefixes that need not stand before every name: a head beside the model has none."""


@dataclass(frozen=True)
class Alignment:
    """Pairs of names, and those that are left."""

    pairs: tuple[tuple[str, str], ...]
    """(name in A, name in B), in the order of A."""
    only_in_a: tuple[str, ...]
    """Names of A alone."""
    only_in_b: tuple[str, ...]
    """Names of B alone."""
    notes: tuple[str, ...] = ()
    """How names were changed before they were compared."""


def align(a: Sequence[str], b: Sequence[str]) -> Alignment:
    """Return which names belong together."""
    of_a, of_b = _left_out(a, b)
    short_a, short_b = _without(a, of_a), _without(b, of_b)
    notes = [
        f"{prefix!r} before {_how_many(names, prefix)} of {side} is left out"
        for side, names, prefix in (("A", a, of_a), ("B", b, of_b))
        if prefix
    ]
    by_short = dict(zip(short_b, b, strict=True))
    pairs = tuple(
        (name, by_short[short]) for name, short in zip(a, short_a, strict=True) if short in by_short
    )
    if not pairs and len(a) == len(b) == 1 and "" in (a[0], b[0]):
        pairs = ((a[0], b[0]),)
        notes = [f"the one layer of each side is compared: {a[0]!r} of A and {b[0]!r} of B"]
    met_a, met_b = {name for name, _ in pairs}, {name for _, name in pairs}
    return Alignment(
        pairs,
        tuple(name for name in a if name not in met_a),
        tuple(name for name in b if name not in met_b),
        tuple(notes),
    )


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
            best = max(best, found, key=_score)
    return best[1:]


def _is_wrapper(prefix: str) -> bool:
    for wrapper in WRAPPERS:
        prefix = prefix.replace(wrapper, "")
    return not prefix


def _score(found: tuple[int, str, str]) -> tuple[int, int]:
    """More names that agree, then shorter prefixes."""
    count, of_a, of_b = found
    return count, -len(of_a) - len(of_b)


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


def _how_many(names: Sequence[str], prefix: str) -> str:
    count = sum(name.startswith(prefix) for name in names)
    if count == len(names):
        return "every name"
    return f"{count:,} of {len(names):,} names"

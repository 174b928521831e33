"""What a scan says in all, and what speaks against a layer, whatever it was trained for.

Of equal outputs only those speak against it that chance does not explain. Two numbers of t bits of
significand, drawn from a smooth law, are equal with a probability of about 2^−t at most; two
outputs of k inputs are with 2^(−tk). So n outputs are like n balls thrown into N = 2^(tk) urns, of
which d = n − N(1 − (1 − 1/N)^n) are expected to fall on an earlier one. Of more than that, m > d,
Chernoff's bound tells: P(X ≥ m) ≤ exp(m − d + m ln(d/m)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fcinspect.checkpoints.records import FailedFile, SkippedTensor
from fcinspect.checkpoints.scan.records import (
    MOST_DIGESTS,
    LineCount,
    ScannedLayer,
    ScannedNumbers,
    ScannedOther,
)
from fcinspect.rounding.formats import STORED

Kind = Literal[
    "nan", "inf", "all zero", "dead outputs", "dead inputs", "duplicate outputs", "undecided"
]
RARE = 1e-6
"""A probability that is not taken for chance."""
MOST_BITS = 200
"""From so many bits of an output on, no number of outputs has equal ones by chance."""
MANY_URNS = 1e6
"""Urns for each ball from which on d = n(n − 1)/2N to seven digits, which does not cancel."""


@dataclass(frozen=True)
class Objection:
    """Something about a layer that a check fails on."""

    kind: Kind
    """What kind of thing it is; "undecided" for what was not looked for."""
    words: str
    """It in words, "3 numbers of the weight are NaN"."""


def findings_of(layer: ScannedLayer) -> tuple[Objection, ...]:
    """Return what speaks against a layer."""
    return tuple(_findings(layer))


def findings_of_other(other: ScannedOther) -> tuple[Objection, ...]:
    """Return what speaks against an array that is no linear layer: numbers that are not finite."""
    return tuple(_not_finite(other.numbers, ""))


def equal_by_chance(layer: ScannedLayer) -> bool:
    """Whether outputs are equal, but no more of them than chance makes with so few bits each."""
    equal = layer.weight.duplicate_outputs
    if equal is None or not equal.count:
        return False
    return may_be_chance(equal.count, layer.out_features, layer.in_features, layer.dtype)


def _findings(layer: ScannedLayer) -> Iterator[Objection]:
    weight = layer.weight
    yield from _not_finite(weight.numbers, "weight")
    if layer.bias is not None:
        yield from _not_finite(layer.bias, "bias")
    if weight.numbers.count and weight.numbers.zeros == weight.numbers.count:
        yield Objection("all zero", "the weight is all zero")
        return
    if layer.doubt is not None:
        yield Objection("undecided", f"outputs and inputs were not looked at: {layer.doubt}")
        return
    if weight.dead_outputs.count:
        words = _lines(weight.dead_outputs, "output")
        yield Objection("dead outputs", f"{words} weights that are all zero")
    if weight.dead_inputs.count:
        words = _lines(weight.dead_inputs, "input")
        yield Objection("dead inputs", f"{words} weights that are all zero")
    if weight.duplicate_outputs is None:
        yield Objection(
            "undecided", f"equal outputs were not looked for: there are over {MOST_DIGESTS:,}"
        )
    elif weight.duplicate_outputs.count and not equal_by_chance(layer):
        words = _lines(weight.duplicate_outputs, "output")
        yield Objection("duplicate outputs", f"{words} the same weights as an earlier one")


def _not_finite(numbers: ScannedNumbers, what: str) -> Iterator[Objection]:
    for kind, count, word in (("nan", numbers.nan, "NaN"), ("inf", numbers.inf, "infinite")):
        if count:
            some = "1 number" if count == 1 else f"{count:,} numbers"
            verb = "is" if count == 1 else "are"
            of = f" of the {what}" if what else ""
            yield Objection(kind, f"{some}{of} {verb} {word}")  # type: ignore[arg-type]  # of two


def _lines(places: LineCount, noun: str) -> str:
    """Return "output 5 has" or "3 outputs (5, 7, 9) have"."""
    if places.count == 1:
        return f"{noun} {places.first[0]} has"
    named = ", ".join(map(str, places.first))
    more = ", …" if places.count > len(places.first) else ""
    return f"{places.count:,} {noun}s ({named}{more}) have"


def may_be_chance(equal: int, outputs: int, inputs: int, dtype: str) -> bool:
    """Whether so many of a layer's outputs may be equal to earlier ones by chance."""
    bits = STORED[dtype].precision * inputs
    if bits > MOST_BITS or outputs < 2:
        return False
    expected = _expected(outputs, math.ldexp(1.0, bits))
    if equal <= expected:
        return True
    exponent = equal - expected + equal * math.log(expected / equal)
    return exponent > math.log(RARE)


def _expected(balls: int, urns: float) -> float:
    """Return how many balls are expected to fall into an urn that holds one already."""
    if urns > MANY_URNS * balls:
        return balls * (balls - 1) / 2 / urns
    return balls + urns * math.expm1(balls * math.log1p(-1 / urns))


@dataclass(frozen=True)
class ScanReport:
    """What a scan of one or several checkpoints says."""

    sources: tuple[str, ...]
    """The checkpoints in words."""
    layers: tuple[ScannedLayer, ...]
    """The linear layers that were gone through."""
    left_out: int
    """How many linear layers were not asked for."""
    skipped: tuple[SkippedTensor, ...]
    """The tensors that are no linear layers, and why."""
    problems: tuple[str, ...]
    """What does not fit between the shards of a checkpoint."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how the checkpoints were understood."""
    checked: bool = False
    """Whether anything that speaks against a layer is a failure."""
    others: tuple[ScannedOther, ...] = ()
    """The arrays beside the layers that were gone through, as a check of all layers does."""
    failed: tuple[FailedFile, ...] = ()
    """The files that could not be read, or not to their end."""

    @property
    def ok(self) -> bool:
        """Whether every file was read, and a check that was asked for looked at all and holds."""
        if self.failed:
            return False
        return not self.checked or not (
            self.problems
            or self.struck_others
            or self.unread
            or not (self.layers or self.others)
            or any(findings_of(layer) for layer in self.layers)
        )

    @property
    def unread(self) -> tuple[SkippedTensor, ...]:
        """The weights of layers that a check of all layers should have looked at, and could not."""
        return () if self.left_out else tuple(skip for skip in self.skipped if skip.hides_layer)

    @property
    def is_undecided(self) -> bool:
        """Whether a check failed only on what was not looked at."""
        found = [finding for layer in self.layers for finding in findings_of(layer)]
        return (
            not self.ok
            and not (self.problems or self.struck_others)
            and bool(found or self.unread or self.failed)
            and all(finding.kind == "undecided" for finding in found)
        )

    @property
    def struck_others(self) -> tuple[ScannedOther, ...]:
        """The arrays beside the layers with numbers that are not finite."""
        return tuple(other for other in self.others if other.numbers.nan or other.numbers.inf)

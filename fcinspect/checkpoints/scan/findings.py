"""What speaks against a layer, whatever it was trained for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fcinspect.checkpoints.scan.chance import may_be_chance
from fcinspect.checkpoints.scan.merging import MOST_DIGESTS
from fcinspect.checkpoints.scan.records import ScannedLayer, ScannedOther
from fcinspect.checkpoints.scan.statistics import Places, Statistics

Kind = Literal[
    "nan", "inf", "all zero", "dead outputs", "dead inputs", "duplicate outputs", "undecided"
]


@dataclass(frozen=True)
class Finding:
    """Something about a layer that a check fails on."""

    kind: Kind
    """What kind of thing it is; "undecided" for what was not looked for."""
    words: str
    """It in words, "3 numbers of the weight are NaN"."""


def findings_of(layer: ScannedLayer) -> tuple[Finding, ...]:
    """Return what speaks against a layer."""
    return tuple(_findings(layer))


def findings_of_other(other: ScannedOther) -> tuple[Finding, ...]:
    """Return what speaks against an array that is no linear layer: numbers that are not finite."""
    return tuple(_not_finite(other.numbers, ""))


def equal_by_chance(layer: ScannedLayer) -> bool:
    """Whether outputs are equal, but no more of them than chance makes with so few bits each."""
    equal = layer.weight.duplicate_outputs
    if equal is None or not equal.count:
        return False
    return may_be_chance(equal.count, layer.out_features, layer.in_features, layer.dtype)


def _findings(layer: ScannedLayer) -> Iterator[Finding]:
    weight = layer.weight
    yield from _not_finite(weight.numbers, "weight")
    if layer.bias is not None:
        yield from _not_finite(layer.bias, "bias")
    if weight.numbers.count and weight.numbers.zeros == weight.numbers.count:
        yield Finding("all zero", "the weight is all zero")
        return
    if layer.doubt is not None:
        yield Finding("undecided", f"outputs and inputs were not looked at: {layer.doubt}")
        return
    if weight.dead_outputs.count:
        words = _lines(weight.dead_outputs, "output", "has", "have")
        yield Finding("dead outputs", f"{words} weights that are all zero")
    if weight.dead_inputs.count:
        words = _lines(weight.dead_inputs, "input", "has", "have")
        yield Finding("dead inputs", f"{words} weights that are all zero")
    if weight.duplicate_outputs is None:
        yield Finding(
            "undecided", f"equal outputs were not looked for: there are over {MOST_DIGESTS:,}"
        )
    elif weight.duplicate_outputs.count and not equal_by_chance(layer):
        words = _lines(weight.duplicate_outputs, "output", "has", "have")
        yield Finding("duplicate outputs", f"{words} the same weights as an earlier one")


def _not_finite(numbers: Statistics, what: str) -> Iterator[Finding]:
    for kind, count, word in (("nan", numbers.nan, "NaN"), ("inf", numbers.inf, "infinite")):
        if count:
            some = "1 number" if count == 1 else f"{count:,} numbers"
            verb = "is" if count == 1 else "are"
            of = f" of the {what}" if what else ""
            yield Finding(kind, f"{some}{of} {verb} {word}")  # type: ignore[arg-type]  # of two


def _lines(places: Places, noun: str, one: str, many: str) -> str:
    """Return "output 5 has" or "3 outputs (5, 7, 9) have"."""
    if places.count == 1:
        return f"{noun} {places.first[0]} {one}"
    named = ", ".join(map(str, places.first))
    more = ", …" if places.count > len(places.first) else ""
    return f"{places.count:,} {noun}s ({named}{more}) {many}"

"""What a scan says in all: what speaks against a layer, and whether it looks untrained.

Of equal outputs only those speak against it that chance does not explain. Two numbers of t bits of
significand, drawn from a smooth law, are equal with a probability of about 2^−t at most; two
outputs of k inputs are with 2^(−tk). So n outputs are like n balls thrown into N = 2^(tk) urns, of
which d = n − N(1 − (1 − 1/N)^n) are expected to fall on an earlier one. Of more than that, m > d,
Chernoff's bound tells: P(X ≥ m) ≤ exp(m − d + m ln(d/m)).

A weight is said to look as its initialisation left it only where everything that is known speaks
for a law (layers/law_bounds.py): mean and mean square; that no number is beyond a uniform law's
bound; the smallest and the largest number, which of so many must come near to the bound, or lie
between two multiples of σ; the longest row or column; the number of zeros; σ₁ where it is known,
since training adds directions of its own to a random matrix, and often they stand out. Each
statement fails a fresh weight with probability at most 1e-9. A weight that merely lies within the
bound, was scaled, clipped or pruned, or has one number too large is not called untrained; one that
was trained so little that it moved less than these bounds still is. What the bounds leave open,
relative to the law:

    numbers              1,024   10⁴     10⁵     10⁶
    largest, uniform     4 %     0.4 %   0.04 %  0.004 %
    mean square, uniform 31 %    9.8 %   3.1 %   0.98 %
    mean square, normal  –       –       2.9 %   0.93 %

(bfloat16 adds 1.2 % to the first line and 3 % to the others). Trained numbers can be as good as
normal: a layer that starts from Xavier's uniform law and is smeared by a few hundred steps of SGD
has the variance and the tails of Xavier's normal one. So a normal law "may be untrained", and only
a uniform one, whose sharp bound a single step of Adam breaks, "looks untrained".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fcinspect.checkpoints.records import FailedFile, SkippedTensor
from fcinspect.checkpoints.scan import records
from fcinspect.errors import UsageError
from fcinspect.rounding.formats import FORMATS, STORED, NumberFormat

if TYPE_CHECKING:
    from fcinspect.layers.initialisation import InitialisationLaw

Kind = Literal[
    "nan", "inf", "all zero", "dead outputs", "dead inputs", "duplicate outputs", "undecided"
]
RARE = 1e-6
"""A probability that is not taken for chance."""
MOST_BITS = 200
"""From so many bits of an output on, no number of outputs has equal ones by chance."""
MANY_URNS = 1e6
"""Urns for each ball from which on d = n(n − 1)/2N to seven digits, which does not cancel."""
ENOUGH = {"constant": 16, "uniform": 2**10, "normal": 2**15}
"""Numbers of a weight from which on a law of each kind is named: fewer prove too little."""
MAKERS = {
    "default": "nn.Linear's default",
    "kaiming_uniform": "Kaiming uniform",
    "xavier_uniform": "Xavier uniform",
    "kaiming_normal": "Kaiming normal",
    "xavier_normal": "Xavier normal",
}
"""The laws of a weight in words."""


@dataclass(frozen=True)
class Objection:
    """Something about a layer that a check fails on."""

    kind: Kind
    """What kind of thing it is; "undecided" for what was not looked for."""
    words: str
    """It in words, "3 numbers of the weight are NaN"."""


def findings_of_other(other: records.ScannedOther) -> tuple[Objection, ...]:
    """Return what speaks against an array that is no linear layer: numbers that are not finite."""
    return tuple(_not_finite(other.numbers, ""))


def findings_of(layer: records.ScannedLayer) -> tuple[Objection, ...]:
    """Return what speaks against a layer."""
    return tuple(_findings(layer))


def equal_by_chance(layer: records.ScannedLayer) -> bool:
    """Whether outputs are equal, but no more of them than chance makes with so few bits each."""
    equal = layer.weight.duplicate_outputs
    if equal is None or not equal.count:
        return False
    return may_be_chance(equal.count, layer.out_features, layer.in_features, layer.dtype)


def _findings(layer: records.ScannedLayer) -> Iterator[Objection]:
    weight = layer.weight
    yield from _not_finite(weight.numbers, "weight")
    if layer.bias is not None:
        yield from _not_finite(layer.bias, "bias")
    if weight.numbers.count and weight.numbers.zeros == weight.numbers.count:
        yield Objection("all zero", "the weight is all zero")
        return
    if layer.doubt is not None:
        yield Objection("undecided", f"outputs and inputs were not checked: {layer.doubt}")
        return
    if weight.dead_outputs.count:
        words = f"{_lines(weight.dead_outputs, 'output')} weights that are all zero"
        yield Objection("dead outputs", words)
    if weight.dead_inputs.count:
        words = f"{_lines(weight.dead_inputs, 'input')} weights that are all zero"
        yield Objection("dead inputs", words)
    if weight.duplicate_outputs is None:
        words = (
            f"equal outputs were not looked for: there are over {records.MOST_DIGESTS:,} outputs"
        )
        yield Objection("undecided", words)
    elif weight.duplicate_outputs.count and not equal_by_chance(layer):
        words = _lines(weight.duplicate_outputs, "output")
        yield Objection("duplicate outputs", f"{words} the same weights as an earlier one")


def _not_finite(numbers: records.ScannedNumbers, what: str) -> Iterator[Objection]:
    for kind, count, word in (("nan", numbers.nan, "NaN"), ("inf", numbers.inf, "infinite")):
        if count:
            some = "1 number" if count == 1 else f"{count:,} numbers"
            verb = "is" if count == 1 else "are"
            of = f" of the {what}" if what else ""
            yield Objection(kind, f"{some}{of} {verb} {word}")  # type: ignore[arg-type]  # of two


def _lines(places: records.LineCount, noun: str) -> str:
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
    urns = math.ldexp(1.0, bits)
    if urns > MANY_URNS * outputs:
        expected = outputs * (outputs - 1) / 2 / urns
    else:
        expected = outputs + urns * math.expm1(outputs * math.log1p(-1 / urns))
    if equal <= expected:
        return True
    exponent = equal - expected + equal * math.log(expected / equal)
    return exponent > math.log(RARE)


@dataclass(frozen=True)
class ScanReport:
    """What a scan of one or several checkpoints says."""

    sources: tuple[str, ...]
    layers: tuple[records.ScannedLayer, ...]
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
    others: tuple[records.ScannedOther, ...] = ()
    """The arrays beside the layers that were gone through, as a check of all layers does."""
    failed: tuple[FailedFile, ...] = ()
    """The files that could not be read, or not to their end."""

    @property
    def ok(self) -> bool:
        """Whether every file was read, and a check that was asked for looked at all and holds."""
        if self.failed or not self.checked:
            return not self.failed
        objected = self.problems or self.struck_others or self.unread
        looked = self.layers or self.others
        return not objected and bool(looked) and not any(map(findings_of, self.layers))

    @property
    def unread(self) -> tuple[SkippedTensor, ...]:
        """The weights of layers that a check of all layers should have looked at, and could not."""
        return () if self.left_out else tuple(skip for skip in self.skipped if skip.hides_layer)

    @property
    def is_undecided(self) -> bool:
        """Whether a check failed only on what was not looked at."""
        found = [finding for layer in self.layers for finding in findings_of(layer)]
        if self.ok or self.problems or self.struck_others:
            return False
        undecided = bool(found or self.unread or self.failed)
        return undecided and all(finding.kind == "undecided" for finding in found)

    @property
    def struck_others(self) -> tuple[records.ScannedOther, ...]:
        """The arrays beside the layers with numbers that are not finite."""
        return tuple(other for other in self.others if other.numbers.nan or other.numbers.inf)


def fingerprint_of(
    statistics: records.MatrixStatistics,
    in_features: int,
    out_features: int,
    dtype: str,
    leading: float | None = None,
) -> records.Fingerprint | None:
    """Return the law that a weight (out_features × in_features) looks drawn from.

    `leading` is its largest singular value, or a lower bound near it, None where it is not known.
    Returns None where no known law fits, where a number is not finite, where there are too few
    (`ENOUGH`), and for random laws in dtypes that no layer is made in, such as float8.
    """
    numbers = statistics.numbers
    if numbers.finite < numbers.count or numbers.count < ENOUGH["constant"]:
        return None
    if numbers.min == numbers.max:
        maker = {0.0: "zeros_", 1.0: "ones_"}.get(numbers.min, "constant_")
        return records.Fingerprint(
            "constant", f"every number is {numbers.min:.6g}", (f"nn.init.{maker}",)
        )
    if dtype not in FORMATS or numbers.count < ENOUGH["uniform"]:
        return None
    # weights made in bfloat16 may be kept in float32; their bound is that of bfloat16
    coarser = [form for form in FORMATS.values() if form.precision < FORMATS[dtype].precision]
    holding = [form for form in coarser if form.holds(numbers.min) and form.holds(numbers.max)]
    held = min(holding, key=lambda form: form.precision, default=FORMATS[dtype])
    fitting = [
        (law, maker)
        for law, maker in _laws(in_features, out_features)
        if _fits(law, statistics, (out_features, in_features), held, leading)
    ]
    if not fitting:
        return None
    first = fitting[0][0]
    makers = tuple(maker for law, maker in fitting if law.kind == first.kind)
    kind: Literal["uniform", "normal"] = "uniform" if first.kind == "uniform" else "normal"
    # "U(−1/√4, 1/√4) = U(−0.5, 0.5)" and "N(0, 2/4), σ = 0.7071" give their numbers as well
    symbols = first.words.split(" = U")[0].split(", σ")[0]
    return records.Fingerprint(kind, symbols, makers)


def _laws(in_features: int, out_features: int) -> Iterator[tuple[InitialisationLaw, str]]:
    """Yield the laws that are looked for, each with who draws from it."""
    from fcinspect.layers import initialisation as laws

    for name, maker in MAKERS.items():
        try:
            yield laws.weight_law(name, in_features, out_features), maker
        except UsageError:  # there is none for a layer without features
            continue
    if in_features != out_features:
        out = out_features
        yield laws.uniform_law("fan_out", f"√(6/{out})", 6, out), "Kaiming uniform with fan_out"
        yield laws.normal_law("fan_out", f"2/{out}", out), "Kaiming normal with fan_out"
    published = laws.InitialisationLaw("published", "normal", "N(0, 0.02²)", 0.02)
    yield published, "as GPT-2 and BERT are initialized"


def _fits(
    law: InitialisationLaw,
    statistics: records.MatrixStatistics,
    shape: tuple[int, int],
    held: NumberFormat,
    leading: float | None,
) -> bool:
    """Whether everything that is known of the numbers speaks for the law."""
    from fcinspect.layers import law_bounds

    numbers = statistics.numbers
    count, scale = numbers.count, law.scale
    if count < ENOUGH[law.kind]:
        return False
    # no number of these laws is as large as what the square of its norm could overflow by
    square = (numbers.norm / math.sqrt(count)) ** 2 if numbers.norm < 1e100 else math.inf
    if law.kind == "uniform":
        low, high = law_bounds.uniform_squares(scale, count, held)
        least = law_bounds.uniform_reach(scale, count, held)
        most = law_bounds.rounded_outward(scale, held)
    else:
        low, high = (scale**2 * limit for limit in law_bounds.normal_squares(count, held))
        least, most = (scale * limit for limit in law_bounds.normal_reach(count, held))
    return (
        low <= square <= high
        and abs(numbers.mean) <= law_bounds.largest_mean(scale, count, held)
        and least <= numbers.max <= most
        and least <= -numbers.min <= most
        and numbers.zeros <= law_bounds.most_zeros(scale, count, held)
        and statistics.spectral_low is not None
        and statistics.spectral_low <= law_bounds.longest_row(law.kind, scale, shape, held)
        and (leading or 0.0) <= law_bounds.largest_singular_value(law.kind, scale, shape, held)
    )

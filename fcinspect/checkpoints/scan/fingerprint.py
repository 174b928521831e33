"""Whether a weight still looks as its initialisation left it, told from its statistics alone.

A law is named only where everything that is known speaks for it (layers/law_bounds.py): mean and
mean square; that no number is beyond a uniform law's bound; the smallest and the largest number,
which of so many must come near to the bound, or lie between two multiples of σ; the longest row or
column; the number of zeros. Each statement fails a fresh weight with probability at most 1e-9. A
weight that merely lies within the bound, was scaled, clipped or pruned, or has one number too large
is not called untrained.

Statistics cannot tell more than that: a weight trained so little that it moved less than these
bounds still looks untrained. What the bounds leave open, relative to the law:

    numbers              1,024   10⁴     10⁵     10⁶
    largest, uniform     4 %     0.4 %   0.04 %  0.004 %
    mean square, uniform 31 %    9.8 %   3.1 %   0.98 %
    mean square, normal  –       –       2.9 %   0.93 %

(bfloat16 adds 1.2 % to the first line and 3 % to the others). A normal law has no bound for the
numbers to come near to, so it is named from 2^15 numbers on, and a uniform one from 1,024.
Trained numbers can be as good as normal: a layer that starts from Xavier's uniform law and is
smeared by a few hundred steps of SGD has the variance and the tails of Xavier's normal one. So a
normal law "may be untrained", and only a uniform one, whose sharp bound a single step of Adam
breaks, "looks untrained". Where σ₁ is known it must fit too: training adds directions of its own
to a random matrix, and often they stand out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from fcinspect.checkpoints.scan.records import Fingerprint, MatrixStatistics, ScannedNumbers
from fcinspect.errors import UsageError
from fcinspect.layers.initialisation import (
    InitialisationLaw,
    normal_law,
    uniform_law,
    weight_law,
)
from fcinspect.layers.law_bounds import (
    largest_mean,
    largest_singular_value,
    longest_row,
    most_zeros,
    normal_reach,
    normal_squares,
    rounded_outward,
    uniform_reach,
    uniform_squares,
)
from fcinspect.rounding.formats import FORMATS, NumberFormat

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


def fingerprint_of(
    statistics: MatrixStatistics,
    in_features: int,
    out_features: int,
    dtype: str,
    leading: float | None = None,
) -> Fingerprint | None:
    """Return the law that a weight (out_features × in_features) looks drawn from.

    `leading` is its largest singular value, or a lower bound near it, None where it is not known.

    None where it is none that is known here, where a number is not finite, where there are too
    few (`ENOUGH`), and for random laws in dtypes that no layer is made in, such as float8.
    """
    numbers = statistics.numbers
    if numbers.finite < numbers.count or numbers.count < ENOUGH["constant"]:
        return None
    if numbers.min == numbers.max:
        maker = {0.0: "zeros_", 1.0: "ones_"}.get(numbers.min, "constant_")
        return Fingerprint("constant", f"every number is {numbers.min:.6g}", (f"nn.init.{maker}",))
    if dtype not in FORMATS:
        return None
    held = _made_in(numbers, FORMATS[dtype])
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
    return Fingerprint(kind, symbols, makers)


def _laws(in_features: int, out_features: int) -> Iterator[tuple[InitialisationLaw, str]]:
    """Yield the laws that are looked for, each with who draws from it."""
    for name, maker in MAKERS.items():
        try:
            yield weight_law(name, in_features, out_features), maker
        except UsageError:  # there is none for a layer without features
            continue
    if in_features != out_features:
        out = out_features
        yield uniform_law("fan_out", f"√(6/{out})", 6, out), "Kaiming uniform of fan_out"
        yield normal_law("fan_out", f"2/{out}", out), "Kaiming normal of fan_out"
    published = InitialisationLaw("published", "normal", "N(0, 0.02²)", 0.02)
    yield published, "as GPT-2 and BERT start"


def _made_in(numbers: ScannedNumbers, held: NumberFormat) -> NumberFormat:
    """Return the coarsest format, up to `held`, that holds the smallest and the largest number.

    Weights made in bfloat16 may be kept in float32; their bound is that of bfloat16.
    """
    for coarser in sorted(FORMATS.values(), key=lambda form: form.precision):
        narrower = coarser.precision < held.precision
        if narrower and coarser.holds(numbers.min) and coarser.holds(numbers.max):
            return coarser
    return held


def _fits(
    law: InitialisationLaw,
    statistics: MatrixStatistics,
    shape: tuple[int, int],
    held: NumberFormat,
    leading: float | None,
) -> bool:
    """Whether everything that is known of the numbers speaks for the law."""
    numbers = statistics.numbers
    count, scale = numbers.count, law.scale
    if count < ENOUGH[law.kind]:
        return False
    # no number of these laws is as large as what the square of its norm could overflow by
    square = (numbers.norm / math.sqrt(count)) ** 2 if numbers.norm < 1e100 else math.inf
    if law.kind == "uniform":
        low, high = uniform_squares(scale, count, held)
        reach = uniform_reach(scale, count, held), rounded_outward(scale, held)
    else:
        low, high = (scale**2 * limit for limit in normal_squares(count, held))
        least, most = normal_reach(count, held)
        reach = scale * least, scale * most
    longest = longest_row(law.kind, scale, shape, held)
    return (
        low <= square <= high
        and abs(numbers.mean) <= largest_mean(scale, count, held)
        and reach[0] <= numbers.max <= reach[1]
        and reach[0] <= -numbers.min <= reach[1]
        and numbers.zeros <= most_zeros(scale, count, held)
        and statistics.spectral_low is not None
        and statistics.spectral_low <= longest
        and (leading or 0.0) <= largest_singular_value(law.kind, scale, shape, held)
    )

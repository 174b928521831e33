"""How many outputs of a layer are equal by chance, as their numbers have few bits.

Two numbers of t bits of significand, drawn from a smooth law, are equal with a probability of about
2^−t at most; two outputs of k inputs are with 2^(−tk). So n outputs are like n balls thrown into
N = 2^(tk) urns, of which d = n − N(1 − (1 − 1/N)^n) are expected to fall on an earlier one. Of more
than that, m > d, Chernoff's bound tells: P(X ≥ m) ≤ exp(m − d + m ln(d/m)).
"""

from __future__ import annotations

import math

from fcinspect.rounding.formats import STORED

RARE = 1e-6
"""A probability that is not taken for chance."""
MOST_BITS = 200
"""From so many bits of an output on, no number of outputs has equal ones by chance."""
MANY_URNS = 1e6
"""Urns for each ball from which on d = n(n − 1)/2N to seven digits, which does not cancel."""


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

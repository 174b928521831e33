"""The laws of torch.nn.init by name, and whether the numbers of an array obey them.

What is checked of random numbers can fail a correct layer with probability at most `DELTA` for
each statement. A uniform law is bounded: every number must lie within its bound, exactly. What
numbers of the law may do together is bounded by

- mean of n numbers in [−a, a]:  |mean| <= a·√(2·ln(2/δ)/n)  (Hoeffding 1963, theorem 2);
- mean square in [0, a²]:  |mean square − a²/3| <= a²·√(ln(2/δ)/(2n))  (the same);
- mean of n normal numbers:  |mean| <= σ·√(2·ln(2/δ)/n);
- their squares, x = ln(2/δ):  −2√(nx) <= Σ(v/σ)² − n <= 2√(nx) + 2x  (Laurent–Massart 2000,
  lemma 1).

Torch draws low-precision numbers from a grid of 2^t uniforms, which moves mean and mean square by
a few u; `_grid` is that allowance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from fcinspect.errors import UsageError, did_you_mean
from fcinspect.layers.linear import INITIALISERS
from fcinspect.rounding.formats import NumberFormat, format_named
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fcinspect.layers.array import Array

DELTA = 1e-9
"""The probability with which one statement on random numbers fails a correct layer."""

Kind = Literal["uniform", "normal", "orthogonal", "constant", "eye"]


@dataclass(frozen=True)
class InitialisationLaw:
    """From what distribution a parameter's numbers come."""

    name: str
    """The initialiser's name."""
    kind: Kind
    """The family of the law."""
    words: str
    """The law in symbols and numbers, "U(−1/√4, 1/√4) = U(−0.5, 0.5)"."""
    scale: float = 0.0
    """a of U(−a, a), σ of N(0, σ²), or the constant."""

    @property
    def bound(self) -> float | None:
        """The largest absolute value that the law allows, None for an unbounded one."""
        return {
            "uniform": self.scale,
            "constant": abs(self.scale),
            "eye": 1.0,
            "orthogonal": 1.0,
            "normal": None,
        }[self.kind]


@dataclass(frozen=True)
class LawCheck:
    """Whether an array obeys a law."""

    verdict: Verdict
    """Within, outside, or undecided for numbers that are not finite."""
    detail: str
    """What was compared with what."""


def weight_law(name: str, in_features: int, out_features: int) -> InitialisationLaw:
    """Return the law of an nn.Linear's weight; raises UsageError where torch has none."""
    if name not in INITIALISERS:
        raise UsageError(
            f"init {name!r} is not known: expected one of {', '.join(INITIALISERS)}",
            hint=did_you_mean(name, INITIALISERS),
        )
    if name.startswith("xavier") and in_features + out_features == 0:
        raise UsageError(f"--init {name} divides by in_features + out_features, which is 0")
    fan_in, both = in_features, in_features + out_features
    if name == "default":
        return uniform_law("default", f"1/√{fan_in}", 1, fan_in)
    if name == "kaiming_uniform":
        return uniform_law(name, f"√(6/{fan_in})", 6, fan_in)
    if name == "xavier_uniform":
        return uniform_law(name, f"√(6/({fan_in}+{out_features}))", 6, both)
    if name == "kaiming_normal":
        return normal_law(name, f"2/{fan_in}", fan_in)
    if name == "xavier_normal":
        return normal_law(name, f"2/({fan_in}+{out_features})", both)
    if name == "orthogonal":
        words = "WᵀW = I" if out_features >= in_features else "WWᵀ = I"
        return InitialisationLaw(name, "orthogonal", f"orthogonal: {words}", 1.0)
    if name == "eye":
        return InitialisationLaw(name, "eye", "the identity: 1 at [i, i], else 0", 1.0)
    constant = 1.0 if name == "ones" else 0.0
    return InitialisationLaw(name, "constant", f"every number is {constant:.0f}", constant)


def bias_law(in_features: int) -> InitialisationLaw:
    """Return the law of an nn.Linear's bias: the default one whatever the weight's, or 0."""
    if in_features == 0:
        return InitialisationLaw("default", "constant", "every number is 0, in_features being 0")
    return uniform_law("default", f"1/√{in_features}", 1, in_features)


def obeys(law: InitialisationLaw, values: Array) -> LawCheck:
    """Check whether an array's numbers obey a law."""
    import numpy as np

    if not values.size:
        return LawCheck(Verdict.WITHIN, "nothing to check")
    lost = int(values.size - np.isfinite(values.values).sum())
    if lost:
        return LawCheck(Verdict.UNDECIDED, f"{_numbers(lost)} not finite")
    match law.kind:
        case "uniform":
            return _obeys_uniform(law, values)
        case "normal":
            return _obeys_normal(law, values)
        case "orthogonal":
            return _obeys_orthogonal(values)
        case "eye":
            identity = np.eye(*values.shape, dtype=values.values.dtype)
            return _equals(values, identity, "the identity's")
        case "constant":
            return _equals(values, np.full_like(values.values, law.scale), f"{law.scale:.0f}")


def uniform_law(name: str, symbol: str, factor: int, divisor: int) -> InitialisationLaw:
    """Return U(−a, a) with a = √(factor/divisor), written as `symbol`."""
    if divisor == 0:
        return InitialisationLaw(name, "uniform", "no law: there are no numbers")
    bound = math.sqrt(Fraction(factor, divisor))
    words = f"U(−{symbol}, {symbol}) = U(−{bound:.4g}, {bound:.4g})"
    return InitialisationLaw(name, "uniform", words, bound)


def normal_law(name: str, variance: str, divisor: int) -> InitialisationLaw:
    """Return N(0, 2/divisor), the variance written as `variance`."""
    if divisor == 0:
        return InitialisationLaw(name, "normal", "no law: there are no numbers")
    sigma = math.sqrt(Fraction(2, divisor))
    return InitialisationLaw(name, "normal", f"N(0, {variance}), σ = {sigma:.4g}", sigma)


def _obeys_uniform(law: InitialisationLaw, values: Array) -> LawCheck:
    import numpy as np

    held, count = format_named(values.dtype), values.size
    bound = _rounded_outward(law.scale, held)
    largest = float(np.abs(values.values).max())
    beyond = int((np.abs(values.values) > bound).sum())
    if beyond:
        detail = f"{_of(beyond, count)} beyond the bound {law.scale:.4g}: largest {largest:.4g}"
        return LawCheck(Verdict.OUTSIDE, detail)
    inside = f"{_all(count)} within the bound"
    room = 1 + _grid(held)
    log = math.log(2 / DELTA)
    mean, square = _moments(values)
    most = law.scale * (math.sqrt(2 * log / count) + _grid(held))
    if abs(mean) > most:
        return LawCheck(
            Verdict.OUTSIDE,
            f"{inside}, but the mean {mean:.4g} is beyond ±{most:.4g}",
        )
    expected = law.scale**2 / 3
    spread = law.scale**2 * math.sqrt(log / (2 * count))
    if not (expected - spread) / room <= square <= (expected + spread) * room:
        return LawCheck(
            Verdict.OUTSIDE,
            f"{inside}, but their mean square {square:.4g} is not {expected:.4g} ± {spread:.2g}",
        )
    if most >= law.scale:
        return LawCheck(Verdict.WITHIN, inside)
    return LawCheck(Verdict.WITHIN, f"{inside}; the mean {mean:.2g} within ±{most:.2g}")


def _obeys_normal(law: InitialisationLaw, values: Array) -> LawCheck:
    held, count = format_named(values.dtype), values.size
    log = math.log(2 / DELTA)
    room = 1 + _grid(held)
    mean, square = _moments(values)
    most = law.scale * (math.sqrt(2 * log / count) + _grid(held))
    if abs(mean) > most:
        return LawCheck(Verdict.OUTSIDE, f"the mean {mean:.4g} is beyond ±{most:.4g}")
    ratio = square / law.scale**2
    low = max(0.0, 1 - 2 * math.sqrt(log / count)) / room
    high = (1 + 2 * math.sqrt(log / count) + 2 * log / count) * room
    detail = f"variance {ratio:.4g}·σ², expected {low:.2g} to {high:.3g}·σ²"
    if not low <= ratio <= high:
        return LawCheck(Verdict.OUTSIDE, detail)
    return LawCheck(Verdict.WITHIN, f"the mean {mean:.2g} within ±{most:.2g}; {detail}")


def _obeys_orthogonal(values: Array) -> LawCheck:
    """Check the columns (rows, if fewer) for length 1 and right angles.

    Householder's Q differs from an exactly orthogonal one by γ̃(mn) in each column, with m >= n
    (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., theorem 19.4 with the
    remark on forming Q), so |QᵀQ − I| <= 2γ̃ + γ̃². Where m·n·u leaves nothing of that bound,
    √(mn) stands for mn, which holds with high probability for torch's random matrix (Connolly and
    Higham 2023).
    """
    import numpy as np

    tall = values.shape[0] >= values.shape[1]
    long = values.values if tall else values.values.T
    deviation = 0.0
    exact = long.astype(np.float64)
    step = max(1, (1 << 22) // max(long.shape))
    for start in range(0, long.shape[1], step):
        product = exact.T @ exact[:, start : start + step]
        diagonal = np.arange(product.shape[1])
        product[start + diagonal, diagonal] -= 1.0
        deviation = max(deviation, float(np.abs(product).max()))
    rows, columns = long.shape
    bound, by = _orthogonality_bound(rows, columns, format_named(values.dtype))
    inequality = f"max |{'WᵀW' if tall else 'WWᵀ'} − I| = {deviation:.2g}"
    if deviation <= bound:
        return LawCheck(Verdict.WITHIN, f"{inequality}, at most {bound:.2g} by {by}")
    return LawCheck(Verdict.OUTSIDE, f"{inequality}, beyond {bound:.2g} by {by}")


HOUSEHOLDER = 8
"""The small constant c of γ̃(k) = c·k·u/(1 − c·k·u)."""


def _orthogonality_bound(rows: int, columns: int, held: NumberFormat) -> tuple[float, str]:
    unit = held.unit_roundoff
    for steps, by in (
        (rows * columns, "rounding"),
        (math.sqrt(rows * columns), "rounding with high probability"),
    ):
        small = HOUSEHOLDER * (steps + 1) * unit
        if small < 0.1:
            gamma = small / (1 - small)
            # the product above is itself summed in float64
            return 2 * gamma + gamma**2 + rows * 2.0**-52, by
    return math.inf, "rounding"


def _equals(values: Array, wanted: npt.NDArray[np.floating], words: str) -> LawCheck:
    different = int((values.values != wanted).sum())
    if different:
        return LawCheck(Verdict.OUTSIDE, f"{_of(different, values.size)} not {words}")
    return LawCheck(Verdict.WITHIN, f"{_all(values.size)} exactly {words}")


def _rounded_outward(bound: float, held: NumberFormat) -> float:
    """Return the smallest number of the format that no correct draw exceeds.

    Torch computes the bound in float64 in up to eight roundings, then rounds it to the format.
    """
    exact = Fraction(bound) * (1 + Fraction(8, 2**53))
    nearest = held.round(exact)
    return nearest if nearest >= exact else nearest + held.ulp(nearest)


def _grid(held: NumberFormat) -> float:
    """Return how far a grid of 2^t uniforms moves mean and mean square, relative to the scale.

    −2·ln over the grid k·u, k = 1 … 1/u, averages u·ln(2π/u)/2 less than over the interval
    (Stirling's formula); the grid's own centre is u off, and each number is rounded by u.
    """
    unit = held.unit_roundoff
    return unit * (math.log(2 * math.pi / unit) / 2 + 4)


def _moments(values: Array) -> tuple[float, float]:
    """Return mean and mean square, in float64."""
    import numpy as np

    from fcinspect.layers.statistics import chunks

    flat = values.values.reshape(-1)
    total = square = 0.0
    for chunk in chunks(flat):
        total += float(chunk.sum())
        square += float(np.square(chunk).sum())
    return total / flat.size, square / flat.size


def _numbers(count: int) -> str:
    return "1 number is" if count == 1 else f"{count:,} numbers are"


def _of(some: int, count: int) -> str:
    return f"{some:,} of {count:,} {'is' if some == 1 else 'are'}"


def _all(count: int) -> str:
    return {1: "the one number", 2: "both"}.get(count, f"all {count:,}")

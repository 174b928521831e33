"""The laws of torch.nn.init by name, and whether the numbers of an array or a layer obey them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from fcinspect.errors import UsageError, did_you_mean
from fcinspect.layers.law_bounds import (
    largest_mean,
    moments_of,
    normal_squares,
    rounded_outward,
    uniform_square_spread,
    uniform_squares,
)
from fcinspect.layers.linear import INITIALISERS, LinearLayer
from fcinspect.layers.statistics import ArrayStatistics, statistics_of
from fcinspect.rounding.formats import NumberFormat, format_named
from fcinspect.rounding.verdict import Verdict, overall

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fcinspect.layers.array import Array

Kind = Literal["uniform", "normal", "orthogonal", "constant", "eye"]


@dataclass(frozen=True)
class InitialisationLaw:
    """From what distribution a parameter's numbers come."""

    name: str
    """The initialiser's name."""
    kind: Kind
    words: str
    """The law in symbols and numbers, "U(−1/√4, 1/√4) = U(−0.5, 0.5)"."""
    scale: float = 0.0
    """a of U(−a, a), σ of N(0, σ²), or the constant."""

    @property
    def bound(self) -> float | None:
        """The largest absolute value that the law allows, None for an unbounded one."""
        if self.kind == "normal":
            return None
        return abs(self.scale)


@dataclass(frozen=True)
class LawCheck:
    """Whether an array obeys a law."""

    verdict: Verdict
    """Within, outside, or undecided for numbers that are not finite."""
    detail: str


def weight_law(name: str, in_features: int, out_features: int) -> InitialisationLaw:
    """Return the law of an nn.Linear's weight; raises UsageError where torch has none."""
    if name not in INITIALISERS:
        raise UsageError(
            f"unknown initialization {name!r}: expected one of {', '.join(INITIALISERS)}",
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
        return InitialisationLaw("default", "constant", "every number is 0, since in_features is 0")
    return uniform_law("default", f"1/√{in_features}", 1, in_features)


def obeys(law: InitialisationLaw, values: Array) -> LawCheck:
    """Check whether an array's numbers obey a law."""
    import numpy as np

    if not values.size:
        return LawCheck(Verdict.WITHIN, "nothing to check")
    lost = int(values.size - np.isfinite(values.values).sum())
    if lost:
        count = "1 number is" if lost == 1 else f"{lost:,} numbers are"
        return LawCheck(Verdict.UNDECIDED, f"{count} not finite")
    if law.kind == "eye":
        identity = np.eye(*values.shape, dtype=values.values.dtype)
        return _equals(values, identity, "those of the identity")
    if law.kind == "constant":
        return _equals(values, np.full_like(values.values, law.scale), f"{law.scale:.0f}")
    family = {"uniform": _obeys_uniform, "normal": _obeys_normal, "orthogonal": _obeys_orthogonal}
    return family[law.kind](law, values)


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
    bound = rounded_outward(law.scale, held)
    largest = float(np.abs(values.values).max())
    beyond = int((np.abs(values.values) > bound).sum())
    if beyond:
        detail = f"{_of(beyond, count)} beyond the bound {law.scale:.4g}: largest {largest:.4g}"
        return LawCheck(Verdict.OUTSIDE, detail)
    inside = f"{_all(count)} within the bound"
    (mean, square), most = moments_of(values), largest_mean(law.scale, count, held)
    if abs(mean) > most:
        detail = f"{inside}, but the mean {mean:.4g} is beyond ±{most:.4g}"
        return LawCheck(Verdict.OUTSIDE, detail)
    low, high = uniform_squares(law.scale, count, held)
    if not low <= square <= high:
        expected, spread = law.scale**2 / 3, uniform_square_spread(law.scale, count)
        detail = f"{inside}, but their mean square {square:.4g} is not {expected:.4g}"
        return LawCheck(Verdict.OUTSIDE, f"{detail} ± {spread:.2g}")
    if most >= law.scale:
        return LawCheck(Verdict.WITHIN, inside)
    return LawCheck(Verdict.WITHIN, f"{inside}; the mean {mean:.2g} within ±{most:.2g}")


def _obeys_normal(law: InitialisationLaw, values: Array) -> LawCheck:
    held, count = format_named(values.dtype), values.size
    (mean, square), most = moments_of(values), largest_mean(law.scale, count, held)
    if abs(mean) > most:
        return LawCheck(Verdict.OUTSIDE, f"the mean {mean:.4g} is beyond ±{most:.4g}")
    ratio = square / law.scale**2
    low, high = normal_squares(count, held)
    detail = f"variance {ratio:.4g}·σ², expected {low:.2g} to {high:.3g}·σ²"
    if not low <= ratio <= high:
        return LawCheck(Verdict.OUTSIDE, detail)
    return LawCheck(Verdict.WITHIN, f"the mean {mean:.2g} within ±{most:.2g}; {detail}")


def _obeys_orthogonal(law: InitialisationLaw, values: Array) -> LawCheck:
    """Check the columns (rows, if fewer) for length 1 and right angles.

    Householder's Q differs from an exactly orthogonal one by γ̃(mn) in each column, with m >= n
    (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., theorem 19.4 with the
    remark on forming Q), so |QᵀQ − I| <= 2γ̃ + γ̃². Where m·n·u makes that bound useless,
    √(mn) replaces mn, which holds with high probability for torch's random matrix (Connolly and
    Higham 2023).
    """
    columns, rows = sorted(values.shape)
    tall = values.shape[0] == rows
    deviation = _deviation(values)
    bound, by = _orthogonality_bound(rows, columns, format_named(values.dtype))
    inequality = f"max |{'WᵀW' if tall else 'WWᵀ'} − I| = {deviation:.2g}"
    if deviation <= bound:
        return LawCheck(Verdict.WITHIN, f"{inequality}, within the bound {bound:.2g} for {by}")
    return LawCheck(Verdict.OUTSIDE, f"{inequality}, beyond the bound {bound:.2g} for {by}")


def is_orthogonal(weight: Array) -> bool:
    """Whether the columns (rows, if fewer) are so nearly orthonormal that no chance made them so.

    Two columns of m independent numbers, of length 1, have a product of variance 1/m, and so has
    the square of a length, up to a factor: here all k(k + 1)/2 of them must be below a tenth of
    1/√m, which each is with a chance of at most 1/12. Rounding to bfloat16 takes a hundredth of
    1/√m. Fewer than 3 columns could do that by chance.
    """
    columns, rows = sorted(weight.shape)
    return columns >= 3 and _deviation(weight) < 0.1 / math.sqrt(rows)


def _deviation(weight: Array) -> float:
    """Return max |QᵀQ − I|, Q being the weight with its columns, or its rows, if fewer."""
    import numpy as np

    long = weight.values if weight.shape[0] >= weight.shape[1] else weight.values.T
    found = 0.0
    exact = long.astype(np.float64)
    step = max(1, (1 << 22) // max(long.shape))
    for start in range(0, long.shape[1], step):
        product = exact.T @ exact[:, start : start + step]
        diagonal = np.arange(product.shape[1])
        product[start + diagonal, diagonal] -= 1.0
        found = max(found, float(np.abs(product).max()))
    return found


def _orthogonality_bound(rows: int, columns: int, held: NumberFormat) -> tuple[float, str]:
    numbers, words = rows * columns, "rounding with high probability"
    for steps, by in ((numbers, "rounding"), (math.sqrt(numbers), words)):
        # γ̃(k) = c·k·u/(1 − c·k·u) with the small constant c = 8
        small = 8 * (steps + 1) * held.unit_roundoff
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


def _of(some: int, count: int) -> str:
    return f"{some:,} of {count:,} {'is' if some == 1 else 'are'}"


def _all(count: int) -> str:
    return {1: "the one number", 2: "both"}.get(count, f"all {count:,}")


@dataclass(frozen=True)
class Inspected:
    """One parameter, inspected."""

    statistics: ArrayStatistics
    law: InitialisationLaw
    """What its initialiser promises, or what the default one would."""
    check: LawCheck
    """Whether the numbers are as promised."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """One layer, inspected."""

    layer: LinearLayer
    init: str
    known: bool
    """True when that initialiser made the layer; False when it is only compared with."""
    weight: Inspected
    bias: Inspected | None
    activation: str | None = None
    """What follows the layer in its network."""

    @property
    def verdict(self) -> Verdict:
        """The worse of both checks."""
        parts = [self.weight] if self.bias is None else [self.weight, self.bias]
        return overall(part.check.verdict for part in parts)

    @property
    def parameter_bytes(self) -> int:
        """Memory of weight and bias."""
        arrays = [self.layer.weight] + ([] if self.layer.bias is None else [self.layer.bias])
        return sum(array.size * format_named(array.dtype).itemsize for array in arrays)


def inspect_layer(
    layer: LinearLayer, init: str | None = None, activation: str | None = None
) -> Inspection:
    """Inspect a layer that `init` made, or None for one of unknown making."""
    name = init or "default"
    laws = weight_law(name, layer.in_features, layer.out_features), bias_law(layer.in_features)
    weight, bias = layer.weight, layer.bias
    return Inspection(
        layer, name, init is not None,
        Inspected(statistics_of(weight), laws[0], obeys(laws[0], weight)),
        None if bias is None else Inspected(statistics_of(bias), laws[1], obeys(laws[1], bias)),
        activation,
    )  # fmt: skip

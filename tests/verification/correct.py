"""Correct linear layers of every kind: data, number formats, and ways to compute them.

Configuration `index` is always the same: its random numbers are seeded by the index.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fcinspect.rounding.arrays import round_to
from fcinspect.rounding.dot import DotCheck
from fcinspect.rounding.formats import FORMATS, NumberFormat, format_named
from tests.verification.library_ways import WAYS, Floats
from tests.verification.sums_by_hand import applies

SIZES = (1, 2, 3, 4, 5, 7, 8, 16, 31, 33, 64, 100, 127, 256, 512, 784, 1000, 1024, 2047, 4096,
         8192, 10007, 16384)  # fmt: skip
MOST_PRODUCTS = 2**17
KINDS = (
    "uniform", "normal", "student", "lognormal", "pairs", "orthogonal", "constant", "positive",
    "subnormal", "huge", "mixed", "sparse", "integers",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Layer:
    """A computed layer; numbers of its dtype in float64 arrays."""

    index: int
    dtype: str
    kind: str
    way: str
    accumulate: str | None
    """What has to be declared of how it was computed."""
    x: Floats
    weight: Floats
    bias: Floats | None
    y: Floats

    @property
    def words(self) -> str:
        """The configuration, for a failing test."""
        rows, n = self.x.shape
        bias = "" if self.bias is not None else ", no bias"
        return (
            f"#{self.index}: {self.dtype} {self.kind} ({rows}, {n}) -> {self.y.shape[1]}{bias},"
            f" {self.way}, accumulate {self.accumulate}"
        )


def layer(index: int) -> Layer:
    """Return configuration `index`."""
    random = np.random.default_rng([20240607, index])
    dtype = list(FORMATS)[index % 4]
    kind = KINDS[index // 4 % len(KINDS)]
    n = int(random.choice(SIZES)) if random.random() < 0.7 else int(2 ** random.uniform(0, 14))
    cells = max(1, min(64, MOST_PRODUCTS // n))
    rows = int(random.integers(1, math.isqrt(cells) + 1))
    out = int(random.integers(1, max(1, cells // rows) + 1)) if cells > 1 else 1
    x, weight = operands(random, kind, (rows, n), (out, n), format_named(dtype))
    bias = None
    if random.random() < 0.7:
        with np.errstate(all="ignore"):
            scale = 2.0 ** random.integers(-3, 4) * np.nan_to_num(np.abs(x @ weight.T).max())
            bias = fitted(random.standard_normal(out) * scale, format_named(dtype))
    known = [way for way in WAYS if applies(way, dtype, n, bias)]
    way = known[int(random.integers(len(known)))]
    declared, compute = WAYS[way](random, dtype, n)
    with np.errstate(all="ignore"):
        y = compute(x, weight, bias)
    return Layer(index, dtype, kind, way, declared, x, weight, bias, np.asarray(y, np.float64))


def fitted(values: Floats, number_format: NumberFormat) -> Floats:
    """Return finite numbers of the format."""
    largest = number_format.largest
    return round_to(np.clip(values, -largest, largest), number_format)


def operands(
    random: np.random.Generator,
    kind: str,
    x_shape: tuple[int, int],
    w_shape: tuple[int, int],
    held: NumberFormat,
) -> tuple[Floats, Floats]:
    """Return x and W of that kind."""
    n = x_shape[1]
    x, w = random.standard_normal(x_shape), random.standard_normal(w_shape)
    if kind == "uniform":
        x, w = random.uniform(-1, 1, x_shape), random.uniform(-1, 1, w_shape) / math.sqrt(n)
    elif kind == "student":
        x, w = random.standard_t(2, x_shape), random.standard_t(2, w_shape)
    elif kind == "lognormal":
        x, w = x * np.exp(2 * random.standard_normal(x_shape)), w * np.exp(w)
    elif kind == "pairs":
        half = n // 2
        order = random.permutation(n)
        x[:, half : 2 * half], w[:, half : 2 * half] = x[:, :half], -w[:, :half]
        x, w = x[:, order], w[:, order]
    elif kind == "orthogonal":
        w = w - np.outer(w @ x[0], x[0]) / (x[0] @ x[0])
    elif kind == "constant":
        x, w = np.full(x_shape, 0.1), np.full(w_shape, random.choice([0.1, -0.3, 1 / 3]))
    elif kind == "positive":
        x, w = random.uniform(0, 1, x_shape), np.abs(w)
    elif kind == "subnormal":
        x = x * held.smallest_normal * 2.0 ** random.integers(-4, 5)
        w = w * 2.0 ** random.integers(-4, 2)
    elif kind == "huge":
        top = held.largest_exponent + int(random.integers(-6, 2)) - math.log2(n) / 2
        share = random.uniform(0.1, 0.9)
        x, w = x * 2.0 ** (share * top), w * 2.0 ** ((1 - share) * top)
    elif kind == "mixed":
        span = 5 if held.name == "float16" else 12
        x = x * 2.0 ** random.uniform(-span, span, x_shape)
        w = w * 2.0 ** random.uniform(-span, span, w_shape)
    elif kind == "sparse":
        x, w = x * (random.random(x_shape) < 0.1), w * (random.random(w_shape) < 0.5)
    elif kind == "integers":
        x, w = np.rint(8 * x), np.rint(8 * w)
    return fitted(x, held), fitted(w, held)


def moved(found: DotCheck, place: tuple[int, int], sign: float = 1.0) -> float:
    """Return the exact value of an element moved by 4 times its bound, the larger of two sides."""
    exact, low, high = (float(a[place]) for a in (found.reference, found.low, found.high))
    return exact + sign * 4 * max(high - exact, exact - low, float(found.bound[place]))

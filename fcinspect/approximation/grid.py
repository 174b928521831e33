"""Running a network on a dense grid, and holding what it returns against the function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fcinspect.layers.linear import Network
from fcinspect.rounding.arrays import Float64Array, FloatArray, carrier
from fcinspect.rounding.verdict import Verdict

FEWEST, MOST = 2000, 8000
"""Points of a grid, about; between these, PER_SEGMENT for each segment."""
PER_SEGMENT = 16

Run = Callable[[Network, FloatArray], FloatArray]
"""(network, x of shape (points, 1)) -> y of shape (points, 1), in the network's format."""


@dataclass(frozen=True, eq=False)
class GridCheck:
    """A network's outputs at many points, each held against the function."""

    computed_by: str
    """"numpy 2.3.0", "torch 2.13.0"."""
    x: FloatArray
    """(points), numbers of the format, rising."""
    y: FloatArray
    """(points), what the network returned."""
    errors: Float64Array
    """(points), y − f(x), computed without rounding and then rounded once."""
    largest: Fraction
    """max |y − f(x)|, exact but for f's own digits; only of finite outputs."""
    place: float
    """The x of the largest error."""
    nonfinite: int
    """How many outputs are nan or infinite."""
    certified: Fraction
    """What the error may be."""

    @property
    def points(self) -> int:
        """How many points there are."""
        return int(self.x.size)

    @property
    def verdict(self) -> Verdict:
        """Within bound when every output is finite and no error larger than what is certified."""
        if self.largest > self.certified:
            return Verdict.OUTSIDE
        return Verdict.UNDECIDED if self.nonfinite else Verdict.WITHIN


def grid_points(knots: Sequence[Fraction], dtype: str) -> FloatArray:
    """Return numbers of the format from the first knot to the last, as many in every segment.

    All knots are among them, unless there are more than MOST.
    """
    places = np.array([float(knot) for knot in knots])
    segments = len(knots) - 1
    steps = min(segments * max(PER_SEGMENT, -(-FEWEST // segments)), max(MOST, segments))
    steps = segments * (steps // segments) if segments <= MOST else MOST
    spread = np.interp(np.linspace(0, segments, steps + 1), np.arange(len(knots)), places)
    held: FloatArray = np.unique(spread.astype(carrier(dtype)))
    inside: FloatArray = held[(held >= places[0]) & (held <= places[-1])]
    return inside


def run_in_numpy(network: Network, x: FloatArray) -> FloatArray:
    """Return the network's outputs (points, 1) for inputs (points, 1), in their own format."""
    y = x
    with np.errstate(all="ignore"):
        for layer in network.layers:
            assert layer.linear.bias is not None
            y = y @ layer.linear.weight.values.T + layer.linear.bias.values
            if layer.activation == "relu":
                y = np.maximum(y, 0)
    return y


def check_on_grid(
    network: Network,
    x: FloatArray,
    values: Sequence[Fraction],
    certified: Fraction,
    run: Run = run_in_numpy,
    computed_by: str = "",
) -> GridCheck:
    """Return the outputs at the points `x`, held against `values`, f there."""
    y = np.asarray(run(network, x[:, None]))[:, 0]
    differences = [
        Fraction(float(got)) - value if np.isfinite(got) else None
        for got, value in zip(y, values, strict=True)
    ]
    sizes = [Fraction(-1) if d is None else abs(d) for d in differences]
    worst = max(range(len(sizes)), key=sizes.__getitem__)
    errors = np.array([np.nan if d is None else float(d) for d in differences])
    return GridCheck(
        computed_by or f"numpy {np.__version__}",
        x,
        y,
        errors,
        max(sizes[worst], Fraction(0)),
        float(x[worst]),
        int((~np.isfinite(y)).sum()),
        certified,
    )

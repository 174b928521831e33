"""The reports of `approximate`: one hidden layer for any function, or sawtooth layers for x²."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.layers.array import Array
from fcinspect.page.blocks import Block, Line, Page
from fcinspect.page.view import View
from fcinspect.reports.approximate_pages import depth_page, hidden_layer_page, short
from fcinspect.reports.written import written
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.approximation.building import Approximation, ErrorParts, Floor
    from fcinspect.approximation.depth import Sawtooth
    from fcinspect.approximation.interpolation import Comparison
    from fcinspect.approximation.interval import Interval
    from fcinspect.approximation.network import GridCheck
    from fcinspect.layers.linear import Network
    from fcinspect.rounding.formats import NumberFormat

PARTS = ("interpolation", "parameters", "arithmetic")
"""The parts of an error."""
MOST_MARKED = 40
"""Most knots marked in text; more would hide the curves."""


def view_of_approximation(
    found: Approximation, checks: Sequence[GridCheck], asked: dict[str, Any], *, charts: bool
) -> View:
    """Return the view of a network with one hidden layer; `charts` draws them below it."""
    knots = [float(knot) for knot in found.built.stored.knots]
    drawn = _ErrorPictures(checks[0], knots, found.network.layers[0].linear.source, found.tolerance)
    return View(
        command="approximate",
        asked=asked,
        data=lambda full: document(found, checks, full=full),
        page=drawn.below(partial(hidden_layer_page, found, checks), charts),
        rows=partial(rows, found),
        figure=drawn.figure,
        ok=all(check.verdict is Verdict.WITHIN for check in checks),
    )


def view_of_depth(
    made: Sawtooth,
    interval: Interval,
    tolerance: Fraction | None,
    checks: Sequence[GridCheck],
    asked: dict[str, Any],
    *,
    charts: bool,
) -> View:
    """Return the view of a network of sawtooth layers; `charts` draws them below it."""
    # of many teeth the knots would lie too close
    segments = 2**made.layers if made.layers < 8 else 1
    knots = [k / segments for k in range(segments + 1)]
    drawn = _ErrorPictures(checks[0], knots, "x² on [0, 1]", tolerance or made.error.total)
    return View(
        command="approximate",
        asked=asked,
        data=lambda full: depth_document(made, interval, tolerance, checks, full=full),
        page=drawn.below(partial(depth_page, made, tolerance, checks), charts),
        rows=partial(depth_rows, made.network),
        figure=drawn.figure,
        ok=all(check.verdict is Verdict.WITHIN for check in checks),
    )


@dataclass(frozen=True, eq=False)
class _ErrorPictures:
    """What the charts and the figure show."""

    check: GridCheck
    knots: list[float]
    title: str
    tolerance: Fraction

    def figure(self, ending: str) -> bytes:
        """Return the figure as a file of that ending."""
        import numpy as np

        from fcinspect.pictures.figures.curves import approximation_bytes

        title = f"{self.title}: a ReLU network within {short(self.tolerance)}"
        knots = np.array(self.knots)
        return approximation_bytes(ending, self.check, knots, title, float(self.tolerance))

    def below(self, page: Callable[[int], Page], charts: bool) -> Callable[[int], Page]:
        """Return the page with the charts below it, where they are wanted."""
        if not charts:
            return page
        return lambda precision: Page((*page(precision).groups, *self._charts()))

    def _charts(self) -> tuple[tuple[Block, ...], ...]:
        """Return f and the network over x, and y − f(x), through the points of the check."""
        import numpy as np

        from fcinspect.pictures.charts.curves import Series, curves

        x, y, errors = (v.tolist() for v in (self.check.x, self.check.y, self.check.errors))
        f = (self.check.y - self.check.errors).tolist()
        drawn = [Series("f", x, f, "input"), Series("network", x, y, "output")]
        if len(self.knots) <= MOST_MARKED:
            values = np.interp(self.knots, x, y).tolist()
            name = f"{len(self.knots)} knots"
            drawn.append(Series(name, self.knots, values, "strong", joined=False))
        e = float(self.tolerance)
        ends = (("+E", e), ("−E", -e))
        edges = [Series(name, (x[0], x[-1]), (end, end), "faint") for name, end in ends]
        error = Series("y − f(x)", x, errors, "output")
        below = Line.of(("The error", "strong"), f": y − f(x) between −E and E = {e:g}")
        chart = partial(curves, x_title="x", logarithmic=False)
        return (
            (Line.of(("f and the network", "strong")), chart(drawn, y_title="y")),
            (below, chart([error, *edges], y_title="y − f(x)")),
        )


def document(found: Approximation, checks: Sequence[GridCheck], *, full: bool) -> dict[str, Any]:
    """Return the JSON data of a network with one hidden layer."""
    from fcinspect.reports.documents.networks import ApproximateDocument

    built, first, stored = found.built, found.compared, found.built.stored
    dtype = found.number_format.name
    return written(
        built,
        ApproximateDocument,
        full=full,
        function=found.function.text,
        second_derivative=str(found.function.second),
        interval=_interval(found.interval, found.number_format),
        dtype=dtype,
        uniform_width=first.uniform,
        lower_bound={"pieces": first.pieces, "width": first.fewest_units},
        error=_error(built.error, found.tolerance),
        floors=[_floor(floor) for floor in (*built.given_up, built.floor)],
        anchor=float(stored.knots[stored.anchor]),
        knots=Array.of(list(map(float, stored.knots)), dtype),
        network=_network(found.network, full=full),
        comparison=[_comparison(row) for row in found.comparisons],
        checks=[_check(check, dtype) for check in checks],
    )


def depth_document(
    made: Sawtooth,
    interval: Interval,
    tolerance: Fraction | None,
    checks: Sequence[GridCheck],
    *,
    full: bool,
) -> dict[str, Any]:
    """Return the JSON data of a network of sawtooth layers."""
    from fcinspect.reports.documents.networks import DepthDocument

    dtype = made.number_format.name
    return written(
        made,
        DepthDocument,
        function="x**2",
        interval=_interval(interval, made.number_format),
        dtype=dtype,
        depth=made.layers,
        width=made.units,
        shallow=_comparison(made.shallow),
        error=_error(made.error, tolerance),
        network=_network(made.network, full=full),
        checks=[_check(check, dtype) for check in checks],
    )


def _interval(interval: Interval, number_format: NumberFormat) -> dict[str, Any]:
    first, last = interval.within(number_format)
    ends = {"low": interval.low, "high": interval.high, "first": first, "last": last}
    return {"text": ",".join(interval.text), **{key: float(end) for key, end in ends.items()}}


def _error(error: ErrorParts, tolerance: Fraction | None) -> dict[str, Any]:
    parts = {key: _upper(getattr(error, key)) for key in PARTS}
    requested = None if tolerance is None else float(tolerance)
    return {"requested": requested, "certified": _upper(error.total), **parts}


def _upper(value: Fraction) -> float:
    """Return the least float64 that is not below `value`."""
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def _network(network: Network, *, full: bool) -> dict[str, Any]:
    from fcinspect.reports.documents.networks import NetworkLayerDocument

    make = partial(written, full=full)
    pairs = ((layer.linear, layer.activation) for layer in network.layers)
    return {"layers": [make(one, NetworkLayerDocument, activation=name) for one, name in pairs]}


def _check(check: GridCheck, dtype: str) -> dict[str, Any]:
    from fcinspect.reports.documents.networks import GridCheckDocument

    return written(
        check,
        GridCheckDocument,
        dtype=dtype,
        largest_error=float(check.largest),
        at=check.place,
        certified=_upper(check.certified),
    )


def _floor(floor: Floor) -> dict[str, Any]:
    from fcinspect.reports.documents.networks import FloorDocument

    return written(
        floor,
        FloorDocument,
        dtype=floor.number_format.name,
        width=None if floor.reason else floor.width,
        taken=floor.taken or None,
    )


def _comparison(row: Comparison) -> dict[str, Any]:
    return {
        "error": float(row.tolerance),
        "width": row.greedy,
        "uniform_width": row.uniform,
        "lower_bound": {"pieces": row.pieces, "width": row.fewest_units},
    }


def rows(found: Approximation) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: a row for each hidden unit, then b2."""
    yield ("unit", "knot", "W1", "b1", "W2", "b2")
    for k, (sign, knot, weight) in enumerate(found.built.stored.units):
        yield (k, float(knot), sign, float(-sign * knot), weight, "")
    yield ("", "", "", "", "", found.built.stored.bias)


def depth_rows(network: Network) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: every parameter of every layer."""
    yield ("layer", "parameter", "output", "input", "value")
    for layer in network.layers:
        linear = layer.linear
        for i, weights in enumerate(linear.weight.values.tolist()):
            yield from ((linear.name, "weight", i, j, w) for j, w in enumerate(weights))
        if linear.bias is not None:
            biases = linear.bias.values.tolist()
            yield from ((linear.name, "bias", i, "", b) for i, b in enumerate(biases))

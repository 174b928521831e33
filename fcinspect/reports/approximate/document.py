"""What `approximate` says as plain data: for JSON, and the rows of its CSV files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from fcinspect.layers.array import Array
from fcinspect.reports.written import array, finite, layer_document

if TYPE_CHECKING:
    from fcinspect.approximation.building import Approximation, ErrorParts, Floor
    from fcinspect.approximation.comparison import Comparison
    from fcinspect.approximation.depth import Sawtooth
    from fcinspect.approximation.grid import GridCheck
    from fcinspect.approximation.interval import Interval
    from fcinspect.layers.network import Network
    from fcinspect.reports.documents.approximate import (
        ApproximateDocument,
        ComparisonDocument,
        DepthDocument,
        ErrorPartsDocument,
        FloorDocument,
        GridCheckDocument,
        IntervalDocument,
        NetworkDocument,
    )
    from fcinspect.rounding.formats import NumberFormat


def upper(value: Fraction) -> float:
    """Return the least float64 that is not below `value`."""
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def document(
    found: Approximation, checks: Sequence[GridCheck], *, full: bool
) -> ApproximateDocument:
    """Return the JSON data of a network with one hidden layer."""
    built, first = found.built, found.compared
    return {
        "function": found.function.text,
        "second_derivative": str(found.function.second),
        "interval": interval_document(found.interval, found.number_format),
        "dtype": found.number_format.name,
        "width": built.width,
        "ideal_width": built.ideal_width,
        "uniform_width": first.uniform,
        "lower_bound": {"pieces": first.pieces, "width": first.fewest_units},
        "error": error_document(built.error, found.tolerance),
        "floors": [_floor(floor) for floor in (*built.given_up, built.floor)],
        "anchor": float(built.stored.knots[built.stored.anchor]),
        "knots": array(
            Array.of(list(map(float, built.stored.knots)), found.number_format.name), full=full
        ),
        "network": network_document(found.network, full=full),
        "comparison": [_comparison(row) for row in found.comparisons],
        "checks": [check_document(check, found.number_format.name) for check in checks],
    }


def depth_document(
    made: Sawtooth,
    interval: Interval,
    tolerance: Fraction | None,
    checks: Sequence[GridCheck],
    *,
    full: bool,
) -> DepthDocument:
    """Return the JSON data of a network of sawtooth layers."""
    dtype = made.number_format.name
    return {
        "function": "x**2",
        "interval": interval_document(interval, made.number_format),
        "dtype": dtype,
        "depth": made.layers,
        "width": made.units,
        "shallow": _comparison(made.shallow),
        "error": error_document(made.error, tolerance),
        "network": network_document(made.network, full=full),
        "checks": [check_document(check, dtype) for check in checks],
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


def interval_document(interval: Interval, number_format: NumberFormat) -> IntervalDocument:
    """Return the interval, as it was given and as the format sees it."""
    first, last = interval.within(number_format)
    return {
        "text": ",".join(interval.text),
        "low": float(interval.low),
        "high": float(interval.high),
        "first": float(first),
        "last": float(last),
    }


def error_document(error: ErrorParts, tolerance: Fraction | None) -> ErrorPartsDocument:
    """Return the parts of the error."""
    return {
        "requested": None if tolerance is None else float(tolerance),
        "certified": upper(error.total),
        "interpolation": upper(error.interpolation),
        "parameters": upper(error.parameters),
        "arithmetic": upper(error.arithmetic),
    }


def network_document(network: Network, *, full: bool) -> NetworkDocument:
    """Return the network as other commands read it."""
    return {
        "layers": [
            {**layer_document(layer.linear, full=full), "activation": layer.activation}
            for layer in network.layers
        ]
    }


def check_document(check: GridCheck, dtype: str) -> GridCheckDocument:
    """Return what was seen on the grid."""
    return {
        "computed_by": check.computed_by,
        "dtype": dtype,
        "points": check.points,
        "largest_error": float(check.largest),
        "at": check.place,
        "nonfinite": check.nonfinite,
        "certified": upper(check.certified),
        "verdict": check.verdict.value,
    }


def _floor(floor: Floor) -> FloorDocument:
    return {
        "dtype": floor.number_format.name,
        "error": finite(floor.error),
        "width": None if floor.reason else floor.width,
        "reason": floor.reason,
        "taken": floor.taken or None,
    }


def _comparison(row: Comparison) -> ComparisonDocument:
    return {
        "error": float(row.tolerance),
        "width": row.greedy,
        "uniform_width": row.uniform,
        "lower_bound": {"pieces": row.pieces, "width": row.fewest_units},
    }

"""Curves in text: one or several series over a common x axis, in braille dots or in ASCII."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fcinspect.page.blocks import Drawing, Medium, Span
from fcinspect.pictures.charts.axis import Axis, axis_over
from fcinspect.pictures.charts.dots import ALONE, Canvas, Stroke, stroke_of
from fcinspect.pictures.charts.frame import framed

LOGARITHMIC_FROM = 100.0
"""Positive values are drawn on a logarithmic axis where the largest is so many times the least."""
ROWS, ROWS_OF_NARROW, NARROW = 16, 12, 60
"""Lines of a chart, and of one in a narrower medium."""
FEWEST_CELLS = 16


@dataclass(frozen=True)
class Series:
    """One curve, or points that are not joined."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    """As many as x. One that has no place (nan, infinite, not positive on a logarithmic axis)
    breaks the line, is marked at the x axis and told."""
    role: str = ""
    """Its colour; the stroke tells the series apart without it."""
    joined: bool = True
    """Whether a line joins the points; else each is a letter."""


def curves(
    series: Sequence[Series],
    *,
    x_title: str,
    y_title: str,
    logarithmic: bool | None = None,
) -> Drawing:
    """Return a chart of one or several series.

    `logarithmic` is of the y axis: None chooses it where every finite value is positive and they
    span two decades or more.
    """
    values = [v for one in series for v in one.y if math.isfinite(v)]
    log_y = spans_decades(values) if logarithmic is None else logarithmic

    def draw(medium: Medium) -> tuple[tuple[Span, ...], ...]:
        return _draw(series, x_title, y_title, log_y, medium)

    return Drawing(draw)


def spans_decades(values: Sequence[float]) -> bool:
    """Whether finite values are all positive and two decades or more apart."""
    return bool(values) and min(values) > 0 and max(values) / LOGARITHMIC_FROM >= min(values)


def has_place(x: float, y: float, log_y: bool) -> bool:
    """Whether a point can be drawn."""
    return math.isfinite(x) and math.isfinite(y) and (y > 0 or not log_y)


def _draw(
    series: Sequence[Series], x_title: str, y_title: str, log_y: bool, medium: Medium
) -> tuple[tuple[Span, ...], ...]:
    placed = [
        (x, y)
        for one in series
        for x, y in zip(one.x, one.y, strict=True)
        if has_place(x, y, log_y)
    ]
    if not placed:
        words = f"no chart: no value of {y_title} " + (
            "is finite and positive" if log_y else "is finite"
        )
        return (((medium.write(words), "unsure"),),)
    rows = ROWS if medium.width >= NARROW else ROWS_OF_NARROW
    y_axis = axis_over([y for _, y in placed], rows, ticks=max(rows // 3, 2), logarithmic=log_y)
    margin = max(len(label) for _, label in y_axis.ticks()) + 2
    cells = max(medium.width - margin, FEWEST_CELLS)
    # what has no place in y is marked at its x
    xs = [x for one in series for x in one.x if math.isfinite(x)]
    whole = all(x == int(x) for x in xs)
    x_axis = axis_over(xs, cells, ticks=max(cells // 12, 2), whole=whole)
    canvas = Canvas(x_axis.cells, y_axis.cells, medium.ascii_only)
    strokes = _strokes(series)
    for one, stroke in zip(series, strokes, strict=True):
        _trace(canvas, one, stroke, x_axis, y_axis)
    missing = _without_place(series, log_y, x_axis)
    title = y_title + (" (logarithmic axis)" if log_y else "")
    legend = [(stroke.sample(medium), one) for one, stroke in zip(series, strokes, strict=True)]
    return framed(
        canvas.lines(),
        x_axis,
        y_axis,
        titles=(x_title, title),
        legend=[(sample, one.name, one.role) for sample, one in legend] if len(series) > 1 else [],
        marked={cell for cell, _ in missing if cell is not None},
        notes=_notes(series, missing, log_y, x_title),
        medium=medium,
    )


def _strokes(series: Sequence[Series]) -> list[Stroke]:
    """Return a stroke for each series, those of lines and those of points counted apart."""
    seen = {True: 0, False: 0}
    strokes = []
    for one in series:
        strokes.append(stroke_of(seen[one.joined], joined=one.joined))
        seen[one.joined] += 1
    return strokes


def _trace(canvas: Canvas, one: Series, stroke: Stroke, x_axis: Axis, y_axis: Axis) -> None:
    """Draw a series; the line is broken where a value has no place."""
    across, up = canvas.dots_per_cell if one.joined else (1, 1)
    place = _placing(x_axis, across), _placing(y_axis, up)
    previous: tuple[int, int] | None = None
    drawn = 0
    alone = False
    for x, y in zip((*one.x, math.nan), (*one.y, math.nan), strict=True):
        if not has_place(x, y, y_axis.logarithmic):
            if alone and previous is not None:  # a single dot is easily overlooked
                canvas.letter(previous[0] // across, previous[1] // up, ALONE, one.role)
            previous, alone = None, False
            continue
        dot = place[0](x), place[1](y)
        if not one.joined:
            canvas.letter(*dot, stroke, one.role)
            continue
        alone = previous is None
        if dot != previous:
            for between in _line(previous or dot, dot):
                if stroke.pattern[drawn % len(stroke.pattern)] or previous is None:
                    canvas.dot(*between, stroke, one.role)
                drawn += 1
        previous = dot


def _placing(axis: Axis, dots_per_cell: int) -> Callable[[float], int]:
    return lambda value: axis.dot(value, dots_per_cell)


def _line(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots from start (left out, unless it is the end) to end."""
    (x0, y0), (x1, y1) = start, end
    long = max(abs(x1 - x0), abs(y1 - y0))
    if not long:
        yield end
    for step in range(1, long + 1):
        yield x0 + round((x1 - x0) * step / long), y0 + round((y1 - y0) * step / long)


Missing = tuple[int | None, tuple[float, float]]
"""The cell of the x axis, None where x itself has no place; and (x, y)."""


def _without_place(series: Sequence[Series], log_y: bool, x_axis: Axis) -> list[Missing]:
    return [
        (x_axis.dot(x, 1) if math.isfinite(x) else None, (x, y))
        for one in series
        for x, y in zip(one.x, one.y, strict=True)
        if not has_place(x, y, log_y)
    ]


def _notes(
    series: Sequence[Series], missing: Sequence[Missing], log_y: bool, x_title: str
) -> list[str]:
    """Return what says that values have no place in the chart."""
    if not missing:
        return []
    total = sum(len(one.x) for one in series)
    x, y = missing[0][1]
    why = "finite and positive" if log_y else "finite"
    are = "is" if len(missing) == 1 else "are"
    return [
        f"! {len(missing):,} of {total:,} values {are} not {why}, and not drawn:"
        f" {'' if len(missing) == 1 else 'the first is '}{y:g} at {x_title} {x:g}"
    ]

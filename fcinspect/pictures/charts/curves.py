"""Curves: series over a common x axis in braille dots or ASCII, and a loss in points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, groupby

from fcinspect.page import text
from fcinspect.page.blocks import Drawing, Illustration, Label, Medium, Stroke
from fcinspect.pictures.charts.axis import Axis, axis_over
from fcinspect.pictures.charts.canvas import LINES, POINTS, Canvas, DotStroke, Line, framed

LOGARITHMIC_FROM = 100.0
"""Positive values get a logarithmic axis if the largest is this many times the smallest."""
ROWS, ROWS_OF_NARROW, NARROW = 16, 12, 60
"""Lines of a chart, and of one in a narrower medium."""
FEWEST_CELLS = 16
WIDTH, HEIGHT = 640, 220
"""Points, of a loss."""
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 14, 34
MOST_POINTS = 600
"""Of a longer run the lowest and the highest loss of every stretch are drawn."""
MOST_DOTS = 40

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One curve, or points that are not joined."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    """As many as x. One that has no place (nan, infinite, not positive on a logarithmic axis)
    breaks the line, is marked at the x axis and mentioned in a note."""
    role: str = ""
    """Its colour; the stroke alone also distinguishes the series."""
    joined: bool = True
    """Whether a line joins the points; else each is a letter."""


def curves(
    series: Sequence[Series], *, x_title: str, y_title: str, logarithmic: bool | None = None
) -> Drawing:
    """Return a chart of one or several series.

    `logarithmic` is of the y axis: None chooses it where every finite value is positive and they
    span two decades or more.
    """
    values = [v for one in series for v in one.y if math.isfinite(v)]
    log_y = spans_decades(values) if logarithmic is None else logarithmic
    return Drawing(partial(_draw, series, x_title, y_title, log_y))


def spans_decades(values: Sequence[float]) -> bool:
    """Whether finite values are all positive and two decades or more apart."""
    return bool(values) and min(values) > 0 and max(values) / LOGARITHMIC_FROM >= min(values)


def y_words(y_title: str, log_y: bool) -> str:
    """Return the title of the y axis, which says if the axis is logarithmic."""
    return y_title + (" (logarithmic axis)" if log_y else "")


def drawable(log_y: bool) -> str:
    """Say what a value must be to have a place."""
    return "finite and positive" if log_y else "finite"


def counts(series: Sequence[Series]) -> bool:
    """Whether all x that have a place are whole numbers."""
    return all(x == int(x) for one in series for x in one.x if math.isfinite(x))


def has_place(x: float, y: float, log_y: bool) -> bool:
    """Whether a point can be drawn."""
    return math.isfinite(x) and math.isfinite(y) and (y > 0 or not log_y)


def _draw(
    series: Sequence[Series], x_title: str, y_title: str, log_y: bool, medium: Medium
) -> tuple[Line, ...]:
    points = [point for one in series for point in zip(one.x, one.y, strict=True)]
    placed = [(x, y) for x, y in points if has_place(x, y, log_y)]
    missing = [(x, y) for x, y in points if not has_place(x, y, log_y)]
    if not placed:
        words = f"no chart: no value of {y_title} is {drawable(log_y)}"
        return (((medium.write(words), "unsure"),),)
    rows = ROWS if medium.width >= NARROW else ROWS_OF_NARROW
    y_axis = axis_over([y for _, y in placed], rows, ticks=max(rows // 3, 2), logarithmic=log_y)
    margin = max(len(label) for _, label in y_axis.ticks()) + 2
    cells = max(medium.width - margin, FEWEST_CELLS)
    # what has no place in y is marked at its x
    xs = [x for x, _ in points if math.isfinite(x)]
    x_axis = axis_over(xs, cells, ticks=max(cells // 12, 2), whole=counts(series))
    canvas = Canvas(x_axis.cells, y_axis.cells, medium.ascii_only)
    # those of lines and those of points are counted apart
    kinds = {True: cycle(LINES), False: cycle(POINTS)}
    strokes = [next(kinds[one.joined]) for one in series]
    pairs = list(zip(series, strokes, strict=True))
    for one, stroke in pairs:
        _trace(canvas, one, stroke, x_axis, y_axis)
    legend = [(stroke.sample(medium), one.name, one.role) for one, stroke in pairs]
    return framed(
        canvas.lines(),
        x_axis,
        y_axis,
        titles=(x_title, y_words(y_title, log_y)),
        legend=legend if len(series) > 1 else [],
        marked={x_axis.dot(x, 1) for x, _ in missing if math.isfinite(x)},
        notes=_notes(missing, len(points), log_y, x_title),
        medium=medium,
    )


def _trace(canvas: Canvas, one: Series, stroke: DotStroke, x_axis: Axis, y_axis: Axis) -> None:
    """Draw a series; the line is broken where a value has no place."""
    across, up = canvas.dots_per_cell if one.joined else (1, 1)
    previous: tuple[int, int] | None = None
    drawn = 0
    alone = False
    for x, y in zip((*one.x, math.nan), (*one.y, math.nan), strict=True):
        if not has_place(x, y, y_axis.logarithmic):
            if alone and previous is not None:  # a single dot is easily overlooked
                canvas.letter(previous[0] // across, previous[1] // up, POINTS[0], one.role)
            previous, alone = None, False
            continue
        dot = x_axis.dot(x, across), y_axis.dot(y, up)
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


def _line(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots from start (left out, unless it is the end) to end."""
    (x0, y0), (x1, y1) = start, end
    long = max(abs(x1 - x0), abs(y1 - y0))
    if not long:
        yield end
    for step in range(1, long + 1):
        yield x0 + round((x1 - x0) * step / long), y0 + round((y1 - y0) * step / long)


def _notes(missing: Sequence[Point], total: int, log_y: bool, x_title: str) -> list[str]:
    if not missing:
        return []
    x, y = missing[0]
    are = "is" if len(missing) == 1 else "are"
    return [
        f"! {len(missing):,} of {total:,} values {are} not {drawable(log_y)} and not drawn:"
        f" {'' if len(missing) == 1 else 'the first is '}{y:g} at {x_title} {x:g}"
    ]


def loss_curve(losses: Sequence[float], precision: int) -> Illustration | None:
    """Return the loss by step; None where fewer than two losses are finite."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < 2:
        return None
    low, high = min(finite), max(finite)
    if not math.isfinite(high - low):
        return None
    last = len(losses) - 1

    def across(step: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / last, 1)

    def up(loss: float) -> float:
        drawn = (HEIGHT - TOP - BOTTOM) * ((loss - low) / (high - low or 1.0))
        return round(HEIGHT - BOTTOM - drawn, 1)

    steps = _drawn_steps(losses)
    dots = [(across(step), up(losses[step])) for step in steps if math.isfinite(losses[step])]
    runs = groupby(steps, key=lambda step: math.isfinite(losses[step]))
    lines = [
        Stroke(tuple((across(step), up(losses[step])) for step in run), "output", 2)
        for finite_run, run in runs
        if finite_run
    ]
    heights = sorted({low, (low + high) / 2, high})
    strokes, labels = _axes(
        [(across(step), f"{step:,}") for step in sorted({0, last // 2, last})],
        [(up(loss), text.number(loss, precision)) for loss in heights],
    )
    notes = ["loss by number of steps taken"]
    if lost := len(losses) - len(finite):
        notes.append(f"{lost:,} losses are not finite and not drawn")
    if len(dots) < len(finite):
        notes.append(f"the line passes through {len(dots):,} of {len(finite):,} losses")
    words = (
        f"The loss over {text.plural(last, 'step')}:"
        f" {text.number(losses[0], precision)} before, {text.number(losses[-1], precision)} after"
        f" the last; lowest {text.number(low, precision)}, highest {text.number(high, precision)}"
    )
    return Illustration(
        "curve",
        (WIDTH, HEIGHT),
        words,
        "; ".join(notes),
        (*strokes, *lines),
        tuple(dots) if len(steps) <= MOST_DOTS else (),
        labels=tuple(labels),
    )


def _axes(
    ticks: Sequence[tuple[float, str]], rules: Sequence[tuple[float, str]]
) -> tuple[list[Stroke], list[Label]]:
    """Return the marks below a curve and the lines behind it: (x, words) and (y, words) of each."""
    bottom = HEIGHT - BOTTOM
    strokes = [Stroke(((LEFT, y), (WIDTH - RIGHT, y)), "rule") for y, _ in rules]
    strokes += [Stroke(((x, bottom), (x, bottom + 5)), "rule") for x, _ in ticks]
    labels = [Label((LEFT - 8, y), words, anchor="end") for y, words in rules]
    return strokes, labels + [Label((x, bottom + 15), words) for x, words in ticks]


def _drawn_steps(losses: Sequence[float]) -> list[int]:
    """Return the steps that are drawn: all, or the ends of every stretch."""
    count = len(losses)
    if count <= MOST_POINTS:
        return list(range(count))
    stretch = math.ceil(2 * count / MOST_POINTS)
    kept = {0, count - 1}
    for start in range(0, count, stretch):
        part = range(start, min(start + stretch, count))
        finite = [step for step in part if math.isfinite(losses[step])]
        if finite:
            kept |= {min(finite, key=losses.__getitem__), max(finite, key=losses.__getitem__)}
        else:
            kept.add(start)
    return sorted(kept)

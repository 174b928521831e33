"""The loss by step as a line of SVG, drawn by its attributes alone: no style, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fcinspect.page import text

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 14, 34
MOST_POINTS = 600
"""Of a longer run the lowest and the highest loss of every stretch are drawn."""
MOST_DOTS = 40


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    place: str
    label: str


@dataclass(frozen=True)
class LossCurve:
    """The picture, in its own units."""

    lines: tuple[str, ...]
    """The points of each unbroken line."""
    dots: tuple[tuple[str, str], ...]
    """(x, y) of each loss where they are few."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    words: str
    """What the picture shows, for those who hear the page."""
    note: str
    """What is left out, "" when nothing is."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def loss_curve(losses: Sequence[float], precision: int) -> LossCurve | None:
    """Return the curve; None where fewer than two losses are finite."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < 2:
        return None
    low, high = min(finite), max(finite)
    if not math.isfinite(high - low):
        return None
    span = high - low or 1.0
    last = len(losses) - 1

    def across(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def up(loss: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ((loss - low) / span)

    def dot(step: int) -> tuple[str, str]:
        return f"{across(step):.1f}", f"{up(losses[step]):.1f}"

    steps = _drawn(losses)
    runs = groupby(steps, key=lambda step: math.isfinite(losses[step]))
    lines = tuple(" ".join(map(",".join, map(dot, run))) for finite_run, run in runs if finite_run)
    missing = len(losses) - len(finite)
    shown = sum(math.isfinite(losses[step]) for step in steps)
    notes = [f"{missing:,} losses are not finite and not drawn"] if missing else []
    if shown < len(finite):
        notes.append(f"the line goes through {shown:,} of {len(finite):,} losses")
    words = (
        f"The loss over {text.plural(last, 'step')}:"
        f" {text.number(losses[0], precision)} before, {text.number(losses[-1], precision)} after"
        f" the last; lowest {text.number(low, precision)}, highest {text.number(high, precision)}"
    )
    middle = (low + high) / 2
    return LossCurve(
        lines=lines,
        dots=tuple(dot(step) for step in steps if math.isfinite(losses[step]))
        if len(steps) <= MOST_DOTS
        else (),
        x_ticks=tuple(Tick(f"{across(s):.1f}", f"{s:,}") for s in sorted({0, last // 2, last})),
        y_ticks=tuple(
            Tick(f"{up(loss):.1f}", text.number(loss, precision))
            for loss in sorted({low, middle, high})
        ),
        words=words,
        note="; ".join(notes),
    )


def _drawn(losses: Sequence[float]) -> list[int]:
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

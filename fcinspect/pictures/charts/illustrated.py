"""A curve over steps as lines and words in points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from fcinspect.page import text
from fcinspect.page.blocks import Illustration, Label, Stroke

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 14, 34
MOST_POINTS = 600
"""Of a longer run the lowest and the highest loss of every stretch are drawn."""
MOST_DOTS = 40


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

    steps = _drawn(losses)
    dots = [(across(step), up(losses[step])) for step in steps if math.isfinite(losses[step])]
    runs = groupby(steps, key=lambda step: math.isfinite(losses[step]))
    lines = [
        Stroke(tuple((across(step), up(losses[step])) for step in run), "output", 2)
        for finite_run, run in runs
        if finite_run
    ]
    ticks = [(across(step), f"{step:,}") for step in sorted({0, last // 2, last})]
    rules = [
        (up(loss), text.number(loss, precision)) for loss in sorted({low, (low + high) / 2, high})
    ]
    strokes = [Stroke(((LEFT, y), (WIDTH - RIGHT, y)), "rule") for y, _ in rules]
    bottom = HEIGHT - BOTTOM
    strokes += [Stroke(((x, bottom), (x, bottom + 5)), "rule") for x, _ in ticks]
    labels = [Label((LEFT - 8, y), words, anchor="end") for y, words in rules]
    labels += [Label((x, bottom + 15), words) for x, words in ticks]
    missing, left = len(losses) - len(finite), len(finite) - len(dots)
    notes = ["loss by steps taken"]
    notes += [f"{missing:,} losses are not finite and not drawn"] if missing else []
    notes += [f"the line goes through {len(dots):,} of {len(finite):,} losses"] if left else []
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

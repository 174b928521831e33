"""A histogram in text: a bar for each bin, with its edges and its count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from fcinspect.page.blocks import Drawing, Medium
from fcinspect.page.text import count, plural
from fcinspect.pictures.charts.canvas import Line, wrapped

if TYPE_CHECKING:
    from fcinspect.layers.statistics import Distribution

EIGHTHS = " ▏▎▍▌▋▊▉█"
"""Of a cell, from the left."""


def histogram(found: Distribution, role: str = "weight") -> Drawing:
    """Return the bars of a distribution."""
    return Drawing(partial(_draw, found, role))


def edge_labels(edges: Sequence[float]) -> list[str]:
    """Write edges so that each reads back as the very number, all in one column."""
    return [f"{edge:g}" if float(f"{edge:g}") == edge else repr(edge) for edge in edges]


def not_counted(found: Distribution) -> str:
    """Say what lies in no bin; "" where everything does."""
    parts = [f"{found.nan:,} NaN"] if found.nan else []
    parts += [f"{found.inf:,} infinite"] if found.inf else []
    return f"besides, {' and '.join(parts)}, in no bin" if parts else ""


def _draw(found: Distribution, role: str, medium: Medium) -> tuple[Line, ...]:
    lines: list[Line] = []
    if found.counts:
        labels = edge_labels(found.edges)
        wide = max(map(len, labels))
        written = [count(number) for number in found.counts]
        # "from … to │bar count"
        sign = medium.write(" … ")
        room = max(medium.width - 2 * wide - len(sign) - 2 - max(map(len, written)) - 1, 8)
        most = max(found.counts)
        for k, number in enumerate(found.counts):
            place = f"{labels[k]:>{wide}}{sign}{labels[k + 1]:>{wide}} "
            bar = bar_of(number, most, room, medium)
            lines.append(
                ((place + medium.write("│"), "faint"), (bar, role), (f" {written[k]}", ""))
            )
    last = "" if len(found.counts) < 2 else "; a bin holds its lower edge, the last one both"
    told = f"{plural(found.finite, 'finite number')}{last}"
    lines += wrapped(told, medium)
    if not_counted(found):
        lines += wrapped(f"! {not_counted(found)}", medium, "unsure")
    return tuple(lines)


def bar_of(number: int, most: int, room: int, medium: Medium) -> str:
    """Return a bar as long as `room` cells for the largest number, and none of length 0 but 0."""
    if medium.ascii_only:
        return "#" * (-(-number * room // most) if number else 0)
    eighths = -(-8 * number * room // most)
    full, part = divmod(eighths, 8)
    return "█" * full + (EIGHTHS[part] if part else "")

"""A matrix as a heat map in text: signs and shades, or half blocks of colour where it is large."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fcinspect.page.blocks import Drawing, Medium, Span
from fcinspect.page.text import significant
from fcinspect.pictures.charts.frame import trimmed
from fcinspect.pictures.charts.shades import NOT_FINITE, color_of, ink_on, ratio, sign_of

if TYPE_CHECKING:
    from fcinspect.layers.blocks import Blocks

MOST_LINES = 24
"""Of a map, in characters."""
STRUCK = "bold #ffffff on #b00020"
"""Of what is not finite."""
Line = tuple[Span, ...]
Reduce = Callable[[tuple[int, int]], "Blocks"]
"""(most rows, most columns) of cells -> the matrix in no more."""


def heat_map(reduced: Reduce, shape: tuple[int, int]) -> Drawing:
    """Return the map of a matrix of that shape, outputs downwards and inputs to the right."""

    def draw(medium: Medium) -> tuple[Line, ...]:
        return tuple(_draw(reduced, shape, medium))

    return Drawing(draw)


def _draw(reduced: Reduce, shape: tuple[int, int], medium: Medium) -> list[Line]:
    margin = len(f"y[{shape[0] - 1}]") + 1
    room = max(medium.width - margin, 8)
    fits = shape[0] <= MOST_LINES and shape[1] <= room // 2
    halves = medium.colored and not medium.ascii_only and not fits
    per_line, per_cell = (2, 1) if halves else (1, 2)
    blocks = reduced((MOST_LINES * per_line, room // per_cell))
    values = [[ratio(v, blocks.scale) for v in row] for row in blocks.values.tolist()]
    lines = [_columns(blocks, margin, per_cell, room)]
    for number, at in enumerate(range(0, len(values), per_line)):
        first = at * blocks.block[0]
        last_line = at + per_line >= len(values)
        named = number % 4 == 0 or (last_line and per_line * blocks.block[0] == 1)
        label = (f"y[{first}]" if named else "").ljust(margin)
        cells = _halves(values[at : at + 2]) if halves else _signs(values[at], medium)
        lines.append(((label, "faint"), *cells))
    lines += _legend(blocks, medium, halves=halves)
    # a blank in colour is part of the picture
    return lines if medium.colored else [trimmed(line) for line in lines]


def _columns(blocks: Blocks, margin: int, per_cell: int, room: int) -> Line:
    """Return the names of some columns, each above the left edge of its cell."""
    cells, wide = blocks.values.shape[1], blocks.block[1]
    longest = len(f"x[{(cells - 1) * wide}]")
    stride = max(-(-(longest + 2) // per_cell), -(-cells // 8))
    line = ""
    for cell in range(0, cells, stride):
        label = f"x[{cell * wide}]"
        if cell * per_cell + len(label) <= room:
            line = line.ljust(cell * per_cell) + label
    return ((" " * margin + line, "faint"),)


def _signs(values: Sequence[float], medium: Medium) -> list[Span]:
    spans: list[Span] = []
    for value in values:
        role = ""
        if not math.isfinite(value):
            role = STRUCK if medium.colored else ""
        elif medium.colored:
            role = f"{ink_on(value)} on {color_of(value)}"
        spans.append((sign_of(value, medium), role))
    return spans


def _halves(pair: Sequence[Sequence[float]]) -> list[Span]:
    """Return half blocks: the upper row as their colour, the lower one as what is behind."""
    upper, lower = pair[0], pair[1] if len(pair) > 1 else None
    spans: list[Span] = []
    for column, value in enumerate(upper):
        below = None if lower is None else lower[column]
        if not all(math.isfinite(v) for v in (value, below) if v is not None):
            spans.append((NOT_FINITE, STRUCK))
        else:
            behind = "" if below is None else f" on {color_of(below)}"
            spans.append(("▀", color_of(value) + behind))
    return spans


def _legend(blocks: Blocks, medium: Medium, *, halves: bool) -> list[Line]:
    scale = blocks.scale
    ends = [significant(scale * (k / 4), 4) for k in (1, 2, 3, 4)]
    lines: list[Line] = []
    if not scale:
        pass
    elif medium.colored:
        ramp: list[Span] = [(" ", f"#000000 on {color_of(k / 10)}") for k in range(-10, 11)]
        lines.append(((f"-{ends[3]} ", ""), *ramp, (f" {ends[3]}, 0 in the middle", "")))
    else:
        steps = [f"{sign_of(k / 4, medium)[1]} up to {end}" for k, end in enumerate(ends, 1)]
        lines += _wrapped("|w|: " + ", ".join(steps) + "; before it the sign", medium)
    struck = any(not math.isfinite(v) for row in blocks.values.tolist() for v in row)
    if struck:
        what = "two cells, one above the other, one of them" if halves else "a cell"
        lines += _wrapped(f"{NOT_FINITE} {what} with numbers that are not finite", medium, "unsure")
    if not blocks.is_whole:
        lines += _wrapped(reduction(blocks), medium)
    return lines


def reduction(blocks: Blocks) -> str:
    """Say what a cell stands for where it is no single number."""
    tall, wide = blocks.block
    uneven = "" if blocks.is_even else ", those at the ends smaller"
    rows, columns = blocks.shape
    return (
        f"each cell the value of largest magnitude of a {tall}×{wide} block"
        f" (outputs × inputs) of W ({rows}×{columns}){uneven}"
    )


def _wrapped(words: str, medium: Medium, role: str = "faint") -> list[Line]:
    broken = textwrap.wrap(medium.write(words), max(medium.width, 20))
    return [((line, role),) for line in broken]

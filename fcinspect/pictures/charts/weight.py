"""A weight in text: its matrix as a heat map, and its numbers as a histogram.

A heat map has signs and shades, or half blocks of colour where the matrix is large. The colours and
signs for numbers from −1 to 1 read in black and white too. The colours diverge from a near white
for 0: to orange for −1, to blue for 1, as the edges of a diagram have them. They are told apart
with every common colour vision deficiency; lightness tells the magnitude alone, so that in grey the
sign is told by what is written in the cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fcinspect.page.blocks import Drawing, Medium, Span
from fcinspect.page.text import count, plural, significant
from fcinspect.pictures.charts.canvas import Line, trimmed, wrapped

if TYPE_CHECKING:
    import numpy as np

    from fcinspect.layers.statistics import Distribution
    from fcinspect.rounding.arrays import Float64Array, FloatArray

MOST_LINES = 24
"""Of a map, in characters."""
STRUCK = "bold #ffffff on #b00020"
"""The look of numbers that are not finite."""
DIVERGING = (
    (127, 59, 8), (179, 88, 6), (224, 130, 20), (253, 184, 99), (247, 247, 247),
    (146, 197, 222), (67, 147, 195), (33, 102, 172), (5, 48, 97),
)  # fmt: skip
"""Nine colours at equal distances, (red, green, blue): the orange half of ColorBrewer's PuOr and
the blue half of its RdBu (Harrower and Brewer, "ColorBrewer.org", 2003)."""
NOT_FINITE = "!"
LEAST = 5e-324
"""The smallest positive number of float64."""
SHADES = "░▒▓█"
ASCII_SHADES = ".:*#"
"""Up to a quarter, a half, three quarters and all of the largest magnitude."""


def heat_map(matrix: FloatArray) -> Drawing:
    """Return the map of a matrix, outputs downwards and inputs to the right."""
    return Drawing(partial(_draw, matrix))


def _draw(matrix: FloatArray, medium: Medium) -> tuple[Line, ...]:
    shape = matrix.shape
    margin = len(f"y[{shape[0] - 1}]") + 1
    room = max(medium.width - margin, 8)
    fits = shape[0] <= MOST_LINES and shape[1] <= room // 2
    halves = medium.colored and not medium.ascii_only and not fits
    per_line, per_cell = (2, 1) if halves else (1, 2)
    blocks = blocks_of(matrix, (MOST_LINES * per_line, room // per_cell))
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
    return tuple(lines if medium.colored else map(trimmed, lines))


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
        finite = math.isfinite(value)
        role = f"{ink_on(value)} on {color_of(value)}" if finite else STRUCK
        spans.append((sign_of(value, medium), role if medium.colored else ""))
    return spans


def _halves(pair: Sequence[Sequence[float]]) -> list[Span]:
    """Return half blocks: the upper row as their colour, the lower one as what is behind."""
    spans: list[Span] = []
    for value, *below in zip(*pair, strict=True):
        if not all(map(math.isfinite, (value, *below))):
            spans.append((NOT_FINITE, STRUCK))
        else:
            spans.append(("▀", " on ".join(map(color_of, (value, *below)))))
    return spans


def _legend(blocks: Blocks, medium: Medium, *, halves: bool) -> list[Line]:
    scale = blocks.scale
    ends = [significant(scale * (k / 4), 4) for k in (1, 2, 3, 4)]
    lines: list[Line] = []
    if scale and medium.colored:
        ramp: list[Span] = [(" ", f"#000000 on {color_of(k / 10)}") for k in range(-10, 11)]
        lines.append(((f"-{ends[3]} ", ""), *ramp, (f" {ends[3]}, 0 in the middle", "")))
    elif scale:
        steps = [f"{sign_of(k / 4, medium)[1]} up to {end}" for k, end in enumerate(ends, 1)]
        lines += wrapped("|w|: " + ", ".join(steps) + "; preceded by the sign", medium)
    if not all(math.isfinite(v) for row in blocks.values.tolist() for v in row):
        what = "two stacked cells, at least one" if halves else "a cell"
        lines += wrapped(f"{NOT_FINITE} {what} with numbers that are not finite", medium, "unsure")
    if not blocks.is_whole:
        lines += wrapped(reduction(blocks), medium)
    return lines


def reduction(blocks: Blocks) -> str:
    """Say what a cell stands for if it is not a single number."""
    tall, wide = blocks.block
    uneven = "" if blocks.is_even else ", the last ones smaller"
    rows, columns = blocks.shape
    return (
        f"each cell is the value of largest magnitude in a {tall}×{wide} block"
        f" (outputs × inputs) of W ({rows}×{columns}){uneven}"
    )


def color_of(value: float) -> str:
    """Return the colour "#rrggbb" of a number from −1 to 1."""
    at = (min(max(value, -1.0), 1.0) + 1) / 2 * (len(DIVERGING) - 1)
    low = min(int(at), len(DIVERGING) - 2)
    ends = zip(DIVERGING[low], DIVERGING[low + 1], strict=True)
    mixed = (round(a + (b - a) * (at - low)) for a, b in ends)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def ink_on(value: float) -> str:
    """Return black or white, whichever has the larger contrast (WCAG 2) on a number's colour."""
    color = color_of(value)
    red, green, blue = (_linear(int(color[k : k + 2], 16) / 255) for k in (1, 3, 5))
    return "#ffffff" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179 else "#000000"


def _linear(channel: float) -> float:
    """Return how much light a channel of sRGB stands for."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def sign_of(value: float, medium: Medium) -> str:
    """Return two characters for a number from −1 to 1: its sign, and a shade unless coloured."""
    if not math.isfinite(value):
        return " " + NOT_FINITE
    if value == 0:
        return " 0"
    if medium.colored:
        return "+ " if value > 0 else "- "
    shades = ASCII_SHADES if medium.ascii_only else SHADES
    return ("+" if value > 0 else "-") + shades[min(math.ceil(abs(value) * 4), 4) - 1]


def ratio(value: float, scale: float) -> float:
    """Return value/scale, from −1 to 1 where |value| ≤ scale; only 0 gives 0."""
    if not value or not scale:
        return value
    return value / scale or math.copysign(LEAST, value)


@dataclass(frozen=True, eq=False)
class Blocks:
    """What a picture shows of a matrix."""

    values: Float64Array
    """Of each block the value of largest magnitude, or one that is not finite; 2-dimensional."""
    block: tuple[int, int]
    """(rows, columns) of a block; the last ones of either may be smaller."""
    shape: tuple[int, int]
    """(rows, columns) of the matrix."""

    @property
    def is_whole(self) -> bool:
        """Whether each block is one number."""
        return self.block == (1, 1)

    @property
    def is_even(self) -> bool:
        """Whether all blocks are alike."""
        return not any(n % b for n, b in zip(self.shape, self.block, strict=True))

    @property
    def scale(self) -> float:
        """The largest finite magnitude of the blocks; 0 where there is none."""
        import numpy as np

        finite = self.values[np.isfinite(self.values)]
        return float(np.abs(finite).max()) if finite.size else 0.0


def blocks_of(matrix: FloatArray, most: tuple[int, int]) -> Blocks:
    """Return a matrix of one number or more in at most `most` (rows, columns) of blocks."""
    import numpy as np

    rows, columns = matrix.shape
    block = -(-rows // most[0]), -(-columns // most[1])
    if block == (1, 1):
        return Blocks(matrix.astype(np.float64), block, (rows, columns))
    # maximum and minimum of numpy are nan where one number is
    high, low = (_reduced(matrix, block, reduce) for reduce in (np.maximum, np.minimum))
    with np.errstate(invalid="ignore"):
        values = np.where(np.isnan(high) | (high >= -low), high, low)
    return Blocks(values, block, (rows, columns))


def _reduced(matrix: FloatArray, block: tuple[int, int], reduce: np.ufunc) -> Float64Array:
    import numpy as np

    rows, columns = matrix.shape
    by_rows = reduce.reduceat(matrix, np.arange(0, rows, block[0]), axis=0)
    reduced = reduce.reduceat(by_rows, np.arange(0, columns, block[1]), axis=1)
    return reduced.astype(np.float64)


EIGHTHS = " ▏▎▍▌▋▊▉█"
"""Of a cell, from the left."""


def histogram(found: Distribution) -> Drawing:
    """Return a bar for each bin of a distribution, with its edges and its count."""
    return Drawing(partial(_draw_bars, found))


def edge_labels(edges: Sequence[float]) -> list[str]:
    """Write edges so that each reads back as the very number, all in one column."""
    return [f"{edge:g}" if float(f"{edge:g}") == edge else repr(edge) for edge in edges]


def not_counted(found: Distribution) -> str:
    """Say which numbers are in no bin; "" if all are in one."""
    parts = [f"{found.nan:,} NaN"] if found.nan else []
    parts += [f"{found.inf:,} infinite"] if found.inf else []
    return f"not counted: {' and '.join(parts)}" if parts else ""


def _draw_bars(found: Distribution, medium: Medium) -> tuple[Line, ...]:
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
            edge = place + medium.write("│"), "faint"
            lines.append((edge, (bar, "weight"), (f" {written[k]}", "")))
    last = (
        "" if len(found.counts) < 2 else "; a bin includes its lower edge, the last bin both edges"
    )
    lines += wrapped(f"{plural(found.finite, 'finite number')}{last}", medium)
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

"""The diagram of a network in text: units in columns, edges in braille dots or in ASCII."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fcinspect.page.blocks import Drawing, Medium, Span
from fcinspect.pictures.charts.dots import Canvas, Stroke
from fcinspect.pictures.diagram.bands import Band, Gap, bands_of

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Diagram, Edge

POSITIVE, NEGATIVE = "#3A9BDC", "#D55E00"
WHOLE = (True,)
SPARSE = (True, False, False, False)
"""Which dots of a line are drawn where its weight is negative."""
DOTTED = (True, *[False] * 9)
"""Those of a weight that is 0."""
BROKEN = (True, True, True, True, True, False, False, False)
"""Those of one that is not finite."""
Line = tuple[Span, ...]


def drawing_of(diagram: Diagram, precision: int) -> Drawing:
    """Return the diagram as a drawing; a long network goes on below itself."""

    def draw(medium: Medium) -> tuple[Line, ...]:
        lines: list[Line] = []
        for band in bands_of(diagram, precision, medium):
            if lines:
                lines.append(())
            lines += _band(band, diagram.scale, medium)
        if diagram.has_weights:
            lines += [(), _legend(diagram, medium)]
        return tuple(lines)

    return Drawing(draw)


def _band(band: Band, scale: float, medium: Medium) -> list[Line]:
    rows = band.rows
    canvases = [_edges(band, gap, scale, medium) for gap in band.gaps]
    lines: list[Line] = [_centred(line, "strong" if not k else "faint") for k, line in
                         enumerate(band.headings)]  # fmt: skip
    lines.append(())
    for row in range(rows):
        spans: list[Span] = [(" " * band.left, "")]
        for place, column in enumerate(band.columns):
            spans.append((column.cells[row], "strong"))
            if place < len(canvases):
                spans += canvases[place][row]
        lines.append(_trimmed(spans))
    lines.append(())
    lines += [_centred(line, "faint") for line in band.footings]
    return lines


def _edges(band: Band, gap: Gap, scale: float, medium: Medium) -> list[list[Span]]:
    """Return the cells between two columns, row by row."""
    canvas = Canvas(gap.cells, band.rows, medium.ascii_only)
    if gap.connection is None:
        return _not_drawn(gap, band.rows, medium)
    starts, ends = gap.left.rows_of_units, gap.right.rows_of_units
    for edge in sorted(gap.connection.edges, key=_size):
        pattern, role = _look(edge)
        # rows count from the top, dots from below
        start, end = (band.rows - 1 - rows[index] for rows, index in
                      ((starts, edge.source), (ends, edge.target)))  # fmt: skip
        _line(canvas, start, end, pattern, role)
    return canvas.lines()


def _size(edge: Edge) -> float:
    weight = edge.weight
    return 0.0 if weight is None else abs(weight) if math.isfinite(weight) else math.inf


def _look(edge: Edge) -> tuple[tuple[bool, ...], str]:
    if edge.weight is None:
        return WHOLE, "faint"
    if not math.isfinite(edge.weight):
        return BROKEN, "bad"
    if edge.weight == 0:
        return DOTTED, "faint"
    return (WHOLE, POSITIVE) if edge.weight > 0 else (SPARSE, NEGATIVE)


def _line(canvas: Canvas, start: int, end: int, pattern: Sequence[bool], role: str) -> None:
    """Draw a line across the canvas, from one row to another counted from below."""
    wide, high = canvas.dots_per_cell
    across = canvas.columns * wide
    low, top = start * high + high // 2, end * high + high // 2
    steps = max(across - 1, abs(top - low), 1)
    last: tuple[int, int] | None = None
    number = 0
    for step in range(steps + 1):
        x = round(step * (across - 1) / steps)
        y = round(low + step * (top - low) / steps)
        if (x, y) == last:
            continue
        if pattern[number % len(pattern)]:
            climb = 0 if last is None else y - last[1]
            canvas.dot(x, y, Stroke(WHOLE, _sign(climb, pattern)), role)
        last = x, y
        number += 1


def _sign(climb: int, pattern: Sequence[bool]) -> str:
    """Return the sign of a piece of a line where a cell is one sign."""
    if pattern is BROKEN:
        return "?"
    if pattern is not WHOLE:
        return "."
    return "-" if not climb else "/" if climb > 0 else "\\"


def _not_drawn(gap: Gap, rows: int, medium: Medium) -> list[list[Span]]:
    blank: list[list[Span]] = [[(" " * gap.cells, "")] for _ in range(rows)]
    blank[rows // 2] = [(medium.write("⋯").center(gap.cells), "strong")]
    return blank


def _legend(diagram: Diagram, medium: Medium) -> Line:
    """Return a sample of each kind of line that there is."""
    weights = [e.weight for c in diagram.connections for e in c.edges if e.weight is not None]
    kinds = (
        (WHOLE, "-", POSITIVE, "positive weights", any(0 < w < math.inf for w in weights)),
        (SPARSE, ". ", NEGATIVE, "negative weights", any(-math.inf < w < 0 for w in weights)),
        (DOTTED, ".  ", "faint", "0", 0 in weights),
        (BROKEN, "?", "bad", "not finite", not all(map(math.isfinite, weights))),
    )
    spans: list[Span] = []
    for pattern, sign, role, words, occurs in kinds:
        if occurs:
            sample = Stroke(pattern, sign).sample(medium).rstrip()
            spans += [("   " if spans else "", ""), (sample, role), (f" {words}", "faint")]
    return tuple(spans)


def _centred(line: str, role: str) -> Line:
    return ((line.rstrip(), role),)


def _trimmed(spans: Iterable[Span]) -> Line:
    kept = list(spans)
    while kept and not kept[-1][0].strip():
        kept.pop()
    if kept:
        kept[-1] = kept[-1][0].rstrip(), kept[-1][1]
    return tuple(kept)

"""A report as a page of HTML; where its numbers have subjects, they can be pointed at."""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from fcinspect.media.html.document import document_with
from fcinspect.page import blocks
from fcinspect.page.matrices import letters_of

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = ("places.js", "readings.js", "page.js", "walk.js")
"""The script, in the order in which its parts need each other."""
BAR_WIDTH = 120
"""Units of the picture in which a running sum moves."""


@dataclass(frozen=True)
class Shown:
    """A block as the template meets it."""

    kind: str
    """The name of its macro."""
    block: object


@dataclass(frozen=True)
class Section:
    """What stands under a heading, or a group by itself."""

    title: str
    name: str
    """By which links go to it, "" without a heading."""
    groups: tuple[tuple[Shown, ...], ...]
    asides: tuple[tuple[Shown, ...], ...]
    """What stands beside each group."""
    stays: bool


@dataclass(frozen=True)
class Cell:
    """A number of a matrix, or a sign for what is left out."""

    written: str
    exact: str
    at: str


@dataclass(frozen=True)
class Grid:
    """A matrix."""

    matrix: blocks.Matrix
    subject: blocks.Subject
    sign: str
    """What stands before it."""
    labels: tuple[tuple[str, ...], tuple[str, ...]]
    """Of the rows and the columns, none of a side that no axis runs along."""
    rows: tuple[tuple[Cell, ...], ...]
    cut: str
    """The axes along which numbers are left out."""


@dataclass(frozen=True)
class ShownEquation:
    """Words, matrices, and what is left out of them."""

    lead: tuple[blocks.Span, ...]
    grids: tuple[Grid, ...]
    showing: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """How a term moves the running sum, in units of the picture."""

    left: str
    width: str
    down: bool


@dataclass(frozen=True)
class ShownSum:
    """A running sum, with a bar for each row where all of them are finite."""

    number: int
    running: blocks.RunningSum
    bars: tuple[Bar, ...]
    zero: str


def html_of(
    command: str,
    page: blocks.Page,
    warnings: Sequence[str],
    figure: Callable[[str], bytes] | None,
) -> str:
    """Return a page of that command as HTML, what a reader should know last.

    In place of drawings, whose signs vary in width in a browser, it has the figure or, of a report
    without one, ASCII. Raises UsageError where the figure cannot be made.
    """
    groups = list(page.groups)
    svg = None
    if figure is not None and any(isinstance(b, blocks.Drawing) for group in groups for b in group):
        svg = figure(".svg")
        groups = _with_figure(groups)
    notes = tuple(blocks.Line.of(("note: ", "unsure"), warning) for warning in warnings)
    groups += [notes] if notes else []
    first = groups[0][0] if groups else None
    title, subtitle = f"fcinspect {command}", ""
    lines: tuple[blocks.Block, ...] = ()
    if isinstance(first, blocks.Heading) and first.level == 1:
        (title, subtitle), lines, groups = first.parts, groups[0][1:], groups[1:]
    make = _Maker(svg)
    sections = list(_sections(groups, make))
    links = [section for section in sections if section.name]
    values = {
        "title": title,
        "subtitle": subtitle,
        "lines": make.shown(lines),
        "sections": sections,
        "links": links if len(links) > 2 else [],
        "hint": any(_can_be_pointed_at(block) for group in groups for block in group),
    }
    return document_with(("page.css",), PROGRAMS, "report.html", values)


def _with_figure(groups: Sequence[tuple[blocks.Block, ...]]) -> list[tuple[blocks.Block, ...]]:
    """Return the groups without drawings and their titles, but for the first, a figure's place."""
    first = next(b for group in groups for b in group if isinstance(b, blocks.Drawing))
    changed: list[tuple[blocks.Block, ...]] = []
    for group in groups:
        kept: list[blocks.Block] = []
        for block in group:
            drawing, title = isinstance(block, blocks.Drawing), blocks.Heading | blocks.Line
            if drawing and kept and isinstance(kept[-1], title):
                kept.pop()
            if not drawing or block is first:
                kept.append(block)
        changed += [tuple(kept)] if kept else []
    return changed


def _can_be_pointed_at(block: blocks.Block) -> bool:
    match block:
        case blocks.Equation(parts):
            return any(isinstance(part, blocks.Matrix) and part.subject for part in parts)
        case blocks.Table():
            return bool(block.subjects)
    return isinstance(block, blocks.RunningSum)


def _sections(groups: Sequence[tuple[blocks.Block, ...]], make: _Maker) -> Iterator[Section]:
    """Yield the sections: a heading has all groups up to the next one."""
    taken: Counter[str] = Counter()
    start = 0
    while start < len(groups):
        first = groups[start][0]
        end = start + 1
        if isinstance(first, blocks.Heading):
            while end < len(groups) and not isinstance(groups[end][0], blocks.Heading):
                end += 1
        title = first.text if isinstance(first, blocks.Heading) else ""
        name = re.sub(r"\W+", "-", title.lower()).strip("-")
        taken[name] += bool(name)
        if taken[name] > 1:  # two layers may be called alike
            name = f"{name}--{taken[name]}"
        here = [g[1:] if k == 0 and title else g for k, g in enumerate(groups[start:end])]
        yield Section(
            title,
            name,
            tuple(make.shown(_without_asides(group)) for group in here),
            tuple(make.shown(_asides(group)) for group in here),
            any(isinstance(block, blocks.Equation) and block.stays for block in here[0]),
        )
        start = end


def _asides(group: Sequence[blocks.Block]) -> list[blocks.Block]:
    """Return what stands beside a group: all but what is folded under a title."""
    asides = (b for b in group if isinstance(b, blocks.Aside) and not b.title)
    return [block for aside in asides for block in aside.blocks]


def _without_asides(group: Sequence[blocks.Block]) -> list[blocks.Block]:
    return [block for block in group if not isinstance(block, blocks.Aside) or block.title]


class _Maker:
    """Makes of blocks what the template meets; sums are counted, and drawings are the figure."""

    def __init__(self, svg: bytes | None) -> None:
        self._sums = 0
        self._svg = svg

    def shown(self, inside: Sequence[blocks.Block]) -> tuple[Shown, ...]:
        return tuple(map(self._shown, inside))

    def _shown(self, block: blocks.Block) -> Shown:
        match block:
            case blocks.Line():
                return Shown("title" if block.title else "line", block)
            case blocks.Heading():
                return Shown("heading", block)
            case blocks.Table():
                return Shown("sheet", _table(block))
            case blocks.Verbatim():
                return Shown("verbatim", block.lines)
            case blocks.Drawing() if self._svg is not None:
                return Shown("figure", b64encode(self._svg).decode())
            case blocks.Drawing():
                return Shown(
                    "drawing", block.draw(blocks.Medium(blocks.DRAWING_WIDTH, ascii_only=True))
                )
            case blocks.Illustration():
                return Shown("illustration", block)
            case blocks.Equation():
                return Shown("equation", _equation(block))
            case blocks.RunningSum():
                self._sums += 1
                bars, zero = _bars(block.sums)
                return Shown("sum", ShownSum(self._sums - 1, block, bars, zero))
            case blocks.Aside(inside, title):
                return Shown("folded", (title, self.shown(inside)))


def _table(table: blocks.Table) -> tuple[blocks.Table, str]:
    if table.part is None:
        return table, ""
    from fcinspect.media.tables import excerpt

    return excerpt(table, None)


def _equation(equation: blocks.Equation) -> ShownEquation:
    places = [k for k, part in enumerate(equation.parts) if isinstance(part, blocks.Matrix)]
    first = places[0] if places else len(equation.parts)
    words = [part for part in equation.parts[:first] if not isinstance(part, blocks.Matrix)]
    lead = tuple((f"{said.strip()} ", role) for said, role in words)
    grids, showing = [], []
    for before, here in pairwise([-1, *places]):
        part = equation.parts[here]
        assert isinstance(part, blocks.Matrix)
        between = [
            p[0] for p in equation.parts[before + 1 : here] if not isinstance(p, blocks.Matrix)
        ]
        grid = _grid(part, " ".join(between) or "·" if before >= 0 else "")
        grids.append(grid)
        showing += _left_out(grid)
    return ShownEquation(lead, tuple(grids), tuple(showing))


def _grid(matrix: blocks.Matrix, sign: str) -> Grid:
    subject = matrix.subject or blocks.Subject("", matrix.name)
    letters = letters_of(subject.axes, matrix.turned)
    axes = subject.axes.split()
    rows = [[Cell(words, "", "") for words in row] for row in matrix.rows]
    for label, written, exact in zip(matrix.labels[0], rows, matrix.exact, strict=False):
        for place, (column, number) in enumerate(zip(matrix.labels[1], exact, strict=True)):
            index = dict(zip(letters, (label, column), strict=True))
            at = " ".join(index[axis] for axis in axes)
            written[place] = Cell(written[place].written, number, at)
    shown = zip(letters, matrix.labels, "⋮⋯", strict=True)
    cut = " ".join(letter for letter, labels, gap in shown if gap in labels)
    labels = tuple(
        found if letter else () for letter, found in zip(letters, matrix.labels, strict=True)
    )
    return Grid(matrix, subject, sign, (labels[0], labels[1]), tuple(map(tuple, rows)), cut)


def _left_out(grid: Grid) -> list[str]:
    """Return "W: 8 of 10 rows, 5 of 784 columns" of a matrix that is not shown whole."""
    shape = grid.matrix.shape
    if shape is None or 0 in shape or not grid.matrix.exact:
        return []
    rows, columns = (
        sum(label != gap for label in labels)
        for labels, gap in zip(grid.matrix.labels, "⋮⋯", strict=True)
    )
    said = blocks.of_whole((rows, shape[0], "rows"), (columns, shape[1], "columns"))
    return [f"{grid.subject.name}: {said}"] if said else []


def _bars(sums: Sequence[float]) -> tuple[tuple[Bar, ...], str]:
    low, high = min([0.0, *sums]), max([0.0, *sums])
    if not all(map(math.isfinite, sums)) or not 0 < high - low < math.inf:
        return (), ""
    places = [BAR_WIDTH * ((value - low) / (high - low)) for value in (0.0, *sums)]
    bars = (
        Bar(f"{min(a, b):.2f}", f"{max(abs(b - a), 1):.2f}", b < a) for a, b in pairwise(places)
    )
    return tuple(bars), f"{places[0]:.2f}"

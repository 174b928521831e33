"""A canvas of cells, each eight braille dots or an ASCII sign, and the frame around a chart."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fcinspect.page.blocks import Medium, Span
from fcinspect.pictures.charts.axis import Axis

Line = tuple[Span, ...]
BRAILLE = 0x2800
"""The empty braille cell in Unicode."""
BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille cell: four rows from the top, two columns."""


@dataclass(frozen=True)
class DotStroke:
    """How a series is drawn, so that it can be told from the others without colour."""

    pattern: tuple[bool, ...]
    """Which dots along a line are drawn, over and over."""
    sign: str
    """Its sign where a cell is one sign: in ASCII, and of points anywhere."""
    joined: bool = True

    def sample(self, medium: Medium) -> str:
        """Return a short piece of it, for a legend."""
        if not self.joined:
            return self.sign
        if medium.ascii_only:
            return self.sign * 3
        dots = (self.pattern * 8)[:8]
        low = [sum(BITS[2][i] for i in (0, 1) if dots[at + i]) for at in range(0, 8, 2)]
        return "".join(chr(BRAILLE + bits) if bits else " " for bits in low)


LINES = (
    DotStroke((True,), "*"),
    DotStroke((True, True, True, True, False, False, False), "#"),
    DotStroke((True, False, False), "~"),
    DotStroke((True,) * 6 + (False, False, True, False, False), "%"),
)
"""Of lines; four can be told apart."""
POINTS = tuple(DotStroke((True,), sign, joined=False) for sign in "ox+@")


@dataclass
class Canvas:
    """Cells that dots and letters are put on; x counts from the left, y from below."""

    columns: int
    rows: int
    ascii_only: bool = False
    _bits: dict[tuple[int, int], int] = field(default_factory=dict)
    _signs: dict[tuple[int, int], str] = field(default_factory=dict)
    _roles: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def dots_per_cell(self) -> tuple[int, int]:
        """Dots across and up."""
        return (1, 1) if self.ascii_only else (2, 4)

    def dot(self, x: int, y: int, stroke: DotStroke, role: str = "") -> None:
        """Put a dot at a place counted in dots."""
        if self.ascii_only:
            self.letter(x, y, stroke, role)
            return
        cell = x // 2, y // 4
        self._bits[cell] = self._bits.get(cell, 0) | BITS[3 - y % 4][x % 2]
        self._roles[cell] = role

    def letter(self, x: int, y: int, stroke: DotStroke, role: str = "") -> None:
        """Put the sign of a stroke into a cell."""
        self._signs[x, y] = stroke.sign
        self._roles[x, y] = role

    def lines(self) -> list[list[Span]]:
        """Return the cells, from the top, as spans of one role each."""
        return [self._line(y) for y in reversed(range(self.rows))]

    def _line(self, y: int) -> list[Span]:
        spans: list[Span] = []
        for x in range(self.columns):
            role = self._roles.get((x, y), "")
            bits = self._bits.get((x, y))
            sign = self._signs.get((x, y)) or (chr(BRAILLE + bits) if bits else " ")
            if spans and (spans[-1][1] == role or sign == " "):
                spans[-1] = spans[-1][0] + sign, spans[-1][1]
            else:
                spans.append((sign, role))
        return spans


def framed(
    inside: Sequence[Sequence[Span]],
    x_axis: Axis,
    y_axis: Axis,
    *,
    titles: tuple[str, str],
    legend: Sequence[tuple[str, str, str]],
    marked: Iterable[int],
    notes: Iterable[str],
    medium: Medium,
) -> tuple[Line, ...]:
    """Return a chart with its frame.

    `titles` are of x and y, a legend's entry is (sample, name, role), and `marked` cells of the x
    axis carry a "!".
    """
    labels = {y_axis.cells - 1 - cell: label for cell, label in y_axis.ticks()}
    margin = max(map(len, labels.values()))
    lines: list[Line] = [((medium.write(titles[1]), "strong"),)]
    for number, row in enumerate(inside):
        edge = f"{labels.get(number, ''):>{margin}} {'┤' if number in labels else '│'}"
        lines.append(trimmed(((medium.write(edge), "faint"), *row)))
    ticks = x_axis.ticks()
    below = ["─"] * x_axis.cells
    for cell, _ in ticks:
        below[cell] = "┬"
    for cell in marked:
        below[cell] = "!"
    lines.append(((medium.write(" " * margin + " └" + "".join(below)), "faint"),))
    lines.append(((" " * (margin + 2) + _labels(ticks, x_axis.cells), "faint"),))
    title = medium.write(titles[0])
    left = margin + 2 + max((x_axis.cells - len(title)) // 2, 0)
    lines.append(((" " * left + title, "strong"),))
    lines += _legend(legend, margin + 2, medium)
    for note in notes:
        lines += wrapped(note, medium, "unsure", indent="  ")
    return tuple(lines)


def _labels(ticks: Sequence[tuple[int, str]], cells: int) -> str:
    """Return labels in the middle below their ticks; one that would touch another is left out."""
    line = ""
    for cell, label in ticks:
        start = min(max(cell - (len(label) - 1) // 2, 0), max(cells - len(label), 0))
        if start >= len(line) + (1 if line else 0):
            line = line.ljust(start) + label
    return line


def _legend(entries: Sequence[tuple[str, str, str]], indent: int, medium: Medium) -> list[Line]:
    """Return the entries side by side, as many in a line as fit."""
    lines: list[list[Span]] = []
    used = 0
    for sample, name, role in entries:
        words = f" {medium.write(name)}"
        wide = len(sample) + len(words) + 3
        if not lines or used + wide > medium.width:
            lines.append([(" " * indent, "")])
            used = indent
        lines[-1] += [(sample, role), (words + "   ", "")]
        used += wide
    return [trimmed(line) for line in lines]


def trimmed(line: Sequence[Span]) -> Line:
    """Return the line without blanks at its end."""
    kept = list(line)
    while kept and not kept[-1][0].strip():
        kept.pop()
    if kept:
        kept[-1] = kept[-1][0].rstrip(), kept[-1][1]
    return tuple(kept)


def wrapped(words: str, medium: Medium, role: str = "faint", indent: str = "") -> list[Line]:
    """Return words in lines that fit; `indent` stands before all but the first."""
    width = max(medium.width, 20)
    broken = textwrap.wrap(medium.write(words), width, subsequent_indent=indent)
    return [((line, role),) for line in broken]

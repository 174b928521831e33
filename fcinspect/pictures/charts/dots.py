"""A canvas of character cells: eight braille dots in each, or one ASCII sign."""

from __future__ import annotations

from dataclasses import dataclass, field

from fcinspect.page.blocks import Medium, Span

BRAILLE = 0x2800
"""The empty braille cell in Unicode."""
BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille cell: four rows from the top, two columns."""


@dataclass(frozen=True)
class Stroke:
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
    Stroke((True,), "*"),
    Stroke((True, True, True, True, False, False, False), "#"),
    Stroke((True, False, False), "~"),
    Stroke((True,) * 6 + (False, False, True, False, False), "%"),
)
POINTS = tuple(Stroke((True,), sign, joined=False) for sign in "ox+@")
ALONE = POINTS[0]
"""Of a point of a line without neighbours."""


def stroke_of(number: int, *, joined: bool) -> Stroke:
    """Return the stroke of the series of that number; four can be told apart."""
    strokes = LINES if joined else POINTS
    return strokes[number % len(strokes)]


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

    def dot(self, x: int, y: int, stroke: Stroke, role: str = "") -> None:
        """Put a dot at a place counted in dots."""
        if self.ascii_only:
            self.letter(x, y, stroke, role)
            return
        cell = x // 2, y // 4
        self._bits[cell] = self._bits.get(cell, 0) | BITS[3 - y % 4][x % 2]
        self._roles[cell] = role

    def letter(self, x: int, y: int, stroke: Stroke, role: str = "") -> None:
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
            sign = self._sign(x, y)
            if spans and (spans[-1][1] == role or sign == " "):
                spans[-1] = spans[-1][0] + sign, spans[-1][1]
            else:
                spans.append((sign, role))
        return spans

    def _sign(self, x: int, y: int) -> str:
        if (x, y) in self._signs:
            return self._signs[x, y]
        bits = self._bits.get((x, y))
        return chr(BRAILLE + bits) if bits else " "

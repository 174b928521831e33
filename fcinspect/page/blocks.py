"""A report as a page: headings, lines, tables and matrix equations, before any medium.

`reports` builds pages of records; `media` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fcinspect.page.text import ascii_only
from fcinspect.rounding.verdict import Verdict

Span = tuple[str, str]
"""A piece of text and its role: "", "weight", "input", "bias", "output", "gradient", "good",
"bad", "unsure", "strong" or "faint"; in drawings also two colours, "#ffffff on #00224e"."""

VERDICT_ROLES = {Verdict.WITHIN: "good", Verdict.OUTSIDE: "bad", Verdict.UNDECIDED: "unsure"}
"""The role of each verdict's words."""


@dataclass(frozen=True)
class Subject:
    """What the numbers of a matrix or of a table's rows are, for readers who point at them.

    Axes have letters, as in Einstein's notation: "i j" of W, "j" of x, "i" of y. When y[1] is
    pointed at, i is 1: the numbers of W with i = 1 light up, and all of x, which has no i.
    """

    keys: str
    """The names by which others refer to them, "z1 a1"."""
    name: str
    """Their heading, "W"."""
    words: str = ""
    """Their description for screen readers."""
    role: str = ""
    axes: str = ""
    """In the order of their indices, "i j"."""
    lights: str = ""
    """The keys of the subjects that light up with one of them."""
    formula: str = ""
    """How one is computed: "dot W x b", "call relu z", "times D1 S1", "sum G1"."""
    rule: str = ""
    """The optimizer's update as a formula of the gradient, if it fits one line."""
    layer: str = ""
    """The layer to which they belong, where a page has several."""

    @property
    def called(self) -> str:
        """What one of them is called before its index."""
        return self.name.partition(" = ")[0]


@dataclass(frozen=True)
class Heading:
    """The title of what follows."""

    text: str
    level: int = 2

    @property
    def parts(self) -> tuple[str, str]:
        """What is titled, and "" or what stands apart from it by several blanks."""
        title, *more = re.split(" {2,}", self.text, maxsplit=1)
        return title, "".join(more)


@dataclass(frozen=True)
class Line:
    """One line or paragraph of running text."""

    spans: tuple[Span, ...]
    indent: int = 0
    hang: int = 0
    """Extra indent of all lines but the first of a long one."""
    title: bool = False
    """Whether it names what follows in its group."""
    formula: bool = False
    """Whether it is a formula on a line of its own."""

    @classmethod
    def of(
        cls,
        *parts: str | Span,
        indent: int = 0,
        hang: int = 0,
        title: bool = False,
        formula: bool = False,
    ) -> Line:
        """Return a line of plain strings and (text, role) pairs."""
        spans = tuple((p, "") if isinstance(p, str) else p for p in parts)
        return cls(spans, indent, hang, title, formula)

    @property
    def text(self) -> str:
        """The words without their roles."""
        return "".join(text for text, _ in self.spans)


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    role: str = ""
    right: bool = True
    """Numbers are right-aligned, words left-aligned."""
    folds: bool = False
    """Whether its words, such as names from files, may break anywhere if a table does not fit."""
    spare: str = ""
    """Where to find the column if there is no room for it, "see --json"; the first spare ones are
    left out first. "" for a column that is always shown."""
    legible: int = 0
    """The narrowest width in letters of a spare column of words before it is left out."""
    joined: bool = False
    """Whether it is left out together with the next column, as min and max are."""


def of_words(*titles: str) -> tuple[Column, ...]:
    """Return columns of words, which are left-aligned."""
    return tuple(Column(title, right=False) for title in titles)


@dataclass(frozen=True)
class Part:
    """Which part of a matrix a table holds: its first rows and columns, and the last of each."""

    first: int
    """The place of the matrix's first column in the table."""
    columns: int
    """How many of its columns the table holds; its rows are the table's."""
    shape: tuple[int, int]
    """(outputs, inputs) of the whole."""
    elsewhere: str
    """Where to find the whole, shown if something is left out."""


@dataclass(frozen=True)
class Table:
    """Rows under column titles; `rule_before` are row numbers that get a line above them."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    indent: int = 0
    rule_before: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()
    """Indices of highlighted rows; the words say the same."""
    part: Part | None = None
    """Set when the table is part of a matrix."""
    caption: str = ""
    """Its description for screen readers."""
    subjects: tuple[Subject, ...] = ()
    """Of the rows that can be pointed at: one of all, or one of each."""
    at: tuple[str, ...] = ()
    """The indices of each row, in the order of its subject's axes."""
    exact: tuple[tuple[str, ...], ...] = ()
    """The number in memory of each cell, "" where it holds none."""


def by_columns(
    columns: Iterable[tuple[Column, Sequence[str]]], strong: frozenset[int] = frozenset()
) -> Table:
    """Return the table of some columns, each with its cells from the top."""
    titles, cells = zip(*columns, strict=True)
    return Table(titles, tuple(zip(*cells, strict=True)), strong=strong)


@dataclass(frozen=True)
class RunningSum:
    """A sum term by term: a table whose last two columns are what is added and the sum so far."""

    table: Table
    """Its columns: index, factor, sign, factor, sign, added, sum; row 3 of "W[0,j]" is W[0,3]."""
    sums: tuple[float, ...]
    """The sum after each row."""
    result: str
    """The words after the last one."""


@dataclass(frozen=True)
class Matrix:
    """Numbers already written, in brackets; a vector is a matrix of one column."""

    rows: tuple[tuple[str, ...], ...]
    role: str = ""
    shape: tuple[int, int] | None = None
    """The shape of the whole, when rows or columns are left out (⋮ and ⋯)."""
    name: str = ""
    """The name of the matrix in the note on what is left out."""
    subject: Subject | None = None
    """Set when its numbers can be pointed at."""
    turned: bool = False
    """Whether its rows are the subject's last axis; a vector is a row, turned it is a column."""
    labels: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """The indices of its rows and of its columns, ⋮ and ⋯ where some are left out."""
    exact: tuple[tuple[str, ...], ...] = ()
    """The number in memory of each of its numbers, "" of ⋮ and ⋯."""


@dataclass(frozen=True)
class Equation:
    """Matrices and signs side by side; what does not fit the width is folded below."""

    parts: tuple[Matrix | Span, ...]
    whole: bool = False
    """Whether no column may be left out, as of blanks to be filled in."""
    stays: bool = False
    """Whether it stays in sight where a page is scrolled."""


@dataclass(frozen=True)
class Verbatim:
    """Text that keeps its lines and blanks: source code, or lines that are to change."""

    text: str
    language: str = ""
    """"python"; "diff" of lines that begin with - and +."""
    indent: int = 0
    role: str = ""
    """Of all lines; those of a diff have their own."""

    @property
    def lines(self) -> list[Span]:
        """Each line and its role: a diff marks removed and added lines."""
        signs = {"-": "bad", "+": "good"} if self.language == "diff" else {}
        return [(line, signs.get(line[:1], self.role)) for line in self.text.split("\n")]


@dataclass(frozen=True)
class Medium:
    """What a drawing is drawn on."""

    width: int
    """Characters in a line."""
    ascii_only: bool = False
    """Whether only ASCII can be shown."""
    colored: bool = False
    """Whether colours are shown; otherwise the signs alone carry the meaning."""

    def write(self, words: str) -> str:
        """Write words in the signs that there are, before their width is measured."""
        return ascii_only(words) if self.ascii_only else words


@dataclass(frozen=True)
class Drawing:
    """A picture in text, drawn when it is known on what: curves, bars, a heat map."""

    draw: Callable[[Medium], tuple[tuple[Span, ...], ...]]
    """medium -> the lines, none wider than the medium."""
    indent: int = 0


DRAWING_WIDTH = 100
"""The greatest width of a drawing, even in a wider pipe or window."""


@dataclass(frozen=True)
class Stroke:
    """A line of an illustration through two points or more."""

    points: tuple[tuple[float, float], ...]
    role: str = ""
    width: float = 1.0
    dashes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Label:
    """Words in an illustration; "middle" or "end" of them stands at the place."""

    place: tuple[float, float]
    words: str
    strong: bool = False
    anchor: str = "middle"


@dataclass(frozen=True)
class Illustration:
    """Lines, circles and words in points, y downwards; left out by what cannot draw them."""

    kind: str
    """"network" or "curve": how it is to look."""
    size: tuple[int, int]
    words: str
    """Its description for screen readers."""
    caption: str
    strokes: tuple[Stroke, ...] = ()
    circles: tuple[tuple[float, float], ...] = ()
    radius: float = 3.0
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True)
class Aside:
    """What is shown only where it can be folded, under its title, or stand beside the group."""

    blocks: tuple[Block, ...]
    title: str = ""


Printed = Heading | Line | Table | RunningSum | Equation | Verbatim | Drawing
"""What every medium shows."""
Block = Printed | Illustration | Aside


@dataclass(frozen=True)
class Page:
    """A report from top to bottom; blank lines separate groups of blocks."""

    groups: tuple[tuple[Block, ...], ...] = ()


def with_notes(page: Page, notes: Iterable[str]) -> Page:
    """Return a page with notes at its end."""
    lines = tuple(Line.of(("note: ", "unsure"), note) for note in notes)
    return Page((*page.groups, lines)) if lines else page


def of_whole(*limits: tuple[int, int, str]) -> str:
    """Return "8 of 1,200 rows, 5 of 7 columns" of (shown, of, what), "" where all is shown."""
    return ", ".join(f"{some:,} of {of:,} {what}" for some, of, what in limits if some < of)


def showing(shown: int, of: int, what: str, indent: int = 0) -> list[Line]:
    """Say that not all of something is shown, "showing 8 of 1,200 rows"; nothing where all is."""
    line = Line.of((f"showing {shown} of {of:,} {what}", "faint"), indent=indent)
    return [line] if shown < of else []


def printed(group: Sequence[Block]) -> list[Printed]:
    """Return the blocks of a group without those that only some media show."""
    return [block for block in group if not isinstance(block, Illustration | Aside)]


class PageBuilder:
    """Collects blocks into groups."""

    def __init__(self) -> None:
        self._groups: list[list[Block]] = [[]]

    def group(self, *blocks: Block) -> None:
        """Begin a new group, with a blank line before it."""
        self._groups.append(list(blocks))

    def add(self, *blocks: Block) -> None:
        """Append to the current group."""
        self._groups[-1].extend(blocks)

    def listed(self, title: str, words: Iterable[str]) -> None:
        """Begin a group of indented lines under a title, where there are any."""
        if lines := [Line.of(line, indent=2) for line in words]:
            self.group(Heading(title), *lines)

    def page(self) -> Page:
        """Return the page built so far."""
        return Page(tuple(tuple(group) for group in self._groups if group))

"""A matrix on a page whose numbers know their place, so that a pointer can follow them.

Axes are named by letters, as in Einstein's notation: W has the axes "i j", x "j" and y "i". Where
y[1] is pointed at, i is 1: of W the cells with i = 1 light up, of x all, for it has no i.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.matrices import shown_places, writer

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray


@dataclass(frozen=True)
class Subject:
    """What a matrix on a page is, and what its numbers come from."""

    keys: str
    """The names by which others refer to it, "z1 a1"."""
    name: str
    """What stands above it, "W"."""
    words: str
    """What it is, for those who hear the page."""
    role: str
    axes: str
    """Its axes in the order of its indices, "i j"."""
    lights: str = ""
    """The keys of what lights up when one of its numbers is pointed at."""
    formula: str = ""
    """How a number is computed, for the page's script: "dot W x b", "call relu z"."""
    layer: str = ""
    """The layer to which it belongs, where a page has several."""

    @property
    def called(self) -> str:
        """What one of its numbers is called before its index."""
        return self.name.partition(" = ")[0]


@dataclass(frozen=True)
class Cell:
    """A number on the page, or a sign for what is left out."""

    written: str
    exact: str = ""
    """The number in memory; "" for a sign."""
    at: str = ""
    """Its indices, in the order of the subject's axes."""


@dataclass(frozen=True)
class Grid:
    """A matrix on the page."""

    subject: Subject
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    """(label, cells) of each row"""
    columns: tuple[str, ...]
    """The labels of the columns"""
    labels_rows: bool
    labels_columns: bool
    shape: tuple[int, int]
    left_out: tuple[str, ...]
    """The axes along which numbers are left out"""

    @property
    def showing(self) -> str:
        """What is shown where something is left out: "8 of 10 rows, 5 of 784 columns"."""
        rows = sum(label != "⋮" for label, _ in self.rows)
        columns = sum(label != "⋯" for label in self.columns)
        limits = zip((rows, columns), self.shape, ("rows", "columns"), strict=True)
        said = [f"{shown} of {count:,} {noun}" for shown, count, noun in limits if shown < count]
        return f"{self.subject.name}: " + ", ".join(said) if said and all(self.shape) else ""


Part = str | Grid
"""A sign, or a matrix."""


def grid(
    values: FloatArray,
    subject: Subject,
    precision: int,
    *,
    rows: str = "",
    columns: str = "",
    row_names: Sequence[int] | None = None,
    column_names: Sequence[int] | None = None,
) -> Grid:
    """Return a two-dimensional array as a grid; `rows` and `columns` are the letters of its axes.

    A vector is an array of one row or column, whose letter is "". The names are the indices where
    they are not 0, 1, 2, ….
    """
    height, width = values.shape
    places = shown_places(height, width)
    shown = [float(values[r, c]) for r in places[0] for c in places[1] if r >= 0 and c >= 0]
    write = writer(shown, precision)
    axes = subject.axes.split()

    def cell(r: int, c: int) -> Cell:
        if r < 0 or c < 0:
            return Cell("⋱" if r < 0 and c < 0 else "⋮" if r < 0 else "⋯")
        value = float(values[r, c])
        index = {rows: _named(r, row_names), columns: _named(c, column_names)}
        return Cell(write(value), repr(value), " ".join(index[axis] for axis in axes))

    def labels(shown: Sequence[int], names: Sequence[int] | None, gap: str) -> Iterator[str]:
        return (gap if k < 0 else _named(k, names) for k in shown)

    cut = [axis for axis, some in zip((rows, columns), places, strict=True) if -1 in some]
    return Grid(
        subject,
        tuple(
            (label, tuple(cell(r, c) for c in places[1]))
            for label, r in zip(labels(places[0], row_names, "⋮"), places[0], strict=True)
        ),
        tuple(labels(places[1], column_names, "⋯")),
        bool(rows),
        bool(columns),
        (height, width),
        tuple(cut),
    )


def showing(parts: Sequence[Part]) -> list[str]:
    """Return what is to be said of the matrices that are shown in part."""
    return [part.showing for part in parts if isinstance(part, Grid) and part.showing]


def named(words: str, shape: Sequence[int]) -> str:
    """Return "weight of fc1, 5×3"."""
    return f"{words}, {text.sizes(shape)}"


def _named(place: int, names: Sequence[int] | None) -> str:
    return str(place if names is None else names[place])

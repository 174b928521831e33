"""What a command hands to the writer: one record, ready for every medium."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fcinspect.page.blocks import Page


@dataclass(frozen=True)
class Sheets:
    """Pages to be printed each for itself, or one with blanks that can be filled in."""

    pages: Callable[[Callable[[str, int], str] | None], Sequence[Page]]
    """(id, columns) -> what stands for a blank, or None for lines to write on -> the pages."""
    title: str = ""
    """Of a class set; "" of a sheet alone."""
    filename: str = ""
    """What is filled in is saved under this name, without its ending; "" where nothing is."""


@dataclass(frozen=True)
class View:
    """A report that can be drawn, written as JSON or as rows."""

    command: str
    """The command that made it; names the JSON document."""
    asked: Mapping[str, Any]
    """The request, with defaults filled in."""
    data: Callable[[bool], Mapping[str, Any]]
    """full -> the JSON data, every array written out when full."""
    page: Callable[[int], Page]
    """precision -> the page."""
    rows: Callable[[], Iterable[Sequence[object]]]
    """The rows of the CSV file, titles first; numbers exact."""
    pages: Mapping[str, Callable[[int], Page]] = field(default_factory=dict)
    """form ("latex", "html", "md") -> the page of a precision, where it is not the terminal's."""
    sheets: Sheets | None = None
    """The pages that are printed each for itself, in LaTeX and HTML."""
    texts: Mapping[str, Callable[[int], str]] = field(default_factory=dict)
    """form ("mermaid", "dot") -> the report in a form of its own, of a precision."""
    figure: Callable[[str], bytes] | None = None
    """ending (".png", ".svg", ".pdf") -> the bytes of its figure, where the report has one."""
    svg_is_figure: bool = True
    """Whether .svg, an ending that a report has too, is that of the figure."""
    ok: bool = True
    """False when something was checked and does not hold, or is undecided."""
    warnings: tuple[str, ...] = ()
    """Notes on how the input was understood."""


RAISED = {"worksheet": 2}
"""Versions of documents in which a key was removed or retyped (worksheet: `code` for `seed`)."""


def schema_name(command: str) -> str:
    """Return the name of a command's document, with its version."""
    return f"fcinspect.{command}/{RAISED.get(command, 1)}"

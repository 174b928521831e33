"""Tables of a report as tabulars."""

from __future__ import annotations

from fcinspect.media.latex.numbers import is_number, math_number
from fcinspect.media.latex.sentences import math_or_words
from fcinspect.media.latex.widths import size_for, width_of
from fcinspect.media.latex.words import words
from fcinspect.media.tables import excerpt
from fcinspect.page.blocks import Table

COLUMN_GAP = 12.0
STRUT = r"\rule{0pt}{2.7ex}"
"""Keeps the first row off the line above it."""


def tabular(table: Table) -> str:
    """Return a table with a line below its titles."""
    table, note = excerpt(table, None)
    kinds = "".join("r" if column.right else "l" for column in table.columns)
    titles = " & ".join(math_or_words(column.title) for column in table.columns)
    rows = [" & ".join(map(_cell, row)) for row in table.rows]
    for place in sorted({0, *table.rule_before}, reverse=True):
        if place < len(rows):
            rows[place] = f"\\hline\n{STRUT}{rows[place]}"
    body = "\\\\\n".join([titles, *rows])
    written = f"\\begin{{tabular}}[t]{{@{{}}{kinds}@{{}}}}\n{body}\n\\end{{tabular}}\n"
    cells = (
        (column.title, *(row[k] for row in table.rows)) for k, column in enumerate(table.columns)
    )
    widths = [max(map(width_of, column)) for column in cells]
    size = size_for(sum(widths) + COLUMN_GAP * (len(widths) - 1))
    written = f"{{{size}{written.rstrip()}}}\n" if size else written
    return f"{written}\n{words(note)}\n" if note else written


def _cell(cell: str) -> str:
    if not cell:
        return ""
    if is_number(cell):
        return f"${math_number(cell)}$"
    if cell[0] in "[*":  # an index; behind \\ it would be an option
        return f"{{}}{words(cell)}"
    if cell[0] in "+−" and is_number(cell[1:]):
        return f"${cell[0]}{math_number(cell[1:])}$"
    return math_or_words(cell)

"""Tables of a report as tabulars."""

from __future__ import annotations

from fcinspect.render.latex.equations import size_of
from fcinspect.render.latex.formulas import math_or_words
from fcinspect.render.latex.numbers import is_number, math_number
from fcinspect.render.latex.words import words
from fcinspect.render.page import Table
from fcinspect.render.tables import excerpt

COLUMN_GAP = 2.4


def tabular(table: Table) -> str:
    """Return a table with a line below its titles."""
    table, note = excerpt(table, None)
    kinds = "".join("r" if column.right else "l" for column in table.columns)
    titles = " & ".join(math_or_words(column.title) for column in table.columns)
    rows = [" & ".join(map(_cell, row)) for row in table.rows]
    for place in sorted(table.rule_before, reverse=True):
        rows[place] = f"\\hline {rows[place]}"
    body = "\\\\\n".join([titles + r"\\ \hline", *rows]).replace("\\hline\\\\\n", "\\hline\n")
    written = f"\\begin{{tabular}}[t]{{@{{}}{kinds}@{{}}}}\n{body}\n\\end{{tabular}}\n"
    widths = [
        max(len(cell) for cell in (column.title, *(row[k] for row in table.rows)))
        for k, column in enumerate(table.columns)
    ]
    size = size_of(sum(widths) + COLUMN_GAP * (len(widths) - 1))
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

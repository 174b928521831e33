"""Names from files are made harmless here, on the way to every medium.

`safe_page` is for what is printed, `sheet` for spreadsheets, `harmless` for any text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from fcinspect.errors import brief
from fcinspect.page import blocks
from fcinspect.page.text import acting, escaped, safe

Write = Callable[[str], str]

FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20].")
"""How a formula begins in a spreadsheet, in the wide signs of East Asian keyboards, too."""
NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*(?:e[-+]?\d+)?%?|\.\d+(?:e[-+]?\d+)?%?|inf|nan)"
NUMERIC = re.compile(rf"{NUMBER}(?:[\s,;:/×]+{NUMBER})*", re.IGNORECASE)
"""A number, or several apart: a spreadsheet computes nothing else from them."""

LONGEST_WORD = 1200
"""Characters; a name in a file may have thousands. The digits of a number are never cut."""
WORD = re.compile(rf"\S{{{LONGEST_WORD},}}")


def harmless(text: str) -> str:
    """Return a text with what acts on a terminal escaped; line ends and tabs stay."""
    return acting(but="\n\t").sub(lambda found: escaped(found.group()), text)


def safe_page(page: blocks.Page) -> blocks.Page:
    """Return a page in whose words nothing acts, and no name begins a line of its own."""
    return with_text(page, lambda words: safe(short(words)), harmless)


def short(words: str) -> str:
    """Return words with the middle of one that is absurdly long left out and counted."""
    if len(words) <= LONGEST_WORD:
        return words
    return WORD.sub(lambda m: m[0] if NUMERIC.fullmatch(m[0]) else brief(m[0]), words)


def sheet(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV in which no text is a formula or acts on a terminal."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows(map(_cell, row) for row in rows)
    return file.getvalue()


def _cell(value: object) -> object:
    """Return a value for a cell; a spreadsheet treats a value after ' as text."""
    if not isinstance(value, str):
        return value
    shown = safe(value)
    computed = FORMULA.match(shown) and not NUMERIC.fullmatch(shown)
    return f"'{shown}" if computed else shown


def with_text(page: blocks.Page, change: Write, change_code: Write) -> blocks.Page:
    """Return a page with every text passed through `change`, and source code through another."""
    make = partial(_changed, change=change, change_code=change_code)
    return blocks.Page(tuple(tuple(map(make, group)) for group in page.groups))


def _changed(block: blocks.Block, change: Write, change_code: Write) -> blocks.Block:
    match block:
        case blocks.Heading(text, level):
            return blocks.Heading(change(text), level)
        case blocks.Line(spans):
            return replace(block, spans=_spans(spans, change))
        case blocks.Table(columns, rows, title):
            return replace(
                block,
                columns=tuple(replace(c, title=change(c.title)) for c in columns),
                rows=tuple(tuple(map(change, row)) for row in rows),
                title=change(title),
                caption=change(block.caption),
                subjects=tuple(_subject(subject, change) for subject in block.subjects),
            )
        case blocks.RunningSum(table):
            changed = _changed(table, change, change_code)
            assert isinstance(changed, blocks.Table)
            return replace(block, table=changed, result=change(block.result))
        case blocks.Illustration():
            labels = tuple(replace(label, words=change(label.words)) for label in block.labels)
            words, caption = change(block.words), change(block.caption)
            return replace(block, labels=labels, words=words, caption=caption)
        case blocks.Aside(inside):
            return replace(block, blocks=tuple(_changed(b, change, change_code) for b in inside))
        case blocks.Equation(parts):
            return replace(block, parts=tuple(_part(part, change) for part in parts))
        case blocks.Verbatim(text):
            return replace(block, text=change_code(text))
        case blocks.Drawing(draw):
            return replace(block, draw=lambda to: tuple(_spans(line, change) for line in draw(to)))


def _spans(spans: Iterable[blocks.Span], change: Write) -> tuple[blocks.Span, ...]:
    return tuple((change(words), role) for words, role in spans)


def _part(part: blocks.Matrix | blocks.Span, change: Write) -> blocks.Matrix | blocks.Span:
    if isinstance(part, blocks.Matrix):
        rows = tuple(tuple(map(change, row)) for row in part.rows)
        subject = part.subject and _subject(part.subject, change)
        return replace(part, rows=rows, name=change(part.name), subject=subject)
    return change(part[0]), part[1]


def _subject(subject: blocks.Subject, change: Write) -> blocks.Subject:
    name, words, layer = map(change, (subject.name, subject.words, subject.layer))
    return replace(subject, name=name, words=words, layer=layer)

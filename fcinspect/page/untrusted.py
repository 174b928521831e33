"""What a name from a file may do where it is shown: nothing.

Every report passes through here on its way out, whatever its medium, so that no view has to
remember it: `safe_page` for what is printed, `sheet` for spreadsheets, `harmless` for any text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fcinspect.errors import brief
from fcinspect.page.blocks import (
    Aside,
    Block,
    Drawing,
    Equation,
    Heading,
    Illustration,
    Line,
    Matrix,
    Medium,
    Page,
    RunningSum,
    Span,
    Subject,
    Table,
    Verbatim,
)
from fcinspect.page.text import acting, escaped, safe

FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20].")
"""How a formula begins in a spreadsheet, in the wide signs of East Asian keyboards, too."""
NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*(?:e[-+]?\d+)?%?|\.\d+(?:e[-+]?\d+)?%?|inf|nan)"
NUMERIC = re.compile(rf"{NUMBER}(?:[\s,;:/×]+{NUMBER})*", re.IGNORECASE)
"""A number, or several apart: a spreadsheet computes nothing else from them."""

LONGEST_WORD = 1200
"""Characters; a name in a file may have thousands. The digits of a number are never cut."""
WORD = re.compile(rf"\S{{{LONGEST_WORD},}}")


def harmless(text: str) -> str:
    """Return a text, a whole document as a rule, with the characters written out that act on a
    terminal or turn the text round; line ends and tabs stay.
    """
    return acting(but="\n\t").sub(lambda found: escaped(found.group()), text)


def safe_page(page: Page) -> Page:
    """Return a page in whose words nothing acts, and no name begins a line of its own."""
    return Page(tuple(tuple(map(_safe, group)) for group in page.groups))


def short(words: str) -> str:
    """Return words with the middle of one that is absurdly long left out and counted."""
    if len(words) <= LONGEST_WORD:
        return words
    return WORD.sub(lambda found: _short_word(found.group()), words)


def _short_word(word: str) -> str:
    return word if NUMERIC.fullmatch(word) else brief(word)


def sheet(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV in which no text is a formula or acts on a terminal."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows(map(_cell, row) for row in rows)
    return file.getvalue()


def _cell(value: object) -> object:
    """Return a value for a cell; a spreadsheet takes what stands behind ' for text."""
    if not isinstance(value, str):
        return value
    shown = safe(value)
    computed = FORMULA.match(shown) and not NUMERIC.fullmatch(shown)
    return f"'{shown}" if computed else shown


def _safe(block: Block) -> Block:
    match block:
        case Heading(text, level):
            return Heading(_shown(text), level)
        case Line(spans):
            return replace(block, spans=_safe_spans(spans))
        case Table(columns, rows, title):
            return replace(
                block,
                columns=tuple(replace(c, title=_shown(c.title)) for c in columns),
                rows=tuple(tuple(map(_shown, row)) for row in rows),
                title=_shown(title),
                caption=_shown(block.caption),
                subjects=tuple(map(_safe_subject, block.subjects)),
            )
        case RunningSum(table):
            safe_table = _safe(table)
            assert isinstance(safe_table, Table)
            return replace(block, table=safe_table, result=_shown(block.result))
        case Illustration():
            labels = tuple(replace(label, words=_shown(label.words)) for label in block.labels)
            words, caption = _shown(block.words), _shown(block.caption)
            return replace(block, labels=labels, words=words, caption=caption)
        case Aside(blocks):
            return replace(block, blocks=tuple(map(_safe, blocks)))
        case Equation(parts):
            return replace(block, parts=tuple(map(_safe_part, parts)))
        case Verbatim(text):
            return replace(block, text=harmless(text))
        case Drawing():
            return _safe_drawing(block)


def _shown(words: str) -> str:
    return safe(short(words))


def _safe_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple((_shown(words), role) for words, role in spans)


def _safe_part(part: Matrix | Span) -> Matrix | Span:
    if isinstance(part, Matrix):
        rows = tuple(tuple(map(_shown, row)) for row in part.rows)
        subject = part.subject and _safe_subject(part.subject)
        return replace(part, rows=rows, name=_shown(part.name), subject=subject)
    return _shown(part[0]), part[1]


def _safe_subject(subject: Subject) -> Subject:
    name, words, layer = map(_shown, (subject.name, subject.words, subject.layer))
    return replace(subject, name=name, words=words, layer=layer)


def _safe_drawing(block: Drawing) -> Drawing:
    draw = block.draw

    def drawn(medium: Medium) -> tuple[tuple[Span, ...], ...]:
        return tuple(map(_safe_spans, draw(medium)))

    return replace(block, draw=drawn)

"""Answers that are written into a spread-out worksheet without the quotes that JSON asks for.

3,5 and 2/3 and +4 are no JSON. Where each answer stands on a line of its own, it is plain which
one it is; nothing else of a document is mended.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

OPENING = re.compile(r'\s*"answers"\s*:\s*\{\s*')
CLOSING = re.compile(r"\s*\}.*")
ANSWER = re.compile(
    r'(\s*"(?P<name>[^"\\]{1,60})"\s*:)\s*(?P<value>[^"{}\[\]\\]{0,200}?)\s*(?P<end>,?)'
)
HEADED = ("pupil", "date")
"""What else is written in."""


@dataclass(frozen=True)
class Quoted:
    """A document with quotes where they were missing."""

    text: str
    names: tuple[str, ...]
    """Of the answers that got them."""


def quoted(text: str) -> Quoted:
    """Return the text with quotes around what is no JSON in its answers; an empty one is null."""
    lines, names, inside = text.splitlines(), [], False
    for number, line in enumerate(lines):
        if OPENING.fullmatch(line):
            inside = True
        elif inside and CLOSING.fullmatch(line):
            inside = False
        elif (found := ANSWER.fullmatch(line)) and (inside or found["name"] in HEADED):
            value = found["value"]
            if not _is_json(value):
                lines[number] = f"{found[1]} {json.dumps(value) if value else 'null'}{found['end']}"
                names.append(found["name"])
    return Quoted("\n".join(lines), tuple(names))


def fails_in_an_answer(text: str) -> bool:
    """Whether a document, whole to its end, is no JSON from somewhere in its answers on."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        answers, closing = text.rfind('"answers"', 0, error.pos), text.find("}", error.pos)
        return answers >= 0 and "}" not in text[answers : error.pos] and closing >= 0
    except (ValueError, RecursionError):
        return False
    return False


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True

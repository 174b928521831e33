"""Whatever the way to the clipboard does to a text, its first cause stays."""

from __future__ import annotations

import io
import json
import re
import textwrap
from collections.abc import Callable
from functools import cache

import pytest
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Diagnosis
from tests.diagnosis.corpus import said
from tests.diagnosis.test_corpus import MISTAKES
from tests.diagnosis.test_reported import REPORTS

LEAST_KEPT = 0.98
WIDTH = 60
LONG_MESSAGE = 200
POSTED = {report.name for report in REPORTS}


def broken(text: str) -> str:
    """Break the lines where they are full, in mid-word, as a terminal does."""
    lines = text.split("\n")
    return "\n".join(re.sub(f"(.{{{WIDTH}}})(?=.)", r"\1\n", line) for line in lines)


def filled(text: str) -> str:
    """Break the lines at blanks, as a mail does."""
    lines = text.expandtabs(4).split("\n")
    return "\n".join("\n".join(textwrap.wrap(line, WIDTH)) for line in lines)


def indented(text: str) -> str:
    """Break the lines at blanks and keep their indentation, as an editor does."""
    found = []
    for line in text.expandtabs(4).split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        found += textwrap.wrap(line, WIDTH, subsequent_indent=indent) or [""]
    return "\n".join(found)


def boxed(text: str) -> str:
    """Print the text in a box of rich."""
    printed = io.StringIO()
    console = Console(file=printed, width=80, color_system=None)
    console.print(Panel(Text(text), title="Error"))
    return printed.getvalue()


def quoted(text: str) -> str:
    """Answer to a quotation."""
    lines = "\n".join(f"> > {line}" for line in text.rstrip().split("\n"))
    return f"On Monday somebody wrote:\n> hello,\n{lines}\n\nWhich version do you use?\n"


def fenced(text: str) -> str:
    """Report an issue."""
    return (
        "### Bug description\nTraining worked before the update, now it stops.\n\n"
        f"```python\n{text.rstrip()}\n```\n\n**Environment**\n- torch 2.4\n- CUDA 12\n"
    )


def escaped(text: str) -> str:
    """Write a record of a log."""
    return json.dumps({"level": "ERROR", "message": text, "time": "2024-01-02T10:11:12Z"})


def logged(text: str) -> str:
    """Write each line to a log."""
    lines = text.rstrip().split("\n")
    return "\n".join(
        f"2024-01-02 10:11:{n % 60:02},123 - train.main - ERROR - {line}"
        for n, line in enumerate(lines)
    )


def launched(text: str) -> str:
    """Run it with a launcher on many machines."""
    return "\n".join(f"[rank0]: {line}" for line in text.rstrip().split("\n"))


def cut(text: str) -> str:
    """Lose the first lines, and the end of a long message."""
    *frames, message = re.split(r"\n(?=[\w.]+(?:Error|Exception)\b)", text)
    if len(message) > LONG_MESSAGE:
        message = message[: max(LONG_MESSAGE, 9 * len(message) // 10)]
    kept = "\n".join("\n".join(frames).split("\n")[3:])
    return f"{kept}\n{message}" if kept else message


def spaced(text: str) -> str:
    """Lose blanks behind punctuation in the message, and double others."""
    *frames, message = re.split(r"\n(?=[\w.]+(?:Error|Exception)\b)", text)
    message = re.sub(r"(?<=\w)([,;]) (?=\w)", r"\1", message)
    message = re.sub(r"(?<=[a-z]) (?=[a-z])", "  ", message)
    return "\n".join((*frames, message))


def retyped(text: str) -> str:
    """Copy it from a page that sets quotes and signs."""
    text = re.sub(r"(?<=\d)x(?=\d)", " × ", text)
    text = re.sub(r"'([^'\n]*)'", "\u2018\\1\u2019", text)
    return re.sub(r'"([^"\n]*)"', "“\\1”", text).replace("'", "\u2019")


def told(text: str) -> str:
    """Write it as a sentence: a capital, or none, and a full stop."""
    *frames, message = re.split(r"\n(?=[\w.]+(?:Error|Exception)\b)", text)
    error, colon, words = message.rstrip().partition("Error: ")
    if re.match(r"[A-Za-z][a-z]+ ", words):
        words = words[:1].swapcase() + words[1:]
    return "\n".join((*frames, f"{error}{colon}{words}."))


def followed(text: str) -> str:
    """Paste what stands below it, and ask."""
    return (
        f"{text.rstrip()}\nEpoch 1:  10%|█         | 3/30 [00:02<00:18]\n"
        "(venv) me@machine:~/project$ python train.py\nzsh: abort      python train.py\n"
        "Why does this happen? It worked with the old version.\n"
    )


DISFIGURED: tuple[Callable[[str], str], ...] = (
    *(broken, filled, indented, boxed, quoted, fenced, escaped, logged),
    *(launched, cut, spaced, retyped, told, followed),
)


@cache
def texts() -> dict[str, str]:
    """Return the texts by their names: messages alone, whole tracebacks, and what was posted."""
    found = {}
    for mistake in MISTAKES:
        found[mistake.name], found[f"{mistake.name} (traceback)"] = said(mistake)
    return found | {report.name: report.text for report in REPORTS}


def first(text: str) -> str:
    """Return the name of the first cause."""
    found = diagnose(text)
    return found.likely[0].name if isinstance(found, Diagnosis) else "not recognized"


@cache
def undisturbed() -> dict[str, str]:
    """Return the first causes of the texts as they are."""
    return {name: first(text) for name, text in texts().items()}


@pytest.mark.parametrize("disfigure", DISFIGURED, ids=lambda change: change.__name__)
def test_a_disfigured_text_keeps_its_first_cause(disfigure: Callable[[str], str]) -> None:
    """98 in a hundred at least, in each of the ways."""
    wanted = undisturbed()
    given = texts()
    if disfigure is cut:  # what was posted is reduced: each of its lines counts
        given = {name: text for name, text in given.items() if name not in POSTED}
    found = {name: first(disfigure(text)) for name, text in given.items()}
    lost = {name: (wanted[name], found[name]) for name in found if found[name] != wanted[name]}
    assert 1 - len(lost) / len(found) >= LEAST_KEPT, lost

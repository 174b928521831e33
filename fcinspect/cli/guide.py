"""fcinspect guide: the long documentation, a page for each topic."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from fcinspect.cli.options import completion_of, one_of
from fcinspect.cli.system import ExitStatus

FOLDER = Path(__file__).parents[1] / "guide"
ENTRY = re.compile(r"^- \[(\w+)\]\(\1\.md\): (.+)$", re.MULTILINE)
"""A topic and its summary, in the contents (README.md)."""
ELSEWHERE = {
    "create": "layers",
    "show": "layers",
    "verify example": "examples",
    "schema": "json",
    "completion": "install",
    "man": "install",
    "guide": "",
}
"""The topics of the commands that have none of their own name; guide lists them all."""


def topics() -> dict[str, str]:
    """Return the summary of each topic, in the order of the contents."""
    return dict(ENTRY.findall(page("README")))


def page(topic: str) -> str:
    """Return the page on a topic, in Markdown."""
    return (FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def topic_of(command: str) -> str:
    """Return the topic of a command, such as "scan" or "verify layer"."""
    return ELSEWHERE.get(command, command.partition(" ")[0])


def _topic(text: str) -> str:
    """Return the topic of that name, or that of the command of that name."""
    return one_of("topic", tuple(topics()))(topic_of(text) or text)


def _completed(incomplete: str) -> list[str]:
    return completion_of(tuple(topics()))(incomplete)


def guide(
    topic: Annotated[
        str | None,
        typer.Argument(
            parser=_topic,
            autocompletion=_completed,
            metavar="TOPIC",
            help="Without it, the list of topics.",
        ),
    ] = None,
) -> ExitStatus:
    """Show a page of the guide, or list its topics."""
    from fcinspect.media.emit import write_text

    if topic is None:
        width = max(map(len, topics()))
        lines = [f"  {name:{width}}  {summary}\n" for name, summary in topics().items()]
        write_text("Topics; fcinspect guide TOPIC shows one:\n\n" + "".join(lines))
    elif sys.stdout.isatty():
        from fcinspect.media.prose import print_prose

        print_prose(page(topic), sys.stdout, "fcinspect guide")
    else:
        write_text(page(topic))
    return ExitStatus.DONE

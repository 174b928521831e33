"""fcinspect man: the manual page, made from the help and the guide."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from fcinspect import __version__
from fcinspect.cli.command import COMMON, EXAMPLES
from fcinspect.cli.guide import page, topic_of, topics
from fcinspect.cli.system import ExitStatus

Records = dict[str, tuple[str, str]]
"""What the help says of each parameter of a command: how it is written, and what it means."""


def man() -> ExitStatus:
    """Print the manual page of fcinspect, in roff."""
    from fcinspect.media.emit import write_text

    write_text(manual())
    return ExitStatus.DONE


def manual() -> str:
    """Return the manual page."""
    from fcinspect.cli import root
    from fcinspect.media import roff

    summary = str(root.__doc__).strip().rstrip(".")
    commands = dict(_commands())
    common = _most_frequent(_records(context) for context in commands.values())
    parts = [
        f'.TH FCINSPECT 1 "" "fcinspect {__version__}" "User Commands"\n',
        roff.section("Name"),
        f"fcinspect \\- {roff.escaped(summary[0].lower() + summary[1:])}\n",
        roff.section("Synopsis"),
        "\\fBfcinspect\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n",
        roff.section("Description"),
        roff.from_markdown(_introduction()),
        roff.section("Commands"),
        *(_command(name, context, common) for name, context in commands.items()),
        roff.section("Common options"),
        roff.paragraph("Commands that write a report have these options, too:"),
        *(roff.tagged(*record) for record in common.values()),
        roff.section("Exit status"),
        roff.from_markdown(_part("json", "Exit status")),
        roff.section("Environment"),
        roff.from_markdown(_part("json", "Environment")),
        roff.section("Guide"),
        roff.paragraph("fcinspect guide TOPIC shows a page of the guide:"),
        *(roff.tagged(name, text) for name, text in topics().items()),
    ]
    return "".join(parts)


def _introduction() -> str:
    """Return what the contents of the guide say of fcinspect, in two paragraphs."""
    return "\n\n".join(page("README").split("\n\n")[1:3])


def _part(topic: str, title: str) -> str:
    """Return what stands under a heading of a page, up to the next heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page(topic), re.DOTALL | re.MULTILINE)
    assert found is not None, f"{topic}.md has no part {title!r}"
    return found[1]


def _commands() -> list[tuple[str, Any]]:
    """Return the context of each command by its name, in the order of the help."""
    from typer.main import get_command

    from fcinspect.cli import app_for

    found: list[tuple[str, Any]] = []
    app: Any = get_command(app_for([]))
    top = app.context_class(app, info_name="fcinspect")
    for name in app.list_commands(top):
        command = app.get_command(top, name)
        context = command.context_class(command, info_name=name, parent=top)
        parts = command.list_commands(context) if hasattr(command, "list_commands") else ()
        for part in parts:
            below = command.get_command(context, part)
            named = below.context_class(below, info_name=part, parent=context)
            found.append((f"{name} {part}", named))
        if not parts:
            found.append((name, context))
    return found


def _records(context: Any) -> Records:
    """Return the records of the parameters of a command, without that of --help."""
    # a sort is stable: the arguments come first, as in the help
    params = sorted(
        context.command.get_params(context), key=lambda p: p.param_type_name != "argument"
    )
    found = {p.name: p.get_help_record(context) for p in params}
    return {name: record for name, record in found.items() if record and name != "help"}


def _most_frequent(all_records: Any) -> Records:
    """Return of each common option what most commands say of it."""
    said: dict[str, Counter[tuple[str, str]]] = {}
    for records in all_records:
        for name in records.keys() & COMMON:
            said.setdefault(name, Counter())[records[name]] += 1
    return {name: count.most_common(1)[0][0] for name, count in sorted(said.items())}


def _command(name: str, context: Any, common: Records) -> str:
    """Return the part on a command: its usage, help, options of its own and examples."""
    from fcinspect.media import roff

    usage = " ".join(["fcinspect", name, *context.command.collect_usage_pieces(context)])
    own = {key: record for key, record in _records(context).items() if record != common.get(key)}
    paragraphs = (context.command.help or "").split("\n\n")
    topic = topic_of(name)
    more = [roff.paragraph(f"More: fcinspect guide {topic}")] if topic else []
    return "".join(
        [
            roff.subsection(usage),
            *map(roff.paragraph, paragraphs),
            *(roff.tagged(*record) for record in own.values()),
            roff.code(f"fcinspect {example}" for example in EXAMPLES[name]),
            *more,
        ]
    )

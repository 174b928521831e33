"""fcinspect guide, man, schema and completion: what the program says about itself."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from fcinspect import __version__
from fcinspect.cli.command import COMMON, COMPLETE_VARIABLE, examples_of, topic_of
from fcinspect.cli.options import completion_of, one_of
from fcinspect.cli.system import ExitStatus
from fcinspect.media.emit import write_text

FOLDER = Path(__file__).parents[1] / "guide"
ENTRY = re.compile(r"^- \[(\w+)\]\(\1\.md\): (.+)$", re.MULTILINE)
"""A topic and its summary, in the contents (README.md)."""
COMMANDS = (
    "create", "show", "explain", "shapes", "trace", "step", "verify", "diagnose", "scan", "diff",
    "approximate", "draw", "worksheet",
)  # fmt: skip
"""Those whose output has a JSON Schema."""
SILENCED = {
    "bash": ("complete_bash $1", "complete_bash $1 2>/dev/null"),
    "zsh": ("complete_zsh fcinspect", "complete_zsh fcinspect 2>/dev/null"),
    "fish": ("(commandline -cp) fcinspect", "(commandline -cp) fcinspect 2>/dev/null"),
    "powershell": ("fcinspect | ForEach", "fcinspect 2>$null | ForEach"),
}
"""The program's call in each script: what goes wrong during a TAB must not reach the prompt."""
ZSH_BINDING = "compdef _fcinspect_completion fcinspect"
ZSH_BINDING_OR_CALL = f"""if [ "$funcstack[1]" = "_fcinspect" ]; then
  _fcinspect_completion "$@"
else
  {ZSH_BINDING}
fi"""
"""Loaded from fpath the file is itself the completion function, at its first TAB already."""
SHELLS = tuple(SILENCED)


def topics() -> dict[str, str]:
    """Return the summary of each topic, in the order of the contents."""
    return dict(ENTRY.findall(page("README")))


def page(topic: str) -> str:
    """Return the page on a topic, in Markdown."""
    return (FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def _topic(text: str) -> str:
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
            help="Topic to show; without it, the topics are listed.",
        ),
    ] = None,
) -> ExitStatus:
    """Show a page of the guide, or list its topics."""
    if topic is None:
        known = topics()
        width = max(map(len, known))
        lines = [f"  {name:{width}}  {summary}\n" for name, summary in known.items()]
        write_text("Topics (fcinspect guide TOPIC shows one):\n\n" + "".join(lines))
    elif sys.stdout.isatty():
        from fcinspect.media.prose import print_prose

        print_prose(page(topic), sys.stdout, "fcinspect guide")
    else:
        write_text(page(topic))
    return ExitStatus.DONE


def man() -> ExitStatus:
    """Print the manual page of fcinspect, in roff."""
    write_text(manual())
    return ExitStatus.DONE


def manual() -> str:
    """Return the manual page."""
    from fcinspect.cli import root
    from fcinspect.media import roff

    summary = str(root.__doc__).strip().rstrip(".")
    commands = _commands()
    said: dict[str, Counter[tuple[str, str]]] = {}
    for records in map(_records, commands.values()):
        for name in records.keys() & COMMON:
            said.setdefault(name, Counter())[records[name]] += 1
    # of each common option, what most commands say of it
    common = {name: count.most_common(1)[0][0] for name, count in sorted(said.items())}
    parts = [
        f'.TH FCINSPECT 1 "" "fcinspect {__version__}" "User Commands"\n',
        roff.section("Name"),
        f"fcinspect \\- {roff.escaped(summary[0].lower() + summary[1:])}\n",
        roff.section("Synopsis"),
        "\\fBfcinspect\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n",
        roff.section("Description"),
        roff.from_markdown("\n\n".join(page("README").split("\n\n")[1:3])),
        roff.section("Commands"),
        *(_command(name, context, common) for name, context in commands.items()),
        roff.section("Common options"),
        roff.paragraph("Commands that write a report also have these options:"),
        *(roff.tagged(*record) for record in common.values()),
        roff.section("Exit status"),
        roff.from_markdown(_part_of_json("Exit status")),
        roff.section("Environment"),
        roff.from_markdown(_part_of_json("Environment")),
        roff.section("Guide"),
        roff.paragraph("fcinspect guide TOPIC shows a page of the guide:"),
        *(roff.tagged(name, text) for name, text in topics().items()),
    ]
    return "".join(parts)


def _part_of_json(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page("json"), re.DOTALL | re.MULTILINE)
    assert found is not None, f"json.md has no part {title!r}"
    return found[1]


def _commands() -> dict[str, Any]:
    from typer.main import get_command

    from fcinspect.cli import app_for

    found: dict[str, Any] = {}
    app: Any = get_command(app_for([]))
    top = app.context_class(app, info_name="fcinspect")
    for name in app.list_commands(top):
        command = app.get_command(top, name)
        context = command.context_class(command, info_name=name, parent=top)
        parts = command.list_commands(context) if hasattr(command, "list_commands") else ()
        for part in parts:
            below = command.get_command(context, part)
            found[f"{name} {part}"] = below.context_class(below, info_name=part, parent=context)
        if not parts:
            found[name] = context
    return found


def _records(context: Any) -> dict[str, tuple[str, str]]:
    # a sort is stable: the arguments come first, as in the help
    params = sorted(
        context.command.get_params(context), key=lambda p: p.param_type_name != "argument"
    )
    found = {p.name: p.get_help_record(context) for p in params}
    return {name: record for name, record in found.items() if record and name != "help"}


def _command(name: str, context: Any, common: dict[str, tuple[str, str]]) -> str:
    from fcinspect.media import roff

    usage = " ".join(["fcinspect", name, *context.command.collect_usage_pieces(context)])
    own = {key: record for key, record in _records(context).items() if record != common.get(key)}
    topic = topic_of(name)
    parts = [
        roff.subsection(usage),
        *map(roff.paragraph, (context.command.help or "").split("\n\n")),
        *(roff.tagged(*record) for record in own.values()),
        roff.code(examples_of(name)),
        roff.paragraph(f"More: fcinspect guide {topic}") if topic else "",
    ]
    return "".join(parts)


def schema(
    command: Annotated[
        str | None,
        typer.Argument(
            metavar="COMMAND",
            autocompletion=completion_of(COMMANDS),
            help="Command; without it, the schemas of all commands are printed.",
        ),
    ] = None,
) -> ExitStatus:
    """Print the JSON Schema of a command's output."""
    import json

    from fcinspect.reports.schema import all_schemas, schema_of

    found = all_schemas() if command is None else schema_of(command)
    write_text(json.dumps(found, indent=2) + "\n")
    return ExitStatus.DONE


def completion(
    shell: Annotated[
        str,
        typer.Argument(
            parser=one_of("shell", SHELLS),
            autocompletion=completion_of(SHELLS),
            metavar="SHELL",
            help=", ".join(SHELLS) + ".",
        ),
    ],
) -> ExitStatus:
    """Print a shell's completion script, without installing it."""
    write_text(completion_script(shell))
    return ExitStatus.DONE


def completion_script(shell: str) -> str:
    """Return the script that completions/ holds for that shell."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # no __all__

    script = get_completion_script(
        prog_name="fcinspect", complete_var=COMPLETE_VARIABLE, shell=shell
    )
    call, silenced = SILENCED[shell]
    assert script.count(call) in (1, 2), "typer's completion script has changed"
    return script.replace(call, silenced).replace(ZSH_BINDING, ZSH_BINDING_OR_CALL).strip() + "\n"

"""fcinspect completion: the completion script of a shell, as in completions/."""

from __future__ import annotations

from typing import Annotated

import typer

from fcinspect.cli.command import COMPLETE_VARIABLE
from fcinspect.cli.options import completion_of, one_of
from fcinspect.cli.system import ExitStatus

PROGRAM = "fcinspect"
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
    """Print the completion script of a shell; nothing is installed."""
    from fcinspect.media.emit import write_text

    write_text(completion_script(shell))
    return ExitStatus.DONE


def completion_script(shell: str) -> str:
    """Return the script that completions/ holds for that shell."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # no __all__

    script = get_completion_script(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE, shell=shell)
    call, silenced = SILENCED[shell]
    assert script.count(call) in (1, 2), "typer's completion script has changed"
    return script.replace(call, silenced).replace(ZSH_BINDING, ZSH_BINDING_OR_CALL).strip() + "\n"

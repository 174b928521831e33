"""How wide a page is where nobody says it: the terminal behind a pipe, else 100 columns."""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from fcinspect.cli.system import wrapped

ANSI = re.compile(r"\x1b\[[\d;]*m")
PROGRAM = [sys.executable, "-m", "fcinspect"]


def in_terminal(arguments: tuple[str, ...], columns: int, *, pipe: bool) -> tuple[str, str]:
    """Return what stdout and stderr get: stderr is a terminal, and stdout, unless it is a pipe."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE if pipe else follower,
        stderr=follower,
        stdin=subprocess.DEVNULL,
        env={**environment, "NO_COLOR": "1", "TERM": "xterm"},
    )
    os.close(follower)
    out = ""
    if process.stdout is not None:
        with process.stdout as piped:
            out = piped.read().decode()
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:  # Linux: the last writer has closed it
        pass
    process.wait()
    os.close(leader)
    return out, ANSI.sub("", shown.decode()).replace("\r\n", "\n")


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a layer of 60 inputs, wider than any of the pages."""
    path = tmp_path_factory.mktemp("wide") / "layer.json"
    weight = [[math.sin(60 * row + column) for column in range(60)] for row in range(8)]
    path.write_text(json.dumps({"weight": weight}), encoding="utf-8")
    return path


@pytest.mark.parametrize("columns", [60, 80, 132])
@pytest.mark.sampled(3)
def test_a_pipe_is_as_wide_as_the_terminal_of_stderr(layer: Path, columns: int) -> None:
    """The page of a pipe is that of the terminal, without the lines that are drawn in tables."""
    report = ("show", str(layer))
    piped, nothing = in_terminal(report, columns, pipe=True)
    _, shown = in_terminal(report, columns, pipe=False)
    assert nothing == ""
    assert max(map(len, piped.splitlines())) <= columns
    assert "─" not in piped
    # what is left out is named
    assert "of 60 inputs; all in --format csv or --json --full" in " ".join(piped.split())
    words = [word for word in shown.split() if set(word) != {"─"}]
    assert piped.split() == words


def test_without_a_terminal_a_pipe_has_100_columns(layer: Path) -> None:
    """Neither prose nor tables are wider; COLUMNS says otherwise."""
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    for given, widest in ((environment, 100), ({**environment, "COLUMNS": "70"}, 70)):
        done = subprocess.run(
            [*PROGRAM, "show", str(layer)], capture_output=True, env=given, check=False,
            stdin=subprocess.DEVNULL, encoding="utf-8",
        )  # fmt: skip
        assert widest - 20 < max(map(len, done.stdout.splitlines())) <= widest


def test_a_refusal_is_wrapped_on_a_terminal_only() -> None:
    """At words and inside no option; in a pipe it is one line, and JSON always is."""
    arguments = ("step", "3-2", "--output-activatoin", "relu")
    _, shown = in_terminal(arguments, 44, pipe=True)
    done = subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, encoding="utf-8", check=False
    )
    assert done.stderr.count("\n") == 1
    assert shown.count("\n") > 1
    assert max(map(len, shown.splitlines())) <= 44
    assert shown.split() == done.stderr.split()
    _, document = in_terminal((*arguments, "--json"), 44, pipe=True)
    assert document.count("\n") == 1


@pytest.mark.parametrize("width", range(40, 90))
def test_no_option_is_broken(width: int) -> None:
    """Every word stands whole, at every width."""
    line = "fcinspect: --run-slow and --output-activation 'a  b' exclude --no-bias; see --show-code"
    assert wrapped(line, width).split() == line.split()
    assert all(len(part) <= width for part in wrapped(line, width).splitlines())

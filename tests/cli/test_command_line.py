"""What holds for every command: streams, encodings, signals, statuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fcinspect.cli.guide import SHELLS, completion_script
from tests.conftest import Run

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "fcinspect"]
MORE_THAN_A_PIPE_HOLDS = 1 << 20
FILES = {
    "bash": "fcinspect.bash",
    "zsh": "_fcinspect",
    "fish": "fcinspect.fish",
    "powershell": "fcinspect.ps1",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_scripts_are_current(run: Run, shell: str) -> None:
    """completions/ holds the very bytes that `fcinspect completion` prints."""
    stored = (ROOT / "completions" / FILES[shell]).read_text(encoding="utf-8")
    assert stored == completion_script(shell) == run("completion", shell).out
    assert "/dev/null" in stored or "2>$null" in stored


def complete(words: str) -> list[str]:
    """Return what bash would be offered behind these words."""
    done = subprocess.run(
        PROGRAM,
        capture_output=True,
        encoding="utf-8",
        env={
            **os.environ,
            "_FCINSPECT_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        },
        check=False,
    )
    return done.stdout.split()


def test_a_tab_offers_commands_options_and_values() -> None:
    """The three kinds of words can be completed."""
    assert {"shapes", "show", "schema"} <= set(complete("fcinspect s"))
    assert complete("fcinspect explain --dty") == ["--dtype"]
    assert complete("fcinspect create --dtype bf") == ["bfloat16"]
    assert "xavier_uniform" in complete("fcinspect create --init x")


def test_help_names_every_command(run: Run) -> None:
    """--help lists the commands with one sentence each, and holds no brackets."""
    for flag in ("--help", "-h"):
        result = run(flag)
        assert result.status == 0
        for command in ("create", "show", "explain", "shapes", "step", "schema", "completion"):
            assert f"\n  {command} " in result.out


def test_version(run: Run) -> None:
    """--version is one line."""
    assert run("--version").out == "fcinspect 0.1.0\n"
    assert run("-V").out == "fcinspect 0.1.0\n"


def test_help_and_version_are_commands_too(run: Run) -> None:
    """As in other programs; what is unknown is suggested."""
    assert run("version").out == run("--version").out
    assert run("help").out == run("--help").out
    assert run("help", "explain").out == run("explain", "--help").out
    assert run("help", "verify", "layer").out == run("verify", "layer", "--help").out
    refused = run("help", "explian")
    assert refused.status == 2
    assert "did you mean 'explain'?" in refused.err


def test_no_command_shows_the_help(run: Run) -> None:
    """Without a command the help is shown and the status says usage."""
    result = run()
    assert result.status == 2
    assert "Commands:" in result.out


def test_an_unknown_command_is_suggested(run: Run) -> None:
    """A typing mistake is met with the nearest name."""
    result = run("explian")
    assert result.status == 2
    assert "explain" in result.err


def test_the_format_can_come_from_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FCINSPECT_FORMAT chooses the format, an option overrides it, a wrong one is refused."""
    monkeypatch.setenv("FCINSPECT_FORMAT", "json")
    assert run("shapes", "3-2").document["ok"] is True
    assert run("shapes", "3-2", "-f", "text").out.startswith("Shapes of")
    assert json.loads(run("shapes", "3-x").err)["error"]["kind"] == "spec"
    monkeypatch.setenv("FCINSPECT_FORMAT", "yaml")
    result = run("shapes", "3-2")
    assert result.status == 2
    assert "yaml" in result.err


def test_quiet_writes_nothing(run: Run) -> None:
    """-q leaves only the status."""
    result = run("shapes", "3-2", "-q")
    assert (result.status, result.out, result.err) == (0, "", "")


def test_verbose_speaks_on_stderr(run: Run) -> None:
    """-v names versions and time; stdout stays the report."""
    result = run("shapes", "3-2", "-v", "--json")
    assert result.document["ok"] is True
    assert result.err.startswith("fcinspect 0.1.0, python 3.")
    assert result.err.endswith(" s\n")


def test_no_number_is_cut_in_a_pipe(shell: Run) -> None:
    """What does not fit is wider, not cut; tables have no lines there."""
    result = shell("shapes", "-".join(["123456789012"] * 12), COLUMNS="")
    assert "…" not in result.out
    assert "─" not in result.out
    assert result.out.count("fc11") == 2
    assert result.out.count("15,241,578,753,153,483,936,144") == 11


def test_colour_is_for_terminals_and_for_those_who_ask(
    run: Run, shell: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe has no escapes; --color always has; NO_COLOR and FORCE_COLOR are honoured."""
    assert "\x1b" not in shell("shapes", "3-2").out
    assert "\x1b" in run("shapes", "3-2", "--color", "always").out
    assert "\x1b" in shell("shapes", "3-2", FORCE_COLOR="1").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in run("shapes", "3-2", "--color", "never").out
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("NO_COLOR", "1")
    coloured = run("shapes", "3-2", "--color", "always").out
    assert "\x1b[36m" in coloured


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_without_unicode_the_page_is_ascii(shell: Run, encoding: str) -> None:
    """A stream without the signs of mathematics gets their names."""
    result = shell("shapes", "3-5-2", PYTHONIOENCODING=encoding)
    assert result.status == 0
    assert result.out.isascii()
    assert "(3) * (5, 3)^T + (5) -> (5)" in result.out


def test_without_unicode_json_is_still_exact(shell: Run) -> None:
    """JSON on an ASCII stream uses escapes and stays the same document."""
    arguments = ("shapes", "3 → 5", "--json")
    result = shell(*arguments, PYTHONIOENCODING="ascii")
    assert json.loads(result.out)["input"]["widths"] == "3 → 5"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["text", "json", "csv", "md"])
def test_a_full_disk_is_status_74(form: str) -> None:
    """Output that could not be written is never success."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*PROGRAM, "shapes", "3-5-4-2", "-f", form],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_help_on_a_full_disk_is_status_74(flag: str) -> None:
    """What typer writes is no exception."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*PROGRAM, flag], stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False
        )
    assert (done.returncode, done.stderr.count("\n")) == (74, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: names that are not UTF-8")
def test_a_file_name_that_is_no_text_is_served(tmp_path: Path) -> None:
    """Its bytes are shown as escapes, and JSON stays JSON."""
    name = os.fsencode(tmp_path) + b"/\xff.json"
    with open(name, "w", encoding="utf-8") as file:  # noqa: PTH123  # a name in bytes
        file.write('{"weight": [[1, 2]]}')
    for extra in ((), ("--json",), ("-f", "csv"), ("-f", "md")):
        done = subprocess.run([*PROGRAM, "show", name, *extra], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        if extra == ("--json",):
            assert json.loads(done.stdout)["ok"] is True


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_saving_to_a_full_disk_is_status_74(run: Run) -> None:
    """A report that could not be saved is never success, and stdout stays empty."""
    for command in (("shapes", "3-2"), ("create", "--in", "3", "--out", "2"), ("step", "3-2")):
        result = run(*command, "--save", "/dev/full")
        assert (result.status, result.out) == (74, "")
        assert "No space left" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_closed_pipe_ends_quietly() -> None:
    """`fcinspect … | head -1` leaves no message."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m fcinspect schema | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "{"
    assert done.stdout.splitlines()[-1] in ("141", "0")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_is_status_130(tmp_path: Path) -> None:
    """An interrupted command says nothing more and leaves no file."""
    process = subprocess.Popen(
        [*PROGRAM, "show", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert process.stdin is not None
    process.stdin.write(b" " * MORE_THAN_A_PIPE_HOLDS)  # returns when it is being read
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert (out, err) == (b"", b"")
    assert not list(tmp_path.iterdir())


def test_an_internal_error_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of fcinspect is status 70, one line, and how to see more."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("fcinspect.shapes.trace.trace_widths", broken)
    result = run("shapes", "3-2")
    assert result.status == 70
    assert "ZeroDivisionError: planted" in result.err
    assert "FCINSPECT_DEBUG=1" in result.err
    assert result.err.count("\n") == 1
    monkeypatch.setenv("FCINSPECT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("shapes", "3-2")

"""The guide and the manual page: as files, in a pipe and in a terminal."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import fcinspect
from fcinspect.cli import COMMANDS, GROUPS
from fcinspect.cli.command import topic_of
from fcinspect.cli.guide import manual, topics
from fcinspect.media import roff
from tests.cli.test_command_line import complete
from tests.cli.test_help import PAGES
from tests.cli.test_pipe_width import in_terminal
from tests.conftest import Run

FOLDER = Path(fcinspect.__file__).parent / "guide"


def test_without_a_topic_all_are_listed_in_a_line_each(run: Run) -> None:
    """Each line fits a terminal of 80 columns."""
    result = run("guide")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == list(topics())
    assert len(lines) > 15
    assert all(re.fullmatch(r"  \w+ +[A-Z].*\.", line) and len(line) <= 80 for line in lines)


@pytest.mark.parametrize("topic", list(topics()))
def test_a_pipe_gets_the_page_as_it_is(run: Run, topic: str) -> None:
    """Plain Markdown, byte for byte."""
    assert run("guide", topic).out == (FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def test_a_terminal_gets_it_formatted() -> None:
    """No sign of Markdown is left, links are commands, and code is whole."""
    _, shown = in_terminal(("guide", "verify"), 60, pipe=False)
    assert shown.startswith("Prove it right\n")
    assert "```" not in shown
    assert "**" not in shown
    assert "](" not in shown
    assert "fcinspect guide checks explains each check" in " ".join(shown.split())
    assert f"\n{'─' * 80}\n" in shown
    words = [line for line in shown.splitlines() if line.startswith("The verdict is")]
    assert words
    assert len(words[0]) <= 60


def test_every_page_can_be_shown_in_a_terminal() -> None:
    """None has what the renderer does not know: its words are all there."""
    from io import StringIO

    from fcinspect.media.prose import print_prose

    for topic in topics():
        stream = StringIO()
        text = (FOLDER / f"{topic}.md").read_text(encoding="utf-8")
        print_prose(text, stream, "fcinspect guide")
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        shown = re.sub(r"\x1b\[[\d;]*m", "", stream.getvalue())
        wanted = set(re.findall(r"[a-z]{5,12}", re.sub(r"\S*[/._]\S*", "", prose)))
        assert len(wanted) > 10
        assert wanted <= set(re.findall(r"[a-z]{5,12}", shown)), topic


def test_the_name_of_a_command_leads_to_its_topic(run: Run) -> None:
    """`create` is on the page of layers."""
    assert run("guide", "create").out == run("guide", "layers").out
    assert run("guide", "SCAN").out == run("guide", "scan").out


@pytest.mark.parametrize(("word", "near"), [("scna", "scan"), ("bound", "bounds")])
def test_an_unknown_topic_is_refused_in_a_line(run: Run, word: str, near: str) -> None:
    """The line names the value and the nearest topic."""
    result = run("guide", word)
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert repr(word) in result.err
    assert f"did you mean '{near}'" in result.err


def test_a_tab_offers_the_topics() -> None:
    """As it does the commands."""
    assert complete("fcinspect guide s") == [t for t in topics() if t.startswith("s")]
    assert complete("fcinspect ma") == ["man"]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_has_a_topic(page: str) -> None:
    """The one that its help names."""
    assert topic_of(page) in topics() or page == "guide"


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    "arguments",
    [
        ("layer", "8-4"),
        ("implementation", "torch.nn:Linear"),
        ("implementation", "{folder}/ready.py:layer"),
        ("optimizer", "torch", "--like", "sgd"),
        ("output", "{folder}/explain.json"),
        ("step", "{folder}/step.json"),
    ],
    ids=" ".join,
)
def test_each_check_is_explained(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """By its name, or by its group where options or parameters name the checks of it."""
    text = (FOLDER / "checks.md").read_text(encoding="utf-8")
    for command in ("explain", "step"):
        run(command, "3-2", "--full", "--save", tmp_path / f"{command}.json", "-q")
    (tmp_path / "ready.py").write_text("from torch import nn\n\nlayer = nn.Linear(4, 2)\n")
    words = [word.format(folder=tmp_path) for word in arguments]
    listed = run("verify", *words, "--checks", "list").out
    names = re.findall(r"^  (\w[\w ]*/.*)$", listed, re.MULTILINE)
    assert names
    by_option = {"dyadic", "zero weights", "steps"}
    assert [n for n in names if n.split("/")[0] not in by_option and f"`{n}`" not in text] == []
    assert {f"## {n.split('/')[0]}" for n in names if n.split("/")[0] in by_option} <= set(
        text.splitlines()
    )


def test_the_manual_has_every_command_and_topic(run: Run) -> None:
    """And the exit statuses and variables that the guide tells."""
    result = run("man")
    assert (result.status, result.err) == (0, "")
    assert result.out.isascii()
    assert result.out.startswith(".TH FCINSPECT 1 ")
    for page in PAGES:
        assert f'.SS "fcinspect {page} ' in result.out
    for name in (*topics(), "0", "141", "FCINSPECT_FORMAT", "\\-\\-json", "\\-f, \\-\\-format"):
        assert re.search(rf"\\fB[^\n]*{re.escape(name)}", result.out), name
    assert len(PAGES) == len(COMMANDS) - len(GROUPS) + 6


def test_the_manual_is_accepted(tmp_path: Path) -> None:
    """By groff without a warning, and by mandoc, where they are installed."""
    path = tmp_path / "fcinspect.1"
    path.write_text(manual(), encoding="ascii")
    checks = (["groff", "-man", "-ww", "-Tutf8"], ["mandoc", "-man", "-Tlint", "-Wwarning"])
    tried = [check for check in checks if shutil.which(check[0])]
    if not tried:
        pytest.skip("needs groff or mandoc")
    for check in tried:
        done = subprocess.run([*check, path], capture_output=True, encoding="utf-8", check=False)
        assert (done.returncode, done.stderr) == (0, ""), check


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("a *b* **c** `--d` [e](f.md)", ".PP\na \\fIb\\fR \\fBc\\fR \\fB\\-\\-d\\fR e\n"),
        (".SH is no request", ".PP\n\\&.SH is no request\n"),
        ("a\\b – ×", ".PP\na\\eb \\[u2013] \\[u00D7]\n"),
        ("- one\n- two\n  more", ".IP \\(bu 2\none\n.IP \\(bu 2\ntwo more\n"),
        ("| a | b |\n|---:|:---|\n| `0` | done |", ".TP\n\\fB0\\fR\ndone\n"),
        ("```sh\n'x\n\n-y\n```", ".PP\n.RS 4\n.nf\n\\&'x\n\n\\-y\n.fi\n.RE\n"),
        ("## Title", '.SS "Title"\n'),
    ],
)
def test_markdown_becomes_roff(markdown: str, expected: str) -> None:
    """Nothing that a text holds acts as a request."""
    assert roff.from_markdown(markdown) == expected

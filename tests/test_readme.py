"""The examples of the README and of the guide, run as they stand."""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from fcinspect.cli import COMMANDS as TOP
from fcinspect.cli import GROUPS as PARENTS
from fcinspect.cli.guide import topics
from tests.conftest import Result, Run
from tests.pages import LEFT_OUT, same_page, same_with_gaps
from tests.test_architecture import ROOMS

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "fcinspect" / "guide"
PAGES = [ROOT / "README.md", *sorted(GUIDE.glob("*.md"))]
COMMANDS = [name for name in TOP if name not in PARENTS] + [
    f"{parent} {name}"
    for parent in PARENTS
    for name in import_module(f"fcinspect.cli.{parent}").COMMANDS
]
BIN = Path(os.environ.get("FCINSPECT_BIN") or Path(sys.executable).parent)
"""The folder of the fcinspect and the Python under test: this one's, or another environment's."""
NEEDS = {"--save net.svg": "matplotlib", "--save mnist.png": "matplotlib"}
"""What an example needs besides fcinspect itself."""


@dataclass(frozen=True)
class Example:
    """A command and what it prints."""

    command: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """The commands of a console block, run one after the other in one folder."""

    page: str
    examples: list[Example]

    @property
    def commands(self) -> list[str]:
        """The command lines."""
        return [example.command for example in self.examples]


def blocks_of(path: Path) -> Iterator[Block]:
    """Yield the console blocks of a page."""
    text = path.read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        found: list[Example] = []
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Example(command, tuple(output.splitlines())))
        yield Block(path.name, found)


def once(blocks: list[Block]) -> list[list[Block]]:
    """Return the blocks in groups that are run once: a short one with that which begins like it."""
    groups: list[list[Block]] = []
    for block in sorted(blocks, key=lambda block: -len(block.examples)):
        for group in groups:
            if group[0].commands[: len(block.examples)] == block.commands:
                group.append(block)
                break
        else:
            groups.append([block])
    return groups


def in_a_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a terminal of 80 columns."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "PATH": path},
        check=False,
    )


def arguments_of(command: str) -> list[str] | None:
    """Return the arguments of a plain call of fcinspect; None if it takes a shell."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = list(lexer)
    shell = any(word and word[0] in lexer.punctuation_chars for word in words)
    return words[1:] if words[0] == "fcinspect" and not shell else None


def printed(command: str, folder: Path, here: Run) -> list[str]:
    """Return the lines that a command prints; `here` runs it where no shell is needed."""
    arguments = None if "FCINSPECT_BIN" in os.environ else arguments_of(command)
    if arguments is None:
        done = in_a_shell(command, folder)
        result = Result(done.returncode, done.stdout, done.stderr)
    else:
        result = here(*arguments)
    assert re.sub(r"^fcinspect: executing the code of .*\n", "", result.err) == ""
    assert result.status in (0, 1)  # 1: something was checked and found, as the page says
    return result.out.splitlines()


def missing(command: str, folder: Path) -> str | None:
    """Return the library that an example needs and the fcinspect under test lacks."""
    for words, library in NEEDS.items():
        if words in command and in_a_shell(f"python -c 'import {library}'", folder).returncode:
            return library
    return None


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
GROUPS = once(BLOCKS)


@pytest.mark.parametrize("group", GROUPS, ids=[group[0].commands[0] for group in GROUPS])
@pytest.mark.usefixtures("prepared")
def test_every_example_is_true(
    group: list[Block], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command prints what the page says, or the pages that show it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for number, command in enumerate(group[0].commands):
        if "| jq" in command and shutil.which("jq") is None:
            pytest.skip("needs jq")
        if library := missing(command, tmp_path):
            refused = in_a_shell(command.partition(" | ")[0], tmp_path)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert re.search(rf"\bneeds? {library}, which is not installed", refused.stderr)
            return
        lines = printed(command, tmp_path, run)
        for block in group:
            for example in block.examples[number : number + 1]:
                told = f"{block.page}:\n" + "\n".join(lines)
                assert same_with_gaps(list(example.output), lines), told


@pytest.mark.skipif(
    "FCINSPECT_BIN" not in os.environ, reason="needs FCINSPECT_BIN, a folder with another fcinspect"
)
def test_the_installed_package_is_what_is_tested(tmp_path: Path) -> None:
    """The other environment holds a package of its own, not this checkout."""
    place = "python -c 'import fcinspect; print(fcinspect.__file__)'"
    assert "site-packages" in in_a_shell(place, tmp_path).stdout


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_a_wrong_example_is_seen(page: Path) -> None:
    """Each line that is missing and each word that is another one is found, in every example."""
    for example in [example for block in blocks_of(page) for example in block.examples]:
        right = list(example.output)
        assert same_with_gaps(right, right)
        for number, line in enumerate(right):
            if line == LEFT_OUT:
                continue
            others = right[:number], right[number + 1 :]
            assert not same_with_gaps(right, [*others[0], *others[1]])
            for word in re.findall(r"[^\W\d]{5,}", line)[:1]:
                wrong = line.replace(word, word + "s", 1)
                assert not same_with_gaps(right, [*others[0], wrong, *others[1]])


def test_there_are_examples_of_every_command() -> None:
    """No command goes unshown: each is run by an example of the README or of the guide."""
    shown = "\n".join(command for block in BLOCKS for command in block.commands)
    assert len(COMMANDS) > 10
    assert [name for name in COMMANDS if f"fcinspect {name}" not in shown] == []


def test_no_example_is_run_twice() -> None:
    """A page that shows the beginning of another's block shares its run."""
    runs = [tuple(group[0].commands) for group in GROUPS]
    assert len(runs) == len(set(runs)) < len(BLOCKS)


def test_the_readme_is_short() -> None:
    """A reader gets to the end of it."""
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) <= 300


def test_every_link_leads_somewhere() -> None:
    """Links are relative: they work in a clone, on the web and in the installed package."""
    links = [
        page.parent / target
        for page in PAGES
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    ]
    assert len(links) > len(PAGES)
    assert [link for link in links if not link.is_file()] == []


def test_every_page_of_the_guide_is_in_its_contents() -> None:
    """And every topic of the contents has a page."""
    assert {*topics(), "README"} == {page.stem for page in PAGES[1:]}


def test_the_code_for_tests_runs() -> None:
    """The functions of guide/tests.md pass on a layer of torch, and fail on a wrong one."""
    text = (GUIDE / "tests.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    given = inputs_of_the_code()
    exec(code, given)
    given["test_my_kernel"]()
    given["test_my_optimizer"]()
    given["my_kernel"] = lambda x, weight, bias: x @ weight.T
    with pytest.raises(AssertionError, match="the bias is missing"):
        given["test_my_kernel"]()


def inputs_of_the_code() -> dict[str, Any]:
    """Return the names that the code takes as given."""
    import torch

    torch.manual_seed(0)
    model = torch.nn.Linear(8, 4)
    return {
        "my_kernel": torch.nn.functional.linear,
        "x": torch.randn(5, 8),
        "weight": model.weight.detach(),
        "bias": model.bias.detach(),
        "model": model,
        "loss_function": torch.nn.functional.mse_loss,
        "target": torch.randn(5, 4),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01),
    }


def test_every_room_is_in_the_design() -> None:
    """And every file and folder that the design page names exists."""
    text = (GUIDE / "design.md").read_text(encoding="utf-8")
    assert [room for room in ROOMS if f"| `{room}` |" not in text] == []
    named = re.findall(r"`((?:fcinspect|tests)/[\w/.]*)`", text)
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_picture_is_what_the_command_saves(tmp_path: Path) -> None:
    """The picture of the README shows what fcinspect prints today, and loads nothing."""
    picture = (GUIDE / "explain.svg").read_text(encoding="utf-8")
    in_a_shell("fcinspect explain 4-2 --element 0 --save explain.svg --quiet", tmp_path)
    now = (tmp_path / "explain.svg").read_text(encoding="utf-8")
    assert same_page(words_of(picture), words_of(now))
    assert "http" not in picture.replace("http://www.w3.org/", "")


def words_of(picture: str) -> str:
    """Return the lines of text in an SVG."""
    lines: dict[str, str] = {}
    for y, text in re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>([^<]*)</text>', picture):
        lines[y] = lines.get(y, "") + html.unescape(text)
    return "\n".join(lines.values())

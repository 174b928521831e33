"""Tables on terminals of any width: numbers stay whole, words are folded, no line ends blank."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from fcinspect.media.tables import fit
from fcinspect.media.terminal import print_page
from fcinspect.page.blocks import Column, Line, Page, Part, Table
from tests.conftest import Run

WIDTHS = [40, 44, 53, 60, 67, 72, 80, 99, 120]
ANSI = re.compile(r"\x1b\[[\d;]*m")
STEP = ("step", "3-4-2", "--optimizer", "adamw", "--steps", "3")
LOSSES = slice(1, 2)
CHECK = slice(-1, None)


def words_of(page: str) -> Counter[str]:
    """Return how often each word or number stands on a page, rules left out."""
    return Counter(word for word in page.split() if set(word) != {"─"})


def groups(page: str, which: slice) -> str:
    """Return some of the parts between blank lines."""
    return "\n\n".join(page.split("\n\n")[which])


def drawn(table: Table, width: int | None) -> list[str]:
    """Return the lines of a table as plain text."""
    console = Console(file=io.StringIO(), width=width or 10_000, markup=False, highlight=False)
    print_page(Page(((table,),)), console, ruled=width is not None)
    printed = console.file
    assert isinstance(printed, io.StringIO)
    return printed.getvalue().splitlines()


@pytest.fixture(scope="module")
def widest_pages() -> dict[tuple[str, ...], str]:
    """Keep the page of each command on a terminal on which nothing is folded."""
    return {}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("arguments", "which"),
    [
        (("shapes", "784-1000000-10", "--batch", "32"), slice(None)),
        (STEP, LOSSES),
        (STEP, CHECK),
        (("step", "3-4-2", "--x", "nan,1,2"), CHECK),
        (("step", "3-2", "--batch", "0"), CHECK),
    ],
    ids=str,
)
def test_every_word_and_number_stays_whole(
    arguments: tuple[str, ...],
    which: slice,
    width: int,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    widest_pages: dict[tuple[str, ...], str],
) -> None:
    """A narrow page says word for word what the widest one says."""
    if arguments not in widest_pages:
        monkeypatch.setenv("COLUMNS", "10000")
        widest_pages[arguments] = run(*arguments).out
    widest = groups(widest_pages[arguments], which)
    monkeypatch.setenv("COLUMNS", str(width))
    narrow = groups(run(*arguments).out, which)
    assert words_of(narrow) == words_of(widest)
    assert not any(line.endswith(" ") for line in narrow.splitlines())
    if width >= 60:
        assert max(map(len, narrow.splitlines())) <= width


@pytest.mark.parametrize("precision", [4, 12])
@pytest.mark.parametrize(("inputs", "outputs"), [(12, 5), (784, 512), (3, 40), (0, 20), (1, 1)])
def test_the_note_counts_what_is_shown(
    inputs: int, outputs: int, precision: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every width the columns and rows that stand there are the ones that are told."""
    arguments = ("create", "--in", inputs, "--out", outputs, "--precision", precision)
    monkeypatch.setenv("COLUMNS", "10000")
    numbers = set(words_of(run(*arguments).out))
    most = 0
    for width in range(40, 121, 4):
        monkeypatch.setenv("COLUMNS", str(width))
        out = run(*arguments).out
        lines = out.splitlines()
        assert not any(line.endswith(" ") for line in lines)
        shown = len(re.findall(r"^.* x\[.*$|^ +b$", out, re.MULTILINE)[0].split()) - 1
        gap = "⋯" in out
        rows = [line.split() for line in lines if line.startswith("y[")]
        assert {len(row) for row in rows} == {shown + 2}
        assert {cell for row in rows for cell in row} - {"⋯"} <= numbers
        table = [line for line in lines if line.startswith("y[")]
        assert precision > 4 or max(map(len, table)) <= width
        note = re.sub(r"\s+", " ", out)
        said = re.findall(r"(\d+) of [\d,]+ (outputs|inputs)", note)
        counts = {noun: count for count, noun in said}
        assert int(counts.get("inputs", inputs)) == shown - gap
        assert int(counts.get("outputs", outputs)) == len(rows)
        assert ("all in --format csv or --json --full" in note) == bool(counts)
        assert shown >= most
        most = shown


@pytest.mark.parametrize("options", [["--color", "always"], ["--save", "page.txt", "-q"]])
def test_colours_and_files_end_no_line_with_blanks(
    options: list[str], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Styles cover the words only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    for command in (STEP, ("create", "--in", "9", "--out", "5")):
        out = run(*command, *options, *(["--force"] if "-q" in options else [])).out
        if "-q" in options:
            out = Path("page.txt").read_text(encoding="utf-8")
        else:
            assert "\x1b[" in out
        assert out
        assert not any(line.endswith(" ") for line in ANSI.sub("", out).splitlines())


def test_columns_move_together_before_words_are_folded() -> None:
    """Three blanks stand between columns, then two, then one; numbers are kept to the last."""
    table = Table(
        (Column("name", right=False), Column("count")),
        (("one two", "12,345"), ("three", "6")),
        rule_before=frozenset({1}),
    )
    assert drawn(table, 16) == [
        "name       count",
        "────────────────",
        "one two   12,345",
        "────────────────",
        "three          6",
    ]
    assert drawn(table, 15)[2] == "one two  12,345"
    assert drawn(table, 14)[2] == "one two 12,345"
    assert drawn(table, 13)[2:4] == ["one    12,345", "two"]
    assert drawn(table, 5)[2:4] == ["one   12,345", "two"]
    assert drawn(table, None) == ["name       count", "one two   12,345", "three          6"]


def test_wide_characters_take_two_places() -> None:
    """Columns stay in line behind them, and words of them are folded in time."""
    words = Table((Column("", right=False),), (("全连接 全连接",),))
    assert drawn(words, 8)[2:] == ["全连接", "全连接"]
    table = Table((Column("a", right=False), Column("n")), (("全连接", "1"), ("x", "22")))
    assert {cell_len(line) for line in drawn(table, 80)} == {11}


def test_a_table_wider_than_the_terminal_is_not_cut() -> None:
    """The console does not crop what cannot be narrower."""
    number = "1" * 50
    page = Page(((Table((Column("n"),), ((number,),)),),))
    console = Console(file=io.StringIO(), width=30)
    print_page(page, console)
    assert isinstance(console.file, io.StringIO)
    assert number in console.file.getvalue().splitlines()


def test_wrapped_lines_end_without_blanks() -> None:
    """A paragraph is broken between words, and every word is there."""
    words = "several words that go on for more than one line of thirty columns"
    console = Console(file=io.StringIO(), width=30)
    print_page(Page(((Line.of(words), Line.of(words, indent=4)),)), console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert not any(line.endswith(" ") or len(line) > 30 for line in lines)
    assert " ".join(line.strip() for line in lines) == f"{words} {words}"


CELL = st.text("ab ", max_size=12).map(str.strip)
NUMBER = st.integers(-(10**9), 10**9).map("{:,}".format)


@given(st.lists(st.tuples(CELL, NUMBER, CELL, NUMBER), min_size=1), st.integers(1, 90))
def test_no_table_loses_a_word(rows: list[tuple[str, ...]], width: int) -> None:
    """Whatever the width, every number and word of every cell is there once."""
    columns = (Column("", right=False), Column("n"), Column("words", right=False), Column("m"))
    lines = drawn(Table(columns, tuple(rows), indent=2), width)
    expected = Counter(word for row in rows for cell in row for word in cell.split())
    assert words_of(" ".join(lines)) == expected + Counter(["n", "words", "m"])
    assert not any(line.endswith(" ") for line in lines)


@given(st.integers(1, 16), st.integers(0, 3), st.integers(10, 200), st.booleans())
@example(held=4, more=1, width=200, bias=True)
def test_a_matrix_keeps_its_first_and_last_column(
    held: int, more: int, width: int, bias: bool
) -> None:
    """The gap is marked exactly where something is left out, and never costs the ends."""
    last = held + more - 1
    titles = [f"x[{j}]" for j in [*range(held - 1), last]]
    columns = [Column("", right=False), *map(Column, titles), *([Column("b")] if bias else [])]
    row = ("y[0]", *titles, *(["1.5"] if bias else []))
    shape = (1, held + more)
    if held < 2:
        shape = (1, 1)
    table = Table(tuple(columns), (row,), part=Part(1, held, shape, "all there"))
    note = fit(table, width).note
    header = drawn(table, width)[0].split()
    inputs = [title for title in header if title not in ("⋯", "b")]
    assert inputs == [*titles[: len(inputs) - 1], titles[-1] if len(inputs) > 1 else titles[0]]
    left_out = shape[1] - len(inputs)
    assert ("⋯" in header) == (left_out > 0) == bool(note)
    if left_out:
        assert note == f"showing {len(inputs)} of {shape[1]} inputs; all there"
        assert header.index("⋯") == max(len(inputs) - 1, 1)
    assert ("b" in header) == bias

"""fcinspect worksheet --class: a sheet for each pupil, and their keys in the same order."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from fcinspect.worksheets.making import class_problems
from fcinspect.worksheets.problem import KINDS, SheetOptions, code_of
from tests.conftest import Run
from tests.media.html.reading import read

NAMES = "Ada Lovelace\n\n  __Zoë__ <b>B.</b> & R$_{x}  \n=1+1\n"
READ = ["Ada Lovelace", "__Zoë__ <b>B.</b> & R$_{x}", "=1+1"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of names, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text(NAMES, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_each_sheet_is_that_of_its_seed(run: Run, kind: str) -> None:
    """Which --seed makes alone, and the key of each is that of its code."""
    made = ("worksheet", "3-2-2", "--sheet", kind, "--seed", "7", "--class", "4", "--json")
    sheets, keys = run(*made).data["sheets"], run(*made, "--answers").data["sheets"]
    assert [sheet["code"] for sheet in sheets] == [code_of(seed) for seed in range(7, 11)]
    for sheet, key in zip(sheets, keys, strict=True):
        alone = ("worksheet", "3-2-2", "--sheet", kind, "--code", sheet["code"], "--json")
        assert run(*alone).data == sheet
        assert run(*alone, "--answers").data == key


@pytest.mark.parametrize("bias", [True, False])
def test_no_two_pupils_have_one_problem(bias: bool) -> None:
    """Of a network with few problems, seeds that repeat one are left out."""
    seeds = {}
    for kind in KINDS:
        problems = class_problems(SheetOptions(kind, (1, 1), 0, bias), 20)
        assert len({(problem.layers, problem.x) for problem in problems}) == 20
        seeds[kind] = [problem.seed for problem in problems]
        assert seeds[kind] == sorted(set(seeds[kind]))
    assert len({tuple(found) for found in seeds.values()}) == 1


def test_a_file_is_written_and_a_line_tells_what_it_holds(run: Run, folder: Path) -> None:
    """Nothing on stdout, and no seed in the file."""
    made = ("worksheet", "3-2-2", "--class", "24", "--seed", "90071992547401")
    found = run(*made, "--save", "class.html")
    assert (found.status, found.out) == (0, "")
    told = "24 sheets of 3-2-2, seeds 90071992547401 to 90071992547424"
    assert re.fullmatch(rf"wrote class\.html \([\d.]+ KiB\): {told}\n", found.err)
    page = read(Path("class.html").read_text(encoding="utf-8"))
    assert len(list(page.all("article"))) == 24
    assert "900719925474" not in page.text
    keys = run(*made, "--save", "keys.tex", "--answers")
    assert "24 keys of 3-2-2, seeds" in keys.err
    text = Path("keys.tex").read_text(encoding="utf-8")
    assert text.count(r"\newpage") == 23
    assert text.count("Key: 6 answers, exact.") == 24
    assert run(*made, "--save", "quiet.html", "-q").err == ""
    few = run("worksheet", "1-1", "--class", "60", "--save", "few.txt").err
    assert few.endswith(": 60 sheets of 1-1, 60 of the seeds 0 to 93\n")


def test_a_form_that_is_asked_for_is_written_beside_the_file(run: Run, folder: Path) -> None:
    """And without a file the sheets are."""
    made = ("worksheet", "2-1", "--class", "2")
    asked = run(*made, "--json", "--save", "class.json")
    assert json.loads(Path("class.json").read_text(encoding="utf-8")) == asked.document
    out = run(*made).out
    assert out.startswith("Worksheet 1 of 2: the forward pass, 2-1\n")
    assert "\n\nWorksheet 2 of 2: the forward pass, 2-1\n" in out


def test_names_stand_on_their_sheets(run: Run, folder: Path) -> None:
    """As they are, in every form; a sheet without a name has a line for it."""
    made = ("worksheet", "3-2-2", "--names", "names.txt")
    alone = run(*made, "--json")
    assert [sheet["pupil"] for sheet in alone.data["sheets"]] == READ
    assert (alone.document["input"]["class"], alone.document["input"]["names"]) == (3, "names.txt")
    more = (*made, "--class", "5")
    assert [sheet["pupil"] for sheet in run(*more, "--json").data["sheets"]] == [*READ, "", ""]
    text = run(*more).out
    assert [f"Name {name}   Date ____" in text for name in READ] == [True] * 3
    assert text.count("Name ______") == 2
    assert run(*more, "--save", "class.html").err.endswith("seeds 0 to 4, 3 with a name\n")
    page = read(Path("class.html").read_text(encoding="utf-8"))
    assert all(name in page.text for name in READ)
    fields = [e.attributes.get("data-field") for e in page.all("input")]
    assert (fields.count("Name"), fields.count("Date")) == (2, 5)
    rows = list(csv.DictReader(io.StringIO(run(*more, "-f", "csv").out)))
    assert {row["sheet"]: row["pupil"] for row in rows} == {
        "1": READ[0], "2": READ[1], "3": "'=1+1", "4": "", "5": "",
    }  # fmt: skip
    key = run(*more, "--answers").out
    assert [f"3-2-2\n  {name}\n" in key for name in READ] == [True] * 3


def test_names_are_read_from_standard_input(run: Run) -> None:
    """As `sort class.txt | fcinspect ...` writes them, with or without a mark at the beginning."""
    for text in ("Ada\nBo\n", "\ufeffAda\r\nBo"):
        found = run("worksheet", "2-1", "--names", "-", "--json", stdin=text)
        assert [sheet["pupil"] for sheet in found.data["sheets"]] == ["Ada", "Bo"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("2-1", "--names", "nope.txt"), 3, "no such file: 'nope.txt'"),
        (("2-1", "--names", "."), 3, "'.' is a folder: expected a file"),
        (("2-1", "--names", "blank.txt"), 3, "'blank.txt' holds no names: expected one per line"),
        (("2-1", "--names", "latin.txt"), 3, "'latin.txt' is not UTF-8 text (byte 1)"),
        (("2-1", "--names", "many.txt"), 3, "'many.txt' holds 101 names: expected at most 100"),
        (("2-1", "--names", "long.txt"), 3, "line 2 of 'long.txt' has 61 characters: expected a"),
        (("2-1", "--names", "names.txt", "--class", "2"), 2, "'names.txt' holds 3 names, more than"
                                                             " --class 2"),
        (("2-1", "--class", "0"), 2, "0 is not a whole number >= 1"),
        (("2-1", "--class", "101"), 2, "101 is too large: expected at most 100"),
        (("2-1", "--class", "3", "--code", "JQ6G-GBVA"), 2, "--code names one sheet: a class set"),
        (("--class", "3"), 2, "WIDTHS is missing"),
        (("8-8-8", "--sheet", "all", "--class", "3"), 2, "too many for a worksheet"),
        (("1-1", "--no-bias", "--class", "99"), 2, "1-1 without bias has 24 different problems"),
        (("2-1", "--class", "3", "--seed", "9007199254740990"), 2, "has 2 different problems"),
        (
            ("2-1", "--class", "3", "--save", "class.pdf"), 2,
            "unknown file ending '.pdf': expected .tex,",
        ),
        (("--grade", "a.json", "--class", "3"), 2, "it cannot be combined with --class"),
        (("--grade", "a.json", "--names", "names.txt"), 2, "it cannot be combined with --names"),
        (("--grade", "class.json"), 3, "this is a class set, not one filled worksheet: expected"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)  # fmt: skip
def test_what_is_refused(
    run: Run, folder: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    """One line that names the value and what is expected."""
    (folder / "blank.txt").write_text(" \n\n", encoding="utf-8")
    (folder / "latin.txt").write_bytes("Zoë\n".encode("latin-1")[1:])
    (folder / "many.txt").write_text("Ada\n" * 101, encoding="utf-8")
    (folder / "long.txt").write_text("Ada\n" + "x" * 61, encoding="utf-8")
    run("worksheet", "2-1", "--class", "2", "--save", "class.json", "-q")
    result = run("worksheet", *arguments)
    assert (result.status, result.out) == (status, "")
    assert words in result.err
    assert result.err.count("\n") == 1


def test_a_class_set_may_have_sigmoid(run: Run, tmp_path: Path) -> None:
    """Every sheet has the activation and the decimals that are asked for."""
    path = tmp_path / "set.tex"
    made = ("worksheet", "2-2-1", "--class=3", "--activation=sigmoid", "--decimals=3", "-q")
    assert run(*made, "--save", str(path)).status == 0
    said = " ".join(path.read_text(encoding="utf-8").split())
    assert said.count("Round every result to 3 decimals") == 3
    assert "relu" not in said

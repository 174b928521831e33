"""fcinspect worksheet --grade: a sheet that is made, filled in and graded, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fcinspect.reports.schema import schema_of
from tests.conftest import Run
from tests.test_documents import strict

Fill = Callable[..., Path]
FORGOTTEN = {"fc1.z[0]": 1, "fc1.z[1]": -1, "fc1.a[0]": 1, "fc2.z[0]": 0, "fc2.z[1]": 2}
"""The forward sheet of 3-2-2 and seed 7 without b of fc1: W·x = (2+1−2, 2+1−4), a = (1, 0),
z2 = (1 − 1, −1 + 3)."""


@pytest.fixture
def fill(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Return how the key of a sheet is filled in, with other answers here and there."""
    monkeypatch.chdir(tmp_path)

    def filled(name: str, answers: dict[str, Any], *options: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        sheet = ("worksheet", "3-2-2", "--seed", "7", *options)
        assert run(*sheet, "--answers", "--save", path, "--quiet").status == 0
        document = json.loads(path.read_text(encoding="utf-8"))
        assert set(answers) <= set(document["data"]["answers"])
        document["data"]["answers"] |= answers
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return filled


@pytest.mark.parametrize("kind", ["forward", "gradient", "step", "all"])
def test_the_key_is_right(run: Run, fill: Fill, kind: str) -> None:
    """What `--answers` writes is graded right, blank by blank, with exit status 0."""
    found = run("worksheet", "--grade", fill("key.json", {}, "--sheet", kind), "--json")
    assert (found.status, found.err) == (0, "")
    (sheet,) = found.data["graded"]
    assert sheet["score"]["right"] == sheet["score"]["blanks"] == len(sheet["blanks"])
    assert {blank["mark"] for blank in sheet["blanks"]} == {"right"}
    assert sheet["kind"] == kind
    assert sheet["notes"] == []


def test_an_empty_sheet_is_not_right(run: Run, tmp_path: Path) -> None:
    """As it comes out of the printer."""
    path = tmp_path / "sheet.json"
    run("worksheet", "2-2-1", "--save", path, "--quiet")
    found = run("worksheet", "--grade", path)
    assert found.status == 1
    assert "0 of 5 blanks right, 5 empty." in found.out


def test_the_page(run: Run, fill: Fill) -> None:
    """The slip once in the sentence, and what follows from it apart."""
    found = run("worksheet", "--grade", fill("anna.json", FORGOTTEN))
    assert found.status == 1
    assert found.out.startswith("Graded: ")
    assert "the bias of fc1 is forgotten" in found.out
    assert "1 of 6 blanks right, 3 follow from an earlier slip, 2 wrong." in found.out
    assert "2 wrong: the bias of fc1 is forgotten (fc1.z[0], fc1.z[1])" in found.out


def test_a_grade_fits_a_narrow_terminal(
    run: Run, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is broken by the terminal, and what has no room is said."""
    monkeypatch.setenv("COLUMNS", "50")
    answers = {"fc1.weight.after[0,0]": 77, "fc1.bias.after[1]": 88}
    out = run("worksheet", "--grade", fill("a.json", answers, "--sheet", "step")).out
    assert "no room for likely slip: see below, all in --json" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 50


def test_the_document(run: Run, fill: Fill) -> None:
    """Every number as it was written and as it should be, and as the schema says."""
    found = run("worksheet", "--grade", fill("anna.json", {**FORGOTTEN, "fc1.a[1]": ""}), "--json")
    jsonschema.validate(found.document, strict(schema_of("worksheet")))
    assert found.document["ok"] is False
    (sheet,) = found.data["graded"]
    blanks = {blank["id"]: blank for blank in sheet["blanks"]}
    assert blanks["fc1.z[0]"] == {
        "id": "fc1.z[0]", "section": "forward", "answer": "1", "mark": "wrong", "right": "4",
        "follows": [], "slip": "the bias of fc1 is forgotten",
    }  # fmt: skip
    assert blanks["fc1.a[1]"]["answer"] is None
    assert blanks["fc1.a[1]"]["mark"] == "empty"
    assert blanks["fc2.z[1]"]["follows"] == ["fc1.a[0]", "fc1.z[1]"]
    assert sheet["mistakes"] == [
        {"slip": "the bias of fc1 is forgotten", "blanks": ["fc1.z[0]", "fc1.z[1]"]}
    ]


def test_the_rows(run: Run, fill: Fill) -> None:
    """A row for every blank of every file."""
    path = fill("anna.json", FORGOTTEN)
    rows = list(csv.DictReader(io.StringIO(run("worksheet", "--grade", path, "-f", "csv").out)))
    assert [row["blank"] for row in rows] == [
        "fc1.z[0]", "fc1.z[1]", "fc1.a[0]", "fc1.a[1]", "fc2.z[0]", "fc2.z[1]",
    ]  # fmt: skip
    assert rows[0]["slip"] == "the bias of fc1 is forgotten"
    assert {row["file"] for row in rows} == {str(path)}


@pytest.mark.parametrize("form", ["text", "json", "csv", "md"])
def test_the_solution_may_be_held_back(run: Run, fill: Fill, form: str) -> None:
    """No right number is told where an answer is wrong: 4 and −4 are z of fc1, 3 and −1 of fc2."""
    wrong = {"fc1.z[0]": 77, "fc1.z[1]": 78, "fc1.a[0]": 79, "fc2.z[0]": 81, "fc2.z[1]": "82"}
    path = fill("anna.json", wrong)
    assert path.exists()
    words = run("worksheet", "--grade", "anna.json", "-f", form, "--no-solution").out
    told = run("worksheet", "--grade", "anna.json", "-f", form).out
    assert words != told
    if form == "json":
        blanks = json.loads(words)["data"]["graded"][0]["blanks"]
        assert {blank["right"] for blank in blanks} == {None}
    elif form == "csv":
        assert {row["right"] for row in csv.DictReader(io.StringIO(words))} == {""}
    else:
        assert "should be" in told
        assert "should be" not in words
        assert "-4" in told
        assert "-4" not in words.replace("3-2-2", "")


def test_standard_input(run: Run, fill: Fill) -> None:
    """- reads it."""
    text = fill("anna.json", FORGOTTEN).read_text(encoding="utf-8")
    assert run("worksheet", "--grade", "-", stdin=text).status == 1
    assert run("worksheet", "--grade", "-", stdin="").err.startswith(
        "fcinspect: standard input is empty: expected a filled worksheet in JSON"
    )


def test_a_class(run: Run, fill: Fill, tmp_path: Path) -> None:
    """A folder: a line for each, what cannot be read with its reason, and the slips they share."""
    for name in ("anna", "ben"):
        fill(f"class/{name}.json", FORGOTTEN)
    fill("class/cem.json", {})
    (tmp_path / "class" / "dora.json").write_text('{"fc1.z[0]": 3/2}', encoding="utf-8")
    (tmp_path / "class" / "notes.txt").write_text("no worksheet", encoding="utf-8")
    found = run("worksheet", "--grade", "class")
    assert (found.status, found.err) == (1, "")
    assert found.out.startswith("3 of 4 worksheets, graded")
    assert "2 of 3: the bias of fc1 is forgotten (class/anna.json, class/ben.json)" in found.out
    assert "not graded: 'class/dora.json' is not JSON" in found.out.replace("\n  ", " ")
    both = ("--grade", "class/cem.json", "--grade", "class/anna.json")
    data = run("worksheet", *both, "--json").data
    assert [sheet["file"] for sheet in data["graded"]] == ["class/cem.json", "class/anna.json"]
    document = run("worksheet", "--grade", "class", "--json").document
    jsonschema.validate(document, strict(schema_of("worksheet")))
    assert [one["file"] for one in document["data"]["ungraded"]] == ["class/dora.json"]
    assert run("worksheet", "--grade", "class/cem.json", "--grade", "class/cem.json").status == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--grade", "nope.json"), 3, "no such file: 'nope.json'"),
        (("--grade", "."), 3, "there is no .json file in the folder '.'"),
        (("3-2-2", "--grade", "a.json"), 2, "'3-2-2' is one argument too many"),
        (("--grade", "a.json", "--seed", "3"), 2, "it cannot be combined with --seed"),
        (("--grade", "a.json", "--code", "JQ6GGBVA"), 2, "it cannot be combined with --code"),
        (
            ("--grade", "a.json", "--answers", "--no-bias"),
            2,
            "it cannot be combined with --no-bias, --answers",
        ),
        (("--grade", "a.json", "--seed", "0"), 2, "it cannot be combined with --seed"),
        (("--grade", "a.json", "--sheet", "forward"), 2, "it cannot be combined with --sheet"),
        (("--grade", "a.json", "--bias"), 2, "it cannot be combined with --bias"),
        (("--grade", "a.json", "3-2-2"), 2, "'3-2-2' is one argument too many"),
        (("--grade", ""), 2, "--grade names no file: expected a filled worksheet"),
        (("--grade", "a.json", "--precision", "3"), 2, "No such option: --precision"),
        (("--grade", "a.json", "--full"), 2, "No such option: --full"),
        (
            ("--grade", "a.json", "-f", "latex"),
            2,
            "--grade does not write LaTeX: expected text, json",
        ),
        (("--grade", "a.json", "--save", "a.tex"), 2, "--grade does not write LaTeX"),
        (("3-2-2", "--no-solution"), 2, "--no-solution requires --grade: it holds back"),
        (("3-2-2", "--solution"), 2, "--solution requires --grade: it shows the right"),
        ((), 2, "WIDTHS is missing: expected widths such as 3-2-2, or --grade"),
    ],
)
def test_what_is_refused(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    """One line each."""
    monkeypatch.chdir(tmp_path)
    found = run("worksheet", *arguments)
    assert (found.status, found.out) == (status, "")
    assert message in found.err
    assert found.err.count("\n") == 1


def test_a_fraction_without_quotes_is_explained(run: Run, tmp_path: Path) -> None:
    """JSON has no 3/2."""
    path = tmp_path / "anna.json"
    path.write_text('{"data": {"answers": {"loss": 3/2}}}', encoding="utf-8")
    found = run("worksheet", "--grade", path)
    assert found.status == 3
    assert 'put quotes around an answer that is not a plain number: "3/2"' in found.err


def test_answers_without_quotes_lose_no_sheet(run: Run, fill: Fill) -> None:
    """The sheet as it is saved, with 3,5 and its kin put in the place of null."""
    assert run("worksheet", "3-2-2", "--seed", "7", "--save", "anna.json", "-q").status == 0
    path = Path("anna.json")
    head, mark, rest = path.read_text(encoding="utf-8").partition('"answers": {')
    for answer in ("4,0", "-8/2", "+4", "\u22120", "3", "x"):
        rest = rest.replace("null", answer, 1)
    path.write_text(head + mark + rest, encoding="utf-8")
    found = run("worksheet", "--grade", path, "--json")
    (sheet,) = found.data["graded"]
    assert [blank["mark"] for blank in sheet["blanks"]] == ["right"] * 5 + ["unreadable"]
    names = "fc1.z[0], fc1.z[1], fc1.a[0], \u2026"
    assert sheet["notes"] == [f"5 answers without JSON quotes: {names}"]
    path.write_text(head + mark + rest[: rest.index("}")], encoding="utf-8")
    refused = run("worksheet", "--grade", path)
    assert (refused.status, refused.out) == (3, "")
    assert "is not JSON" in refused.err
    assert "put quotes around" not in refused.err


def test_the_same_file_counts_once(run: Run, fill: Fill) -> None:
    """However its path is written, and it is said."""
    fill("class/anna.json", FORGOTTEN)
    fill("class/ben.json", {})
    found = run("worksheet", "--grade", "class", "class/../class/anna.json")
    assert found.out.startswith("2 worksheets, graded")
    assert "note: class/anna.json: it is named 2 times, but counts once" in found.out
    assert "1 of 2: the bias of fc1 is forgotten (class/anna.json)" in found.out
    alone = run("worksheet", "--grade", "class/ben.json", "class/ben.json")
    assert "note: it is named 2 times, but counts once" in alone.out
    assert alone.status == 0


def test_a_changed_problem_is_marked_in_its_row(run: Run, fill: Fill) -> None:
    """A problem of zeros has a full score; its row tells that it is another one."""
    path = fill("class/anna.json", {})
    fill("class/ben.json", {})
    assert "changed" not in run("worksheet", "--grade", "class").out
    document = json.loads(path.read_text(encoding="utf-8"))
    for layer in document["data"]["layers"]:
        layer["weight"] = [[0 for _ in row] for row in layer["weight"]]
        layer["bias"] = [0 for _ in layer["bias"]]
    document["data"]["answers"] = dict.fromkeys(document["data"]["answers"], 0)
    path.write_text(json.dumps(document), encoding="utf-8")
    found = run("worksheet", "--grade", "class")
    (row,) = [line for line in found.out.splitlines() if line.startswith("class/anna.json ")]
    assert "changed" in row
    sheets = run("worksheet", "--grade", "class", "--json").data["graded"]
    assert [sheet["altered"] for sheet in sheets] == [True, False]


def test_pupils_are_named(run: Run, fill: Fill) -> None:
    """With the name and the date of the file, which act on no terminal."""
    for name, pupil in (("a", "Anna \x1b[31mB."), ("b", "[red]=Ben[/red]")):
        path = fill(f"class/{name}.json", {})
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["data"]["pupil"] == ""
        document["data"] |= {"pupil": pupil, "date": "3 May"}
        path.write_text(json.dumps(document), encoding="utf-8")
    found = run("worksheet", "--grade", "class")
    assert "\x1b" not in found.out
    assert r"Anna \x1b[31mB." in found.out
    assert "[red]=Ben[/red]" in found.out
    assert "[red]=Ben[/red] (3 May)" in run("worksheet", "--grade", "class/b.json").out
    (sheet,) = run("worksheet", "--grade", "class/b.json", "--json").data["graded"]
    assert (sheet["pupil"], sheet["date"]) == ("[red]=Ben[/red]", "3 May")
    document["data"]["pupil"] = ["Ben"]
    path.write_text(json.dumps(document), encoding="utf-8")
    assert "note: pupil is a list: expected text" in run("worksheet", "--grade", path).out


@pytest.mark.parametrize("form", ["text", "md", "csv", "json"])
def test_hostile_text_does_nothing(run: Run, fill: Fill, form: str) -> None:
    """What stands in a blank is shown with its control characters escaped, in every form."""
    answers = {"fc1.z[0]": "\x1b[31m3\u202e", "fc1.z[1]": "[b]3[/b]", "fc2.z[0]": "=1+1"}
    path = fill("anna.json", answers)
    found = run("worksheet", "--grade", path, "-f", form)
    assert (found.status, found.err) == (1, "")
    assert "\x1b" not in found.out
    assert "\u202e" not in found.out
    assert "\\x1b" in found.out or (form == "json" and "\\u001b" in found.out)
    assert ("\\[b\\]3\\[/b\\]" if form == "md" else "[b]3[/b]") in found.out
    data = run("worksheet", "--grade", path, "--json").data
    assert data["graded"][0]["score"]["unreadable"] == 3


FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+cmd|x",
    "@SUM(A1)",
    "\uff1d1+1",
    "\t=1+1",
    "--1",
    "=1",
]


@pytest.mark.parametrize("words", FORMULAS)
def test_no_cell_is_a_formula(run: Run, fill: Fill, words: str) -> None:
    """A spreadsheet takes the answers and the names of files as text, and numbers as numbers."""
    answers = {"fc1.z[0]": words, "fc1.z[1]": "-4", "fc2.z[1]": "-1.0"}
    name = words.replace("/", "") + ".json"
    fill(name, answers)
    fill("-other.json", {}).write_text("[]", encoding="utf-8")
    found = run("worksheet", "-f", "csv", "--grade=" + name, "--grade=-other.json")
    rows = {row["blank"]: row for row in csv.DictReader(io.StringIO(found.out))}
    assert (rows["fc1.z[0]"]["mark"], rows[""]["mark"]) == ("unreadable", "not graded")
    assert rows["fc1.z[1]"]["answer"] == "-4"
    assert rows["fc2.z[1]"]["answer"] == "-1.0"
    assert rows[""]["file"] == "'-other.json"
    numbers = {"-4", "-1.0", "-1"}
    for row in rows.values():
        for cell in row.values():
            assert cell in numbers or not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))


def test_files_that_a_shell_names(run: Run, fill: Fill) -> None:
    """--grade answers/*.json is --grade and several arguments; their order is kept."""
    paths = [fill(f"answers/{name}.json", {}) for name in ("cem", "anna", "ben")]
    found = run("worksheet", "--grade", *paths, "--json")
    assert (found.status, found.err) == (0, "")
    assert [sheet["file"] for sheet in found.data["graded"]] == [*map(str, paths)]
    assert found.document["input"]["grade"] == [*map(str, paths)]
    repeated = ("--grade", paths[0], "--grade", paths[1], paths[2], "--json")
    assert run("worksheet", *repeated).document == found.document


def test_endings_of_a_folder_in_any_case(run: Run, fill: Fill) -> None:
    """ANNA.JSON is one of the files, wherever the file system tells upper from lower case."""
    fill("class/ben.json", {}).rename("class/ANNA.JSON")
    data = run("worksheet", "--grade", "class", "--json").data
    assert [sheet["file"] for sheet in data["graded"]] == ["class/ANNA.JSON"]


def test_a_folder_that_cannot_be_read(
    run: Run, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not said to hold no file."""
    fill("class/ben.json", {})

    def denied(self: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    found = run("worksheet", "--grade", "class")
    assert (found.status, found.out) == (3, "")
    assert "cannot read the folder 'class': Permission denied" in found.err


def test_the_sheet_of_each_is_told(run: Run, fill: Fill) -> None:
    """A pupil who turns "all" into "forward" and drops the other answers is seen in the class."""
    for name in ("anna", "ben", "cem"):
        fill(f"class/{name}.json", {}, "--sheet", "all")
    same = run("worksheet", "--grade", "class").out
    assert same.startswith("3 worksheets, graded: worksheet 3-2-2 --sheet all --code JQ6G-GBVA\n")
    assert "note: " not in same
    fill("class/sly.json", {})
    found = run("worksheet", "--grade", "class")
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("4 worksheets, graded\n")
    assert "note: 3 of 4 are sheet 3-2-2 all, JQ6G-GBVA; different: class/sly.json\n" in found.out
    lines = {line.split()[0]: line for line in found.out.splitlines() if line.startswith("class/")}
    assert "3-2-2 all, JQ6G-GBVA" in lines["class/anna.json"]
    assert "3-2-2 forward, JQ6G-GBVA" in lines["class/sly.json"]
    table = run("worksheet", "--grade", "class", "-f", "csv").out
    sheets = {row["file"]: row["sheet"] for row in csv.DictReader(io.StringIO(table))}
    assert sheets["class/ben.json"] == "worksheet 3-2-2 --sheet all --code JQ6G-GBVA"
    assert sheets["class/sly.json"] == "worksheet 3-2-2 --sheet forward --code JQ6G-GBVA"


def test_sheets_of_several_seeds(run: Run, fill: Fill) -> None:
    """Each seat has a seed of its own; what differs else is named."""
    for seed in (1, 2, 3):
        fill(f"class/{seed}.json", {}, "--seed", str(seed))
    assert "note: these are 3 different sheets\n" in run("worksheet", "--grade", "class").out
    fill("class/4.json", {}, "--seed", "4", "--no-bias")
    found = run("worksheet", "--grade", "class").out
    assert "note: 3 of 4 are sheet 3-2-2 forward; different: class/4.json\n" in found


@pytest.mark.parametrize("bias", ["--bias", "--no-bias"])
def test_the_command_that_made_it(
    run: Run, fill: Fill, bias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heading names the command of the sheet's foot, and so it makes the same numbers."""
    monkeypatch.setenv("COLUMNS", "200")
    path = fill("anna.json", {}, bias)
    foot = run("worksheet", "3-2-2", "--seed", "7", bias).out.splitlines()[-1]
    command = foot.partition(";")[0]
    assert run("worksheet", "--grade", path).out.splitlines()[0] == f"Graded: {path}, {command}"
    (sheet,) = run("worksheet", "--grade", path, "--json").data["graded"]
    assert sheet["bias"] is (bias == "--bias")


def test_a_grade_is_told_from_a_worksheet(run: Run, fill: Fill, tmp_path: Path) -> None:
    """By the key that both documents have, and it is not graded once more."""
    path = fill("anna.json", {})
    assert json.loads(path.read_text(encoding="utf-8"))["data"]["document"] == "worksheet"
    grade = run("worksheet", "--grade", path, "--json", "--save", "grade.json")
    assert grade.data["document"] == "grade"
    for text in (grade.out, json.dumps(grade.data)):
        (tmp_path / "grade.json").write_text(text, encoding="utf-8")
        found = run("worksheet", "--grade", "grade.json")
        assert (found.status, found.out) == (3, "")
        assert "'grade.json': this is a grade, not a filled worksheet" in found.err
    spoilt = {**grade.document, "data": {**grade.data, "document": "worksheet"}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoilt, strict(schema_of("worksheet")))


def test_a_worksheet_as_older_versions_wrote_it(run: Run, fill: Fill) -> None:
    """Without the key that tells it from a grade."""
    path = fill("anna.json", {})
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["data"]["document"]
    path.write_text(json.dumps(document), encoding="utf-8")
    assert run("worksheet", "--grade", path).status == 0

"""fcinspect worksheet: the sheets, their keys, the documents to fill in, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction
from pathlib import Path

import pytest

from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import KINDS, SheetOptions, code_of
from fcinspect.worksheets.sheet import Sheet
from tests.conftest import Run

SHEETS = [
    ("3-2-2", "all"), ("3-2-2", "step"), ("8-4", "gradient"), ("7-5", "step"), ("8-8-8", "forward"),
    ("2-2-2-2-1", "gradient"), ("1-1", "all"), ("2-7", "step"),
]  # fmt: skip


def widths_of(text: str) -> tuple[int, ...]:
    """Return the widths that a test names."""
    return tuple(map(int, text.split("-")))


@pytest.mark.parametrize(("widths", "kind"), SHEETS)
@pytest.mark.parametrize("bias", ["--bias", "--no-bias"])
def test_a_sheet_shows_every_blank_and_no_answer(
    run: Run, monkeypatch: pytest.MonkeyPatch, widths: str, kind: str, bias: str
) -> None:
    """At 80 columns no line is longer, and no column of a matrix is left out."""
    monkeypatch.setenv("COLUMNS", "80")
    sheet = run("worksheet", widths, "--sheet", kind, "--seed", "3", bias)
    key = run("worksheet", widths, "--sheet", kind, "--seed", "3", bias, "--answers")
    blanks = len(
        Sheet(make(SheetOptions(kind, widths_of(widths), 3, bias=bias == "--bias"))).blanks
    )
    assert (sheet.status, sheet.err, key.status, key.err) == (0, "", 0, "")
    for page in (sheet.out, key.out):
        assert max(map(len, page.splitlines())) <= 80
        assert "⋯" not in page
        assert "showing" not in page
    body = sheet.out.split("Given")[1]
    runs = [part for part in body.replace("]", " ").replace("[", " ").split() if "__" in part]
    assert len(runs) == blanks
    assert "__" not in key.out
    assert f"Key: {blanks} answers, exact." in key.out.replace("\n", " ")


@pytest.mark.parametrize("kind", KINDS)
def test_the_document_is_filled_in_by_the_key(run: Run, kind: str) -> None:
    """The same ids in the same order, null in one and the exact answer in the other."""
    sheet = run("worksheet", "3-2-2", "--sheet", kind, "--seed", "5", "--json").data
    key = run("worksheet", "3-2-2", "--sheet", kind, "--seed", "5", "--json", "--answers").data
    found = Sheet(make(SheetOptions(kind, (3, 2, 2), 5)))
    assert list(sheet["answers"]) == list(key["answers"]) == [b.id for b in found.blanks]
    assert set(sheet["answers"].values()) == {None}
    assert [Fraction(str(a)) for a in key["answers"].values()] == [b.answer for b in found.blanks]
    given = {name: Fraction(str(value)) for name, value in sheet["given"].items()}
    assert given == dict(found.given)
    apart = {"answers": 0, "ways": 0, "seed": 0}
    assert sheet | apart == key | apart
    assert "seed" not in sheet
    assert (key["seed"], key["code"]) == (5, code_of(5))
    assert sheet["ways"] is None
    assert list(key["ways"]) == list(key["answers"])


SECRET = "9007199254740881"
FORMS = ["text", "md", "csv", "latex", "json"]
ENDINGS = ["txt", "md", "csv", "tex", "svg", "html", "json"]


def test_no_sheet_says_its_seed(run: Run, tmp_path: Path) -> None:
    """It shows a code in its place, in every form; the key says both."""
    code = code_of(int(SECRET))
    made = ("worksheet", "2-2-1", "--sheet", "all", "--seed", SECRET)
    shown = {form: run(*made, "-f", form).out for form in FORMS}
    for ending in ENDINGS:
        path = tmp_path / f"sheet.{ending}"
        assert run(*made, "-q", "--save", path).status == 0
        shown[ending] = path.read_text(encoding="utf-8")
    for form, text in shown.items():
        assert SECRET not in text.replace("&#160;", "").replace("\u00a0", ""), form
        assert form == "csv" or code in text, form
    for form in ("text", "md", "latex", "json"):
        key = run(*made, "-f", form, "--answers").out
        assert SECRET in key
        assert code in key


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_makes_the_sheet_and_its_key(run: Run, kind: str) -> None:
    """The command at the foot of a sheet makes it again, and with --answers its key."""
    made = ("worksheet", "3-2-2", "--sheet", kind, "--seed", "7")
    sheet, key = run(*made), run(*made, "--answers")
    command = " ".join(sheet.out.splitlines()[-1].partition(";")[0].split())
    assert command == f"worksheet 3-2-2 --sheet {kind} --code JQ6G-GBVA"
    assert run(*command.split()).out == sheet.out
    assert run(*command.split(), "--answers").out == key.out
    typed = command.replace("JQ6G-GBVA", "jq6ggbva")
    assert run(*typed.split(), "--json").document == run(*made, "--json").document


def test_numbers_of_the_document_are_exact(run: Run) -> None:
    """Of a network of four layers the last ones are quotients, written as strings."""
    arguments = ("2-2-2-2-2", "--sheet", "step", "--seed", "7")
    data = run("worksheet", *arguments, "--json", "--answers").data
    exact = make(SheetOptions("step", (2, 2, 2, 2, 2), 7))
    assert Fraction(str(data["learning_rate"])) == exact.learning_rate
    answer = data["answers"]["loss_after"]
    assert isinstance(answer, str)
    assert Fraction(answer) == Sheet(exact).blanks[-1].answer
    for layer, held in zip(exact.layers, data["layers"], strict=True):
        assert [list(row) for row in layer.weight] == held["weight"]


def test_a_saved_document_is_spread_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One blank a line, and the same document as on stdout."""
    monkeypatch.chdir(tmp_path)
    printed = run("worksheet", "3-2-2", "--seed", "7", "--json", "--save", "sheet.json")
    saved = Path("sheet.json").read_text(encoding="utf-8")
    assert json.loads(saved) == printed.document
    assert '\n      "fc1.z[0]": null,\n      "fc1.z[1]": null,\n' in saved
    assert '"weight": [[2, -1, -1], [2, -1, -2]],\n' in saved


def test_rows_of_a_spreadsheet(run: Run) -> None:
    """Every number of the problem, what is given, and an empty cell for each blank.

    A way that begins with a sign is text to a spreadsheet, not a formula.
    """
    text = run("worksheet", "3-2-2", "--sheet", "step", "--seed", "7", "-f", "csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["number"] for row in rows if row["place"].startswith("x[")] == ["1", "-1", "2"]
    assert {row["number"] for row in rows if row["part"] == "blank"} == {""}
    assert sum(row["part"] == "blank" for row in rows) == 17
    key = run("worksheet", "3-2-2", "--sheet", "step", "--seed", "7", "-f", "csv", "--answers").out
    answers = {r["place"]: r for r in csv.DictReader(io.StringIO(key)) if r["part"] == "answer"}
    assert answers["fc1.weight.after[0,1]"]["number"] == "-0.6"
    assert answers["fc1.weight.after[0,1]"]["way"] == "'-1 − 0.1·(-4) = -0.6"


def test_a_forward_sheet_does_not_tell_what_it_does_not_need(run: Run) -> None:
    """Neither a target nor a learning rate, in any form for paper."""
    for form in ("text", "md"):
        page = run("worksheet", "3-2-2", "-f", form).out
        assert "lr" not in page
        assert "target" not in page
    assert "target" not in run("worksheet", "3-2-2", "-f", "csv").out


def test_a_key_that_torch_contradicts_is_not_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing on stdout, no file, and a defect is reported."""
    import fcinspect.bridge.worksheet as bridge

    real = bridge.results_in_torch
    monkeypatch.setattr(bridge, "results_in_torch", lambda p: {**real(p), "loss": 0.125})
    result = run("worksheet", "3-2-2", "--save", tmp_path / "sheet.txt")
    assert (result.status, result.out) == (70, "")
    assert "loss is" in result.err
    assert "0.125 by torch" in result.err
    assert not (tmp_path / "sheet.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("3",), "'3' has one width"),
        (("3-9-2",), "width 9 at position 2 of '3-9-2' is too large for a worksheet: expected at"),
        (("8-8-8", "--sheet", "step"), "has 153 blanks, too many for a worksheet: expected at most"
                                       " 60; --sheet forward has 24"),
        (("2-2-2-2-2-2",), "5 layers are too many for a worksheet: expected at most 4"),
        (("layer.json",), "'layer.json' is not a worksheet network: expected widths"),
        (("package:Module",), "'package:Module' is not a worksheet network: expected widths"),
        (("folder/layers",), "'folder/layers' is not a worksheet network: expected widths"),
        (("nope",), "width 'nope' at position 1"),
        (("-".join(["2"] * 3000),), "2999 layers are too many for a worksheet"),
        (("9" * 30 + "-2",), "widths go up to 10^15"),
        (("3-0-2",), "width 0 at position 2"),
        (("3-2", "--sheet", "foward"), "invalid sheet 'foward': expected one of forward, gradient,"
                                       " step, all (did you mean 'forward'?)"),
        (("3-2", "--seed", "-1"), "-1 is not a whole number >= 0"),
        (("3-2", "--seed", "9007199254740992"), "expected at most 9007199254740991"),
        (("3-2", "--code", "JQ6G-GBVB"), "--code: 'JQ6G-GBVB' is not the code of a worksheet: a"),
        (("3-2", "--code", "7"), "it has 1 character, not 8 or 12; expected the code printed"),
        (("3-2", "--code", "JQ6G-GBVA", "--seed", "7"), "--seed and --code cannot be combined"),
        (("anna.json",), "use --grade to grade a filled worksheet"),
        (("a/b" * 5000,), "is not a worksheet network: expected widths"),
        (("b" * 5000,), "': widths are whole numbers >= 1"),
        (("3-2", "2-1"), "unexpected '2-1' after the widths '3-2': expected only widths"),
        (("a.json", "b.json", "c.json"), "and 1 more after the widths 'a.json': expected only"
                                         " widths, such as 3-2-2, or --grade before files"),
        (("3-2", "--precision", "3"), "No such option: --precision"),
        (("3-2", "--full"), "No such option: --full"),
        ((), "WIDTHS is missing: expected widths such as 3-2-2, or --grade"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else None,
)  # fmt: skip
def test_what_is_refused(run: Run, arguments: tuple[str, ...], words: str) -> None:
    """One line that names the value and what is expected."""
    result = run("worksheet", *arguments)
    assert (result.status, result.out) == (2, "")
    assert words in result.err
    assert result.err.count("\n") == 1


def test_widths_are_widths_beside_a_folder_of_that_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in the folder does not matter to a sheet that is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "3-2-2").mkdir()
    assert run("worksheet", "3-2-2", "--quiet").status == 0


def test_the_defaults_are_told(run: Run) -> None:
    """Those of the help are those of the command."""
    told = " ".join(run("worksheet", "--help").out.split())
    assert "What is left blank: forward (default), gradient, step, or all of these." in told
    assert "0 to 2^53-1 (default 0);" in told
    assert "With a bias b (default), or without." in told
    plain = run("worksheet", "2-1", "--json").document
    options = ("--sheet", "forward", "--seed", "0", "--bias")
    assert run("worksheet", "2-1", *options, "--json").document == plain


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_a_smooth_sheet_says_how_to_round(run: Run, name: str) -> None:
    """The rule, the formula and the derivative stand on the sheet, and its options at its foot."""
    found = run("worksheet", "3-2-2", "--activation", name.upper(), "--sheet=all", "--decimals=3")
    assert found.status == 0
    said = " ".join(found.out.split())
    assert "Round every result to 3 decimals, halves away from zero, and continue with" in said
    formula, slope = {
        "sigmoid": ("σ(z) = 1/(1 + e^(−z))", "∂L/∂a·a·(1 − a)"),
        "tanh": ("tanh(z) = (e^z − e^(−z))/(e^z + e^(−z))", "∂L/∂a·(1 − a²)"),
    }[name]
    assert formula in said
    assert slope in said
    assert "relu" not in said
    assert f"--activation {name} --decimals 3" in said


def test_only_a_smooth_sheet_has_decimals(run: Run) -> None:
    """In JSON they stand where results are rounded, and nowhere else."""
    data = run("worksheet", "3-2-2", "--activation=tanh", "--json").data
    assert data["decimals"] == 4
    assert [layer["activation"] for layer in data["layers"]] == ["tanh", "identity"]
    assert "decimals" not in run("worksheet", "3-2-2", "--json").data


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("3-2", "--activation=tanh"), "3-2 has no hidden layer for tanh"),
        (("3-2-2", "--decimals=3"), "--decimals 3 requires --activation sigmoid or tanh"),
        (
            ("3-2-2", "--activation=gelu"),
            "invalid activation 'gelu': expected one of relu, sigmoid",
        ),
        (("3-2-2", "--activation=tanh", "--decimals=1"), "1 is not a whole number >= 2"),
        (("--grade", "x.json", "--activation=tanh"), "it cannot be combined with --activation"),
    ],
)
def test_what_does_not_go_with_an_activation_is_refused(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    """One line and exit status 2."""
    found = run("worksheet", *arguments)
    assert (found.status, found.out) == (2, "")
    assert message in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_a_smooth_key_grades_itself(run: Run, tmp_path: Path, name: str) -> None:
    """The document of a key is a filled sheet in which all is right."""
    path = tmp_path / "key.json"
    made = ("worksheet", "2-2-1", "--activation", name, "--sheet=all", "--answers", "-q")
    assert run(*made, "--save", str(path)).status == 0
    found = run("worksheet", "--grade", str(path), "--json")
    assert found.status == 0
    score = found.data["graded"][0]["score"]
    assert score["right"] == score["blanks"] == 31


def test_the_article_has_the_formula_of_sigmoid(run: Run, tmp_path: Path) -> None:
    """LaTeX sets it as mathematics."""
    path = tmp_path / "sheet.tex"
    run("worksheet", "2-2-1", "--activation=sigmoid", "-q", "--save", str(path))
    assert r"$\sigma(z) = 1/(1 + e^{(-z)})$" in path.read_text(encoding="utf-8")

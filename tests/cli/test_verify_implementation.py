from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("prepared")

SUBJECTS = Path(__file__).parents[1] / "subjects"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the other process import the examples."""
    root = str(SUBJECTS.parents[1])
    monkeypatch.setenv("PYTHONPATH", root)


def slow(*values: object) -> ParameterSet:
    """Mark one case as slow: it starts a process that imports torch."""
    return pytest.param(*values, marks=pytest.mark.slow)


def code(module: str, name: str) -> str:
    """Return the text that names an object of the examples."""
    return f"tests.subjects.{module}:{name}"


def test_a_correct_layer_passes_and_the_user_is_told_that_it_runs(run: Run) -> None:
    """The line about the code goes to stderr; -q silences it, as the refusals show."""
    arguments = ("--checks", "exact", "--json")
    result = run("verify", "implementation", code("correct", "Own"), *arguments)
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    assert result.err == "fcinspect: executing the code of tests.subjects.correct\n"


def test_a_file_can_be_named(run: Run) -> None:
    """With its path, from anywhere."""
    name = f"{SUBJECTS / 'correct.py'}:by_numpy"
    result = run("verify", "implementation", name, "--checks", "contract", "--json")
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    assert any("a function on numpy numbers" in note for note in result.data["notes"])


def test_the_layers_own_prints_stay_out_of_the_report(shell: Run) -> None:
    """Standard output is one JSON document, whatever the layer prints."""
    name = code("faulty_kernels", "prints")
    root = os.environ["PYTHONPATH"]
    arguments = ("--checks", "contract/dtype", "--json")
    result = shell("verify", "implementation", name, *arguments, PYTHONPATH=root)
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    assert "printed below python" in result.err
    assert "printed" not in result.out


@pytest.mark.parametrize(
    ("name", "more", "cause"),
    [
        ("crashes", (), "its process was killed by SIGSEGV"),
        slow("ends", (), "its process ended with exit status 5"),
        slow("hangs", ("--timeout", "0.2"), "did not return within 0.2 s"),
        slow("exits", (), "raised SystemExit: enough"),
        slow("none", (), "returned None instead of an array"),
    ],
)
def test_what_would_crash_or_hang_us_is_a_finding(
    run: Run, name: str, more: tuple[str, ...], cause: str
) -> None:
    """Status 1, the cause in words, no traceback; and it does not take for ever."""
    arguments = ("--checks", "contract/dtype,contract/oper*", *more, "--json")
    result = run("verify", "implementation", code("faulty_kernels", name), *arguments)
    assert (result.status, result.data["verdict"]) == (1, "outside bound")
    assert cause in result.data["likely_cause"]
    assert "Traceback" not in result.err


@pytest.mark.slow
def test_a_hang_in_one_case_leaves_the_other_checks(run: Run) -> None:
    """The process is started anew."""
    arguments = ("--checks", "contract/shapes,contract/dtype", "--timeout", "5", "--json")
    result = run("verify", "implementation", code("faulty_modules", "Hangs"), *arguments)
    verdicts = {check["name"]: check["verdict"] for check in result.data["checks"]}
    assert verdicts == {"contract/shapes": "outside bound", "contract/dtype": "within bound"}
    assert "did not return within 5 s, with x of shape (2, 3, 64)" in result.data["likely_cause"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nonsense"], 3, "expected package.module:Object or file.py:Object"),
        slow(["no_such_module_here:x"], 3, "no such module: 'no_such_module_here'"),
        ([code("correct", "Onw")], 3, "did you mean tests.subjects.correct:Own?"),
        slow([code("raises_on_import", "x")], 3, "RuntimeError: planted on import (raises_on"),
        slow([code("exits_on_import", "x")], 3, "SystemExit: 0 (exits_on_import.py:5)"),
        slow([code("lacks_a_module", "x")], 3, "No module named 'a_module_that_is_not_installed'"),
        slow([code("correct", "ready"), "--in", "5"], 2, "--in 5: the ready module"),
        slow([code("correct", "lacking_widths")], 2, "does not state its widths"),
        slow([code("correct", "by_numpy"), "--dtype", "bfloat16"], 3, "numpy has no bfloat16"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_in_one_line(
    run: Run, arguments: list[str], status: int, words: str
) -> None:
    """The refusal names what was given and what is expected; stdout stays empty."""
    result = run("verify", "implementation", "-q", *arguments)
    assert (result.status, result.out) == (status, "")
    assert words in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--arg", "foo"], "--arg 'foo' is not NAME=VALUE"),
        (["--kind", "kernal"], "did you mean 'kernel'?"),
        (["--in", "0"], "--in"),
        (["--timeout", "0"], "'0' is not a finite number > 0"),
        (["--accumulate", "foo"], "invalid --accumulate 'foo'"),
        (["--device", "tpu"], "--device 'tpu' is not a torch device: expected cpu"),
    ],
)
def test_wrong_options_are_refused_before_any_code_runs(
    run: Run, arguments: list[str], words: str
) -> None:
    """Nothing is executed for an option that means nothing."""
    result = run("verify", "implementation", code("exits_on_import", "x"), *arguments)
    assert (result.status, result.out) == (2, "")
    assert words in result.err
    assert "executing" not in result.err


def test_the_report_at_eighty_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line fits, and the groups are there."""
    name = code("faulty_modules", "AlwaysBias")
    arguments = ("--in", "16", "--out", "12", "--checks", "contract/without*")
    monkeypatch.setenv("COLUMNS", "80")
    result = run("verify", "implementation", name, *arguments)
    assert result.status == 1
    assert max(map(len, result.out.splitlines())) <= 80
    assert "likely cause: a module created with bias=False has a bias" in result.out
    assert "exact/zeros: not selected by --checks" in result.out


def test_what_always_raises_is_one_finding(run: Run, tmp_path: Path) -> None:
    """Folded in the text, with the exception, its message and the form that was expected."""
    path = tmp_path / "mine.py"
    path.write_text("def layer(x, weight):\n    return x @ weight.T\n", encoding="utf-8")
    told = run("verify", "implementation", f"{path}:layer")
    said = " ".join(told.out.split())
    words = "3 were given, expected a function (input, weight, bias)"
    assert told.status == 1
    assert said.count(f"raised TypeError: layer() takes 2 positional arguments but {words}") == 2
    assert "Not verified: none of" in said
    assert "bound" not in re.sub("of bound", "", said.partition("check what")[2])


def test_an_added_constant_is_one_finding(run: Run, tmp_path: Path) -> None:
    """Checks that name one cause are told together, and each in the JSON."""
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch\ndef layer(x, weight, bias=None):\n"
        "    return torch.nn.functional.linear(x, weight, bias) + 1e-3\n",
        encoding="utf-8",
    )
    given = ("verify", "implementation", f"{path}:layer", "--checks", "exact,contract,batches")
    page = tmp_path / "page.txt"
    checks = run(*given, "--json", "--save", page).data["checks"]
    said = " ".join(page.read_text(encoding="utf-8").split())
    words = "a constant 0.001 is added to every output"
    assert said.count(words) == 2
    assert "also in exact/one weight at a time" in said
    assert " – holds" in said  # no number is held against a bound there
    assert sum(words in (c["cause"] or "") for c in checks) > 5

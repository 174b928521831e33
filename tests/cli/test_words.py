"""A layer in words: widths, a call of nn.Linear, or one's own numbers; one reading everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run

OWN = ("--weight", "1,2;3,4")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", ["explain", "create", "verify layer"])
@pytest.mark.parametrize(
    "words", ["4-2", "4,2", "4 -> 2", "nn.Linear(4, 2)", "torch.nn.Linear(in_features=4,"
              " out_features=2, bias=True)", "linear(4,2)"],
)  # fmt: skip
def test_a_layer_in_words_is_that_of_in_and_out(run: Run, command: str, words: str) -> None:
    """The same layer, bit for bit."""
    more = ("--checks", "list") if command == "verify layer" else ()
    by_options = run(*command.split(), "--in", "4", "--out", "2", "--json", *more)
    by_words = run(*command.split(), words, "--json", *more)
    assert by_words.status == by_options.status
    assert by_words.document["data"] == by_options.document["data"]
    assert by_words.document["input"] == by_options.document["input"]


def test_two_numbers_are_a_layer(run: Run) -> None:
    """`explain 4 2` is `explain 4-2`; where widths are one word, the hint is the exact command."""
    assert run("explain", "4", "2").out == run("explain", "4-2").out
    for command in (["shapes", "4", "2"], ["step", "3", "5", "2"], ["create", "4", "2"]):
        result = run(*command)
        whole = f"fcinspect {command[0]} {'-'.join(command[1:])}"
        assert result.status == 2
        assert result.err.endswith(f"write widths as one word: {whole}\n")
        assert run(*whole.split()[1:]).status == 0


@pytest.mark.parametrize("command", ["shapes", "step", "draw", "worksheet", "explain"])
def test_bias_false_is_no_bias(run: Run, command: str) -> None:
    """In a call as by the option; the two may agree, not contradict each other."""
    words = "nn.Linear(3, 2, bias=False)"
    result = run(command, words, "--json")
    assert result.document["input"]["bias"] is False
    assert result.data == run(command, "3-2", "--no-bias", "--json").data
    assert run(command, words, "--no-bias", "--json").data == result.data
    assert "contradicts bias=False" in run(command, words, "--bias").err
    assert "contradicts bias=True" in run(command, "nn.Linear(3, 2, True)", "--no-bias").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nn.Linear(4)", "has no out_features"),
        ("nn.Linear(4, 2", "is not a call of nn.Linear"),
        ("nn.Linear(4, 2)(3)", "is not a call of nn.Linear"),
        ("nn.Linear(4, 2) + 1", "is not a call of nn.Linear"),
        ("nn.Linear(4, x)", "width 'x' as out_features"),
        ("nn.Linear(4, 2, 3)", "bias=3 in"),
        ("nn.Linear(4, 2, in_features=4)", "in_features is given twice"),
        ("nn.Linear(4, 2, dtype=torch.float16)", "use the option --dtype"),
        ("nn.Linear(4, 2, wide=3)", "'wide' in"),
        ("nn.Linear(*x)", "has no out_features"),
        ("nn.Linear(" + "(" * 900, "is not a call of nn.Linear"),
        ("4-2-1", "fcinspect step"),
        ("4-x", "4-x"),
    ],
)
def test_other_words_are_refused_in_one_line(run: Run, words: str, said: str) -> None:
    """The value, the place and the expected form."""
    result = run("explain", words)
    assert result.status in (2, 3)
    assert (result.out, result.err.count("\n")) == ("", 1)
    assert said in result.err


@pytest.mark.parametrize("command", ["explain", "step", "draw"])
def test_a_file_named_like_a_layer_is_not_guessed(run: Run, command: str) -> None:
    """Widths that are also a file are refused; ./ and other separators say which is meant."""
    Path("4-2").write_text(json.dumps({"weight": [[1, 2]]}), encoding="utf-8")
    result = run(command, "4-2")
    assert result.status == 2
    assert "is both a layer and a file: write ./4-2 for the file" in result.err
    assert run(command, "./4-2").status == 0
    assert run(command, "4,2").status == 0


def test_what_excludes_words(run: Run) -> None:
    """A second source of the layer."""
    assert "--in and '4-2' both define a layer" in run("explain", "4-2", "--in", "4").err
    assert "fcinspect create 4-2" in run("show", "4-2").err
    assert "fcinspect create 4-2" in run("show", "4", "2").err


def test_own_numbers_are_explained_shown_stepped_and_drawn(run: Run) -> None:
    """--weight and --bias are a layer wherever one is read; its numbers are what was typed."""
    explained = run("explain", *OWN, "--bias", "0,1", "--x", "1,0", "--json").data
    assert explained["output"]["values"] == [1, 4]
    shown = run("show", *OWN, "--bias", "0,1", "--json").data["layer"]
    assert shown["weight"]["values"] == [[1, 2], [3, 4]]
    assert shown["bias"]["values"] == [0, 1]
    step = run("step", *OWN, "--bias", "0,1", "--x", "1,0", "--target", "1,4", "--json").data
    assert (step["output_before"]["values"], step["loss_before"]) == ([1, 4], 0)
    drawn = run("draw", *OWN, "--bias", "0,1", "--x", "1,0")
    assert "y₂ 4.0000" in drawn.out
    assert run("show", *OWN, "--layout", "in,out", "--json").data["layer"]["weight"]["values"] == [
        [1, 3],
        [2, 4],
    ]


def test_own_numbers_may_be_negative_rounded_or_one_row(run: Run) -> None:
    """-1,2 is no option; 0.1 is rounded, which is said; one row needs no semicolon."""
    result = run("explain", "--weight", "-1,0.1", "--bias", "-3", "--x", "1,0")
    assert result.status == 0
    assert "weight is rounded to float32: 0.1 becomes 0.1000000014" in result.out
    wide = run("explain", "--weight", "-1,0.1", "--bias", "-3", "--x", "1,0", "--dtype", "double")
    assert "weight is rounded" not in wide.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*OWN, "--bias", "1,2,3"], "--bias has 3 numbers, --weight has 2 outputs"),
        ([*OWN, "--bias"], "--bias needs numbers with --weight"),
        ([*OWN, "--in", "2"], "--in is for a new layer: it cannot be combined with --weight"),
        ([*OWN, "--seed", "2"], "--seed is for a new layer: it cannot be combined with --weight"),
        ([*OWN, "4-2"], "--weight and '4-2' both define a layer"),
        (["--weight", "1,2;3"], "different lengths: 2, 1"),
        (["--weight", "1,x"], "'x' in '1,x' is not a number"),
        (["--weight", ""], "it is empty"),
        (["4-2", "--bias", "0,1"], "--bias '0,1' has no --weight"),
    ],
)
def test_own_numbers_that_make_no_layer_are_refused(
    run: Run, arguments: list[str], said: str
) -> None:
    """In one line that names the value."""
    result = run("explain", *arguments)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert said in result.err


def test_bias_stays_a_flag_of_new_layers(run: Run) -> None:
    """Alone, before other options, before a file name."""
    plain = run("explain", "4-2").out
    assert run("explain", "--bias", "--in", "4", "--out", "2").out == plain
    assert run("explain", "--bias", "4-2").out == plain
    assert run("explain", "4-2", "--no-bias").out != plain

"""Reading the document of a filled worksheet: what is refused, and what is told."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from fcinspect.errors import InputError
from fcinspect.worksheets.answers import Answer, Unreadable
from fcinspect.worksheets.filled import Filled, read_filled
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import Problem, SheetOptions, code_of
from fcinspect.worksheets.sheet import Sheet

Document = dict[str, Any]


def number(value: Fraction) -> int | str:
    """Return a number as JSON holds it."""
    return value.numerator if value.denominator == 1 else str(value)


def document_of(problem: Problem, answers: Document) -> Document:
    """Return the document of a worksheet, with some answers filled in."""
    blanks = {blank.id: None for blank in Sheet(problem).blanks}
    return {
        "schema": "fcinspect.worksheet/1",
        "ok": True,
        "data": {
            "kind": problem.kind,
            "widths": list(problem.widths),
            "seed": problem.seed,
            "layers": [
                {
                    "name": layer.name,
                    "weight": [[number(w) for w in row] for row in layer.weight],
                    "bias": None if layer.bias is None else [number(b) for b in layer.bias],
                    "activation": layer.activation,
                }
                for layer in problem.layers
            ],
            "x": [number(v) for v in problem.x],
            "target": [number(v) for v in problem.target],
            "loss": problem.loss,
            "learning_rate": str(problem.learning_rate),
            "answers": {**blanks, **answers},
        },
    }


def filled(inserted: Document | None = None, /, **changed: Any) -> Filled:
    """Return what is read of a small sheet, with some of its data changed."""
    document = document_of(make(SheetOptions("forward", (2, 2, 1), 0)), inserted or {})
    document["data"] |= changed
    return read_filled(document, "'anna.json'")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["forward", "gradient", "step", "all"])
def test_the_problem_reads_back(kind: str, bias: bool) -> None:
    """Every number is exact, and a sheet as it was made needs no note."""
    problem = make(SheetOptions(kind, (2, 2, 1), 3, bias=bias))
    found = read_filled(document_of(problem, {}), "'anna.json'")
    assert found.problem == problem
    assert found.notes == ()
    assert all(answer is None for answer in found.answers.values())
    # the envelope may be left out
    assert read_filled(document_of(problem, {})["data"], "'anna.json'") == found


def test_a_sheet_says_its_code_or_as_formerly_its_seed() -> None:
    """Which of the two, or both, is one problem; a sheet with neither is refused."""
    problem = make(SheetOptions("forward", (2, 2, 1), 7))
    former = document_of(problem, {})
    for version, said in (
        ("2", {"code": "jq6g gbva", "seed": None}),
        ("2", {"code": problem.code}),
    ):
        document = document_of(problem, {})
        document["schema"] = f"fcinspect.worksheet/{version}"
        del document["data"]["seed"]
        document["data"] |= said
        assert read_filled(document, "'a.json'") == read_filled(former, "'a.json'")
    del document["data"]["code"]
    with pytest.raises(InputError, match="the key 'code' is missing"):
        read_filled(document, "'a.json'")


def test_answers_are_read_whatever_they_are() -> None:
    """A sheet with one unreadable answer is graded."""
    found = filled({"fc1.z[0]": "3/2", "fc1.z[1]": "three", "fc1.a[0]": ""})
    assert found.answers["fc1.z[0]"] == Answer("3/2", Fraction(3, 2), None)
    assert isinstance(found.answers["fc1.z[1]"], Unreadable)
    assert found.answers["fc1.a[0]"] is None


def test_a_comma_is_a_decimal_one_where_no_result_is_large() -> None:
    """1,234 is a whole number only where results are as large as that."""
    small = filled({"fc1.z[0]": "1,234"})
    assert small.answers["fc1.z[0]"] == Answer("1,234", Fraction("1.234"), Fraction(1, 1000))
    large = filled({"fc1.z[0]": "1,234"}, x=[9000, 9000])
    assert isinstance(large.answers["fc1.z[0]"], Unreadable)


def test_an_altered_problem_is_told() -> None:
    """The numbers of the file count, and that they are others is said."""
    found = filled(x=[9, 9])
    assert found.problem.x == (Fraction(9), Fraction(9))
    assert found.notes == (
        "the problem in the file differs from that of 2-2-1 and code 34JU-5G5T: the problem in the"
        " file is graded",
    )
    assert filled(learning_rate=0.125).notes == found.notes


def test_unknown_and_missing_blanks_are_told() -> None:
    """With the nearest blank, and never silently."""
    found = filled(answers={"fc1.z[0]": 1, "fc1.z[7]": 2, "note": "hello"})
    assert found.notes == (
        "'fc1.z[7]' is not a blank of this worksheet; did you mean 'fc1.z[1]' or 'fc1.z[0]' or"
        " 'fc2.z[0]'?",
        "'note' is not a blank of this worksheet",
        "answers has no entry for 4 of 5 blanks: fc1.z[1], fc1.a[0], fc1.a[1], …",
    )
    many = filled(answers={str(n): n for n in range(10)})
    assert many.notes[3] == "7 more answers match no blank of this worksheet"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answers": None}, "answers is null: expected an object of blanks"),
        ({"answers": [1]}, "answers is a list: expected an object of blanks"),
        ({"kind": "backward"}, "kind is 'backward': expected one of forward, gradient, step, all"),
        ({"seed": -1}, "seed is the number -1: expected a whole number from 0 to 2^53-1"),
        ({"seed": True}, "seed is true: expected a whole number from 0 to 2^53-1"),
        ({"seed": None}, "seed is null: expected a whole number from 0 to 2^53-1"),
        ({"code": 7}, "code is the number 7: expected the code of a worksheet in quotes"),
        ({"code": "34JU-5G5V"}, "'34JU-5G5V' is not the code of a worksheet: a character is"),
        ({"code": code_of(1)}, "code is 'VQXW-FVF8', which is not the code of seed 0"),
        ({"code": code_of(0), "seed": "x"}, "seed is the string 'x': expected a whole number"),
        ({"widths": [2]}, "widths is a list: expected a list such as [2, 3, 2]"),
        ({"widths": [2, 9, 1]}, "widths holds the number 9: expected whole numbers from 1 to 8"),
        ({"widths": [2, 2, 1, 1]}, "layers is a list of 2: expected a list of 3 to match widths"),
        ({"layers": "fc1"}, "layers is the string 'fc1': expected a list of 2 to match widths"),
        ({"layers": [1, 2]}, "the layer fc1 is the number 1: expected an object"),
        ({"x": [1]}, "x is a list of 1: expected a list of 2"),
        ({"x": [1, "y"]}, "x[1] is the string 'y': expected a number"),
        ({"x": [1, None]}, "x[1] is null: expected a number"),
        ({"x": [1, "0.12345678901234567"]}, "expected a number of at most 15 digits"),
        ({"target": 1}, "target is the number 1: expected a list of 1"),
        (
            {"decimals": 4},
            "decimals is the number 4: expected no such key: nothing is rounded with relu",
        ),
        ({"learning_rate": "fast"}, "learning_rate is the string 'fast': expected a number"),
    ],
)
def test_what_is_no_problem_is_refused(changed: Document, message: str) -> None:
    """One line that names the place, the value and what is expected."""
    with pytest.raises(InputError) as caught:
        filled(**changed)
    assert caught.value.message.startswith("'anna.json': ")
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": [[1, 2]]}, "fc1.weight is a list of 1: expected a list of 2 rows"),
        ({"weight": [[1, 2], [3]]}, "fc1.weight[1] is a list of 1: expected a list of 2"),
        ({"bias": [1]}, "fc1.bias is a list of 1: expected a list of 2"),
        ({"bias": None}, "some layers have a bias and some have none"),
        ({"name": "fc9"}, "the name of the layer fc1 is 'fc9': expected one of fc1"),
        (
            {"activation": "gelu"},
            "the activation of the layer fc1 is 'gelu': expected one of relu, sigmoid, tanh",
        ),
        (
            {"activation": "tanh"},
            "decimals is null: expected a whole number from 2 to 6, because the activation is tanh",
        ),
    ],
)
def test_what_is_no_layer_is_refused(change: Document, message: str) -> None:
    """The layers of a worksheet have one form."""
    problem = make(SheetOptions("forward", (2, 2, 1), 0))
    layers = document_of(problem, {})["data"]["layers"]
    with pytest.raises(InputError, match=r"^'anna\.json': ") as caught:
        filled(layers=[{**layers[0], **change}, layers[1]])
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([1], "a list is not a worksheet"),
        (None, "null is not a worksheet"),
        ({}, "the key 'kind' is missing"),
        ({"schema": "fcinspect.step/1", "data": {}}, "schema is 'fcinspect.step/1', not"),
        ({"data": {}}, "schema is null, not 'fcinspect.worksheet/2'"),
        ({"schema": "fcinspect.worksheet/1", "data": 3}, "data is the number 3"),
        ({"schema": "fcinspect.worksheet/1", "data": {}}, "the key 'kind' is missing"),
        ({"schema": "fcinspect.worksheet/1", "data": {"graded": []}}, "this is a grade, not a"),
        ({"schema": "fcinspect.worksheet/1", "data": {"document": "grade"}}, "this is a grade,"),
        ({"graded": [], "ungraded": []}, "this is a grade, not a filled worksheet: expected"),
    ],
)
def test_what_is_no_worksheet_is_refused(document: object, message: str) -> None:
    """With what is expected."""
    with pytest.raises(InputError) as caught:
        read_filled(document, "'anna.json'")
    assert message in caught.value.message
    assert "fcinspect worksheet WIDTHS --json" in caught.value.message


def test_a_sheet_too_large_for_paper_is_refused() -> None:
    """What is worked out for it stays small."""
    widths = [8, 8, 8, 8]
    layers = [
        {"name": f"fc{k}", "weight": [[1] * 8] * 8, "bias": [0] * 8,
         "activation": "relu" if k < 3 else "identity"}
        for k in (1, 2, 3)
    ]  # fmt: skip
    row = [1] * 8
    with pytest.raises(InputError, match="too many for a worksheet"):
        filled(kind="all", widths=widths, layers=layers, x=row, target=row)

"""Changes of source code, place by place."""

from __future__ import annotations

import ast

import pytest

from fcinspect.diagnosis.editing import Edit, Source, applied, argument_of, changes_of
from fcinspect.shapes.steps import Place

TEXT = """größe = 5; layer = nn.Linear(größe * 2,
                              3)  # grün
x = layer(x)
"""


def source() -> Source:
    """Return a file with signs of several bytes before the places in question."""
    return Source("a.py", TEXT)


def call(name: str) -> ast.Call:
    """Return the first call whose text begins with a name."""
    file = source()
    assert file.tree is not None
    return next(
        node for node in ast.walk(file.tree)
        if isinstance(node, ast.Call) and file.segment(node).startswith(name)
    )  # fmt: skip


def test_a_call_is_found_at_the_place_that_python_tells() -> None:
    """Columns of Python are bytes: a place behind an umlaut is found, and edited in characters."""
    file, node = source(), call("nn.Linear")
    place = Place("a.py", 1, node.col_offset, node.end_lineno, node.end_col_offset)
    assert list(file.nodes(place))
    assert not list(file.nodes(Place("a.py", 1, node.col_offset + 1, 2, node.end_col_offset)))
    argument = argument_of(node, 0, "in_features")
    assert argument is not None
    changed = applied([file.replaced(argument, "7")], {"a.py": TEXT})["a.py"]
    assert changed == TEXT.replace("größe * 2", "7")


def test_an_edit_of_several_lines_and_an_insertion_go_together() -> None:
    """Later places are edited first, so that earlier ones keep theirs."""
    file = source()
    edits = [
        file.replaced(call("nn.Linear"), "nn.Linear(10, 3)"),
        file.inserted_before(call("layer"), "nn.Flatten()("),
    ]
    assert applied(edits, {"a.py": TEXT})["a.py"] == (
        "größe = 5; layer = nn.Linear(10, 3)  # grün\nx = nn.Flatten()(layer(x)\n"
    )


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("f()", "f(dim=-1)"),
        ("f(2)", "f(2, dim=-1)"),
        ("f(a=3)", "f(a=3, dim=-1)"),
        ("f(\n  2,\n)", "f(\n  2, dim=-1,\n)"),
    ],
)
def test_a_call_gets_one_more_argument(text: str, changed: str) -> None:
    """By its name, whether it has arguments or none."""
    file = Source("a.py", text)
    call = next(node for node in file.walk() if isinstance(node, ast.Call))
    assert applied([file.with_keyword(call, "dim=-1")], {"a.py": text})["a.py"] == changed


def test_what_does_not_stand_there_is_not_replaced() -> None:
    """An edit of other text, or of a place that another edit took, is refused."""
    with pytest.raises(ValueError, match="does not read"):
        applied([Edit("a.py", 1, 0, "klein", "groß")], {"a.py": TEXT})
    node = call("nn.Linear")
    overlapping = [source().replaced(node, "a"), source().replaced(node.func, "b")]
    with pytest.raises(ValueError, match="does not read"):
        applied(overlapping, {"a.py": TEXT})


def test_changes_are_whole_lines() -> None:
    """A reader sees the lines before and after."""
    after = {"a.py": TEXT.replace("layer(x)", "layer(x.T)")}
    (change,) = changes_of({"a.py": TEXT}, after)
    assert (change.line, change.before, change.after) == (3, "x = layer(x)", "x = layer(x.T)")


def test_arguments_that_are_not_written_out_are_not_found() -> None:
    """Behind a star nobody knows which argument is which."""
    tree = ast.parse("f(*sizes, 3); g(1, out_features=4)")
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert argument_of(calls[0], 1, "out_features") is None
    found = argument_of(calls[1], 1, "out_features")
    assert isinstance(found, ast.Constant)
    assert found.value == 4


def test_text_that_is_no_python_has_no_places() -> None:
    """A file that does not parse is left alone."""
    assert not list(Source("b.py", "def (").nodes(Place("b.py", 1, 0, 1, 3)))

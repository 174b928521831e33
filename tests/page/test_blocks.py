from __future__ import annotations

from fcinspect.page.blocks import Column, Heading, Line, PageBuilder, by_columns, showing


def test_a_table_by_its_columns() -> None:
    """Each column has its cells from the top; rows stand out as they are told to."""
    columns = (Column("layer", right=False), Column("in"))
    table = by_columns(zip(columns, (["fc1", "fc2"], ["3", "4"]), strict=True), frozenset({1}))
    assert table.columns == columns
    assert table.rows == (("fc1", "3"), ("fc2", "4"))
    assert table.strong == {1}


def test_what_is_not_shown_is_said() -> None:
    """Nothing is said where everything is shown."""
    assert showing(8, 8, "rows") == []
    assert showing(8, 1200, "rows; --json has all", indent=2) == [
        Line.of(("showing 8 of 1,200 rows; --json has all", "faint"), indent=2)
    ]


def test_a_list_under_a_title() -> None:
    """No title stands over nothing."""
    built = PageBuilder()
    built.listed("Not exercised", [])
    built.listed("Looked for", ["a", "b"])
    lines = (Line.of("a", indent=2), Line.of("b", indent=2))
    assert built.page().groups == ((Heading("Looked for"), *lines),)

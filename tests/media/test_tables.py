"""How a table is made to fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fcinspect.media.tables import fit
from fcinspect.page.blocks import Column, Table


@pytest.mark.parametrize("arrow", ["→", "->"])
def test_an_arrow_stays_with_what_goes_in(arrow: str) -> None:
    """A narrow column has two lines, what goes in and what comes out, and none for the arrow."""
    columns = (Column("step", right=False), Column(f"input {arrow} output", right=False))
    table = Table(columns, (("fc1 Linear", f"4x2048 {arrow} 4x128"),))
    whole = fit(table, 80).widths
    assert whole == (len("fc1 Linear"), len(f"4x2048 {arrow} 4x128"))
    narrow = fit(table, 10).widths
    assert narrow == (len("Linear"), len(f"4x2048 {arrow}"))


def test_a_long_name_is_folded_before_a_table_becomes_too_wide() -> None:
    """Names from files may be broken anywhere, but no further than needed, and nothing is lost."""
    name = "encoder.layer.11.attention.output.dense"
    table = Table((Column("layer", right=False, folds=True), Column("norm")), ((name, "1.25"),))
    assert fit(table, 80).widths == (len(name), 4)
    assert fit(table, 30).widths[0] == 30 - 4 - fit(table, 30).gap
    assert fit(table, 10).widths[0] == 16
    stiff = replace(table, columns=(Column("layer", right=False), Column("norm")))
    assert fit(stiff, 30).widths[0] == len(name)


def test_a_folded_name_is_broken_behind_a_dot() -> None:
    """A reader finds the parts of a name; one without dots is broken where the line ends."""
    names = ("encoder.layer.11.attention.self", "x" * 40, "全连接" * 8)
    columns = (Column("layer", right=False, folds=True), Column("norm"))
    table = Table(columns, tuple((name, "1.25") for name in names))
    shown = [row[0] for row in fit(table, 26).table.rows]
    assert shown[0] == "encoder.layer.11.\nattention.self"
    assert [row.replace("\n", "") for row in shown] == list(names)
    assert max(len(line) for line in shown[1].split("\n")) <= fit(table, 26).widths[0]
    assert shown[2] == names[2]  # signs of two columns are left to the terminal


def test_spare_columns_are_left_out_in_a_narrow_width_and_that_is_said() -> None:
    """The first spare column goes first, joined ones together, and others never."""
    columns = (
        Column("layer", right=False),
        Column("mean", spare="see --json"),
        Column("min", spare="see --json", joined=True),
        Column("max", spare="see --json"),
        Column("norm"),
    )
    table = Table(columns, (("encoder", "0.1234567", "-1.234567", "1.2345678", "12.345678"),))

    def shown(width: int) -> list[str]:
        return [column.title for column in fit(table, width).table.columns]

    assert shown(80) == ["layer", "mean", "min", "max", "norm"]
    assert fit(table, 80).note == ""
    assert shown(45) == ["layer", "min", "max", "norm"]
    assert fit(table, 45).note == "no room for mean: see --json"
    assert shown(34) == ["layer", "norm"]
    assert fit(table, 34).note == "no room for mean, min, max: see --json"
    assert shown(5) == ["layer", "norm"]
    assert [column.title for column in fit(table, 1000).table.columns] == [c.title for c in columns]


def test_a_legible_column_is_folded_and_then_left_out() -> None:
    """Words of two letters a line are not read."""
    last = Column("why", right=False, spare="see below", legible=10)
    table = Table((Column("id", right=False), last), (("a" * 20, "no known slip explains it"),))
    folded = fit(table, 32)
    assert [column.title for column in folded.table.columns] == ["id", "why"]
    assert sum(folded.widths) + folded.gap <= 32
    narrow = fit(table, 31)
    assert [column.title for column in narrow.table.columns] == ["id"]
    assert narrow.note == "no room for why: see below"

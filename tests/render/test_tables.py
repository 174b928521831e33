"""How a table is made to fit."""

from __future__ import annotations

import pytest

from fcinspect.render.page import Column, Table
from fcinspect.render.tables import fit


@pytest.mark.parametrize("arrow", ["→", "->"])
def test_an_arrow_stays_with_what_goes_in(arrow: str) -> None:
    """A narrow column has two lines, what goes in and what comes out, and none for the arrow."""
    columns = (Column("step", right=False), Column(f"input {arrow} output", right=False))
    table = Table(columns, (("fc1 Linear", f"4x2048 {arrow} 4x128"),))
    whole = fit(table, 80).widths
    assert whole == (len("fc1 Linear"), len(f"4x2048 {arrow} 4x128"))
    narrow = fit(table, 10).widths
    assert narrow == (len("Linear"), len(f"4x2048 {arrow}"))

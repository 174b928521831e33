from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fcinspect.media.brackets import layout
from fcinspect.page.blocks import Equation, Matrix


def drawn(equation: Equation, width: int) -> list[str]:
    """Return the lines of an equation as plain text."""
    return ["".join(words for words, _ in line) for line in layout(equation, width)]


def numbered(rows: int, columns: int) -> Matrix:
    """Return a matrix of cells "r.c"."""
    return Matrix(tuple(tuple(f"{r}.{c}" for c in range(columns)) for r in range(rows)))


def test_matrices_stand_side_by_side() -> None:
    """Brackets join over the rows, signs stand in the middle."""
    equation = Equation((numbered(2, 2), ("·", ""), numbered(3, 1)))
    assert drawn(equation, 80) == [
        "⎡0.0  0.1⎤   ⎡0.0⎤",
        "⎣1.0  1.1⎦ · ⎢1.0⎥",
        "             ⎣2.0⎦",
    ]


def test_wide_matrices_lose_columns_and_say_so() -> None:
    """⋯ marks the gap; the first and the last column stay."""
    lines = drawn(Equation((numbered(2, 40),)), 40)
    assert all(len(line) <= 40 for line in lines)
    assert lines[0].startswith("⎡0.0")
    assert "⋯" in lines[0]
    assert lines[0].endswith("0.39⎤")


def test_an_equation_to_be_filled_in_is_whole() -> None:
    """However wide its matrices are: it is broken at its signs, and no column is left out."""
    equation = Equation((numbered(1, 8), ("=", ""), numbered(1, 8)), whole=True)
    blanks = "[" + "  ".join(f"0.{c}" for c in range(8)) + "]"
    assert drawn(equation, 50) == [blanks, f"    = {blanks}"]
    assert drawn(equation, 20) == [blanks, "    =", f"    {blanks}"]
    assert drawn(equation, 90) == [f"{blanks} = {blanks}"]


def test_narrow_matrices_are_kept_and_continue_below() -> None:
    """What does not fit beside a small matrix goes below it, whole."""
    lines = drawn(Equation((numbered(2, 4), ("+", ""), numbered(2, 4))), 26)
    assert len(lines) == 4
    assert not any("⋯" in line for line in lines)


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 30)), min_size=1, max_size=4),
    st.integers(40, 120),
)
def test_no_line_is_wider_than_the_page(shapes: list[tuple[int, int]], width: int) -> None:
    """Whatever is drawn fits, and every row number is there."""
    parts = [numbered(r, c) for r, c in shapes]
    lines = drawn(Equation(tuple(parts)), width)
    assert all(len(line) <= width for line in lines)
    for r in range(max(r for r, _ in shapes)):
        assert any(f"{r}.0" in line for line in lines)

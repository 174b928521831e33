"""The diagram in text: as wide as its medium, every unit in it, signs told without colour."""

from __future__ import annotations

import numpy as np
import pytest

from fcinspect.layers.diagram import diagram_of, outline_of_network
from fcinspect.page.blocks import Medium, Span
from fcinspect.pictures.diagram.labels import ascii_label, label
from fcinspect.pictures.diagram.terminal import NEGATIVE, POSITIVE, drawing_of
from tests.networks import KINDS, SMALL, SPECS, made, outline

MEDIA = [Medium(width, plain) for width in (100, 80, 50) for plain in (False, True)]
RUNS = [
    (kind, widths) for widths in SPECS for kind in KINDS if kind == "structure" or widths in SMALL
]


def printed(kind: str, widths: tuple[int, ...], medium: Medium) -> list[str]:
    """Return the lines."""
    lines = drawing_of(diagram_of(outline(kind, *widths)), 4).draw(medium)
    return ["".join(words for words, _ in line) for line in lines]


@pytest.mark.parametrize("medium", MEDIA, ids=lambda m: f"{m.width} {'ascii' * m.ascii_only}")
@pytest.mark.parametrize(
    ("kind", "widths"), RUNS, ids=[f"{kind} {'-'.join(map(str, w[:9]))}" for kind, w in RUNS]
)
def test_every_unit_stands_in_every_medium(
    kind: str, widths: tuple[int, ...], medium: Medium
) -> None:
    """No line is wider than the medium or ends in blanks, and no unit or shape is left out."""
    lines = printed(kind, widths, medium)
    assert max(map(len, lines)) <= medium.width
    assert all(line == line.rstrip() for line in lines)
    diagram = diagram_of(outline(kind, *widths))
    name = ascii_label if medium.ascii_only else label
    words = " ".join(lines)
    for column in diagram.columns:
        assert column.title in words
        assert all(name(column, unit) in words for unit in column.units)
    for connection in diagram.connections:
        shape = f"W {connection.out_features}×{connection.in_features}"
        assert medium.write(shape) in words
    if medium.ascii_only:
        assert words.isascii()
    if diagram.folded_columns:
        assert f"{diagram.folded_columns} layers" in words
    assert words.count("showing") >= sum(bool(c.folded) for c in diagram.columns)


def test_columns_of_a_band_stand_apart() -> None:
    """A network too long for a line goes on below: the last column is the first again."""
    lines = printed("structure", (4,) * 8, Medium(50))
    bands = [line for line in lines if "hidden 4" in line]
    assert len(bands) == 2
    assert bands[0].split()[-2:] == bands[1].split()[:2] == ["hidden", "4"]


def edge(weight: float, *, plain: bool) -> Span:
    """Return the line of the one edge of a network of two units."""
    network = made(1, 1)
    held = network.layers[0].linear.weight
    object.__setattr__(held, "values", np.array([[weight]], dtype=np.float32))
    lines = drawing_of(diagram_of(outline_of_network(network)), 4).draw(Medium(60, plain))
    (row,) = [line for line in lines if any("y" in words for words, _ in line)]
    (found,) = [span for span in row if span[1] in (POSITIVE, NEGATIVE)]
    return found


@pytest.mark.parametrize("plain", [False, True])
def test_signs_are_told_without_colour(plain: bool) -> None:
    """A negative weight's line has gaps, a positive one's none; the colours say it again."""
    positive, negative = edge(1.0, plain=plain), edge(-1.0, plain=plain)
    assert (positive[1], negative[1]) == (POSITIVE, NEGATIVE)
    if plain:
        assert set(positive[0]) == {"-"}
        assert set(negative[0]) == {".", " "}
    else:
        whole, sparse = (
            sum((ord(sign) - 0x2800).bit_count() for sign in line if sign != " ")
            for line in (positive[0], negative[0])
        )
        assert 0 < sparse < whole / 2


def test_a_line_rises_as_its_units_stand() -> None:
    """In ASCII the upper of two outputs is reached by /, the lower by a backslash."""
    lines = drawing_of(diagram_of(outline("structure", 1, 2)), 4).draw(Medium(40, True))
    text = ["".join(words for words, _ in line) for line in lines]
    middle = next(k for k, line in enumerate(text) if "x_1" in line)
    assert "/" in "".join(text[middle - 1 : middle + 1])
    assert "\\" in "".join(text[middle : middle + 2])
    assert "\\" not in text[middle - 1]


def test_values_stand_beside_their_units() -> None:
    """With as many decimals as asked for."""
    diagram = diagram_of(outline("values", 3, 5, 4, 2))
    for precision in (2, 6):
        lines = drawing_of(diagram, precision).draw(Medium(100))
        words = " ".join("".join(w for w, _ in line) for line in lines)
        for column in diagram.columns:
            for unit in column.units:
                assert f"{label(column, unit)} {unit.value: .{precision}f}".replace("  ", " ") in (
                    words.replace("  ", " ")
                )


@pytest.mark.parametrize(("weights", "role"), [((1.0, -0.1), POSITIVE), ((0.1, -1.0), NEGATIVE)])
def test_the_strongest_line_lies_on_top(weights: tuple[float, float], role: str) -> None:
    """Where lines share a cell, as at the unit that both leave, it has the stronger one's role."""
    network = made(1, 2)
    held = network.layers[0].linear.weight
    object.__setattr__(held, "values", np.array([[w] for w in weights], dtype=np.float32))
    lines = drawing_of(diagram_of(outline_of_network(network)), 4).draw(Medium(60))
    (row,) = [line for line in lines if any("x₁" in words for words, _ in line)]
    at = next(k for k, (words, _) in enumerate(row) if "x₁" in words)
    assert row[at + 1][1] == role

"""Line charts in text: what is drawn decodes to the values, at every width and without Unicode."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from fcinspect.page.blocks import Drawing, Medium
from fcinspect.pictures.charts.curves import Series, curves, spans_decades

BITS = {(0, 0): 0x40, (0, 1): 0x04, (0, 2): 0x02, (0, 3): 0x01,
        (1, 0): 0x80, (1, 1): 0x20, (1, 2): 0x10, (1, 3): 0x08}  # fmt: skip
"""Unicode's braille dots by (column, row from below)."""


def lines(drawing: Drawing, width: int, *, ascii_only: bool = False) -> list[str]:
    """Return the lines without their roles."""
    drawn = drawing.draw(Medium(width, ascii_only))
    return ["".join(words for words, _ in line) for line in drawn]


def chart(
    y: Sequence[float], width: int = 80, *, ascii_only: bool = False, **options: bool
) -> list[str]:
    """Return the chart of a loss curve that begins at step 1."""
    one = Series("loss", range(1, len(y) + 1), y)
    drawing = curves([one], x_title="step", y_title="loss", **options)
    return lines(drawing, width, ascii_only=ascii_only)


def heights(drawn: list[str], rows: tuple[float, float, float, float]) -> dict[int, set[float]]:
    """Return, for each dot column, the values of its dots, read off with the help of two ticks.

    `rows` is (line, value) of one tick and of another.
    """
    (line0, value0, line1, value1) = rows
    per_dot = (value1 - value0) / (line0 - line1) / 4
    found: dict[int, set[float]] = {}
    for number, line in enumerate(drawn):
        left = max(line.find("┤"), line.find("│")) + 1
        for column, sign in enumerate(line[left:] if left else ""):
            for (x, y), bit in BITS.items():
                if 0x2800 < ord(sign) < 0x2900 and ord(sign) - 0x2800 & bit:
                    up = (line0 - number) * 4 + y - 1.5
                    found.setdefault(2 * column + x, set()).add(value0 + up * per_dot)
    return found


def tick(drawn: list[str], label: str) -> int:
    """Return the line of a tick of y."""
    return next(n for n, line in enumerate(drawn) if line.lstrip().startswith(f"{label} ┤"))


def test_dots_decode_to_the_values() -> None:
    """Every dot of a parabola lies within one dot of it, and every dot column has one."""
    ys = [((n - 50) / 50) ** 2 for n in range(101)]
    drawn = chart(ys)
    rows = tick(drawn, "0"), 0.0, tick(drawn, "1.00"), 1.0
    per_dot = 1.0 / (rows[0] - rows[2]) / 4
    axis_line = next(line for line in drawn if "└" in line)
    first, last = axis_line.index("┬"), axis_line.rindex("┬")
    labels = [int(part) for part in drawn[drawn.index(axis_line) + 1].split()]
    per_column = (labels[-1] - labels[0]) / (last - first) / 2
    offset = first - axis_line.index("└") - 1
    found = heights(drawn, rows)
    assert len(found) > 130
    for column, values in found.items():
        step = labels[0] + (column - 0.5 - 2 * offset) * per_column
        near = [((s - 51) / 50) ** 2 for s in (step - per_column, step, step + per_column)]
        if abs(step - 51) < 2 * per_column:
            near.append(0.0)
        assert all(min(near) - per_dot <= v <= max(near) + per_dot for v in values)


def test_a_wrong_curve_is_seen() -> None:
    """The reading above can fail: the chart of other values has other dots."""
    ys = [((n - 50) / 50) ** 2 for n in range(101)]
    assert chart(ys) != chart([y**2 for y in ys])
    assert chart(ys) != chart(ys[::-1][:-1])


def test_losses_over_decades_have_a_logarithmic_axis() -> None:
    """It is chosen for positive values two decades apart, and named."""
    losses = [10 ** (-n / 10) for n in range(41)]
    drawn = chart(losses)
    assert drawn[0] == "loss (logarithmic axis)"
    rows = tick(drawn, "0.0001"), -4.0, tick(drawn, "1"), 0.0
    per_dot = 4 / (rows[0] - rows[2]) / 4
    found = heights(drawn, rows)
    first, last = found[min(found)], found[max(found)]
    assert max(first) == pytest.approx(0, abs=per_dot)
    assert min(last) == pytest.approx(-4, abs=per_dot)
    assert chart([1.0, 0.5])[0] == "loss"


@pytest.mark.parametrize(
    ("values", "decades"),
    [([1.0, 0.01], True), ([1.0, 0.011], False), ([1.0, 0.0], False), ([], False)],
)
def test_when_values_span_decades(values: list[float], decades: bool) -> None:
    """A factor of 100, and no zero."""
    assert spans_decades(values) is decades


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [50, 80, 100])
@pytest.mark.parametrize(
    "y",
    [
        [0.5],
        [0.0] * 5,
        [1e308, -1e308, math.inf],
        [5e-324, 0.0],
        [1.0, 1 + 2**-52],
        [10.0**-n for n in range(300)],
        list(range(100_000, 100_100)),
    ],
    ids=["one", "zeros", "largest", "least", "close", "decades", "far"],
)
def test_charts_fit_the_width(y: list[float], width: int, ascii_only: bool) -> None:
    """No line is longer, and in ASCII every sign is ASCII's."""
    drawn = chart(y, width, ascii_only=ascii_only)
    assert max(map(len, drawn)) <= width
    assert all(line.isascii() for line in drawn) or not ascii_only
    assert not any(line != line.rstrip() for line in drawn)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_without_place_are_marked_and_told(bad: float) -> None:
    """The line is broken, the axis carries a mark below, and a note says which and where."""
    drawn = chart([1.0, 2.0, bad, 2.0, 1.0])
    assert drawn[-1] == f"! 1 of 5 values is not finite and not drawn: {bad} at step 3"
    axis_line = next(line for line in drawn if "└" in line)
    assert axis_line.count("!") == 1
    assert axis_line[axis_line.index("└") + 1 :].index("!") == len(axis_line.split("└")[1]) // 2
    whole = chart([1.0, 2.0, 2.0, 2.0, 1.0])
    signs = "".join(drawn[1:-4]), "".join(whole[1:-3])
    assert sum(map(signs[0].count, " ")) > sum(map(signs[1].count, " "))


def test_not_positive_values_of_a_logarithmic_axis() -> None:
    """They have no place there, and the note says so."""
    drawn = chart([1.0, 0.0, -1.0, 100.0], 100, logarithmic=True)
    assert drawn[-1] == (
        "! 2 of 4 values are not finite and positive and not drawn: the first is 0 at step 2"
    )


def test_nothing_to_draw_is_said() -> None:
    """A chart of nothing but nan is one line."""
    assert chart([math.nan] * 3) == ["no chart: no value of loss is finite"]
    assert chart([-1.0], logarithmic=True) == ["no chart: no value of loss is finite and positive"]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_series_are_told_apart_without_colour(ascii_only: bool) -> None:
    """Each has its own stroke, and the legend shows it beside its name."""
    xs = [n / 50 for n in range(51)]
    series = [
        Series("f", xs, xs),
        Series("network", xs, [1 - x for x in xs]),
        Series("knots", xs[::10], xs[::10], joined=False),
    ]
    drawn = lines(curves(series, x_title="x", y_title="y"), 80, ascii_only=ascii_only)
    assert drawn[-1].split() == (
        ["***", "f", "###", "network", "o", "knots"]
        if ascii_only
        else ["⠤⠤⠤⠤", "f", "⠤⠤", "⠠", "network", "o", "knots"]
    )
    above = "".join(drawn[1:-4])
    assert above.count("o") == 6
    alone = [
        lines(curves([replaced], x_title="x", y_title="y"), 80, ascii_only=ascii_only)
        for replaced in series[:2]
    ]
    assert alone[0] != alone[1]


def test_as_many_points_as_are_drawn_once() -> None:
    """A hundred thousand steps are drawn in a second or so, with both ends."""
    drawn = chart([1 / n for n in range(1, 100_001)])
    assert drawn[0] == "loss (logarithmic axis)"
    assert "100000" in drawn[-2]

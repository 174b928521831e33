"""The figure of a network: a line for each weight, a circle for each unit, no word on another."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from fcinspect.arithmetic.affine import forward_values
from fcinspect.layers.array import Array
from fcinspect.layers.diagram import Dead, Diagram, diagram_of, outline_of_network
from fcinspect.layers.linear import Network
from fcinspect.pictures.diagram.labels import BLUE, VERMILLION, dead_words
from fcinspect.pictures.figures.diagram import DEAD_FILL, diagram_bytes, diagram_figure
from fcinspect.pictures.figures.diagram_places import GAPS, edge_numbers, places_of
from tests.networks import KINDS, SMALL, SPECS, made, outline

RUNS = [
    pytest.param(
        kind, widths, id=f"{kind} {'-'.join(map(str, widths[:9]))}",
        marks=pytest.mark.slow if len(widths) > 20 and kind != "values" else (),
    )
    for widths in SPECS for kind in KINDS if kind == "structure" or widths in SMALL
]  # fmt: skip


def drawn(diagram: Diagram, title: str = "3-5-4-2") -> Figure:
    """Return the figure, with what is folded told below."""
    return diagram_figure(diagram, title, diagram.folds)


def parts(figure: Figure, kind: type[Line2D] | type[Circle] | type[Text]) -> dict[str, object]:
    """Return the artists of a kind by their ids."""
    found = figure.axes[0].findobj(kind)
    return {str(artist.get_gid()): artist for artist in found if artist.get_gid()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_unit_and_every_edge_is_there(kind: str) -> None:
    """By their ids, in the figure and in the SVG file."""
    diagram = diagram_of(outline(kind, 3, 5, 4, 2))
    widths = (3, 5, 4, 2)
    units = {f"unit-{k}-{i}" for k, width in enumerate(widths) for i in range(width)}
    edges = {
        f"edge-{k}-{i}-{j}"
        for k in (1, 2, 3)
        for i in range(widths[k])
        for j in range(widths[k - 1])
    }
    figure = drawn(diagram)
    lines = parts(figure, Line2D)
    assert {name for name in parts(figure, Circle) if name.startswith("unit")} == units
    assert {name for name in lines if name.startswith("edge")} == edges
    labels = {f"label{name.removeprefix('unit')}" for name in units}
    values = {f"value{name.removeprefix('unit')}" for name in units} if kind == "values" else set()
    words = set(parts(figure, Text))
    assert labels | values <= words
    assert ("value-1-0" in words) == (kind == "values")
    svg = diagram_bytes(".svg", diagram, "3-5-4-2", ()).decode()
    assert units | edges | labels | values <= set(re.findall(r'id="([^"]+)"', svg))


def test_a_missing_edge_is_seen() -> None:
    """The ids tell: without one connection its edges are not there."""
    diagram = diagram_of(outline("structure", 3, 5, 4, 2))
    fewer = Diagram(diagram.widths, diagram.columns, diagram.connections[:-1], diagram.dtype, 0)
    assert not any(name.startswith("edge-3") for name in parts(drawn(fewer), Line2D))


def test_a_line_ends_in_the_units_that_it_joins() -> None:
    """Each edge leads from the middle of its source to that of its target."""
    figure = drawn(diagram_of(outline("weights", 20, 5, 2)))
    middles = {n: c.center for n, c in parts(figure, Circle).items() if isinstance(c, Circle)}
    edges = [(n, line) for n, line in parts(figure, Line2D).items() if n.startswith("edge")]
    assert edges
    for name, line in edges:
        _, layer, target, source = name.split("-")
        start, end = middles[f"unit-{int(layer) - 1}-{source}"], middles[f"unit-{layer}-{target}"]
        assert isinstance(line, Line2D)
        np.testing.assert_array_equal(np.asarray(line.get_xydata()), [start, end])


def test_width_tells_the_size_and_dashes_and_colour_the_sign() -> None:
    """A larger weight has a wider line; negative ones are dashed."""
    network = made(3, 5, 4, 2)
    figure = drawn(diagram_of(outline_of_network(network)))
    lines = parts(figure, Line2D)
    looks = []
    for place, layer in enumerate(network.layers, start=1):
        for (i, j), weight in np.ndenumerate(layer.linear.weight.values):
            line = lines[f"edge-{place}-{i}-{j}"]
            assert isinstance(line, Line2D)
            looks.append((abs(float(weight)), line.get_linewidth()))
            assert line.is_dashed() == bool(weight < 0)
            assert to_hex(line.get_color()).upper() == (BLUE if weight > 0 else VERMILLION)
    looks.sort()
    widths = [width for _, width in looks]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1] / 2


def test_the_legend_says_the_scale() -> None:
    """Its widest line is the largest weight that is drawn; 0 and nan are told where they occur."""
    network = made(2, 3)
    diagram = diagram_of(outline_of_network(network))
    words = [t.get_text() for n, t in parts(drawn(diagram), Text).items() if "legend" in n]  # type: ignore[attr-defined]  # texts
    assert float(words[0]) == pytest.approx(diagram.scale, rel=1e-2)
    assert float(words[-1].replace("−", "-")) == pytest.approx(-diagram.scale, rel=1e-2)
    spoilt = network.layers[0].linear.weight.values.copy()
    spoilt[0, 0], spoilt[1, 0] = np.nan, 0
    object.__setattr__(network.layers[0].linear.weight, "values", spoilt)
    figure = drawn(diagram_of(outline_of_network(network)))
    words = [t.get_text() for n, t in parts(figure, Text).items() if "legend" in n]  # type: ignore[attr-defined]  # texts
    assert {"0", "not finite"} < set(words)


def test_without_weights_there_is_no_legend() -> None:
    """Nothing is told of numbers that there are none of."""
    words = parts(drawn(diagram_of(outline("structure", 3, 2))), Text)
    assert not any("legend" in name or "value" in name for name in words)


def collisions(figure: Figure) -> list[str]:
    """Return which words lie on others, on units that are not theirs, or beyond the sheet."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]  # of matplotlib
    boxes = {
        name: text.get_window_extent(renderer).padded(-1.0)  # type: ignore[attr-defined]  # texts
        for name, text in parts(figure, Text).items()
    }
    place = {name: number for number, name in enumerate(boxes)}
    found = [f"{a} on {b}" for a, b in _overlaps(boxes, boxes) if place[a] < place[b]]
    circles = {n: c.get_window_extent(renderer) for n, c in parts(figure, Circle).items()}  # type: ignore[attr-defined]  # circles
    own_unit = {name: "unit" + name.removeprefix("label").removeprefix("value") for name in boxes}
    found += [f"{a} on {b}" for a, b in _overlaps(boxes, circles) if b != own_unit[a]]
    for name, box in boxes.items():
        if name.startswith("value"):
            inside = circles[own_unit[name]]
            if box.x0 < inside.x0 or box.x1 > inside.x1:
                found.append(f"{name} beyond its unit")
    sheet = Bbox.from_bounds(0, 0, *figure.canvas.get_width_height(physical=True))
    found += [f"{n} beyond the sheet" for n, b in boxes.items() if not _within(b, sheet)]
    return found


def _overlaps(some: Mapping[str, Bbox], others: Mapping[str, Bbox]) -> list[tuple[str, str]]:
    """Return the names of boxes that overlap or touch; of all pairs at once."""
    if not some or not others:
        return []
    a, b = (np.array([box.extents for box in boxes.values()]) for boxes in (some, others))
    meet = (a[:, None, :2] <= b[None, :, 2:]) & (b[None, :, :2] <= a[:, None, 2:])
    left, right = list(some), list(others)
    return [(left[i], right[j]) for i, j in np.argwhere(meet.all(axis=2))]


def _within(box: Bbox, sheet: Bbox) -> bool:
    return bool(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= sheet.x1 and box.y1 <= sheet.y1)


@pytest.mark.parametrize(("kind", "widths"), RUNS)
@pytest.mark.sampled(2)
def test_no_word_lies_on_another(kind: str, widths: tuple[int, ...]) -> None:
    """Nor on a unit, nor beyond the sheet, of small networks and of folded ones."""
    assert collisions(drawn(diagram_of(outline(kind, *widths)), "-".join(map(str, widths)))) == []


def test_a_word_on_another_is_seen() -> None:
    """The search can fail."""
    figure = drawn(diagram_of(outline("structure", 3, 2)))
    figure.axes[0].text(*_place(figure, "title"), "here", gid="planted")
    assert "title on planted" in collisions(figure)


def _place(figure: Figure, name: str) -> tuple[float, float]:
    text = parts(figure, Text)[name]
    assert isinstance(text, Text)
    return text.get_position()


def test_long_names_and_values_fit() -> None:
    """A name is shortened, a small number is written smaller."""
    name = "encoder.layers.11.feed_forward.intermediate.dense_projection"
    network = made(3, 4, 2, names=(name, f"{name}.out"))
    values = tuple(
        type(layer.linear.weight).of(np.full(width, -1.2345e-30), "float32")
        for layer, width in zip((network.layers[0], *network.layers), network.widths, strict=True)
    )
    figure = drawn(diagram_of(outline_of_network(network, values)))
    assert collisions(figure) == []
    shown = parts(figure, Text)["name-1"]
    assert isinstance(shown, Text)
    assert "…" in shown.get_text()


@pytest.mark.parametrize(
    "name", ['"];x--><script>', "a\nb", "$\\frac{1}{$", "<b>&amp;</b>", "}{[]"]
)
def test_names_from_files_only_show(name: str) -> None:
    """Neither mathematics nor markup is read in a name."""
    diagram = diagram_of(outline_of_network(made(2, 2, names=(name,))))
    svg = diagram_bytes(".svg", diagram, name, (name,)).decode()
    assert "<script" not in svg
    assert "<b>" not in svg
    figure = drawn(diagram, name)
    shown = parts(figure, Text)["name-1"]
    assert isinstance(shown, Text)
    assert not shown.get_parse_math()
    diagram_bytes(".pdf", diagram, name, (name,))


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_equal_figures_are_equal_files(ending: str) -> None:
    """Nothing of the time or of chance is in a file."""
    diagram = diagram_of(outline("values", 3, 4, 2))
    first, second = (diagram_bytes(ending, diagram, "3-4-2", ()) for _ in range(2))
    assert first == second


def test_what_is_folded_is_marked_and_told() -> None:
    """A mark in each folded column, one between columns, and a sentence for each."""
    words = parts(drawn(diagram_of(outline("structure", *(30,) * 40))), Text)
    assert {"fold-0", "fold-39", "fold-columns", "fold-columns-words"} <= set(words)
    told = " ".join(t.get_text() for n, t in words.items() if n.startswith("note"))  # type: ignore[attr-defined]  # texts
    assert "hidden layers 6 to 33 of 38 not drawn" in told
    assert "1,440 of 35,100 edges drawn" in told


def numbered(diagram: Diagram) -> Figure:
    """Return the figure with the weights on its edges."""
    return diagram_figure(diagram, "title", (), weights=True)


def test_each_weight_stands_on_its_edge() -> None:
    """Its number, at a place of the line from its source to its target."""
    network = made(3, 4, 2)
    figure = numbered(diagram_of(outline_of_network(network)))
    words, lines = parts(figure, Text), parts(figure, Line2D)
    assert sum(name.startswith("weight-") for name in words) == 12 + 8
    for place, layer in enumerate(network.layers, start=1):
        for (i, j), weight in np.ndenumerate(layer.linear.weight.values):
            shown, line = words[f"weight-{place}-{i}-{j}"], lines[f"edge-{place}-{i}-{j}"]
            assert isinstance(shown, Text)
            assert isinstance(line, Line2D)
            assert float(shown.get_text().replace("−", "-")) == pytest.approx(weight, rel=5e-3)
            x, y = shown.get_position()
            (x0, y0), (x1, y1) = np.asarray(line.get_xydata())
            assert x0 < x < x1
            assert y == pytest.approx(y0 + (y1 - y0) * (x - x0) / (x1 - x0))


@pytest.mark.parametrize("widths", [(3, 4, 2), (12, 1), (1, 12), (5, 6, 5), (2, 2, 2, 2), (3, 10)])
@pytest.mark.parametrize("kind", ["weights", "values"])
@pytest.mark.sampled(3)
def test_weights_lie_on_no_other_word_and_no_unit(kind: str, widths: tuple[int, ...]) -> None:
    """Up to as many edges as are numbered at all."""
    assert collisions(numbered(diagram_of(outline(kind, *widths)))) == []


@pytest.mark.parametrize("widths", [(3, 4, 2), (2, 6), (4, 3), (3, 3, 3)])
def test_no_edge_passes_through_the_number_of_another(widths: tuple[int, ...]) -> None:
    """Where the figure writes them unasked: the columns stand as far apart as that takes."""
    diagram = diagram_of(outline("weights", *widths))
    for gap in GAPS:
        numbers = edge_numbers(diagram, places_of(diagram, gap, ""))
        assert numbers
        if all(number.free for number in numbers):
            return
    pytest.fail("there is no place for every number")


def dead_network() -> Diagram:
    """Return a network in which a¹₂ has no weights, a¹₁ is 0 for this x, and y₂ has no weights."""
    first, second = made(3, 3, 2).layers
    weight = first.linear.weight.values.copy()
    weight[0], weight[1] = (-1, -1, -1), 0
    object.__setattr__(first.linear.weight, "values", weight)
    object.__setattr__(first.linear.bias, "values", np.array([0, 1, 9], dtype=np.float32))
    last = second.linear.weight.values.copy()
    last[1] = 0
    object.__setattr__(second.linear.weight, "values", last)
    network = Network((first, second))
    x = Array.of(np.ones(3), "float32")
    return diagram_of(outline_of_network(network, forward_values(network, x)))


def test_dead_units_are_grey_and_the_legend_says_why() -> None:
    """All weights 0, whatever x is; or 0 for this x, which is no more than that."""
    diagram = dead_network()
    dead = [[unit.dead for unit in column.units] for column in diagram.columns]
    assert dead == [[None] * 3, [Dead.ZERO_OUTPUT, Dead.ZERO_ROW, None], [None, Dead.ZERO_ROW]]
    figure = drawn(diagram)
    circles = parts(figure, Circle)
    fills = {n: to_hex(c.get_facecolor()).upper() for n, c in circles.items()}  # type: ignore[attr-defined]  # circles
    grey = {n for n, fill in fills.items() if fill == DEAD_FILL and n.startswith("unit")}
    assert grey == {"unit-1-0", "unit-1-1", "unit-2-1"}
    styles = {n: circles[n].get_linestyle() for n in grey}  # type: ignore[attr-defined]  # circles
    assert (styles["unit-1-0"], styles["unit-1-1"]) == ("--", "-")
    words = [t.get_text() for n, t in parts(figure, Text).items() if "dead" in n]  # type: ignore[attr-defined]  # texts
    assert words == [
        "all incoming weights are 0: the same output for every x",
        "output 0 for this x",
    ]
    assert collisions(figure) == []
    assert dead_words(diagram) == (
        "all incoming weights are 0: a¹₂, y₂",
        "output 0 for this x: a¹₁",
    )


def test_units_that_tell_something_are_not_grey() -> None:
    """Neither 0 as an input or as an answer, nor a row with one number or nan in it."""
    network = made(2, 2)
    weight = network.layers[0].linear.weight.values.copy()
    weight[0], weight[1] = (0, 1e-38), (np.nan, 0)
    object.__setattr__(network.layers[0].linear.weight, "values", weight)
    values = (Array.of(np.zeros(2), "float32"), Array.of(np.zeros(2), "float32"))
    diagram = diagram_of(outline_of_network(network, values))
    assert not any(unit.dead for column in diagram.columns for unit in column.units)
    assert not any("dead" in name for name in parts(drawn(diagram), Text))


@pytest.mark.parametrize("length", [1, 40, 200])
def test_a_title_goes_on_in_the_next_line(length: int) -> None:
    """All of it is there, in a figure of any width."""
    title = ("words of a title " * 20)[:length].strip()
    figure = drawn(diagram_of(outline("structure", 2, 1)), title)
    lines = [t.get_text() for n, t in parts(figure, Text).items() if n.startswith("title")]  # type: ignore[attr-defined]  # texts
    assert " ".join(lines) == title
    assert collisions(figure) == []

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jinja2 import DictLoader

from fcinspect.media.html.document import _source, document_with, environment
from fcinspect.pictures.charts.curves import MOST_POINTS, loss_curve
from tests.conftest import Run
from tests.media.html.reading import Element, items, numbers_of, read

HOSTILE = "</script><script>alert(1)</script>\"onmouseover='alert(2)' {{7*7}} \u202e\u001b[31m"
LARGEST = 300_000


@pytest.fixture
def page(run: Run, tmp_path: Path) -> Any:
    """Save a page: page("explain", …) -> (HTML, JSON document)."""

    def save(*arguments: object) -> tuple[str, Any]:
        target = tmp_path / "page.html"
        result = run(*arguments, "--save", target, "--force", "--json", "--full")
        assert result.err == ""
        return target.read_text(encoding="utf-8"), result.document

    return save


def written(number: float | None) -> str:
    """Return a number of a JSON document as a page holds it."""
    return "nan" if number is None else repr(number)


def at(values: Any) -> dict[str, str]:
    """Return the numbers of an array of a JSON document by their indices."""
    flat = np.array(values["values"], dtype=float).reshape(values["shape"])
    return {
        " ".join(map(str, index)): written(float(flat[index])) for index in np.ndindex(*flat.shape)
    }


@pytest.mark.parametrize("batch", [(), ("--batch", "3")], ids=["vector", "batch"])
def test_explain_holds_every_number(page: Any, batch: tuple[str, ...]) -> None:
    """W, x, b and y, and each term with its product and running sum, as in memory."""
    html, document = page("explain", "--in", "4", "--out", "2", *batch)
    shown, data = read(html), document["data"]
    assert numbers_of(shown, "W") == at(data["layer"]["weight"])
    assert numbers_of(shown, "b") == at(data["layer"]["bias"])
    assert numbers_of(shown, "x") == at(data["input"])
    assert numbers_of(shown, "y") == at(data["output"])
    rows = [row for row in shown.all("tr") if row.nearest("key") == "terms" and row in items(shown)]
    terms = [(e["index"], t) for e in data["elements"] for t in e["terms"]]
    for row, (index, term) in zip(rows, terms, strict=True):
        exact = [cell.attributes.get("title", "") for cell in row.all("td")]
        expected = [term[n] for n in ("weight", "input", "product", "running_sum")]
        assert [e for e in exact if e] == [written(float(number)) for number in expected]
        assert row.attributes["data-at"] == " ".join(map(str, (*index, term["index"])))


@pytest.mark.parametrize("batch", [(), ("--batch", "2,2")], ids=["vector", "batch"])
def test_step_holds_every_number(page: Any, batch: tuple[str, ...]) -> None:
    """Forward, backward, and old, gradient, update and new of every parameter."""
    html, document = page("step", "3-5-4-2", "--activation", "tanh", *batch)
    shown, data = read(html), document["data"]

    def rows(values: Any) -> dict[str, str]:
        folded = {**values, "shape": [-1, values["shape"][-1]]} if batch else values
        flat = np.array(values["values"], dtype=float).reshape(folded["shape"])
        return at({"values": flat.tolist(), "shape": flat.shape})

    for k, layer in enumerate(data["layers"], start=1):
        expected = {
            f"W{k}": at(layer["weight"]["before"]), f"b{k}": at(layer["bias"]["before"]),
            f"a{k - 1}": rows(layer["input"]), f"z{k}": rows(layer["pre_activation"]),
            f"a{k}": rows(layer["output"]), f"D{k}": rows(layer["grad_activation"]),
            f"G{k}": rows(layer["grad_output"]), f"D{k - 1}": rows(layer["grad_input"]),
            f"P{k}": at(layer["weight"]["grad"]), f"Q{k}": at(layer["bias"]["grad"]),
        }  # fmt: skip
        assert {key: numbers_of(shown, key) for key in expected} == expected
        for key, name in ((f"U{k}", "weight"), (f"V{k}", "bias")):
            columns = [at(layer[name][c]) for c in ("before", "grad", "update", "after")]
            found = {
                row.attributes["data-at"]: [c.attributes["title"] for c in row.all("td")]
                for row in items(shown)
                if row.nearest("key") == key
            }
            assert found == {index: [c[index] for c in columns] for index in columns[0]}


PAGES = [
    ("explain", "--in", "4", "--out", "2"),
    ("explain", "--in", "40", "--out", "20", "--batch", "2,3", "--element", "1,2,5", "--top", "4"),
    ("explain", "--in", "3", "--out", "2", "--x", "1,nan,inf", "--dtype", "bfloat16"),
    ("explain", "--in", "784", "--out", "10", "--no-bias"),
    ("explain", "--in", "0", "--out", "2", "--dtype", "float64"),
    ("explain", "--in", "0", "--out", "2", "--no-bias"),
    ("explain", "--in", "3", "--out", "2", "--batch", "0"),
    ("step", "3-5-4-2"),
    ("step", "3-5-4-2", "--batch", "2,3", "--no-bias", "--optimizer", "adamw", "--steps", "30"),
    ("step", "3-4-2", "--loss", "cross_entropy", "--target", "1", "--dtype", "float64"),
    ("step", "3-2", "--x", "1,nan,2", "--steps", "3"),
    ("step", "3-2", "--batch", "0"),
    ("step", "300-20-1", "--loss", "bce"),
    ("step", "3-5-4-2", "--parameter", "fc2.weight[1,3]", "--steps", "3"),
]


WORDS = {"dot", "sum", "relu", "sigmoid"}
"""Of formulas, beside the keys."""


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
@pytest.mark.parametrize("arguments", PAGES, ids=" ".join)
def test_every_page_is_sound(page: Any, arguments: tuple[str, ...]) -> None:
    """Well nested, small, the same twice; every reference is to something on it."""
    html, document = page(*arguments)
    assert page(*arguments)[0] == html
    assert len(html.encode()) < LARGEST
    shown = read(html)
    identities = [e.attributes["id"] for e in shown.all() if "id" in e.attributes]
    assert len(identities) == len(set(identities))
    links = [e.attributes["href"] for e in shown.all("a")]
    assert {link.removeprefix("#") for link in links} <= set(identities)
    holders = [e for e in shown.all() if "data-key" in e.attributes]
    keys = {key for e in holders for key in e.attributes["data-key"].split()}
    for item in items(shown):
        assert len(item.attributes["data-at"].split()) == len(item.nearest("axes").split())
        named = [*item.nearest("lights").split(), *item.nearest("formula").split()[1:]]
        assert set(named) <= keys | WORDS
    for table in shown.all("table"):
        assert next(e.tag for e in table.all()) == "caption"
    for head in shown.all("th"):
        assert head.attributes["scope"] in ("row", "col")
        assert head.text.strip()
    assert not [e for e in shown.all() if "style" in e.attributes]
    assert document["data"]["verdict"] in shown.text.lower()


def test_only_the_style_and_script_that_are_named_may_run(page: Any) -> None:
    """The policy holds the hashes of the two, allows nothing else, and no address stands there."""
    html, _ = page("explain", "--in", "2", "--out", "1")
    shown = read(html)
    policy = next(
        e.attributes["content"]
        for e in shown.all("meta")
        if e.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (element,) = shown.all(tag)
        digest = b64encode(sha256(element.text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
        assert len(element.text) > 1000
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy
    assert not re.search(r"(https?:)?//[a-z]|@import|url\(", html)
    assert html.index("Content-Security-Policy") < html.index("<style")


def test_line_ends_of_another_system_stop_neither_style_nor_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hashes are those of what a browser reads, in which every line end is one sign."""
    made = environment()
    assert made.loader is not None
    names = made.list_templates()
    sources = {name: made.loader.get_source(made, name)[0] for name in names}
    elsewhere = {name: source.replace("\n", "\r\n") for name, source in sources.items()}
    values = {"title": "W", "rows": [], "document": "", "filename": "w"}

    def page() -> str:
        _source.cache_clear()
        return document_with(("page.css",), ("worksheet.js",), "worksheet.html", values)

    expected = page()
    monkeypatch.setattr(made, "loader", DictLoader(elsewhere))
    monkeypatch.setattr(made, "cache", None)
    try:
        assert page() == expected
    finally:
        _source.cache_clear()


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Write a network whose first layer has a hostile name."""
    layers = [
        {"name": HOSTILE, "weight": [[1, 2], [3, 4]], "bias": [0, 1], "activation": "relu"},
        {"name": "全连接", "weight": [[0.5, -1]]},
    ]
    (tmp_path / "network.json").write_text(json.dumps({"layers": layers}), encoding="utf-8")
    return tmp_path / "network.json"


def anatomy(shown: Element) -> list[tuple[str, tuple[str, ...]]]:
    """Return each element's tag and the names of its attributes."""
    return [(e.tag, tuple(e.attributes)) for e in shown.all()]


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "FILE", "NAME", "--x", "1,2"),
        ("step", "FILE"),
        ("step", "FILE", "--parameter", "NAME.weight[0,1]"),
    ],
    ids=["explain", "step", "parameter"],
)
def test_a_hostile_name_is_text(page: Any, hostile: Path, arguments: tuple[str, ...]) -> None:
    """The page has the elements and attributes that it has with an innocent name."""
    pages = []
    for name in (HOSTILE, "innocent"):
        hostile.write_text(
            hostile.read_text(encoding="utf-8").replace(json.dumps(HOSTILE), json.dumps(name)),
            encoding="utf-8",
        )
        put = [str(hostile) if a == "FILE" else a.replace("NAME", name) for a in arguments]
        pages.append(page(*put)[0])
    wild, tame = map(read, pages)
    assert anatomy(wild) == anatomy(tame)
    # what acts on a terminal or turns the text round is written out
    assert "{{7*7}} \\u202e\\x1b[31m" in wild.text
    assert "<script>alert(1)" not in pages[0]
    assert not {"\u202e", "\u001b"} & set(pages[0])


def test_a_wide_layer_is_cut_as_in_the_terminal(page: Any, run: Run) -> None:
    """The same rows, columns and terms are left out, and that is said."""
    html, _ = page("explain", "--in", "784", "--out", "10")
    words = read(html).text
    assert "showing W: 8 of 10 rows, 5 of 784 columns; x: 8 of 784 rows;" in words
    printed = run("explain", "--in", "784", "--out", "10").out
    for said in ("showing the first 16 of 784 terms", "showing 8 of 10 outputs"):
        assert said in printed
        assert said in words
    assert numbers_of(read(html), "y").keys() == set("01234569")


def test_rows_that_were_read_alone_keep_their_numbers(page: Any, tmp_path: Path) -> None:
    """Of a file only the rows asked for are read: they are called by their own index."""
    np.savez(tmp_path / "layer.npz", weight=np.arange(12.0).reshape(4, 3), bias=np.ones(4))
    html, _ = page("explain", tmp_path / "layer.npz", "--x", "1,2,3", "--element", "3")
    assert numbers_of(read(html), "y") == {"3": "63.0"}
    assert list(numbers_of(read(html), "W")) == ["3 0", "3 1", "3 2"]
    assert "only the requested rows of W were read: 3" in read(html).text


def test_numbers_are_rounded_as_asked(page: Any) -> None:
    """--precision rounds what is shown; the exact number is a tooltip."""
    html, document = page("explain", "--in", "2", "--out", "1", "--precision", "2")
    (cell,) = (i for i in items(read(html)) if i.nearest("key") == "y")
    exact = document["data"]["output"]["values"][0]
    assert cell.text == f"{exact:.2f}"
    assert cell.attributes["title"] == repr(exact)


def test_what_is_not_finite_is_said(page: Any) -> None:
    """NaN is shown as such, the verdict is undecided, and no bar is drawn of it."""
    html, _ = page("explain", "--in", "3", "--out", "1", "--x", "1,nan,3")
    shown = read(html)
    assert numbers_of(shown, "x")["1"] == "nan"
    assert "not every number is finite, so there is no bound: undecided" in shown.text
    assert not list(shown.all("rect"))
    (walk,) = (e for e in shown.all("div") if "data-result" in e.attributes)
    said = "; not every number is finite, so there is no exact result"
    assert walk.attributes["data-result"] == said


def test_the_bars_show_how_the_sum_moves(page: Any) -> None:
    """Each bar begins where the one before ended; upwards it is filled, downwards hollow."""
    html, document = page("explain", "--in", "4", "--out", "1")
    bars = [
        (float(r.attributes["x"]), float(r.attributes["width"]), r.attributes["class"])
        for r in read(html).all("rect")
    ]
    element = document["data"]["elements"][0]
    sums = [0.0, *(t["running_sum"] for t in element["terms"]), element["exact"]]
    scale = 120 / (max(sums) - min(sums))
    for (x, width, kind), (old, new) in zip(bars, pairwise(sums), strict=True):
        assert kind == ("up" if new > old else "down")
        assert x == pytest.approx((min(old, new) - min(sums)) * scale, abs=0.006)
        assert width == pytest.approx(max(abs(new - old) * scale, 1), abs=0.006)


def test_what_the_input_was_taken_for_is_on_the_page(page: Any, tmp_path: Path) -> None:
    """Warnings stand below the check, as in the terminal."""
    np.savez(tmp_path / "layer.npz", weight=np.ones((1, 3), dtype=np.float32))
    html, document = page("explain", tmp_path / "layer.npz")
    assert document["warnings"]
    assert all(warning in read(html).text for warning in document["warnings"])


def test_a_followed_parameter_has_a_page(page: Any) -> None:
    """--parameter shows its working instead of the whole step."""
    html, _ = page("step", "3-5-4-2", "--parameter", "fc2.weight[1,3]", "--steps", "2")
    shown = read(html)
    titles = [e.text for e in shown.all("h2")]
    assert titles == ["Loss by step", "fc2.weight[1,3]: from input 3 to output 1 of fc2", "Check"]
    assert "new = old + update" in shown.text
    assert not items(shown)


def test_the_loss_of_all_steps_is_drawn_and_written(page: Any) -> None:
    """A line through all of them, and each as a number, folded."""
    html, document = page("step", "3-2", "--steps", "20")
    shown = read(html)
    (line,) = shown.all("polyline")
    assert len(line.attributes["points"].split()) == 21
    (folded,) = shown.all("details")
    cells = [c.text for c in folded.all("td") if "output" in c.attributes.get("class", "")]
    assert cells == [f"{p['loss']:.4f}" for p in document["data"]["losses"]]


def test_of_a_long_run_the_extremes_are_drawn() -> None:
    """A single peak among many steps stays on the line, and what is left out is said."""
    losses = [1.0] * 5000
    losses[1234] = 9.0
    curve = loss_curve(losses, 4)
    assert curve is not None
    (line,) = (stroke for stroke in curve.strokes if stroke.role == "output")
    assert len(line.points) <= MOST_POINTS + 2
    heights = [y for _, y in line.points]
    assert heights.count(min(heights)) == 1
    assert heights[0] == max(heights)
    assert curve.caption.endswith(f"; the line passes through {len(heights):,} of 5,000 losses")


def test_losses_that_are_not_finite_break_the_line() -> None:
    """They are not drawn, and that is said; nothing is drawn of one loss."""
    curve = loss_curve([3.0, 2.0, float("nan"), 1.0, 0.5, float("inf")], 4)
    assert curve is not None
    lines = [stroke for stroke in curve.strokes if stroke.role == "output"]
    assert [len(line.points) for line in lines] == [2, 2]
    assert curve.caption.endswith("; 2 losses are not finite and not drawn")
    assert loss_curve([1.0, float("nan"), float("nan")], 4) is None

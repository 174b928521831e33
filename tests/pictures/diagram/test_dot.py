"""The graph for Graphviz: read by Graphviz itself where it is installed."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from fcinspect.layers.diagram import diagram_of, outline_of_network
from fcinspect.page.text import safe
from fcinspect.pictures.diagram.graphs import dot_quoted, dot_text
from tests.networks import KINDS, SPECS, made, outline
from tests.pictures.diagram.test_mermaid import HOSTILE

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")


def read(text: str, form: str = "json") -> Any:
    """Return what Graphviz reads: the graph with its places."""
    done = subprocess.run(
        ["dot", f"-T{form}"], input=text.encode(), capture_output=True, check=True
    )
    assert done.stderr == b""
    return json.loads(done.stdout) if form.startswith("json") else done.stdout.decode()


@needs_dot
@pytest.mark.parametrize("kind", KINDS)
def test_graphviz_finds_every_unit_and_edge(kind: str) -> None:
    """In columns from the left to the right, units from the top to the bottom."""
    widths = (3, 5, 4, 2)
    graph = read(dot_text(diagram_of(outline(kind, *widths)), "3-5-4-2", 4))
    place = {
        node["name"]: tuple(map(float, node["pos"].split(",")))
        for node in graph["objects"]
        if "pos" in node
    }
    for k, width in enumerate(widths):
        units = [place[f"c{k}u{i}"] for i in range(width)]
        assert len({round(x) for x, _ in units}) == 1
        heights = [y for _, y in units]
        assert heights == sorted(heights, reverse=True)
    assert place["c0u0"][0] < place["c1u0"][0] < place["c2u0"][0] < place["c3u0"][0]
    drawn = [edge for edge in graph["edges"] if edge.get("style") != "invis"]
    assert len(drawn) == 43
    if kind != "structure":
        for edge in drawn:
            assert (edge.get("style") == "dashed") == (float(edge["tooltip"]) < 0)


@needs_dot
@pytest.mark.parametrize("widths", SPECS[1:], ids=lambda w: "-".join(map(str, w[:9])))
def test_graphviz_reads_any_network(widths: tuple[int, ...]) -> None:
    """Wide ones and long ones, folded."""
    text = dot_text(diagram_of(outline("structure", *widths)), "title", 4)
    assert read(text, "json0")["objects"]


@needs_dot
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_only_shows(name: str) -> None:
    """As it is, with escapes for what acts on a terminal; no other node comes of it."""
    diagram = diagram_of(outline_of_network(made(2, 2, names=(name,))))
    text = dot_text(diagram, name, 4)
    names = {node["name"] for node in read(text)["objects"] if "pos" in node}
    assert names == {"c0t", "c0u0", "c0u1", "c1t", "c1u0", "c1u1"}
    svg = read(text, "svg")
    words = [html.unescape(found) for found in re.findall(r"<text[^>]*>(.*?)</text>", svg)]
    assert [w.replace("\xa0", " ") for w in words].count(safe(name)) == 2
    assert "<script" not in svg


def test_quotes_hold_their_words() -> None:
    """Quotation marks, backslashes and & are escaped."""
    assert dot_quoted('a"b') == '"a\\"b"'
    assert dot_quoted("\\N") == '"\\\\N"'
    assert dot_quoted("&lt;") == '"&amp;lt;"'
    assert "\n" not in dot_quoted("a\nb")

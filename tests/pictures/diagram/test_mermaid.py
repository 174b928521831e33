"""The Mermaid flowchart: its parts by their grammar, and names that cannot leave their quotes."""

from __future__ import annotations

import html
import re

import pytest

from fcinspect.layers.diagram import outline_of_network
from fcinspect.page.text import safe
from fcinspect.pictures.diagram.graphs import MOST_EDGES, mermaid_quoted, mermaid_text
from tests.networks import KINDS, SPECS, made, outline

HOSTILE = [
    '"];x--><script>alert(1)</script>', "a\nend\nb", "`md` **bold**", "end", "#quot;",
    "%%{init: {}}%%",
    "}}{{", "a|b", "click c0u0 href", "\u202ex", "全连接", "&lt;", "\\", "1. x", "graph TD;A-->B",
]  # fmt: skip
QUOTED = r'"(?:[^"#;<>&\\`{}\[\]|\n]|#\d+;|<br/>)*"'
STATEMENTS = [
    r'%%{init: {"flowchart": {[\w ":,]+}}}%%',
    r"%% [^{}]*",
    r"flowchart LR",
    rf"  c\d+t\[{QUOTED}\]:::word",
    rf"  c\d+u\d+\(\({QUOTED}\)\):::(unit|dead)",
    r"  c\d+u\d+ --- c\d+u\d+",
    r"  c\d+t ~~~ c\d+t",
    rf"  fold\[{QUOTED}\]:::word",
    r"  c\d+t -\.- fold -\.- c\d+t",
    r"  linkStyle \d+(,\d+)* stroke:#[0-9A-F]{6},stroke-width:[\d.]+px(,stroke-dasharray:[\d ]+)?",
    r"  classDef (unit|word|dead) [\w:,#-]+",
]


def strange(text: str) -> list[str]:
    """Return the lines that are no statement of ours."""
    return [
        line for line in text.splitlines()
        if not any(re.fullmatch(statement, line) for statement in STATEMENTS)
    ]  # fmt: skip


@pytest.mark.parametrize("widths", SPECS[:2] + SPECS[4:], ids=lambda w: "-".join(map(str, w[:9])))
def test_each_line_is_a_statement(widths: tuple[int, ...]) -> None:
    """Of wide and long networks too, and no more edges than Mermaid draws."""
    text = mermaid_text(outline("structure", *widths), 12, "title", 4)
    assert strange(text) == []
    links = sum(text.count(link) for link in (" --- ", " ~~~ ", " -.- "))
    assert links <= MOST_EDGES < 500


@pytest.mark.parametrize("kind", KINDS)
def test_every_unit_and_edge_is_there(kind: str) -> None:
    """Each once, and the links that are styled are those that there are."""
    widths = (3, 5, 4, 2)
    text = mermaid_text(outline(kind, *widths), 12, "title", 4)
    assert strange(text) == []
    units = {f"c{k}u{i}" for k, width in enumerate(widths) for i in range(width)}
    assert set(re.findall(r"^  (c\d+u\d+)\(\(", text, re.MULTILINE)) == units
    edges = re.findall(r"^  (c\d+u\d+) --- (c\d+u\d+)$", text, re.MULTILINE)
    assert len(edges) == len(set(edges)) == 43
    assert {unit for edge in edges for unit in edge} == units
    styled = [int(n) for some in re.findall(r"linkStyle ([\d,]+)", text) for n in some.split(",")]
    assert sorted(styled) == list(range(43))
    assert ("dasharray" in text) == (kind != "structure")


def test_the_style_of_an_edge_is_that_of_its_weight() -> None:
    """Negative weights are dashed, in the order of the edges."""
    network = made(3, 2)
    text = mermaid_text(outline_of_network(network), 12, "title", 4)
    weights = network.layers[0].linear.weight.values.reshape(-1)
    dashed = {
        int(n)
        for some, style in re.findall(r"linkStyle ([\d,]+) (.*)", text)
        for n in some.split(",")
        if "dasharray" in style
    }
    assert dashed == {k for k, weight in enumerate(weights) if weight < 0}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_in_its_quotes(name: str) -> None:
    """It is shown as it is, with escapes for what acts on a terminal."""
    text = mermaid_text(outline_of_network(made(2, 2, names=(name,))), 12, name, 4)
    assert strange(text) == []
    assert "<script" not in text
    found = re.search(rf"c1t\[({QUOTED})\]", text)
    assert found is not None
    shown = html.unescape(re.sub(r"#(\d+);", r"&#\1;", found[1].replace("&", "&amp;")))
    assert safe(name) in shown


def test_a_name_that_leaves_its_quotes_is_seen() -> None:
    """The grammar above can fail."""
    assert strange('  c0t["a"];x-->"b"]:::word')
    assert strange(f"  c0t[{mermaid_quoted('a', 'b')}]:::word") == []
    assert "<br/>" not in mermaid_quoted("<br/>")

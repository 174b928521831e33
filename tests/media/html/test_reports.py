"""Reports as HTML: what they load, and their figures."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from fcinspect.media.html.page import html_of
from fcinspect.page.blocks import Heading, Line, Page
from tests.conftest import Run
from tests.media.html.reading import read

BRAILLE = re.compile("[\N{BRAILLE PATTERN BLANK}-\N{BRAILLE PATTERN DOTS-12345678}]")
DRAWN = [
    ("draw", "3-4-2", "--seed", "0"),
    ("approximate", "x**2", "--on", "0,1", "--error", "1e-2", "--plot"),
    ("show", "layer.npz", "--plot"),
    ("scan", "layer.npz", "--plot"),
    ("scan", "layer.npz", "--spectrum", "--plot"),
]


@pytest.fixture
def saved(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Save a layer in an empty folder, and go there."""
    monkeypatch.chdir(tmp_path)
    run("create", "--in", "6", "--out", "4", "--seed", "1", "--save", "layer.npz", "-q")
    return tmp_path


def test_a_page_fits_a_small_screen_and_loads_nothing(run: Run, saved: Path) -> None:
    """It names its language, its width and its title, and has colours for the dark."""
    assert run("shapes", "3-5-2", "--save", "page.html", "-q").status == 0
    text = (saved / "page.html").read_text(encoding="utf-8")
    page = read(text)
    (html,) = page.all("html")
    assert html.attributes["lang"] == "en"
    metas = {m.attributes.get("name"): m.attributes.get("content") for m in page.all("meta")}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["color-scheme"] == "light dark"
    assert "default-src 'none'; style-src 'sha256-" in text.replace("&#39;", "'")
    assert [title.text for title in page.all("title")] == ["Shapes of 3 → 5 → 2"]
    assert "@media (prefers-color-scheme: dark)" in text
    assert "color: var(--weight)" in text
    assert not re.search(r"(src|href)=.(?!data:|#)", text)


@pytest.mark.parametrize("arguments", DRAWN, ids=" ".join)
def test_a_page_holds_its_figure(run: Run, saved: Path, arguments: tuple[str, ...]) -> None:
    """In place of signs that a browser gives another width; twice the same bytes."""
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    for name in ("once.html", "twice.html"):
        assert run(*arguments, "--save", name, "-q").status == 0
    text = (saved / "once.html").read_text(encoding="utf-8")
    assert text.count("data:image/svg+xml") == 1
    assert not BRAILLE.search(text)
    assert text == (saved / "twice.html").read_text(encoding="utf-8")
    last = text[text.index("</figure>") :]
    for title in ("Values of W", "The error"):  # it is the figure's
        assert title not in last


@pytest.mark.parametrize("arguments", DRAWN[::2], ids=" ".join)
def test_without_matplotlib_a_page_with_a_figure_is_refused(
    run: Run, saved: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of signs that a browser gives another width would not be what was asked for."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused = run(*arguments, "--save", "page.html", "-q")
    assert refused.status == 2
    assert "need matplotlib, which is not installed" in refused.err
    assert not (saved / "page.html").exists()
    assert run(*arguments, "--save", "page.txt", "-q").status == 0


def test_a_text_keeps_its_drawing(run: Run, saved: Path) -> None:
    """What is shown in a terminal again is drawn for one."""
    assert run("draw", "3-4-2", "--seed", "0", "--save", "page.txt", "-q").status == 0
    assert BRAILLE.search((saved / "page.txt").read_text(encoding="utf-8"))


def test_what_a_name_smuggles_in_is_text(run: Run, saved: Path) -> None:
    """Neither as a tag nor as a style."""
    name = '<b style=\\"color: #008080\\">'
    (saved / "odd.json").write_text(f'{{"layers": [{{"name": "{name}", "weight": [[1]]}}]}}')
    assert run("draw", "odd.json", "--save", "page.html", "-q").status == 0
    text = (saved / "page.html").read_text(encoding="utf-8")
    assert "<b " not in text
    assert "&lt;b style=" in text
    assert "color: #008080&#34;" in text


def test_two_sections_of_one_title_have_two_names() -> None:
    """As two layers that are called alike: each link leads to its own."""
    titles = ("fc.1", "fc-1", "fc.1", "…")
    page = Page(tuple((Heading(title), Line.of(title)) for title in titles))
    shown = read(html_of("scan", page, (), None))
    names = [e.attributes["id"] for e in shown.all("section") if "id" in e.attributes]
    assert names == ["fc-1", "fc-1--2", "fc-1--3"]
    assert [e.attributes["href"] for e in shown.all("a")] == [f"#{name}" for name in names]

"""What a page or an article of a large layer holds, and what it says of the rest."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest

from fcinspect.arithmetic.affine import numpy_output
from fcinspect.arithmetic.explanation import Selection, explain_affine
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer
from fcinspect.media.emit import rendered
from fcinspect.page.view import View
from fcinspect.reports import explain
from fcinspect.reports.explain import view_of_explanation
from tests.media.html.reading import items, read

TERM = {"html": r'<tr data-at="\d+ \d+">', "latex": r"^W_\{\d+,\d+\}\\, x_"}
PLACE = {"html": r'id="walk-(\d+)"', "latex": r"paragraph\{\\boldmath\$y_\{(\d+)\}"}


def view(inputs: int, outputs: int, selection: Selection | None = None) -> View:
    """Return the view of a layer of whole numbers."""
    weight = np.arange(inputs * outputs).reshape(outputs, inputs) % 7
    bias = Array.of(np.ones(outputs), "float32")
    layer = LinearLayer(Array.of(weight, "float32"), bias, name="", source="given")
    x = Array.of(np.arange(inputs) % 5, "float32")
    chosen = selection or Selection(everything=True)
    explained = explain_affine(layer, x, numpy_output(layer, x), chosen, computed_by="numpy")
    return view_of_explanation(explained, {}, ())


def plain(written: str) -> str:
    """Return an article's words without the marks that set them."""
    return written.replace(r"\texttt{-{}-save}", "--save").replace(
        r"\texttt{-{}-element}", "--element"
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page hold few."""
    monkeypatch.setattr(explain, "MOST_TERMS", 20)
    monkeypatch.setattr(explain, "MOST_OUTPUTS", 4)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("form", ["html", "latex"])
@pytest.mark.parametrize(
    ("inputs", "outputs", "said", "shown", "terms"),
    [
        (6, 9, "showing 3 of 9 outputs and 18 of 54 terms", 3, 18),
        (2, 9, "showing 4 of 9 outputs and 8 of 18 terms", 4, 8),
        (30, 2, "showing 1 of 2 outputs and 20 of 60 terms", 1, 20),
        (30, 1, "showing 20 of 30 terms", 1, 20),
    ],
)
def test_a_large_layer_is_cut_and_that_is_said(
    form: str, inputs: int, outputs: int, said: str, shown: int, terms: int
) -> None:
    """The first outputs are whole, and the files that hold everything are named."""
    written = plain(rendered(view(inputs, outputs), form))
    fits = f"{said}, the most that fit here; --save FILE.csv or FILE.json writes all"
    assert written.count(fits) == 1
    assert re.findall(PLACE[form], written) == [str(k) for k in range(shown)]
    assert len(re.findall(TERM[form], written, re.MULTILINE)) == terms
    assert ("showing the first 20 of 30 terms" in written) == (inputs == 30)
    ways = f"showing {shown} of {outputs} outputs; --element selects others, --save FILE.csv"
    assert (ways in written) == (shown < outputs)
    assert f"{outputs} output{'s' * (outputs > 1)} checked" in written


@pytest.mark.usefixtures("small")
def test_the_sum_of_a_shortened_output_ends_at_its_result() -> None:
    """Of 30 products 20 are listed; the others are one row, and the bias follows."""
    rows = [i for i in items(read(rendered(view(30, 1), "html"))) if i.tag == "tr"]
    products = [float((j % 7) * (j % 5)) for j in range(30)]
    exact = [[c.attributes.get("title") for c in row.all("td")][-3:-1] for row in rows[20:]]
    left, total = sum(products[20:]), sum(products)
    assert exact == [[repr(left), repr(total)], ["1.0", repr(total + 1)]]


@pytest.mark.usefixtures("small")
def test_other_forms_hold_everything() -> None:
    """The terminal, Markdown, CSV and JSON are not cut."""
    large = view(6, 9)
    for form in ("md", "txt", "json"):
        assert "most that fit" not in rendered(large, form)
    rows = list(csv.reader(io.StringIO(rendered(large, "csv"))))
    assert sum(row[1] == "product" for row in rows) == 54
    assert "y[8]" in rendered(large, "txt")


@pytest.mark.usefixtures("small")
def test_what_was_not_asked_for_is_told_as_before() -> None:
    """Of the outputs that were asked for all fit: only the rest of the layer is named."""
    written = rendered(view(2, 99, Selection(elements=((0, 5), (0, 7)))), "html")
    assert "most that fit" not in written
    assert "showing 2 of 99 outputs; --element selects others, --all shows all" in written


def test_the_page_of_a_large_layer_is_a_few_megabytes() -> None:
    """Whether its outputs have many terms or one."""
    one, whole = view(1, 1200), view(300, 1)
    per_term = len(rendered(whole, "html")) / 300
    assert per_term * explain.MOST_TERMS < 8e6
    assert "showing 1,000 of 1,200 outputs" in (page := rendered(one, "html"))
    assert len(page) < 8e6

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import chain as chained
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from fcinspect.cli import run

HOSTILE = '</script><script>alert(1)</script>"onmouseover="alert(2)" <img src=x onerror=alert(3)>'
LIT = """
  const lit = [...document.querySelectorAll(arguments[0])];
  return lit.map((e) => [e.closest("[data-key]").dataset.key, e.dataset.at]);
"""
"""The key and the index of whatever has a class."""

COMPARED = ("explain", "step", "rows")
"""The pages whose numbers are held against the JSON of the same command."""

Open = Callable[[str], webdriver.Chrome]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the pages, and what some of them show as JSON."""
    folder = tmp_path_factory.mktemp("pages")
    layers = [
        {"name": HOSTILE, "weight": [[1, 2], [3, 4]], "bias": [0, 1], "activation": "relu"},
        {"name": "out", "weight": [[0.5, -1]]},
    ]
    network = folder / "network.json"
    network.write_text(json.dumps({"layers": layers}), encoding="utf-8")
    wanted: dict[str, list[str]] = {
        "explain": ["explain", "--in", "4", "--out", "2"],
        "batch": ["explain", "--in", "4", "--out", "2", "--batch", "3"],
        "wide": ["explain", "--in", "100", "--out", "12", "--precision", "9"],
        "small": ["step", "2-3-1", "--steps", "20"],
        "step": ["step", "3-5-4-2", "--steps", "20"],
        "rows": ["step", "3-2-2", "--batch", "3", "--activation", "tanh"],
        "hostile": ["step", str(network)],
        "hostile-layer": ["explain", str(network), HOSTILE, "--x", "1,2"],
        "sheet": ["worksheet", "2-2-1", "--seed", "7", "--sheet", "all"],
        "shapes": ["shapes", "3-5-2", "--batch", "4"],
        "diagnosis": [
            "diagnose",
            "mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)",
        ],
        "layer": ["show", str(network), "out", "--plot"],
        "followed": ["step", "3-2", "--parameter", "fc1.weight[1,2]"],
    }
    for name, arguments in wanted.items():
        for ending in (".html", ".json") if name in COMPARED else (".html",):
            status = run([*arguments, "--quiet", "--save", str(folder / (name + ending))])
            assert status == int(name == "diagnosis")
    return folder


@pytest.fixture
def visit(browser: webdriver.Chrome, pages: Path) -> Iterator[Open]:
    """Open a page in light colours, as wide as a window."""

    def open_page(name: str) -> webdriver.Chrome:
        browser.get((pages / f"{name}.html").as_uri())
        return browser

    yield open_page
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def data(pages: Path, name: str) -> Any:
    """Return the JSON data of a page."""
    return json.loads((pages / f"{name}.json").read_text(encoding="utf-8"))["data"]


def item(browser: webdriver.Chrome, key: str, at: str) -> WebElement:
    """Return what can be pointed at of that key and index."""
    found = f"[data-key~='{key}'] [data-at='{at}'], [data-key~='{key}'][data-at='{at}']"
    return browser.find_element(By.CSS_SELECTOR, found)


def moves(browser: webdriver.Chrome) -> ActionChains:
    """Return a chain whose pointer is where it goes at once."""
    return ActionChains(browser, duration=0)


def point_at(browser: webdriver.Chrome, key: str, at: str) -> None:
    """Move the pointer there."""
    element = item(browser, key, at)
    browser.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element
    )
    moves(browser).move_to_element(element).perform()


def marked(browser: webdriver.Chrome, kind: str = "lit") -> set[tuple[str, str]]:
    """Return the key and index of whatever is lit, or is here."""
    return {(key, at) for key, at in browser.execute_script(LIT, f".{kind}")}


def reading(browser: webdriver.Chrome) -> str:
    """Return the line at the bottom."""
    return browser.find_element(By.ID, "reading").text


def messages(browser: webdriver.Chrome) -> list[str]:
    """Return what the browser's console says, violations of the policy among it."""
    return [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]  # selenium's


def rounded(value: float) -> str:
    """Return a number as it is shown, a negative one as a term."""
    written = "0" if value == 0 else f"{value:.4f}"
    return f"({written})" if value < 0 else written


ROW_1 = {
    *(("W", f"1 {j}") for j in range(4)),
    *(("x", str(j)) for j in range(4)),
    ("b", "1"),
    *(("terms", f"1 {j}") for j in range(4)),
    ("bias-term", "1"),
}
"""What y[1] is made of."""


def test_pointing_at_an_output_shows_what_it_is_made_of(visit: Open, pages: Path) -> None:
    """Its row of W, all of x, its bias and its products light up, and nothing else."""
    browser = visit("explain")
    assert not marked(browser)
    point_at(browser, "y", "1")
    assert marked(browser) == ROW_1
    assert marked(browser, "here") == {("y", "1")}
    element = data(pages, "explain")["elements"][1]
    terms = [f"{rounded(t['weight'])}·{rounded(t['input'])}" for t in element["terms"]]
    sum_of = " + ".join([*terms, rounded(element["bias"])])
    assert reading(browser) == f"y[1] = {sum_of} = {element['output']:.4f}"
    moves(browser).move_to_element(browser.find_element(By.TAG_NAME, "h1")).perform()
    assert not marked(browser)
    assert reading(browser) == ""


def test_pointing_at_a_weight_shows_what_it_meets(visit: Open) -> None:
    """Its input, its output and its product, of a batch in every row."""
    browser = visit("batch")
    point_at(browser, "W", "1 2")
    rows = range(3)
    assert marked(browser) == {
        *(("x", f"{n} 2") for n in rows),
        *(("y", f"{n} 1") for n in rows),
        *(("terms", f"{n} 1 2") for n in rows),
    }


def test_the_keyboard_does_what_the_pointer_does(visit: Open) -> None:
    """Tab enters each matrix once, arrows move in it, Enter holds, Escape lets go."""
    browser = visit("explain")

    def press(*keys: str, back: bool = False) -> str:
        chain = moves(browser)
        chain = chain.key_down(Keys.SHIFT) if back else chain
        chain.send_keys(*keys).key_up(Keys.SHIFT).perform()
        script = "const e = document.activeElement;" + LIT.replace(
            "[...document.querySelectorAll(arguments[0])]", "e.dataset.at ? [e] : []"
        )
        return " ".join(chained.from_iterable(browser.execute_script(script)))

    assert [press(Keys.TAB) for _ in range(4)] == ["W 0 0", "x 0", "b 0", "y 0"]
    assert press(Keys.ARROW_DOWN) == "y 1"
    assert marked(browser) == ROW_1
    assert press(Keys.ARROW_DOWN) == "y 1"
    press(Keys.ENTER)
    point_at(browser, "x", "0")
    assert marked(browser) == ROW_1, "it is held"
    press(Keys.ESCAPE)
    assert not marked(browser)
    assert press(Keys.TAB, back=True) == "b 0"
    press(Keys.TAB, back=True)
    assert press(Keys.TAB, back=True) == "W 0 0"
    assert press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN) == "W 1 1"
    assert press(Keys.END) == "W 1 3"
    assert press(Keys.HOME) == "W 1 0"
    # it is entered where it was left
    assert press(Keys.TAB) == "x 0"
    assert press(Keys.TAB, back=True) == "W 1 0"


def test_what_has_the_focus_is_seen(visit: Open) -> None:
    """An outline surrounds it."""
    browser = visit("explain")
    moves(browser).send_keys(Keys.TAB).perform()
    focused = browser.switch_to.active_element
    assert focused.value_of_css_property("outline-style") == "solid"
    assert float(focused.value_of_css_property("outline-width").removesuffix("px")) >= 2


def test_the_slider_goes_through_the_sum_to_the_exact_result(visit: Open, pages: Path) -> None:
    """Term by term, the rest hidden, the last one being the exact sum."""
    browser = visit("explain")
    element = data(pages, "explain")["elements"][0]
    slider = browser.find_element(By.ID, "walk-0")
    output = browser.find_element(By.CSS_SELECTOR, "output[for='walk-0']")
    exact = output.text.split("the exact result, ")[1]
    assert float(exact.removesuffix("…")) == pytest.approx(element["exact"], rel=1e-11)
    assert exact[:10] == f"{element['exact']:.12f}"[:10]
    rows = browser.find_elements(By.CSS_SELECTOR, "#walk-0")[0].find_elements(
        By.XPATH, "ancestor::section//tbody/tr"
    )
    slider.send_keys(Keys.HOME)
    assert output.text == "nothing added yet: 0"
    shown = [r.find_element(By.CSS_SELECTOR, ".output").is_displayed() for r in rows]
    assert shown == [False] * 5
    before = "0"
    for done, term in enumerate(element["terms"], start=1):
        slider.send_keys(Keys.ARROW_RIGHT)
        after = f"{term['running_sum']:.4f}"
        assert output.text == f"term {done - 1}: {before} + {rounded(term['product'])} = {after}"
        assert slider.get_attribute("aria-valuetext") == f"{done} of 5 added"
        shown = [r.find_element(By.CSS_SELECTOR, ".output").is_displayed() for r in rows]
        assert shown == [True] * done + [False] * (5 - done)
        assert marked(browser) == {("W", f"0 {done - 1}"), ("x", str(done - 1))}
        before = after
    slider.send_keys(Keys.ARROW_RIGHT)
    said = f"the bias: {before} + {rounded(element['bias'])} = {element['exact']:.4f}"
    assert output.text == f"{said}, the exact result, {exact}"
    assert output.aria_role == "status"


def test_the_slider_adds_what_is_not_listed_at_once(visit: Open) -> None:
    """Of a wide layer the other terms are one step."""
    browser = visit("wide")
    shown = browser.find_element(By.TAG_NAME, "body").text
    assert "showing W: 8 of 12 rows, 5 of 100 columns; x: 8 of 100 rows;" in shown
    slider = browser.find_element(By.ID, "walk-0")
    assert slider.get_attribute("max") == "18"
    slider.send_keys(Keys.ARROW_LEFT)
    output = browser.find_element(By.CSS_SELECTOR, "output[for='walk-0']")
    assert output.text.startswith("84 more: ")
    point_at(browser, "y", "0")
    assert " + … + " in reading(browser)


def test_an_update_shows_what_it_comes_from(visit: Open, pages: Path) -> None:
    """The old number, the gradient, and the two numbers that the gradient is a product of."""
    browser = visit("step")
    point_at(browser, "U1", "1 2")
    assert marked(browser) == {("W1", "1 2"), ("P1", "1 2"), ("G1", "1"), ("a0", "2")}
    layer = data(pages, "step")["layers"][0]
    numbers = {name: layer["weight"][name]["values"][1][2] for name in layer["weight"] if name in
               ("before", "grad", "update", "after")}  # fmt: skip
    g, x = layer["grad_output"]["values"][1], layer["input"]["values"][2]
    assert reading(browser).splitlines() == [
        f"fc1.weight[1,2]   new = old + update = {numbers['before']:.4f} +"
        f" {rounded(numbers['update'])} = {numbers['after']:.4f}",
        f"update = −lr·g = {numbers['update']:.4f}",
        f"gradient = {rounded(g)}·{rounded(x)} = {numbers['grad']:.4f}",
    ]


def test_a_gradient_shows_what_it_comes_from(visit: Open, pages: Path) -> None:
    """Backwards through a layer: G and W make what leaves, which is what arrives below."""
    browser = visit("step")
    point_at(browser, "D1", "1")
    outputs = range(4)
    assert marked(browser) == {
        ("D1", "1"),
        *(("G2", str(i)) for i in outputs),
        *(("W2", f"{i} 1") for i in outputs),
    }
    first, second, _ = data(pages, "step")["layers"]
    g = second["grad_output"]["values"]
    w = [row[1] for row in second["weight"]["before"]["values"]]
    terms = " + ".join(f"{rounded(a)}·{rounded(b)}" for a, b in zip(g, w, strict=True))
    arrives = first["grad_activation"]["values"][1]
    assert reading(browser) == f"fc1: ∂L/∂a[1] = {terms} = {arrives:.4f}"
    point_at(browser, "S1", "1")
    assert marked(browser) == {("z1", "1")}
    assert reading(browser) == ""
    point_at(browser, "G1", "1")
    assert reading(browser) == f"fc1: G[1] = {rounded(arrives)}·1 = {arrives:.4f}"
    point_at(browser, "a1", "1")
    a = first["output"]["values"][1]
    assert reading(browser) == f"fc1: a[1] = relu({a:.4f}) = {a:.4f}"


def test_a_gradient_of_a_batch_is_a_sum_over_its_rows(visit: Open, pages: Path) -> None:
    """Each number of the weight's gradient sums G·x over the rows, the bias's sums G."""
    browser = visit("rows")
    layer = data(pages, "rows")["layers"][0]
    g = [row[1] for row in layer["grad_output"]["values"]]
    x = [row[2] for row in layer["input"]["values"]]
    point_at(browser, "P1", "1 2")
    assert marked(browser) == {
        ("U1", "1 2"),
        *(("G1", f"{n} 1") for n in range(3)),
        *(("a0", f"{n} 2") for n in range(3)),
    }
    terms = " + ".join(f"{rounded(a)}·{rounded(b)}" for a, b in zip(g, x, strict=True))
    gradient = layer["weight"]["grad"]["values"][1][2]
    assert reading(browser) == f"fc1: ∂L/∂W[1,2] = {terms} = {gradient:.4f}"
    point_at(browser, "Q1", "1")
    terms = " + ".join(map(rounded, g))
    assert reading(browser) == f"fc1: ∂L/∂b[1] = {terms} = {layer['bias']['grad']['values'][1]:.4f}"


LOOKED_UP = """
  const wrong = [];
  let count = 0;
  for (const [item, { keys, index, lights }] of facts)
    for (const key of new Set([...keys, ...lights])) {
      const all = (known.get(key) || []).flatMap(({ items }) => items);
      const fitting = all.filter((other) => fits(other, index));
      const got = found(key, index);
      count += got.length;
      if (got.length !== fitting.length || fitting.some((other, k) => other !== got[k]))
        wrong.push(`${key} of ${item.dataset.at}`);
    }
  return [count, wrong];
"""
"""For each number, what its keys find at once and what a search through all finds."""


@pytest.mark.parametrize("name", ["batch", "rows"])
def test_what_lights_up_is_looked_up_rightly(visit: Open, name: str) -> None:
    """The index by places finds what a search through every number of the page would."""
    count, wrong = visit(name).execute_script(LOOKED_UP)
    assert count > 200
    assert wrong == []


@pytest.mark.parametrize("name", ["hostile", "hostile-layer"])
def test_a_hostile_name_does_nothing(visit: Open, name: str) -> None:
    """It is read as it is, and makes no element, no attribute, no dialogue and no request."""
    browser = visit(name)
    point_at(browser, "W1" if name == "hostile" else "W", "0 0")
    for heading in browser.find_elements(By.CSS_SELECTOR, "h3, .subtitle"):
        moves(browser).move_to_element(heading).click().perform()
    assert HOSTILE in browser.find_element(By.TAG_NAME, "body").text
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 1
    assert not browser.find_elements(By.CSS_SELECTOR, "img, [onmouseover], [onerror]")
    with pytest.raises(NoAlertPresentException):
        _ = browser.switch_to.alert.text
    assert messages(browser) == []


REQUESTS = "return performance.getEntriesByType('resource').map((entry) => entry.name)"


@pytest.mark.parametrize("name", ["explain", "step", "sheet", "followed", "diagnosis", "layer"])
def test_a_page_asks_for_nothing(visit: Open, name: str) -> None:
    """It loads nothing, and its policy is not violated."""
    browser = visit(name)
    assert browser.execute_script(REQUESTS) == []
    assert messages(browser) == []


def test_what_would_be_smuggled_in_is_stopped(visit: Open) -> None:
    """The tests above can fail: the policy stops a script, a style, a picture, and says so."""
    browser = visit("explain")
    browser.execute_script(
        """
        document.body.insertAdjacentHTML("beforeend",
          "<img src='https://example.invalid/x.png'><p id='p' style='color: red'>p</p>"
          + "<b id='b' onclick='window.hacked = 1'>b</b>");
        const script = document.createElement("script");
        script.textContent = "window.hacked = 1";
        document.body.append(script);
        document.getElementById("b").click();
        """
    )
    assert browser.execute_script("return window.hacked") is None
    assert browser.execute_script("return document.getElementById('p').style.length") == 0
    said = " ".join(messages(browser))
    for rule in ("script-src", "style-src", "img-src"):
        assert rule in said


def violations(browser: webdriver.Chrome, *rules: str) -> list[str]:
    """Return what axe-core finds, by all its rules or these."""
    if not browser.execute_script("return 'axe' in window"):
        axe = files("selenium_axe_python") / "axe-core" / "axe.min.js"
        browser.execute_script(axe.read_text(encoding="utf-8"))
    script = "axe.run(arguments[0]).then(arguments[arguments.length - 1])"
    found = browser.execute_async_script(script, {"runOnly": list(rules)} if rules else {})
    looked = {rule["id"] for kind in ("passes", "violations") for rule in found[kind]}
    assert looked == set(rules) if rules else len(looked) > 10
    return [f"{r['id']}: {node['html']}" for r in found["violations"] for node in r["nodes"]]


def colours(browser: webdriver.Chrome, scheme: str) -> None:
    """Let the reader prefer light or dark."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


@pytest.mark.parametrize(
    ("name", "key", "at"),
    [
        ("explain", "y", "1"),
        ("small", "U1", "1 1"),
        ("sheet", "", ""),
        ("followed", "", ""),
        ("shapes", "", ""),
        ("diagnosis", "", ""),
        ("layer", "", ""),
    ],
)
def test_a_page_is_accessible(visit: Open, name: str, key: str, at: str) -> None:
    """axe-core finds nothing; in dark colours not in the contrast of what is lit either."""
    browser = visit(name)
    for scheme in ("light", "dark"):
        colours(browser, scheme)
        if key:
            point_at(browser, key, at)
            assert marked(browser)
        body = browser.find_element(By.TAG_NAME, "body")
        paper = body.value_of_css_property("background-color")
        assert ("23, 24, 27" in paper) == (scheme == "dark")
        assert violations(browser, *(["color-contrast"] if scheme == "dark" else [])) == []


def test_an_inaccessible_page_is_seen(visit: Open) -> None:
    """The check can fail: pale words and a slider without a label are found."""
    browser = visit("explain")
    browser.execute_script(
        "document.querySelector('h1').style.color = '#ccc';"
        "document.querySelector('.walk label').remove()"
    )
    found = " ".join(violations(browser, "color-contrast", "label"))
    assert "color-contrast" in found
    assert "label: <input" in found


def test_on_paper_everything_is_unfolded_and_nothing_is_to_be_moved(visit: Open) -> None:
    """All terms and losses are there, sliders and hints are not."""
    browser = visit("explain")
    browser.find_element(By.ID, "walk-0").send_keys(Keys.HOME)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert all(e.is_displayed() for e in browser.find_elements(By.CSS_SELECTOR, ".added"))
    for gone in (".walk", ".hint", "#reading"):
        assert not any(e.is_displayed() for e in browser.find_elements(By.CSS_SELECTOR, gone))
    browser = visit("step")
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    losses = browser.find_elements(By.CSS_SELECTOR, "details tbody tr")
    assert len(losses) == 21
    assert all(loss.is_displayed() for loss in losses)
    assert not browser.find_element(By.TAG_NAME, "nav").is_displayed()


def test_without_scripts_all_numbers_are_there(visit: Open) -> None:
    """The page is then a plain one: no slider, no hint."""
    browser = visit("explain")
    words = "return [...document.querySelectorAll('td, th')].map((e) => e.textContent)"
    before = browser.execute_script(words)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.refresh()
    text = browser.find_element(By.TAG_NAME, "body").text
    assert {word.strip() for word in before} <= set(text.replace("\n", " ").split(" ")) | {
        "running sum", "change of the sum", ""
    }  # fmt: skip
    assert "Add term by term" not in text
    assert "Escape" not in text


@pytest.mark.parametrize("name", ["wide", "step", "followed"])
def test_a_narrow_window_scrolls_its_tables_and_not_itself(visit: Open, name: str) -> None:
    """What is too wide is scrolled by itself, and the keyboard reaches it."""
    browser = visit(name)
    metrics = {"width": 340, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    script = """
      const wide = [...document.querySelectorAll(".scroll, .matrix")]
        .filter((e) => e.scrollWidth > e.clientWidth + 1);
      window.dispatchEvent(new Event("resize"));
      return [
        document.documentElement.scrollWidth - document.documentElement.clientWidth,
        wide.length,
        wide.filter((e) => e.tabIndex < 0 && !e.querySelector("[tabindex='0']")).length,
      ];
    """
    over, wide, unreached = browser.execute_script(script)
    assert over <= 0
    assert wide > 0
    assert unreached == 0


def test_inner_inputs_are_activations(visit: Open) -> None:
    """Only what enters the network is called x; what enters a layer behind is that layer's a."""
    browser = visit("step")
    captions = {
        key: browser.find_element(By.CSS_SELECTOR, f'[data-key="{key}"] caption')
        for key in ("a0", "a1", "a2")
    }
    names = {key: text.get_attribute("textContent") or "" for key, text in captions.items()}
    assert names["a0"].startswith("x, input of fc1")
    assert names["a1"].startswith("a, activation of fc1")
    assert names["a2"].startswith("a, activation of fc2")
    formulas = [f.text for f in browser.find_elements(By.CSS_SELECTOR, "#forward h3")]
    assert formulas == ["fc1 z = W·x + b", "fc2 z = W·a + b", "fc3 z = W·a + b"]
    leaves = browser.find_elements(By.CSS_SELECTOR, "#backward .lead")
    assert [one.text for one in leaves if one.text.startswith("passed to")] == [
        "passed to fc2: ∂L/∂a = G·W =",
        "passed to fc1: ∂L/∂a = G·W =",
        "passed to x: ∂L/∂x = G·W =",
    ]


@pytest.mark.parametrize("name", ["step", "followed", "hostile"])
def test_the_network_stands_on_top(visit: Open, name: str) -> None:
    """Each unit and each edge of it, before anything that is computed."""
    browser = visit(name)
    drawing = browser.find_element(By.CSS_SELECTOR, "header > .network svg")
    first = browser.find_element(By.CSS_SELECTOR, "header > .line")
    assert drawing.rect["y"] + drawing.rect["height"] < first.rect["y"]
    widths = {"step": (3, 5, 4, 2), "followed": (3, 2), "hostile": (2, 2, 1)}[name]
    assert len(drawing.find_elements(By.TAG_NAME, "circle")) == sum(widths)
    edges = sum(a * b for a, b in pairwise(widths))
    assert len(drawing.find_elements(By.TAG_NAME, "line")) == edges
    assert "The network " + "-".join(map(str, widths)) in (
        drawing.get_attribute("aria-label") or ""
    )


CUT = """
  return [...document.querySelectorAll("body *")].filter((e) => {
    const { overflowX, backgroundImage } = getComputedStyle(e);
    const wide = e.scrollWidth > e.clientWidth + 1 && overflowX !== "visible";
    return wide && !e.closest("svg, .unseen, input") && !/gradient/.test(backgroundImage);
  }).map((e) => e.outerHTML.slice(0, 80));
"""
"""What is cut at its sides without a shadow there."""
PLANTED = "for (const e of document.querySelectorAll('.network')) e.style.background = 'none'"


@pytest.mark.parametrize(
    "name", ["explain", "wide", "step", "rows", "followed", "sheet", "shapes", "diagnosis", "layer"]
)
def test_nothing_is_cut_without_a_cue(visit: Open, name: str) -> None:
    """On a telephone what is too wide has a shadow at the side that is out of sight."""
    browser = visit(name)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
        assert browser.execute_script(CUT) == []
        if name == "step":  # the search can fail
            browser.execute_script(PLANTED)
            assert browser.execute_script(CUT)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

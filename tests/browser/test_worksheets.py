"""Worksheets in a browser: filled in, saved, and the file is what the command line would make."""

from __future__ import annotations

import json
import re
import time
from base64 import b64decode
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from fcinspect.cli import run

LEAVING = """
  const leaving = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  return leaving.defaultPrevented;
"""
"""Whether the page asks before it is left."""


def saved(folder: Path) -> Path:
    """Return the file that the page saved, when it is there."""
    for _ in range(100):
        found = [p for p in folder.glob("*.json") if p.name != "sheet.json" and p.stat().st_size]
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError("nothing was saved")


def test_a_filled_page_saves_the_document(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """With what stands in each blank as it was typed, null where nothing does."""
    arguments = ["worksheet", "3-2-2", "--sheet", "gradient", "--seed", "7", "--quiet", "--save"]
    for name in ("sheet.html", "sheet.json"):
        assert run([*arguments, str(tmp_path / name)]) == 0
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
    )
    browser.get((tmp_path / "sheet.html").as_uri())
    expected = json.loads((tmp_path / "sheet.json").read_text(encoding="utf-8"))
    blanks = browser.find_elements(By.CSS_SELECTOR, "[data-answer]")
    names = [blank.get_attribute("data-answer") for blank in blanks]
    assert sorted(map(str, names)) == sorted(expected["data"]["answers"])
    for blank in blanks:
        name = str(blank.get_attribute("data-answer"))
        assert blank.accessible_name == name
        if name != "loss":
            expected["data"]["answers"][name] = f"-{len(name)}/3"
            blank.send_keys(f" -{len(name)}/3")
    assert browser.find_element(By.ID, "filled").text == "20 of 21 blanks are filled in"
    for field, key, words in (
        ("Name", "pupil", "Ada </script> Lovelace"),
        ("Date", "date", "3 May"),
    ):
        browser.find_element(By.CSS_SELECTOR, f"[data-field={field}]").send_keys(words)
        expected["data"][key] = words
    assert browser.execute_script(LEAVING) is True
    browser.find_element(By.ID, "save").click()
    file = saved(downloads)
    assert browser.execute_script(LEAVING) is False
    assert file.name == "Ada-script-Lovelace-worksheet-3-2-2-gradient-JQ6G-GBVA.json"
    assert json.loads(file.read_text(encoding="utf-8")) == expected
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium's


def test_a_reload_loses_nothing(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """What is typed in stays in the tab, and the page still asks before it is left."""
    page = tmp_path / "sheet.html"
    assert run(["worksheet", "2-2", "--save", str(page), "--quiet"]) == 0
    browser.get(page.as_uri())
    for selector in ("[data-answer]", "[data-field=Name]"):
        browser.find_element(By.CSS_SELECTOR, selector).send_keys("12")
    browser.refresh()
    kept = (
        "return ['[data-answer]', '[data-field=Name]'].map((s) => document.querySelector(s).value)"
    )
    # a busy machine hands back what the tab has kept a little later
    WebDriverWait(browser, 20).until(lambda b: b.execute_script(kept) == ["12", "12"])
    assert browser.find_element(By.ID, "filled").text == "1 of 2 blanks are filled in"
    assert browser.execute_script(LEAVING) is True
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium's


PAGE = re.compile(rb"/Type\s*/Page\b")


@pytest.mark.parametrize(
    ("problem", "most"),
    [
        (("3-2-2", "--sheet", "forward"), 1),
        (("3-2-2", "--sheet", "step"), 1),
        (("3-2-2", "--sheet", "gradient"), 2),
        (("3-2-2", "--sheet", "all"), 2),
        (("2-2-2", "--sheet", "all"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_printed_sheet_has_no_page_with_a_line(
    browser: webdriver.Chrome, tmp_path: Path, problem: tuple[str, ...], most: int
) -> None:
    """As many pages of paper as its work takes."""
    path = tmp_path / "sheet.html"
    assert run(["worksheet", *problem, "--seed", "7", "-q", "--save", str(path)]) == 0
    browser.get(path.as_uri())
    assert printed_pages(browser) == most


@pytest.mark.parametrize("answers", [(), ("--answers",)])
@pytest.mark.parametrize("kind", ["forward", "gradient"])
def test_each_sheet_of_a_class_begins_a_page(
    browser: webdriver.Chrome, tmp_path: Path, kind: str, answers: tuple[str, ...]
) -> None:
    """The set has the pages of its sheets, one after the other; no field takes anything."""
    made = ("worksheet", "3-2-2", "--sheet", kind, *answers, "-q")
    expected = 0
    for seed in range(7, 12):
        path = tmp_path / f"{seed}.html"
        assert run([*made, "--seed", str(seed), "--save", str(path)]) == 0
        browser.get(path.as_uri())
        expected += printed_pages(browser)
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # what is of other pages
    path = tmp_path / "class.html"
    assert run([*made, "--seed", "7", "--class", "5", "--save", str(path)]) == 0
    browser.get(path.as_uri())
    assert printed_pages(browser) == expected >= 5
    fields = browser.find_elements(By.CSS_SELECTOR, "input")
    assert all(field.get_attribute("readonly") for field in fields)
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium's


def printed_pages(browser: webdriver.Chrome) -> int:
    """Return on how many pages of A4 the browser prints what it shows."""
    paper = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": True}
    made = browser.execute_cdp_cmd("Page.printToPDF", paper)
    return len(PAGE.findall(b64decode(made["data"])))

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.conftest import Run


def test_the_document(run: Run) -> None:
    """Names and numbers that programs rely on."""
    data = run("shapes", "3,5,4,2", "--batch", "3", "--json").data
    assert data["batch"] == [3]
    assert data["parameters"] == 54
    assert data["macs"] == 129
    assert data["layers"][0] == {
        "name": "fc1", "kind": "Linear", "input": [3, 3], "weight": [5, 3], "bias": [5],
        "output": [3, 5], "parameters": 20, "macs": 45, "flops": 105, "parameter_bytes": 80,
        "output_bytes": 60,
    }  # fmt: skip


def test_the_csv(run: Run) -> None:
    """One row per layer, shapes written 3x5."""
    rows = list(csv.DictReader(io.StringIO(run("shapes", "3-5-2", "-f", "csv").out)))
    assert [row["weight"] for row in rows] == ["5x3", "2x5"]


def test_huge_counts_are_exact_and_a_warning_says_who_rounds_them(run: Run) -> None:
    """10^12 squared is written as an integer."""
    document = run("shapes", "1000000000000-1000000000000", "--json").document
    assert document["data"]["parameters"] == 10**24 + 10**12
    assert "jq" in document["warnings"][0]


@pytest.mark.parametrize("ending", [".json", ".md", ".csv", ".svg", ".html", ".txt"])
def test_the_report_is_saved_by_its_ending(run: Run, tmp_path: Path, ending: str) -> None:
    """Every ending gives a file, beside the page on stdout; nothing in it loads from elsewhere."""
    target = tmp_path / f"report{ending}"
    result = run("shapes", "3-5-4-2", "--save", target)
    assert result.status == 0
    assert "Shapes of 3" in result.out
    saved = target.read_text(encoding="utf-8")
    assert "fc2" in saved
    assert not re.search("http(?!://www.w3.org|-equiv=)", saved)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("ending", [".svg", ".html", ".txt"])
def test_a_picture_is_as_wide_as_its_numbers(run: Run, tmp_path: Path, ending: str) -> None:
    """Counts of 80 digits are not cut at the edge."""
    target = tmp_path / f"report{ending}"
    widths = "-".join([str(10**15)] * 4)
    run("shapes", widths, "--batch", "1000000000000,1000000000000", "--save", target)
    macs = f"{3 * 10**30 * 10**24:,}"
    assert macs in target.read_text(encoding="utf-8")


def test_a_file_is_replaced_only_by_force(run: Run, tmp_path: Path) -> None:
    """An existing file is kept unless --force is given."""
    target = tmp_path / "report.json"
    target.write_text("mine", encoding="utf-8")
    refused = run("shapes", "3-2", "--save", target)
    assert refused.status == 74
    assert "--force" in refused.err
    assert refused.out == ""
    assert target.read_text(encoding="utf-8") == "mine"
    assert run("shapes", "3-2", "--save", target, "--force").status == 0
    assert json.loads(target.read_text(encoding="utf-8"))["ok"] is True


def test_two_formats_exclude_each_other(run: Run) -> None:
    """--json beside another --format is refused."""
    result = run("shapes", "3-5", "--json", "--format", "csv")
    assert result.status == 2
    assert "--json and --format csv cannot be combined" in result.err


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (("3-0-2",), 2, "width 0 at position 2"),
        (("3--5",), 2, "position 2"),
        (("",), 2, "empty"),
        (("abc",), 2, "'abc'"),
        (("3-5", "junk"), 2, "junk"),
        (("3-5", "--batch", "x"), 2, "invalid batch 'x'"),
        (("3-5", "--batch", "-1"), 2, "invalid batch '-1'"),
        (("3-5", "--activation", "rleu"), 2, "did you mean 'relu'"),
        (("3-5", "--dtype", "float31"), 2, "did you mean 'float32'"),
        (("3-5", "--precision", "18"), 2, "at most 17"),
        (("3-5", "--format", "yaml"), 2, "text, json, csv, md"),
        (("3-5", "--save", "/nowhere/at/all.json"), 74, "/nowhere/at"),
        (("3-5", "--save", "report.docx"), 2, "'.docx'"),
        ((), 2, "WIDTHS"),
    ],
)
def test_bad_input_is_one_clear_line(
    run: Run, arguments: tuple[str, ...], status: int, named: str
) -> None:
    """A refusal names the value, leaves stdout empty, and is JSON on stderr under --json."""
    result = run("shapes", *arguments)
    assert (result.status, result.out) == (status, "")
    assert result.err.startswith("fcinspect: ")
    assert result.err.count("\n") == 1
    assert named in result.err
    as_json = run("shapes", *arguments, "--json")
    error = json.loads(as_json.err)["error"]
    assert error["exit_code"] == as_json.status == status
    assert named in error["message"] + (error["hint"] or "")
    assert as_json.out == ""

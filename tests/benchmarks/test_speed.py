"""Start-up and single commands as ratios: python -m pytest tests/benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import cases, diff_cases, scan_cases
from tests.benchmarks.cases import Case


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the cases read."""
    made = tmp_path_factory.mktemp("benchmarks")
    cases.prepare(made)
    scan_cases.prepare(made)
    diff_cases.prepare(made)
    return made


@pytest.mark.parametrize(
    "case",
    [*cases.CASES, *scan_cases.SCAN_CASES, *diff_cases.DIFF_CASES],
    ids=lambda case: f"{case.name} / {case.against}",
)
def test_a_command_costs_no_more_than_its_yardstick_allows(case: Case, folder: Path) -> None:
    """The median of paired ratios stays below the limit, and so does the memory."""
    found = case.measure(folder)
    assert found.ratio <= case.most
    if case.most_seconds is not None:
        assert found.seconds - found.yardstick_seconds <= case.most_seconds
    if case.most_bytes is not None:
        assert found.peak_bytes <= case.most_bytes

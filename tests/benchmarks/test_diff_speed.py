"""Comparing checkpoints as ratios: python -m pytest tests/benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.cases import Case
from tests.benchmarks.diff_cases import DIFF_CASES, prepare


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that are compared."""
    made = tmp_path_factory.mktemp("benchmarks")
    prepare(made)
    return made


@pytest.mark.parametrize("case", DIFF_CASES, ids=lambda case: case.name)
def test_comparing_costs_less_than_a_script(case: Case, folder: Path) -> None:
    """The median of paired ratios stays below the limit, and so does the memory."""
    found = case.measure(folder)
    assert found.ratio <= case.most
    assert case.most_bytes is not None
    assert found.peak_bytes <= case.most_bytes

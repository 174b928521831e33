"""What the end of a run says."""

from __future__ import annotations

from collections import Counter

from tests.conftest import SLOW, skips


def test_skips_are_explained_in_one_line() -> None:
    """What is slow, what is lacking, and what is no case at all."""
    reasons = Counter({SLOW: 700, "needs onnx (.[cases])": 4, "numpy has no bfloat16": 8, "x": 1})
    assert skips(reasons) == (
        "713 skipped: 700 slow (--run-slow runs them),"
        " 4 for which this machine needs onnx (.[cases]),"
        " 9 cases that do not exist (-rs lists them)"
    )
    assert skips(Counter({SLOW: 2})) == "2 skipped: 2 slow (--run-slow runs them)"

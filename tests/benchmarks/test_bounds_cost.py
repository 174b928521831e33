"""What a verdict costs, as ratios in one run: python -m pytest tests/benchmarks."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from fcinspect.rounding.dot import check_products

ROWS, WIDTH = 256, 1024
RUNS = 15


def seconds(work: Callable[[], object]) -> float:
    """Return how long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def paired_ratio(work: Callable[[], object], yardstick: Callable[[], object]) -> float:
    """Return the median of ratios of runs that follow one another."""
    work()
    yardstick()
    return float(np.median([seconds(work) / seconds(yardstick) for _ in range(RUNS)]))


def test_a_verdict_costs_few_matrix_products() -> None:
    """256×1024² in float32: at most 4 float64 products of that size, and 5 times the operands."""
    random = np.random.default_rng(0)
    x, w, b = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((ROWS, WIDTH), (WIDTH, WIDTH), (WIDTH,))
    )
    y = x @ w.T + b
    wide_x, wide_w = x.astype(np.float64), w.astype(np.float64)
    ratio = paired_ratio(lambda: check_products(x, w, b, y, "float32"), lambda: wide_x @ wide_w.T)
    assert ratio <= 4, ratio
    tracemalloc.start()
    check_products(x, w, b, y, "float32")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 5 * sum(part.nbytes for part in (x, w, b, y)), peak


def test_float64_is_no_slower_than_compensated_sums() -> None:
    """Slices give twice float64's precision in a fraction of the time of dot2."""
    from fcinspect.rounding.exact import dot2

    random = np.random.default_rng(0)
    x, w = random.standard_normal((128, 1024)), random.standard_normal((256, 1024))
    y = x @ w.T
    ratio = paired_ratio(lambda: check_products(x, w, None, y, "float64"), lambda: dot2(x, w))
    assert ratio <= 0.5, ratio

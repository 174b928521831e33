"""Layers are small here: torch's threads would mostly wait for each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let torch compute in one thread; with --run-slow in as many as it takes by itself."""
    before = torch.get_num_threads()
    if not request.config.getoption("--run-slow"):
        torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

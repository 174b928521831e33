"""Fixtures: a process that has imported torch, for those that run foreign code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.cli.prepared import Prepared


@pytest.fixture(scope="session")
def _imported() -> Iterator[Prepared | None]:
    if not _are_watched():
        yield None
        return
    process = Prepared()
    yield process
    process.close()


def _are_watched() -> bool:
    """Whether the end of a process can be waited for by its descriptor, as on Linux since 5.3."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


@pytest.fixture
def prepared(_imported: Prepared | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let foreign code run in copies of one process, which import torch no more; on Linux."""
    if _imported is not None:
        names = SimpleNamespace(
            Popen=_imported, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
        )
        monkeypatch.setattr("fcinspect.bridge.channel.subprocess", names)

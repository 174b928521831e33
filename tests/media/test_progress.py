from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from fcinspect.media.progress import tracked


def test_every_item_comes_in_order_and_stdout_stays_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal the count is shown on stderr, once the work takes longer."""
    monkeypatch.setattr("fcinspect.media.progress.PATIENCE", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(tracked(range(50), 50, "steps")) == list(range(50))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "steps" in captured.err


def test_a_pipe_gets_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """stderr that is no terminal stays empty."""
    assert list(tracked(iter("abc"), 3, "letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_what_goes_wrong_in_the_work_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the items is not swallowed by the display."""
    monkeypatch.setattr("fcinspect.media.progress.PATIENCE", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        list(tracked(broken(), 9, "steps"))

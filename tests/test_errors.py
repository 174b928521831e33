from __future__ import annotations

import pytest

from fcinspect.errors import LONGEST_MESSAGE, FcinspectError, brief


@pytest.mark.parametrize("length", [0, 1, LONGEST_MESSAGE])
def test_a_message_of_sane_length_is_whole(length: int) -> None:
    """Nothing is left out of it."""
    assert brief("x" * length) == "x" * length


@pytest.mark.parametrize("length", [LONGEST_MESSAGE + 1, 10**6])
def test_what_is_left_out_of_a_long_message_is_counted(length: int) -> None:
    """The beginning and the end are kept, and the numbers of characters add up."""
    error = FcinspectError("a" * (length - 5) + "b" * 5, hint="h" * length)
    first, count, last = error.message.partition(" … ")[0], *error.message.split(" … ")[1:]
    assert len(first) + int(count.split()[0]) + len(last) == length
    assert error.message.endswith("bbbbb")
    assert error.hint is not None
    assert len(error.message) < LONGEST_MESSAGE > len(error.hint)
    assert str(error) == error.message

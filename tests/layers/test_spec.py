from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.errors import SpecError
from fcinspect.layers.spec import LARGEST_WIDTH, format_widths, parse_widths


@pytest.mark.parametrize(
    "text",
    ["3-5-4-2", "3,5,4,2", "3 -> 5 -> 4 -> 2", "3->5->4->2", "3 → 5 → 4 → 2", " 3 - 5 - 4 - 2 ",
     "3, 5, 4, 2", "03-5-4-2"],
)  # fmt: skip
def test_every_way_to_write_a_network_means_the_same(text: str) -> None:
    """Dashes, commas and arrows name the same widths."""
    assert parse_widths(text) == (3, 5, 4, 2)


def test_a_single_layer_is_a_network() -> None:
    """Two widths are one layer."""
    assert parse_widths("4-2") == (4, 2)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("3-0-2", "width 0 at position 2 of '3-0-2'"),
        ("3--5", "missing at position 2 of '3--5'"),
        ("3-5-", "missing at position 3 of '3-5-'"),
        ("-3-5", "missing at position 1 of '-3-5'"),
        ("3-5.5-2", "width '5.5' at position 2 of '3-5.5-2'"),
        ("abc", "width 'abc' at position 1"),
        ("3-5 junk", "width '5 junk' at position 2"),
        ("3-5,2", "mixed"),
        ("7", "one width"),
        ("1_0-2", "'1_0'"),
        ("1e3-2", "'1e3'"),
        ("٣-5", "'٣'"),
        ("²-5", "'²'"),
        ("3-9999999999999999999999", "position 2"),
    ],
)
def test_a_faulty_specification_is_named(text: str, named: str) -> None:
    """The message names the faulty width, its place and the expected form."""
    with pytest.raises(SpecError) as caught:
        parse_widths(text)
    assert named in caught.value.message


@given(
    st.lists(st.integers(1, LARGEST_WIDTH), min_size=2, max_size=9),
    st.sampled_from(["-", ",", " -> ", "→", " , "]),
)
def test_parsing_undoes_writing(widths: list[int], separator: str) -> None:
    """parse after format gives the widths back, whatever the separator."""
    assert parse_widths(separator.join(map(str, widths))) == tuple(widths)
    assert parse_widths(format_widths(tuple(widths))) == tuple(widths)


@given(st.text(max_size=30))
def test_any_text_is_served_or_refused(text: str) -> None:
    """No text makes the parser fail in another way."""
    try:
        widths = parse_widths(text)
    except SpecError:
        return
    assert len(widths) >= 2
    assert all(width >= 1 for width in widths)

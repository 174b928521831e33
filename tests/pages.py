"""Whether two pages say the same: words and numbers in order, whatever this CPU's last digits.

Sums of products differ in the last place from one processor to the next, and with them every digit
that says how near a result is to the exact one, the width of the column it stands in and where a
sentence is wrapped. So pages are compared by blocks, the lines between two blank ones:

- words, signs and short numbers are the same, one after the other;
- of a number with six decimals or more, four digits hold;
- the part of a bound that an error takes, and the sentence on it, are only held to their form;
- where all numbers are the same, blanks and line ends are the same, too.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise

from syrupy.extensions.amber import AmberSnapshotExtension
from syrupy.types import SerializableData

LEFT_OUT = "[…]"
"""Stands for any number of lines."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_LONG = re.compile(r"-?\d+\.\d{6,}(?:e[+-]?\d+)?")
_TOKEN = re.compile(rf"{_NUMBER.pattern}|[^\W\d]+|─+|\S")
_SHARE = r"[\d.e+-]+ %"
_FORMS = [
    (re.compile(r"\b(torch|numpy) \d\S*?(?=[:,; )]|$)"), r"\1 VERSION"),
    (re.compile(r"(torch's own,) \d+"), r"\1 COUNT"),
    (re.compile(r"(returned (\S+)), which is the exact sum(: within bound)"), r"\1, exact \2\3"),
    (
        re.compile(
            r"(returned \S+?)(?:, the \w+ nearest to the exact|, one of two \w+ equally near to the"
            rf" exact|; the exact sum is) (\S+?)…? \S+ ulp apart, {_SHARE} of what rounding can"
            r" explain(: within bound)"
        ),
        r"\1, exact \2\3",
    ),
    (re.compile(rf"(within bound); nearest to its bound is [Yy]\[[\d,]+\], at {_SHARE}"), r"\1"),
    (re.compile(rf"(?<!\S)(?:exact|{_SHARE}) (?=within bound)"), "SHARE "),
]
"""What the last digits decide, each in the one form that stands for all of its kind."""
_MORE_OR_FEWER_LINES = 2
"""So many the wrapping of sentences makes at most."""


def same_page(expected: str, page: str) -> bool:
    """Whether two pages say the same."""
    ours, theirs = _blocks(expected), _blocks(page)
    return len(ours) == len(theirs) and all(map(_same_block, ours, theirs))


def same_with_gaps(expected: list[str], lines: list[str]) -> bool:
    """Whether the lines are the expected ones, LEFT_OUT standing for any number of lines."""
    gaps = [-1, *(k for k, line in enumerate(expected) if line == LEFT_OUT), len(expected)]
    parts = [expected[after + 1 : before] for after, before in pairwise(gaps)]
    ends = {0}
    for number, part in enumerate(parts):
        starts = ends if number == 0 else set(range(min(ends), len(lines) + 1))
        ends = {end for start in starts for end in _ends_of(part, start, lines)}
        if not ends:
            return False
    return len(lines) in ends or parts[-1] == []


class Pages(AmberSnapshotExtension):
    """Snapshots of pages: as printed where they were taken, compared by what they say."""

    def matches(
        self, *, serialized_data: SerializableData, snapshot_data: SerializableData
    ) -> bool:
        """Whether the page says what the snapshot does."""
        return same_page(str(snapshot_data), str(serialized_data))


def _ends_of(part: list[str], start: int, lines: list[str]) -> list[int]:
    if not part:
        return [start]
    shortest = max(start + len(part) - _MORE_OR_FEWER_LINES, start)
    longest = min(start + len(part) + _MORE_OR_FEWER_LINES, len(lines))
    wanted = "\n".join(part)
    return [
        end
        for end in range(shortest, longest + 1)
        if same_page(wanted, "\n".join(lines[start:end]))
    ]


def _blocks(page: str) -> list[str]:
    return re.split(r"\n[ ]*(?=\n)", page)


def _same_block(expected: str, block: str) -> bool:
    if expected == block:
        return True
    if _tokens(expected) == _tokens(block):
        return False  # blanks or line ends differ, and no number is the reason
    ours, theirs = _tokens(_in_form(expected)), _tokens(_in_form(block))
    return len(ours) == len(theirs) and all(map(_same_token, ours, theirs))


def _tokens(text: str) -> list[str]:
    return ["─" if token[0] == "─" else token for token in _TOKEN.findall(text)]


def _in_form(block: str) -> str:
    text = " ".join(block.split())
    for pattern, form in _FORMS:
        text = pattern.sub(form, text)
    return text


def _same_token(expected: str, token: str) -> bool:
    if expected == token:
        return True
    if not (_NUMBER.fullmatch(expected) and _NUMBER.fullmatch(token)):
        return False
    if not (_LONG.fullmatch(expected) or _LONG.fullmatch(token)):
        return False
    return math.isclose(float(expected), float(token), rel_tol=1e-4)

"""One pattern of a message: its regular expression, its loose form, and the words it needs."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from fcinspect.diagnosis.catalogue import loosening

HOLES = {
    "int": r"\d+",
    "digit": r"\d",
    "number": r"-?\d+",
    "word": r"\w+",
    "dotted": r"[\w.]*\w",
    "text": r"\S+",
    "quoted": r"[^']+",
    "shape": r"[\d, ]+",
    "sizes": r"[\d, ]*",
    "array": r"\((?:\d+(?:, ?\d+)*,?)?\)",
    "dtype": r"(?:unsigned |signed |long |short |struct |class )?"
    r"[A-Za-z_](?:[\w.:<>]*[\w>])?(?: int)?",
    "scalar": r"(?:Float|Double|Half|BFloat16|Int|Short|Char|Byte|Bool|Long)",
    "loss": r"\w*Loss",
    "layer": r"(?:Linear|Sequential|Conv[123]d|Embedding|LSTM|GRU|RNN|ReLU|LayerNorm|"
    r"BatchNorm[123]d|Dropout|Softmax|\w*Net\w*|\w*Model\w*|\w*MLP\w*)",
    "device": r"(?:cpu|cuda|mps|xpu|hpu|xla|npu|meta|privateuseone|gpu)(?::\d+)?",
}
"""What {name:type} in a pattern matches; an array is a shape as numpy writes it: (3,4), ()."""
HOLE = re.compile(r"\{(\w*):([a-z]+)\}")
TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<\w+>| +|.")
"""The parts of a regular expression."""
PRIVATE = 0xE000
"""The first character that means nothing."""


class Wording(NamedTuple):
    """One pattern of a message."""

    markers: tuple[str, ...]
    """Words that stand in every such message, with single blanks."""
    pattern: str
    """As it is written, behind "? " or "~ "."""

    @property
    def regex(self) -> str:
        """What is searched, with re.DOTALL."""
        text = self.pattern[2:]
        return _literal(text) if self.pattern[0] == "?" else _expression(text)

    @property
    def loose(self) -> re.Pattern[str]:
        """What is searched where no pattern matches the text as it stands: see loosening.py."""
        text = self.pattern[2:]
        if self.pattern[0] == "?":
            holes = [*HOLE.finditer(text)]
            between = [re.escape(words) for words in HOLE.split(text)[::3]]
            text = "".join(
                words + hole
                for words, hole in zip(between, (*(hole[0] for hole in holes), ""), strict=True)
            )
        return loosening.loosened(text, tuple(HOLES.items()))

    @property
    def telling(self) -> bool:
        """Whether its markers are long enough to be searched in squashed text."""
        return _telling(self)

    @property
    def squashed(self) -> tuple[tuple[str, str], ...]:
        """The markers as squashed text, with and without articles."""
        return _squashed(self)


@cache
def _squashed(wording: Wording) -> tuple[tuple[str, str], ...]:
    return tuple(loosening.squashed(marker) for marker in wording.markers)


@cache
def _telling(wording: Wording) -> bool:
    words = loosening.squashed(HOLE.sub(" ", wording.pattern[2:]))[0]
    longest = max(len(marker) for marker, _ in _squashed(wording))
    return longest >= (6 if len(words) >= 20 else loosening.LEAST_LETTERS)


def words_of(pattern: str) -> list[str]:
    """Return the words that a regular expression cannot do without, those in brackets left out.

    Where it has alternatives outside of brackets, there are none.
    """
    # what is escaped stands for itself, and is no sign of the expression
    plain = re.sub(r"\\(\W)", lambda sign: chr(ord(sign[1]) + PRIVATE), pattern)
    plain = re.sub(r"\[\^?\]?[^\]]*\]", ".", plain)
    before = ""
    while plain != before:
        before = plain
        plain = re.sub(r"\([^()]*\)", ".", before)
    if "|" in plain:
        return []
    plain = re.sub(r"(?:\\.|[^\\])(?:[?*+]|\{[\d,]+\})\??|\\\w", ".", plain)
    runs = re.split(r"[.^$]", plain)
    return [re.sub(r"[\uE000-\uF8FF]", lambda c: chr(ord(c[0]) - PRIVATE), run) for run in runs]


def _hole(name: str, kind: str) -> str:
    return f"(?P<{name}>{HOLES[kind]})" if name else f"(?:{HOLES[kind]})"


def _literal(pattern: str) -> str:
    texts = HOLE.split(pattern)
    # re.escape writes a blank as "\ "
    words = [re.sub(r"(?:\\ )+", r"\\s+", re.escape(text)) for text in texts[::3]]
    holes = [_hole(*texts[place : place + 2]) for place in range(1, len(texts), 3)]
    return "".join(word + hole for word, hole in zip(words, (*holes, ""), strict=True))


def _expression(pattern: str) -> str:
    """Return the regular expression with blanks that match any blanks."""
    parts = TOKEN.findall(HOLE.sub(lambda hole: _hole(hole[1], hole[2]), pattern))
    for place, part in enumerate(parts):
        if part[0] == " ":
            quantified = parts[place + 1 : place + 2] in (["?"], ["*"], ["+"], ["{"])
            parts[place] = r"\s" if quantified else r"\s+"
    return "".join(parts)

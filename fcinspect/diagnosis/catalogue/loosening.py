r"""A pattern of the catalogue in a loose form, for a message that was retyped, quoted or broken.

Letters and digits must stand in the text as in the pattern, of whatever case; anything else may
stand between two of them, or be missing: blanks, line breaks, quotes, brackets, the edges of a box.
So `shapes cannot be multiplied \({a:int}x{b:int}` is found in "Shapes can not be multiplied 4×3",
and the groups are those of the pattern. Articles may be missing or added.

Whether that is worth trying is asked of squashed text, which holds letters and digits only.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import dropwhile, groupby
from typing import NamedTuple

ARTICLES = re.compile(r"\b(?:the|an?)\b")
NO_LETTER = re.compile(r"[\W_]+")
LEAST_LETTERS = 9
"""A shorter marker stands in too many texts that say something else."""

BETWEEN = r"[\W_]*+"
OPENING = r"[\s│|'\"`‘’“”,;:.()\[\]{}\\!=>]*+"
"""What may stand before a value; a value may begin with any other sign."""
BREAK = r"[ \t│|>]*\n[ \t│|>]*"
"""The end of a line in a box or quotation, and the beginning of the next."""
BROKEN = re.compile(rf"(?<=\d){BREAK}(?=\d)")
TIMES = r"[\s│]*(?:[xX×✕*]|by\b)[\s│]*"
SIZES = r"\d+(?:[\s,;xX×*│]+\d+)*"
NO_QUOTE = r"[^\s'\"`‘’“”]"
HOLES = {
    "int": rf"(?:\d+(?:{BREAK}\d+)+(?=\s*[xX×*,)\]])|\d+(?:{BREAK}\d+)*?)",
    "dotted": r"\w(?:[\w.]*\w)?",
    "text": r"[^\s,;]+",
    "quoted": rf"{NO_QUOTE}+(?: {NO_QUOTE}+)*?",
    "shape": SIZES,
    "sizes": rf"(?:{SIZES})?",
    "array": rf"(?:\(\s*(?:{SIZES})?,?\s*\)|{SIZES})",
    "dtype": r"(?:(?:unsigned|signed|long|short|struct|class)\s)?(?:(?:c10|at)\s*:\s*:\s*)?"
    r"[A-Za-z_](?:[\w.:<>]*[\w>])?(?: int)?",
}
"""What a {name:type} matches here where it is not what it matches elsewhere."""
TOKEN = re.compile(
    r"\{(?P<name>\w*):(?P<hole>[a-z]+)\}"
    r"|(?P<behind>\(\?<[=!](?:\\.|[^()\\])*\))"
    r"|(?P<group>\((?:\?(?:P<\w+>|[:=!]))?)|(?P<close>[)|])"
    r"|(?P<kind>\[\^?\]?(?:\\.|[^\]\\])*\]|\\[dDwS])"
    r"|(?P<quantity>[?*+]\??|\{\d*(?:,\d*)?\}\??)"
    r"|(?P<end>\$|\\Z)|(?P<start>\^|\\[AsntrW])|(?P<edge>\\[bB])|(?P<any>\.)"
    r"|\\?(?P<letter>[^\W_])|(?P<sign>\\?.)"
)
LINE_END = r"(?=[\W_]*(?:\n|\Z))"


class Part(NamedTuple):
    """One part of a pattern."""

    kind: str
    """letter, sign, times, value, group or close"""
    text: str
    quantity: str
    named: bool
    """Whether it stands in a group with a name."""


def squashed(text: str) -> tuple[str, str]:
    """Return the letters and digits of a text in lower case, with and without articles."""
    lower = text.lower()
    return NO_LETTER.sub("", lower), NO_LETTER.sub("", ARTICLES.sub("", lower))


def whole(value: str) -> str:
    """Return what a group of a loose pattern matched as it would stand on one line."""
    value = BROKEN.sub("", value).replace("│", " ").strip()
    return re.sub(r"\s*:\s*:\s*", "::", value)


@cache
def loosened(pattern: str, holes: tuple[tuple[str, str], ...] = ()) -> re.Pattern[str]:
    """Return the loose form of a regular expression with holes, of the types given."""
    parts = _parts(pattern, dict(holes) | HOLES)
    written = []
    for place, part in enumerate(parts):
        before = parts[place - 1].kind if place else ""
        written.append(_written(part, before, *_following(parts, place)))
    start = r"(?<![^\W\d_])" if parts and parts[0].kind == "letter" else ""
    return re.compile(start + "".join(written), re.DOTALL | re.IGNORECASE)


def _parts(pattern: str, holes: dict[str, str]) -> list[Part]:
    parts: list[Part] = []
    groups: list[bool] = []
    for token in TOKEN.finditer(pattern):
        kind, text = token.lastgroup or "", token[0]
        if kind == "quantity":
            parts[-1] = parts[-1]._replace(quantity=text)
            continue
        if kind == "hole":
            text = holes[token["hole"]]
            text = f"(?P<{token['name']}>(?-i:{text}))" if token["name"] else f"(?-i:{text})"
        elif kind == "group":
            groups.append(text.startswith("(?P<") or any(groups))
        elif kind == "letter":
            text = token["letter"]
        elif kind == "end":
            text = LINE_END
        named = bool(groups) and groups[-1]
        if text == ")":
            groups.pop()
        parts.append(Part(*_kind(kind, text), "", named))
    return _without_articles(_with_times(parts))


def _kind(kind: str, text: str) -> tuple[str, str]:
    """Return which kind of part a token is, and its text."""
    if kind in ("letter", "group", "close"):
        return kind, text
    if kind in ("sign", "start"):
        return "sign", ""
    if kind != "kind":
        return "value", text
    if re.match(text, "x") and re.match(text, "×"):
        return "times", text
    if not any(re.match(text, letter) for letter in "aA0xX_"):
        return "sign", ""
    if re.match(text, "x") and re.match(text, "1") and not re.match(text, "a"):
        text = f"[{text[1:-1]}xX×* ]"
    return "value", f"(?-i:{text})"


def _with_times(parts: list[Part]) -> list[Part]:
    """Return the parts with each x between two values as what may stand for it."""
    found = []
    for place, part in enumerate(parts):
        around = [_near(parts, place, step) for step in (-1, 1)]
        between = part.text in ("x", "X") and not {"letter", ""} & set(around)
        found.append(part._replace(kind="times") if between else part)
    return found


def _without_articles(parts: list[Part]) -> list[Part]:
    """Return the parts with single signs, of which those that stand for an article know it."""
    found: list[Part] = []
    for word, run in groupby(parts, lambda part: part.kind == "letter" and not part.quantity):
        known = list(run)
        if word and ARTICLES.fullmatch("".join(part.text for part in known).lower()):
            known = [Part("sign", "article", "", known[0].named)]
        for part in known:
            if part.kind != "sign" or not found or found[-1].kind != "sign":
                found.append(part)
            else:
                found[-1] = part if part.text or not part.quantity else found[-1]
    for _ in range(2):
        found = list(dropwhile(lambda part: part.kind == "sign", reversed(found)))
    return found


def _near(parts: list[Part], place: int, step: int) -> str:
    """Return the kind of the nearest part that is no sign, "" at an end."""
    place += step
    while 0 <= place < len(parts) and parts[place].kind == "sign":
        place += step
    return parts[place].kind if 0 <= place < len(parts) else ""


def _following(parts: list[Part], place: int) -> tuple[str, str]:
    """Return the kinds of the next part and of the next that opens no group."""
    following = [part.kind for part in parts[place + 1 : place + 9]]
    return (following or [""])[0], next((kind for kind in following if kind != "group"), "")


def _written(part: Part, before: str, following: str, inside: str) -> str:
    """Return a part with what may stand behind it."""
    gap = BETWEEN if inside == "letter" else OPENING
    if part.kind == "sign":
        article = inside == "letter" or part.text
        if before in ("value", "close") and inside == "value" and not part.quantity:
            gap = gap.replace("*+", "++")  # 34 is not 3 and 4
        return gap + (f"(?:(?:the|an?)(?![^\\W_]){gap})?" if article else "")
    if part.kind == "times":
        return TIMES
    if part.kind != "letter":
        return part.text + part.quantity
    letter = f"(?-i:{part.text})" if part.named else part.text
    lead = BETWEEN if before in ("value", "close") and not part.named else ""
    if following in ("sign", "") or (part.named and following == "close"):
        gap = ""
    if part.quantity:
        return f"{lead}(?:{letter}{gap}){part.quantity}"
    return f"{lead}{letter}{gap}"

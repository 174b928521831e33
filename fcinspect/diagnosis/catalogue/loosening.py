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
from string import ascii_letters, digits
from typing import NamedTuple

ARTICLES = re.compile(r"\b(?:the|an?)\b")
NO_LETTER = re.compile(r"[\W_]+")
LEAST_LETTERS = 9
"""A shorter marker stands in too many texts that say something else."""

BETWEEN = r"[\W_]{0,160}+"
OPENING = r"[^\w*×✕-]{0,160}+"
"""What may stand before a value; a value may begin with any other sign."""
NARROW = r"[\s│'\"`(\[:]{0,160}+"
"""The same before a value that may be of signs only."""
BREAK = r"[ \t│|>]*\n[ \t│|>]*"
"""The end of a line in a box or quotation, and the beginning of the next."""
BROKEN = re.compile(rf"(?<=\d){BREAK}(?=\d)")
BLANKS = re.compile(r"[ \t]{2,}")
TIMES = r"[\s│]{0,80}(?:[xX×✕*]|by\b)[\s│]{0,80}"
SIZES = r"\d+(?:[\s,;xX×*│]+\d+)*"
NO_QUOTE = r"[^\s'\"`\u2018\u2019“”]"
HOLES = {
    "int": rf"(?:\d+(?:{BREAK}\d+)+(?=\s*[xX×*,)\]])|\d+(?:{BREAK}\d+)*?)",
    "dotted": r"\w(?:[\w.]*\w)?",
    "text": r"[^\s,;]+",
    "quoted": rf"{NO_QUOTE}+(?: {NO_QUOTE}+)*?",
    "shape": SIZES,
    "sizes": rf"(?:{SIZES})?",
    "array": rf"(?:\(\s*(?:{SIZES})?,?\s*\)|{SIZES})",
    "dtype": r"(?:(?:unsigned|signed|long|short|struct|class)\s+)?(?:(?:c10|at)\s*:\s*:\s*)?"
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
WORD = f"{ascii_letters}{digits}_"
VALUES = ("value", "free")
OPERATOR = re.compile(r"\\?[-+=<>]|\[[-+*/=<>@%]+\]")
NUMBER = re.compile(r"\??(?:\\d|\{\w*:int\})")
LINE_END = r"(?=[\W_]{0,160}(?:\n|\Z))"


class Part(NamedTuple):
    """One part of a pattern."""

    kind: str
    """letter, sign, times, value, free (a value that may be of signs only), group or close"""
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
    return re.sub(r"\s*:\s*:\s*", "::", BLANKS.sub(" ", value))


@cache
def loosened(pattern: str, holes: tuple[tuple[str, str], ...] = ()) -> re.Pattern[str]:
    """Return the loose form of a regular expression with holes, of the types given."""
    parts = _parts(pattern, dict(holes) | HOLES)
    parts = [_parted(parts, place) for place in range(len(parts))]
    written = []
    for place, part in enumerate(parts):
        touching = parts[place - 1].kind if place else ""
        written.append(_written(part, touching, *_following(parts, place)))
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
        elif text in ("-", r"\-") and NUMBER.match(pattern, token.end()):
            kind = "value"
        elif kind == "end":
            text = LINE_END
        named = bool(groups) and groups[-1]
        if text == ")":
            groups.pop()
        if kind in ("sign", "kind") and named and OPERATOR.fullmatch(text):
            kind = "operator"
        parts.append(Part(*_kind(kind, text, token["hole"]), "", named))
    return _without_articles(_with_times(parts))


def _kind(kind: str, text: str, hole: str | None) -> tuple[str, str]:
    """Return which kind of part a token is, and its text."""
    if kind in ("letter", "group", "close"):
        return kind, text
    if kind == "operator" or hole == "text":
        return "free", text
    if kind in ("sign", "start"):
        return "sign", ""
    if kind != "kind":
        return "value", text
    if re.match(r"\[[^^]", text) and re.match(text, "x") and re.match(text, "×"):
        return "times", text
    if re.fullmatch(r"\[([A-Z][a-z]|[a-z][A-Z])\]", text) and text[1].lower() == text[2].lower():
        return "letter", text[1]
    if not any(re.match(text, letter) for letter in WORD):
        return "sign", ""
    if text.startswith("[^"):
        return "free", f"(?-i:{text})"
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
                optional = found[-1].quantity if part.quantity else ""
                found[-1] = Part("sign", found[-1].text or part.text, optional, part.named)
    for _ in range(2):
        found = list(dropwhile(lambda part: part.kind == "sign", reversed(found)))
    return found


def _parted(parts: list[Part], place: int) -> Part:
    """Return a part; signs between two values must stand in the text: 34 is not 3 and 4."""
    part = parts[place]
    if part.kind == "sign" and not part.quantity and _following(parts, place)[1] in VALUES:
        before = next(
            (other.kind for other in reversed(parts[:place]) if other.kind != "close"), ""
        )
        return part._replace(quantity="+") if before in VALUES else part
    return part


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
    gap = {"letter": BETWEEN, "free": NARROW}.get(inside, OPENING)
    if part.kind == "sign":
        article = inside == "letter" or part.text
        if part.quantity == "+":
            gap = gap.replace("{0,", "{1,")
        return gap + (f"(?:(?:the|an?)(?![^\\W_]){gap})?" if article else "")
    if part.kind == "times":
        return TIMES
    if part.kind != "letter":
        return part.text + part.quantity
    letter = f"(?-i:{part.text})" if part.named else part.text
    lead = BETWEEN if before in (*VALUES, "close") and not part.named else ""
    if following in ("sign", "") or (part.named and following == "close"):
        gap = ""
    if part.quantity:
        return f"{lead}(?:{letter}{gap}){part.quantity}"
    return f"{lead}{letter}{gap}"

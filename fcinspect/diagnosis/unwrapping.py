"""A pasted text as the program wrote it, line by line.

People paste from terminals, notebooks, logs, issues and mails, each of which puts something around
the lines of a traceback, or breaks them: what is not the program's own goes.
"""

from __future__ import annotations

import re
from itertools import pairwise

HEAD = "Traceback (most recent call last)"
LOGGED = re.compile(r"\W*(?:DEBUG|INFO|WARN|ERROR|CRITICAL|FATAL|\d{4}-\d\d|\d\d:\d\d)")
"""How a line of a log begins."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")
PREFIX = re.compile(
    r"^[ \t]*(?:(?:"
    r"\[?rank ?\d+\]?:"
    r"|\[[A-Za-z_]+\d+\]:"  # torchrun: [default0]:
    r"|\[\d+,\d+\]<std(?:err|out)>:"  # mpirun
    r"|\([^()\n]{0,99}\bpid=\d+[^()\n]{0,99}\)"  # Ray: (RayTrainWorker pid=123, ip=10.0.0.1)
    r"|[\w.-]{1,99}[-_]\d+ +\|"  # docker compose: trainer-1  |
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"  # GitHub Actions, Kubernetes
    r"|\d+: "  # srun
    r"|\|"  # a group of exceptions
    r")[ \t]?)+",
    re.MULTILINE,
)
LEVEL = (
    r"\[?(?:DEBUG {0,4}|INFO {0,5}|WARN {0,5}|WARNING {0,2}|ERROR {0,4}|CRITICAL ?|FATAL {0,4}"
    r"|std(?:err|out))(?![A-Za-z])\]?"
)
STAMP = (
    r"(?:[IWEF]\d{4} |\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ]|\d\d/\d\d/\d{2,4} |[A-Z][a-z]{2} +\d{1,2} )?)"
    r"\d\d:\d\d:\d\d(?:[.,-]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?![\d:<])\]?"
)
LOGGER = re.compile(
    rf"^[ \t]{{0,40}}(?:{STAMP}(?: UTC)?|{LEVEL}(?=[ \t:|-]|(?<= )))(?:"
    rf"[ \t]*{LEVEL}(?=[ \t:|-]|(?<= ))"
    r"|[ \t]*\[(?![^\]\n]*Error)[^\]\n]{0,80}\]"  # [train.py:12]
    r"|[ \t]+[\w./-]{1,99}\.\w{1,3}:\d+(?:\]|(?=[ \t]+[-|]))"  # absl
    r"|[ \t]+[\w.]{1,99}(?::[\w<>]{1,99}:\d+)?(?=[ \t]+[-|])"  # loguru
    r"|[ \t]+\d+(?=[ \t]+\S+\])|:[\w.]{1,99}:(?!\d)|[ \t]*[-|:](?=[ \t]|$)"
    r")*(?:(?<=[ERNGOL] )|[ \t]?)",
    re.MULTILINE,
)
"""What a logger puts before a line: its time, its level, a name, a place."""
QUOTED = re.compile(r"^(?:[ \t]*>(?!>>).*(?:\n|\Z)){2,}", re.MULTILINE)
"""Lines of a quotation, as in a mail or an issue; the one that pytest marks stands alone."""
INNER = re.compile(r"^[ \t]*>(?!>>) .*$", re.MULTILINE)
"""A line of a quotation in a quotation."""
ALL_QUOTED = re.compile(r"(?:[ \t]*(?:>.*)?(?:\n|\Z))+")
LINKED = re.compile(r"^\[(?=[^\n]{1,200}\]\()([^\]\n]+)\]\(https?://[^()\s]{0,200}\)(?= in )", re.M)
"""A place in a notebook of Colab: its name is a link."""
ASCII_EDGE = re.compile(r"^(│ .*) \|[ \t]*$", re.MULTILINE)
MARK = re.compile(r"^[ \t]*> ?", re.MULTILINE)
MOST_QUOTED = 4
"""How deep quotations are."""
FENCE = re.compile(r"^[ \t]{0,40}(?:```+|~~~+)[ \t]*\w*[ \t]*$", re.MULTILINE)
EMPHASIS = re.compile(
    r"^([ \t]{0,40})[`*_]{1,3}(?=[\w.]*(?:Error|Exception|Warning)\b)", re.MULTILINE
)
RETYPED = str.maketrans(
    "\u2018\u2019\u201a\u201b“”„‟\u00a0\u202f",
    "''''" + '"' * 4 + "  ",
    "\u200b\u200c\u200d\ufeff\u2060",
)
"""What pages make of quotes and blanks, and what cannot be seen."""
ENTITY = re.compile(r"&(lt|gt|quot|apos|nbsp|#0?39|#x27|amp);")
ENTITIES = {"lt": "<", "gt": ">", "quot": '"', "nbsp": " ", "amp": "&"}
RECORD = re.compile(
    r'^[ \t]*(?:[\[{(]*b?"[^\n]*\\n[^\n]*["\]})]'
    r'|\{"[^\n]*"(?:message|msg|error|exception|exc_info|traceback|log|text)": ?"[^\n]*\})'
    r",?[ \t]*$",
    re.MULTILINE,
)
"""A line of JSON that holds lines, or a record of a log."""
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
ESCAPED = re.compile(
    r"^.*(?:Traceback \(most recent call last\):\\{1,3}n|\\n +File ).*$"
    r"|^\W{0,3}[\w.]*(?:Error|Exception|Warning): .*\\n.*$",
    re.MULTILINE,
)
"""A line that holds lines, without the quotes of JSON."""
ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|([nrt\"'/]))")
BOX = re.compile(r"(?:^[ \t]*│ .*│[ \t]*(?:\n|\Z))+", re.MULTILINE)
LID = re.compile(r"^[ \t]*[╭╰].*[╮╯][ \t]*$", re.MULTILINE)
EDGES = re.compile(r"^[ \t]*│ (.*?) *│[ \t]*$", re.MULTILINE)
BROKEN = re.compile(r"^([^\s❱│].*)\n(?: ?(in ))?(?=[^\s❱│])", re.MULTILINE)
"""A place in a box that was too long for one line: it goes on at the left edge."""
FUNCTION_NEXT = re.compile(r":\d+ in$")
MOST_PREFIX = 200
MOST_PREFIXES = 50
MOST_BOXES = 1000
BOTTOM = re.compile(r"^╰", re.MULTILINE)
"""A box that stands in no log."""
BEGINS = re.compile(
    r"[ \t]|(?:> )?File \"|Traceback|During handling|The above exception|\[Previous line|$"
    r"|[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit)\b(?!\()|[A-Za-z_][\w.]*:(?: |$)"
    rf"|\S.*\.py:\d+:|{LOGGED.pattern}|[$%#>] "
    r"|For debugging|Compile with|Exception raised"
)
"""How a line begins that does not go on with the one above it."""
CONTINUES = re.compile(r" \S|\w*(?:Error|Exception|Warning|Interrupt|Exit)\b")
"""Such lines go on with one that was broken in a word."""
UNUSUAL = re.compile(r"^(?:-+> ?\d|E  |>  |.*❱|╭|│)", re.MULTILINE)
"""Notebooks, pytest and boxes have lines of other forms."""
APOSTROPHE = re.compile(r"(?<=\w)'(?=[a-z])|(?<=s)'(?= )")
BLANK_LINES = re.compile(r"(\n[ \t]*\n)")
MOST_WRAPPED = 2**18
LEAST_WIDTH = 30
MOST_WIDTH = 240


def unwrapped(text: str) -> str:
    """Return the text as the program wrote it, line by line."""
    plain = _unescaped(text) if "\\n" in text or '{"' in text else text
    plain = ESCAPES.sub("", plain.replace("\r\n", "\n").replace("\r", "\n"))
    if not plain.isascii():
        plain = plain.translate(RETYPED)
    if "&" in plain:
        plain = ENTITY.sub(lambda sign: ENTITIES.get(sign[1], "'"), plain)
    plain = _unquoted(plain)
    plain = PREFIX.sub("", plain)
    if not BOTTOM.search(plain):
        plain = LOGGER.sub("", plain)
    if "](http" in plain:
        plain = LINKED.sub(r"\1", plain)
    if "❱" in plain:
        plain = ASCII_EDGE.sub(r"\1 │", plain)
        plain = _without_boxes(_as_the_head(plain))
    else:
        plain = _as_the_head(_without_edges(plain) if "│" in plain else plain)
    return rewrapped(plain)


def _unescaped(text: str) -> str:
    """Return the text with the line breaks that strings of JSON, or of Python, hold."""

    def sign(found: re.Match[str]) -> str:
        if found[1]:
            number = int(found[1], 16)
            return chr(number) if not 0xD800 <= number < 0xE000 else ""
        return {"n": "\n", "r": "", "t": "\t"}.get(found[2], found[2])

    def strings(record: re.Match[str]) -> str:
        found = STRING.findall(record[0])
        return "\n".join(ESCAPE.sub(sign, string) for string in found)

    text = RECORD.sub(strings, text)
    return ESCAPED.sub(lambda line: ESCAPE.sub(sign, line[0]), text)


def _unquoted(text: str) -> str:
    """Return the text without the marks of quotations and of code in Markdown."""
    if ALL_QUOTED.fullmatch(text):
        text = MARK.sub("", text)
    lines = QUOTED
    for _ in range(MOST_QUOTED):
        found = lines.sub(lambda quoted: MARK.sub("", quoted[0]), text)
        if found == text:
            break
        text, lines = found, INNER
    return EMPHASIS.sub(r"\1", FENCE.sub("", text))


def rewrapped(text: str) -> str:
    """Return the text with the lines whole that were broken at the edge of a page or terminal.

    That is seen by what stands at the left edge in a traceback, where nothing is to stand.
    """
    if len(text) > MOST_WRAPPED or UNUSUAL.search(text):
        return text
    blocks = BLANK_LINES.split(text)
    return "".join(
        block if place % 2 else "\n".join(_joined(block.split("\n")))
        for place, block in enumerate(blocks)
    )


def _joined(lines: list[str]) -> list[str]:
    width = max(map(len, lines))
    strays = [place for place in range(1, len(lines)) if not BEGINS.match(lines[place])]
    inside = [place for place in strays if lines[place - 1][:1] in (" ", "\t")]
    cut = [place for place in strays if len(lines[place - 1]) == width]
    in_word = len(cut) == len(strays)
    seen = inside or (in_word and (len(cut) > 1 or (cut and _is_open(lines[cut[0] - 1]))))
    if not LEAST_WIDTH <= width <= MOST_WIDTH or not seen:
        return lines
    if not all(_is_full(lines[place - 1], lines[place], width) for place in inside or strays):
        return lines
    return refilled(lines, width, in_word=in_word)


def refilled(lines: list[str], width: int, *, in_word: bool = False) -> list[str]:
    """Return the lines whole that were broken at a width: at blanks, or else in words."""
    found = [lines[0]]
    for before, line in pairwise(lines):
        begins = BEGINS.match(line)
        if in_word and len(before) == width and (not begins or CONTINUES.match(line)):
            found[-1] += line
        elif begins or not _is_full(before, line, width):
            found.append(line)
        else:
            last, word = before.rpartition(" ")[2], line.partition(" ")[0]
            long = len(before) >= width and len(last) + len(word) > width
            found[-1] = found[-1].rstrip() + ("" if in_word or long else " ") + line
    return found


def _is_open(line: str) -> bool:
    """Whether a quotation or bracket that begins in a line does not end in it."""
    plain = APOSTROPHE.sub("", line)
    return plain.count("'") % 2 == 1 or plain.count("(") > plain.count(")")


def rejoined(text: str) -> str:
    """Return the text with its fullest lines joined to the next, as if broken in words."""
    lines = text.split("\n")
    width = max(map(len, lines))
    return "".join(line if len(line) == width else f"{line}\n" for line in lines).rstrip("\n")


def _is_full(line: str, following: str, width: int) -> bool:
    """Whether a line has no room for the first word of the next."""
    return len(line.rstrip()) + 1 + len(following.partition(" ")[0]) > width


def _as_the_head(text: str) -> str:
    """Return the text without what stands before the head of a traceback and before its lines.

    That is a logger's time and level, or the indentation of a quotation; numbers in it may differ
    from line to line.
    """
    parts = text.split(HEAD)
    found = parts[:1]
    known: dict[str, re.Pattern[str]] = {}
    for before, part in pairwise(parts):
        prefix = before[before.rfind("\n") + 1 :].partition("╭")[0]
        wanted = re.sub(r"\d+", r"\\d+", re.escape(prefix[:MOST_PREFIX]))
        if not prefix or len(prefix) > MOST_PREFIX or len(known) >= MOST_PREFIXES:
            found.append(part)
            continue
        pattern = known.setdefault(wanted, re.compile(f"^{wanted}", re.MULTILINE))
        found.append(pattern.sub("", part))
    return HEAD.join(found)


def _without_edges(text: str) -> str:
    """Return the text without the edges of boxes, each of its lines whole."""

    def inside(box: re.Match[str]) -> str:
        width = len(box[0].partition("\n")[0].strip()) - 4
        lines = EDGES.sub(r"\1", box[0].rstrip("\n")).split("\n")
        if width >= LEAST_WIDTH and len(box[0]) <= MOST_WRAPPED:
            lines = refilled(lines, width)
        return "\n".join(lines) + "\n"

    return LID.sub("", BOX.sub(inside, text, count=MOST_BOXES))


def _without_boxes(text: str) -> str:
    """Return the text without the edges of rich's boxes, each place on one line."""

    def inside(box: re.Match[str]) -> str:
        # "│ " and " │" around what is written
        width = len(box[0].partition("\n")[0].strip()) - 4

        def whole(broken: re.Match[str]) -> str:
            # a line that is not full was broken at a blank, and so was one before a function
            cut = len(broken[1]) < width or FUNCTION_NEXT.search(broken[1])
            blank = " " if broken[2] or cut else ""
            return f"{broken[1]}{blank}{broken[2] or ''}"

        return BROKEN.sub(whole, EDGES.sub(r"\1", box[0]))

    return BOX.sub(inside, text, count=MOST_BOXES)

"""Pasted text without what terminals, launchers, loggers and boxes put around its lines."""

from __future__ import annotations

import re
from itertools import pairwise

HEAD = "Traceback (most recent call last)"
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
QUOTED = re.compile(r"(?:[ \t]*(?:>.*)?(?:\n|\Z))+", re.MULTILINE)
"""Every line is a quotation's, as in a mail or an issue."""
BOX = re.compile(r"(?:^[ \t]*│ .*│[ \t]*(?:\n|\Z))+", re.MULTILINE)
EDGES = re.compile(r"^[ \t]*│ (.*?) *│[ \t]*$", re.MULTILINE)
BROKEN = re.compile(r"^([^\s❱│].*)\n(?: ?(in ))?(?=[^\s❱│])", re.MULTILINE)
"""A place in a box that was too long for one line: it goes on at the left edge."""
FUNCTION_NEXT = re.compile(r":\d+ in$")
MOST_PREFIX = 200
MOST_PREFIXES = 50
MOST_BOXES = 1000


def unwrapped(text: str) -> str:
    """Return the text as the program wrote it, line by line."""
    plain = ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if QUOTED.fullmatch(plain):
        plain = re.sub(r"^[ \t]*> ?", "", plain, flags=re.MULTILINE)
    plain = _as_the_head(PREFIX.sub("", plain))
    return _without_boxes(plain) if "❱" in plain else plain


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

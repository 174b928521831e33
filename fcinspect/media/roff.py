"""Manual pages: the requests of man(7), and Markdown in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

INLINE = re.compile(r"``(.+?)``|`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\([^)]*\)")
"""Code, strong words, stressed words and links."""
RULE = re.compile(r"\|[\s:|-]+\|")


def escaped(text: str) -> str:
    """Return a line that roff shows as it is: in ASCII, every other sign by its number."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)
    # a dot or a quote that begins a line would make it a request
    return re.sub(r"^(?=[.'])", r"\\&", text)


def section(title: str) -> str:
    """Return the heading of a section."""
    return f'.SH "{escaped(title.upper())}"\n'


def subsection(title: str) -> str:
    """Return the heading of a part of a section."""
    return f'.SS "{escaped(title)}"\n'


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f".PP\n{escaped(' '.join(text.split()))}\n"


def tagged(tag: str, text: str) -> str:
    """Return what a tag means, such as an option: the tag in bold, the text beside or below it."""
    return _tagged(tag, escaped(" ".join(text.split())))


def code(lines: Iterable[str]) -> str:
    """Return lines as they are."""
    return ".PP\n.RS 4\n.nf\n" + "".join(f"{escaped(line)}\n" for line in lines) + ".fi\n.RE\n"


def from_markdown(text: str) -> str:
    """Return Markdown as roff: paragraphs, lists, tables of two columns, and code."""
    return "".join(map(_block, _blocks(text)))


def _blocks(text: str) -> Iterator[str]:
    """Yield the parts of a text that blank lines separate, code as one of them."""
    for part in re.split(r"^(```.*?^```)$", text, flags=re.DOTALL | re.MULTILINE):
        if part.startswith("```"):
            yield part
        else:
            yield from filter(None, map(str.strip, re.split(r"\n\s*\n", part)))


def _block(block: str) -> str:
    lines = block.splitlines()
    if block.startswith("```"):
        return code(lines[1:-1])
    if block.startswith("|"):
        head, rule, *rows = lines
        assert RULE.fullmatch(rule), head
        cells = (row.strip("| ").split("|", 1) for row in rows)
        return "".join(
            _tagged(first.strip().replace("`", ""), _inline(rest.strip())) for first, rest in cells
        )
    if block.startswith("#"):
        return subsection(block.lstrip("# "))
    if block.startswith("- "):
        items = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
        return "".join(f".IP \\(bu 2\n{_inline(' '.join(item.split()))}\n" for item in items)
    return f".PP\n{_inline(' '.join(block.split()))}\n"


def _tagged(tag: str, written: str) -> str:
    return f".TP\n\\fB{escaped(tag)}\\fR\n{written}\n"


def _inline(text: str) -> str:
    parts = []
    end = 0
    for found in INLINE.finditer(text):
        parts.append(escaped(text[end : found.start()]))
        double, single, strong, stressed, link = found.groups()
        if stressed:
            parts.append(f"\\fI{escaped(stressed)}\\fR")
        elif link:
            parts.append(_inline(link))
        else:
            parts.append(f"\\fB{escaped(double or single or strong)}\\fR")
        end = found.end()
    return "".join([*parts, escaped(text[end:])])

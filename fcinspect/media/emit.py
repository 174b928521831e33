"""The only writer to stdout, and the same reports as files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from fcinspect import __version__
from fcinspect.errors import UsageError
from fcinspect.page.text import acting, ascii_only
from fcinspect.page.view import Sheets, View, schema_name

if TYPE_CHECKING:
    from rich.console import Console

    from fcinspect.page.blocks import Page

FORMATS = ("text", "json", "csv", "md")
ENDINGS = (".json", ".md", ".csv", ".svg", ".html", ".txt")
OWN_ENDINGS = {".tex": "latex", ".mmd": "mermaid", ".dot": "dot", ".gv": "dot"}
"""The endings of forms that only some commands write."""
PIPE_WIDTH = 100
"""Columns of a pipe or a file when stderr is not a terminal either."""


def emit(view: View, *, form: str, color: str, precision: int, full: bool) -> None:
    """Write a view to stdout as `form`."""
    if form != "text":
        write_text(rendered(view, form, precision=precision, full=full))
        return
    write_page(_page(view, precision), sys.stdout, color)


def write_page(page: Page, stream: TextIO, color: str = "auto") -> None:
    """Write a page to a stream: styled on a terminal, and in signs that the stream has."""
    from fcinspect.media.terminal import print_page

    console = console_for(stream, color)
    ruled, plain = _is_for_people(stream), not _speaks_unicode(stream)
    print_page(page, console, ruled=ruled, ascii_only=plain)
    stream.flush()


def write_text(text: str) -> None:
    """Write text to stdout in UTF-8 or, where stdout has no UTF-8, in what it has."""
    from fcinspect.page.untrusted import harmless

    sys.stdout.write(encodable(harmless(text), sys.stdout))
    sys.stdout.flush()


def rendered(view: View, form: str, *, precision: int = 4, full: bool = False) -> str:
    """Return a view as text of that form: json, csv, md, txt, svg, html or one of its own.

    Nothing that a name from a file holds acts in it.
    """
    from fcinspect.page.untrusted import harmless, sheet

    if form in view.texts:
        return harmless(view.texts[form](precision))
    if form == "json":
        return dumps(envelope(view, full=full))
    if form == "csv":
        return sheet(view.rows())
    if form == "md":
        from fcinspect.media.markdown import to_markdown

        return to_markdown(_page(view, precision, form))
    if form in ("html", "latex"):
        return harmless(_document(view, form, precision))
    from fcinspect.media.terminal import picture

    return harmless(picture(view.command, _page(view, precision), form))


def _document(view: View, form: str, precision: int) -> str:
    if view.sheets is not None:
        return _sheets(view, view.sheets, form)
    from fcinspect.page.untrusted import safe_page

    page = safe_page(view.pages.get(form, view.page)(precision))
    if form == "latex":
        from fcinspect.media.latex.document import article_of

        return article_of(page, view.warnings)
    from fcinspect.media.html.page import html_of

    return html_of(view.command, page, view.warnings, view.figure)


def _sheets(view: View, sheets: Sheets, form: str) -> str:
    """Return sheets as a page of HTML, which holds the document that is saved, or an article."""
    if form == "latex":
        from fcinspect.media.latex.document import worksheet_document

        return worksheet_document(*sheets.pages(None))
    from fcinspect.media.html.worksheet import sheets_page

    return sheets_page(sheets, rendered(view, "json") if sheets.filename else "")


def form_of(ending: str, others: tuple[str, ...] = (), forms: tuple[str, ...] = FORMATS) -> str:
    """Return the form for a file ending, of a command that writes these `forms`.

    Raises UsageError for an unknown one; its message also names the supported `others`.
    """
    if ending.lower() in ENDINGS:
        return ending.lower()[1:]
    own = {known: form for known, form in OWN_ENDINGS.items() if form in forms}
    if ending.lower() in own:
        return own[ending.lower()]
    expected = f"expected {', '.join((*others, *own, *ENDINGS))}"
    if not ending:
        raise UsageError(f"the file name has no ending: {expected}")
    raise UsageError(f"unknown file ending {ending!r}: {expected}")


def console_for(stream: TextIO, color: str = "auto") -> Console:
    """Return a console that never interprets markup in data."""
    from rich.console import Console

    width = None
    if not _is_for_people(stream):
        width = PIPE_WIDTH
        with suppress(OSError, ValueError):  # that of the terminal the pipe most likely ends in
            width = os.get_terminal_size(2).columns or PIPE_WIDTH
    return Console(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        width=width,
        no_color={"auto": None, "always": False, "never": True}[color],
        force_terminal={"auto": None, "always": True, "never": False}[color],
        legacy_windows=False,
    )


def _is_for_people(stream: TextIO) -> bool:
    """Whether a terminal shows the stream, or somebody says how wide it is to be."""
    return stream.isatty() or os.environ.get("COLUMNS", "").isdigit()


def _page(view: View, precision: int, form: str = "text") -> Page:
    """Return the page with the view's warnings at its end, and nothing in it that acts."""
    from fcinspect.page.blocks import with_notes
    from fcinspect.page.untrusted import safe_page

    if form in view.pages:
        return safe_page(view.pages[form](precision))
    return safe_page(with_notes(view.page(precision), view.warnings))


def _speaks_unicode(stream: object) -> bool:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        "⎡ᵀ·×−→⋯".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def encodable(text: str, stream: TextIO) -> str:
    """Return text that the stream can encode; JSON stays JSON, since its escapes are ASCII."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        if text.startswith("{"):
            return re.sub(r"[^\x00-\x7f]", lambda sign: json_escape(sign.group()), text)
        return ascii_only(text)
    return text


def envelope(view: View, *, full: bool) -> dict[str, Any]:
    """Return the document of a view; secrets in URIs are not repeated."""
    from fcinspect.masking import masked_name

    asked = view.asked.items()
    return {
        "schema": schema_name(view.command),
        "ok": view.ok,
        "version": __version__,
        "input": {k: masked_name(v) if isinstance(v, str) else v for k, v in asked},
        "data": dict(view.data(full)),
        "warnings": list(view.warnings),
    }


def dumps(document: Any) -> str:
    """Return one line of JSON (RFC 8259), newline-terminated; nothing in it acts.

    Raises ValueError on NaN or Infinity.
    """
    import json

    written = json.dumps(document, ensure_ascii=False, allow_nan=False)
    # json itself leaves most of what acts on a terminal, or cannot be encoded, as it is
    return acting().sub(lambda found: json_escape(found.group()), written) + "\n"


def json_escape(character: str) -> str:
    """Return a character as JSON writes it by number: in one part of UTF-16, or in two."""
    units = memoryview(character.encode("utf-16-le", "surrogatepass")).cast("H")
    return "".join(f"\\u{unit:04x}" for unit in units)


def spread(document: Mapping[str, Any]) -> str:
    """Return JSON for people to write in: each key on a line, and lists of numbers beside it."""
    return _spread(document, "\n") + "\n"


def _spread(value: Any, line: str) -> str:
    deeper = line + "  "
    if isinstance(value, Mapping) and value:
        parts = (f"{_spread(k, line)}: {_spread(v, deeper)}" for k, v in value.items())
        return f"{{{deeper}" + f",{deeper}".join(parts) + f"{line}}}"
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        parts = (_spread(part, deeper) for part in value)
        return f"[{deeper}" + f",{deeper}".join(parts) + f"{line}]"
    return dumps(value).removesuffix("\n")

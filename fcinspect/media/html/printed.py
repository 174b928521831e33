"""A page of HTML that shows what a terminal would, and a figure amid it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcinspect.media.html.environment import filled

if TYPE_CHECKING:
    from rich.console import Console

ROLES = {
    "red": "bad",
    "green": "good",
    "yellow": "output",
    "blue": "gradient",
    "magenta": "bias",
    "cyan": "weight",
}
"""Colours of a terminal -> the names that the template gives to those of the page."""

FAINT = "#7f7f7f"
"""What rich makes of faint words: the middle of its black and its white."""


def fragment(console: Console) -> str:
    """Return what a console has kept as the inside of a <pre>, in the colours of the page."""
    from rich.color import Color
    from rich.terminal_theme import DEFAULT_TERMINAL_THEME as THEME

    names = {Color.parse(c).get_truecolor(THEME).hex: role for c, role in ROLES.items()}

    names[FAINT] = "quiet"

    def renamed(style: re.Match[str]) -> str:
        return re.sub(
            r"(?<![-\w])color: (#[0-9a-f]{6})",
            lambda found: f"color: var(--{names[found[1]]})" if found[1] in names else found[0],
            style[0],
        )

    text = console.export_html(inline_styles=True, code_format="{code}", theme=THEME)
    # a quote in the text is escaped: this is a style of rich's alone
    return re.sub(r'style="(?!.*background)[^"]*"', renamed, text)


def printed_document(title: str, parts: Sequence[str], svg: str | None, version: str) -> str:
    """Return the page with these parts, and behind the first of them the figure."""
    from markupsafe import Markup

    figure = None if svg is None else Markup(svg[svg.index("<svg") :])
    return filled(
        "printed.html", title=title, parts=list(map(Markup, parts)), figure=figure, version=version
    )

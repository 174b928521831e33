"""A page as a piece of HTML for the output of a notebook: its style stands in its elements."""

from __future__ import annotations

from fcinspect.media.html.document import environment
from fcinspect.page import blocks
from fcinspect.page.untrusted import safe_page

STYLES = {
    "good": "color: #1a7f37; background: rgba(46, 160, 67, 0.12)",
    "bad": "color: #cf222e; background: rgba(248, 81, 73, 0.12)",
    "unsure": "color: #9a6700",
    "output": "",
    "strong": "font-weight: bold",
    "faint": "opacity: 0.7",
}
"""Of the roles that words have here; the words say the same, and both themes leave them legible."""


def fragment_of(page: blocks.Page) -> str:
    """Return a page of headings, lines and code as HTML; notebooks keep no style sheet of it."""
    groups = [
        [(type(block).__name__, block) for block in group] for group in safe_page(page).groups
    ]
    return environment().get_template("fragment.html").render(groups=groups, styles=STYLES)

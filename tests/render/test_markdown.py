"""Pages as Markdown: what is code stays code."""

from __future__ import annotations

import io

from rich.console import Console

from fcinspect.render.markdown import to_markdown
from fcinspect.render.page import Line, Page, Verbatim
from fcinspect.render.terminal import print_page

DIFF = "- x = a * b_c\n+ x = `a`"


def test_code_is_fenced_and_never_escaped() -> None:
    """Each block names its language; running text around it is escaped."""
    page = Page(((Line.of("a_b"), Verbatim(DIFF, "diff", indent=5), Verbatim("x = 1", "python")),))
    assert to_markdown(page) == (
        "a\\_b\n\n```diff\n- x = a * b_c\n+ x = `a`\n```\n\n```python\nx = 1\n```\n"
    )


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    """Code that holds a fence does not end its block."""
    assert to_markdown(Page(((Verbatim("```\nx"),),))) == "````\n```\nx\n````\n"


def test_on_a_terminal_code_keeps_its_lines_at_any_width() -> None:
    """It is indented and coloured by sign, not broken: a broken line cannot be copied."""
    shown = io.StringIO()
    console = Console(file=shown, width=20, force_terminal=True, highlight=False)
    print_page(Page(((Verbatim(f"- {'old ' * 9}\n+ new", "diff", indent=2),),)), console,
               framed=True)  # fmt: skip
    assert shown.getvalue() == (f"  \x1b[1;31m- {'old ' * 9}\x1b[0m\n  \x1b[32m+ new\x1b[0m\n")

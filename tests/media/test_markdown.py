"""Pages as Markdown: what is code stays code."""

from __future__ import annotations

import io
import re
from html import escape, unescape

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from fcinspect.media.markdown import to_markdown
from fcinspect.media.terminal import print_page
from fcinspect.page.blocks import Column, Equation, Heading, Line, Matrix, Page, Table, Verbatim

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
    code = Verbatim(f"- {'old ' * 9}\n+ new", "diff", indent=2)
    print_page(Page(((code,),)), console)
    assert shown.getvalue() == (f"  \x1b[1;31m- {'old ' * 9}\x1b[0m\n  \x1b[32m+ new\x1b[0m\n")


HOSTILE = "`a` *b* _c_ [d](http://e) <script>f</script> | g ~~h~~ $i$ &lt; :smile: # j \\ ![k](l)"


def shown(text: str) -> str:
    """Return the text that a reader of the Markdown sees."""
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    return unescape(re.sub(r"</?(p|h1|h2|table|thead|tbody|tr|th|td|strong)\b[^>]*>", "", html))


def test_a_hostile_name_is_text_everywhere() -> None:
    """In a title, a line, a bold word and a table it reads as it was written."""
    page = Page(
        (
            (Heading(HOSTILE, 1), Line.of(HOSTILE), Line.of((HOSTILE, "good"))),
            (Table((Column("name", right=False),), ((HOSTILE,),)),),
        )
    )
    assert [line for line in map(str.strip, shown(to_markdown(page)).splitlines()) if line] == [
        HOSTILE, f"{HOSTILE}<br />", HOSTILE, "name", HOSTILE,
    ]  # fmt: skip
    assert r"\$i\$" in to_markdown(page)
    assert r"\:smile:" in to_markdown(page)


BEGINNINGS = [
    *("- a", "+ a", "1. a", "12) a", "=", "-", "# a", "> a", "  a"),
    *("---", "===", "--", "- - -", "***", "___", ":--", ":-:", "-:", "--- "),
]


@pytest.mark.parametrize("text", BEGINNINGS)
def test_a_line_begins_no_list_title_table_or_quotation(text: str) -> None:
    """Whatever it begins with is text, and it makes nothing of the line above it."""
    reader = MarkdownIt("commonmark").enable("table")
    html = reader.render(to_markdown(Page(((Line.of("x|y"), Line.of(text)),))))
    assert html == f"<p>x|y<br />\n{escape(text.strip())}</p>\n"


def test_verdicts_are_bold_and_blanks_stay_outside() -> None:
    """Markdown knows no bold text that ends in a blank."""
    page = Page(((Line.of("y: ", ("within bound ", "good"), "here"),),))
    assert to_markdown(page) == "y: **within bound** here\n"


def test_equations_below_each_other_share_a_block() -> None:
    """A line of prose between them parts them."""
    one = Equation((Matrix((("1",),)),))
    page = Page(((one, one, Line.of("and"), one),))
    assert to_markdown(page) == "```\n[1]\n\n[1]\n```\n\nand\n\n```\n[1]\n```\n"

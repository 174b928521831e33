"""What `verify example --list` says: the worked examples that come with fcinspect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fcinspect.layers.spec import format_widths
from fcinspect.page.blocks import Heading, Line, Page, PageBuilder
from fcinspect.page.text import plural
from fcinspect.page.view import View

if TYPE_CHECKING:
    from fcinspect.reports.documents.core import ShippedExamplesDocument
    from fcinspect.verification.examples.shipped import ShippedExample

TITLES = ("name", "widths", "printed numbers", "title", "source", "known wrong")


def view_of_examples(examples: Sequence[ShippedExample], asked: dict[str, Any]) -> View:
    """Return the list."""
    return View(
        command="verify",
        asked=asked,
        data=lambda full: dict(document(examples)),
        page=lambda precision: page(examples),
        rows=lambda: rows(examples),
    )


def document(examples: Sequence[ShippedExample]) -> ShippedExamplesDocument:
    """Return the JSON data of the list."""
    return {
        "kind": "example",
        "examples": [
            {
                "name": one.name,
                "title": one.example.title,
                "source": one.example.source,
                "widths": list(one.widths),
                "printed_numbers": one.printed_numbers,
                "known_wrong": dict(one.example.known_wrong),
            }
            for one in examples
        ],
    }


def page(examples: Sequence[ShippedExample]) -> Page:
    """Return the list as a page."""
    built = PageBuilder()
    built.add(Heading("Worked examples that come with fcinspect", level=1))
    for one in examples:
        wrong = len(one.example.known_wrong)
        said = f", {wrong} of them known to be wrong" if wrong else ""
        built.group(
            Line.of(
                (one.name, "strong"),
                f"  {format_widths(one.widths)}, "
                f"{plural(one.printed_numbers, 'printed number')}{said}",
            ),
            Line.of(one.example.title, indent=2, hang=2),
        )
    built.group(
        Line.of("verify example NAME checks one; part of a name will do, such as mazur"),
        Line.of("verify example --template prints a file to start from"),
    )
    return built.page()


def rows(examples: Sequence[ShippedExample]) -> Iterator[Sequence[object]]:
    """Yield a row for each example."""
    yield TITLES
    for one in examples:
        example = one.example
        yield (
            one.name, format_widths(one.widths), one.printed_numbers, example.title,
            example.source or "", "; ".join(example.known_wrong),
        )  # fmt: skip

"""The part of an explanation that a page for the browser or an article can hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fcinspect.arithmetic.explanation import shortened
from fcinspect.page.blocks import Line
from fcinspect.reports.affine_words import summary_lines

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation

MOST_OUTPUTS = 1_000
MOST_TERMS = 10_000
"""Of all outputs together; a browser that has to show more is slow to open and to follow."""
WHOLE = "--save FILE.csv or FILE.json holds all"


def excerpt(explanation: Explanation) -> Explanation:
    """Return the explanation with the first of its outputs, whole as long as there is room.

    A first output that has too many terms by itself is shortened.
    """
    kept: list[ExplainedElement] = []
    room = MOST_TERMS
    for element in explanation.elements[:MOST_OUTPUTS]:
        if len(element.terms) > room and kept:
            break
        kept.append(shortened(element, room))
        room -= len(kept[-1].terms)
    return replace(explanation, elements=tuple(kept))


def excerpt_lines(shown: Explanation, asked: Explanation) -> list[Line]:
    """Say how much of what was asked for is shown; nothing where that is all of it."""
    counts = [
        (len(e.elements), sum(len(element.terms) for element in e.elements)) for e in (shown, asked)
    ]
    (outputs, terms), (all_outputs, all_terms) = counts
    parts = [f"{outputs:,} of {all_outputs:,} outputs"] * (outputs < all_outputs)
    parts += [f"{terms:,} of {all_terms:,} terms"] * (terms < all_terms)
    if not parts:
        return []
    return [Line.of(f"showing {' and '.join(parts)}, the most that fit here; {WHOLE}")]


def excerpt_summary(shown: Explanation, asked: Explanation) -> list[Line]:
    """Say what was checked, the verdict on all of it, and in which arithmetic."""
    if len(shown.elements) == len(asked.elements):
        return summary_lines(shown)
    return summary_lines(shown, f"--element chooses, {WHOLE}")

"""Sums term by term: digits below digits, the factors of a wide term above what they come to."""

from __future__ import annotations

from collections.abc import Sequence

from fcinspect.media.latex.equations import in_size
from fcinspect.media.latex.formulas import formula
from fcinspect.media.latex.numbers import factor, math_number
from fcinspect.media.latex.widths import RAISED, size_for, width_of
from fcinspect.page.blocks import RunningSum

MOST_ROWS = 36
"""A display of more steps is continued in another, since a page cannot break it."""

Step = tuple[str, str, str, str, str]
"""What is added, its two factors, what it comes to, and the sum so far."""
TITLES: Step = ("", "", "", "added", "running sum")
WIDE_ENOUGH = ("", r"\small")
"""The sizes in which a step stands in one line."""
SIGNS = 84.0
"""Points that a step takes beside its numbers and the indices of its letters."""


def displays(running: RunningSum) -> list[str]:
    """Return the steps of a sum below each other; two lines each where they are wide."""
    titles = tuple(running.table.columns[place].title for place in (1, 3))
    steps = [_step(row, titles) for row in running.table.rows]
    label = max((sum(sign.isdigit() for sign in step[0]) for step in steps), default=0)
    widths = [max(map(width_of, column)) for column in zip(TITLES, *steps, strict=True)][1:]
    size = size_for(sum(widths) + SIGNS + RAISED * label)
    rows, most = (_rows, MOST_ROWS) if size in WIDE_ENOUGH else (_double_rows, MOST_ROWS // 2)
    if rows is _double_rows:
        factors, total = sum(widths[:2]), widths[3]
        size = size_for(max(factors, widths[2]) + total + SIGNS + RAISED * label)
    shown = []
    for start in range(0, len(steps), most):
        some = rows(steps[start : start + most])
        body = "\\\\\n".join(some if start == 0 else some[1:])
        columns = 5 if rows is _rows else 3
        display = f"\\[\n\\begin{{alignedat}}{{{columns}}}\n{body}\n\\end{{alignedat}}\n\\]\n"
        shown.append(in_size(display, size))
    return shown


def _step(row: Sequence[str], titles: Sequence[str]) -> Step:
    """Return a row of the table; its factors are called by the titles of their columns."""
    index, left, _, right, _, added, total = row
    if index.isdigit():
        named = (formula(title.replace("j", index)).replace(", ", ",") for title in titles)
        name = r"\, ".join(named)
        return (name, left, right, added, total)
    return (rf"\text{{{left}}}" if left else formula(right), "", "", added, total)


def _rows(steps: Sequence[Step]) -> list[str]:
    """Return the titles and a line for each step."""
    negative = any(x.startswith("-") for _, _, x, _, _ in steps)
    lines = [r"&&&&&& \text{added} && \text{running sum}"]
    for name, weight, x, added, total in steps:
        factors = "&&&&"
        if weight:
            close = "" if x.startswith("-") or not negative else r"\phantom{)}"
            factors = rf"&={{}}& {math_number(weight)} &{{}}\cdot{{}}& {factor(x)}{close}"
        lines.append(
            rf"{name} {factors} &{{}}={{}}& {math_number(added)} &\quad& {math_number(total)}"
        )
    return lines


def _double_rows(steps: Sequence[Step]) -> list[str]:
    """Return the titles, and a line for the factors of each step above one for its numbers."""
    lines = [r"&& \text{added} && \text{running sum}"]
    for name, weight, x, added, total in steps:
        if weight:
            lines.append(rf"{name} &={{}}& {math_number(weight)} \cdot {factor(x)} &&")
            name = ""
        lines.append(rf"{name} &={{}}& {math_number(added)} &\quad& {math_number(total)}")
    return lines

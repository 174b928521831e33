"""What stands around a chart: axes with ticks, titles, legend and notes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from fcinspect.page.blocks import Medium, Span
from fcinspect.pictures.charts.axis import Axis

Lines = tuple[tuple[Span, ...], ...]


def framed(
    inside: Sequence[Sequence[Span]],
    x_axis: Axis,
    y_axis: Axis,
    *,
    titles: tuple[str, str],
    legend: Sequence[tuple[str, str, str]],
    marked: Iterable[int],
    notes: Iterable[str],
    medium: Medium,
) -> Lines:
    """Return a chart with its frame.

    `titles` are of x and y, a legend's entry is (sample, name, role), and `marked` cells of the x
    axis carry a "!".
    """
    labels = {y_axis.cells - 1 - cell: label for cell, label in y_axis.ticks()}
    margin = max(map(len, labels.values()))
    lines: list[tuple[Span, ...]] = [((medium.write(titles[1]), "strong"),)]
    for number, row in enumerate(inside):
        edge = f"{labels.get(number, ''):>{margin}} {'┤' if number in labels else '│'}"
        lines.append(trimmed(((medium.write(edge), "faint"), *row)))
    ticks = x_axis.ticks()
    below = ["─"] * x_axis.cells
    for cell, _ in ticks:
        below[cell] = "┬"
    for cell in marked:
        below[cell] = "!"
    lines.append(((medium.write(" " * margin + " └" + "".join(below)), "faint"),))
    lines.append(((" " * (margin + 2) + _labels(ticks, x_axis.cells), "faint"),))
    title = medium.write(titles[0])
    left = margin + 2 + max((x_axis.cells - len(title)) // 2, 0)
    lines.append(((" " * left + title, "strong"),))
    lines += _legend(legend, margin + 2, medium)
    for note in notes:
        broken = textwrap.wrap(medium.write(note), max(medium.width, 20), subsequent_indent="  ")
        lines += [((line, "unsure"),) for line in broken]
    return tuple(lines)


def _labels(ticks: Sequence[tuple[int, str]], cells: int) -> str:
    """Return labels in the middle below their ticks; one that would touch another is left out."""
    line = ""
    for cell, label in ticks:
        start = min(max(cell - (len(label) - 1) // 2, 0), max(cells - len(label), 0))
        if start >= len(line) + (1 if line else 0):
            line = line.ljust(start) + label
    return line


def _legend(
    entries: Sequence[tuple[str, str, str]], indent: int, medium: Medium
) -> list[tuple[Span, ...]]:
    """Return the entries side by side, as many in a line as fit."""
    lines: list[list[Span]] = []
    used = 0
    for sample, name, role in entries:
        words = f" {medium.write(name)}"
        wide = len(sample) + len(words) + 3
        if not lines or used + wide > medium.width:
            lines.append([(" " * indent, "")])
            used = indent
        lines[-1] += [(sample, role), (words + "   ", "")]
        used += wide
    return [trimmed(line) for line in lines]


def trimmed(line: Sequence[Span]) -> tuple[Span, ...]:
    """Return the line without blanks at its end."""
    kept = list(line)
    while kept and not kept[-1][0].strip():
        kept.pop()
    if kept:
        kept[-1] = kept[-1][0].rstrip(), kept[-1][1]
    return tuple(kept)

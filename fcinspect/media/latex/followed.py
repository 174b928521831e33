"""One parameter followed through a step, line by line with its numbers put in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.arithmetic.optimizers import SYMBOLS
from fcinspect.media.latex.document import blocks, paragraph, title
from fcinspect.media.latex.formulas import formula, named
from fcinspect.media.latex.numbers import factor, math_number
from fcinspect.media.latex.words import typed, words
from fcinspect.reports.step.parameter import Write, gradient_groups, place_of, writer

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed, WorkedLine
    from fcinspect.arithmetic.training import TrainingStep


def followed_parts(step: TrainingStep, followed: Followed) -> list[str]:
    """Return the parts of the followed parameter."""
    write = writer(step)
    where = words(place_of(followed))
    said = f"{typed(followed.address.text)}: {where} {typed(followed.layer)}"
    parts = [title(2, said)]
    for group in gradient_groups(followed, write):
        parts += blocks(group)
    return [*parts, *_update(followed, write)]


def _update(followed: Followed, write: Write) -> list[str]:
    def number(value: float) -> str:
        return math_number(write(value))

    groups = [_worked(worked, write) for worked in followed.working]
    update = followed.working[-1].value
    total = number(followed.before + update)
    groups.append(
        [
            r"\mathrm{new} &= \mathrm{old} + \mathrm{update}",
            f"&= {number(followed.before)} + {factor(write(update))}",
            rf"&= {total}, \text{{ torch has }} \mathbf{{{number(followed.after)}}}",
        ]
    )
    body = "\\\\\n".join("\\\\*\n".join(group) for group in groups)
    difference = number(followed.update)
    return [
        paragraph(f"Its update by {words(followed.optimizer.call)}, $g$ being torch's gradient:"),
        f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n",
        paragraph(rf"$\mathrm{{new}} - \mathrm{{old}}$ in torch's numbers: ${difference}$"),
    ]


def _worked(line: WorkedLine, write: Write) -> list[str]:
    """Return the formula, the formula with its numbers, and what it comes to."""
    symbols = named(SYMBOLS)
    put_in = formula(line.formula, lambda name: _put(write(line.numbers[name])))
    value = math_number(write(line.value))
    lines = [f"{symbols(line.name)} &= {formula(line.formula, symbols)}"]
    return [*lines, *([] if put_in == value else [f"&= {put_in}"]), f"&= {value}"]


def _put(written: str) -> str:
    number = factor(written)
    return f"({number})" if r"\cdot" in number and not number.startswith("(") else number

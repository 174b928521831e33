"""One parameter followed through a step, with all digits, so that it can be redone by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fcinspect.arithmetic.optimizers import SYMBOLS
from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Table
from fcinspect.reports.step.update import NAME, symbols
from fcinspect.rounding.formats import FLOAT64, format_named

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed, WorkedLine
    from fcinspect.arithmetic.training import TrainingStep

MOST_ROWS = 16

Write = Callable[[float], str]


def followed_blocks(step: TrainingStep, followed: Followed) -> list[list[Block]]:
    """Return the groups of the followed parameter."""
    write = _writer(step)
    groups = [*_gradient_groups(followed, write), _update(followed, write)]
    groups[0].insert(0, _title(followed))
    return groups


def _gradient_groups(followed: Followed, write: Write) -> list[list[Block]]:
    """Return the groups of its gradient: through the activation, and over the batch."""
    if followed.activation == "identity":
        return [_gradient(followed, write)]
    return [_through_activation(followed, write), _gradient(followed, write)]


def _writer(step: TrainingStep) -> Write:
    """Return how the numbers of a step are written: with all digits that they hold."""
    number_format = format_named(step.dtype)

    def write(value: float) -> str:
        held = number_format if number_format.holds(value) else FLOAT64
        return text.shortest(value, held) if held is number_format else f"{value:.9g}"

    return write


def numbers_in(line: WorkedLine, write: Write) -> str:
    """Return the formula with its numbers put in, negative ones in parentheses."""

    def put(value: float) -> str:
        written = write(value)
        return f"({written})" if written.startswith("-") else written

    return NAME.sub(lambda m: put(line.numbers[m[1]]), line.formula)


def _title(followed: Followed) -> Heading:
    name = text.safe(followed.address.text)
    return Heading(f"{name}: {_place_of(followed)} {text.safe(followed.layer)}")


def _place_of(followed: Followed) -> str:
    """Say where it stands in its layer, whose name is to follow."""
    index = followed.address.index
    if len(index) == 2:
        return f"from input {index[1]} to output {index[0]} of"
    return f"added to output {index[0]} of"


def _through_activation(followed: Followed, write: Write) -> list[Block]:
    output = followed.address.index[0]
    rows = [
        (*_place(t.row), write(t.grad_activation), write(t.derivative), write(t.grad_output))
        for t in followed.terms[:MOST_ROWS]
    ]
    batched = bool(followed.terms and followed.terms[0].row)
    columns = (
        *((Column("row"),) if batched else ()),
        Column("∂L/∂a", "gradient"),
        Column("φ′(z)"),
        Column("G", "gradient"),
    )
    return [
        Line.of(
            f"The gradient that arrives at output {output}, through {followed.activation}:"
            " G = ∂L/∂a·φ′(z)"
        ),
        Table(columns, tuple(rows), indent=2, caption="The gradient through the activation"),
        *_rest(followed),
    ]


def _gradient(followed: Followed, write: Write) -> list[Block]:
    index = followed.address.index
    weight = len(index) == 2
    batched = bool(followed.terms and followed.terms[0].row)
    rows = []
    for t in followed.terms[:MOST_ROWS]:
        times = ("×", write(t.input), "=", write(t.product)) if weight else ()
        rows.append((*_place(t.row), write(t.grad_output), *times, write(t.running_sum)))
    factors = (
        (Column(""), Column(f"x[{index[1]}]", "input"), Column(""), Column("product"))
        if weight
        else ()
    )
    columns = (
        *((Column("row"),) if batched else ()),
        Column(f"G[{index[0]}]", "gradient"),
        *factors,
        Column("running sum"),
    )
    what = f"G[{index[0]}]·x[{index[1]}]" if weight else f"G[{index[0]}]"
    total = followed.terms[-1].running_sum if followed.terms else 0.0
    return [
        Line.of(f"Its gradient is the sum of {what} over the rows of the batch:"),
        Table(columns, tuple(rows), indent=2, caption="The gradient, term by term"),
        *_rest(followed),
        Line.of(
            "the sum is ",
            write(total),
            "; torch has ",
            (write(followed.grad), "gradient"),
            indent=2,
        ),
    ]


def _update(followed: Followed, write: Write) -> list[Block]:
    blocks: list[Block] = [
        Line.of(f"Its update by {followed.optimizer.call}, g being torch's gradient:")
    ]
    for line in followed.working:
        name = SYMBOLS.get(line.name, line.name)
        blocks.append(Line.of(f"{name} = {symbols(line.formula)}", indent=2, formula=True))
        indent = " " * len(name)
        put_in = numbers_in(line, write)
        value = write(line.value)
        if put_in != value:
            blocks.append(Line.of(f"{indent} = {put_in}", indent=2, formula=True))
        blocks.append(Line.of(f"{indent} = {value}", indent=2, formula=True))
    update = followed.working[-1].value
    blocks.append(
        Line.of(
            f"new = old + update = {write(followed.before)} + ({write(update)})",
            indent=2,
            formula=True,
        )
    )
    blocks.append(
        Line.of(f"    = {write(followed.before + update)}; torch has ",
                (write(followed.after), "strong"), indent=2, formula=True)
    )  # fmt: skip
    blocks.append(Line.of(f"new − old in torch's numbers: {write(followed.update)}", indent=2))
    return blocks


def _place(row: tuple[int, ...]) -> tuple[str, ...]:
    return ("[" + ",".join(map(str, row)) + "]",) if row else ()


def _rest(followed: Followed) -> list[Block]:
    count = len(followed.terms)
    if count <= MOST_ROWS:
        return []
    return [Line.of((f"showing {MOST_ROWS} of {count:,} rows", "faint"), indent=2)]

"""The update of every parameter, or of one with all digits, to be redone by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.optimizers import STATE_SYMBOLS, SYMBOLS, known_numbers, move
from fcinspect.page import text
from fcinspect.page.blocks import (
    Aside,
    Block,
    Column,
    Equation,
    Heading,
    Line,
    Subject,
    Table,
    showing,
)
from fcinspect.page.matrices import equation, matrix, numbers
from fcinspect.reports.step.layers import outer_product
from fcinspect.rounding.formats import FLOAT64, format_named

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed, WorkedLine
    from fcinspect.arithmetic.optimizers import Quantity
    from fcinspect.arithmetic.training import LayerPass, LayerStep, ParameterStep, TrainingStep
    from fcinspect.reports.step.layers import LayerSubjects
    from fcinspect.rounding.arrays import Float64Array


MOST_WHOLE = 24
"""Parameters of up to this many numbers are shown whole."""
MOST_ROWS = 8
MOST_TERMS = 16
"""Most rows of the batch that are shown for a followed parameter."""
NAME = re.compile(r"\{([^}]+)\}")

Write = Callable[[float], str]


def symbols(formula: str) -> str:
    """Return a formula's template with the quantities' symbols."""
    return NAME.sub(lambda m: SYMBOLS.get(m[1], m[1]), formula)


def formula_lines(step: TrainingStep) -> list[Block]:
    """Return the optimizer's formulas of this step, and its hyperparameters."""
    _, parameter = step.parameters[0]
    working = working_of(step)
    lines = [f"{SYMBOLS.get(q.name, q.name)} = {symbols(q.formula)}" for q in working]
    used = set(NAME.findall(" ".join(q.formula for q in working)))
    values = [
        f"{SYMBOLS.get(name, name)} = {value:g}"
        for name, value in known_numbers(step.optimizer, step.number).items()
        if name in used
    ]
    said = f"{step.optimizer.call}, where g is the gradient: " + ", ".join(values)
    if parameter.state_before:
        kept = ", ".join(dict.fromkeys(STATE_SYMBOLS[name] for name in parameter.state_before))
        said += f"; on the right of =: {kept} of the previous step"
    lines.append("new = old + update")
    return [Line.of(said), *(Line.of(line, indent=2, formula=True) for line in lines)]


def working_of(step: TrainingStep) -> tuple[Quantity[Float64Array], ...]:
    """Return the lines of the optimizer's working in this step, for their formulas."""
    zero = np.zeros(())
    _, parameter = step.parameters[0]
    state = dict.fromkeys(parameter.state_before, zero)
    with np.errstate(all="ignore"):
        return move(step.optimizer, zero, zero, state, step.number).working


def parameter_tables(
    step: TrainingStep, subjects: Sequence[LayerSubjects], precision: int
) -> Iterator[list[Block]]:
    """Yield the blocks of each parameter."""
    working = working_of(step)
    rule = symbols(working[-1].formula) if len(working) == 1 else ""
    for layer, passed, own in zip(step.layers, step.before.layers, subjects, strict=True):
        for name, parameter in layer.parameters:
            subject = own.updated(text.safe(name), rule)
            blocks = _parameter(name, parameter, subject, precision)
            yield [*blocks, Aside((_whence(layer, passed, own, name, precision),))]


def _whence(
    layer: LayerStep, passed: LayerPass, own: LayerSubjects, name: str, precision: int
) -> Equation:
    """Return what a gradient is a product or a sum of."""
    g = layer.grad_output.rows
    if name.endswith(".weight"):
        formula = "gradient = G ⊗ x" if len(g) == 1 else "gradient = Gᵀ·X"
        return equation(f"{formula}: ", *outer_product(layer, passed, own, precision))
    formula = "gradient = G" if len(g) == 1 else "gradient = the column sums of G"
    return equation(formula, "=", matrix(g, own.grad_output(), precision))


def _parameter(
    name: str, parameter: ParameterStep, subject: Subject, precision: int
) -> list[Block]:
    shape, size = parameter.before.shape, parameter.before.size
    shown = size if size <= MOST_WHOLE else MOST_ROWS
    arrays = (parameter.before, parameter.grad, parameter.update, parameter.after)
    values = [array.values.reshape(-1)[:shown].tolist() for array in arrays]
    cells = [numbers(found, precision) for found in values]
    role = "weight" if name.endswith(".weight") else "bias"
    roles = {"index": "", "old": role, "gradient": "gradient", "update": "", "new": role}
    columns = tuple(map(Column, roles, roles.values()))
    places = list(islice(np.ndindex(*shape), shown))
    rows = tuple(zip(map(text.index, places), *cells, strict=True))
    called = text.safe(name)
    return [
        Line.of((f"{called} ", "strong"), (text.shape(shape), role), title=True),
        Table(
            columns,
            rows,
            indent=2,
            caption=f"{called}: old, gradient, update, new",
            subjects=(subject,),
            at=tuple(" ".join(map(str, place)) for place in places),
            exact=tuple(("", *map(repr, row)) for row in zip(*values, strict=True)),
        ),
        *showing(shown, size, "numbers", indent=2),
    ]


def followed_blocks(step: TrainingStep, followed: Followed) -> list[list[Block]]:
    """Return the groups of the followed parameter."""
    write = _writer(step)
    groups = [_gradient(followed, write), _followed_update(followed, write)]
    if followed.activation != "identity":
        groups.insert(0, _through_activation(followed, write))
    index = followed.address.index
    place = f"from input {index[1]} to" if len(index) == 2 else "added to"
    name, layer = text.safe(followed.address.text), text.safe(followed.layer)
    title = Heading(f"{name}: {place} output {index[0]} of {layer}")
    return [[title, *groups[0]], *groups[1:]]


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


def _through_activation(followed: Followed, write: Write) -> list[Block]:
    output = followed.address.index[0]
    rows = [
        (*_place(t.row), write(t.grad_activation), write(t.derivative), write(t.grad_output))
        for t in followed.terms[:MOST_TERMS]
    ]
    three = (Column("∂L/∂a", "gradient"), Column("φ′(z)"), Column("G", "gradient"))
    columns = (*_row_column(followed), *three)
    arriving = f"The gradient at output {output}, back through {followed.activation}"
    return [
        Line.of(f"{arriving}: G = ∂L/∂a·φ′(z)"),
        Table(columns, tuple(rows), indent=2, caption="The gradient through the activation"),
        *showing(MOST_TERMS, len(followed.terms), "rows", indent=2),
    ]


def _gradient(followed: Followed, write: Write) -> list[Block]:
    index = followed.address.index
    weight, g = len(index) == 2, f"G[{index[0]}]"
    rows = []
    for t in followed.terms[:MOST_TERMS]:
        times = ("×", write(t.input), "=", write(t.product)) if weight else ()
        rows.append((*_place(t.row), write(t.grad_output), *times, write(t.running_sum)))
    columns = [*_row_column(followed), Column(g, "gradient")]
    what = g
    if weight:
        x = f"x[{index[1]}]"
        columns += [Column(""), Column(x, "input"), Column(""), Column("product")]
        what = f"{g}·{x}"
    columns.append(Column("running sum"))
    total = followed.terms[-1].running_sum if followed.terms else 0.0
    said = f"the sum is {write(total)}; torch computed "
    return [
        Line.of(f"Its gradient is the sum of {what} over the rows of the batch:"),
        Table(tuple(columns), tuple(rows), indent=2, caption="The gradient, term by term"),
        *showing(MOST_TERMS, len(followed.terms), "rows", indent=2),
        Line.of(said, (write(followed.grad), "gradient"), indent=2),
    ]


def _followed_update(followed: Followed, write: Write) -> list[Block]:
    blocks: list[Block] = [
        Line.of(f"Its update by {followed.optimizer.call}, where g is torch's gradient:")
    ]
    for line in followed.working:
        name = SYMBOLS.get(line.name, line.name)
        blocks.append(Line.of(f"{name} = {symbols(line.formula)}", indent=2, formula=True))
        indent = " " * len(name)
        # once where the formula with its numbers is its value
        for shown in dict.fromkeys((numbers_in(line, write), write(line.value))):
            blocks.append(Line.of(f"{indent} = {shown}", indent=2, formula=True))
    update = followed.working[-1].value
    added = f"new = old + update = {write(followed.before)} + ({write(update)})"
    total = f"    = {write(followed.before + update)}; torch computed "
    return [
        *blocks,
        Line.of(added, indent=2, formula=True),
        Line.of(total, (write(followed.after), "strong"), indent=2, formula=True),
        Line.of(f"new − old in torch's numbers: {write(followed.update)}", indent=2),
    ]


def _row_column(followed: Followed) -> tuple[Column, ...]:
    return (Column("row"),) if followed.terms and followed.terms[0].row else ()


def _place(row: tuple[int, ...]) -> tuple[str, ...]:
    return (text.index(row),) if row else ()

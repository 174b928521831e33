"""The update of every parameter: the optimizer's formula, then old, gradient, update, new."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.optimizers import STATE_SYMBOLS, SYMBOLS, known_numbers, move
from fcinspect.page import text
from fcinspect.page.blocks import Aside, Block, Column, Equation, Line, Subject, Table
from fcinspect.page.matrices import equation, matrix, numbers
from fcinspect.reports.step.layer import outer_product

if TYPE_CHECKING:
    from fcinspect.arithmetic.optimizers import Quantity
    from fcinspect.arithmetic.training import LayerPass, LayerStep, ParameterStep, TrainingStep
    from fcinspect.reports.step.subjects import LayerSubjects
    from fcinspect.rounding.arrays import Float64Array


MOST_WHOLE = 24
"""Parameters of up to this many numbers are shown whole."""
MOST_ROWS = 8
NAME = re.compile(r"\{([^}]+)\}")


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
    said = f"{step.optimizer.call}, with g the gradient: " + ", ".join(values)
    if parameter.state_before:
        kept = ", ".join(dict.fromkeys(STATE_SYMBOLS[name] for name in parameter.state_before))
        said += f"; on the right of = stand the {kept} of the step before"
    return [
        Line.of(said),
        *(Line.of(line, indent=2, formula=True) for line in lines),
        Line.of("new = old + update", indent=2, formula=True),
    ]


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
    """Return a parameter's name and shape, and its numbers: old, gradient, update, new."""
    shape, size = parameter.before.shape, parameter.before.size
    shown = size if size <= MOST_WHOLE else MOST_ROWS
    arrays = (parameter.before, parameter.grad, parameter.update, parameter.after)
    values = [array.values.reshape(-1)[:shown].tolist() for array in arrays]
    columns = [numbers(found, precision) for found in values]
    role = "weight" if name.endswith(".weight") else "bias"
    places = [[str(k) for k in place] for place in islice(np.ndindex(*shape), shown)]
    rows = tuple(
        (f"[{','.join(place)}]", *written)
        for place, written in zip(places, zip(*columns, strict=True), strict=True)
    )
    called = text.safe(name)
    blocks: list[Block] = [
        Line.of((f"{called} ", "strong"), (text.shape(shape), role), title=True),
        Table(
            (
                Column("index"),
                Column("old", role),
                Column("gradient", "gradient"),
                Column("update"),
                Column("new", role),
            ),
            rows,
            indent=2,
            caption=f"{called}: old, gradient, update, new",
            subjects=(subject,),
            at=tuple(map(" ".join, places)),
            exact=tuple(("", *map(repr, row)) for row in zip(*values, strict=True)),
        ),
    ]
    if shown < size:
        blocks.append(Line.of((f"showing {shown} of {size:,} numbers", "faint"), indent=2))
    return blocks

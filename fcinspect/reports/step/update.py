"""The update of every parameter: the optimizer's formula, then old, gradient, update, new."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.optimizers import STATE_SYMBOLS, SYMBOLS, known_numbers, move
from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Line, Table
from fcinspect.page.matrices import numbers

if TYPE_CHECKING:
    from fcinspect.arithmetic.optimizers import Quantity
    from fcinspect.arithmetic.training import ParameterStep, TrainingStep
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
        *(Line.of(line, indent=2) for line in lines),
        Line.of("new = old + update", indent=2),
    ]


def working_of(step: TrainingStep) -> tuple[Quantity[Float64Array], ...]:
    """Return the lines of the optimizer's working in this step, for their formulas."""
    zero = np.zeros(())
    _, parameter = step.parameters[0]
    state = dict.fromkeys(parameter.state_before, zero)
    with np.errstate(all="ignore"):
        return move(step.optimizer, zero, zero, state, step.number).working


def parameter_tables(step: TrainingStep, precision: int) -> list[list[Block]]:
    """Return one table a parameter."""
    return [parameter_blocks(name, parameter, precision) for name, parameter in step.parameters]


def parameter_blocks(name: str, parameter: ParameterStep, precision: int) -> list[Block]:
    """Return a parameter's name and shape, and its numbers: old, gradient, update, new."""
    shape, size = parameter.before.shape, parameter.before.size
    shown = size if size <= MOST_WHOLE else MOST_ROWS
    arrays = (parameter.before, parameter.grad, parameter.update, parameter.after)
    columns = [
        numbers([float(v) for v in array.values.reshape(-1)[:shown]], precision) for array in arrays
    ]
    role = "weight" if name.endswith(".weight") else "bias"
    places = (np.unravel_index(i, shape) for i in range(shown))
    rows = tuple(
        ("[" + ",".join(str(int(k)) for k in place) + "]", *written)
        for place, written in zip(places, zip(*columns, strict=True), strict=True)
    )
    blocks: list[Block] = [
        Line.of((f"{text.safe(name)} ", "strong"), (text.shape(shape), role)),
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
        ),
    ]
    if shown < size:
        blocks.append(Line.of((f"showing {shown} of {size:,} numbers", "faint"), indent=2))
    return blocks

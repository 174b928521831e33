"""The update of every parameter on the page: old, gradient, update, new, and where it is from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.media.html.grid import grid
from fcinspect.media.html.page_table import PageTable
from fcinspect.media.html.step_layers import EquationRow
from fcinspect.page import text
from fcinspect.page.blocks import Table
from fcinspect.reports.step.update import parameter_blocks, symbols, working_of

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import ParameterStep, TrainingStep
    from fcinspect.media.html.step_subjects import LayerSubjects
    from fcinspect.page.blocks import Block


@dataclass(frozen=True)
class UpdatedParameter:
    """The numbers of a parameter, and the matrices that its gradient is a product of."""

    blocks: tuple[Block | PageTable, ...]
    whence: EquationRow


@dataclass(frozen=True)
class UpdateSection:
    """The parameters of one layer."""

    name: str
    parameters: tuple[UpdatedParameter, ...]


def update_section(
    step: TrainingStep, place: int, own: LayerSubjects, precision: int
) -> UpdateSection:
    """Return the updates of a layer's weight and bias."""
    layer, k = step.layers[place], own.number
    working = working_of(step)
    rule = symbols(working[-1].formula) if len(working) == 1 else ""
    of_weight = partial(
        PageTable,
        rule=rule,
        keys=f"U{k}",
        axes=f"{own.outs} {own.ins}",
        lights=f"W{k} P{k} G{k} a{k - 1}",
        formula=f"update dot G{k} a{k - 1}",
    )
    of_bias = partial(
        PageTable,
        rule=rule,
        keys=f"V{k}",
        axes=own.outs,
        lights=f"b{k} Q{k} G{k}",
        formula=f"update sum G{k}",
    )
    g, x = layer.grad_output.rows, step.before.layers[place].input.rows
    make = partial(grid, precision=precision)
    one = len(g) == 1
    turned = make(g.T, own.grad_output(turned=True), rows=own.outs, columns=own.n)
    inputs = make(x, own.input(), rows=own.n, columns=own.ins)
    product = EquationRow(
        "gradient = G ⊗ x" if one else "gradient = Gᵀ·X", (turned, "⊗" if one else "·", inputs)
    )
    sums = EquationRow(
        "gradient = G" if one else "gradient = the column sums of G",
        (make(g, own.grad_output(), rows=own.n, columns=own.outs),),
    )
    found = zip(layer.parameters, (of_weight, of_bias), (product, sums), strict=False)
    return UpdateSection(
        own.name,
        tuple(
            UpdatedParameter(_blocks(name, parameter, sheet, precision), whence)
            for (name, parameter), sheet, whence in found
        ),
    )


def _blocks(
    name: str, parameter: ParameterStep, make: Callable[..., PageTable], precision: int
) -> tuple[Block | PageTable, ...]:
    """Return the blocks of a parameter, its table as a sheet whose rows know their index."""
    arrays = (parameter.before, parameter.grad, parameter.update, parameter.after)
    called = text.safe(name)

    def page_table(table: Table) -> PageTable:
        count = len(table.rows)
        flat = [array.values.reshape(-1)[:count].tolist() for array in arrays]
        return make(
            table,
            f"{called}: old, gradient, update, new",
            name=called,
            at=[" ".join(map(str, place)) for place in _places(parameter.before.shape, count)],
            exact=[("", *map(repr, numbers)) for numbers in zip(*flat, strict=True)],
        )

    blocks = parameter_blocks(name, parameter, precision)
    return tuple(page_table(block) if isinstance(block, Table) else block for block in blocks)


def _places(shape: tuple[int, ...], count: int) -> Iterable[tuple[int, ...]]:
    return islice(np.ndindex(*shape), count)

"""A worksheet as a page: equations with blanks, or with the answers in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.layers.spec import format_widths
from fcinspect.page.blocks import Block, Heading, Line, Matrix, Page, PageBuilder
from fcinspect.page.text import plural
from fcinspect.reports.worksheet.numbers import (
    Numbers,
    WriteBlank,
    column_of,
    equation,
    matrix_of,
    row_of,
    underscores,
)
from fcinspect.worksheets.sheet import BLANK_SECTIONS, GIVEN_SECTIONS
from fcinspect.worksheets.working import hidden_afterwards, ways, written

if TYPE_CHECKING:
    from fractions import Fraction

    from fcinspect.worksheets.making import Seat
    from fcinspect.worksheets.problem import Problem, SheetLayer
    from fcinspect.worksheets.sheet import Sheet
    from fcinspect.worksheets.working import KeyCheck

TITLES = {
    "forward": "the forward pass",
    "gradient": "loss and gradients",
    "step": "one step of SGD",
    "all": "forward, loss, gradients and one step of SGD",
}

SYMBOLS = {"relu": "relu", "sigmoid": "σ", "tanh": "tanh"}
DEFINITIONS = {
    "relu": "relu(z) = max(z, 0)",
    "sigmoid": "σ(z) = 1/(1 + e^(−z)), the sigmoid",
    "tanh": "tanh(z) = (e^z − e^(−z))/(e^z + e^(−z))",
}
SLOPES = {
    "relu": " where z > 0, else 0",
    "sigmoid": "·a·(1 − a), each number times that of its unit",
    "tanh": "·(1 − a²), each number times that of its unit",
}
"""What ∂L/∂a is multiplied by."""


def page(
    sheet: Sheet,
    check: KeyCheck,
    answers: bool,
    blank: WriteBlank = underscores,
    seat: Seat | None = None,
) -> Page:
    """Return the page of a sheet, one of a class if it has a seat; with `answers` of its key."""
    numbers, problem, kind = Numbers(sheet, answers, blank), sheet.problem, sheet.problem.kind
    shown = {*BLANK_SECTIONS[kind], *(() if kind == "step" else GIVEN_SECTIONS[kind])}
    built = PageBuilder()
    built.add(*_title(problem, answers, seat))
    if not answers:
        built.group(*_instructions(sheet, seat.pupil if seat else ""))
    built.group(*_given(problem, numbers))
    if "forward" in shown:
        _forward(built, problem, numbers)
    if "loss" in shown:
        _loss(built, problem, numbers)
    if "backward" in shown:
        _backward(built, problem, numbers)
    if "update" in shown:
        _update(built, problem, numbers)
        _afterwards(built, problem, numbers, answers)
    if answers:
        _ways(built, sheet)
    built.group(*_foot(sheet, check, answers))
    if answers and len(problem.target) == 2 and "backward" in BLANK_SECTIONS[kind]:
        built.add(Line.of("Here 2/N = 1: leaving it out cannot show; with 1 or 3 outputs it does."))
    return built.page()


def _title(problem: Problem, answers: bool, seat: Seat | None) -> list[Block]:
    chain = " → ".join(
        layer.name if layer.activation == "identity" else f"{layer.name} → {layer.activation}"
        for layer in problem.layers
    )
    ending = "" if problem.kind == "forward" else " → mse with target t"
    place = f" {seat.number} of {seat.total}" if seat else ""
    words = f"{'Key' if answers else 'Worksheet'}{place}: {TITLES[problem.kind]}"
    whose = [Line.of((seat.pupil, "strong"), indent=2)] if answers and seat and seat.pupil else []
    return [
        Line.of((f"{words}, {format_widths(problem.widths)}", "strong")),
        *whose,
        Line.of(f"x → {chain} → y{ending}", indent=2),
    ]


def _instructions(sheet: Sheet, pupil: str) -> list[Block]:
    count = len(sheet.blanks)
    name = (pupil, "strong") if pupil else "_" * 32
    rounding = []
    if (decimals := sheet.problem.decimals) is not None:
        rounding = [
            Line.of(
                f"Round every result to {decimals} decimals, a half away from zero, and go on with"
                " the rounded number."
            )
        ]
    return [
        Line.of("Name ", name, f"   Date {'_' * 12}   Points ____ of {count}"),
        Line.of(
            f"Fill in {plural(count, 'blank')}: whole numbers, decimals, or fractions such as 2/3."
            " Rows and columns are counted from 0."
        ),
        *rounding,
    ]


def _given(problem: Problem, numbers: Numbers) -> list[Block]:
    blocks: list[Block] = [Heading("Given"), equation("x =", row_of(problem.x, "input"))]
    if problem.kind != "forward":
        blocks.append(equation("t =", row_of(problem.target, "")))
    if problem.kind == "step":
        blocks.append(equation("loss =", numbers.scalar("loss")))
    return blocks


def _forward(built: PageBuilder, problem: Problem, numbers: Numbers) -> None:
    built.group(Heading("Forward"))
    if len(problem.layers) > 1:
        built.add(Line.of(DEFINITIONS[problem.activation]))
    entering, symbol = tuple(map(written, problem.x)), "x"
    for layer in problem.layers:
        outputs = layer.shape[0]
        plus = "" if layer.bias is None else " + b"
        built.group(Line.of(_name(layer), f"z = W·{symbol}{plus}"))
        bias = () if layer.bias is None else ("+", _column(layer, "bias"))
        built.add(
            equation(
                matrix_of(layer.weight, "weight"), column_of(entering, "input"), *bias, "=",
                numbers.column(f"{layer.name}.z", outputs),
            )
        )  # fmt: skip
        if layer.activation in SYMBOLS:
            applied = f"a = {SYMBOLS[layer.activation]}(z) ="
            built.add(equation(applied, numbers.row(f"{layer.name}.a", outputs)))
            entering = numbers.named(f"{layer.name}.a", outputs, "a")
            symbol = f"a of {layer.name}"
        else:
            built.add(Line.of("y = z"))


def _loss(built: PageBuilder, problem: Problem, numbers: Numbers) -> None:
    n = len(problem.target)
    built.group(
        Heading("Loss"),
        Line.of(f"mse = Σ(y − t)²/N, N = {n}"),
        equation("loss =", numbers.scalar("loss")),
    )


def _backward(built: PageBuilder, problem: Problem, numbers: Numbers) -> None:
    """Show the layers from the last to the first."""
    built.group(Heading("Backward"))
    layers = problem.layers
    for k in range(len(layers) - 1, -1, -1):
        name, outputs = layers[k].name, layers[k].shape[0]
        if (activation := layers[k].activation) in SYMBOLS:
            above = layers[k + 1]
            g = numbers.named(f"{above.name}.grad_output", above.shape[0], "G")
            built.group(
                Line.of(_name(layers[k]), f"∂L/∂a = G·W with G and W of {above.name}"),
                equation(
                    Matrix((g,), "gradient"), matrix_of(above.weight, "weight"), "=",
                    numbers.row(f"{name}.grad_activation", outputs),
                ),
                Line.of(f"G = ∂L/∂z = ∂L/∂a{SLOPES[activation]}"),
            )  # fmt: skip
            given = "z" if activation == "relu" else "a"
            if numbers.knows(f"{name}.{given}[0]"):
                built.add(equation(f"{given} =", numbers.row(f"{name}.{given}", outputs)))
        else:
            built.group(Line.of(_name(layers[k]), "G = ∂L/∂z = ∂L/∂y = 2·(y − t)/N"))
        built.add(equation("G =", numbers.row(f"{name}.grad_output", outputs)))
        built.add(*_parameter_gradients(problem, k, numbers))


def _parameter_gradients(problem: Problem, k: int, numbers: Numbers) -> list[Block]:
    layer = problem.layers[k]
    outputs, inputs = layer.shape
    if k == 0:
        entering, symbol = tuple(map(written, problem.x)), "x"
    else:
        below = problem.layers[k - 1].name
        entering, symbol = numbers.named(f"{below}.a", inputs, "a"), f"a of {below}"
    g = numbers.named(f"{layer.name}.grad_output", outputs, "G")
    blocks: list[Block] = [
        Line.of(f"∂L/∂W = G ⊗ {symbol}, each number of G times each number of {symbol[0]}"),
        equation(
            column_of(g, "gradient"), "⊗", Matrix((entering,), "input"), "=",
            numbers.matrix(f"{layer.name}.weight.grad", layer.shape),
        ),
    ]  # fmt: skip
    if layer.bias is not None:
        blocks.append(equation("∂L/∂b = G =", numbers.row(f"{layer.name}.bias.grad", outputs)))
    return blocks


def _update(built: PageBuilder, problem: Problem, numbers: Numbers) -> None:
    rate = written(problem.learning_rate)
    built.group(Heading("Update"), Line.of(f"new = old − lr·gradient, lr = {rate}"))
    for layer in problem.layers:
        grad = f"{layer.name}.weight.grad"
        known = numbers.knows(f"{grad}[0,0]")
        built.group(
            Line.of(_name(layer), "new W"),
            equation(
                matrix_of(layer.weight, "weight"), f"− {rate} ·",
                numbers.matrix(grad, layer.shape) if known else "∂L/∂W", "=",
                numbers.matrix(f"{layer.name}.weight.after", layer.shape),
            ),
        )  # fmt: skip
        if layer.bias is not None:
            count = len(layer.bias)
            built.add(
                Line.of("new b"),
                equation(
                    row_of(layer.bias, "bias"), f"− {rate} ·",
                    numbers.row(f"{layer.name}.bias.grad", count) if known else "∂L/∂b", "=",
                    numbers.row(f"{layer.name}.bias.after", count),
                ),
            )  # fmt: skip


def _afterwards(built: PageBuilder, problem: Problem, numbers: Numbers, answers: bool) -> None:
    built.group(Heading("After the step"), Line.of("The same x and t, with the new parameters:"))
    if answers:
        for name, a in hidden_afterwards(problem).items():
            built.add(equation((f"{name} ", "strong"), "a =", row_of(a, "")))
    built.add(
        equation("y =", numbers.row("output_after", len(problem.target))),
        equation("loss =", numbers.scalar("loss_after")),
    )


def _ways(built: PageBuilder, sheet: Sheet) -> None:
    found = ways(sheet.problem)
    built.group(Heading("The way to each answer"))
    for blank in sheet.blanks:
        built.add(Line.of((blank.id, "strong"), f" = {found[blank.id]}", hang=4))


def _foot(sheet: Sheet, check: KeyCheck, answers: bool) -> list[Block]:
    problem = sheet.problem
    if not answers:
        said = f"{command_of(problem)}; checked by {check.checked_by}"
        return [Line.of((said, "faint"))]
    equal = f"{check.equal} equal"
    if check.within_bound:
        equal += f", {check.within_bound} as near as its rounding allows"
    count = plural(len(sheet.blanks), "answer")
    computed = f"{check.checked_by} computes {check.numbers} numbers of this network"
    said = f"Key: {count}, exact. {computed} in {check.dtype}: {equal}."
    if problem.decimals is not None:
        said = (
            f"Key: {count}, each rounded to {problem.decimals} decimals. {computed} in"
            f" {check.dtype} without rounding them: {equal}. The key is as near to them as its own"
            " rounding allows."
        )
    return [
        Line.of(said),
        Line.of(f"The sheet: {_seeded_command_of(problem)}, code {problem.code}"),
    ]


def _column(layer: SheetLayer[Fraction], role: str) -> Matrix:
    return matrix_of([(b,) for b in layer.bias or ()], role)


def _name(layer: SheetLayer[Fraction]) -> tuple[str, str]:
    return (f"{layer.name}  ", "strong")


def command_of(problem: Problem) -> str:
    """Return "worksheet 3-2-2 --sheet all --code JQ6G-GBVA", as a pupil may see it."""
    return f"{_command(problem)} --code {problem.code}"


def _seeded_command_of(problem: Problem) -> str:
    """Return "worksheet 3-2-2 --sheet all --seed 7", for the eyes of a teacher."""
    return f"{_command(problem)} --seed {problem.seed}"


def _command(problem: Problem) -> str:
    bias = "" if problem.has_bias else " --no-bias"
    smooth = ""
    if problem.decimals is not None:
        smooth = f" --activation {problem.activation} --decimals {problem.decimals}"
    return f"worksheet {format_widths(problem.widths)} --sheet {problem.kind}{bias}{smooth}"

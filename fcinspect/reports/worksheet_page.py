"""A worksheet as a page: equations with blanks, or with the answers in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from fcinspect.layers.spec import format_widths
from fcinspect.page import matrices
from fcinspect.page.blocks import Block, Heading, Line, Matrix, Page, PageBuilder, Span
from fcinspect.page.text import plural
from fcinspect.worksheets.sheet import BLANK_SECTIONS, GIVEN_SECTIONS
from fcinspect.worksheets.working import approached, hidden_afterwards, ways, written

if TYPE_CHECKING:
    from fractions import Fraction

    from fcinspect.worksheets.making import Seat
    from fcinspect.worksheets.problem import Problem, SheetLayer
    from fcinspect.worksheets.sheet import Sheet
    from fcinspect.worksheets.working import KeyCheck

WriteBlank = Callable[[str, int], str]
"""(id, columns of its matrix) -> what stands in the place of an answer."""


def underscores(name: str, columns: int) -> str:
    """Return a line to write on, a short one in a wide matrix."""
    return "______" if columns <= 6 else "____"


class Numbers:
    """Everything that can stand in a matrix of one sheet."""

    def __init__(self, sheet: Sheet, answers: bool, blank: WriteBlank = underscores) -> None:
        self._write = blank
        self._known = dict(sheet.given)
        if answers:
            self._known |= {blank.id: blank.answer for blank in sheet.blanks}

    def scalar(self, name: str) -> Span:
        """Return the number of that id, or a blank."""
        known = self._known.get(name)
        return (self._write(name, 1) if known is None else approached(known)), "output"

    def column(self, place: str, count: int) -> Matrix:
        """Return place[0], place[1], … as a column."""
        return column_of([self._cell(f"{place}[{i}]", 1) for i in range(count)], "output")

    def row(self, place: str, count: int) -> Matrix:
        """Return place[0], place[1], … as a row."""
        names = (f"{place}[{i}]" for i in range(count))
        return Matrix((tuple(self._cell(name, count) for name in names),), "output")

    def matrix(self, place: str, shape: tuple[int, int]) -> Matrix:
        """Return place[0,0], … as a matrix."""
        rows, columns = shape
        names = [[f"{place}[{i},{j}]" for j in range(columns)] for i in range(rows)]
        return Matrix(tuple(tuple(self._cell(n, columns) for n in row) for row in names), "output")

    def named(self, place: str, count: int, symbol: str) -> tuple[str, ...]:
        """Return the numbers of a place that is used again, or their names where it is blank."""
        known = [self._known.get(f"{place}[{i}]") for i in range(count)]
        return tuple(f"{symbol}[{i}]" if v is None else written(v) for i, v in enumerate(known))

    def knows(self, name: str) -> bool:
        """Whether the number is shown."""
        return name in self._known

    def _cell(self, name: str, columns: int) -> str:
        known = self._known.get(name)
        return self._write(name, columns) if known is None else written(known)


def matrix_of(rows: Sequence[Sequence[Fraction]], role: str) -> Matrix:
    """Return numbers in brackets."""
    return Matrix(tuple(tuple(map(written, row)) for row in rows), role)


def row_of(values: Sequence[Fraction], role: str) -> Matrix:
    """Return numbers in brackets, side by side."""
    return matrix_of((values,), role)


def column_of(cells: Sequence[str], role: str) -> Matrix:
    """Return what is written in brackets, one below the other."""
    return Matrix(tuple((cell,) for cell in cells), role)


equation = partial(matrices.equation, whole=True)
"""In which no column is left out, however narrow the page is."""

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
    "sigmoid": "·a·(1 − a), element by element",
    "tanh": "·(1 − a²), element by element",
}
"""The factor of ∂L/∂a."""


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
    built.group(Heading("Given"), equation("x =", row_of(problem.x, "input")))
    if kind != "forward":
        built.add(equation("t =", row_of(problem.target, "")))
    if kind == "step":
        built.add(equation("loss =", numbers.scalar("loss")))
    if "forward" in shown:
        _forward(built, problem, numbers)
    if "loss" in shown:
        formula = Line.of(f"mse = Σ(y − t)²/N, N = {len(problem.target)}")
        built.group(Heading("Loss"), formula, equation("loss =", numbers.scalar("loss")))
    if "backward" in shown:
        _backward(built, problem, numbers)
    if "update" in shown:
        _update(built, problem, numbers)
        _afterwards(built, problem, numbers, answers)
    if answers:
        found = ways(problem)
        built.group(Heading("How to get each answer"))
        for each in sheet.blanks:
            built.add(Line.of((each.id, "strong"), f" = {found[each.id]}", hang=4))
    built.group(*_foot(sheet, check, answers))
    if answers and len(problem.target) == 2 and "backward" in BLANK_SECTIONS[kind]:
        built.add(
            Line.of("Here 2/N = 1: leaving it out changes nothing; with 1 or 3 outputs it does.")
        )
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
    told = [
        f"Fill in {plural(count, 'blank')}: whole numbers, decimals, or fractions such as 2/3."
        " Rows and columns are counted from 0."
    ]
    if (decimals := sheet.problem.decimals) is not None:
        told.append(
            f"Round every result to {decimals} decimals, halves away from zero, and continue with"
            " the rounded number."
        )
    head = Line.of("Name ", name, f"   Date {'_' * 12}   Points ____ of {count}")
    return [head, *map(Line.of, told)]


def _forward(built: PageBuilder, problem: Problem, numbers: Numbers) -> None:
    built.group(Heading("Forward"))
    if len(problem.layers) > 1:
        built.add(Line.of(DEFINITIONS[problem.activation]))
    entering, symbol = tuple(map(written, problem.x)), "x"
    for layer in problem.layers:
        outputs = layer.shape[0]
        plus = "" if layer.bias is None else " + b"
        built.group(Line.of(_name(layer), f"z = W·{symbol}{plus}"))
        bias = () if layer.bias is None else ("+", matrix_of([(b,) for b in layer.bias], "bias"))
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


def _foot(sheet: Sheet, check: KeyCheck, answers: bool) -> list[Block]:
    problem = sheet.problem
    if not answers:
        return [Line.of((f"{command_of(problem)}; checked by {check.checked_by}", "faint"))]
    equal = f"{check.equal} equal"
    if check.within_bound:
        equal += f", {check.within_bound} within its rounding bound"
    count = plural(len(sheet.blanks), "answer")
    computed = f"{check.checked_by} computes {check.numbers} numbers of this network"
    said = f"Key: {count}, exact. {computed} in {check.dtype}: {equal}."
    if problem.decimals is not None:
        said = (
            f"Key: {count}, each rounded to {problem.decimals} decimals. {computed} in"
            f" {check.dtype} without rounding them: {equal}. The key differs from them by no more"
            " than its own rounding allows."
        )
    # the seed is for the eyes of a teacher
    seeded = f"{_command(problem)} --seed {problem.seed}"
    return [Line.of(said), Line.of(f"The sheet: {seeded}, code {problem.code}")]


def _name(layer: SheetLayer[Fraction]) -> tuple[str, str]:
    return (f"{layer.name}  ", "strong")


def command_of(problem: Problem) -> str:
    """Return "worksheet 3-2-2 --sheet all --code JQ6G-GBVA", as a pupil may see it."""
    return f"{_command(problem)} --code {problem.code}"


def _command(problem: Problem) -> str:
    bias = "" if problem.has_bias else " --no-bias"
    smooth = ""
    if problem.decimals is not None:
        smooth = f" --activation {problem.activation} --decimals {problem.decimals}"
    return f"worksheet {format_widths(problem.widths)} --sheet {problem.kind}{bias}{smooth}"

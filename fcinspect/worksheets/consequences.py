"""What each blank holds if it is computed rightly from the pupil's own numbers before it.

A pupil may go on with a number as it is written, with the same number before it was rounded, or
with one here and the other there. A number that is no decimal, and 0, is not rounded. Everything
is exact. On a sheet that rounds every result, going on with a rounded number is right, too, where
the pupil wrote none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from fcinspect.worksheets.answers import Answer
from fcinspect.worksheets.dependence import LAYERED
from fcinspect.worksheets.problem import SMOOTH, Problem
from fcinspect.worksheets.ranges import Range, around, point, total
from fcinspect.worksheets.sheet import Sheet
from fcinspect.worksheets.smooth import after, both, slopes, values
from fcinspect.worksheets.solution import solve

Carried = Mapping[str, Range]
"""What is gone on with, by id."""
GoesOn = Callable[[Answer, Range, Fraction], Range]
"""(answer, what it should be with the numbers before it, its right result) -> what is gone on
with."""
ZERO = point(Fraction(0))


@dataclass(frozen=True)
class _Way:
    """A sheet worked out in one way of going on."""

    expected: Mapping[str, tuple[Range, ...]]
    """By the id of a blank; two ranges where the sign of a z decides and is not known, and on a
    sheet that rounds the numbers before and after."""
    carried: Carried


@dataclass(frozen=True, eq=False)
class Consequences:
    """What the blanks of a sheet hold if they are computed from the pupil's own numbers.

    What a sheet gives is exact; where it is rounded, it may also be worked out without rounding.
    """

    sheet: Sheet
    answers: Mapping[str, Answer]
    """By the ids of their blanks; an empty one has no entry."""

    @cached_property
    def written(self) -> _Way:
        """Going on with numbers as they are written."""
        return _worked_out(
            self.sheet, self.answers, lambda answer, _, __: point(answer.value), True
        )

    @cached_property
    def unrounded(self) -> _Way:
        """Going on with what may have been rounded to these."""
        return _worked_out(self.sheet, self.answers, _before_rounding)

    @cached_property
    def mixed(self) -> _Way:
        """Going on with anything between the two."""
        return _worked_out(self.sheet, self.answers, _either)

    @cached_property
    def of_right(self) -> _Way:
        """Going on with anything between what is written and the right result that it rounds."""
        return _worked_out(self.sheet, self.answers, _written_or_right)

    @property
    def carried(self) -> Carried:
        """What the pupil may have gone on with."""
        return self.mixed.carried

    def agrees(self, name: str, answer: Answer) -> bool:
        """Whether an answer follows from the numbers before it; only a decimal is rounded."""
        if _is_decimal(answer):
            return _rounds(answer, self.mixed.expected[name])
        return _is_one(answer, self.written.expected[name] + self.unrounded.expected[name])

    def is_rounded(self, name: str, answer: Answer) -> bool:
        """Whether an answer needs no more than that numbers before it round the right ones."""
        if _is_decimal(answer):
            return _rounds(answer, self.of_right.expected[name])
        return _is_one(answer, self.written.expected[name])

    def vanishes(self, name: str, answer: Answer) -> bool:
        """Whether an answer is 0 with so few decimals that what should be there has none left."""
        if answer.unit is None or answer.value:
            return False
        ranges = self.mixed.expected[name]
        return any(one.distance(answer.value) <= answer.unit / 2 for one in ranges)


def _is_decimal(answer: Answer) -> bool:
    """Whether an answer may be rounded: a decimal other than 0."""
    return answer.unit is not None and bool(answer.value)


def _rounds(answer: Answer, ranges: Iterable[Range]) -> bool:
    """Whether a decimal is a rounded number of the ranges."""
    assert answer.unit is not None
    reach = answer.unit / 2
    return any(one.distance(answer.value) <= reach for one in ranges)


def _is_one(answer: Answer, ranges: Iterable[Range]) -> bool:
    """Whether an answer is itself a number of the ranges."""
    return any(not one.distance(answer.value) for one in ranges)


def _before_rounding(answer: Answer, computed: Range, right: Fraction) -> Range:
    reach = answer.unit / 2 if answer.unit is not None else Fraction(0)
    rounded = around(answer.value, reach)
    # of a number that nothing gives, it is not known what it is rounded from; 0 is rounded from 0
    unknown = rounded if answer.value else point(right).meet(rounded) or ZERO
    return computed.meet(rounded) or unknown


def _either(answer: Answer, computed: Range, right: Fraction) -> Range:
    return point(answer.value).hull(_before_rounding(answer, computed, right))


def _written_or_right(answer: Answer, computed: Range, right: Fraction) -> Range:
    del computed
    written = point(answer.value)
    return written.hull(point(right)) if answer.rounds(right) else written


def _given_or_unrounded(sheet: Sheet) -> dict[str, Range]:
    """Return everything before the first blank, as the sheet gives it or not rounded at all."""
    carried: dict[str, Range] = {}
    for name, value in solve(sheet.problem).items():
        if name == sheet.blanks[0].id:
            break
        found = computed(sheet.problem, name, carried)
        carried[name] = point(value).hull(found[0]).hull(found[-1])
    return carried


def _worked_out(
    sheet: Sheet, answers: Mapping[str, Answer], goes_on: GoesOn, as_given: bool = False
) -> _Way:
    expected: dict[str, tuple[Range, ...]] = {}
    carried = {name: point(value) for name, value in sheet.given.items()}
    if sheet.problem.decimals is not None and not as_given:
        carried = _given_or_unrounded(sheet)
    for blank in sheet.blanks:
        found = computed(sheet.problem, blank.id, carried)
        hull = found[0].hull(found[-1])
        decimals = sheet.problem.decimals
        if decimals is not None:
            hull = both(hull, decimals)
            found = (*found, *(after(one, decimals) for one in found))
        expected[blank.id] = found
        answer = answers.get(blank.id)
        carried[blank.id] = hull if answer is None else goes_on(answer, hull, blank.answer)
    return _Way(expected, carried)


def computed(problem: Problem, name: str, carried: Carried) -> tuple[Range, ...]:
    """Return what a blank holds, before it is rounded, with the numbers that are gone on with."""
    if name == "loss":
        return (_mse(problem, _row(f"{problem.layers[-1].name}.z", problem.widths[-1], carried)),)
    if name == "loss_after":
        return (_mse(problem, _row("output_after", problem.widths[-1], carried)),)
    if name.startswith("output_after["):
        return (_after(problem, carried)[int(name[len("output_after[") : -1])],)
    match = LAYERED.fullmatch(name)
    assert match is not None
    layer, place, j, i = match.groups()
    k = [one.name for one in problem.layers].index(layer)
    if place == "grad_output":
        return _grad_output(problem, k, int(j), carried)
    return (_OF_PLACE[place](problem, k, int(j), int(i or 0), carried),)


def _row(place: str, count: int, carried: Carried) -> list[Range]:
    return [carried[f"{place}[{i}]"] for i in range(count)]


def _inputs(problem: Problem, k: int, carried: Carried) -> list[Range]:
    if k == 0:
        return [point(value) for value in problem.x]
    return _row(f"{problem.layers[k - 1].name}.a", problem.widths[k], carried)


def _dot(weights: list[Range], values: list[Range]) -> Range:
    return total(w * v for w, v in zip(weights, values, strict=True))


def _points(values: tuple[Fraction, ...]) -> list[Range]:
    return [point(value) for value in values]


def _z(problem: Problem, k: int, j: int, i: int, carried: Carried) -> Range:
    del i
    layer = problem.layers[k]
    product = _dot(_points(layer.weight[j]), _inputs(problem, k, carried))
    return product if layer.bias is None else product + point(layer.bias[j])


def _a(problem: Problem, k: int, j: int, i: int, carried: Carried) -> Range:
    del i
    layer = problem.layers[k]
    return _activated(layer.activation, carried[f"{layer.name}.z[{j}]"])


def _activated(activation: str, z: Range) -> Range:
    if activation in SMOOTH:
        return values(activation, z)
    return z.relu if activation == "relu" else z


def _mse(problem: Problem, outputs: list[Range]) -> Range:
    squares = [(y - point(t)).square for y, t in zip(outputs, problem.target, strict=True)]
    return total(squares) * point(Fraction(1, len(squares)))


def _grad_output(problem: Problem, k: int, j: int, carried: Carried) -> tuple[Range, ...]:
    layer = problem.layers[k]
    z = carried[f"{layer.name}.z[{j}]"]
    if layer.activation == "identity":
        return ((z - point(problem.target[j])) * point(Fraction(2, len(problem.target))),)
    arriving = carried[f"{layer.name}.grad_activation[{j}]"]
    if layer.activation in SMOOTH:
        return (arriving * slopes(layer.activation, carried[f"{layer.name}.a[{j}]"]),)
    if z.low > 0:
        return (arriving,)
    return (ZERO,) if z.high <= 0 else (ZERO, arriving)


def _grad_activation(problem: Problem, k: int, j: int, i: int, carried: Carried) -> Range:
    del i
    behind = problem.layers[k + 1]
    column = [point(row[j]) for row in behind.weight]
    return _dot(column, _row(f"{behind.name}.grad_output", len(column), carried))


def _weight_grad(problem: Problem, k: int, j: int, i: int, carried: Carried) -> Range:
    g = carried[f"{problem.layers[k].name}.grad_output[{j}]"]
    return g * _inputs(problem, k, carried)[i]


def _bias_grad(problem: Problem, k: int, j: int, i: int, carried: Carried) -> Range:
    del i
    return carried[f"{problem.layers[k].name}.grad_output[{j}]"]


def _weight_after(problem: Problem, k: int, j: int, i: int, carried: Carried) -> Range:
    layer = problem.layers[k]
    gradient = carried[f"{layer.name}.weight.grad[{j},{i}]"]
    return point(layer.weight[j][i]) - point(problem.learning_rate) * gradient


def _bias_after(problem: Problem, k: int, j: int, i: int, carried: Carried) -> Range:
    del i
    layer = problem.layers[k]
    assert layer.bias is not None
    gradient = carried[f"{layer.name}.bias.grad[{j}]"]
    return point(layer.bias[j]) - point(problem.learning_rate) * gradient


def _after(problem: Problem, carried: Carried) -> list[Range]:
    """Return the output of the second forward pass, whose hidden layers have no blanks."""
    x = _points(problem.x)
    for layer in problem.layers:
        place, (outputs, inputs) = f"{layer.name}.weight.after", layer.shape
        rows = [[carried[f"{place}[{j},{i}]"] for i in range(inputs)] for j in range(outputs)]
        x = [_dot(row, x) for row in rows]
        if layer.bias is not None:
            biases = _row(f"{layer.name}.bias.after", outputs, carried)
            x = [v + b for v, b in zip(x, biases, strict=True)]
        if layer is not problem.layers[-1]:
            x = [_activated(layer.activation, _kept(v, problem)) for v in x]
            x = [_kept(v, problem) for v in x]
    return x


def _kept(numbers: Range, problem: Problem) -> Range:
    """Return what may be gone on with where nothing is written."""
    return numbers if problem.decimals is None else both(numbers, problem.decimals)


_OF_PLACE: Mapping[str, Callable[[Problem, int, int, int, Carried], Range]] = {
    "z": _z,
    "a": _a,
    "grad_activation": _grad_activation,
    "weight.grad": _weight_grad,
    "bias.grad": _bias_grad,
    "weight.after": _weight_after,
    "bias.after": _bias_after,
}

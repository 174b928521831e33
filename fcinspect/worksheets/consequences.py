"""What each blank holds if it is computed rightly from the pupil's own numbers before it.

A pupil may go on with a number as it is written, with the same number before it was rounded, or
with one here and the other there. A number that is no decimal, and 0, is not rounded. Everything
is exact. On a sheet that rounds every result, going on with a rounded number is right, too, where
the pupil wrote none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from fcinspect.worksheets.answers import Answer
from fcinspect.worksheets.numbers import ZERO, Range, around, point
from fcinspect.worksheets.passes import Row, ids_of, worked
from fcinspect.worksheets.problem import Problem
from fcinspect.worksheets.sheet import Sheet

Carried = Mapping[str, Range]
"""What is gone on with, by id."""
GoesOn = Callable[[Answer, Range, Fraction], Range]
"""(answer, what it should be with the numbers before it, its right result) -> what is gone on
with."""
LAYERED = re.compile(r"(\w+)\.([a-z_.]+)\[(\d+)(?:,(\d+))?\]", re.ASCII)


@dataclass(frozen=True)
class _Way:
    expected: Mapping[str, tuple[Range, ...]]
    """By the id of a blank; two ranges where the sign of a z decides and is not known, and on a
    sheet that rounds the numbers before and after."""
    carried: Carried


@dataclass(frozen=True, eq=False)
class Consequences:
    """What the blanks of a sheet hold if they are computed from the pupil's own numbers."""

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

    def agrees(self, name: str, answer: Answer) -> bool:
        """Whether an answer follows from the numbers before it; only a decimal is rounded."""
        if _is_decimal(answer):
            return _fits(answer, self.mixed.expected[name], answer.unit)
        return _fits(answer, self.written.expected[name] + self.unrounded.expected[name])

    def is_rounded(self, name: str, answer: Answer) -> bool:
        """Whether an answer needs no more than that numbers before it round the right ones."""
        if _is_decimal(answer):
            return _fits(answer, self.of_right.expected[name], answer.unit)
        return _fits(answer, self.written.expected[name])

    def vanishes(self, name: str, answer: Answer) -> bool:
        """Whether an answer is 0 with so few decimals that what should be there has none left."""
        decimal_zero = answer.unit is not None and not answer.value
        return decimal_zero and _fits(answer, self.mixed.expected[name], answer.unit)


def _is_decimal(answer: Answer) -> bool:
    """Whether an answer may be rounded: a decimal other than 0."""
    return answer.unit is not None and bool(answer.value)


def _fits(answer: Answer, ranges: Iterable[Range], unit: Fraction | None = None) -> bool:
    """Whether an answer is a number of the ranges, rounded to the unit where there is one."""
    reach = Fraction(0) if unit is None else unit / 2
    return any(one.distance(answer.value) <= reach for one in ranges)


def _before_rounding(answer: Answer, computed: Range, right: Fraction) -> Range:
    reach = answer.unit / 2 if answer.unit is not None else Fraction(0)
    rounded = around(answer.value, reach)
    # of a number that nothing gives, it is not known what it is rounded from; 0 is rounded from 0
    unknown = rounded if answer.value else point(right).meet(rounded) or ZERO
    return computed.meet(rounded) or unknown


def _either(answer: Answer, computed: Range, right: Fraction) -> Range:
    return point(answer.value).hull(_before_rounding(answer, computed, right))


def _written_or_right(answer: Answer, _: Range, right: Fraction) -> Range:
    written = point(answer.value)
    return written.hull(point(right)) if answer.rounds(right) else written


def _worked_out(
    sheet: Sheet, answers: Mapping[str, Answer], goes_on: GoesOn, as_given: bool = False
) -> _Way:
    problem, decimals = sheet.problem, sheet.problem.decimals
    blanks = {blank.id: blank.answer for blank in sheet.blanks}
    expected: dict[str, tuple[Range, ...]] = {}
    carried: dict[str, Range] = {}

    def unwritten(computed: Range) -> Range:
        """Return what may be gone on with where nothing is written."""
        return computed if decimals is None else computed.hull(computed.rounded(decimals))

    def gone_on_with(name: str, computed: Range) -> Range:
        if name not in blanks:
            # as the sheet gives it, or not rounded at all
            right = point(sheet.results[name])
            return right if as_given else right.hull(computed)
        hull, found = unwritten(computed), _either_sign(problem, name, computed, carried)
        if decimals is not None:
            found = (*found, *(one.rounded(decimals) for one in found))
        expected[name] = found
        answer = answers.get(name)
        return hull if answer is None else goes_on(answer, hull, blanks[name])

    def keep(place: str, values: Row[Range]) -> Row[Range]:
        if not place:
            return tuple(map(unwritten, values))
        for name, computed in zip(ids_of(place, len(values)), values, strict=True):
            carried[name] = gone_on_with(name, computed)
        return tuple(carried[name] for name in ids_of(place, len(values)))

    worked(problem, point, keep=keep)
    return _Way(expected, carried)


def _either_sign(
    problem: Problem, name: str, computed: Range, carried: Carried
) -> tuple[Range, ...]:
    """Return 0 and what else a gradient may be where the sign of its z decides and is unknown."""
    if problem.activation == "relu" and ".grad_output[" in name:
        needed = [carried[operand] for operand in operands(problem, name)]
        # there is no relu after the last layer: z alone is needed
        if len(needed) > 1 and needed[1].low <= 0 < needed[1].high:
            return ZERO, needed[0]
    return (computed,)


def operands(problem: Problem, name: str) -> list[str]:
    """Return the ids of the results with which one is computed directly."""
    layers, outputs = problem.layers, problem.widths[-1]
    if name == "loss":
        return ids_of(f"{layers[-1].name}.z", outputs)
    if name == "loss_after":
        return ids_of("output_after", outputs)
    if name.startswith("output_after"):
        return list(_parameters_after(problem))
    found = LAYERED.fullmatch(name)
    assert found is not None
    layer, place, j, i = found.groups()
    k = [one.name for one in layers].index(layer)
    match place:
        case "z":
            return ids_of(f"{layers[k - 1].name}.a", problem.widths[k]) if k else []
        case "grad_activation":
            return ids_of(f"{layers[k + 1].name}.grad_output", problem.widths[k + 2])
        case "grad_output" if k < len(layers) - 1:
            # the derivative of relu is that at z, the others' is computed from a
            own = "z" if problem.activation == "relu" else "a"
            return [f"{layer}.grad_activation[{j}]", f"{layer}.{own}[{j}]"]
        case "weight.grad":
            entering = [f"{layers[k - 1].name}.a[{i}]"] if k else []
            return [f"{layer}.grad_output[{j}]", *entering]
        case "weight.after":
            return [f"{layer}.weight.grad[{j},{i}]"]
    return [f"{layer}.{_ONE_OPERAND[place]}[{j}]"]


_ONE_OPERAND = {"a": "z", "grad_output": "z", "bias.grad": "grad_output", "bias.after": "bias.grad"}
"""By place: the place whose number with the same index is all that is needed."""


def _parameters_after(problem: Problem) -> Iterator[str]:
    for layer in problem.layers:
        outputs, inputs = layer.shape
        for j in range(outputs):
            for i in range(inputs):
                yield f"{layer.name}.weight.after[{j},{i}]"
            if layer.bias is not None:
                yield f"{layer.name}.bias.after[{j}]"

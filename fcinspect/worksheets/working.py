"""The way to each result as it would be written by hand, 2·1 + (-1)·3 + 4 = 3, and its check.

Where a result is rounded, ≈ stands before it: 0.73·0.25 ≈ 0.18.

The exact results are compared with those of another program in binary numbers. Answers that a
computer gave are told apart, too: their last digits tell of float32 or float64, not of the pupil.
A worksheet worked out in float32 differs from the exact results by what `Bounded` allows if every
number of the problem and every operation is rounded once. So of an answer with at least seven
digits, as many as float32 keeps, those below the place that this error reaches are not taken for
written ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from fcinspect.worksheets.answers import Answer
from fcinspect.worksheets.numbers import FLOAT32, Bounded, Range, point
from fcinspect.worksheets.passes import (
    Gradients,
    Passed,
    Row,
    ids_of,
    solve,
    solve_bounded,
    worked,
    worked_exactly,
)
from fcinspect.worksheets.problem import Problem, SheetLayer, Vector

LONGEST = 12
"""Decimals of a number that is written out; a longer one is written as a quotient."""


def decimals(value: Fraction) -> int | None:
    """Return how many decimals a number has, or None where they never end."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def written(value: Fraction) -> str:
    """Write a number exactly: 3, -0.25, or 31/75 where its decimals do not end soon."""
    places = decimals(value)
    if places is None or places > LONGEST:
        return str(value)
    if places == 0:
        return str(value.numerator)
    sign, digits = "-" * (value < 0), str(abs(value.numerator) * 10**places // value.denominator)
    digits = digits.zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def approached(value: Fraction) -> str:
    """Write a number exactly, and beside a quotient about how much it is: 31/75 ≈ 0.413333."""
    text = written(value)
    return f"{text} ≈ {float(value):.6g}" if "/" in text else text


def ways(problem: Problem) -> Mapping[str, str]:
    """Return the way to every result by its id, the result at its end."""
    made, t = worked_exactly(problem), problem.target
    found: dict[str, str] = {"loss": _mse(made.y, t), "loss_after": _mse(made.again[-1].a, t)}
    names = [layer.name for layer in problem.layers]
    for k, (name, layer, here) in enumerate(zip(names, made.layers, made.passed, strict=True)):
        found |= _products(f"{name}.z", layer, here.x)
        if layer.activation in _ACTIVATED:
            way = _ACTIVATED[layer.activation]
            found |= {f"{name}.a[{i}]": way(z) for i, z in enumerate(here.z)}
        found |= _backward(name, made.layers[k:], here, made.gradients[k:], t)
        found |= _update(name, layer, made.gradients[k], problem.learning_rate)
    found |= _products("output_after", made.after[-1], made.again[-1].x)
    results = solve(problem)
    cut = _rounded(problem, results)
    return {
        name: f"{found[name]} {'≈' if name in cut else '='} {approached(value)}"
        for name, value in results.items()
    }


def _rounded(problem: Problem, results: Mapping[str, Fraction]) -> set[str]:
    """Return the ids of the results that are not exactly what their way comes to."""
    found: set[str] = set()
    places = problem.decimals
    if places is None:
        return found

    def keep(place: str, values: Row[Range]) -> Row[Range]:
        if not place:
            return tuple(value.rounded(places) for value in values)
        names = ids_of(place, len(values))
        kept = tuple(point(results[name]) for name in names)
        found.update(
            n for n, before, after in zip(names, values, kept, strict=True) if before != after
        )
        return kept

    worked(problem, point, keep=keep)
    return found


def hidden_afterwards(problem: Problem) -> Mapping[str, Vector]:
    """Return the activations of the hidden layers after the step, which have no blanks."""
    hidden = worked_exactly(problem).again[:-1]
    return {layer.name: here.a for layer, here in zip(problem.layers[:-1], hidden, strict=True)}


def factor(value: Fraction) -> str:
    """Write a number as a factor or a term: (-3), 2."""
    return f"({written(value)})" if value < 0 else written(value)


def _product(row: Sequence[Fraction], vector: Sequence[Fraction]) -> list[str]:
    return [f"{factor(w)}·{factor(v)}" for w, v in zip(row, vector, strict=True)]


def _products(place: str, layer: SheetLayer[Fraction], x: Vector) -> dict[str, str]:
    found = {}
    for i, row in enumerate(layer.weight):
        terms = _product(row, x)
        terms += [] if layer.bias is None else [factor(layer.bias[i])]
        found[f"{place}[{i}]"] = " + ".join(terms)
    return found


def _mse(y: Vector, t: Vector) -> str:
    squares = " + ".join(f"({written(p)} − {factor(q)})²" for p, q in zip(y, t, strict=True))
    return f"({squares})/{len(y)}" if len(y) > 1 else squares


_ACTIVATED: Mapping[str, Callable[[Fraction], str]] = {
    "relu": lambda z: f"max({written(z)}, 0)",
    "sigmoid": lambda z: f"1/(1 + e^{factor(-z)})",
    "tanh": lambda z: f"tanh({written(z)})",
}
_SLOPES: Mapping[str, Callable[[Fraction, Fraction], str]] = {
    "relu": lambda z, a: f"{int(z > 0)}",
    "sigmoid": lambda z, a: f"{written(a)}·(1 − {written(a)})",
    "tanh": lambda z, a: f"(1 − {factor(a)}²)",
}


def _backward(
    name: str,
    layers: Sequence[SheetLayer[Fraction]],
    here: Passed[Fraction],
    gradients: Sequence[Gradients[Fraction]],
    t: Vector,
) -> dict[str, str]:
    g = gradients[0].g
    found = {}
    slope = _SLOPES.get(layers[0].activation)
    if slope is not None:
        for j, column in enumerate(zip(*layers[1].weight, strict=True)):
            found[f"{name}.grad_activation[{j}]"] = " + ".join(_product(gradients[1].g, column))
        passing = zip(gradients[0].arrives, here.z, here.a, strict=True)
        for j, (arrived, z, a) in enumerate(passing):
            found[f"{name}.grad_output[{j}]"] = f"{factor(arrived)}·{slope(z, a)}"
    else:
        for j, (p, q) in enumerate(zip(here.a, t, strict=True)):
            divided = f"/{len(t)}" if len(t) > 1 else ""
            found[f"{name}.grad_output[{j}]"] = f"2·({written(p)} − {factor(q)}){divided}"
    for i, v in enumerate(g):
        for j, x in enumerate(here.x):
            found[f"{name}.weight.grad[{i},{j}]"] = f"{factor(v)}·{factor(x)}"
        found[f"{name}.bias.grad[{i}]"] = f"G[{i}]"
    return found


def _update(
    name: str, layer: SheetLayer[Fraction], here: Gradients[Fraction], rate: Fraction
) -> dict[str, str]:
    def way(old: Fraction, gradient: Fraction) -> str:
        return f"{written(old)} − {written(rate)}·{factor(gradient)}"

    found = {
        f"{name}.weight.after[{i},{j}]": way(w, g)
        for i, rows in enumerate(zip(layer.weight, here.weight, strict=True))
        for j, (w, g) in enumerate(zip(*rows, strict=True))
    }
    if layer.bias is not None:
        pairs = zip(layer.bias, here.g, strict=True)
        found |= {f"{name}.bias.after[{i}]": way(b, g) for i, (b, g) in enumerate(pairs)}
    return found


LARGEST_DENOMINATOR = 10**30
"""Of a number that is written out."""
LEAST_DIGITS = 7
"""Digits of a number that tell of a computer."""
LEAST_PLACES = 7
"""Decimals of one that should be 0, and has fewer digits."""


class WrongKey(Exception):
    """The key and the other program differ by more than rounding explains: one has a defect."""


@dataclass(frozen=True)
class KeyCheck:
    """How the other program's results compare; none is outside its bound."""

    checked_by: str
    """torch 2.13.0"""
    dtype: str
    numbers: int
    """All results, those that the sheet gives among them."""
    equal: int
    """How many are the same number."""
    within_bound: int
    """How many differ, by no more than the rounding of the format explains.

    Of a sheet that rounds every result, both counts are those of the unrounded results; the rounded
    ones lie within what their rounding explains.
    """


def check_key(problem: Problem, computed: Mapping[str, float], checked_by: str) -> KeyCheck:
    """Compare every result with the float64 of a program; raises WrongKey."""
    results = solve_bounded(problem)
    equal = sum(_agreeing(results, computed, checked_by))
    if problem.decimals is not None:
        rounded = solve_bounded(problem, decimals=problem.decimals)
        sum(_agreeing(rounded, computed, checked_by))
    return KeyCheck(checked_by, "float64", len(results), equal, len(results) - equal)


def _agreeing(
    results: Mapping[str, Bounded], computed: Mapping[str, float], checked_by: str
) -> Iterator[bool]:
    for name, right in results.items():
        number = computed.get(name)
        if number is None or not right.allows(number):
            short = right.value.denominator < LARGEST_DENOMINATOR
            said = written(right.value) if short else repr(float(right.value))
            raise WrongKey(f"{name} is {said} in exact arithmetic, but {number!r} by {checked_by}")
        yield Fraction(number) == right.value


def without_noise(problem: Problem, answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
    """Return the answers, those of a computer to the last place that float32 is sure of."""
    if not any(map(_by_computer, answers.values())):
        return answers
    results = solve_bounded(problem, lambda v: Bounded(v, abs(v) / 2**FLOAT32, FLOAT32))
    return {
        name: _sure(answer, results[name].error) if _by_computer(answer) else answer
        for name, answer in answers.items()
    }


def _by_computer(answer: Answer) -> bool:
    unit = answer.unit
    if unit is None:
        return False
    digits = len(str(abs(answer.value) // unit))
    return digits >= LEAST_DIGITS or unit <= Fraction(1, 10**LEAST_PLACES)


def _sure(answer: Answer, error: Fraction) -> Answer:
    unit = answer.unit
    assert unit is not None
    while unit / 2 < error:
        unit *= 10
    return replace(answer, unit=unit)

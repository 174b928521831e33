"""Each printed number against the right one: consistent, explained by rounding, or wrong.

A number is *consistent* iff |printed − recomputed| <= r + h: r is half the width of the interval of
all right results, recomputed its middle, h half a unit in the last printed place (a whole unit
where numbers are cut off). *Rounded intermediates* explain it iff the same holds when every
printed number that is consistent with what precedes it may replace the unrounded one in what
follows: the recomputation goes on with the hull of the right interval and the printed number, so
that any mixture of rounded and unrounded intermediates is covered. Otherwise it is *wrong*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from fcinspect.verification.examples.evaluation import Evaluation
from fcinspect.verification.examples.formulas import Matrix, transposed
from fcinspect.verification.examples.interval import UP, DecimalInterval, point, total
from fcinspect.verification.examples.record import Printed, PrintedArray, WorkedExample
from fcinspect.verification.examples.slips import NO_SLIP, Slip

NOISE = Decimal("1e-15")


class PrintedFinding(StrEnum):
    """What is found of one printed number."""

    CONSISTENT = "consistent"
    EXPLAINED = "consistent with rounded intermediates"
    WRONG = "wrong"
    UNKNOWN = "without a right value"


@dataclass(frozen=True)
class Judged:
    """One printed number and what is right there."""

    name: str
    """output[0][2]"""
    array: PrintedArray
    row: int
    column: int
    printed: Printed
    finding: PrintedFinding
    right: DecimalInterval | None
    """None where the formulas have no value."""
    allowed: DecimalInterval | None
    """The interval that decides: with rounded intermediates where only these explain it."""
    problem: str | None = None
    """Why there is no right value, if there is none."""


@dataclass
class Recomputed:
    """What one recomputation gives in the places that are printed."""

    places: dict[str, Matrix] = field(default_factory=dict)
    """In the orientation of the file."""
    carried: dict[str, Matrix] = field(default_factory=dict)
    """What the computation went on with in every place, printed or not, as (out, in)."""
    problem: str | None = None
    """Why places are missing, if any are."""

    def at(self, array: PrintedArray, row: int, column: int) -> DecimalInterval | None:
        """Return what is computed for one number."""
        found = self.places.get(array.place)
        return None if found is None else found[row][column]


def consistent(printed: Printed, right: DecimalInterval, half: Decimal) -> bool:
    """Whether a right result is printed so."""
    reach = printed.interval(half, Decimal(0))
    return right.meets(reach.low, reach.high)


def recompute(
    example: WorkedExample,
    slip: Slip = NO_SLIP,
    rounded: bool = False,
    carried: Mapping[str, DecimalInterval] | None = None,
) -> Recomputed:
    """Return the example recomputed, with one slip.

    With `rounded`, printed intermediates may replace the unrounded ones; the numbers in `carried`,
    by name, certainly do.
    """
    certain = carried or {}
    arrays = {array.place: array for array in example.printed}
    found = Recomputed()

    def watch(place: str, values: Matrix) -> Matrix:
        found.carried[place] = carried = gone_on(place, values)
        return carried

    def gone_on(place: str, values: Matrix) -> Matrix:
        array = arrays.get(place)
        if array is None:
            return values
        found.places[place] = seen = transposed(values) if array.transposed else values
        if not rounded:
            return values
        going = [list(row) for row in seen]
        for i, j, printed in array.numbers():
            if (name := array.name(i, j)) in certain:
                going[i][j] = certain[name]
            elif consistent(printed, seen[i][j], example.half):
                going[i][j] = seen[i][j].hull(point(printed.value, example.u))
        return transposed(going) if array.transposed else going

    forward = all(a.of_forward_rows or a.place == "loss" for a in arrays.values())
    try:
        Evaluation(example, watch, slip).run(backward=not forward)
    except ZeroDivisionError:
        found.problem = "the formula divides by a number that may be 0"
    except ValueError:
        found.problem = f"the loss {example.loss} needs outputs above 0 and below 1"
    return found


def judge(example: WorkedExample) -> tuple[Judged, ...]:
    """Return the finding for every printed number, in the order of the file."""
    exact, eased = recompute(example), recompute(example, rounded=True)
    found = []
    for array in example.printed:
        for i, j, printed in array.numbers():
            right, allowed = exact.at(array, i, j), eased.at(array, i, j)
            problem, finding = None, PrintedFinding.WRONG
            if right is None:
                problem, finding = exact.problem, PrintedFinding.UNKNOWN
            elif consistent(printed, right, example.half):
                finding = PrintedFinding.CONSISTENT
            elif allowed is not None and consistent(printed, allowed, example.half):
                finding = PrintedFinding.EXPLAINED
            decisive = allowed if finding is PrintedFinding.EXPLAINED else right
            name = array.name(i, j)
            found.append(Judged(name, array, i, j, printed, finding, right, decisive, problem))
    return tuple(found)


def ratio(printed: Printed, right: DecimalInterval, half: Decimal) -> float:
    """Return |printed − recomputed| / (r + h), 0 where the middle's own rounding hides it."""
    distance = UP.subtract(printed.value, right.middle).copy_abs()
    reach = UP.add(UP.subtract(right.high, right.middle), UP.multiply(half, printed.unit))
    if distance <= UP.multiply(reach, NOISE):
        return 0.0
    found = float(UP.divide(distance, reach))
    inside = consistent(printed, right, half)
    return min(found, 1.0) if inside else max(found, 1.0 + 2.0**-52)


@dataclass(frozen=True)
class Addend:
    """A product, or one number alone."""

    name: str
    """layers.0.weight[1][2]·input[2]"""
    value: DecimalInterval
    factors: tuple[DecimalInterval, DecimalInterval] | None = None
    """What is multiplied, of a product."""

    def __mul__(self, other: Addend) -> Addend:
        factors = (self.value, other.value)
        return Addend(f"{self.name}·{other.name}", self.value * other.value, factors)


@dataclass(frozen=True)
class SumOfTerms:
    """The terms of one number."""

    terms: tuple[Addend, ...]

    @property
    def value(self) -> DecimalInterval:
        """Their sum."""
        values = [term.value for term in self.terms]
        return total(values, values[0].u)


def summed(
    example: WorkedExample, found: Recomputed, array: PrintedArray, row: int, column: int
) -> SumOfTerms | None:
    """Return the terms of one number; None if its place holds no sum, or operands are missing."""
    if array.transposed:
        row, column = column, row
    of = _Operands(example, found, array)
    _, _, rest = array.place.partition(".")
    number, _, name = rest.partition(".")
    try:
        if array.place in ("loss", "loss_after"):
            return SumOfTerms(tuple(_of_loss(of, array.place.replace("loss", "output"))))
        if name in _PLACES:
            return SumOfTerms(tuple(_PLACES[name](of, int(number), row, column)))
    except _Missing:
        pass
    return None


class _Missing(Exception):
    """An operand is not known, or the number is not the sum that the formula says."""


class _Operands:
    """The numbers that a layer computes with, and how they are named."""

    def __init__(self, example: WorkedExample, found: Recomputed, array: PrintedArray) -> None:
        self.example = example
        self.found = found
        self.rows = range(len(example.input))
        self.vector = any(a.by_row and a.dimensions < 2 for a in (array, *example.printed))

    def carried(self, place: str) -> Matrix:
        """Return what the recomputation went on with in a place."""
        if place not in self.found.carried:
            raise _Missing
        return self.found.carried[place]

    def of_row(self, place: str, row: int, column: int) -> Addend:
        """Return a number of a place that holds a row for each row of the input."""
        return Addend(place + self.index(row, column), self.carried(place)[row][column])

    def input(self, k: int, row: int, column: int) -> Addend:
        """Return a number of the input of layer k."""
        if k:
            return self.of_row(f"layers.{k - 1}.activation", row, column)
        given = self.example.given(self.example.input[row][column])
        return Addend("input" + self.index(row, column), given)

    def gradient(self, k: int, row: int, column: int) -> Addend:
        """Return a number of ∂L/∂z of layer k."""
        return self.of_row(f"layers.{k}.grad_output", row, column)

    def weight(self, k: int, j: int, i: int) -> Addend:
        """Return a given weight."""
        given = self.example.given(self.example.layers[k].weight[j][i])
        return Addend(f"layers.{k}.weight[{j}][{i}]", given)

    def bias(self, k: int, j: int) -> Addend:
        """Return a given bias."""
        bias = self.example.layers[k].bias
        if bias is None:
            raise _Missing
        return Addend(f"layers.{k}.bias[{j}]", self.example.given(bias[j]))

    def target(self, row: int, column: int) -> DecimalInterval:
        """Return a number of the target of mse."""
        if self.example.target is None or self.example.loss != "mse":
            raise _Missing
        return self.example.given(self.example.target[row][column])

    @property
    def rate(self) -> DecimalInterval:
        """The learning rate of plain SGD, which multiplies the gradient alone."""
        optimizer = self.example.optimizer
        if optimizer is None or optimizer.name != "sgd" or any(optimizer.flags.values()):
            raise _Missing
        if optimizer.numbers["weight_decay"] or not optimizer.update_bias:
            raise _Missing
        return point(optimizer.numbers["lr"], self.example.u).rounded()

    def index(self, row: int, column: int) -> str:
        """Return the index of an element in an array of rows."""
        return f"[{column}]" if self.vector else f"[{row}][{column}]"


def _of_affine_map(of: _Operands, k: int, row: int, j: int) -> Iterator[Addend]:
    """z[j] = Σ W[j][i]·x[i] + b[j]"""
    yield from _of_product(of, k, row, j)
    if of.example.layers[k].bias is not None:
        yield of.bias(k, j)


def _of_product(of: _Operands, k: int, row: int, j: int) -> Iterator[Addend]:
    for i in range(of.example.layers[k].shape[1]):
        yield of.weight(k, j, i) * of.input(k, row, i)


def _of_weight_gradient(of: _Operands, k: int, j: int, i: int) -> Iterator[Addend]:
    """∂L/∂W[j][i] = Σ g[j]·x[i] over the rows"""
    for row in of.rows:
        yield of.gradient(k, row, j) * of.input(k, row, i)


def _of_bias_gradient(of: _Operands, k: int, _: int, j: int) -> Iterator[Addend]:
    """∂L/∂b[j] = Σ g[j] over the rows"""
    for row in of.rows:
        yield of.gradient(k, row, j)


def _of_input_gradient(of: _Operands, k: int, row: int, i: int) -> Iterator[Addend]:
    """∂L/∂x[i] = Σ W[j][i]·g[j]"""
    for j in range(of.example.layers[k].shape[0]):
        yield of.weight(k, j, i) * of.gradient(k, row, j)


def _of_activation_gradient(of: _Operands, k: int, row: int, i: int) -> Iterator[Addend]:
    """∂L/∂a of a layer is ∂L/∂x of the next one."""
    if k + 1 == len(of.example.layers):
        raise _Missing
    yield from _of_input_gradient(of, k + 1, row, i)


def _of_loss(of: _Operands, output: str) -> Iterator[Addend]:
    """L = Σ (y − t)²/N"""
    y = of.carried(output)
    parts = y[0][0].of(Decimal(len(y) * len(y[0])))
    for row, numbers in enumerate(y):
        for j, value in enumerate(numbers):
            difference, index = value - of.target(row, j), of.index(row, j)
            name = f"({output}{index} − target{index})²/N"
            yield Addend(name, difference * difference / parts)


def _of_first_gradient(of: _Operands, k: int, row: int, j: int) -> Iterator[Addend]:
    """∂L/∂y[j] = 2·y[j]/N − 2·t[j]/N, where the last layer has no activation"""
    if k + 1 < len(of.example.layers) or of.example.layers[k].activation != "identity":
        raise _Missing
    y, t = of.carried("output"), of.target(row, j)
    parts = y[0][0].of(Decimal(len(y) * len(y[0])))
    twice, index = parts.of(Decimal(2)), of.index(row, j)
    yield Addend(f"2·output{index}/N", twice * y[row][j] / parts)
    yield Addend(f"−2·target{index}/N", -(twice * t / parts))


def _of_weight_step(of: _Operands, k: int, j: int, i: int) -> Iterator[Addend]:
    """W − lr·∂L/∂W"""
    place = f"layers.{k}.weight.grad"
    g = of.carried(place)[j][i]
    yield of.weight(k, j, i)
    yield Addend(f"−lr·{place}[{j}][{i}]", -(of.rate * g))


def _of_bias_step(of: _Operands, k: int, _: int, j: int) -> Iterator[Addend]:
    """b − lr·∂L/∂b"""
    place = f"layers.{k}.bias.grad"
    g = of.carried(place)
    yield of.bias(k, j)
    yield Addend(f"−lr·{place}[{j}]", -(of.rate * g[0][j]))


_PLACES: dict[str, Callable[[_Operands, int, int, int], Iterator[Addend]]] = {
    "product": _of_product,
    "pre_activation": _of_affine_map,
    "weight.grad": _of_weight_gradient,
    "bias.grad": _of_bias_gradient,
    "grad_input": _of_input_gradient,
    "grad_activation": _of_activation_gradient,
    "grad_output": _of_first_gradient,
    "weight.after": _of_weight_step,
    "bias.after": _of_bias_step,
}

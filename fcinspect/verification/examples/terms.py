"""What one number of a worked example is the sum of: products, and a bias, each by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from fcinspect.verification.examples.formulas import Matrix
from fcinspect.verification.examples.interval import DecimalInterval, point, total
from fcinspect.verification.examples.judging import Recomputed
from fcinspect.verification.examples.record import PrintedArray, WorkedExample


@dataclass(frozen=True)
class Addend:
    """A product, or one number alone."""

    name: str
    """layers.0.weight[1][2]·input[2]"""
    value: DecimalInterval
    factors: tuple[DecimalInterval, DecimalInterval] | None = None
    """What is multiplied, of a product."""


@dataclass(frozen=True)
class Summed:
    """The terms of one number."""

    terms: tuple[Addend, ...]

    @property
    def value(self) -> DecimalInterval:
        """Their sum."""
        values = [term.value for term in self.terms]
        return total(values, values[0].u)


def summed(
    example: WorkedExample, found: Recomputed, array: PrintedArray, row: int, column: int
) -> Summed | None:
    """Return the terms of one number as the recomputation went on with them.

    None for a place that holds no sum, such as an activation, and where operands are missing.
    """
    if array.transposed:
        row, column = column, row
    of = _Operands(example, found, array)
    if array.place in ("loss", "loss_after"):
        return _of_loss(of, array.place.replace("loss", "output"))
    head, _, rest = array.place.partition(".")
    number, _, name = rest.partition(".")
    if head != "layers" or name not in _PLACES:
        return None
    return _PLACES[name](of, int(number), row, column)


class _Operands:
    """The numbers that a layer computes with, and how they are named."""

    def __init__(self, example: WorkedExample, found: Recomputed, array: PrintedArray) -> None:
        self.example = example
        self.found = found
        self.vector = any(a.by_row and a.dimensions < 2 for a in (array, *example.printed))

    def input(self, k: int) -> Matrix | None:
        """Return the input of layer k, a row for each row."""
        if k:
            return self.found.carried.get(f"layers.{k - 1}.activation")
        return [[self.example.given(number) for number in row] for row in self.example.input]

    def input_name(self, k: int, row: int, column: int) -> str:
        """Return what an element of that input is called."""
        return (f"layers.{k - 1}.activation" if k else "input") + self.index(row, column)

    def gradient(self, k: int) -> Matrix | None:
        """Return ∂L/∂z of layer k."""
        return self.found.carried.get(f"layers.{k}.grad_output")

    def target(self) -> Matrix | None:
        """Return the target."""
        rows = self.example.target
        if rows is None:
            return None
        return [[self.example.given(number) for number in row] for row in rows]

    @property
    def rate(self) -> DecimalInterval | None:
        """The learning rate of plain SGD, which multiplies the gradient alone."""
        optimizer = self.example.optimizer
        if optimizer is None or optimizer.name != "sgd" or any(optimizer.flags.values()):
            return None
        if optimizer.numbers["weight_decay"] or not optimizer.update_bias:
            return None
        rate = optimizer.numbers["lr"]
        return point(rate, self.example.u).rounded()

    def weight(self, k: int, row: int, column: int) -> DecimalInterval:
        """Return a given weight."""
        return self.example.given(self.example.layers[k].weight[row][column])

    def index(self, row: int, column: int) -> str:
        """Return the index of an element in an array of rows."""
        return f"[{column}]" if self.vector else f"[{row}][{column}]"


def _product(a: str, x: DecimalInterval, b: str, y: DecimalInterval) -> Addend:
    return Addend(f"{a}·{b}", x * y, (x, y))


def _of_affine_map(of: _Operands, k: int, row: int, j: int) -> Summed | None:
    """z[j] = Σ W[j][i]·x[i] + b[j]"""
    made = _of_product(of, k, row, j)
    bias = of.example.layers[k].bias
    if made is None or bias is None:
        return made
    return Summed((*made.terms, Addend(f"layers.{k}.bias[{j}]", of.example.given(bias[j]))))


def _of_product(of: _Operands, k: int, row: int, j: int) -> Summed | None:
    x = of.input(k)
    if x is None:
        return None
    return Summed(
        tuple(
            _product(
                f"layers.{k}.weight[{j}][{i}]", of.weight(k, j, i), of.input_name(k, row, i), value
            )
            for i, value in enumerate(x[row])
        )
    )


def _of_weight_gradient(of: _Operands, k: int, j: int, i: int) -> Summed | None:
    """∂L/∂W[j][i] = Σ g[j]·x[i] over the rows"""
    x, g = of.input(k), of.gradient(k)
    if x is None or g is None:
        return None
    name = f"layers.{k}.grad_output"
    return Summed(
        tuple(
            _product(name + of.index(row, j), g[row][j], of.input_name(k, row, i), x[row][i])
            for row in range(len(x))
        )
    )


def _of_bias_gradient(of: _Operands, k: int, row: int, j: int) -> Summed | None:
    """∂L/∂b[j] = Σ g[j] over the rows"""
    del row
    g = of.gradient(k)
    if g is None:
        return None
    name = f"layers.{k}.grad_output"
    return Summed(
        tuple(Addend(name + of.index(row, j), numbers[j]) for row, numbers in enumerate(g))
    )


def _of_input_gradient(of: _Operands, k: int, row: int, i: int) -> Summed | None:
    """∂L/∂x[i] = Σ W[j][i]·g[j]"""
    g = of.gradient(k)
    if g is None:
        return None
    name = f"layers.{k}.grad_output"
    return Summed(
        tuple(
            _product(f"layers.{k}.weight[{j}][{i}]", of.weight(k, j, i), name + of.index(row, j), v)
            for j, v in enumerate(g[row])
        )
    )


def _of_loss(of: _Operands, output: str) -> Summed | None:
    """L = Σ (y − t)²/N"""
    y, t = of.found.carried.get(output), of.target()
    if of.example.loss != "mse" or y is None or t is None:
        return None
    parts = y[0][0].of(Decimal(len(y) * len(y[0])))
    terms = []
    for row, numbers in enumerate(y):
        for j, value in enumerate(numbers):
            difference = value - t[row][j]
            index = of.index(row, j)
            name = f"({output}{index} − target{index})²/N"
            terms.append(Addend(name, difference * difference / parts))
    return Summed(tuple(terms))


def _of_first_gradient(of: _Operands, k: int, row: int, j: int) -> Summed | None:
    """∂L/∂y[j] = 2·y[j]/N − 2·t[j]/N, where the last layer has no activation"""
    last = len(of.example.layers) - 1
    y, t = of.found.carried.get("output"), of.target()
    if k < last or of.example.loss != "mse" or of.example.layers[k].activation != "identity":
        return None
    if y is None or t is None:
        return None
    parts = y[0][0].of(Decimal(len(y) * len(y[0])))
    twice, index = parts.of(Decimal(2)), of.index(row, j)
    return Summed(
        (
            Addend(f"2·output{index}/N", twice * y[row][j] / parts),
            Addend(f"−2·target{index}/N", -(twice * t[row][j] / parts)),
        )
    )


def _of_weight_step(of: _Operands, k: int, j: int, i: int) -> Summed | None:
    """W − lr·∂L/∂W"""
    g = of.found.carried.get(f"layers.{k}.weight.grad")
    name = f"layers.{k}.weight"
    if g is None or of.rate is None:
        return None
    return _step(f"[{j}][{i}]", name, of.weight(k, j, i), of.rate, g[j][i])


def _of_bias_step(of: _Operands, k: int, row: int, j: int) -> Summed | None:
    """b − lr·∂L/∂b"""
    del row
    g, bias = of.found.carried.get(f"layers.{k}.bias.grad"), of.example.layers[k].bias
    if g is None or of.rate is None or bias is None:
        return None
    return _step(f"[{j}]", f"layers.{k}.bias", of.example.given(bias[j]), of.rate, g[0][j])


def _step(
    index: str, name: str, old: DecimalInterval, rate: DecimalInterval, g: DecimalInterval
) -> Summed:
    return Summed((Addend(name + index, old), Addend(f"−lr·{name}.grad{index}", -(rate * g))))


def _of_activation_gradient(of: _Operands, k: int, row: int, i: int) -> Summed | None:
    """∂L/∂a of a layer is ∂L/∂x of the next one."""
    if k + 1 == len(of.example.layers):
        return None
    return _of_input_gradient(of, k + 1, row, i)


_PLACES: dict[str, Callable[[_Operands, int, int, int], Summed | None]] = {
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

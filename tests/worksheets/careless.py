"""A pupil who works out a worksheet in fractions from numbers of their own, and slips at random.

Each result is written as a fraction or as a decimal, rounded or not. The pupil goes on with what is
written, or with what it was before, or now with this and now with that. Nothing here is
fcinspect's arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from random import Random

from fcinspect.worksheets.problem import Problem

EXACT = Context(prec=60)


def rounded(value: Fraction, places: int) -> str:
    """Return a number to so many places."""
    quotient = EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return format(quotient.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, EXACT), "f")


@dataclass
class Careless:
    """One sheet being worked out."""

    problem: Problem
    shown: dict[str, Fraction]
    """What the sheet gives."""
    blanks: set[str]
    draws: Random
    places: int
    """To how many a result is rounded."""
    goes_on: str
    """With what is "written", with what was "before", or with "either"."""
    slips: float
    """How often a result is another number."""
    leaves_out: float = 0
    """How often a blank stays empty."""
    answers: dict[str, str] = field(default_factory=dict)
    slipped: set[str] = field(default_factory=set)
    held: dict[str, tuple[Fraction, Fraction]] = field(default_factory=dict)
    """What is written, and what it was before."""

    def use(self, name: str) -> Fraction:
        """Return a result, as the pupil goes on with it."""
        if name in self.shown:
            return self.shown[name]
        way = self.goes_on
        if way == "either":
            way = self.draws.choice(("written", "before"))
        return self.held[name][way == "before"]

    def write(self, name: str, value: Fraction) -> None:
        """Write a result where the sheet has a blank for it."""
        if name not in self.blanks or self.draws.random() < self.leaves_out:
            return
        if self.draws.random() < self.slips:
            value += self.draws.choice((-3, -2, -1, 1, 2, Fraction(1, 2), Fraction(-1, 3)))
            self.slipped.add(name)
        text = str(value)
        as_decimal = rounded(value, self.places)
        if self.draws.random() < 0.7 or (value.denominator > 1 and self.goes_on == "either"):
            # what rounds to 0 is written out
            text = as_decimal if Fraction(as_decimal) or not value else rounded(value, 12)
        self.answers[name] = text
        self.held[name] = Fraction(text), value

    def work(self) -> None:
        """Fill in the sheet."""
        layers, x, t = self.problem.layers, self.problem.x, self.problem.target
        last, n = layers[-1], len(t)
        inputs = [f"x[{i}]" for i in range(len(x))]
        self.shown |= dict(zip(inputs, x, strict=True))
        for layer in layers:
            for j, row in enumerate(layer.weight):
                z = sum((w * self.use(i) for w, i in zip(row, inputs, strict=True)), Fraction(0))
                z += layer.bias[j] if layer.bias is not None else 0
                self.reach(f"{layer.name}.z[{j}]", z)
                if layer is not last:
                    a = max(self.use(f"{layer.name}.z[{j}]"), Fraction(0))
                    self.reach(f"{layer.name}.a[{j}]", a)
            inputs = [f"{layer.name}.a[{j}]" for j in range(layer.shape[0])]
        errors = [(self.use(f"{last.name}.z[{j}]") - t[j]) ** 2 for j in range(n)]
        self.reach("loss", sum(errors, Fraction(0)) / n)
        for k in range(len(layers) - 1, -1, -1):
            self.back(k)
        self.update()
        self.afterwards()

    def update(self) -> None:
        """Fill in the parameters after the step."""
        rate = self.problem.learning_rate
        for layer in self.problem.layers:
            for j, row in enumerate(layer.weight):
                for i, w in enumerate(row):
                    gradient = self.use(f"{layer.name}.weight.grad[{j},{i}]")
                    self.reach(f"{layer.name}.weight.after[{j},{i}]", w - rate * gradient)
                if layer.bias is not None:
                    gradient = self.use(f"{layer.name}.bias.grad[{j}]")
                    self.reach(f"{layer.name}.bias.after[{j}]", layer.bias[j] - rate * gradient)

    def reach(self, name: str, value: Fraction) -> None:
        """Write a result in its blank, if it has one, and keep it."""
        self.held[name] = value, value
        self.write(name, value)

    def back(self, k: int) -> None:
        """Fill in the gradients of one layer."""
        layers, t = self.problem.layers, self.problem.target
        layer = layers[k]
        for j in range(layer.shape[0]):
            if k == len(layers) - 1:
                g = 2 * (self.use(f"{layer.name}.z[{j}]") - t[j]) / len(t)
            else:
                above, arriving = layers[k + 1], Fraction(0)
                for m, row in enumerate(above.weight):
                    arriving += row[j] * self.use(f"{above.name}.grad_output[{m}]")
                self.reach(f"{layer.name}.grad_activation[{j}]", arriving)
                g = self.use(f"{layer.name}.grad_activation[{j}]")
                g = g if self.use(f"{layer.name}.z[{j}]") > 0 else Fraction(0)
            self.reach(f"{layer.name}.grad_output[{j}]", g)
        for j in range(layer.shape[0]):
            for i in range(layer.shape[1]):
                entered = f"{layers[k - 1].name}.a[{i}]" if k else f"x[{i}]"
                g = self.use(f"{layer.name}.grad_output[{j}]")
                self.reach(f"{layer.name}.weight.grad[{j},{i}]", g * self.use(entered))
            if layer.bias is not None:
                g = self.use(f"{layer.name}.grad_output[{j}]")
                self.reach(f"{layer.name}.bias.grad[{j}]", g)

    def afterwards(self) -> None:
        """Fill in the second forward pass."""
        layers, t = self.problem.layers, self.problem.target
        values = list(self.problem.x)
        for layer in layers:
            made = []
            for j in range(layer.shape[0]):
                row = [self.use(f"{layer.name}.weight.after[{j},{i}]") for i in range(len(values))]
                z = sum((w * v for w, v in zip(row, values, strict=True)), Fraction(0))
                z += self.use(f"{layer.name}.bias.after[{j}]") if layer.bias is not None else 0
                made.append(z if layer is layers[-1] else max(z, Fraction(0)))
            values = made
        for j, value in enumerate(values):
            self.reach(f"output_after[{j}]", value)
        errors = [(self.use(f"output_after[{j}]") - t[j]) ** 2 for j in range(len(t))]
        self.reach("loss_after", sum(errors, Fraction(0)) / len(t))

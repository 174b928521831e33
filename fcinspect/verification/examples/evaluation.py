"""The whole example recomputed: the right numbers in every named place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from fcinspect.verification.examples import formulas
from fcinspect.verification.examples.formulas import (
    FORWARD,
    NOT_SQUARED,
    SLOPE,
    Matrix,
    each,
    misread,
    reshaped,
    squared,
    transposed,
)
from fcinspect.verification.examples.interval import (
    ONE,
    DecimalInterval,
    dot,
    point,
    softmax,
    square_root,
    total,
)
from fcinspect.verification.examples.record import ExampleOptimizer, Rows, WorkedExample
from fcinspect.verification.examples.slips import NO_SLIP, Slip

Watch = Callable[[str, Matrix], Matrix]
"""Sees every place as it is computed, and returns what the computation goes on with."""


def _unwatched(place: str, values: Matrix) -> Matrix:
    return values


class Evaluation:
    """One recomputation with at most one slip; a bias is one row, a loss one row of one number."""

    def __init__(self, example: WorkedExample, watch: Watch, slip: Slip = NO_SLIP) -> None:
        self.example = example
        self.slip = slip
        self.watch = watch
        self.u = example.u
        self.weights = [self._given(layer.weight) for layer in example.layers]
        self.biases = [
            None if layer.bias is None else self._given((layer.bias,))[0]
            for layer in example.layers
        ]
        self.given = (list(self.weights), list(self.biases))
        """The parameters before the step."""
        self.names = [
            slip.name if slip.made("activation is", k) else layer.activation
            for k, layer in enumerate(example.layers)
        ]
        self.inputs: list[Matrix] = []
        self.zs: list[Matrix] = []
        self.activations: list[Matrix] = []

    def run(self, backward: bool = True) -> None:
        """Compute every place; raises ValueError or ZeroDivisionError if a formula has no value."""
        y = self._forward(first=True)
        t = self._target()
        if t is None or self.example.loss is None:
            return
        self._loss("loss", y, t)
        if not backward:
            return
        self._backward(y, t)
        if self.example.optimizer is not None:
            self._loss("loss_after", self._forward(first=False), t)

    def _given(self, rows: Rows) -> Matrix:
        return [[self.example.given(number) for number in row] for row in rows]

    def _constant(self, value: Decimal) -> DecimalInterval:
        return point(value, self.u)

    def _target(self) -> Matrix | None:
        example = self.example
        if example.classes is None:
            return None if example.target is None else self._given(example.target)
        columns = range(example.outputs)
        return [[self._constant(Decimal(j == c)) for j in columns] for c in example.classes]

    def _forward(self, first: bool) -> Matrix:
        """Return the output; only the first pass is printed layer by layer."""
        x = self._given(self.example.input)
        if self.slip.kind == "rows swapped":
            i, j = self.slip.pair
            x[i], x[j] = x[j], x[i]
        weights, biases = self.weights, self.biases
        if not first and self.slip.kind == "old parameters afterwards":
            weights, biases = self.given
        for k, weight in enumerate(weights):
            entering = self.zs[k - 1] if first and self.slip.made("input not activated", k) else x
            if self.slip.made("weight transposed", k) or self.slip.made("weight misread", k):
                weight = misread(weight)
            watch = self.watch if first else _unwatched
            product = [[dot(row, unit, self.u) for unit in weight] for row in entering]
            product = watch(f"layers.{k}.product", product)
            z = watch(f"layers.{k}.pre_activation", self._with_bias(k, product, biases[k]))
            a = watch(f"layers.{k}.activation", self._activated(k, z))
            if first:
                self.inputs.append(x)
                self.zs.append(z)
                self.activations.append(a)
            x = a
        return self.watch("output" if first else "output_after", x)

    def _with_bias(self, k: int, product: Matrix, bias: Sequence[DecimalInterval] | None) -> Matrix:
        if bias is None:
            return product
        if self.slip.made("bias times", k):
            factor = self._constant(self.slip.factor)
            bias = [factor * b for b in bias]
        return [[p + b for p, b in zip(row, bias, strict=True)] for row in product]

    def _activated(self, k: int, z: Matrix) -> Matrix:
        name = self.names[k]
        if name != "softmax":
            return each(FORWARD[name], z)
        if self.slip.kind == "softmax twice":
            z = [softmax(row) for row in z]
        return [softmax(row) for row in z]

    @property
    def _probabilities(self) -> bool:
        return self.names[-1] == "softmax" and self.example.loss == "cross_entropy"

    def _loss(self, place: str, y: Matrix, t: Matrix) -> None:
        assert self.example.loss is not None
        if self.slip.kind == "target swapped":
            y, t = t, y
        name = NOT_SQUARED if self.slip.kind == "loss not squared" else self.example.loss
        found = formulas.value(name, y, t, self._probabilities, self.u)
        if self.slip.kind == "loss times":
            found = found * self._constant(self.slip.factor)
        self.watch(place, [[found]])

    def _backward(self, y: Matrix, t: Matrix) -> None:
        """Go back through the layers; each takes its step before the next is reached."""
        last = len(self.weights) - 1
        g = self._first_gradient(y, t)
        for k in range(last, -1, -1):
            g = self.watch(f"layers.{k}.grad_activation", g) if g else g
            g = self.watch(f"layers.{k}.grad_output", self._through_activation(k, g, t))
            bare = self.slip.made("gradient from input not activated", k)
            inputs = transposed(self.zs[k - 1] if bare else self.inputs[k])
            arriving = transposed(g)
            grad_weight = [[dot(row, x, self.u) for x in inputs] for row in arriving]
            if self.slip.made("weight gradient transposed", k):
                grad_weight = reshaped(transposed(grad_weight), len(grad_weight[0]))
            grad_weight = self.watch(f"layers.{k}.weight.grad", grad_weight)
            grad_bias = [total(row, self.u) for row in arriving]
            if self.biases[k] is not None:
                grad_bias = self.watch(f"layers.{k}.bias.grad", [grad_bias])[0]
            weight = self.weights[k]
            self._update(k, grad_weight, grad_bias)
            if self.slip.kind == "updated weights":
                weight = self.weights[k]
            columns = weight if self.slip.made("backward transposed", k) else transposed(weight)
            g = [[dot(row, column, self.u) for column in columns] for row in g]
            g = self.watch(f"layers.{k}.grad_input", g)

    def _first_gradient(self, y: Matrix, t: Matrix) -> Matrix:
        """Return ∂L/∂a of the last layer; empty where a probability may be 0."""
        assert self.example.loss is not None
        if self.slip.kind == "target swapped":
            y, t = t, y
        if self._probabilities:
            try:
                g = formulas.gradient_of_probabilities(y, t, self.u)
            except ZeroDivisionError:
                return []
        else:
            g = formulas.gradient(self.example.loss, y, t, self.u)
        return self._times(self.slip.factor, g) if self.slip.kind == "gradient times" else g

    def _times(self, factor: Decimal, values: Matrix) -> Matrix:
        constant = self._constant(factor)
        return each(lambda number: number * constant, values)

    def _through_activation(self, k: int, g: Matrix, t: Matrix) -> Matrix:
        if k == len(self.weights) - 1 and self.names[k] == "softmax":
            return self._through_softmax(g, t)
        if self.slip.made("derivative missing", k):
            return g
        if self.slip.made("activation of gradient", k):
            return each(FORWARD[self.names[k]], g)
        slope = self._slope(k)
        return each(lambda n, z, a: n * slope(z, a), g, self.zs[k], self.activations[k])

    def _slope(self, k: int) -> Callable[[DecimalInterval, DecimalInterval], DecimalInterval]:
        """Return φ′, of z and a, or what a slip takes for it."""
        slope = SLOPE[self.names[k]]
        if self.slip.made("derivative is activation", k):
            return lambda z, a: a
        if self.slip.made("derivative inverted", k):
            return lambda z, a: z.of(ONE) - slope(z, a)
        return slope

    def _through_softmax(self, g: Matrix, t: Matrix) -> Matrix:
        """Return p[i]·(g[i] − Σ p[j]·g[j]), which is (p − t)/R for cross_entropy."""
        p = self.activations[-1]
        if self._probabilities:
            found = formulas.from_probabilities(p, t, self.u)
            factors = {"gradient times": self.slip.factor, "target swapped": -ONE}
            factor = factors.get(self.slip.kind)
            return found if factor is None else self._times(factor, found)
        if self.slip.made("derivative missing", len(self.weights) - 1):
            return g
        found = []
        for shares, arriving in zip(p, g, strict=True):
            mean = dot(shares, arriving, self.u)
            found.append([s * (a - mean) for s, a in zip(shares, arriving, strict=True)])
        return found

    def _update(self, k: int, grad_weight: Matrix, grad_bias: Sequence[DecimalInterval]) -> None:
        optimizer = self.example.optimizer
        if optimizer is None:
            return
        step = partial(stepped, optimizer, slip=self.slip)
        after = each(step, self.weights[k], grad_weight)
        self.weights[k] = self.watch(f"layers.{k}.weight.after", after)
        bias = self.biases[k]
        if bias is None:
            return
        if self.slip.made("bias takes weight gradient", k):
            grad_bias = [row[self.slip.pair[0]] for row in grad_weight]
        told = {"bias frozen": False, "bias stepped": True}
        if told.get(self.slip.kind, optimizer.update_bias):
            bias = [step(b, g) for b, g in zip(bias, grad_bias, strict=True)]
        self.biases[k] = self.watch(f"layers.{k}.bias.after", [bias])[0]


def stepped(
    optimizer: ExampleOptimizer, w: DecimalInterval, g: DecimalInterval, slip: Slip
) -> DecimalInterval:
    """Return w after its first step: state begins at 0 (adagrad's sum aside), SGD's buffer at g."""
    decay = optimizer.numbers["weight_decay"]
    decoupled = optimizer.name == "adamw"
    if slip.kind == "decay is":
        decoupled = slip.name == "decoupled"
        decay = decay if slip.factor else Decimal(0)
    c = _Constants(optimizer, w.u)
    if optimizer.flags["maximize"]:
        g = -g
    if decay and not decoupled:
        g = g + c.of(decay) * w
    # the direction rises with g: its ends are those of g
    low, high = (_direction(optimizer, g.of(end), c, slip) for end in (g.low, g.high))
    change = -low.hull(high)
    if decay and decoupled:
        change = change - c["lr"] * c.of(decay) * w
    if slip.kind == "step times":
        change = change * c.of(slip.factor)
    return change if slip.kind == "old value forgotten" else w + change


class _Constants:
    def __init__(self, optimizer: ExampleOptimizer, u: Decimal) -> None:
        self.numbers = optimizer.numbers
        self.u = u

    def __getitem__(self, name: str) -> DecimalInterval:
        return self.of(self.numbers[name])

    def of(self, value: Decimal) -> DecimalInterval:
        return point(value, self.u).rounded()

    def rest(self, name: str) -> DecimalInterval:
        """Return 1 − the number."""
        return self.of(ONE) - self[name]


def _direction(
    optimizer: ExampleOptimizer, g: DecimalInterval, c: _Constants, slip: Slip
) -> DecimalInterval:
    """Return what is subtracted from w, the decoupled weight decay aside."""
    if optimizer.name == "sgd":
        if optimizer.flags["nesterov"]:
            g = g + c["momentum"] * g
        return c["lr"] * g
    if optimizer.name in ("adam", "adamw"):
        if slip.kind == "uncorrected moments":
            m, v = c.rest("beta1") * g, c.rest("beta2") * squared(g)
        else:
            m, v = g.rounded(4), squared(g).rounded(4)
        return c["lr"] * _quotient(m, v, c)
    if optimizer.name == "rmsprop":
        s = c.rest("alpha") * squared(g)
        if optimizer.flags["centered"]:
            # s − avg² = (1 − α)·g² − (1 − α)²·g² = α·(1 − α)·g²; what is rounded is s and avg²
            rounding = s.rounded(8).high - s.high
            s = (c["alpha"] * s).widened(rounding)
        return c["lr"] * _quotient(g, s, c)
    initial = c["initial_accumulator_value"]
    return c["lr"] * _quotient(g, initial + squared(g), c)


def _quotient(m: DecimalInterval, v: DecimalInterval, c: _Constants) -> DecimalInterval:
    """Return m/(√v + ε); 0 where m is 0."""
    return m if m.low == 0 == m.high else m / (square_root(v) + c["eps"])

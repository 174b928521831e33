"""The optimizers' first step on intervals; formulas as in arithmetic/optimizers.py."""

from __future__ import annotations

from decimal import Decimal

from fcinspect.verification.examples.functions import square_root
from fcinspect.verification.examples.interval import ONE, Interval
from fcinspect.verification.examples.record import ExampleOptimizer
from fcinspect.verification.examples.slip import Slip


def stepped(optimizer: ExampleOptimizer, w: Interval, g: Interval, slip: Slip) -> Interval:
    """Return w after its first step.

    Every state is zero before the first step, adagrad's sum excepted; SGD's momentum buffer is
    then g itself.
    """
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
    """The hyperparameters as intervals of the computation."""

    def __init__(self, optimizer: ExampleOptimizer, u: Decimal) -> None:
        self.numbers = optimizer.numbers
        self.u = u

    def __getitem__(self, name: str) -> Interval:
        return self.of(self.numbers[name])

    def of(self, value: Decimal) -> Interval:
        return Interval(value, value, self.u).rounded()

    def rest(self, name: str) -> Interval:
        """Return 1 − the number."""
        return self.of(ONE) - self[name]


def _direction(optimizer: ExampleOptimizer, g: Interval, c: _Constants, slip: Slip) -> Interval:
    """Return what is subtracted from w, the decoupled weight decay aside."""
    if optimizer.name == "sgd":
        if optimizer.flags["nesterov"]:
            g = g + c["momentum"] * g
        return c["lr"] * g
    if optimizer.name in ("adam", "adamw"):
        if slip.kind == "uncorrected moments":
            m, v = c.rest("beta1") * g, c.rest("beta2") * _square(g)
        else:
            m, v = g.rounded(4), _square(g).rounded(4)
        return c["lr"] * _quotient(m, v, c)
    if optimizer.name == "rmsprop":
        s = c.rest("alpha") * _square(g)
        if optimizer.flags["centered"]:
            # s − avg² = (1 − α)·g² − (1 − α)²·g² = α·(1 − α)·g²; what is rounded is s and avg²
            rounding = s.rounded(8).high - s.high
            s = (c["alpha"] * s).widened(rounding)
        return c["lr"] * _quotient(g, s, c)
    initial = c["initial_accumulator_value"]
    return c["lr"] * _quotient(g, initial + _square(g), c)


def _square(g: Interval) -> Interval:
    product = g * g
    return product.of(max(product.low, Decimal(0)), product.high)


def _quotient(m: Interval, v: Interval, c: _Constants) -> Interval:
    """Return m/(√v + ε); 0 where m is 0."""
    divisor = square_root(v) + c["eps"]
    if m.low == 0 == m.high:
        return m
    return m / divisor

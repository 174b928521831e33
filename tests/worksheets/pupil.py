"""A pupil who works out a worksheet with plain lists, and makes one slip all along.

Nothing here is fcinspect's arithmetic: the right results and the wrong ones are both made by hand,
sigmoid and tanh by mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import mpmath

from fcinspect.worksheets.problem import Problem

Row = list[Fraction]
DIGITS = 60


def exactly(value: Fraction) -> Fraction:
    """Return a number as it is."""
    return value


def to_decimals(places: int) -> Callable[[Fraction], Fraction]:
    """Return what rounds to so many decimals, a half away from zero, by the decimal module."""
    context = Context(prec=DIGITS, rounding=ROUND_HALF_UP)

    def keep(value: Fraction) -> Fraction:
        quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
        return Fraction(quotient.quantize(Decimal(1).scaleb(-places), context=context))

    return keep


def activated(name: str, z: Fraction) -> Fraction:
    """Return relu(z), or sigmoid(z) or tanh(z) to 60 digits."""
    if name == "relu":
        return max(z, Fraction(0))
    with mpmath.workdps(DIGITS):
        v = mpmath.mpf(z.numerator) / z.denominator
        found = mpmath.tanh(v) if name == "tanh" else 1 / (1 + mpmath.exp(-v))
        return Fraction(mpmath.nstr(found, DIGITS - 5))


def derivative(name: str, z: Fraction, a: Fraction) -> Fraction:
    """Return the derivative of an activation."""
    return {"relu": Fraction(z > 0), "sigmoid": a * (1 - a), "tanh": 1 - a * a}[name]


def worked_out(
    problem: Problem,
    slip: str = "",
    layer: int = 0,
    keep: Callable[[Fraction], Fraction] = exactly,
) -> dict[str, Fraction]:
    """Return the pupil's result of every blank; `layer` says where the slip is made.

    `keep` returns with what the pupil goes on, such as a rounded number.
    """
    made: dict[str, Fraction] = {}
    activation = problem.layers[0].activation
    names = [one.name for one in problem.layers]
    last, count = len(names) - 1, len(problem.target)

    def slips(kind: str, k: int | None = None) -> bool:
        return slip == kind and k in (None, layer)

    def note(place: str, values: Row) -> None:
        made.update({f"{place}[{i}]": value for i, value in enumerate(values)})

    def note_rows(place: str, rows: list[Row]) -> None:
        for j, row in enumerate(rows):
            made.update({f"{place}[{j},{i}]": value for i, value in enumerate(row)})

    weights = [[list(row) for row in one.weight] for one in problem.layers]
    biases = [None if one.bias is None else list(one.bias) for one in problem.layers]
    inputs: list[Row] = [list(problem.x)]
    zs: list[Row] = []
    for k, name in enumerate(names):
        w, x, rows = weights[k], inputs[k], len(weights[k])
        if slips("z for a", k):
            x = zs[k - 1]
        if slips("transposed", k):
            flat = [value for row in w for value in row]
            w = [[flat[i * rows + j] for i in range(len(x))] for j in range(rows)]
        z = [sum((w[j][i] * x[i] for i in range(len(x))), Fraction(0)) for j in range(rows)]
        bias = biases[k]
        if bias is not None and not slips("no bias", k):
            sign = -1 if slips("bias subtracted", k) else 1
            z = [value + sign * b for value, b in zip(z, bias, strict=True)]
        if slips("product forgotten", k):
            z[0] -= w[0][0] * x[0]
        if slips("sign of a product", k):
            z[0] -= 2 * w[0][-1] * x[-1]
        if slips("sign", k):
            z[0] = -z[0]
        z = [keep(value) for value in z]
        note(f"{name}.z", z)
        a = z
        if k < last:
            a = z if slips("no relu", k) else [keep(activated(activation, v)) for v in z]
            note(f"{name}.a", a)
        zs.append(z)
        inputs.append(a)
    y, t = inputs[-1], problem.target
    squares = [(p - q) if slips("not squared") else (p - q) ** 2 for p, q in zip(y, t, strict=True)]
    made["loss"] = keep(sum(squares, Fraction(0)) / (1 if slips("loss without N") else count))
    factor = {
        "no 2": Fraction(1, count), "no N": Fraction(2), "no 2/N": Fraction(1),
        "reversed": Fraction(-2, count),
    }.get(slip, Fraction(2, count))  # fmt: skip
    g = [keep(factor * (p - q)) for p, q in zip(y, t, strict=True)]
    rate = problem.learning_rate
    step = {"no lr": Fraction(1), "lr twice": rate * rate, "added": -rate}.get(slip, rate)
    after: list[tuple[list[Row], Row]] = []
    for k in range(last, -1, -1):
        name, w, x = names[k], weights[k], inputs[k]
        if k < last:
            note(f"{name}.grad_activation", g)
            if slips("mask of the gradient", k):
                g = [max(v, Fraction(0)) for v in g]
            elif not slips("no mask", k):
                slopes = [
                    derivative(activation, *at) for at in zip(zs[k], inputs[k + 1], strict=True)
                ]
                if slips("mask inverted", k):
                    slopes = [1 - one for one in slopes]
                g = [keep(v * one) for v, one in zip(g, slopes, strict=True)]
        note(f"{name}.grad_output", g)
        entered = zs[k - 1] if slips("z for a in the gradient", k) else x
        outer = [[keep(v * u) for u in entered] for v in g]
        if slips("gradient transposed", k):
            flat = [v * u for u in x for v in g]
            outer = [flat[j * len(x) : (j + 1) * len(x)] for j in range(len(g))]
        note_rows(f"{name}.weight.grad", outer)
        new_w = [
            [
                keep((0 if slips("old forgotten") else v) - step * d)
                for v, d in zip(*rows, strict=True)
            ]
            for rows in zip(w, outer, strict=True)
        ]
        new_b: Row = []
        bias = biases[k]
        if bias is not None:
            note(f"{name}.bias.grad", g)
            still = Fraction(0) if slips("bias frozen") else step
            new_b = [
                keep((0 if slips("old forgotten") else v) - still * d)
                for v, d in zip(bias, g, strict=True)
            ]
        after.insert(0, (new_w, new_b))
        back = new_w if slips("updated weights") else w
        if slips("wrong way back", k):
            back = [list(column) for column in zip(*back, strict=True)]
        sums = [sum((back[j][i] * g[j] for j in range(len(g))), Fraction(0)) for i in range(len(x))]
        g = [keep(value) for value in sums]
    for name, (new_w, new_b) in zip(names, after, strict=True):
        note_rows(f"{name}.weight.after", new_w)
        note(f"{name}.bias.after", new_b)
    x = list(problem.x)
    if slips("old parameters"):
        olds = zip(weights, biases, strict=True)
        after = [([*w], [] if b is None else b) for w, b in olds]
    for k, (new_w, new_b) in enumerate(after):
        x = [sum((v * u for v, u in zip(row, x, strict=True)), Fraction(0)) for row in new_w]
        if new_b:
            x = [p + q for p, q in zip(x, new_b, strict=True)]
        x = [keep(value) for value in x]
        if k < last:
            x = [keep(activated(activation, value)) for value in x]
    note("output_after", x)
    squares = [(p - q) ** 2 for p, q in zip(x, t, strict=True)]
    made["loss_after"] = keep(sum(squares, Fraction(0)) / count)
    return made

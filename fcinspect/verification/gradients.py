"""The gradients of a linear layer, compared with Gᵀ·X, the column sums of G, and G·W."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.dot import DotCheck, check_products
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import of_dot, without_rounding
from fcinspect.verification.causes import name_cause
from fcinspect.verification.check import Check, Planned, holds
from fcinspect.verification.subject import LayerAnswer, LayerCall, Setting

BATCH = (2, 3)
MOST_SQUARE = 8
"""The width of the layer whose rows, inputs and outputs are equally many."""


def gradient_checks(setting: Setting) -> tuple[Planned, ...]:
    """Return the checks of the gradients, none for a subject without: its plan says so."""
    subject = setting.subject
    if not subject.differentiable or setting.in_features == 0 or setting.out_features == 0:
        return ()
    planned = [
        Planned("gradients/random numbers", partial(_random, setting)),
        Planned("gradients/whole numbers", partial(_whole, setting)),
    ]
    if subject.kind != "module":
        # a ready module has numbers and a shape of its own
        planned.append(Planned("gradients/square", partial(_square, setting)))
        planned.append(Planned("gradients/same again", partial(_again, setting)))
    return tuple(planned)


@dataclass(frozen=True, eq=False)
class Operands:
    """What a gradient is computed from; all (rows, features), in float64."""

    x: Float64Array
    weight: Float64Array
    grad_output: Float64Array


def _random(setting: Setting) -> Iterator[Check]:
    """Random numbers, a batch of two dimensions, the deterministic bound."""
    n, out = setting.in_features, _outputs(setting)
    random = np.random.default_rng((9, n, setting.out_features))
    shapes = ((*BATCH, n), (out, n), (*BATCH, out))
    drawn = [Array.of(random.standard_normal(shape), setting.dtype) for shape in shapes]
    yield from _checked(setting, "", *drawn, exactly=False)


def _whole(setting: Setting) -> Iterator[Check]:
    n, out, rows = setting.in_features, _outputs(setting), 5
    x, weight = _small(setting, (rows, n), rows, 11), _small(setting, (out, n), out, 12)
    grad_output = _small(setting, (rows, out), max(rows, out), 13)
    yield from _checked(setting, " of whole numbers", x, weight, grad_output, exactly=True)


def _square(setting: Setting) -> Iterator[Check]:
    """As many rows as inputs and outputs: what is taken transposed still fits."""
    n = min(setting.in_features, MOST_SQUARE)
    operands = (_small(setting, (n, n), n, seed) for seed in (14, 15, 16))
    yield from _checked(setting, " of a square", *operands, exactly=True)


def _again(setting: Setting) -> Check:
    """The same call twice: whole numbers leave no room for another order of sums."""
    n, out, rows = setting.in_features, _outputs(setting), 3
    x, grad_output = _small(setting, (rows, n), rows, 17), _small(setting, (rows, out), out, 18)
    bias = setting.array(np.ones(out)) if setting.bias else None
    call = LayerCall(x, _small(setting, (out, n), out, 19), bias, grad_output=grad_output)
    first, again = setting.subject.call(call), setting.subject.call(call)
    other = []
    for name in ("input", "weight", "bias"):
        one, two = (getattr(answer, f"grad_{name}") for answer in (first, again))
        if one and not (two and np.array_equal(one.values, two.values, equal_nan=True)):
            other.append(name)
    cause = f"the gradient of the {' and the '.join(other)} differs between identical calls"
    return holds(
        "gradients/same again", not other, "the same call gives the same gradients",
        f"{cause}: an earlier one is added or kept",
    )  # fmt: skip


def _outputs(setting: Setting) -> int:
    if setting.subject.kind == "module":
        return setting.out_features
    return setting.fewer_outputs(setting.in_features)


def _small(setting: Setting, shape: tuple[int, ...], n: int, seed: int) -> Array:
    """Return whole numbers of which narrow formats hold the sums as well."""
    whole = setting.integers(shape, n, seed)
    if setting.arithmetic.output.precision >= 24:
        return whole
    return setting.array(np.clip(whole.values.astype(np.float64), -2, 2))


def _checked(
    setting: Setting, suffix: str, x: Array, weight: Array, grad_output: Array, *, exactly: bool
) -> Iterator[Check]:
    bias = setting.array(np.ones(weight.shape[0])) if setting.bias else None
    call = LayerCall(x, weight, bias, grad_output=grad_output)
    if setting.subject.kind == "module":
        weight, bias = setting.own_parameters()
        call, exactly = LayerCall(x, grad_output=grad_output), False
    answer = setting.subject.call(call)
    if "grad_output" in answer.changed:
        yield Check(
            f"gradients/caller{suffix}", Verdict.OUTSIDE, "grad_output is unchanged",
            cause="grad_output is modified in place",
        )  # fmt: skip
    operands = (x.rows, weight.values, grad_output.rows)
    given = Operands(*(np.asarray(part, dtype=np.float64) for part in operands))
    arithmetic = setting.arithmetic
    if exactly:
        arithmetic = without_rounding(arithmetic)
    yield from _three(answer, given, suffix, arithmetic, with_bias=bias is not None)


def _three(
    answer: LayerAnswer, given: Operands, suffix: str, arithmetic: DotArithmetic, *, with_bias: bool
) -> Iterator[Check]:
    g = given.grad_output
    ones = np.ones((1, len(g)))
    # the gradient of b adds and multiplies nothing: no tf32
    adding = replace(arithmetic, tf32=None)
    for which, formula, found, left, right, how in (
        ("weight", "∂L/∂W = Gᵀ·X", answer.grad_weight, g.T, given.x.T, arithmetic),
        ("bias", "∂L/∂b = Σ rows of G", answer.grad_bias, ones, g.T, adding),
        ("input", "∂L/∂x = G·W", answer.grad_input, g, given.weight.T, arithmetic),
    ):
        if which != "bias" or with_bias:
            name = f"gradients/{which}{suffix}"
            yield _gradient(name, which, formula, found, left, right, given, how)


def _gradient(
    name: str,
    which: str,
    formula: str,
    found: Array | None,
    left: Float64Array,
    right: Float64Array,
    given: Operands,
    arithmetic: DotArithmetic,
) -> Check:
    if found is None:
        return Check(name, Verdict.OUTSIDE, formula, cause=f"the {which} receives no gradient")
    shape = (len(left), len(right))
    got = np.asarray(found.values, dtype=np.float64)
    flat = shape if which == "weight" else (shape[1],) if which == "bias" else None
    if got.size != shape[0] * shape[1] or (flat is not None and got.shape != flat):
        words = f"the gradient of the {which} has shape {found.shape}, not {flat or shape}"
        return Check(name, Verdict.OUTSIDE, formula, cause=words)
    result = got.reshape(shape)
    check = check_products(left, right, None, result, arithmetic)
    cause = _cause(which, check, result, left, right, given, arithmetic) if check.outside else None
    return of_dot(name, formula, check, found.values, cause)


def _cause(
    which: str,
    check: DotCheck,
    result: Float64Array,
    left: Float64Array,
    right: Float64Array,
    given: Operands,
    arithmetic: DotArithmetic,
) -> str | None:
    rows = len(given.x)
    room = 2 * check.bound + 4 * 2.0**-24 * np.abs(check.reference)

    def near(expected: Float64Array, factor: float = 1.0) -> bool:
        expected = expected.reshape(result.shape)
        return bool(np.all(np.abs(result - expected) <= max(1.0, abs(factor)) * room))

    if not result.any():
        return f"the gradient of the {which} is zero"
    factors = {
        -1.0: "its sign is flipped",
        2.0: "it is counted twice",
        0.5: "it is halved",
        1 / rows: f"it is divided by the number of rows, {rows}",
        float(rows): f"it is multiplied by the number of rows, {rows}",
    }
    for factor, words in factors.items():
        if factor != 1.0 and near(factor * check.reference, factor):
            return f"the gradient of the {which}: {words}"
    if result.shape[0] == result.shape[1] > 1 and near(check.reference.T):
        return f"the gradient of the {which} is transposed"
    for words, expected in _others(which, left, right, given):
        if expected.size == result.size and near(expected):
            return f"the gradient of the {which} {words}"
    product = name_cause(left, right, None, result, arithmetic)
    return None if product is None else f"the gradient of the {which}, as a product: {product}"


def _others(
    which: str, left: Float64Array, right: Float64Array, given: Operands
) -> Iterator[tuple[str, Float64Array]]:
    x, w, g = given.x, given.weight, given.grad_output
    yield "is clipped to −1 … 1", np.clip(left @ right.T, -1.0, 1.0)
    behind = g * (x @ w.T > 0)
    masked = {"weight": behind.T @ x, "bias": behind.sum(axis=0), "input": behind @ w}
    yield "passes only where x·Wᵀ is positive, as after a relu", masked[which]
    if which == "input":
        if w.shape[0] == w.shape[1]:
            yield "is G·Wᵀ: the weight is transposed", g @ w.T
        yield "is G, without the weight", g
    else:
        yield "is that of the first row only", left[:, :1] @ right[:, :1].T
        yield "is that of the last row only", left[:, -1:] @ right[:, -1:].T
        yield "leaves out the last row", left[:, :-1] @ right[:, :-1].T
    if which == "weight":
        yield "is computed from the mean of the rows", np.outer(g.mean(axis=0), x.mean(axis=0))
        yield "is the product of the column sums of G and X", np.outer(g.sum(axis=0), x.sum(axis=0))
    if which == "bias":
        yield "is the sum over the wrong axis", g.sum(axis=1)
        yield "ignores G: it is the number of rows", np.full((1, len(right)), float(len(g)))

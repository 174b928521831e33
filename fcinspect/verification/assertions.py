"""For test suites: check a layer's output and an optimizer's step against bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fcinspect.arithmetic.settings import optimizer_named
from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import carrier
from fcinspect.rounding.formats import FORMATS, format_named
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Worst, carried_out
from fcinspect.verification.claimed_step import claimed_step, plan_step
from fcinspect.verification.output import (
    Claim,
    declared,
    mixed_formats,
    unfit_operands,
    unfit_output,
)


def assert_linear(
    output: object,
    input: object,
    weight: object,
    bias: object = None,
    *,
    accumulate: str | DotArithmetic | None = None,
    out: object = None,
) -> Check:
    """Assert that output = input·weightᵀ + bias within rounding bounds; no tolerance.

    The arguments are torch tensors on any device, numpy arrays or nested lists (read as float64),
    in the shapes of `torch.nn.functional.linear`: input (*batch, in_features), weight
    (out_features, in_features), bias (out_features), output (*batch, out_features). The format is
    that of the operands. `accumulate` declares how sums are formed if not as on a CPU, in the
    syntax of `fcinspect verify output --accumulate`. `out` is the dtype of the output if it
    differs from that of the operands.

    Returns the verdict with its numbers (`max_ratio`, `worst`). Raises AssertionError if the
    output has the wrong shape or dtype, if an element is outside its bound, or if one has no bound
    (overflow, NaN); UsageError for operands that do not fit together.
    """
    __tracebackhide__ = True
    x, held = array_of(input, "input"), array_of(weight, "weight")
    b = None if bias is None else array_of(bias, "bias")
    y = array_of(output, "output")
    expected = x.dtype if out is None else _dtype_name(out)
    arithmetic = _arithmetic(x.dtype, accumulate, expected)
    problem = unfit_operands(x.shape, held.shape, None if b is None else b.shape)
    problem = problem or mixed_formats(x, held, b, arithmetic)
    if problem:
        raise UsageError(f"assert_linear: {problem}")
    problem = unfit_output("output", y.shape, x.shape, held.shape)
    if not problem and y.dtype != expected:
        problem = f"output is {y.dtype}, expected {expected}"
        problem += f"; declare it with out={y.dtype!r}" if out is None else ""
    if problem:
        raise AssertionError(problem)
    claim = Claim(x, held, b, y, arithmetic, "output")
    check = claim.check("output")
    if check.verdict is not Verdict.WITHIN:
        raise AssertionError(_of_output(claim, check))
    return check


def array_of(values: object, name: str) -> Array:
    """Return an Array of the values (lists: float64); raises UsageError if they are not floats."""
    if isinstance(values, Array):
        return values
    dtype = None
    try:
        plain: Any = values
        if hasattr(plain, "detach"):
            dtype = str(plain.dtype).removeprefix("torch.")
            plain = plain.detach().cpu()
            plain = (plain.float() if dtype == "bfloat16" else plain.resolve_neg()).numpy()
        elif isinstance(plain, list | tuple | float):
            plain, dtype = np.array(plain, dtype=np.float64), "float64"
        else:
            plain = np.asarray(plain)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{name} cannot be read as an array: {reason}") from None
    dtype = dtype or plain.dtype.name
    if dtype not in FORMATS:
        raise UsageError(f"{name} has dtype {dtype}: expected one of {', '.join(FORMATS)}")
    # a view, which becomes read-only: the caller's own array does not
    return Array(plain.astype(carrier(dtype), copy=False).view(), dtype)


def _arithmetic(dtype: str, accumulate: str | DotArithmetic | None, output: str) -> DotArithmetic:
    if isinstance(accumulate, DotArithmetic):
        return replace(accumulate, output=format_named(output))
    try:
        return declared(dtype, accumulate, output)
    except UsageError as error:
        said = error.message.removeprefix("--")
        raise UsageError(f"assert_linear: {said}", error.hint) from None


def _dtype_name(dtype: object) -> str:
    name = getattr(dtype, "__name__", None) or str(dtype).removeprefix("torch.")
    if name not in FORMATS:
        raise UsageError(f"assert_linear: out is {dtype!r}: expected one of {', '.join(FORMATS)}")
    return name


def _of_output(claim: Claim, check: Check) -> str:
    count = check.outside or check.undecided
    lines = [
        f"{check.verdict}: {count:,} of {check.elements:,} elements of output {claim.y.shape} ="
        f" input {claim.x.shape} · weight {claim.weight.shape}ᵀ"
        + ("" if claim.bias is None else f" + bias {claim.bias.shape}")
        + f" ({claim.arithmetic.words})"
    ]
    if check.worst is not None and check.outside:
        lines += _place(check.worst, check.max_ratio)
    if check.outside and check.undecided:
        lines.append(f"  {check.undecided:,} more have no bound")
    if check.cause is not None:
        lines.append(f"  {'likely cause' if check.outside else 'because'}: {check.cause}")
    return "\n".join(lines)


def _place(worst: Worst, ratio: float | None) -> list[str]:
    """Return the element that is furthest outside, its interval and its error."""
    index = ", ".join(map(str, worst.index))
    first = f"  worst: output[{index}] is {worst.computed!r}, the exact value {worst.reference!r}"
    if worst.low is None:
        return [first]
    if worst.low == worst.high:
        return [first, f"  only {worst.low!r} is correct there"]
    second = f"  rounding allows {worst.low!r} to {worst.high!r}"
    if ratio is not None and math.isfinite(worst.computed):
        second += f"; the error is {ratio:.4g} times the bound"
    return [first, second]


def assert_step(
    before: object,
    grad: object,
    after: object,
    *,
    optimizer: str = "sgd",
    state: Mapping[str, Mapping[str, object]] | None = None,
    step: int = 1,
    input: object = None,
    target: object = None,
    loss: str | None = None,
    activation: str | None = None,
    output_activation: str | None = None,
    **options: Any,
) -> tuple[Check, ...]:
    """Assert that the optimizer turns `before` and `grad` into `after`; no tolerance.

    Each is a mapping from parameter names to tensors or arrays, such as a state dict, or a single
    tensor. `options` are those of torch.optim (lr, momentum, betas, …). `state` holds the
    optimizer's state of each parameter before this step, by torch's names; it is required from the
    second step on if the rule has a state. With `input` (*batch, in_features), `target` and `loss`,
    the gradients are recomputed end to end from the parameters before the step::

        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        torch.nn.functional.mse_loss(model(x), t).backward()
        grad = {name: p.grad.clone() for name, p in model.named_parameters()}
        optimizer.step()
        assert_step(before, grad, dict(model.named_parameters()), optimizer="sgd", lr=0.01)

    Returns the checks. Raises AssertionError naming the worst parameter, its numbers and the likely
    cause, also if nothing can be decided; UsageError for arrays and options that do not fit.
    """
    __tracebackhide__ = True
    chosen = optimizer_named(optimizer, options)
    parameters = _parameters({"before": before, "grad": grad, "after": after})
    states = {
        name: {key: array_of(values, f"{key} of {name}") for key, values in kept.items()}
        for name, kept in (state or {}).items()
    }
    given = {"input": input, "target": target}
    around = {key: array_of(v, key) for key, v in given.items() if v is not None}
    behind = (activation, output_activation)
    claim = claimed_step("assert_step", chosen, step, parameters, states, around, loss, behind)
    if around and claim.circumstances is None:
        raise UsageError(f"assert_step: {claim.notes[-1]}")
    checks = carried_out(plan_step(claim)).checks
    if wrong := [check for check in checks if check.verdict is not Verdict.WITHIN]:
        raise AssertionError(_of_step(wrong, len(checks), chosen.call))
    return checks


def _parameters(parts: Mapping[str, object]) -> dict[str, dict[str, Array]]:
    """Return the parts of each parameter; raises UsageError if names or shapes differ."""
    named = {part: _named(given) for part, given in parts.items()}
    parameters: dict[str, dict[str, Array]] = {}
    for part, given in named.items():
        if missing := sorted(set(named["before"]) ^ set(given)):
            raise UsageError(
                f"assert_step: the names in {part} and before differ: {', '.join(missing)}"
            )
        for name, values in given.items():
            parameters.setdefault(name, {})[part] = array_of(values, f"{part} of {name}")
    for name, held in parameters.items():
        shapes = {array.shape for array in held.values()}
        if len(shapes) > 1:
            raise UsageError(
                f"assert_step: {name} has different shapes: {', '.join(map(str, shapes))}"
            )
    return parameters


def _named(values: object) -> dict[str, object]:
    """Return the parameters by name; one without a name is called "parameter"."""
    if not isinstance(values, Mapping):
        return {"parameter": values}
    if not values:
        raise UsageError("assert_step: there are no parameters")
    return {str(name): held for name, held in values.items()}


def _of_step(wrong: list[Check], count: int, rule: str) -> str:
    worst = max(wrong, key=lambda check: (check.verdict is Verdict.OUTSIDE, check.max_ratio or 0))
    lines = [f"{worst.verdict}: {len(wrong)} of {count} checks of a step of {rule}"]
    name = worst.name.partition("/")[2]
    if (place := worst.worst) is not None and worst.outside:
        what = "the update of " if worst.group == "update" else ""
        what += f"{name}[{', '.join(map(str, place.index))}]"
        share = f"{worst.outside:,} of {worst.elements:,} elements are outside"
        lines += [
            f"  worst: {what} is {place.computed!r}, the rule gives {place.reference!r}",
            f"  rounding allows {place.low!r} to {place.high!r}; {share}",
        ]
    if worst.cause is not None:
        lines.append(f"  likely cause: {worst.cause}")
    return "\n".join(lines)

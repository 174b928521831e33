"""For other people's test suites: an optimizer's step, held against its rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fcinspect.arithmetic.settings import optimizer_named
from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.assertions import array_of
from fcinspect.verification.check import Check, carried_out
from fcinspect.verification.claimed_step import plan_step
from fcinspect.verification.step_assembly import claimed_step


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
    """Assert that `after` is what the optimizer makes of `before` and `grad`; no tolerance.

    Each is a mapping from a parameter's name to a tensor or array, such as a state dict, or one
    tensor. `options` are those of torch.optim (lr, momentum, betas, …). `state` holds what the
    optimizer had kept of each parameter before this step, by torch's names; it is needed from the
    second step on where the rule has a state. With `input` (*batch, in_features), `target` and
    `loss` the gradients are recomputed from the parameters before, end to end::

        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        loss = torch.nn.functional.mse_loss(model(x), t)
        loss.backward()
        grad = {name: p.grad.clone() for name, p in model.named_parameters()}
        optimizer.step()
        assert_step(before, grad, dict(model.named_parameters()), optimizer="sgd", lr=0.01)

    Returns the checks. Raises AssertionError that names the worst parameter, its numbers and the
    likely cause, also where nothing can be decided; UsageError for arrays that do not fit
    together and options that the optimizer lacks.
    """
    __tracebackhide__ = True
    chosen = optimizer_named(optimizer, options)
    parts = {"before": _named(before), "grad": _named(grad), "after": _named(after)}
    names = list(parts["before"])
    parameters: dict[str, dict[str, Array]] = {}
    for part, given in parts.items():
        if list(given) != names and set(given) != set(names):
            missing = sorted(set(names) ^ set(given))
            raise UsageError(f"assert_step: {part} and before differ in {', '.join(missing)}")
        for name, values in given.items():
            parameters.setdefault(name, {})[part] = array_of(values, f"{part} of {name}")
    for name, held in parameters.items():
        shapes = {array.shape for array in held.values()}
        if len(shapes) > 1:
            raise UsageError(f"assert_step: {name} has shapes {', '.join(map(str, shapes))}")
    states = {
        name: {key: array_of(values, f"{key} of {name}") for key, values in kept.items()}
        for name, kept in (state or {}).items()
    }
    surroundings: dict[str, Array] = {}
    for key, values in (("input", input), ("target", target)):
        if values is not None:
            surroundings[key] = array_of(values, key)
    claim = claimed_step(
        "assert_step", chosen, step, parameters, states, surroundings, loss,
        (activation, output_activation),
    )  # fmt: skip
    if surroundings and claim.circumstances is None:
        raise UsageError(f"assert_step: {claim.notes[-1]}")
    checks = carried_out(plan_step(claim)).checks
    wrong = [check for check in checks if check.verdict is not Verdict.WITHIN]
    if wrong:
        raise AssertionError(_message(wrong, len(checks), chosen.call))
    return checks


def _named(values: object) -> dict[str, object]:
    """Return the parameters by name; one without a name is called "parameter"."""
    if isinstance(values, Mapping):
        if not values:
            raise UsageError("assert_step: there are no parameters")
        return {str(name): held for name, held in values.items()}
    return {"parameter": values}


def _message(wrong: list[Check], count: int, rule: str) -> str:
    """Return what is wrong, where, by how much, and why."""
    worst = max(wrong, key=lambda check: (check.verdict is Verdict.OUTSIDE, check.max_ratio or 0))
    lines = [f"{worst.verdict}: {len(wrong)} of {count} checks of a step of {rule}"]
    name = worst.name.partition("/")[2]
    if worst.worst is not None and worst.outside:
        index = ", ".join(map(str, worst.worst.index))
        what = "the update of " if worst.group == "update" else ""
        lines.append(
            f"  worst: {what}{name}[{index}] is {worst.worst.computed!r},"
            f" the rule gives {worst.worst.reference!r}"
        )
        lines.append(
            f"  rounding reaches {worst.worst.low!r} to {worst.worst.high!r};"
            f" {worst.outside:,} of {worst.elements:,} elements are outside"
        )
    if worst.cause is not None:
        lines.append(f"  likely cause: {worst.cause}")
    return "\n".join(lines)

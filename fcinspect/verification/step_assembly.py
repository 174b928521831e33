"""A claimed step put together from named arrays: shapes that fit, and the network behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fcinspect.arithmetic.settings import (
    ACTIVATION_NAMES,
    LOSS_NAMES,
    Optimizer,
    optimizer_named,
    require_possible,
)
from fcinspect.arithmetic.training import Classes, Target
from fcinspect.errors import InputError, UsageError, did_you_mean
from fcinspect.layers.array import Array
from fcinspect.verification.claimed_step import Circumstances, ClaimedStep
from fcinspect.verification.update import Recorded

Parts = Mapping[str, Mapping[str, Array]]


def told_optimizer(told: Mapping[str, Any], source: str) -> Optimizer:
    """Return the optimizer that a file tells; raises InputError where there is no such one."""
    options = {key: value for key, value in told.items() if key != "name"}
    try:
        for key, value in options.items():
            require_possible(told["name"], key, value)
        return optimizer_named(told["name"], options)
    except UsageError as error:
        raise InputError(f"{source}: {error.message}", error.hint) from None


def _require_known(
    loss: str | None, activations: Mapping[str, str] | tuple[str | None, str | None], source: str
) -> None:
    """Raise InputError for a loss or an activation of a file that is not computed here."""
    layers = activations if isinstance(activations, Mapping) else {}
    named: list[tuple[str, str | None, tuple[str, ...]]] = [("loss", loss, LOSS_NAMES)]
    named += [(f"the activation of {k}", v, ACTIVATION_NAMES) for k, v in layers.items()]
    for what, name, known in named:
        if name is not None and name not in known:
            raise InputError(
                f"{source}: {what} is {name!r}: expected one of {', '.join(known)}",
                hint=did_you_mean(name, known),
            )


def claimed_step(
    source: str,
    optimizer: Optimizer,
    number: int,
    parameters: Parts,
    states: Parts,
    surroundings: Mapping[str, Array],
    loss_name: str | None,
    activations: Mapping[str, str] | tuple[str | None, str | None],
    notes: tuple[str, ...] = (),
) -> ClaimedStep:
    """Return the step.

    `parameters` holds "before", "grad" and "after" of each parameter by its name, (out, in) for a
    weight and (out) for a bias. `activations` are named by layer, or are the one behind hidden
    layers (relu) and the one behind the last (identity). Raises InputError for a network whose
    widths do not chain, and for an input or target that does not fit it.
    """
    records = tuple(
        Recorded(
            name, parts["before"], parts["grad"], parts["after"], number,
            states.get(name) or ({} if number > 1 else None),
        )
        for name, parts in parameters.items()
    )  # fmt: skip
    step = ClaimedStep(source, optimizer, records, None, notes)
    _require_known(loss_name, activations, source)
    given = {name: name in surroundings for name in ("input", "target")}
    if not any(given.values()):
        return step
    given["loss"] = loss_name is not None
    widths = _chained(step) if all(given.values()) else _lacking(given)
    if isinstance(widths, str):
        return replace(step, notes=(*notes, f"gradients are not recomputed: {widths}"))
    assert loss_name is not None
    names = step.layer_names
    if not isinstance(activations, Mapping):
        hidden, last = activations
        usual = "sigmoid" if loss_name == "bce" else "identity"
        activations = dict.fromkeys(names[:-1], hidden or "relu")
        activations[names[-1]] = last or usual
    known = _circumstances(step, widths, surroundings, loss_name, activations)
    return replace(step, circumstances=known)


def _lacking(given: Mapping[str, bool]) -> str:
    there = ", ".join(name for name, known in given.items() if known)
    missing = ", ".join(name for name, known in given.items() if not known)
    return f"{there} is given, {missing} is not"


def _circumstances(
    step: ClaimedStep,
    widths: tuple[int, int],
    surroundings: Mapping[str, Array],
    loss_name: str,
    activations: Mapping[str, str],
) -> Circumstances:
    source, x = step.source, surroundings["input"]
    first, outputs = widths
    if not x.shape or x.shape[-1] != first:
        name = step.layer_names[0]
        raise InputError(f"{source}: input has shape {x.shape}, {name} takes (…, {first})")
    if x.dtype != step.dtype:
        x = _as(x, step.dtype, "input", source)
    shape = (*x.shape[:-1], outputs)
    target = _target(surroundings["target"], loss_name, shape, source)
    output_before, output_after = (
        _output(surroundings.get(key), shape, key, source)
        for key in ("output_before", "output_after")
    )
    return Circumstances(
        x, target, loss_name, activations,
        output_before, _number(surroundings.get("loss_before"), "loss_before", source),
        output_after, _number(surroundings.get("loss_after"), "loss_after", source),
    )  # fmt: skip


def _chained(step: ClaimedStep) -> tuple[int, int] | str:
    """Return the first and last width of the network, or why it is none."""
    shapes = {record.name: record.before.shape for record in step.records}
    width = first = None
    names = step.layer_names
    if not names:
        return "no parameter is a weight of two dimensions"
    for name in names:
        prefix = f"{name}." if name else ""
        weight = shapes.pop(f"{prefix}weight", None)
        bias = shapes.pop(f"{prefix}bias", None)
        if weight is None:
            return f"{name} has a matrix that is not called weight"
        if bias is not None and bias != (weight[0],):
            return f"{prefix}bias has shape {bias}, {prefix}weight {weight}"
        if width is not None and weight[1] != width:
            return f"{prefix}weight of shape {weight} does not follow a layer of {width} outputs"
        first = weight[1] if first is None else first
        width = weight[0]
    if shapes:
        return f"{next(iter(shapes))} belongs to no linear layer"
    assert first is not None
    assert width is not None
    return first, width


def _target(values: Array, loss: str, shape: tuple[int, ...], source: str) -> Target:
    if loss != "cross_entropy":
        if values.shape != shape:
            raise InputError(f"{source}: target has shape {values.shape}, the output {shape}")
        return values
    classes = values.values
    if values.shape != shape[:-1]:
        raise InputError(
            f"{source}: target has shape {values.shape}: cross_entropy takes one class a row,"
            f" {shape[:-1]}"
        )
    if not np.array_equal(classes, np.rint(classes)) or classes.min(initial=0) < 0 or (
        classes.max(initial=0) >= shape[-1]
    ):  # fmt: skip
        raise InputError(f"{source}: target holds no classes 0 to {shape[-1] - 1}")
    return Classes(classes.astype(np.int64))


def _output(values: Array | None, shape: tuple[int, ...], key: str, source: str) -> Array | None:
    if values is not None and values.shape != shape:
        raise InputError(f"{source}: {key} has shape {values.shape}, expected {shape}")
    return values


def _number(values: Array | None, key: str, source: str) -> float | None:
    if values is None:
        return None
    if values.size != 1:
        raise InputError(f"{source}: {key} has shape {values.shape}: expected one number")
    return float(values.values.reshape(())[()])


def _as(values: Array, dtype: str, name: str, source: str) -> Array:
    """Return numbers in the parameters' format, if each of them is one of it."""
    held = Array.of(values.values, dtype)
    if not np.array_equal(held.values, values.values, equal_nan=True):
        raise InputError(f"{source}: {name} is {values.dtype}, the parameters are {dtype}")
    return held

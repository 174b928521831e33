"""What callers of a linear layer rely on: shapes, dtype, errors, names, independent rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import first_wrong
from fcinspect.verification.check import Check, Planned, holds
from fcinspect.verification.output import Claim
from fcinspect.verification.subject import LayerAnswer, LayerCall, Layout, Made, Setting

Shape = tuple[int, ...]
_LAYOUTS: dict[Layout, str] = {"strided": "a strided x", "transposed": "a transposed x"}

SIZES = (1, 2, 3, 8, 33)
"""Rows of the batches that are compared with one of 64 rows."""


@dataclass(frozen=True)
class LayerTrial:
    """Calls a layer with random numbers."""

    setting: Setting

    @cached_property
    def parameters(self) -> tuple[Array, Array | None]:
        """W and b: random, or a ready module's own (raises Misbehaved if its shape differs)."""
        setting = self.setting
        n, out = setting.in_features, setting.out_features
        if setting.subject.kind == "module":
            return setting.own_parameters()
        out = setting.fewer_outputs(n) if out else 0
        return self.drawn((out, n), 1), self.drawn((out,), 2) if setting.bias else None

    def drawn(self, shape: Shape, seed: int) -> Array:
        """Return normally distributed numbers."""
        random = np.random.default_rng((seed, *shape))
        return Array.of(random.standard_normal(shape), self.setting.dtype)

    @property
    def out(self) -> int:
        """How many outputs the calls have."""
        return self.parameters[0].shape[0]

    def answer(
        self, x: Array, layout: Layout = "contiguous", *, bias: bool = True
    ) -> tuple[LayerAnswer, LayerCall]:
        """Return what the layer answers for x, and the call with all its operands."""
        weight, b = self.parameters
        whole = LayerCall(x, weight, b if bias else None, layout)
        made = LayerCall(x, layout=layout) if self.setting.subject.kind == "module" else whole
        return self.setting.subject.call(made), whole

    def check(self, name: str, detail: str, x: Array, *, bias: bool = True) -> Check:
        """Return whether the answer for x is of the right shape and within its bound."""
        answer, whole = self.answer(x, bias=bias)
        return self.judged(name, detail, answer, whole)

    def judged(self, name: str, detail: str, answer: LayerAnswer, whole: LayerCall) -> Check:
        """Compare an answer with the bound."""
        expected = (*whole.x.shape[:-1], self.out)
        if answer.output.shape != expected:
            words = f"the result has shape {answer.output.shape} instead of {expected}"
            return Check(name, Verdict.OUTSIDE, detail, cause=words)
        return replace(self.claim(answer, whole).check(name), detail=detail)

    def claim(self, answer: LayerAnswer, whole: LayerCall) -> Claim:
        """Return an answer with the operands of its call."""
        weight, arithmetic = self.parameters[0], self.setting.arithmetic
        return Claim(whole.x, weight, whole.bias, answer.output, arithmetic)


def contract_checks(setting: Setting) -> tuple[Planned, ...]:
    """Return the checks of the contract."""
    trial = LayerTrial(setting)
    kind = setting.subject.kind
    checks = {
        "shapes": _shapes, "layouts": _layouts, "dtype": _dtype, "operands untouched": _untouched,
        "same again": _again, "wrong widths refused": _refused,
    }  # fmt: skip
    if setting.bias and kind != "module":
        checks["without bias"] = _without_bias
    if kind != "kernel":
        checks["parameters"] = _parameters
    if kind == "factory" and setting.in_features and setting.out_features:
        checks["parameters used"] = _used
    return tuple(
        Planned(f"contract/{name}", partial(check, trial, f"contract/{name}"))
        for name, check in checks.items()
    )


def batch_checks(setting: Setting) -> tuple[Planned, ...]:
    """Return the check of one row alone and in batches."""
    if not setting.in_features or not setting.out_features:
        return ()
    return (Planned("batches/rows", partial(_rows, LayerTrial(setting))),)


def _shapes(trial: LayerTrial, name: str) -> Check:
    """x of one to four dimensions, with one row, no row, and as many rows as outputs."""
    n, out = trial.setting.in_features, trial.out
    shapes: list[Shape] = [(n,), (1, n), (3, n), (2, 3, n), (2, 1, 2, n), (0, n)]
    shapes += [(2, 0, n), *([(out, n)] if 0 < out <= 1024 else [])]
    probes = {
        f"x of shape {shape}": partial(trial.check, name, "", trial.drawn(shape, 3))
        for shape in shapes
    }
    return first_wrong(name, "1-D to 4-D, 0 rows, N = out", probes)


def _layouts(trial: LayerTrial, name: str) -> Check:
    """x and W as views: the numbers count, not where they lie."""
    n = trial.setting.in_features

    def check(shape: Shape, layout: Layout) -> Check:
        x = trial.drawn(shape, 4)
        answer, whole = trial.answer(x, layout)
        found = trial.judged(name, "", answer, whole)
        if found.verdict is Verdict.OUTSIDE:
            plain, whole = trial.answer(x)
            if trial.judged("", "", plain, whole).verdict is Verdict.WITHIN:
                return replace(found, cause="the strides of the operands are ignored")
        return found

    # the rows of three dimensions are not contiguous: none can view them as a matrix
    shapes = {"": (5, n), " of shape (2, 3, in_features)": (2, 3, n)}
    probes = {
        f"{words}{which}": partial(check, shape, layout)
        for which, shape in shapes.items()
        for layout, words in _LAYOUTS.items()
    }
    return first_wrong(name, "strided and transposed views", probes)


def _dtype(trial: LayerTrial, name: str) -> Check:
    answer, whole = trial.answer(trial.drawn((3, trial.setting.in_features), 5))
    found, given = answer.output.dtype, whole.x.dtype
    cause = f"the result is {found} for {given} operands"
    return holds(name, found == given, f"{given} in, {found} out", cause)


def _untouched(trial: LayerTrial, name: str) -> Check:
    answer, _ = trial.answer(trial.drawn((3, trial.setting.in_features), 6))
    are = "are" if len(answer.changed) > 1 else "is"
    cause = f"{' and '.join(answer.changed)} {are} modified in place"
    return holds(name, not answer.changed, "x, W and b are unchanged", cause)


def _again(trial: LayerTrial, name: str) -> Check:
    x = trial.drawn((3, trial.setting.in_features), 7)
    outputs = [trial.answer(x)[0].output.values for _ in range(3)]
    # what was asked in between must not show either
    trial.answer(trial.drawn((3, trial.setting.in_features), 8))
    outputs.append(trial.answer(x)[0].output.values)
    same = all(np.array_equal(outputs[0], other, equal_nan=True) for other in outputs[1:])
    detail = "same input, same output, bit for bit"
    return holds(name, same, detail, "the same input gives different outputs")


def _refused(trial: LayerTrial, name: str) -> Check:
    """x of another width raises an error; broadcasting width 1, as einsum does, is not a fault."""
    n, detail = trial.setting.in_features, "x of any other width raises an error"
    shapes: list[Shape] = [(3, n + 1), (3, 2 * n), (2 * n, 3), (n, 2), (3, 1), (n + 1,)]
    shapes += [(3, n - 1), (n - 1,)] if n > 1 else []
    trial.answer(trial.drawn((3, n), 9))  # what refuses every x refuses these for no reason
    accepted = []
    for shape in dict.fromkeys(shapes):
        if shape[-1] == n or shape[-1] == 0:
            continue
        try:
            answer, _ = trial.answer(trial.drawn(shape, 9))
        except Misbehaved as fault:
            if "raised" not in str(fault):
                raise
            continue
        if 1 in (n, shape[-1]) and answer.output.shape == (*shape[:-1], trial.out):
            detail = "x of any other width raises an error; width 1 is broadcast"
        else:
            accepted.append(f"x of shape {shape} gives {answer.output.shape}")
    wanted = f" without an error, although in_features is {n}"
    return holds(name, not accepted, detail, " and ".join(accepted[:2]) + wanted)


def _without_bias(trial: LayerTrial, name: str) -> Check:
    setting = trial.setting
    if setting.subject.kind == "factory":
        made = setting.subject.made(setting.in_features, setting.out_features, False, 0)
        if made.parameter("bias") is not None:
            cause = "a module created with bias=False has a bias"
            return holds(name, False, "bias=False creates no bias", cause)
    x = trial.drawn((3, setting.in_features), 10)
    return trial.check(name, "without b, y is x·Wᵀ", x, bias=False)


def _parameters(trial: LayerTrial, name: str) -> Check:
    """weight (out, in) and bias (out), trainable, and nothing else in the state dict."""
    setting = trial.setting
    made = setting.subject.made(setting.in_features, setting.out_features, setting.bias, 0)
    wanted: dict[str, Shape] = {"weight": (setting.out_features, setting.in_features)}
    if setting.bias:
        wanted["bias"] = (setting.out_features,)
    found = {key: values.shape for key, values in made.state}
    told = ", ".join(f"{key} {shape}" for key, shape in found.items()) or "no state dict"
    cause = _parameter_fault(made, wanted, found, setting)
    return holds(name, cause is None, told, cause)


def _used(trial: LayerTrial, name: str) -> Check:
    """What is written into weight and bias after the module is made decides its output."""
    x, setting = trial.drawn((3, trial.setting.in_features), 12), trial.setting
    weight, bias = trial.parameters
    asked = LayerCall(x, weight, bias)
    first = setting.subject.call(asked).output.values
    calls = {"weight": replace(asked, weight=trial.drawn(weight.shape, 13))}
    if bias is not None:
        calls["bias"] = replace(asked, bias=trial.drawn(bias.shape, 14))
    outputs = {which: setting.subject.call(call).output.values for which, call in calls.items()}
    unused = [w for w, other in outputs.items() if np.array_equal(other, first, equal_nan=True)]
    cause = f"the module ignores its {' and '.join(unused)}, or uses a copy made earlier"
    return holds(name, not unused, "new values, new output", cause)


def _parameter_fault(
    made: Made, wanted: dict[str, Shape], found: dict[str, Shape], setting: Setting
) -> str | None:
    for key, shape in wanted.items():
        if key not in found:
            return f"the state dict has no {key!r}"
        if found[key] != shape:
            layout = ": it is stored (in, out)" if found[key] == shape[::-1] else ""
            return f"{key} has shape {found[key]} instead of {shape}{layout}"
        if key not in made.trainable:
            return f"{key} is not a trainable parameter: an optimizer would skip it"
    extra = [key for key in found if key not in wanted]
    if extra:
        return f"the state dict also has {', '.join(map(repr, extra[:3]))}"
    for key in ("in_features", "out_features"):
        value, given = getattr(made, key), getattr(setting, key)
        if value is not None and value != given:
            return f"its {key} is {value} instead of {given}"
    if not setting.subject.differentiable:
        return "its parameters receive no gradient: the output is detached from them"
    return None


def _rows(trial: LayerTrial) -> Check:
    """Compare rows alone and in batches: a difference is a fact, reported with the bound."""
    name, x = "batches/rows", trial.drawn((64, trial.setting.in_features), 11)
    answer, whole = trial.answer(x)
    check = trial.judged(name, "", answer, whole)
    if check.verdict is not Verdict.WITHIN:
        return check
    together = np.asarray(answer.output.values, dtype=np.float64)
    reach = trial.claim(answer, whole).checked.bound
    most = 0.0
    for size in SIZES:
        part = Array(np.array(x.values[:size]), x.dtype)
        answer, whole = trial.answer(part)
        found = trial.judged(name, f"in a batch of {size}", answer, whole)
        if found.verdict is not Verdict.WITHIN:
            return found
        alone = np.asarray(answer.output.values, dtype=np.float64)
        with np.errstate(all="ignore"):
            apart = np.abs(alone - together[:size]) / reach[:size]
        most = max(most, float(np.nanmax(apart, initial=0.0)))
    detail = "the same bits at every batch size"
    if most:
        detail = f"other batch sizes change a row by {100 * most:.2g} % of its bound"
    return Check(name, Verdict.WITHIN, detail, check.max_ratio, elements=together.size)

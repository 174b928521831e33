"""What callers of a linear layer rely on: shapes, dtype, refusals, names, rows by themselves.

The layer is asked ordinary numbers, and its answers are held against the bound.
"""

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

_LAYOUTS: dict[Layout, str] = {"strided": "a strided x", "transposed": "a transposed x"}

SIZES = (1, 2, 3, 8, 33)
"""Rows of the batches that are held against one of 64 rows."""


@dataclass(frozen=True)
class LayerTrial:
    """Calls a layer with random numbers."""

    setting: Setting

    @cached_property
    def parameters(self) -> tuple[Array, Array | None]:
        """W and b: random ones, or a ready module's own.

        Raises Misbehaved where a ready module has no weight of its widths.
        """
        setting = self.setting
        n, out = setting.in_features, setting.out_features
        if setting.subject.kind == "module":
            return setting.own_parameters()
        out = setting.fewer_outputs(n) if out else 0
        return self.drawn((out, n), 1), self.drawn((out,), 2) if setting.bias else None

    def drawn(self, shape: tuple[int, ...], seed: int) -> Array:
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
        """Hold an answer against the bound."""
        assert whole.weight is not None
        expected = (*whole.x.shape[:-1], whole.weight.shape[0])
        if answer.output.shape != expected:
            words = f"the result has shape {answer.output.shape} instead of {expected}"
            return Check(name, Verdict.OUTSIDE, detail, cause=words)
        claim = Claim(whole.x, whole.weight, whole.bias, answer.output, self.setting.arithmetic)
        return replace(claim.check(name), detail=detail)


def contract_checks(setting: Setting) -> tuple[Planned, ...]:
    """Return the checks of the contract."""
    trial = LayerTrial(setting)
    made = setting.subject.kind != "kernel"
    planned = [
        Planned("contract/shapes", partial(_shapes, trial)),
        Planned("contract/layouts", partial(_layouts, trial)),
        Planned("contract/dtype", partial(_dtype, trial)),
        Planned("contract/operands untouched", partial(_untouched, trial)),
        Planned("contract/same again", partial(_again, trial)),
        Planned("contract/wrong widths refused", partial(_refused, trial)),
    ]
    if setting.bias and setting.subject.kind != "module":
        planned.append(Planned("contract/without bias", partial(_without_bias, trial)))
    if made:
        planned.append(Planned("contract/parameters", partial(_parameters, setting)))
    if setting.subject.kind == "factory" and setting.in_features and setting.out_features:
        planned.append(Planned("contract/parameters used", partial(_used, trial)))
    return tuple(planned)


def batch_checks(setting: Setting) -> tuple[Planned, ...]:
    """Return the check of one row alone and in batches."""
    if not setting.in_features or not setting.out_features:
        return ()
    return (Planned("batches/rows", partial(_rows, LayerTrial(setting))),)


def _shapes(trial: LayerTrial) -> Check:
    """x of one to four dimensions, with one row, no row, and as many rows as outputs."""
    n, out = trial.setting.in_features, trial.out
    shapes: list[tuple[int, ...]] = [(n,), (1, n), (3, n), (2, 3, n), (2, 1, 2, n), (0, n)]
    shapes += [(2, 0, n), *([(out, n)] if 0 < out <= 1024 else [])]
    probes = {
        f"x of shape {shape}": partial(trial.check, "contract/shapes", "", trial.drawn(shape, 3))
        for shape in dict.fromkeys(shapes)
    }
    return first_wrong("contract/shapes", "1-D to 4-D, 0 rows, N = out", probes)


def _layouts(trial: LayerTrial) -> Check:
    """x and W as views: the numbers count, not where they lie."""
    n = trial.setting.in_features

    def check(shape: tuple[int, ...], layout: Layout) -> Check:
        x = trial.drawn(shape, 4)
        answer, whole = trial.answer(x, layout)
        found = trial.judged("contract/layouts", "", answer, whole)
        if found.verdict is Verdict.OUTSIDE and layout != "contiguous":
            plain, whole = trial.answer(x)
            if trial.judged("", "", plain, whole).verdict is Verdict.WITHIN:
                return replace(found, cause="the strides of its operands are ignored")
        return found

    # the rows of three dimensions do not lie one behind the other: none can view them as a matrix
    shapes = {"": (5, n), " of shape (2, 3, in_features)": (2, 3, n)}
    probes = {
        f"{words}{which}": partial(check, shape, layout)
        for which, shape in shapes.items()
        for layout, words in _LAYOUTS.items()
    }
    return first_wrong("contract/layouts", "strided and transposed views", probes)


def _dtype(trial: LayerTrial) -> Check:
    answer, whole = trial.answer(trial.drawn((3, trial.setting.in_features), 5))
    found, given = answer.output.dtype, whole.x.dtype
    return holds(
        "contract/dtype", found == given, f"{given} in, {found} out",
        f"the result is {found} for operands of {given}",
    )  # fmt: skip


def _untouched(trial: LayerTrial) -> Check:
    answer, _ = trial.answer(trial.drawn((3, trial.setting.in_features), 6))
    changed = " and ".join(answer.changed)
    return holds(
        "contract/operands untouched", not answer.changed, "input, weight and bias stay",
        f"{changed} {'are' if ' and ' in changed else 'is'} modified in place",
    )  # fmt: skip


def _again(trial: LayerTrial) -> Check:
    x = trial.drawn((3, trial.setting.in_features), 7)
    outputs = [trial.answer(x)[0].output.values for _ in range(3)]
    # what was asked in between must not show either
    trial.answer(trial.drawn((3, trial.setting.in_features), 8))
    outputs.append(trial.answer(x)[0].output.values)
    same = all(np.array_equal(outputs[0], other, equal_nan=True) for other in outputs[1:])
    return holds(
        "contract/same again", same, "the same input, the same output, bit for bit",
        "the same input gives different outputs",
    )  # fmt: skip


def _refused(trial: LayerTrial) -> Check:
    """x of another width raises; it is neither reshaped nor cut.

    That one number per row, of x or of W, is broadcast, as einsum does, is a fact and no fault.
    """
    n = trial.setting.in_features
    name, detail = "contract/wrong widths refused", "x of other widths raises an error"
    shapes: list[tuple[int, ...]] = [(3, n + 1), (3, 2 * n), (2 * n, 3), (n, 2), (3, 1), (n + 1,)]
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
            detail = "x of other widths raises an error; width 1 is broadcast"
            continue
        accepted.append(f"x of shape {shape} gives {answer.output.shape}")
    wanted = f" without an error, where in_features is {n}"
    return holds(name, not accepted, detail, " and ".join(accepted[:2]) + wanted)


def _without_bias(trial: LayerTrial) -> Check:
    setting = trial.setting
    name = "contract/without bias"
    if setting.subject.kind == "factory":
        made = setting.subject.made(setting.in_features, setting.out_features, False, 0)
        if made.parameter("bias") is not None:
            return Check(
                name, Verdict.OUTSIDE, "bias=False makes no bias",
                cause="a module made with bias=False has a bias",
            )  # fmt: skip
    x = trial.drawn((3, setting.in_features), 10)
    return trial.check(name, "without b, y is x·Wᵀ", x, bias=False)


def _parameters(setting: Setting) -> Check:
    """weight (out, in) and bias (out), trainable, and nothing else in the state dict."""
    name = "contract/parameters"
    made = setting.subject.made(setting.in_features, setting.out_features, setting.bias, 0)
    wanted: dict[str, tuple[int, ...]] = {"weight": (setting.out_features, setting.in_features)}
    if setting.bias:
        wanted["bias"] = (setting.out_features,)
    found = {key: values.shape for key, values in made.state}
    told = ", ".join(f"{key} {shape}" for key, shape in found.items()) or "no state dict"
    cause = _parameter_fault(made, wanted, found, setting)
    return holds(name, cause is None, told, cause)


def _used(trial: LayerTrial) -> Check:
    """What is written into weight and bias after the module is made decides its output."""
    x, setting = trial.drawn((3, trial.setting.in_features), 12), trial.setting
    weight, bias = trial.parameters
    asked = LayerCall(x, weight, bias)
    first = setting.subject.call(asked).output.values
    unused = [
        name
        for name, call in (
            ("weight", replace(asked, weight=trial.drawn(weight.shape, 13))),
            ("bias", None if bias is None else replace(asked, bias=trial.drawn(bias.shape, 14))),
        )
        if call is not None
        and np.array_equal(setting.subject.call(call).output.values, first, equal_nan=True)
    ]
    cause = f"the module computes without its {' and '.join(unused)}, or with a copy made earlier"
    return holds(
        "contract/parameters used",
        not unused,
        "new numbers, new output",
        cause,
    )


def _parameter_fault(
    made: Made,
    wanted: dict[str, tuple[int, ...]],
    found: dict[str, tuple[int, ...]],
    setting: Setting,
) -> str | None:
    for key, shape in wanted.items():
        if key not in found:
            return f"the state dict has no {key!r}"
        if found[key] != shape:
            layout = ": it is stored (in, out)" if found[key] == shape[::-1] else ""
            return f"{key} has shape {found[key]} instead of {shape}{layout}"
        if key not in made.trainable:
            return f"{key} is no trainable parameter: an optimizer would leave it out"
    extra = [key for key in found if key not in wanted]
    if extra:
        return f"the state dict has {', '.join(map(repr, extra[:3]))} besides"
    for key, value, given in (
        ("in_features", made.in_features, setting.in_features),
        ("out_features", made.out_features, setting.out_features),
    ):
        if value is not None and value != given:
            return f"its {key} is {value} instead of {given}"
    if not setting.subject.differentiable:
        return "its parameters get no gradient: the output is detached from them"
    return None


def _rows(trial: LayerTrial) -> Check:
    """Compare rows alone and in batches: a difference is a fact, told with the bound."""
    rows = 64
    x = trial.drawn((rows, trial.setting.in_features), 11)
    answer, whole = trial.answer(x)
    check = trial.judged("batches/rows", "", answer, whole)
    if check.verdict is not Verdict.WITHIN:
        return check
    together = np.asarray(answer.output.values, dtype=np.float64)
    reach = Claim(
        whole.x, trial.parameters[0], whole.bias, answer.output, trial.setting.arithmetic
    ).checked.bound
    most = 0.0
    for size in SIZES:
        part = Array(np.array(x.values[:size]), x.dtype)
        answer, whole = trial.answer(part)
        found = trial.judged("batches/rows", f"in a batch of {size}", answer, whole)
        if found.verdict is not Verdict.WITHIN:
            return found
        alone = np.asarray(answer.output.values, dtype=np.float64)
        with np.errstate(all="ignore"):
            apart = np.abs(alone - together[:size]) / reach[:size]
        most = max(most, float(np.nanmax(apart, initial=0.0)))
    detail = "the same bits in batches of every size"
    if most:
        detail = f"other batch sizes move a row by {100 * most:.2g} % of its bound"
    return Check("batches/rows", Verdict.WITHIN, detail, check.max_ratio, elements=together.size)

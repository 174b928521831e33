"""What a caller of an optimizer relies on besides the numbers: arrays left alone, state kept."""

from __future__ import annotations

import numpy as np

from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, holds
from fcinspect.verification.optimizer_setting import (
    Setting,
    gradients_of,
    missing_options,
    parameters_of,
)
from fcinspect.verification.optimizer_subject import Ran


def _ran(setting: Setting, count: int = 2) -> tuple[list[Array], list[list[Array | None]], Ran]:
    parameters, gradients = parameters_of(setting), gradients_of(setting, count)
    options = setting.options(setting.optimizer)
    return parameters, gradients, setting.subject.run(parameters, gradients, options)


def check_gradients_kept(setting: Setting) -> Check:
    """Check that step() leaves the caller's gradients as they are."""
    # what adds to a gradient or turns it may do so in place
    tried = [setting.variation({"weight_decay": 0.125}), setting.variation({"maximize": True})]
    usable = [one for one in tried if not missing_options(setting, one)] or [setting.optimizer]
    changed: dict[str, None] = {}
    for optimizer in usable:
        ran = setting.subject.run(
            parameters_of(setting), gradients_of(setting, 2), setting.options(optimizer)
        )
        changed.update(dict.fromkeys(ran.changed))
    return holds("caller/gradients", not changed, "stay as they are", "; ".join(list(changed)[:2]))


def check_in_place(setting: Setting) -> Check:
    """Check that parameters are updated in place."""
    _, _, ran = _ran(setting)
    return holds(
        "caller/parameters", not ran.moved, "updated in place",
        "parameters are replaced by new arrays: the model would not see the step",
    )  # fmt: skip


def check_without_gradient(setting: Setting) -> Check:
    """Check that a parameter without a gradient stays as it is."""
    parameters, _, ran = _ran(setting)
    same = all(np.array_equal(after[-1].values, parameters[-1].values) for after in ran.after)
    return holds(
        "caller/no gradient", same, "such a parameter stays",
        "a parameter without a gradient is changed",
    )  # fmt: skip


def check_fresh(setting: Setting) -> Check:
    """A second optimizer starts anew."""
    _, _, first = _ran(setting)
    _, _, second = _ran(setting)
    same = all(
        np.array_equal(a.values, b.values, equal_nan=True)
        for one, other in zip(first.after, second.after, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    return holds(
        "state/fresh", same, "starts anew",
        "two optimizers share state: the second starts where the first ended",
    )  # fmt: skip


def check_resumed(setting: Setting) -> Check:
    """Check that saved and loaded state continues the same steps."""
    parameters, gradients, whole = _ran(setting, 4)
    options = setting.options(setting.optimizer)
    ran = setting.subject.resumed(parameters, gradients, options, 2)
    name = "state/saved and loaded"
    if ran is None:
        return Check(name, Verdict.WITHIN, "it has no state_dict to save")
    same = all(
        np.array_equal(a.values, b.values, equal_nan=True)
        for one, other in zip(whole.after, ran.after, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    return holds(
        name, same, "continues the same",
        "after load_state_dict the steps are others: state is lost",
    )  # fmt: skip

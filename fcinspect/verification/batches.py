"""Whether a row's result depends on the rows beside it: a fact, as long as rounding explains it."""

from __future__ import annotations

from functools import partial

import numpy as np

from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Planned
from fcinspect.verification.claim import Claim
from fcinspect.verification.setting import Setting
from fcinspect.verification.trial import Trial

SIZES = (1, 2, 3, 8, 33)
"""Rows of the batches that are held against one of 64 rows."""


def batch_checks(setting: Setting) -> tuple[Planned, ...]:
    """Return the check of one row alone and in batches."""
    if not setting.in_features or not setting.out_features:
        return ()
    return (Planned("batches/rows", partial(_rows, Trial(setting))),)


def _rows(trial: Trial) -> Check:
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

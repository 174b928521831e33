"""One layer on ordinary numbers: what it is asked, and its answer held against the bound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check
from fcinspect.verification.claim import Claim
from fcinspect.verification.setting import MOST_WEIGHTS, Setting
from fcinspect.verification.subject import Answer, Call, Layout


@dataclass(frozen=True)
class Trial:
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
            made = setting.subject.made(0, 0, True, 0)
            weight = made.parameter("weight")
            if weight is None or weight.shape != (out, n):
                found = "no weight" if weight is None else f"a weight of shape {weight.shape}"
                raise Misbehaved(f"the module has {found}, expected one of shape {(out, n)}")
            return weight, made.parameter("bias")
        out = max(1, min(out, MOST_WEIGHTS // max(n, 1))) if out else 0
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
    ) -> tuple[Answer, Call]:
        """Return what the layer answers for x, and the call with all its operands."""
        weight, b = self.parameters
        whole = Call(x, weight, b if bias else None, layout)
        made = Call(x, layout=layout) if self.setting.subject.kind == "module" else whole
        return self.setting.subject.call(made), whole

    def check(self, name: str, detail: str, x: Array, *, bias: bool = True) -> Check:
        """Return whether the answer for x is of the right shape and within its bound."""
        answer, whole = self.answer(x, bias=bias)
        return self.judged(name, detail, answer, whole)

    def judged(self, name: str, detail: str, answer: Answer, whole: Call) -> Check:
        """Hold an answer against the bound."""
        assert whole.weight is not None
        expected = (*whole.x.shape[:-1], whole.weight.shape[0])
        if answer.output.shape != expected:
            words = f"the result has shape {answer.output.shape} instead of {expected}"
            return Check(name, Verdict.OUTSIDE, detail, cause=words)
        claim = Claim(whole.x, whole.weight, whole.bias, answer.output, self.setting.arithmetic)
        return replace(claim.check(name), detail=detail)

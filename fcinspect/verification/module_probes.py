"""Probes of a ready module: it keeps its own parameters, and is sent one input at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.verification.check import Check, Planned
from fcinspect.verification.exact_check import check_answer, first_wrong
from fcinspect.verification.setting import ROWS, Setting, columns_of
from fcinspect.verification.subject import Call, Layout, Made, Subject

BATCHES = (0, 1, 2, 33)


@dataclass(frozen=True, eq=False)
class Own:
    """A ready module and the parameters it has."""

    setting: Setting

    @property
    def subject(self) -> Subject:
        """The module."""
        return self.setting.subject

    @property
    def arithmetic(self) -> DotArithmetic:
        """How it computes."""
        return self.setting.arithmetic

    @cached_property
    def made(self) -> Made:
        """The module's record."""
        return self.subject.made(0, 0, True, 0)

    def with_parameters(self, x: Array, layout: Layout = "contiguous") -> tuple[Call, Call]:
        """Return the call that is made, and the same with the parameters in it.

        Raises Misbehaved where the module has no weight of its widths.
        """
        weight, bias = self.made.parameter("weight"), self.made.parameter("bias")
        shape = (self.setting.out_features, self.setting.in_features)
        if weight is None or weight.shape != shape:
            found = "none" if weight is None else f"one of shape {weight.shape}"
            raise Misbehaved(f"the module has no weight of shape {shape} to compare with: {found}")
        return Call(x, layout=layout), Call(x, weight, bias, layout)


def module_probes(setting: Setting) -> tuple[Planned, ...]:
    """Return the probes: zeros, basis vectors at two scales, layouts, batches, NaN and Inf."""
    own = Own(setting)
    large = 2.0 ** (min(setting.arithmetic.inputs.largest_exponent, 127) // 4)
    return (
        Planned("exact/zeros", partial(_zeros, own)),
        Planned("exact/basis vectors", partial(_basis, own, 1.0, "basis vectors")),
        Planned("exact/large basis vectors", partial(_basis, own, large, "large basis vectors")),
        *(
            Planned(f"exact/{layout}", partial(_basis, own, 1.0, layout, layout))
            for layout in _LAYOUTS
        ),
        Planned("exact/batches", partial(_batches, own)),
        Planned("exact/NaN", partial(_not_finite, own, np.nan)),
        Planned("exact/Inf", partial(_not_finite, own, np.inf)),
    )


_LAYOUTS: tuple[Layout, ...] = ("strided", "transposed")


def _asked(own: Own, name: str, detail: str, x: Array, layout: Layout = "contiguous") -> Check:
    made, whole = own.with_parameters(x, layout)
    answer = own.subject.call(made)
    return check_answer(f"exact/{name}", detail, answer.output, whole, own.arithmetic)


def _zeros(own: Own) -> Check:
    x = own.setting.array(np.zeros((ROWS, own.setting.in_features)))
    return _asked(own, "zeros", "x = 0: y is b", x)


def _basis(own: Own, scale: float, name: str, layout: Layout = "contiguous") -> Check:
    n = own.setting.in_features
    columns = columns_of(n)
    x = np.zeros((len(columns), n))
    x[np.arange(len(columns)), columns] = scale
    told = f"x is one {scale:g} among zeros"
    detail = f"{told}, as a {layout} view" if layout != "contiguous" else f"{told}: y is W·x + b"
    return _asked(own, name, detail, own.setting.array(x), layout)


def _batches(own: Own) -> Check:
    probes = {f"{rows} rows": partial(_batch, own, rows) for rows in BATCHES}
    return first_wrong("exact/batches", f"of {', '.join(map(str, BATCHES))} rows", probes)


def _batch(own: Own, rows: int) -> Check:
    n = own.setting.in_features
    x = np.zeros((rows, n))
    if n:
        x[np.arange(rows), np.arange(rows) % n] = 1.0
    return _asked(own, "batches", f"{rows} basis vectors", own.setting.array(x))


def _not_finite(own: Own, value: float) -> Check:
    n = own.setting.in_features
    x = np.zeros((ROWS, n))
    if n:
        x[1, n // 2] = value
        x[3, 0] = -value
    name = "NaN" if np.isnan(value) else "Inf"
    detail = f"{name} in two rows taints these and no other"
    return _asked(own, name, detail, own.setting.array(x))

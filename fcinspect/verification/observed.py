"""A result with the operands that should give it: what hypotheses of a fault are tried on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.dot import BLOCK, DotCheck, check_products

MOST_ROWS = 64
MOST_OUTPUTS = 256
"""The most rows and outputs that are examined, those that are outside first."""
MOST_PRODUCTS = 2**26
"""Fewer of wide layers: so many products are computed for one hypothesis."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What was computed, and from what; what is looked at is finite."""

    x: FloatArray
    """(rows, n), every row"""
    weight: FloatArray
    """(out, n), every output"""
    bias: Float64Array | None
    """(out)"""
    result: Float64Array
    """(rows, out)"""
    arithmetic: DotArithmetic
    rows: tuple[int, ...]
    outputs: tuple[int, ...]
    """The rows and outputs that are looked at."""

    @classmethod
    def of(
        cls,
        x: FloatArray,
        weight: FloatArray,
        bias: Float64Array | None,
        result: Float64Array,
        arithmetic: DotArithmetic,
    ) -> Observed | None:
        """Return what is looked at: finite rows and outputs, those outside first; None if none."""
        rows = np.flatnonzero(np.isfinite(x).all(axis=1))
        outputs = np.isfinite(weight).all(axis=1)
        if bias is not None:
            outputs = outputs & np.isfinite(bias)
        columns = np.flatnonzero(outputs)
        if not rows.size or not columns.size:
            return None
        most = MOST_PRODUCTS // max(x.shape[1], 1)
        most_rows = max(8, min(MOST_ROWS, most // MOST_OUTPUTS))
        most_outputs = max(32, min(MOST_OUTPUTS, most // most_rows))
        if rows.size > most_rows or columns.size > most_outputs:
            of_rows, of_columns = _errors(x, weight, bias, result, rows, columns)
            rows = np.sort(rows[_some(of_rows, most_rows)])
            columns = np.sort(columns[_some(of_columns, most_outputs)])
        chosen = (tuple(map(int, rows)), tuple(map(int, columns)))
        return cls(x, weight, bias, result, arithmetic, *chosen)

    @property
    def n(self) -> int:
        """The number of inputs."""
        return len(self.x.T)

    @cached_property
    def xs(self) -> Float64Array:
        """The rows of x that are looked at."""
        return np.asarray(self.x[list(self.rows)], dtype=np.float64)

    @cached_property
    def w(self) -> Float64Array:
        """The rows of the weight that are looked at."""
        return np.asarray(self.weight[list(self.outputs)], dtype=np.float64)

    @property
    def y(self) -> Float64Array:
        """The result where it is looked at."""
        return self.result[np.ix_(self.rows, self.outputs)]

    @property
    def b(self) -> Float64Array:
        """The bias of these outputs, zeros without one."""
        chosen = list(self.outputs)
        return np.zeros(len(chosen)) if self.bias is None else self.bias[chosen]

    @cached_property
    def check(self) -> DotCheck:
        """The result against what is right."""
        return self.under(self.xs, self.w, self.b, self.arithmetic)

    @property
    def right(self) -> Float64Array:
        """What is right."""
        return self.check.reference

    @property
    def reach(self) -> Float64Array:
        """How far a correct result may be from what is right."""
        return self.check.bound

    @property
    def room(self) -> Float64Array:
        """How far rounding may take the result observed from that of altered operands."""
        return self.reach + 2 * self.arithmetic.output.unit_roundoff * np.abs(self.y)

    @cached_property
    def wrong(self) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """Which elements rounding does not explain."""
        return np.asarray(~((self.check.low <= self.y) & (self.y <= self.check.high)))

    def under(
        self,
        x: Float64Array,
        weight: Float64Array,
        bias: Float64Array,
        arithmetic: DotArithmetic,
        counted: bool = True,
    ) -> DotCheck:
        """Return the check of the result as if these had been the operands that are looked at."""
        bias_or_none = None if self.bias is None else bias
        return check_products(x, weight, bias_or_none, self.y, arithmetic, counted=counted)

    def explained_by(
        self,
        x: Float64Array | None = None,
        weight: Float64Array | None = None,
        bias: Float64Array | None = None,
        arithmetic: DotArithmetic | None = None,
    ) -> bool:
        """Whether the result is right for other operands than xs, w and b; others stay."""
        check = self.under(
            self.xs if x is None else x,
            self.w if weight is None else weight,
            self.b if bias is None else bias,
            arithmetic or self.arithmetic,
            counted=False,
        )
        return not check.outside and check.undecided < self.y.size

    def near(self, expected: Float64Array, factor: float = 1.0) -> bool:
        """Whether the result is `expected`, up to what rounding does to `factor` times the right.

        Once more for what is done to the result, which is itself rounded. Never where as much room
        explains the result without any fault.
        """
        return not self.is_nearly_right and self._near(expected, factor)

    @cached_property
    def is_nearly_right(self) -> bool:
        """Whether little more than rounding explains the result: no pattern is to be seen in it."""
        return self._near(self.right, 1.0)

    def _near(self, expected: Float64Array, factor: float) -> bool:
        unit = self.arithmetic.output.unit_roundoff
        room = 2 * abs(factor) * self.reach + 4 * unit * (np.abs(expected) + np.abs(self.b))
        return bool(np.all(np.abs(self.y - expected) <= room))

    def part_that_is_wrong(self) -> tuple[Observed, str] | None:
        """Return the rows or outputs that hold all wrong elements, in words; None for all."""
        rows, outputs = np.flatnonzero(self.wrong.any(axis=1)), np.flatnonzero(self.wrong.any(0))
        if not rows.size:
            return None
        wrong_rows = tuple(self.rows[i] for i in rows)
        wrong_outputs = tuple(self.outputs[j] for j in outputs)
        words = []
        if outputs.size < len(self.outputs):
            words.append(_places("output", wrong_outputs, self.outputs))
        if rows.size < len(self.rows):
            words.append(_places("row", wrong_rows, self.rows))
        if not words:
            return None
        return replace(self, rows=wrong_rows, outputs=wrong_outputs), "in " + " of ".join(words)


@np.errstate(all="ignore")
def _errors(
    x: FloatArray,
    weight: FloatArray,
    bias: Float64Array | None,
    result: Float64Array,
    rows: np.ndarray[tuple[int], np.dtype[np.intp]],
    columns: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> tuple[Float64Array, Float64Array]:
    """Return how far each row and each output is from what is right, at most."""
    of_rows, of_columns = np.zeros(len(rows)), np.zeros(len(columns))
    some = np.asarray(x[rows], dtype=np.float64)
    step = max(1, BLOCK // max(x.shape[1], len(rows), 1))
    for start in range(0, len(columns), step):
        part = columns[start : start + step]
        right = some @ np.asarray(weight[part], dtype=np.float64).T
        if bias is not None:
            right = right + bias[part]
        error = np.abs(np.nan_to_num(result[np.ix_(rows, part)] - right, nan=np.inf))
        of_columns[start : start + step] = error.max(axis=0)
        of_rows = np.maximum(of_rows, error.max(axis=1))
    return of_rows, of_columns


def _some(error: Float64Array, most: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the places of the largest half and of an evenly spread other half."""
    if error.size <= most:
        return np.arange(error.size)
    largest = np.argsort(error)[::-1][: most // 2]
    spread = np.linspace(0, error.size - 1, most // 2).astype(np.intp)
    return np.union1d(largest, spread)


def _places(word: str, places: tuple[int, ...], seen: tuple[int, ...]) -> str:
    """Return "output 3", "outputs from 64 on", "outputs 1, 4, 5, …"."""
    if len(places) == 1:
        return f"{word} {places[0]}"
    if places == tuple(p for p in seen if p >= places[0]):
        return f"{word}s from {places[0]} on"
    if places == tuple(p for p in seen if p <= places[-1]):
        return f"{word}s up to {places[-1]}"
    listed = ", ".join(map(str, places[:3])) + (", …" if len(places) > 3 else "")
    return f"{word}s {listed}"

"""From what the jobs found to the statistics of a matrix, in the order of the jobs."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.places import FilePlace
from fcinspect.checkpoints.scan.jobs import Job, as_it_lies, unscaled
from fcinspect.checkpoints.scan.records import (
    MOST_DIGESTS,
    LineCount,
    MatrixStatistics,
    ScannedNumbers,
)
from fcinspect.checkpoints.scan.tile import SUM_ERROR, Floats, Partial

FIRST = 8
"""Dead or duplicate outputs that are named."""


@dataclass
class _Lines:
    """The rows, or the columns, of a matrix as far as they are complete."""

    largest_squares: float = 0.0
    largest_sum: float = 0.0
    dead: int = 0
    first_dead: list[int] = field(default_factory=list)
    digests: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    alive: list[npt.NDArray[np.bool_]] = field(default_factory=list)

    def take_in(
        self, first: int, squares: Floats, sums: Floats, alive: npt.NDArray[np.bool_]
    ) -> None:
        """Add complete lines, the first of which is number `first`."""
        self.largest_squares = max(self.largest_squares, float(squares.max(initial=0.0)))
        self.largest_sum = max(self.largest_sum, float(sums.max(initial=0.0)))
        dead = np.flatnonzero(~alive)
        self.dead += len(dead)
        self.first_dead += [first + int(k) for k in dead[: FIRST - len(self.first_dead)]]

    def scale(self, power: int) -> None:
        """Multiply the numbers by 2^power."""
        self.largest_squares = math.ldexp(self.largest_squares, 2 * power)
        self.largest_sum = math.ldexp(self.largest_sum, power)


class Merging:
    """Takes in partial results in the order of their jobs."""

    def __init__(self, place: FilePlace, *, outputs_are_columns: bool = False) -> None:
        self._rows, self._columns = as_it_lies(place)
        self._of_columns = outputs_are_columns
        self._outputs = self._columns if outputs_are_columns else self._rows
        self._whole = Partial.empty(0, 0, 0)
        self._row_lines, self._column_lines = _Lines(), _Lines()
        self._panel: tuple[Job, Partial] | None = None
        self._all_rows: Partial | None = None

    def add(self, job: Job, found: Partial) -> None:
        """Take in what the next job found."""
        self._level(found)
        self._whole.count(found)
        if self._panel is not None and self._panel[0].columns != job.columns:
            self._close_panel()
        self._take_rows(job, found)
        if self._panel is None:
            self._panel = (job, found)
            return
        panel = self._panel[1]
        panel.column_squares += found.column_squares
        panel.column_sums += found.column_sums
        panel.column_alive |= found.column_alive
        if self._of_columns:
            panel.digests += found.digests

    def digests(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]] | None:
        """Return the digest of each output and whether it is alive; None for too many outputs."""
        lines = self._column_lines if self._of_columns else self._row_lines
        if self._outputs > MOST_DIGESTS:
            return None
        if not lines.digests:
            return np.zeros(0, np.uint64), np.zeros(0, np.bool_)
        return np.concatenate(lines.digests), np.concatenate(lines.alive)

    def close(self) -> None:
        """Say that all jobs are in."""
        self._close_panel()
        if self._all_rows is not None:
            self._fold_rows(0, self._all_rows)
            self._all_rows = None

    def numbers(self) -> ScannedNumbers:
        """Return the statistics of the numbers."""
        whole, moments = self._whole, self._whole.moments
        count = self._rows * self._columns
        low = high = mean = std = math.nan
        norm = math.nan if count else 0.0  # that of an empty matrix is known
        if moments.count:
            low, high = whole.min, whole.max
            # rounding may not carry the mean past the numbers that it is the mean of
            mean = min(max(math.ldexp(moments.mean, whole.exponent), low), high)
            norm = unscaled(math.sqrt(moments.squares), whole.exponent)
        if moments.count > 1:
            std = unscaled(math.sqrt(moments.deviations / (moments.count - 1)), whole.exponent)
        return ScannedNumbers(count, low, high, mean, std, norm, whole.zeros, whole.nan, whole.inf)

    def matrix(self, duplicates: LineCount | None) -> MatrixStatistics:
        """Return the statistics of the matrix, with the duplicate outputs found elsewhere."""
        rows, columns = self._row_lines, self._column_lines
        outputs, inputs = (columns, rows) if self._of_columns else (rows, columns)
        low, high = self._spectral_bounds()
        return MatrixStatistics(
            self.numbers(),
            LineCount(outputs.dead, tuple(outputs.first_dead)),
            LineCount(inputs.dead, tuple(inputs.first_dead)),
            duplicates,
            low,
            high,
        )

    def _spectral_bounds(self) -> tuple[float | None, float | None]:
        """Return max(row, column norms, ‖W‖F/√rank) and min(‖W‖F, √(‖W‖₁‖W‖∞)), widened."""
        whole, rows, columns = self._whole, self._row_lines, self._column_lines
        if whole.nan or whole.inf:
            return None, None
        shorter = max(min(self._rows, self._columns), 1)
        squares = whole.moments.squares
        low = math.sqrt(max(rows.largest_squares, columns.largest_squares, squares / shorter))
        high = min(math.sqrt(squares), math.sqrt(rows.largest_sum) * math.sqrt(columns.largest_sum))
        return (
            min(unscaled(low * (1 - SUM_ERROR), whole.exponent), sys.float_info.max),
            unscaled(high * (1 + SUM_ERROR), whole.exponent),
        )

    def _take_rows(self, job: Job, found: Partial) -> None:
        if job.columns == (0, self._columns):
            self._fold_rows(job.rows[0], found)
            return
        if self._all_rows is None:
            # panels have so many columns that there are few rows
            self._all_rows = Partial.empty(self._rows, 0, 0 if self._of_columns else self._rows)
            self._all_rows.exponent = self._whole.exponent
        rows, kept = slice(*job.rows), self._all_rows
        kept.row_squares[rows] += found.row_squares
        kept.row_sums[rows] += found.row_sums
        kept.row_alive[rows] |= found.row_alive
        if not self._of_columns:
            # the order of the panels counts
            kept.digests[rows] = kept.digests[rows] * np.uint64(3) + found.digests

    def _fold_rows(self, first: int, found: Partial) -> None:
        lines = self._row_lines
        lines.take_in(first, found.row_squares, found.row_sums, found.row_alive)
        if not self._of_columns and self._outputs <= MOST_DIGESTS:
            lines.digests.append(found.digests)
            lines.alive.append(found.row_alive)

    def _close_panel(self) -> None:
        if self._panel is None:
            return
        job, panel = self._panel
        lines = self._column_lines
        lines.take_in(job.columns[0], panel.column_squares, panel.column_sums, panel.column_alive)
        if self._of_columns and self._outputs <= MOST_DIGESTS:
            lines.digests.append(panel.digests)
            lines.alive.append(panel.column_alive)
        self._panel = None

    def _level(self, found: Partial) -> None:
        """Bring what is known and what comes to one exponent."""
        if found.exponent == self._whole.exponent:
            return
        if not self._whole.moments.squares:
            self._raise(found.exponent)
        elif not found.moments.squares:
            found.exponent = self._whole.exponent
        elif found.exponent < self._whole.exponent:
            found.raise_exponent(self._whole.exponent)
        else:
            self._raise(found.exponent)

    def _raise(self, exponent: int) -> None:
        power = self._whole.exponent - exponent
        for lines in (self._row_lines, self._column_lines):
            lines.scale(power)
        for kept in (self._panel and self._panel[1], self._all_rows, self._whole):
            if kept is not None:
                kept.raise_exponent(exponent)

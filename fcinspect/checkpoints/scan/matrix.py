"""A weight or bias on its way through the scan: its jobs, their results in order, equal outputs.

Outputs with equal digests are candidates; what is told has been compared by BLAKE2b of all bits.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.places import FilePlace, open_storage
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.checkpoints.scan import jobs
from fcinspect.checkpoints.scan.records import (
    MOST_DIGESTS,
    LineCount,
    MatrixStatistics,
    ScannedNumbers,
    SingularValues,
    Wanted,
)
from fcinspect.checkpoints.scan.tile import SUM_ERROR, Floats, Partial
from fcinspect.checkpoints.storage import ArrayStorage, Storage
from fcinspect.masking import is_uri
from fcinspect.rounding.arrays import carrier

Open = Callable[[], Storage]
PIECE = 1 << 22
"""Bytes of a row that are read at a time."""
HASHERS = 1 << 12
"""Columns that are hashed at a time."""
FIRST = 8
"""Dead or duplicate outputs that are named."""
Flags = npt.NDArray[np.bool_]


@dataclass
class _Lines:
    """The rows, or the columns, of a matrix as far as they are complete."""

    largest_squares: float = 0.0
    largest_sum: float = 0.0
    dead: int = 0
    first_dead: list[int] = field(default_factory=list)
    digests: list[jobs.Digests] = field(default_factory=list)
    alive: list[Flags] = field(default_factory=list)

    def take_in(
        self, first: int, squares: Floats, sums: Floats, alive: Flags, digests: jobs.Digests | None
    ) -> None:
        """Add complete lines, the first of which is number `first`; digests of outputs alone."""
        self.largest_squares = max(self.largest_squares, float(squares.max(initial=0.0)))
        self.largest_sum = max(self.largest_sum, float(sums.max(initial=0.0)))
        dead = np.flatnonzero(~alive)
        self.dead += len(dead)
        self.first_dead += [first + int(k) for k in dead[: FIRST - len(self.first_dead)]]
        if digests is not None:
            self.digests.append(digests)
            self.alive.append(alive)

    def scale(self, power: int) -> None:
        self.largest_squares = math.ldexp(self.largest_squares, 2 * power)
        self.largest_sum = math.ldexp(self.largest_sum, power)


class Merging:
    """Takes in partial results in the order of their jobs."""

    def __init__(self, place: FilePlace, *, outputs_are_columns: bool = False) -> None:
        self._rows, self._columns = jobs.as_it_lies(place)
        self._of_columns = outputs_are_columns
        self._outputs = self._columns if outputs_are_columns else self._rows
        self._whole = Partial.empty(0, 0, 0)
        self._row_lines, self._column_lines = _Lines(), _Lines()
        self._panel: tuple[jobs.Job, Partial] | None = None
        self._all_rows: Partial | None = None

    def add(self, job: jobs.Job, found: Partial) -> None:
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

    def digests(self) -> tuple[jobs.Digests, Flags] | None:
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
            norm = jobs.unscaled(math.sqrt(moments.squares), whole.exponent)
        if moments.count > 1:
            std = jobs.unscaled(math.sqrt(moments.deviations / (moments.count - 1)), whole.exponent)
        return ScannedNumbers(count, low, high, mean, std, norm, whole.zeros, whole.nan, whole.inf)

    def matrix(self, duplicates: LineCount | None) -> MatrixStatistics:
        """Return the statistics of the matrix, with the duplicate outputs found elsewhere."""
        rows, columns = self._row_lines, self._column_lines
        outputs, inputs = (columns, rows) if self._of_columns else (rows, columns)
        low, high = self._spectral_bounds()
        dead_outputs = LineCount(outputs.dead, tuple(outputs.first_dead))
        dead_inputs = LineCount(inputs.dead, tuple(inputs.first_dead))
        return MatrixStatistics(self.numbers(), dead_outputs, dead_inputs, duplicates, low, high)

    def _spectral_bounds(self) -> tuple[float | None, float | None]:
        """Return max(row, column norms, ‖W‖F/√rank) and min(‖W‖F, √(‖W‖₁‖W‖∞)), widened."""
        whole, rows, columns = self._whole, self._row_lines, self._column_lines
        if whole.nan or whole.inf:
            return None, None
        shorter = max(min(self._rows, self._columns), 1)
        squares = whole.moments.squares
        low = math.sqrt(max(rows.largest_squares, columns.largest_squares, squares / shorter))
        high = min(math.sqrt(squares), math.sqrt(rows.largest_sum) * math.sqrt(columns.largest_sum))
        low = jobs.unscaled(low * (1 - SUM_ERROR), whole.exponent)
        high = jobs.unscaled(high * (1 + SUM_ERROR), whole.exponent)
        return min(low, sys.float_info.max), high

    def _take_rows(self, job: jobs.Job, found: Partial) -> None:
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
        digests = None if self._of_columns or self._outputs > MOST_DIGESTS else found.digests
        lines = found.row_squares, found.row_sums, found.row_alive
        self._row_lines.take_in(first, *lines, digests)

    def _close_panel(self) -> None:
        if self._panel is None:
            return
        job, panel = self._panel
        digests = panel.digests if self._of_columns and self._outputs <= MOST_DIGESTS else None
        lines = panel.column_squares, panel.column_sums, panel.column_alive
        self._column_lines.take_in(job.columns[0], *lines, digests)
        self._panel = None

    def _level(self, found: Partial) -> None:
        exponent, known = found.exponent, self._whole.exponent
        if exponent == known:
            return
        if not found.moments.squares and self._whole.moments.squares:
            found.exponent = known
        elif exponent < known and self._whole.moments.squares:
            found.raise_exponent(known)
        else:
            self._row_lines.scale(known - exponent)
            self._column_lines.scale(known - exponent)
            for kept in (self._panel and self._panel[1], self._all_rows, self._whole):
                if kept is not None:
                    kept.raise_exponent(exponent)


class ScannedMatrix:
    """A weight, or a bias as one row."""

    def __init__(
        self, tensor: StoredTensor, *, outputs_are_columns: bool = False, elsewhere: bool = False
    ) -> None:
        """Take a tensor; `elsewhere` is the engine's, whose workers get the whole path."""
        self._tensor = tensor
        self.place, self.open = _placed(tensor, elsewhere=elsewhere)
        self.outputs_are_columns = outputs_are_columns != self.place.transposed
        self.jobs = list(jobs.jobs_of(self.place, outputs_are_columns=self.outputs_are_columns))
        self._merging = Merging(self.place, outputs_are_columns=self.outputs_are_columns)
        self._missing = len(self.jobs)

    @property
    def name(self) -> str:
        """The state-dict key."""
        return self._tensor.name

    @property
    def is_in_a_file(self) -> bool:
        """Whether any process can read it from its place."""
        return self._tensor.place is not None

    @property
    def is_done(self) -> bool:
        """Whether all that its jobs found is in."""
        return not self._missing

    def add(self, job: jobs.Job, found: Partial) -> None:
        """Take in what the next job found."""
        self._merging.add(job, found)
        self._missing -= 1

    def go_through_memory(self) -> None:
        """Carry out all jobs here, if the numbers are in memory or must be unpacked."""
        if self.is_in_a_file or self.is_done:
            return
        with closing(self.open()) as storage, jobs.one_blas_thread():
            for job in self.jobs:
                self.add(job, jobs.carry_out_in(storage, job))

    def numbers(self) -> ScannedNumbers:
        """Return the statistics of its numbers."""
        self._merging.close()
        return self._merging.numbers()

    def statistics(self) -> MatrixStatistics:
        """Return the statistics of the matrix; reads again what may be equal outputs."""
        self._merging.close()
        return self._merging.matrix(self._duplicates())

    def singular_values(self, wanted: Wanted) -> SingularValues:
        """Return the singular values of numbers that are in memory, or must be unpacked."""
        if not wanted.any:
            return SingularValues(wanted)

        from fcinspect.checkpoints.scan.singular import singular_values_in

        with closing(self.open()) as storage:
            return singular_values_in(self.place, storage, wanted)

    def _duplicates(self) -> LineCount | None:
        known = self._merging.digests()
        if known is None:
            return None
        digests, alive = known
        living = np.flatnonzero(alive)
        _, places, counts = np.unique(digests[living], return_inverse=True, return_counts=True)
        # those that are not all zero and share their digest with another
        alike = living[counts[places] > 1]
        if not len(alike):
            return LineCount(0)
        hashed = _hashed_columns if self.outputs_are_columns else _hashed_rows
        seen: set[bytes] = set()
        repeated = []
        with closing(self.open()) as storage:
            for output, digest in hashed(self.place, storage, alike):
                if digest in seen:
                    repeated.append(output)
                seen.add(digest)
        return LineCount(len(repeated), tuple(repeated[:FIRST]))


def _placed(tensor: StoredTensor, *, elsewhere: bool) -> tuple[FilePlace, Open]:
    if tensor.place is not None:
        place = tensor.place
        if elsewhere and not is_uri(place.uri):
            place = replace(place, uri=str(Path(place.uri).absolute()))
        return place, partial(open_storage, place.uri, place.stamp)
    held = carrier(tensor.dtype)

    def unpacked() -> ArrayStorage:
        values = tensor.read(None)
        return ArrayStorage(tensor.name, np.ascontiguousarray(values, held.newbyteorder("<")))

    return FilePlace(tensor.name, ArrayStorage.STAMP, held.name, 0, tensor.shape), unpacked


def _hashed_rows(
    place: FilePlace, storage: Storage, outputs: npt.NDArray[np.intp]
) -> Iterator[tuple[int, bytes]]:
    width = jobs.as_it_lies(place)[1] * place.itemsize
    piece = memoryview(bytearray(min(width, PIECE)))
    for output in map(int, outputs):
        hasher, begin = hashlib.blake2b(digest_size=16), place.begin + output * width
        for at in range(0, width, PIECE):
            part = piece[: min(PIECE, width - at)]
            storage.read_into(part, begin + at)
            hasher.update(part)
        yield output, hasher.digest()


def _hashed_columns(
    place: FilePlace, storage: Storage, outputs: npt.NDArray[np.intp]
) -> Iterator[tuple[int, bytes]]:
    """Yield the columns and their hashes, which takes a pass over the matrix for HASHERS."""
    rows, columns = jobs.as_it_lies(place)
    size = place.itemsize
    step = max(1, jobs.TILE // max(columns, 1))
    for start in range(0, len(outputs), HASHERS):
        chosen = outputs[start : start + HASHERS]
        hashers = [hashlib.blake2b(digest_size=16) for _ in chosen]
        for row in range(0, rows, step):
            tile = np.empty((min(step, rows - row), columns), f"<u{size}")
            storage.read_into(tile.data.cast("B"), place.begin + row * columns * size)
            for hasher, column in zip(hashers, np.ascontiguousarray(tile.T[chosen]), strict=True):
                hasher.update(column.tobytes())
        yield from ((int(k), h.digest()) for k, h in zip(chosen, hashers, strict=True))

"""Whether the rows of a batch depend on one another: one is changed, the others are compared."""

from __future__ import annotations

from typing import Any

import torch

from fcinspect.bridge.loading import words_of
from fcinspect.bridge.observe.random_runs import RandomRuns, draw, seeded
from fcinspect.bridge.trace.tensors import tensors_of
from fcinspect.diagnosis.observations import Mixing

FEWEST_ROWS = 2
OTHER_ROWS = 3
"""Rows of the batch where it has too few to tell."""


class NotExercised(Exception):
    """Why something could not be looked at."""


def mixing_of(runs: RandomRuns) -> Mixing | None:
    """Return how rows mix, None where they do not; raises NotExercised where that is not told."""
    shapes = [t.shape for t in runs.inputs]
    if not shapes or not all(shapes):
        raise NotExercised("there is no batch dimension")
    rows = shapes[0][0]
    if len(shapes) > 1 and (rows, rows) in shapes:
        raise NotExercised(f"an input is ({rows}, {rows}), as of a graph and its nodes")
    if runs.module.training:
        raise NotExercised("in training mode BatchNorm and dropout mix them")
    if rows < FEWEST_ROWS:
        rows = OTHER_ROWS
    elif any(shape[0] != rows for shape in shapes):
        raise NotExercised("the inputs have different first dimensions")
    try:
        with torch.no_grad():
            return _Probe(runs, rows).found()
    except NotExercised:
        raise
    except Exception as error:
        raise NotExercised(f"on random numbers it stops ({words_of(error)})") from None


class _Probe:
    def __init__(self, runs: RandomRuns, rows: int) -> None:
        self._runs = runs
        self._rows = rows
        self._inputs = runs.made(rows)
        self._base = _tensors(runs.run(self._inputs))

    def found(self) -> Mixing | None:
        twice = zip(self._base, _tensors(self._runs.run(self._inputs)), strict=True)
        if not all(a.shape == b.shape and same(a, b) for a, b in twice):
            raise NotExercised("the same input does not give the same output twice")
        places = [n for n, t in enumerate(self._base) if t.shape[:1] == (self._rows,)]
        if not places:
            shapes = ", ".join(str(tuple(t.shape)) for t in self._base) or "no tensor"
            raise NotExercised(f"the input has {self._rows} rows, the output is {shapes}")
        places = self._without_pairs(places)
        # a view can take all of its rows from the first, or from the last
        for row in (0, self._rows - 1):
            changed = self._changed(0, row)
            for place in places:
                others = _moved(self._base[place], changed[place], row)
                if others:
                    shape = tuple(self._base[place].shape)
                    return Mixing(self._rows, row, others, shape, self._by_column(place))
        return None

    def _changed(self, dimension: int, index: int) -> list[torch.Tensor]:
        """Return the outputs with one slice of the inputs drawn again."""
        other = [tensor.clone() for tensor in self._inputs]
        with seeded(1):
            for tensor in other:
                draw(tensor.select(dimension, index))
        return _tensors(self._runs.run(other))

    def _without_pairs(self, places: list[int]) -> list[int]:
        """Leave out outputs that hold a number for each pair of rows, as of contrastive losses."""
        square = (self._rows, self._rows)
        if not any(self._base[place].shape == square for place in places):
            return places
        more = self._rows + 1
        try:
            larger = _tensors(self._runs.run(self._runs.made(more)))
        except Exception:
            return places  # as many classes as rows
        left = [place for place in places if larger[place].shape[:2] != (more, more)]
        if not left:
            raise NotExercised(f"the output {square} compares each row with each")
        return left

    def _by_column(self, place: int) -> bool:
        """Whether dimension 1 could be the batch: its slices do not depend on one another."""
        lead = (*self._base[place].shape[:2],)
        if len(lead) < 2 or lead[1] < 2 or any(t.shape[:2] != lead for t in self._inputs):
            return False
        changed = self._changed(1, 0)[place]
        return not _moved(self._base[place].transpose(0, 1), changed.transpose(0, 1), 0)


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors hold the same numbers; NaN is the same as NaN."""
    return bool(((a == b) | ((a != a) & (b != b))).all())


def _moved(before: torch.Tensor, after: torch.Tensor, changed: int) -> tuple[int, ...]:
    """Return the rows that are no longer the same, but for the one that was changed."""
    if before.shape != after.shape:
        return ()
    return tuple(
        row
        for row in range(before.shape[0])
        if row != changed and not same(before[row], after[row])
    )


def _tensors(output: Any) -> list[torch.Tensor]:
    return [tensor for _, tensor in tensors_of(output)]

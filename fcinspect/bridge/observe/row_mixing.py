"""Whether the rows of a batch depend on one another: one is changed, the others are compared."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from fcinspect.bridge.loading import words_of
from fcinspect.bridge.observe.random_runs import NotExercised, RandomRuns, draw, seeded
from fcinspect.bridge.trace.sites import calling_place
from fcinspect.bridge.trace.step_words import name_of
from fcinspect.bridge.trace.tensors import tensors_of
from fcinspect.diagnosis.observations import Mixing
from fcinspect.shapes.steps import Place

FEWEST_ROWS = 2
OTHER_ROWS = 3
"""Rows of the batch where it has too few to tell."""
ROUNDINGS = 256
"""So many units of rounding a number may move by when sums are taken in another order, as they are
where a row meets another number of rows in a product: some tens of units were seen."""
MOST_NUMBERS = 2**26
"""Of larger runs it is not looked for where rows meet first."""


def mixing_of(runs: RandomRuns) -> Mixing | None:
    """Return how rows mix, None where they do not; raises NotExercised where that is not told."""
    shapes = [t.shape for t in runs.inputs]
    if not shapes or not all(shapes):
        raise NotExercised("there is no batch dimension")
    rows = shapes[0][0]
    if len(shapes) > 1 and (rows, rows) in shapes:
        raise NotExercised(f"an input is ({rows}, {rows}), as for the nodes of a graph")
    if runs.module.training:
        raise NotExercised("in training mode, BatchNorm and dropout mix them")
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
        raise NotExercised(f"the module fails on random numbers ({words_of(error)})") from None


class _Probe:
    def __init__(self, runs: RandomRuns, rows: int) -> None:
        self._runs = runs
        self._rows = rows
        self._inputs = runs.made(rows)
        self._base = _tensors(runs.run(self._inputs))

    def found(self) -> Mixing | None:
        twice = zip(self._base, _tensors(self._runs.run(self._inputs)), strict=True)
        if not all(a.shape == b.shape and same(a, b) for a, b in twice):
            raise NotExercised("two runs on the same input give different outputs")
        places = [n for n, t in enumerate(self._base) if t.shape[:1] == (self._rows,)]
        if not places:
            shapes = ", ".join(str(tuple(t.shape)) for t in self._base) or "no tensor"
            raise NotExercised(f"the input has {self._rows} rows, but the output is {shapes}")
        places = self._without_pairs(places)
        # a view can take all of its rows from the first, or from the last
        for row in (0, self._rows - 1):
            changed = _tensors(self._runs.run(self._with_other(row)))
            for place in places:
                others = _moved(self._base[place], changed[place], row)
                if others:
                    self._require_every_input(row, place)
                    shape = tuple(self._base[place].shape)
                    function, where = self._first(row)
                    by_column = self._by_column(place)
                    return Mixing(self._rows, row, others, shape, by_column, function, where)
        return None

    def _with_other(
        self, index: int, dimension: int = 0, only: int | None = None
    ) -> list[torch.Tensor]:
        """Return the inputs with one slice drawn again, of all or of one of them."""
        other = [tensor.clone() for tensor in self._inputs]
        with seeded(1):
            for number, tensor in enumerate(other):
                if only in (None, number):
                    draw(tensor.select(dimension, index))
        return other

    def _require_every_input(self, row: int, place: int) -> None:
        """Raise NotExercised where rows of some inputs are independent: the others are no batch."""
        names = [t.name or str(number + 1) for number, t in enumerate(self._runs.inputs)]
        if len(names) < 2:
            return
        mixing = []
        for number, name in enumerate(names):
            changed = _tensors(self._runs.run(self._with_other(row, only=number)))[place]
            if _moved(self._base[place], changed, row):
                mixing.append(name)
        if len(mixing) < len(names):
            raise NotExercised(
                f"each row of input {' and '.join(mixing)} affects all rows of the output, but rows"
                " of the other inputs do not: as with a memory or examples that all rows share"
            )

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
            raise NotExercised(f"the output {square} compares each row with every row")
        return left

    def _by_column(self, place: int) -> bool:
        """Whether dimension 1 could be the batch: its slices do not depend on one another."""
        lead = (*self._base[place].shape[:2],)
        if len(lead) < 2 or lead[1] < 2 or any(t.shape[:2] != lead for t in self._inputs):
            return False
        changed = _tensors(self._runs.run(self._with_other(0, dimension=1)))[place]
        return not _moved(self._base[place].transpose(0, 1), changed.transpose(0, 1), 0)

    def _first(self, row: int) -> tuple[str, Place | None]:
        """Return the first function whose rows mix, and where it is called; "" if none is found.

        Rows that a view cuts otherwise are seen where they are rows of the batch again.
        """
        one, other = _Recorder(self._rows), _Recorder(self._rows)
        for recorder, inputs in ((one, self._inputs), (other, self._with_other(row))):
            with recorder:
                self._runs.run(inputs)
        if not one.whole or len(one.seen) != len(other.seen):
            return "", None
        for (function, place, a), (again, _, b) in zip(one.seen, other.seen, strict=True):
            if function == again and _moved(a, b, row):
                return function, place
        return "", None


class _Recorder(TorchFunctionMode):
    """Keeps what functions return that has as many rows as the batch."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.seen: list[tuple[str, Place | None, torch.Tensor]] = []
        """Function, where it was called, output."""
        self.whole = True
        self._rows = rows
        self._numbers = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        for _, tensor in tensors_of(output) if self.whole else ():
            if tensor.shape[:1] == (self._rows,):
                self.seen.append((name_of(func), calling_place(), tensor.clone()))
                self._numbers += tensor.numel()
                self.whole = self._numbers < MOST_NUMBERS
        return output


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors hold the same numbers but for rounding; NaN is the same as NaN."""
    if not a.is_floating_point() and not a.is_complex():
        return bool((a == b).all())
    known = ~(a.isnan() & b.isnan())
    a, b = a[known], b[known]
    if a.isnan().any() or b.isnan().any():
        return False
    largest = max((float(t.abs().max()) for t in (a, b) if t.numel()), default=0.0)
    near = (a == b) | ((a - b).abs() <= ROUNDINGS * torch.finfo(a.dtype).eps * largest)
    return bool(near.all())


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

"""Going through all layers of checkpoints, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from fcinspect.checkpoints.access.storage import open_storage
from fcinspect.checkpoints.records import Checkpoint, StoredLinear, StoredTensor
from fcinspect.checkpoints.scan.engines import Engine, Task
from fcinspect.checkpoints.scan.fingerprint import fingerprint_of
from fcinspect.checkpoints.scan.jobs import JOB_BYTES, Job, carry_out
from fcinspect.checkpoints.scan.matrix import Matrix, as_matrix, holds_numbers
from fcinspect.checkpoints.scan.partial import Partial
from fcinspect.checkpoints.scan.records import ScannedLayer, ScannedOther
from fcinspect.checkpoints.scan.singular import SingularValues, Wanted, singular_values

Found = TypeVar("Found", covariant=True)

MOST_NAMED = 3
Progress = Callable[[int], None]
"""Is told how many bytes more were gone through."""


class _Item(Protocol[Found]):
    """Something on its way through the scan."""

    @property
    def matrices(self) -> Sequence[Matrix]:
        """What is gone through."""

    @property
    def is_done(self) -> bool:
        """Whether all that was to be read from a file is in."""

    def handed(self) -> Iterator[_Handed]:
        """Yield what is to be carried out besides the jobs of the matrices."""

    def finished(self) -> Found:
        """Return what was found; goes through what is in no file before."""


class _Layer:
    """A layer on its way through the scan."""

    def __init__(self, stored: StoredLinear, wanted: Wanted, *, elsewhere: bool) -> None:
        self.stored = stored
        in_columns = stored.layout == "in,out"
        self.weight = Matrix(stored.weight, outputs_are_columns=in_columns, elsewhere=elsewhere)
        self.bias = None if stored.bias is None else Matrix(stored.bias, elsewhere=elsewhere)
        self.matrices = [self.weight, *([] if self.bias is None else [self.bias])]
        self.singular: SingularValues | None = None
        self._waits = wanted.any and self.weight.is_in_a_file
        self._wanted = wanted

    @property
    def is_done(self) -> bool:
        """Whether all that was to be read from a file is in."""
        known = self.singular is not None or not self._waits
        return known and all(matrix.is_done for matrix in self.matrices if matrix.is_in_a_file)

    def handed(self) -> Iterator[_Handed]:
        """Yield the search for singular values, if they are wanted."""

        def take(found: SingularValues) -> int:
            self.singular = found
            return 0

        if self._waits:
            function = partial(singular_values, self.weight.place, self._wanted)
            yield _Handed(Task(function, repr(self.weight.name)), take)

    def finished(self) -> ScannedLayer:
        """Return what was found; goes through what is in no file before."""
        for matrix in self.matrices:
            matrix.go_through_memory()
        stored, weight = self.stored, self.weight.statistics()
        singular = self.singular or self.weight.singular_values(self._wanted)
        return ScannedLayer(
            stored.name,
            stored.source,
            stored.in_features,
            stored.out_features,
            stored.dtype,
            stored.parameters,
            weight,
            None if self.bias is None else self.bias.numbers(),
            singular,
            fingerprint_of(
                weight, stored.in_features, stored.out_features, stored.dtype, singular.largest
            ),
            stored.remarks(),
            stored.doubt,
        )


class _Other:
    """An array that is no linear layer, on its way through the scan."""

    def __init__(self, tensor: StoredTensor, source: str, *, elsewhere: bool) -> None:
        self.source = source
        self.matrix = Matrix(as_matrix(tensor), elsewhere=elsewhere)
        self.matrices = [self.matrix]

    @property
    def is_done(self) -> bool:
        """Whether all that was to be read from a file is in."""
        return self.matrix.is_done or not self.matrix.is_in_a_file

    def handed(self) -> Iterator[_Handed]:
        """Yield nothing more."""
        yield from ()

    def finished(self) -> ScannedOther:
        """Return what was found; goes through what is in no file before."""
        self.matrix.go_through_memory()
        return ScannedOther(self.matrix.name, self.source, self.matrix.numbers())


def bytes_of(layers: Iterable[StoredLinear]) -> int:
    """Return how many bytes of weights and biases there are."""
    from fcinspect.rounding.arrays import ITEMSIZES

    total = 0
    for layer in layers:
        total += layer.in_features * layer.out_features * ITEMSIZES[layer.weight.dtype]
        total += 0 if layer.bias is None else layer.out_features * ITEMSIZES[layer.bias.dtype]
    return total


def scan(
    layers: Sequence[StoredLinear], engine: Engine, wanted: Wanted, progress: Progress
) -> Iterator[ScannedLayer]:
    """Yield what is found of each layer, in their order.

    Raises InputError where a file cannot be read, or is no longer what it was when it was opened.
    """
    items = [_Layer(layer, wanted, elsewhere=engine.elsewhere) for layer in layers]
    return _through(items, engine, progress)


def scan_others(
    checkpoints: Iterable[Checkpoint], engine: Engine, progress: Progress
) -> Iterator[ScannedOther]:
    """Yield what is found of the arrays that are no linear layers, as far as they hold numbers.

    Raises InputError as `scan` does.
    """
    items = [
        _Other(skip.tensor, checkpoint.source, elsewhere=engine.elsewhere)
        for checkpoint in checkpoints
        for skip in checkpoint.skipped
        if holds_numbers(skip.tensor)
    ]
    return _through(items, engine, progress)


def _through(items: Sequence[_Item[Found]], engine: Engine, progress: Progress) -> Iterator[Found]:
    coming = deque(items)
    sent: deque[_Handed] = deque()

    def tasks() -> Iterator[Task]:
        for handed in _handed(items):
            sent.append(handed)
            yield handed.task

    for found in engine.run(tasks()):
        progress(sent.popleft().take(found))
        while coming and coming[0].is_done:
            yield coming.popleft().finished()
    while coming:
        yield coming.popleft().finished()
    matrices = [matrix for item in items for matrix in item.matrices if matrix.is_in_a_file]
    for uri, stamp in {(matrix.place.uri, matrix.place.stamp) for matrix in matrices}:
        open_storage(uri, stamp).close()


@dataclass(frozen=True)
class _Handed:
    """A task that was handed to the engine, and what is done with its result."""

    task: Task
    """What is sent."""
    take: Callable[[Any], int]
    """Takes in the result; returns how many bytes more were gone through."""


def _handed(items: Iterable[_Item[Any]]) -> Iterator[_Handed]:
    """Yield the tasks of all items; jobs of one file go together until they are worth sending."""
    batch: list[tuple[Matrix, Job]] = []
    size = 0
    for item in items:
        for matrix in item.matrices:
            for job in matrix.jobs if matrix.is_in_a_file else ():
                if batch and (
                    size + job.bytes > JOB_BYTES or job.place.uri != batch[0][1].place.uri
                ):
                    yield _of_batch(batch)
                    batch, size = [], 0
                batch.append((matrix, job))
                size += job.bytes
        for handed in item.handed():
            if batch:
                yield _of_batch(batch)
                batch, size = [], 0
            yield handed
    if batch:
        yield _of_batch(batch)


def _of_batch(batch: Sequence[tuple[Matrix, Job]]) -> _Handed:
    def take(found: list[Partial]) -> int:
        for (matrix, job), part in zip(batch, found, strict=True):
            matrix.add(job, part)
        return sum(job.bytes for _, job in batch)

    jobs = tuple(job for _, job in batch)
    names = list(dict.fromkeys(matrix.name for matrix, _ in batch))
    words = ", ".join(map(repr, names[:MOST_NAMED])) + (", …" if len(names) > MOST_NAMED else "")
    return _Handed(Task(partial(carry_out, jobs), words), take)

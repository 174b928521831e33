"""Going through all layers of checkpoints, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fcinspect.checkpoints.access.storage import open_storage
from fcinspect.checkpoints.records import StoredLinear
from fcinspect.checkpoints.scan.engines import Engine, Task
from fcinspect.checkpoints.scan.fingerprint import fingerprint_of
from fcinspect.checkpoints.scan.jobs import JOB_BYTES, Job, carry_out
from fcinspect.checkpoints.scan.matrix import Matrix
from fcinspect.checkpoints.scan.partial import Partial
from fcinspect.checkpoints.scan.records import ScannedLayer
from fcinspect.checkpoints.scan.singular import SingularValues, Wanted, singular_values

MOST_NAMED = 3
Progress = Callable[[int], None]
"""Is told how many bytes more were gone through."""


class _Layer:
    """A layer on its way through the scan."""

    def __init__(self, stored: StoredLinear, wanted: Wanted) -> None:
        self.stored = stored
        self.weight = Matrix(stored.weight, outputs_are_columns=stored.layout == "in,out")
        self.bias = None if stored.bias is None else Matrix(stored.bias)
        self.matrices = [self.weight, *([] if self.bias is None else [self.bias])]
        self.singular: SingularValues | None = None
        self._waits = wanted.any and self.weight.is_in_a_file
        self._wanted = wanted

    @property
    def is_done(self) -> bool:
        """Whether all that was to be read from a file is in."""
        known = self.singular is not None or not self._waits
        return known and all(matrix.is_done for matrix in self.matrices if matrix.is_in_a_file)

    def take(self, singular: SingularValues) -> None:
        """Take in the singular values."""
        self.singular = singular

    def finished(self) -> ScannedLayer:
        """Return what was found; goes through what is in no file before."""
        for matrix in self.matrices:
            if not matrix.is_in_a_file and not matrix.is_done:
                matrix.go_through()
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
        )


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
    coming = deque(_Layer(layer, wanted) for layer in layers)
    sent: deque[_Handed] = deque()

    def tasks() -> Iterator[Task]:
        for handed in _handed(list(coming), wanted):
            sent.append(handed)
            yield handed.task

    for found in engine.run(tasks()):
        progress(sent.popleft().take(found))
        while coming and coming[0].is_done:
            yield coming.popleft().finished()
    while coming:
        yield coming.popleft().finished()
    for place in {_file(layer) for layer in layers} - {None}:
        open_storage(*place).close()


@dataclass(frozen=True)
class _Handed:
    """A task that was handed to the engine, and what is done with its result."""

    task: Task
    """What is sent."""
    take: Callable[[Any], int]
    """Takes in the result; returns how many bytes more were gone through."""


def _handed(layers: Iterable[_Layer], wanted: Wanted) -> Iterator[_Handed]:
    """Yield the tasks of all layers; jobs of one file go together until they are worth sending."""
    batch: list[tuple[Matrix, Job]] = []
    for layer in layers:
        for matrix in layer.matrices:
            for job in matrix.jobs if matrix.is_in_a_file else ():
                if batch and not _goes_with(job, batch):
                    yield _of_batch(batch)
                    batch = []
                batch.append((matrix, job))
        if wanted.any and layer.weight.is_in_a_file:
            if batch:
                yield _of_batch(batch)
                batch = []
            yield _of_singular_values(layer, wanted)
    if batch:
        yield _of_batch(batch)


def _goes_with(job: Job, batch: Sequence[tuple[Matrix, Job]]) -> bool:
    size = sum(other.bytes for _, other in batch)
    return size + job.bytes <= JOB_BYTES and job.place.uri == batch[0][1].place.uri


def _of_batch(batch: Sequence[tuple[Matrix, Job]]) -> _Handed:
    def take(found: list[Partial]) -> int:
        for (matrix, job), part in zip(batch, found, strict=True):
            matrix.add(job, part)
        return sum(job.bytes for _, job in batch)

    jobs = tuple(job for _, job in batch)
    names = list(dict.fromkeys(matrix.name for matrix, _ in batch))
    words = ", ".join(map(repr, names[:MOST_NAMED])) + (", …" if len(names) > MOST_NAMED else "")
    return _Handed(Task(partial(carry_out, jobs), words), take)


def _of_singular_values(layer: _Layer, wanted: Wanted) -> _Handed:
    def take(found: SingularValues) -> int:
        layer.take(found)
        return 0

    function = partial(singular_values, layer.weight.place, wanted)
    return _Handed(Task(function, repr(layer.weight.name)), take)


def _file(layer: StoredLinear) -> Any:
    place = layer.weight.place
    return None if place is None else (place.uri, place.stamp)

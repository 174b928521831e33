"""Going through all layers of checkpoints, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fcinspect.checkpoints.records import StoredLinear
from fcinspect.checkpoints.scan.engines import Engine
from fcinspect.checkpoints.scan.jobs import JOB_BYTES, Job, carry_out
from fcinspect.checkpoints.scan.matrix import Matrix
from fcinspect.checkpoints.scan.partial import Partial
from fcinspect.checkpoints.scan.records import ScannedLayer
from fcinspect.checkpoints.storage import open_storage

Progress = Callable[[int], None]
"""Is told how many bytes more were gone through."""


@dataclass(frozen=True)
class Wanted:
    """What is found beyond one pass over the numbers."""

    leading: bool = False
    """σ₁ by Lanczos' method."""
    spectrum: bool = False
    """All singular values."""


class _Layer:
    """A layer on its way through the scan."""

    def __init__(self, stored: StoredLinear) -> None:
        self.stored = stored
        self.weight = Matrix(stored.weight, outputs_are_columns=stored.layout == "in,out")
        self.bias = None if stored.bias is None else Matrix(stored.bias)
        self.matrices = [self.weight, *([] if self.bias is None else [self.bias])]

    @property
    def is_done(self) -> bool:
        return all(matrix.is_done for matrix in self.matrices if matrix.is_in_a_file)

    def finished(self) -> ScannedLayer:
        """Return what was found; goes through what is in no file before."""
        for matrix in self.matrices:
            if not matrix.is_in_a_file and not matrix.is_done:
                matrix.go_through()
        return ScannedLayer(
            self.stored.name,
            self.stored.source,
            self.stored.in_features,
            self.stored.out_features,
            self.stored.dtype,
            self.stored.parameters,
            self.weight.statistics(),
            None if self.bias is None else self.bias.numbers(),
            warnings=self.stored.warnings,
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
    coming = deque(map(_Layer, layers))
    sent: deque[list[tuple[Matrix, Job]]] = deque()

    def tasks() -> Iterator[Callable[[], list[Partial]]]:
        for batch in _batches(list(coming)):
            sent.append(batch)
            yield partial(carry_out, tuple(job for _, job in batch))

    for found in engine.run(tasks()):
        for (matrix, job), part in zip(sent.popleft(), found, strict=True):
            matrix.add(job, part)
            progress(job.bytes)
        while coming and coming[0].is_done:
            yield coming.popleft().finished()
    while coming:
        yield coming.popleft().finished()
    for place in {_file(layer) for layer in layers} - {None}:
        open_storage(*place).close()


def _batches(layers: Iterable[_Layer]) -> Iterator[list[tuple[Matrix, Job]]]:
    """Yield jobs of one file together until they are worth sending."""
    batch: list[tuple[Matrix, Job]] = []
    size = 0
    for layer in layers:
        for matrix in layer.matrices:
            for job in matrix.jobs if matrix.is_in_a_file else ():
                if batch and (
                    size + job.bytes > JOB_BYTES or job.place.uri != batch[0][1].place.uri
                ):
                    yield batch
                    batch, size = [], 0
                batch.append((matrix, job))
                size += job.bytes
    if batch:
        yield batch


def _file(layer: StoredLinear) -> Any:
    place = layer.weight.place
    return None if place is None else (place.uri, place.stamp)

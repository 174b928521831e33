"""Going through all layers of checkpoints, or those that are chosen, in their order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fcinspect.checkpoints.formats.safetensors import natural_key
from fcinspect.checkpoints.pairing.naming import fits
from fcinspect.checkpoints.places import open_storage
from fcinspect.checkpoints.records import Checkpoint, StoredLinear, StoredTensor
from fcinspect.checkpoints.scan.engines import Engine, Task
from fcinspect.checkpoints.scan.findings import fingerprint_of
from fcinspect.checkpoints.scan.jobs import JOB_BYTES, Job, blocks_of, carry_out
from fcinspect.checkpoints.scan.matrix import ScannedMatrix
from fcinspect.checkpoints.scan.records import ScannedLayer, ScannedOther, SingularValues, Wanted
from fcinspect.checkpoints.scan.tile import Partial
from fcinspect.errors import InputError, did_you_mean
from fcinspect.names import listed
from fcinspect.rounding.arrays import ITEMSIZES, FloatArray

if TYPE_CHECKING:
    from fcinspect.layers.statistics import Distribution

Found = TypeVar("Found")

MOST_NAMED = 3
Progress = Callable[[int], None]
"""Is told how many bytes more were gone through."""
KEYS: dict[str, Callable[[ScannedLayer], float]] = {
    "parameters": lambda layer: layer.parameters,
    "in": lambda layer: layer.in_features,
    "out": lambda layer: layer.out_features,
    "min": lambda layer: layer.weight.numbers.min,
    "max": lambda layer: layer.weight.numbers.max,
    "mean": lambda layer: layer.weight.numbers.mean,
    "std": lambda layer: layer.weight.numbers.std,
    "norm": lambda layer: layer.weight.numbers.norm,
    "zeros": lambda layer: layer.weight.numbers.zeros,
}
"""What layers are sorted by, the largest first; besides "name"."""
ORDERS = ("file", "name", *KEYS)


@dataclass(eq=False)
class _Item(Generic[Found]):
    matrices: Sequence[ScannedMatrix]
    """What is gone through, a layer's weight first."""
    finish: Callable[[SingularValues | None], Found]
    """Returns what was found; is given the singular values where they were looked for in a file."""
    wanted: Wanted = field(default_factory=Wanted)
    singular: SingularValues | None = None

    @property
    def is_done(self) -> bool:
        """Whether all that was to be read from a file is in."""
        known = self.singular is not None or not self.is_searched
        return known and all(matrix.is_done for matrix in self.matrices if matrix.is_in_a_file)

    @property
    def is_searched(self) -> bool:
        """Whether singular values are looked for in a file."""
        return self.wanted.any and self.matrices[0].is_in_a_file

    def search(self) -> Task:
        from fcinspect.checkpoints.scan.singular import singular_values

        def take(found: SingularValues) -> int:
            self.singular = found
            return 0

        weight = self.matrices[0]
        return Task(partial(singular_values, weight.place, self.wanted), repr(weight.name), take)

    def finished(self) -> Found:
        for matrix in self.matrices:
            matrix.go_through_memory()
        return self.finish(self.singular)


def _layer(stored: StoredLinear, wanted: Wanted, *, elsewhere: bool) -> _Item[ScannedLayer]:
    in_columns = stored.layout == "in,out"
    weight = ScannedMatrix(stored.weight, outputs_are_columns=in_columns, elsewhere=elsewhere)
    bias = None if stored.bias is None else ScannedMatrix(stored.bias, elsewhere=elsewhere)

    def finish(found: SingularValues | None) -> ScannedLayer:
        statistics = weight.statistics()
        singular = found or weight.singular_values(wanted)
        widths = stored.in_features, stored.out_features
        law = fingerprint_of(statistics, *widths, stored.dtype, singular.largest)
        return ScannedLayer(
            stored.name, stored.source, *widths, stored.dtype, stored.parameters, statistics,
            None if bias is None else bias.numbers(), singular, law, stored.remarks(), stored.doubt,
        )  # fmt: skip

    return _Item([weight] if bias is None else [weight, bias], finish, wanted)


def _other(tensor: StoredTensor, source: str, *, elsewhere: bool) -> _Item[ScannedOther]:
    matrix = ScannedMatrix(_as_matrix(tensor), elsewhere=elsewhere)
    return _Item([matrix], lambda _: ScannedOther(matrix.name, source, matrix.numbers()))


def _as_matrix(tensor: StoredTensor) -> StoredTensor:
    """Return an array of any shape as a matrix, its first dimension the rows."""
    if 1 <= len(tensor.shape) <= 2:
        return tensor
    shape = (math.prod(tensor.shape[:1]), math.prod(tensor.shape[1:]))

    def read(rows: Sequence[int] | None) -> FloatArray:
        values = tensor.read(None).reshape(shape)
        return values if rows is None else values[list(rows)]

    place = None if tensor.place is None else replace(tensor.place, shape=shape)
    return replace(tensor, shape=shape, read=read, place=place)


def bytes_of(layers: Iterable[StoredLinear]) -> int:
    """Return how many bytes of weights and biases there are."""
    tensors = [tensor for layer in layers for tensor in (layer.weight, layer.bias) if tensor]
    return sum(math.prod(tensor.shape) * ITEMSIZES[tensor.dtype] for tensor in tensors)


def scan(
    layers: Sequence[StoredLinear], engine: Engine, wanted: Wanted, progress: Progress
) -> Iterator[ScannedLayer]:
    """Yield what is found of each layer, in their order.

    Raises InputError where a file cannot be read, or is no longer what it was when it was opened.
    """
    items = [_layer(layer, wanted, elsewhere=engine.elsewhere) for layer in layers]
    return _through(items, engine, progress)


def scan_others(
    checkpoints: Iterable[Checkpoint], engine: Engine, progress: Progress
) -> Iterator[ScannedOther]:
    """Yield what is found of the arrays that are no linear layers but hold numbers."""
    items = [
        _other(skip.tensor, checkpoint.source, elsewhere=engine.elsewhere)
        for checkpoint in checkpoints
        for skip in checkpoint.skipped
        # its numbers lie in a file, or are read without loss
        if skip.tensor is not None
        and skip.tensor.dtype in ITEMSIZES
        and skip.tensor.refusal is None
    ]
    return _through(items, engine, progress)


def _through(items: Sequence[_Item[Found]], engine: Engine, progress: Progress) -> Iterator[Found]:
    coming = deque(items)
    sent: deque[Task] = deque()

    def tasks() -> Iterator[Task]:
        for task in _tasks(items):
            sent.append(task)
            yield task

    for found in engine.run(tasks()):
        progress(sent.popleft().take(found))
        while coming and coming[0].is_done:
            yield coming.popleft().finished()
    while coming:
        yield coming.popleft().finished()
    matrices = [matrix for item in items for matrix in item.matrices if matrix.is_in_a_file]
    # a file that was changed since is refused
    for uri, stamp in {(matrix.place.uri, matrix.place.stamp) for matrix in matrices}:
        open_storage(uri, stamp).close()


def _tasks(items: Iterable[_Item[Any]]) -> Iterator[Task]:
    """Yield the tasks of all items; jobs of one file go together until they are worth sending."""
    batch: list[tuple[ScannedMatrix, Job]] = []
    size = 0
    for item in items:
        for matrix in item.matrices:
            for job in matrix.jobs if matrix.is_in_a_file else ():
                is_other = batch and batch[0][1].place.uri != job.place.uri
                if batch and (size + job.bytes > JOB_BYTES or is_other):
                    yield _of_batch(batch)
                    batch, size = [], 0
                batch.append((matrix, job))
                size += job.bytes
        if item.is_searched:
            if batch:
                yield _of_batch(batch)
                batch, size = [], 0
            yield item.search()
    if batch:
        yield _of_batch(batch)


def _of_batch(batch: Sequence[tuple[ScannedMatrix, Job]]) -> Task:
    def take(found: list[Partial]) -> int:
        for (matrix, job), part in zip(batch, found, strict=True):
            matrix.add(job, part)
        return sum(job.bytes for _, job in batch)

    jobs = tuple(job for _, job in batch)
    names = list(dict.fromkeys(matrix.name for matrix, _ in batch))
    return Task(partial(carry_out, jobs), listed(names, MOST_NAMED, ", …"), take)


def distribution_in(stored: StoredLinear, scanned: ScannedLayer) -> Distribution:
    """Return the distribution of a weight that was scanned before, in one pass more.

    Raises InputError where its file cannot be read, or is no longer what was scanned.
    """
    from fcinspect.layers.statistics import Distribution, distributed

    numbers = scanned.weight.numbers
    if not numbers.count:
        return Distribution((), ())
    matrix = ScannedMatrix(stored.weight)
    with closing(matrix.open()) as storage:
        try:
            return distributed(blocks_of(matrix.place, storage)(), numbers.min, numbers.max)
        except ValueError:
            raise InputError(
                f"the numbers of {stored.weight.name!r} in {stored.source} changed while they were"
                " being read"
            ) from None


def selected(layers: Sequence[StoredLinear], patterns: Sequence[str]) -> tuple[StoredLinear, ...]:
    """Return the layers that fit a pattern, all without one; raises InputError if none fits one."""
    names = [layer.name for layer in layers]
    for pattern in patterns:
        if not any(fits(name, pattern) for name in names):
            hint = did_you_mean(pattern, names)
            raise InputError(f"no linear layer matches {pattern!r}", hint)
    chosen = patterns or ["*"]
    return tuple(layer for layer in layers if any(fits(layer.name, each) for each in chosen))


def ordered(layers: Iterable[ScannedLayer], order: str) -> list[ScannedLayer]:
    """Return the layers by name, by the largest number first, or as they come for "file"."""
    if order == "file":
        return list(layers)
    if order == "name":
        return sorted(layers, key=lambda layer: natural_key(layer.name))
    key = KEYS[order]
    return sorted(layers, key=lambda layer: (math.isnan(key(layer)), -key(layer)))

"""What a file of layers holds, before its numbers are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fcinspect.checkpoints.places import Extent, FilePlace
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free

if TYPE_CHECKING:
    from fcinspect.layers.linear import LinearLayer
    from fcinspect.rounding.arrays import FloatArray

Layout = Literal["out,in", "in,out"]
"""How a file holds a weight: as torch does, (out_features, in_features), or the other way."""
LayoutChoice = Layout | Literal["auto"]
"""How weights are read: all in one layout, or each as the file shows that it is held."""

BLOCK = 1 << 20
"""Numbers read at a time where only columns are wanted."""


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A named array in a file."""

    name: str
    """The state-dict key, "fc1.weight"."""
    dtype: str
    """The number format in our words ("float32"), or in the file's where we have none."""
    shape: tuple[int, ...]
    """The shape, outermost dimension first."""
    read: Callable[[Sequence[int] | None], FloatArray]
    """Rows (all for None) -> their numbers in the carrier of `dtype`."""
    problem: str | None = None
    """Why the numbers cannot be read as a layer's, None when they can."""
    note: str | None = None
    """What a reader should know of how the numbers were understood."""
    place: FilePlace | None = None
    """Where the numbers lie, None where they are in memory or must be unpacked."""
    rounding: Callable[[], str | None] | None = None
    """Reads the numbers and says which of them were rounded, to go behind `note`."""
    extent: Extent | None = None
    """Where the bytes lie of an array whose numbers are not read."""

    @property
    def refusal(self) -> str | None:
        """Why nothing can be told of the numbers; None where they are read, or lie at a place."""
        return self.problem if self.place is None else None


@dataclass(frozen=True, eq=False)
class StoredLinear:
    """A linear layer in a file."""

    name: str
    """The module path, "encoder.fc1"; "" for a layer on its own."""
    weight: StoredTensor
    """W as the file holds it."""
    bias: StoredTensor | None
    """b, None for a layer without bias."""
    layout: Layout
    """How the file holds W."""
    source: str
    """The file in words."""
    activation: str | None = None
    """What follows the layer in a network file, "relu"."""
    warnings: tuple[str, ...] = ()
    """What a reader should know of how the layer was understood."""
    origin: str | None = None
    """What the file says of where the numbers come from, "nn.Linear(4, 2), seed 0"."""
    layout_is_asked: bool = True
    """Whether the caller or the format says how W lies; else it was read off the file."""
    doubt: str | None = None
    """Why W may lie the other way than `layout` says, None where the file or the caller tells."""

    @property
    def out_features(self) -> int:
        """The width of the output."""
        return self.weight.shape[0 if self.layout == "out,in" else 1]

    @property
    def in_features(self) -> int:
        """The width of the input."""
        return self.weight.shape[1 if self.layout == "out,in" else 0]

    @property
    def shape(self) -> tuple[int, int]:
        """(out_features, in_features), however the file holds W."""
        return self.out_features, self.in_features

    @property
    def dtype(self) -> str:
        """The number format of the weight."""
        return self.weight.dtype

    @property
    def parameters(self) -> int:
        """out·in, plus out with a bias."""
        return self.out_features * (self.in_features + (self.bias is not None))

    def read(self, rows: Sequence[int] | None = None) -> LinearLayer:
        """Return the layer, or only the outputs `rows` of it; the rest stays in the file."""
        from fcinspect.layers.array import Array
        from fcinspect.layers.linear import LinearLayer

        held = None if rows is None else tuple(rows)
        for row in held or ():
            if not 0 <= row < self.out_features:
                raise InputError(
                    f"output {row} does not exist: the layer has out_features"
                    f" {self.out_features}, counted from 0"
                )
        outputs = self.out_features if held is None else len(held)
        # the numbers in the file and their copy
        needed = outputs * (self.in_features + 1) * 8 * 2
        require_free(needed, f"reading {self.source}", refusal=InputError)
        return LinearLayer(
            weight=Array(self._weight(held), self.weight.dtype),
            bias=None if self.bias is None else Array(self.bias.read(held), self.bias.dtype),
            source=self.origin or self.source,
            name=self.name,
            held=held,
            all_outputs=None if held is None else self.out_features,
        )

    def remarks(self) -> tuple[str, ...]:
        """Return the warnings, with what only the numbers tell: which of them were rounded."""
        told = list(self.warnings)
        for tensor in (self.weight, self.bias):
            rounded = None if tensor is None or tensor.rounding is None else tensor.rounding()
            if tensor is not None and rounded is not None:
                told = [f"{w}; {rounded}" if w == tensor.note else w for w in told]
        return tuple(told)

    def _weight(self, rows: tuple[int, ...] | None) -> FloatArray:
        import numpy as np

        if self.layout == "out,in":
            return self.weight.read(rows)
        if rows is None:
            return np.ascontiguousarray(self.weight.read(None).T)
        columns = list(rows)
        step = max(1, BLOCK // max(self.out_features, 1))
        blocks = [
            self.weight.read(range(start, min(start + step, self.in_features)))[:, columns]
            for start in range(0, self.in_features, step)
        ]
        whole = np.concatenate(blocks) if blocks else self.weight.read(None)[:, columns]
        return np.ascontiguousarray(whole.T)


@dataclass(frozen=True)
class SkippedTensor:
    """An array of a file that is not part of a linear layer."""

    name: str
    """The state-dict key."""
    reason: str
    tensor: StoredTensor | None = field(default=None, compare=False, repr=False)
    """The array itself, for those who read it all the same."""
    missing: bool = False
    """Whether it is not there at all: an index names it, and no shard holds it."""
    hides_layer: bool = False
    """Whether it is the weight of a linear layer that was not read."""


@dataclass(frozen=True)
class FailedFile:
    """A file that cannot be read, where others can."""

    name: str
    """It in words, as `Checkpoint.source`."""
    reason: str
    """Why, in a sentence that names it."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The linear layers of a file."""

    source: str
    """The file in words: "'model.npz'", "standard input"."""
    layers: tuple[StoredLinear, ...]
    skipped: tuple[SkippedTensor, ...] = ()
    """Everything else."""
    problems: tuple[str, ...] = ()
    """Sentences on what is missing from its shards, or in them without being listed."""
    notes: tuple[str, ...] = ()
    """Sentences on how the name was understood: what else the folder holds, what was not read."""
    files: tuple[str, ...] = ()
    """The paths or URIs that the tensors lie in; empty for standard input."""
    failed: tuple[FailedFile, ...] = ()
    """Those of its files that cannot be read, where the caller takes what is left."""


def in_memory(name: str, values: FloatArray, dtype: str, note: str | None = None) -> StoredTensor:
    """Return a stored tensor whose numbers are in memory already."""

    def read(rows: Sequence[int] | None) -> FloatArray:
        return values if rows is None else values[list(rows)]

    return StoredTensor(name, dtype, tuple(values.shape), read, note=note)


def unreadable(
    name: str,
    dtype: str,
    shape: tuple[int, ...],
    problem: str,
    place: FilePlace | None = None,
    extent: Extent | None = None,
) -> StoredTensor:
    """Return a tensor that no layer is read from: scanned by its place, compared by its extent."""

    def read(rows: Sequence[int] | None) -> FloatArray:
        del rows
        raise InputError(f"{name!r} cannot be read: {problem}")

    return StoredTensor(name, dtype, shape, read, problem=problem, place=place, extent=extent)

"""Two checkpoints, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fcinspect.checkpoints.diff.aligning import Alignment, align
from fcinspect.checkpoints.diff.comparing import (
    Desk,
    compare_layers,
    compare_tensors,
    side_of,
    side_of_tensor,
)
from fcinspect.checkpoints.diff.one_thread import one_blas_thread
from fcinspect.checkpoints.diff.reading import Reader
from fcinspect.checkpoints.diff.records import Compared, Difference, Side
from fcinspect.checkpoints.records import Checkpoint, StoredLinear, StoredTensor
from fcinspect.errors import InputError, UsageError, did_you_mean
from fcinspect.rounding.formats import format_named

Watch = Callable[[Iterable[Any], int, str], Iterator[Any]]
"""(items, how many, what) -> the items, shown as they come."""


@dataclass(frozen=True)
class Request:
    """What is to be compared, and what counts as the same."""

    tolerance: str | None = None
    """The format whose rounding counts as the same."""
    only: tuple[str, ...] = ()
    """Patterns of names; all layers without any."""
    everything: bool = False
    """Whether tensors that are no linear layer are compared as well."""
    by_content: bool = False
    """Whether layers without a counterpart of their name are looked for by their content."""


def _unwatched(items: Iterable[Any], total: int, what: str) -> Iterator[Any]:
    del total, what
    return iter(items)


def diff(
    a: Checkpoint, b: Checkpoint, request: Request | None = None, watch: Watch = _unwatched
) -> Difference:
    """Return what changed from A to B.

    Raises InputError for files that cannot be read to their end or hold nothing to compare, and
    UsageError for a pattern of `request.only` that fits no layer.
    """
    request = request or Request()
    tolerance = None if request.tolerance is None else format_named(request.tolerance)
    desk = Desk(Reader(), Reader(), tolerance)
    try:
        with one_blas_thread():
            return _Diffing(a, b, request, desk, watch).run()
    finally:
        desk.close()


class _Diffing:
    """One comparison on its way."""

    def __init__(
        self, a: Checkpoint, b: Checkpoint, request: Request, desk: Desk, watch: Watch
    ) -> None:
        self.a, self.b, self.request, self.desk, self.watch = a, b, request, desk, watch
        self.notes: list[str] = []

    def run(self) -> Difference:
        """Return the report."""
        request = self.request
        layers_a, layers_b = self._selected(self.a.layers), self._selected(self.b.layers)
        self._require_something(layers_a, layers_b)
        by_a = {layer.name: layer for layer in layers_a}
        by_b = {layer.name: layer for layer in layers_b}
        alignment = align(list(by_a), list(by_b))
        self.notes += alignment.notes
        work: list[Callable[[], Compared]] = [
            lambda x=x, y=y: compare_layers(by_a[x], by_b[y], self.desk)  # type: ignore[misc]
            for x, y in alignment.pairs
        ]
        only_a = [side_of(by_a[name]) for name in alignment.only_in_a]
        only_b = [side_of(by_b[name]) for name in alignment.only_in_b]
        rest_a, rest_b = _others(self.a), _others(self.b)
        if request.everything:
            others = self._aligned(rest_a, rest_b)
            work += [
                lambda x=x, y=y: compare_tensors(rest_a[x], rest_b[y], self.desk)  # type: ignore[misc]
                for x, y in others.pairs
            ]
            only_a += [side_of_tensor(rest_a[name]) for name in others.only_in_a]
            only_b += [side_of_tensor(rest_b[name]) for name in others.only_in_b]
        compared = [task() for task in self.watch(work, len(work), "layers")]
        return self._report(compared, only_a, only_b, (layers_a, layers_b))

    def _report(
        self,
        compared: Sequence[Compared],
        only_a: Sequence[Side],
        only_b: Sequence[Side],
        layers: tuple[Sequence[StoredLinear], Sequence[StoredLinear]],
    ) -> Difference:
        everything = self.request.everything
        return Difference(
            a=self.a.source,
            b=self.b.source,
            compared=tuple(compared),
            only_in_a=tuple(only_a),
            only_in_b=tuple(only_b),
            not_compared_a=0 if everything else len(self.a.skipped),
            not_compared_b=0 if everything else len(self.b.skipped),
            left_out_a=len(self.a.layers) - len(layers[0]),
            left_out_b=len(self.b.layers) - len(layers[1]),
            tolerance=self.request.tolerance,
            notes=tuple(self.notes),
            problems=tuple(
                f"{side}: {problem}"
                for side, checkpoint in (("A", self.a), ("B", self.b))
                for problem in checkpoint.problems
            ),
        )

    def _selected(self, layers: Sequence[StoredLinear]) -> list[StoredLinear]:
        return [layer for layer in layers if self._fits(layer.name)]

    def _fits(self, name: str) -> bool:
        patterns = self.request.only
        # a name may itself hold brackets: experts[3]
        return not patterns or any(name == p or fnmatchcase(name, p) for p in patterns)

    def _aligned(self, a: dict[str, StoredTensor], b: dict[str, StoredTensor]) -> Alignment:
        found = align(
            [name for name in a if self._fits(name)], [name for name in b if self._fits(name)]
        )
        self.notes += [note for note in found.notes if note not in self.notes]
        return found

    def _require_something(self, a: Sequence[StoredLinear], b: Sequence[StoredLinear]) -> None:
        names = [layer.name for layer in (*self.a.layers, *self.b.layers)]
        if self.request.everything:
            names += [skip.name for skip in (*self.a.skipped, *self.b.skipped)]
        for pattern in self.request.only:
            if not any(name == pattern or fnmatchcase(name, pattern) for name in names):
                raise UsageError(
                    f"no layer's name fits {pattern!r}", hint=did_you_mean(pattern, names)
                )
        if not (a or b or self.request.everything):
            raise InputError(
                f"neither {self.a.source} nor {self.b.source} holds a linear layer",
                hint="--all compares what is no linear layer as well",
            )


def _others(checkpoint: Checkpoint) -> dict[str, StoredTensor]:
    """Return the tensors that are no linear layer's."""
    return {skip.name: skip.tensor for skip in checkpoint.skipped if skip.tensor is not None}

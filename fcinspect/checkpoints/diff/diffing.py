"""Two checkpoints, layer by layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fcinspect.checkpoints.diff.comparing import Desk, compare_layers, compare_tensors, side_of
from fcinspect.checkpoints.diff.matching import Alignment, Pairs, align, look_alike, matched
from fcinspect.checkpoints.diff.records import Compared, Difference, TensorSide
from fcinspect.checkpoints.pairing.naming import fits
from fcinspect.checkpoints.records import Checkpoint, StoredLinear, StoredTensor, unreadable
from fcinspect.checkpoints.scan.jobs import one_blas_thread
from fcinspect.errors import InputError, did_you_mean
from fcinspect.names import listed
from fcinspect.rounding.formats import format_named

MOST_NAMES = 4
"""Names of tied weights that are told."""
Layers = tuple[StoredLinear, StoredLinear]
Watch = Callable[[Iterable[Any], int, str], Iterator[Any]]
"""(items, how many, what) -> the items, shown as they come."""


@dataclass(frozen=True)
class DiffRequest:
    """What is to be compared, and what counts as the same."""

    tolerance: str | None = None
    """The format whose rounding counts as the same."""
    only: tuple[str, ...] = ()
    """Patterns of names; all layers without any."""
    everything: bool = False
    """Whether tensors that are no linear layer are compared as well."""
    by_content: bool = False
    """Whether layers without a counterpart of their name are looked for by their content."""

    def fits(self, name: str) -> bool:
        """Whether `only` chooses a name."""
        return not self.only or any(fits(name, pattern) for pattern in self.only)


def diff(
    a: Checkpoint,
    b: Checkpoint,
    request: DiffRequest | None = None,
    watch: Watch = lambda items, total, what: iter(items),
) -> Difference:
    """Return what changed from A to B.

    Raises InputError for files that cannot be read to their end or hold nothing to compare, and
    for a pattern of `request.only` that fits no layer.
    """
    request = request or DiffRequest()
    tolerance = None if request.tolerance is None else format_named(request.tolerance)
    with closing(Desk(tolerance)) as desk, one_blas_thread():
        return _Diffing(a, b, request, desk, watch).run()


class _Diffing:
    """One comparison on its way."""

    def __init__(
        self, a: Checkpoint, b: Checkpoint, request: DiffRequest, desk: Desk, watch: Watch
    ) -> None:
        self.a, self.b, self.request, self.desk, self.watch = a, b, request, desk, watch
        self.notes: list[str] = []
        self.only_a: list[TensorSide] = []
        self.only_b: list[TensorSide] = []

    def run(self) -> Difference:
        self._require_something()
        by_name, by_content = self._layers()
        tensors = self._tensors() if self.request.everything else []
        work: list[Callable[[], Compared]] = [
            *(partial(compare_layers, *pair, self.desk) for pair in by_name),
            *(partial(compare_layers, *pair, self.desk, renamed=True) for pair in by_content),
            *(partial(compare_tensors, *pair, self.desk) for pair in tensors),
        ]
        compared = [task() for task in self.watch(work, len(work), "layers")]
        notes, problems = [], []
        for side, checkpoint in (("A", self.a), ("B", self.b)):
            notes += [f"{side}: {note}" for note in checkpoint.notes]
            problems += [f"{side}: {problem}" for problem in checkpoint.problems]
            self.notes += [
                f"{side}: {listed(names, MOST_NAMES)} are tied weights (the same numbers)"
                for names in _tied(checkpoint)
            ]
        everything = self.request.everything
        return Difference(
            a=self.a.source,
            b=self.b.source,
            compared=tuple(compared),
            only_in_a=tuple(self.only_a),
            only_in_b=tuple(self.only_b),
            not_compared_a=0 if everything else len(self.a.skipped),
            not_compared_b=0 if everything else len(self.b.skipped),
            left_out_a=self._left_out(self.a, {each.a.name for each in compared}),
            left_out_b=self._left_out(self.b, {each.b.name for each in compared}),
            tolerance=self.request.tolerance,
            notes=(*notes, *self.notes),
            problems=tuple(problems),
        )

    def _layers(self) -> tuple[Pairs, Pairs]:
        """Return the layers of one name and of one content; note what is in one side alone."""
        by_a = {layer.name: layer for layer in self.a.layers}
        by_b = {layer.name: layer for layer in self.b.layers}
        found = self._aligned(list(by_a), list(by_b))
        renamed: Pairs = []
        rest_a = [by_a[name] for name in found.only_in_a]
        rest_b = [by_b[name] for name in found.only_in_b]
        if self.request.by_content:
            renamed = matched(rest_a, rest_b, self.desk)
            met = {id(layer) for pair in renamed for layer in pair}
            rest_a = [layer for layer in rest_a if id(layer) not in met]
            rest_b = [layer for layer in rest_b if id(layer) not in met]
        elif rest_a and rest_b:
            self._hint(rest_a, rest_b)
        self.only_a += map(side_of, rest_a)
        self.only_b += map(side_of, rest_b)
        by_name = [(by_a[x], by_b[y]) for x, y in found.pairs]
        return list(map(self._read_alike, by_name)), list(map(self._read_alike, renamed))

    def _read_alike(self, pair: Layers) -> Layers:
        """Return both layers in A's layout, unless the caller says how they lie."""
        a, b = pair
        if a.layout == b.layout or a.layout_is_asked or b.layout_is_asked:
            return pair
        note = (
            "A and B do not store all layers in the same layout: use"
            f" --layout-a {a.layout} --layout-b {b.layout} to compare outputs with outputs"
        )
        if note not in self.notes:
            self.notes.append(note)
        return a, replace(b, layout=a.layout)

    def _hint(self, a: Sequence[StoredLinear], b: Sequence[StoredLinear]) -> None:
        count = look_alike(a, b, self.desk)
        if count:
            which = "a layer only in A looks" if count == 1 else f"{count:,} layers only in A look"
            words = (
                "like one only in B, judging by a corner of the weight: use --match content to"
                " pair them"
            )
            self.notes.append(f"{which} {words}")

    def _tensors(self) -> list[tuple[StoredTensor, StoredTensor]]:
        """Return the other tensors to compare, and note what is in one checkpoint alone."""
        by_a, by_b = _others(self.a), _others(self.b)
        found = self._aligned(list(by_a), list(by_b))
        self.only_a += [side_of(by_a[name]) for name in found.only_in_a]
        self.only_b += [side_of(by_b[name]) for name in found.only_in_b]
        return [(by_a[x], by_b[y]) for x, y in found.pairs]

    def _aligned(self, a: Sequence[str], b: Sequence[str]) -> Alignment:
        found = align(a, b)
        self.notes += [note for note in found.notes if note not in self.notes]
        fits = self.request.fits
        return Alignment(
            tuple(pair for pair in found.pairs if any(map(fits, pair))),
            tuple(filter(fits, found.only_in_a)),
            tuple(filter(fits, found.only_in_b)),
        )

    def _left_out(self, side: Checkpoint, met: set[str]) -> int:
        fits = self.request.fits
        return sum(not fits(layer.name) and layer.name not in met for layer in side.layers)

    def _require_something(self) -> None:
        names = [layer.name for layer in (*self.a.layers, *self.b.layers)]
        if self.request.everything:
            names += [skip.name for skip in (*self.a.skipped, *self.b.skipped)]
        for pattern in self.request.only:
            if not any(fits(name, pattern) for name in names):
                hint = did_you_mean(pattern, names)
                raise InputError(f"no layer matches {pattern!r}", hint)
        if not names:
            raise InputError(
                f"neither {self.a.source} nor {self.b.source} holds a linear layer",
                hint=None if self.request.everything else "use --all to compare their other arrays",
            )


def _others(checkpoint: Checkpoint) -> dict[str, StoredTensor]:
    found = {}
    for skip in checkpoint.skipped:
        why = skip.reason.removeprefix("it ") if skip.missing else f"is {skip.reason}"
        found[skip.name] = skip.tensor or unreadable(skip.name, "unknown", (), why)
    return found


def _tied(checkpoint: Checkpoint) -> tuple[tuple[str, ...], ...]:
    """Return the names, of layers among them, whose numbers lie at the same place."""
    groups: dict[object, list[str]] = defaultdict(list)
    named = [(layer.name, layer.weight) for layer in checkpoint.layers]
    for name, tensor in (*named, *((skip.name, skip.tensor) for skip in checkpoint.skipped)):
        if tensor is not None and tensor.place is not None and tensor.place.numbers is not None:
            groups[tensor.place.numbers].append(name)
    layers = {layer.name for layer in checkpoint.layers if layer.weight.place is not None}
    return tuple(
        tuple(names) for names in groups.values() if len(names) > 1 and layers.intersection(names)
    )

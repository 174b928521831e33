"""The tensors of a state dict by name, and what they tell of each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fcinspect.checkpoints.pairing.embeddings import is_companion
from fcinspect.checkpoints.records import StoredTensor


@dataclass(frozen=True, eq=False)
class Siblings:
    """The tensors of one state dict."""

    by_name: dict[str, StoredTensor]
    """In the order of the file."""

    @classmethod
    def of(cls, tensors: Iterable[StoredTensor]) -> Siblings:
        """Return the tensors of a state dict."""
        return cls({tensor.name: tensor for tensor in tensors})

    @cached_property
    def has_shared_tables(self) -> bool:
        """Whether encoder and decoder have tables, so that "shared" is one, too (T5, BART)."""
        return any(map(is_companion, self.by_name))

    @cached_property
    def _at_place(self) -> dict[object, list[str]]:
        found: dict[object, list[str]] = {}
        for tensor in self.by_name.values():
            if tensor.place is not None and tensor.place.numbers is not None:
                found.setdefault(tensor.place.numbers, []).append(tensor.name)
        return found

    def tied(self, tensor: StoredTensor, most: int) -> tuple[list[str], int]:
        """Return some of the other names under which the file has the same numbers, and how many.

        They lie at the same place; at most so many are named.
        """
        if tensor.place is None:
            return [], 0
        names = self._at_place.get(tensor.place.numbers, [])
        some = [name for name in names[: most + 1] if name != tensor.name]
        return some[:most], max(0, len(names) - 1)

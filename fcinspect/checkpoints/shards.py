"""Checkpoints in several files: an index of which tensor lies in which, or numbered names.

An index is ``{"metadata": {"total_size": N}, "weight_map": {"fc.weight": "model-00001-of-…"}}``.
What does not fit is told and everything else is read: a shard that is missing or lacks a tensor, a
tensor that the index omits or that lies in two shards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fcinspect.checkpoints.paths import SHARD, beside
from fcinspect.checkpoints.records import FailedFile, StoredTensor
from fcinspect.checkpoints.storage import MissingFile
from fcinspect.errors import InputError
from fcinspect.masking import masked_name
from fcinspect.names import listed

MOST_SHARDS = 10_000
"""Files of one checkpoint; the largest published have some hundreds."""
MOST_ENTRIES = 300_000
"""Tensors of one checkpoint; the largest published have two thirds of it."""
FEW_QUOTES = 10_000
"""Quotation marks of an index beside those of its entries."""
LONGEST_NAME = 255
"""Characters of a file's name, on every system."""
FEW = 3

Read = Callable[[str], Iterable[StoredTensor]]
"""The path or URI of a shard -> its tensors."""


@dataclass(frozen=True)
class Index:
    """The file that tells which tensor lies in which shard."""

    name: str
    shard_of: Mapping[str, str]
    """Tensor -> the name of a file in the same folder."""
    total_size: int | None
    """Bytes of all tensors as its metadata say, None where they say nothing."""

    @property
    def shards(self) -> list[str]:
        """The names of its files in their order."""
        return sorted(set(self.shard_of.values()))


@dataclass
class Collected:
    """The tensors of several files, and what does not fit."""

    tensors: dict[str, StoredTensor] = field(default_factory=dict)
    """By name, each once."""
    held_by: dict[str, str] = field(default_factory=dict)
    """Tensor -> the name of the file it is read from."""
    lacking: dict[str, str] = field(default_factory=dict)
    """Tensor that is named but nowhere -> why, in words."""
    files: list[str] = field(default_factory=list)
    """The paths or URIs that were read."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: list[FailedFile] = field(default_factory=list)
    """The files that could not be read, where the caller takes what is left."""
    told_of: dict[str, list[str]] = field(default_factory=dict)
    """Tensor -> those of the problems that speak of it."""

    def take(
        self, shard: str, tensors: Iterable[StoredTensor], shard_of: Mapping[str, str]
    ) -> None:
        """Add the tensors of a shard; of two with one name the index's is read, or the first."""
        for tensor in tensors:
            name = tensor.name
            other = self.held_by.get(name)
            if other is not None:
                kept = shard if shard_of.get(name) == shard else other
                words = f"is in both {other!r} and {shard!r}: read from {kept!r}"
                self.tell(name, f"{name!r} {words}")
                if kept == other:
                    continue
            self.tensors[name], self.held_by[name] = tensor, shard

    def tell(self, tensor: str, problem: str) -> None:
        """Add a problem of one tensor."""
        self.problems.append(problem)
        self.told_of.setdefault(tensor, []).append(problem)

    def fail(self, path: str, error: InputError, *, tolerant: bool) -> None:
        """Note a file that cannot be read; raises the error unless `tolerant`."""
        if not tolerant:
            raise error
        self.failed.append(FailedFile(repr(masked_name(path)), error.message))

    def require_one(self) -> None:
        """Raise InputError where files failed and none is left."""
        if self.failed and not self.files:
            raise InputError(self.failed[0].reason)


def is_index(document: object, name: str) -> bool:
    """Whether a JSON document is meant as an index."""
    return name.endswith(".index.json") or (isinstance(document, dict) and "weight_map" in document)


def require_few_entries(text: bytes | bytearray, name: str) -> None:
    """Raise InputError for the text of an index that lists too many tensors to be parsed."""
    # an entry has four quotation marks
    too_many = text.count(b'"') > 4 * MOST_ENTRIES + FEW_QUOTES
    if too_many and (name.endswith(".index.json") or b'"weight_map"' in text):
        raise InputError(
            f"the index {masked_name(name)!r} lists more than {MOST_ENTRIES} tensors: refused"
        )


def index_of(document: Any, name: str) -> Index:
    """Return a checked index; raises InputError for what could name a file anywhere else."""
    what = f"the index {masked_name(name)!r}"
    shard_of = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(shard_of, dict) or not shard_of:
        raise InputError(
            f'{what} has no weight_map: expected {{"weight_map": {{"fc.weight": "FILE", …}}}}'
        )
    for tensor, shard in shard_of.items():
        places = f"{what} maps {tensor!r} to"
        if not isinstance(shard, str):
            from fcinspect.checkpoints.formats.json_array import kind_in_words

            raise InputError(f"{places} {kind_in_words(shard)}: expected the name of a file")
        if len(shard) > LONGEST_NAME:
            raise InputError(f"{what} names a file of {len(shard)} characters")
        if not shard or shard in (".", "..") or re.search(r"[/\\\0]|^[A-Za-z]:", shard):
            raise InputError(f"{places} {shard!r}: expected the name of a file in the same folder")
    if len(set(shard_of.values())) > MOST_SHARDS:
        raise InputError(f"{what} names more than {MOST_SHARDS} files")
    metadata = document.get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    return Index(name, shard_of, total if type(total) is int else None)


def from_index(
    index: Index, read: Read, size: Callable[[str], int] | None, *, tolerant: bool = False
) -> Collected:
    """Return the tensors of an index's shards; `size` tells a shard's bytes of numbers.

    Raises InputError for a damaged shard unless `tolerant`, and where none can be read.
    """
    found = Collected()
    missing: dict[str, str] = {}
    damaged: dict[str, str] = {}
    total = 0
    for shard in index.shards:
        path = beside(index.name, shard)
        try:
            held = read(path)
        except MissingFile:
            missing[shard] = f"is in {shard!r}, which is missing"
            continue
        except InputError as error:
            found.fail(path, error, tolerant=tolerant)
            damaged[shard] = f"is in {shard!r}, which cannot be read"
            continue
        found.files.append(path)
        total += 0 if size is None else size(path)
        found.take(shard, held, index.shard_of)
    found.require_one()
    if not found.files:
        shown, names = masked_name(index.name), listed(list(missing), FEW)
        raise InputError(f"none of the files that {shown!r} names exists: {names}")
    found.problems += _missing(index, missing)
    missing |= damaged
    _hold_against(found, index, missing)
    given = index.total_size
    if size is not None and not missing and given not in (None, total):
        found.notes.append(
            f"the index gives a total_size of {given} bytes, but the tensors take {total}"
        )
    return found


def _hold_against(found: Collected, index: Index, missing: Mapping[str, str]) -> None:
    """Tell of tensors that are not where the index places them, or not in it."""
    for tensor, shard in index.shard_of.items():
        if tensor in found.tensors:
            other = found.held_by[tensor]
            if other != shard and shard not in missing:
                words = f"is not in {shard!r}, where the index places it, but in {other!r}"
                found.tell(tensor, f"{tensor!r} {words}")
        elif shard in missing:
            found.lacking[tensor] = missing[shard]
        else:
            found.lacking[tensor] = f"is not in {shard!r}, where the index places it"
            found.tell(tensor, f"{tensor!r} {found.lacking[tensor]}")
    for tensor, shard in found.held_by.items():
        if tensor not in index.shard_of:
            found.tell(tensor, f"{tensor!r} of {shard!r} is not in the index")


def from_files(
    paths: Sequence[tuple[str, str]], read: Read, *, tolerant: bool = False
) -> Collected:
    """Return the tensors of numbered files, (name, path); raises InputError as `from_index`."""
    found = Collected()
    for name, path in paths:
        try:
            held = read(path)
        except InputError as error:
            found.fail(path, error, tolerant=tolerant)
            continue
        found.files.append(path)
        found.take(name, held, {})
    found.require_one()
    found.problems += _numbering(name for name, _ in paths)
    return found


def _numbering(names: Iterable[str]) -> list[str]:
    """Return sentences on the numbers that are missing among shards of one family, or too many."""
    shards = [found for found in map(SHARD.fullmatch, names) if found is not None]
    if not shards:
        return []
    numbers = {int(found["number"]): found.string for found in shards}
    example = shards[0]
    count, width = int(example["count"]), len(example["number"])
    there = sum(1 <= number <= count for number in numbers)
    beyond = [name for number, name in numbers.items() if not 1 <= number <= count]
    told = [f"the number of {name!r} exceeds its total of {count} files" for name in beyond]
    if count - there > MOST_SHARDS:
        return [*told, f"{count - there} of the {count} files are missing"]
    start, end = example.span("number")
    for number in range(1, count + 1) if there < count else ():
        if number not in numbers:
            name = f"{example.string[:start]}{number:0{width}}{example.string[end:]}"
            told.append(f"{name!r} is missing: file {number} of {count}")
    return told


def _missing(index: Index, missing: Iterable[str]) -> list[str]:
    """Return a sentence on each missing shard and what the index places in it."""
    placed: dict[str, list[str]] = {shard: [] for shard in missing}
    for tensor, shard in index.shard_of.items():
        if shard in placed:
            placed[shard].append(tensor)
    told = []
    for shard, names in placed.items():
        tensors = "1 tensor" if len(names) == 1 else f"{len(names)} tensors"
        words = f"the index places {tensors} in it, {listed(names, FEW)}"
        told.append(f"{shard!r} is missing: {words}")
    return told

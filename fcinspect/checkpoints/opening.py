"""From the name of a checkpoint to its linear layers, whatever kind of file it is.

The first bytes of a file tell its kind, and only then its ending.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fcinspect.checkpoints.paths import beside, family, inside, last_part, local_path
from fcinspect.checkpoints.places import look_ahead, one_look, open_storage, read_whole
from fcinspect.checkpoints.records import (
    Checkpoint,
    LayoutChoice,
    SkippedTensor,
    StoredTensor,
    unreadable,
)
from fcinspect.checkpoints.storage import STDIN, FolderGiven, MissingFile, Storage, standard_input
from fcinspect.errors import InputError, did_you_mean
from fcinspect.masking import is_uri, masked_name, without_secrets

if TYPE_CHECKING:
    from fcinspect.checkpoints.shards import Collected

Kind = Literal["safetensors", "npz", "json", "torch"]

ENDINGS: dict[str, Kind] = {
    ".safetensors": "safetensors", ".npz": "npz", ".npy": "npz", ".json": "json",
    ".pt": "torch", ".pth": "torch", ".bin": "torch", ".ckpt": "torch",
}  # fmt: skip
"""What a file is taken for when its first bytes do not tell."""

FOREIGN = (
    (b"\x89HDF", "an HDF5 file (Keras), which is not supported"),
    (b"GGUF", "a GGUF file, which is not supported"),
    (b"\x1f\x8b", "compressed with gzip: decompress it first"),
    (b"BZh", "compressed with bzip2: decompress it first"),
    (b"\xfd7zXZ", "compressed with xz: decompress it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: decompress it first"),
    (b"version https://git-lfs", "a Git LFS pointer, not the data: run 'git lfs pull' to fetch it"),
    (b"\x89PNG", "an image, which is not supported"),
    (b"%PDF", "a PDF document, which is not supported"),
    (b"<!DOCTYPE", "an HTML page, which is not supported"),
    (b"<!doctype", "an HTML page, which is not supported"),
    (b"<html", "an HTML page, which is not supported"),
)
"""First bytes of what people take for a file of layers."""


def check_readable(name: str) -> None:
    """Raise InputError when `name` is not a file that can be read and has content.

    The error is FolderGiven for a folder and MissingFile for what is not there.
    """
    size = _opened_size(name) if is_uri(name) else _local_size(name)
    if size == 0:
        raise InputError(f"{masked_name(name)!r} is empty")


def _opened_size(uri: str) -> int:
    storage = open_storage(uri)
    storage.close()
    return storage.stamp.size


def _local_size(path: str) -> int:
    try:
        status = os.stat(path)  # noqa: PTH116  # a name with a NUL raises ValueError here
        if stat.S_ISDIR(status.st_mode):
            raise FolderGiven(f"{path!r} is a folder: expected a file")
        if stat.S_ISFIFO(status.st_mode):
            return _opened_size(path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(
                f"{path!r} is not a regular file; use - to read JSON from standard input"
            )
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "Permission denied")
    except FileNotFoundError:
        raise MissingFile(f"no such file: {path!r}", hint=_near(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path!r} cannot be read: {reason}") from None
    return status.st_size


def _near(path: str) -> str | None:
    """Return which file of that folder the path may mean."""
    try:
        names = [entry.name for entry in Path(path).parent.iterdir()]
    except (OSError, ValueError):
        return None
    return did_you_mean(Path(path).name, names)


def kind_of(name: str) -> Kind:
    """Return what a readable file is; raises InputError for what is none of the known kinds."""
    with closing(open_storage(name)) as storage:
        first = bytes(storage.read(0, min(64, storage.stamp.size)))
        kind = _by_content(storage, first) or _by_ending(name)
    if kind is not None:
        return kind
    raise InputError(
        f"{masked_name(name)!r} is not a known type of file: expected .safetensors, .npz, .npy,"
        " .json, .pt, .pth or .bin"
    )


def _by_ending(name: str) -> Kind | None:
    return ENDINGS.get(Path(last_part(name)).suffix.lower())


def _by_content(storage: Storage, first: bytes) -> Kind | None:
    for beginning, words in FOREIGN:
        if first.startswith(beginning):
            name = masked_name(storage.uri)
            raise InputError(f"{name!r} is {words}")
    # a JSON text has no zero bytes, which the length of a sane header always has
    if first[8:9] == b"{" and first[5:8] == b"\0\0\0":
        return "safetensors"
    if first.startswith(b"PK"):
        from fcinspect.checkpoints.formats.zips import holds_arrays

        named_npz = _by_ending(storage.uri) == "npz"
        return "npz" if holds_arrays(storage, if_damaged=named_npz) else "torch"
    if first.startswith(b"\x93NUMPY"):
        return "npz"
    if first.startswith(b"\x80"):
        return "torch"
    if first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return "json"
    return None


def tensors_of(name: str, kind: Kind) -> Sequence[StoredTensor]:
    """Return the tensors of a file of that kind; raises InputError for JSON and unsound files."""
    if kind == "safetensors":
        from fcinspect.checkpoints.formats import safetensors

        return safetensors.tensors_of(name)
    if kind == "npz":
        from fcinspect.checkpoints.formats import npz

        return npz.tensors_of(name)
    if kind == "torch":
        from fcinspect.checkpoints.formats import torch_file

        return torch_file.tensors_of(name)
    raise InputError(f"{masked_name(name)!r} is JSON: expected a shard with tensors")


def open_checkpoint(
    name: str,
    layout: LayoutChoice = "auto",
    plain_dtype: str = "float32",
    *,
    tolerant: bool = False,
) -> Checkpoint:
    """Return the layers of a checkpoint of any kind, or of the JSON on standard input for "-".

    `name` is the path or URI of a file, of the index of a sharded checkpoint, or of a folder.
    `plain_dtype` is the dtype of JSON numbers for which the file names none. Raises InputError for
    what is unreadable or unsound; what only does not fit stands in `Checkpoint.problems`. With
    `tolerant`, a damaged file among several stands in `Checkpoint.failed`.
    """
    opener = _Opener(layout, plain_dtype, tolerant)
    if name == "-":
        return opener.layers(opener.parsed(standard_input(), STDIN), STDIN)
    try:
        with one_look():
            return opener.opened(local_path(name))
    except InputError as error:
        if not is_uri(name):
            raise
        hint = error.hint and without_secrets(error.hint, name)
        raise InputError(without_secrets(error.message, name), hint) from None


@dataclass(frozen=True)
class _Opener:
    """How checkpoints are opened."""

    layout: LayoutChoice
    plain_dtype: str
    tolerant: bool

    def opened(self, name: str) -> Checkpoint:
        try:
            check_readable(name)
        except FolderGiven:
            return self._folder(name)
        if kind_of(name) == "json":
            return self._json(name)
        found = self._paired(self._tensors(name), name)
        last = last_part(name)
        shard = family(last)
        notes: tuple[str, ...] = ()
        if shard is not None and shard[1] > 1:
            notes = (
                f"{last!r} is one of {shard[1]} files of a checkpoint and is read alone:"
                " pass the folder or index to read the whole checkpoint",
            )
        layers = [
            layer if layer.bias is not None else replace(layer, warnings=(*layer.warnings, *notes))
            for layer in found.layers
        ]
        return replace(found, layers=tuple(layers), files=(name,), notes=notes)

    def parsed(self, text: bytes | bytearray, source: str) -> Any:
        from fcinspect.checkpoints.formats.json_array import parse, refusals_name

        with refusals_name(source):
            return parse(text, source, "a layer")

    def layers(self, document: Any, source: str) -> Checkpoint:
        from fcinspect.checkpoints.formats.json_array import refusals_name
        from fcinspect.checkpoints.formats.json_file import checkpoint_of

        with refusals_name(source):
            return checkpoint_of(document, source, self.layout, self.plain_dtype)

    def _folder(self, folder: str) -> Checkpoint:
        from fcinspect.checkpoints.folders import besides, choose
        from fcinspect.checkpoints.shards import from_files

        choice = choose(folder)
        paths = [inside(folder, name) for name in choice.names]
        if choice.is_index or (len(paths) == 1 and family(choice.names[0]) is None):
            found = self.opened(paths[0])
        else:
            look_ahead(paths)
            shards = list(zip(choice.names, paths, strict=True))
            collected = from_files(shards, self._tensors, tolerant=self.tolerant)
            found = self._assembled(collected, folder)
        read = {last_part(file) for file in found.files}
        left = besides([name for name in choice.same if name not in read])
        return replace(found, notes=(*left, *choice.notes, *found.notes))

    def _json(self, name: str) -> Checkpoint:
        from fcinspect.checkpoints.shards import is_index, require_few_entries

        source = repr(masked_name(name))
        text = read_whole(name)
        require_few_entries(text, name)
        document = self.parsed(text, source)
        if is_index(document, last_part(name)):
            return self._index(document, name)
        return replace(self.layers(document, source), files=(name,))

    def _index(self, document: object, name: str) -> Checkpoint:
        from fcinspect.checkpoints.shards import from_index, index_of

        index = index_of(document, name)
        look_ahead([beside(name, shard) for shard in index.shards])
        if any(not shard.endswith(".safetensors") for shard in index.shards):
            found = from_index(index, self._tensors, None, tolerant=self.tolerant)
            return self._assembled(found, name)

        from fcinspect.checkpoints.formats.safetensors import data_size, natural_key

        found = from_index(index, self._tensors, data_size, tolerant=self.tolerant)
        # a safetensors file keeps no order of its own
        found.tensors = {key: found.tensors[key] for key in sorted(found.tensors, key=natural_key)}
        return self._assembled(found, name)

    def _assembled(self, found: Collected, name: str) -> Checkpoint:
        """Pair the tensors of several files; what is nowhere is skipped for that reason."""
        lacking = [unreadable(key, "unknown", (), why) for key, why in found.lacking.items()]
        paired = self._paired([*found.tensors.values(), *lacking], name)
        skipped = [
            skip
            if skip.name not in found.lacking
            else SkippedTensor(skip.name, f"it {found.lacking[skip.name]}", missing=True)
            for skip in paired.skipped
        ]
        layers = []
        for layer in paired.layers:
            names = [tensor.name for tensor in (layer.weight, layer.bias) if tensor is not None]
            told = [problem for name in names for problem in found.told_of.get(name, ())]
            layers.append(replace(layer, warnings=(*layer.warnings, *told)) if told else layer)
        return replace(
            paired,
            layers=tuple(layers),
            skipped=tuple(skipped),
            problems=tuple(found.problems),
            notes=tuple(found.notes),
            files=tuple(found.files),
            failed=tuple(found.failed),
        )

    def _paired(self, tensors: Sequence[StoredTensor], name: str) -> Checkpoint:
        from fcinspect.checkpoints.pairing.pair import pair

        return pair(tensors, repr(masked_name(name)), self.layout)

    def _tensors(self, name: str) -> Sequence[StoredTensor]:
        check_readable(name)
        kind = kind_of(name)
        tensors = tensors_of(name, kind)
        if kind != "npz":
            return tensors
        from fcinspect.checkpoints.pairing.naming import spelled_out

        long = spelled_out([tensor.name for tensor in tensors])
        return [replace(t, name=long.get(t.name, t.name)) for t in tensors]

"""What kind of file a path names: by its first bytes, and only then by its ending."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fcinspect.checkpoints.access.handles import open_storage
from fcinspect.checkpoints.access.storage import FolderGiven, MissingFile, Storage, read_part
from fcinspect.checkpoints.access.uris import last_part
from fcinspect.errors import InputError, did_you_mean
from fcinspect.masking import is_uri, masked_name

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import StoredTensor

Kind = Literal["safetensors", "npz", "json", "torch"]

ENDINGS: dict[str, Kind] = {
    ".safetensors": "safetensors",
    ".npz": "npz",
    ".npy": "npz",
    ".json": "json",
    ".pt": "torch",
    ".pth": "torch",
    ".bin": "torch",
    ".ckpt": "torch",
}
"""What a file is taken for when its first bytes do not tell."""

FOREIGN = (
    (b"\x89HDF", "an HDF5 file (Keras)"),
    (b"GGUF", "a GGUF file"),
    (b"\x1f\x8b", "compressed with gzip: decompress it first"),
    (b"BZh", "compressed with bzip2: decompress it first"),
    (b"\xfd7zXZ", "compressed with xz: decompress it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: decompress it first"),
    (b"version https://git-lfs", "a Git LFS pointer, not the data: 'git lfs pull' fetches them"),
    (b"\x89PNG", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<!doctype", "an HTML page"),
    (b"<html", "an HTML page"),
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
            raise InputError(f"{path!r} is no regular file; - reads JSON from standard input")
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "Permission denied")
    except FileNotFoundError:
        raise MissingFile(f"there is no file {path!r}", hint=_near(path)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path!r} cannot be read: {reason}") from None
    return status.st_size


def kind_of(name: str) -> Kind:
    """Return what a readable file is; raises InputError for what is none of the known kinds."""
    with closing(open_storage(name)) as storage:
        first = bytes(read_part(storage, 0, min(64, storage.stamp.size)))
        kind = _by_content(storage, first) or _by_ending(name)
    if kind is not None:
        return kind
    raise InputError(
        f"{masked_name(name)!r} is no file of layers that fcinspect knows: expected .safetensors,"
        " .npz, .npy, .json, .pt, .pth or .bin"
    )


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


def _by_ending(name: str) -> Kind | None:
    return ENDINGS.get(Path(last_part(name)).suffix.lower())


def _by_content(storage: Storage, first: bytes) -> Kind | None:
    for beginning, words in FOREIGN:
        if first.startswith(beginning):
            name = masked_name(storage.uri)
            raise InputError(f"{name!r} is {words}; layers are not read from it")
    # a JSON text has no zero bytes, which the length of a sane header always has
    if first[8:9] == b"{" and first[5:8] == b"\0\0\0":
        return "safetensors"
    if first.startswith(b"PK"):
        return "npz" if _zip_of_arrays(storage) else "torch"
    if first.startswith(b"\x93NUMPY"):
        return "npz"
    if first.startswith(b"\x80"):
        return "torch"
    if first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return "json"
    return None


def _zip_of_arrays(storage: Storage) -> bool:
    """Whether a zip file is numpy's; its ending decides where its list of members is damaged."""
    from fcinspect.checkpoints.formats.zips import opened_zip

    try:
        with opened_zip(storage) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return _by_ending(storage.uri) == "npz"
    return all(name.endswith(".npy") for name in names)


def _near(path: str) -> str | None:
    """Return which file of that folder the path may mean."""
    try:
        names = [entry.name for entry in Path(path).parent.iterdir()]
    except (OSError, ValueError):
        return None
    return did_you_mean(Path(path).name, names)

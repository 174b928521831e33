"""Reading the files of torch.save (.pt, .pth, .bin) without torch: only what lies where is read.

Format: a zip file with ``<root>/data.pkl``, a pickle whose tensors are views of storages, and every
storage's bytes as ``<root>/data/<key>``; ``byteorder`` tells which end of a number comes first. A
member may be deflated, which torch.save itself never does. The list of members is held against the
file before anything is read: no member outside the file or over another, none twice, none
encrypted.

Before torch 1.6, and where it is told to, torch.save writes five pickles (a magic number, the
version, the machine, the tensors as views of storages, the list of the storages' keys); then of
each storage, in the order of that list, its number of numbers in eight bytes and the numbers, all
of them little-endian.
"""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from fcinspect.checkpoints.formats import torch_tensors, unpickling, zips
from fcinspect.checkpoints.formats.allowed import ITEMSIZE, SavedStorage, SavedTensor
from fcinspect.checkpoints.places import at_once, open_storage
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.checkpoints.storage import Storage
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.masking import masked_name

LOOKED_AT = 512
FEW = 1 << 20
"""Bytes to which a pickle may unpack from however few."""
MAGIC = 0x1950A86A20F9469CFC6C
"""The number that files before torch 1.6 begin with."""
VERSION = 1001
COUNT = 8
"""Bytes that give how many numbers of a storage follow."""
AHEAD = 1 << 16
"""Bytes of the pickles that are read at a time."""


def tensors_of(name: str) -> tuple[StoredTensor, ...]:
    """Return the tensors of a file of torch.save; nothing in it is run.

    Raises InputError for every other file, and for one that names more than tensors and plain data.
    """
    with closing(open_storage(name)) as storage:
        first = storage.read(0, min(LOOKED_AT, storage.stamp.size))
        if first.startswith(b"PK"):
            return _tensors_in_zip(storage)
        if first.startswith(b"\x80"):
            return _tensors_in_stream(storage)
        source = repr(masked_name(name))
        if first[257:].startswith(b"ustar"):
            raise InputError(
                f"{source} is a tar file, as torch.save wrote before torch 0.1.10: expected a newer"
                " format",
                hint="if you trust it, load it with torch and save its state dict again",
            )
        raise torch_tensors.not_torch(source, "it is neither a zip file nor a pickle")


def _tensors_in_zip(storage: Storage) -> tuple[StoredTensor, ...]:
    archive = _opened_archive(storage)
    byte_order = archive.content("byteorder", 100)
    if byte_order not in (b"little", b"big", None):
        raise torch_tensors.not_torch(archive.source, f"its byteorder is {byte_order!r}")
    pickle = archive.content("data.pkl", unpickling.LARGEST_PICKLE)
    assert pickle is not None  # an archive without it has been refused
    stream = unpickling.Stream(io.BytesIO(pickle), len(pickle))
    content, _ = unpickling.read_pickle(stream, archive.source, archive.size_of)
    found = torch_tensors.checked_tensors(content, archive.source)
    return torch_tensors.stored_tensors(
        found, storage, _runs(archive, found.values(), byte_order == b"big")
    )


def _runs(
    archive: Archive, tensors: Iterable[SavedTensor], turned: bool
) -> dict[str, int | Callable[[], bytes]]:
    """Return where the bytes of each storage begin, or how they are unpacked."""
    storages = {t.storage.key: t.storage for t in tensors if t.storage is not None}
    runs: dict[str, int | Callable[[], bytes]] = {}
    # those of packed storages, too: a member that is not where the list says is refused at once
    keys = sorted(storages)
    for key, begin in zip(keys, at_once(archive.begin_of, keys, archive.storage.uri), strict=True):
        # the bytes whose order is turned: those of a number, of each part of a complex one
        dtype = storages[key].dtype or "uint8"
        width = ITEMSIZE[dtype] // (2 if dtype.startswith("complex") else 1) if turned else 1
        if width == 1 and archive.info_of(key).compress_type == zipfile.ZIP_STORED:
            runs[key] = begin
        else:
            runs[key] = functools.cache(functools.partial(_member, archive, key, width))
    return runs


def _member(archive: Archive, key: str, width: int) -> bytes:
    """Return the bytes of a storage, unpacked, every `width` bytes of them turned around."""
    with closing(open_storage(archive.storage.uri, archive.storage.stamp)) as storage:
        held = replace(archive, storage=storage).numbers_of(key)
    if width == 1:
        return held
    import numpy as np

    whole = np.frombuffer(held, np.uint8, len(held) // width * width)
    return whole.reshape(-1, width)[:, ::-1].tobytes()


@dataclass(frozen=True, eq=False)
class Archive:
    """A checked archive, its members unread."""

    storage: Storage
    source: str
    """The file in words."""
    root: str
    """The folder of all members."""
    members: Mapping[str, zipfile.ZipInfo]
    ends: Mapping[str, int]
    """Member -> the byte where the next one, or the list of members, begins."""

    def size_of(self, key: str) -> int | None:
        """Return the bytes of a storage, None where the archive has none of that key."""
        info = self.members.get(f"{self.root}/data/{key}")
        return None if info is None else info.file_size

    def info_of(self, key: str) -> zipfile.ZipInfo:
        """Return the member of a storage."""
        return self.members[f"{self.root}/data/{key}"]

    def begin_of(self, key: str) -> int:
        """Return where the bytes of a storage begin; raises InputError where they do not fit."""
        return self._begin(self.info_of(key))

    def content(self, name: str, most: int) -> bytes | None:
        """Return a member of at most so many bytes, unpacked; None where there is none."""
        info = self.members.get(f"{self.root}/{name}")
        if info is None:
            return None
        if max(info.file_size, info.compress_size) > most:
            raise InputError(f"{self.source} has a {name} of {info.file_size} bytes: refused")
        packed = info.compress_type != zipfile.ZIP_STORED
        if packed and info.file_size > max(
            FEW, min(unpickling.LARGEST_PACKED, 100 * info.compress_size)
        ):
            raise InputError(
                f"{self.source} has a {name} that would unpack from {info.compress_size} bytes to"
                f" {info.file_size}: refused"
            )
        return self._bytes(info)

    def numbers_of(self, key: str) -> bytes:
        """Return the bytes of a storage, unpacked and held against their checksum."""
        info = self.info_of(key)
        # the list of members bounds what all of them unpack to
        size = info.compress_size + info.file_size
        require_free(size, f"unpacking {self.source}", refusal=InputError)
        return self._bytes(info)

    def _bytes(self, info: zipfile.ZipInfo) -> bytes:
        # torch may be told to write no checksums; those who pack its files do write them
        packed = info.compress_type != zipfile.ZIP_STORED
        try:
            return zips.unpacked(self.storage, info, self._begin(info), checked=packed)
        except zipfile.BadZipFile:
            raise torch_tensors.damaged(self.source) from None

    def _begin(self, info: zipfile.ZipInfo) -> int:
        where = info.header_offset
        if where + zips.LOCAL_HEADER > self.storage.stamp.size:
            raise torch_tensors.damaged(self.source)
        header = self.storage.read(where, zips.LOCAL_HEADER)
        begin = zips.begin_of(info, header)
        # the end is held against the next member: this one may lie after a longer extra field
        fits = begin + info.compress_size <= self.ends[info.filename]
        method = int.from_bytes(header[8:10], "little")
        if header[:4] != b"PK\3\4" or method != info.compress_type or not fits:
            raise torch_tensors.damaged(self.source)
        return begin


def _opened_archive(storage: Storage) -> Archive:
    source = repr(masked_name(storage.uri))
    try:
        with zips.opened_zip(storage) as archive:
            infos = archive.infolist()
            end = archive.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, OverflowError):
        raise torch_tensors.damaged(source) from None
    zips.check_members(source, infos)
    members = {info.filename: info for info in infos}
    if len(members) < len(infos):
        raise torch_tensors.not_torch(source, "a member appears twice in its list")
    root = infos[0].filename.partition("/")[0] if infos else ""
    if f"{root}/data.pkl" not in members:
        raise torch_tensors.not_torch(source, "it has no data.pkl")
    outside = next((name for name in members if not name.startswith(f"{root}/")), None)
    if outside is not None:
        raise torch_tensors.not_torch(
            source, f"its member {outside[:60]!a} is not in the folder {root!a}"
        )
    return Archive(storage, source, root, members, _ends(source, infos, end))


def _ends(source: str, infos: list[zipfile.ZipInfo], end: int) -> dict[str, int]:
    """Return where the member behind each one begins; none may begin before this one ends."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    begins = [info.header_offset for info in ordered[1:]] + [end]
    ends = {}
    for info, after in zip(ordered, begins, strict=True):
        plain = info.compress_type == zipfile.ZIP_STORED
        shown = ascii(info.filename[:60])
        if info.flag_bits & 1:
            raise torch_tensors.not_torch(source, f"its member {shown} is encrypted")
        if not plain and info.compress_type != zipfile.ZIP_DEFLATED:
            raise torch_tensors.not_torch(
                source, f"its member {shown} is compressed in a way that torch never uses"
            )
        if info.header_offset < 0 or (plain and info.compress_size != info.file_size):
            raise torch_tensors.damaged(source)
        if info.header_offset + zips.LOCAL_HEADER + info.compress_size > after:
            raise torch_tensors.not_torch(
                source, f"its member {shown} claims bytes of another member"
            )
        ends[info.filename] = after
    return ends


def _tensors_in_stream(storage: Storage) -> tuple[StoredTensor, ...]:
    """Return the tensors of a file as before torch 1.6; raises InputError for every other."""
    source, size = repr(masked_name(storage.uri)), storage.stamp.size
    stream = unpickling.Stream(io.BufferedReader(zips.Seekable(storage), AHEAD), size)

    def upcoming() -> object:
        return unpickling.read_pickle(stream, source, lambda key: size)[0]

    first = upcoming()
    if type(first) is not int or first != MAGIC:
        raise torch_tensors.not_torch(source, "it is a pickle of something else")
    version = upcoming()
    if type(version) is not int or version != VERSION:
        raise torch_tensors.not_torch(source, f"its version is not {VERSION}")
    upcoming()  # the machine it was written on: its numbers are little-endian all the same
    content, storages = unpickling.read_pickle(stream, source, lambda key: size)
    begins = _begins(upcoming(), storages, stream.position, storage)
    return torch_tensors.stored_tensors(
        torch_tensors.checked_tensors(content, source), storage, begins
    )


def _begins(
    keys: object, storages: Mapping[str, SavedStorage], position: int, file: Storage
) -> dict[str, int]:
    """Return where the numbers of each storage begin; each must be there in full."""
    source = repr(masked_name(file.uri))
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise torch_tensors.not_torch(source, "the keys of its storages are not a list of names")
    if len(set(keys)) < len(keys):
        raise torch_tensors.not_torch(source, "a storage appears twice in its list")
    if set(keys) != set(storages):
        odd = next(iter(set(keys) ^ set(storages)))
        known = "is not in its list" if odd in storages else "belongs to no tensor"
        raise torch_tensors.not_torch(source, f"its storage {odd[:60]!r} {known}")
    begins = {}
    for key in keys:
        begins[key] = position + COUNT
        position += COUNT + storages[key].nbytes
    if position > file.stamp.size:
        raise InputError(
            f"{source} is truncated: its storages end at byte {position}, the file at"
            f" {file.stamp.size}"
        )

    def count(key: str) -> int:
        return int.from_bytes(file.read(begins[key] - COUNT, COUNT), "little", signed=True)

    for key, found in zip(begins, at_once(count, list(begins), file.uri), strict=True):
        expected = storages[key].nbytes // ITEMSIZE[storages[key].dtype or "uint8"]
        if found != expected:
            raise InputError(
                f"{source} is truncated or damaged: its storage {key[:60]!r} has {found} numbers,"
                f" its pickle says {expected}"
            )
    return begins

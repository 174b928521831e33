"""The zip file that torch.save writes: ``<root>/data.pkl`` and a member for every storage.

Its list of members is held against the file before anything is read: no member outside the file or
over another, none twice, none encrypted.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from fcinspect.checkpoints.access.storage import Storage
from fcinspect.checkpoints.access.uris import masked_name
from fcinspect.checkpoints.formats.pickle_stream import LARGEST_PACKED
from fcinspect.checkpoints.formats.torch_words import check_members, damaged, not_torch
from fcinspect.checkpoints.formats.zip_members import opened_zip, unpacked
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free

LOCAL_HEADER = 30
"""Bytes of a member's own header, before its name and extra field."""
FEW = 1 << 20
"""Bytes to which a pickle may unpack from however few."""


@dataclass(frozen=True, eq=False)
class Archive:
    """A checked archive, its members unread."""

    storage: Storage
    """The file."""
    source: str
    """The file in words."""
    root: str
    """The folder of all members."""
    members: Mapping[str, zipfile.ZipInfo]
    """By name."""
    ends: Mapping[str, int]
    """Member -> the byte where the next one, or the list of members, begins."""

    def size_of(self, key: str) -> int | None:
        """Return the bytes of a storage, None where the archive has none of that key."""
        info = self.members.get(f"{self.root}/data/{key}")
        return None if info is None else info.file_size

    def is_plain(self, key: str) -> bool:
        """Whether the bytes of a storage lie in the file as they are."""
        return self.members[f"{self.root}/data/{key}"].compress_type == zipfile.ZIP_STORED

    def begin_of(self, key: str) -> int:
        """Return where the bytes of a storage begin; raises InputError where they do not fit."""
        return self._begin(self.members[f"{self.root}/data/{key}"])

    def content(self, name: str, most: int) -> bytes | None:
        """Return a member of at most so many bytes, unpacked; None where there is none."""
        info = self.members.get(f"{self.root}/{name}")
        if info is None:
            return None
        if max(info.file_size, info.compress_size) > most:
            raise InputError(f"{self.source} has a {name} of {info.file_size} bytes: refused")
        packed = info.compress_type != zipfile.ZIP_STORED
        if packed and info.file_size > max(FEW, min(LARGEST_PACKED, 100 * info.compress_size)):
            raise InputError(
                f"{self.source} has a {name} that would unpack from {info.compress_size} bytes to"
                f" {info.file_size}: refused"
            )
        return self._bytes(info)

    def numbers_of(self, key: str) -> bytes:
        """Return the bytes of a storage, unpacked and held against their checksum."""
        info = self.members[f"{self.root}/data/{key}"]
        # the list of members bounds what all of them unpack to
        require_free(
            info.compress_size + info.file_size, f"unpacking {self.source}", refusal=InputError
        )
        return self._bytes(info)

    def _bytes(self, info: zipfile.ZipInfo) -> bytes:
        """Return the content of a member, unpacked."""
        # torch may be told to write no checksums; those who pack its files do write them
        packed = info.compress_type != zipfile.ZIP_STORED
        try:
            return unpacked(self.storage, info, self._begin(info), checked=packed)
        except zipfile.BadZipFile:
            raise damaged(self.source) from None

    def _begin(self, info: zipfile.ZipInfo) -> int:
        where = info.header_offset
        if where + LOCAL_HEADER > self.storage.stamp.size:
            raise damaged(self.source)
        header = _part(self.storage, where, LOCAL_HEADER)
        begin = where + LOCAL_HEADER
        begin += int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        # the end is held against the next member: this one may lie after a longer extra field
        method = int.from_bytes(header[8:10], "little")
        if (
            header[:4] != b"PK\3\4"
            or method != info.compress_type
            or begin + info.compress_size > self.ends[info.filename]
        ):
            raise damaged(self.source)
        return begin


def opened_archive(storage: Storage) -> Archive:
    """Return the checked archive of a zip file; raises InputError for any other."""
    source = repr(masked_name(storage.uri))
    try:
        with opened_zip(storage) as archive:
            infos = archive.infolist()
            end = archive.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, OverflowError):
        raise damaged(source) from None
    check_members(source, ((i.filename, i.compress_size, i.file_size) for i in infos))
    members = {info.filename: info for info in infos}
    if len(members) < len(infos):
        raise not_torch(source, "a member stands in its list twice")
    root = infos[0].filename.partition("/")[0] if infos else ""
    if f"{root}/data.pkl" not in members:
        raise not_torch(source, "it has no data.pkl")
    outside = next((name for name in members if not name.startswith(f"{root}/")), None)
    if outside is not None:
        raise not_torch(source, f"its member {outside[:60]!a} is not in the folder {root!a}")
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
            raise not_torch(source, f"its member {shown} is encrypted")
        if not plain and info.compress_type != zipfile.ZIP_DEFLATED:
            raise not_torch(source, f"its member {shown} is packed in a way that torch never uses")
        if info.header_offset < 0 or (plain and info.compress_size != info.file_size):
            raise damaged(source)
        if info.header_offset + LOCAL_HEADER + info.compress_size > after:
            raise not_torch(source, f"its member {shown} claims bytes that are not its own")
        ends[info.filename] = after
    return ends


def _part(storage: Storage, begin: int, length: int) -> bytearray:
    data = bytearray(length)
    storage.read_into(memoryview(data), begin)
    return data

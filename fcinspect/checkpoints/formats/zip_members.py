"""Zip files: a list of members that is counted before it is read, and members unpacked whole."""

from __future__ import annotations

import zipfile
import zlib

from fcinspect.checkpoints.access.storage import Seekable, Storage
from fcinspect.checkpoints.access.uris import masked_name
from fcinspect.errors import InputError

MOST_MEMBERS = 50_000
"""Members of every zip file; each takes a kilobyte when it is listed."""
BYTES_A_MEMBER = 4096
"""A larger file may have one more for so many bytes."""
SIGNATURE = b"PK\1\2"
"""What every entry of the list begins with."""


class _Counted(Seekable):
    """A zip file whose list is counted when zipfile reads it, which is in one piece."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self._name = storage.uri
        self._most = MOST_MEMBERS + storage.stamp.size // BYTES_A_MEMBER

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes; raises InputError for a list of too many members."""
        data = super().read(min(size, self._size) if size >= 0 else size) or b""
        if data.count(SIGNATURE) > self._most:
            raise InputError(
                f"{masked_name(self._name)!r} lists more than {self._most} members: refused"
            )
        return data


def opened_zip(storage: Storage) -> zipfile.ZipFile:
    """Return a zip file whose list has been read; raises as zipfile does, and InputError."""
    return zipfile.ZipFile(_Counted(storage))


def unpacked(storage: Storage, info: zipfile.ZipInfo, begin: int, *, checked: bool = True) -> bytes:
    """Return the content of a member that begins there, of the size that the list says.

    Raises zipfile.BadZipFile for another size, bytes that do not unpack and, where it is to be
    `checked`, another checksum.
    """
    data = bytearray(info.compress_size)
    storage.read_into(memoryview(data), begin)
    if info.compress_type == zipfile.ZIP_STORED:
        content = bytes(data)
    else:
        try:
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
            content = unpacker.decompress(data, info.file_size + 1)
        except zlib.error as error:
            raise zipfile.BadZipFile(str(error)) from None
    if len(content) != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename[:60]!a} has another size than its list says")
    if checked and zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {info.filename[:60]!a}")
    return content

"""Zip files: a list of members that is counted and checked, and members unpacked whole."""

from __future__ import annotations

import errno
import io
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

from fcinspect.checkpoints.storage import Storage
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.masking import masked_name

MOST_MEMBERS = 50_000
"""Members of every zip file; each takes a kilobyte when it is listed."""
BYTES_A_MEMBER = 4096
"""A larger file may have one more for so many bytes."""
SIGNATURE = b"PK\1\2"
"""What every entry of the list begins with."""
LOCAL_HEADER = 30
"""Bytes of a member's own header, before its name and extra field."""
SMALL = 1 << 26
"""Unpacked bytes below which an archive is no bomb."""
MOST_PACKED = 100
"""Times that numbers are packed at most: weights hardly shrink, zeros a thousand times."""


class Seekable(io.RawIOBase):
    """A storage as a file object, for zipfile."""

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        self._storage, self._size = storage, storage.stamp.size
        self._position = 0

    def seekable(self) -> bool:
        """Whether seek works: yes."""
        return True

    def readable(self) -> bool:
        """Whether read works: yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, which may lie behind the end."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError(errno.EINVAL, "negative position")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the file goes."""
        view = memoryview(buffer).cast("B")
        view = view[: max(0, min(len(view), self._size - self._position))]
        self._storage.read_into(view, self._position)
        self._position += len(view)
        return len(view)


class _Counted(Seekable):
    """A zip file whose list is counted when zipfile reads it, which is in one piece."""

    def read(self, size: int = -1) -> bytes:
        data = super().read(min(size, self._size) if size >= 0 else size) or b""
        most = MOST_MEMBERS + self._size // BYTES_A_MEMBER
        if data.count(SIGNATURE) > most:
            shown = masked_name(self._storage.uri)
            raise InputError(f"{shown!r} lists more than {most} members: refused")
        return data


def opened_zip(storage: Storage) -> zipfile.ZipFile:
    """Return a zip file whose list has been read; raises as zipfile does, and InputError."""
    return zipfile.ZipFile(_Counted(storage))


def holds_arrays(storage: Storage, *, if_damaged: bool) -> bool:
    """Whether a zip file is numpy's; `if_damaged` where its list of members is damaged."""
    try:
        with opened_zip(storage) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return if_damaged


def check_members(source: str, infos: Sequence[zipfile.ZipInfo]) -> None:
    """Raise InputError for an archive of code or one that unpacks to far more than it is."""
    if any(info.filename.endswith("/constants.pkl") for info in infos):
        raise InputError(
            f"{source} is a TorchScript archive, which holds code",
            hint="save its weights: torch.save(torch.jit.load('m.pt').state_dict(), 'weights.pt')",
        )
    packed = sum(info.compress_size for info in infos)
    unpacked = sum(info.file_size for info in infos)
    if unpacked > SMALL and unpacked > MOST_PACKED * packed:
        raise InputError(
            f"{source} would unpack {packed} bytes to {unpacked}, more than"
            f" {MOST_PACKED} times as many: refused"
        )
    if unpacked > packed:
        require_free(2 * unpacked, f"unpacking {source}", refusal=InputError)


def begin_of(info: zipfile.ZipInfo, header: bytes | bytearray) -> int:
    """Return where the content of a member begins, by the header of its own that is before it."""
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return info.header_offset + LOCAL_HEADER + lengths


def unpacked(storage: Storage, info: zipfile.ZipInfo, begin: int, *, checked: bool = True) -> bytes:
    """Return the content of a member that begins there, of the size that the list says.

    Raises zipfile.BadZipFile for another size, bytes that do not unpack and, where it is to be
    `checked`, another checksum.
    """
    data = storage.read(begin, info.compress_size)
    if info.compress_type == zipfile.ZIP_STORED:
        content = bytes(data)
    else:
        try:
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
            content = unpacker.decompress(data, info.file_size + 1)
        except zlib.error as error:
            raise zipfile.BadZipFile(str(error)) from None
    if len(content) != info.file_size:
        raise zipfile.BadZipFile(
            f"{info.filename[:60]!a} does not have the size given in the list of members"
        )
    if checked and zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {info.filename[:60]!a}")
    return content

"""Zip files: a list of members that is counted and checked, and members unpacked whole."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence

from fcinspect.checkpoints.access.storage import Seekable, Storage, read_part
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


def check_members(source: str, infos: Sequence[zipfile.ZipInfo]) -> None:
    """Raise InputError for an archive of code or one that unpacks to far more than it is."""
    if any(info.filename.endswith("/constants.pkl") for info in infos):
        raise InputError(
            f"{source} is a TorchScript archive, which holds code",
            hint="save its numbers: torch.save(torch.jit.load('m.pt').state_dict(), 'weights.pt')",
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
    data = read_part(storage, begin, info.compress_size)
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

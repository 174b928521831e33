"""Reading .npz and .npy: headers first, arrays only when asked for, pickled objects never."""

from __future__ import annotations

import io
import math
import re
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from fcinspect.checkpoints.formats import zips
from fcinspect.checkpoints.places import FilePlace, claim, open_storage
from fcinspect.checkpoints.records import StoredTensor, unreadable
from fcinspect.checkpoints.storage import Stamp, Storage
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.masking import masked_name

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fcinspect.rounding.arrays import FloatArray

READABLE = ("float64", "float32", "float16")
AHEAD = 1 << 22
"""Bytes of an array that are asked for at once: each time is a round trip where it is remote."""
DAMAGE = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
"""What zipfile and numpy raise for unsound bytes."""
UNREADABLE_HEADER = (
    ValueError, EOFError, SyntaxError, tokenize.TokenError, zlib.error, RecursionError,
)  # fmt: skip
"""What numpy raises for an array's header that is none."""
LONGEST_REASON = 160
"""Characters that are passed on of a library's words, which may quote the file."""


@dataclass(frozen=True, eq=False)
class Member:
    """One array of the file, its numbers unread."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """The format in the file."""
    path: str
    stamp: Stamp
    """The file as it was when the header was read."""
    inner: zipfile.ZipInfo | None
    """The member of the zip file, None for an .npy file."""
    start: int
    """Where its bytes begin in the file."""
    place: FilePlace | None
    """Where the numbers lie, None where they are packed or of no format that is read by place."""

    def values(self) -> npt.NDArray[Any]:
        """Read the array; what the zip file says of its checksum is held against it."""
        import numpy as np

        what = f"reading {self.name!r} of {masked_name(self.path)!r}"
        require_free(2 * math.prod(self.shape) * self.dtype.itemsize, what, refusal=InputError)
        with closing(open_storage(self.path, self.stamp)) as storage:
            try:
                if self.inner is None:
                    file: IO[bytes] = io.BufferedReader(zips.Seekable(storage), AHEAD)
                else:  # the list of members is not read again
                    file = io.BytesIO(zips.unpacked(storage, self.inner, self.start))
                with file:
                    found = np.lib.format.read_array(file, allow_pickle=False)
            except DAMAGE as error:
                raise InputError(f"{what} failed: {_line(error)}") from None
        return np.asarray(found, dtype=self.dtype.newbyteorder("="))


def members_of(path: str) -> tuple[Member, ...]:
    """Return the arrays of an .npz or .npy file; raises InputError."""
    source = repr(masked_name(path))
    with closing(open_storage(path)) as storage:
        try:
            if storage.read(0, min(6, storage.stamp.size)) == b"\x93NUMPY":
                with io.BufferedReader(zips.Seekable(storage), AHEAD) as file:
                    return (_member("weight", storage, file, None),)
            with zips.opened_zip(storage) as archive:
                infos = archive.infolist()
                names = {info.filename for info in infos}
                if not infos:
                    raise InputError(f"{source} is a zip file that lists no arrays")
                zips.check_members(source, infos)
                if len(names) < len(infos):
                    raise InputError(f"{source} holds two arrays with the same name")
                found = []
                for info in infos:
                    if not info.is_dir():
                        with archive.open(info) as file:
                            name = info.filename.removesuffix(".npy")
                            found.append(_member(name, storage, file, info))
                return tuple(found)
        except DAMAGE as error:
            raise InputError(f"{source} is not a valid .npz file: {_line(error)}") from None


def tensors_of(path: str) -> tuple[StoredTensor, ...]:
    """Return the arrays of an .npz file, or the one of an .npy file, named weight."""
    return tuple(map(_stored, members_of(path)))


def _member(name: str, storage: Storage, file: IO[bytes], info: zipfile.ZipInfo | None) -> Member:
    """Read one array's header and check that its bytes are all there."""
    import numpy as np

    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    what = f"{name!r} of {masked_name(storage.uri)!r}"
    size = storage.stamp.size if info is None else info.file_size
    try:
        version = np.lib.format.read_magic(file)
        if version not in readers:
            raise InputError(f"{what} has the unknown .npy version {version}")
        shape, by_columns, dtype = readers[version](file)
        begin = file.tell()
    except UNREADABLE_HEADER as error:
        raise InputError(f"{what} is not a valid array: {_line(error)}") from None
    if any(width < 0 for width in shape):
        raise InputError(f"{what} is not a valid array: its shape {shape} has a negative width")
    too_wide = claim(shape if dtype.itemsize else (*shape, 0))
    if too_wide is not None:
        raise InputError(f"{what} is not a valid array: it {too_wide}")
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize != size - begin:
        raise InputError(
            f"{what} has {size - begin} bytes of numbers, which does not match"
            f" {dtype} of shape {shape}: it is truncated or damaged"
        )
    place = None
    start = 0 if info is None else _data_of(storage, info)
    # columns first is the same as rows first for a vector, and has a place for a matrix
    is_little = dtype.newbyteorder("<").str == dtype.str
    by_place = dtype.name in READABLE and is_little and (not by_columns or len(shape) <= 2)
    if by_place and (info is None or info.compress_type == zipfile.ZIP_STORED):
        turned = by_columns and len(shape) == 2
        place = FilePlace(storage.uri, storage.stamp, dtype.name, start + begin, shape, turned)
    return Member(name, shape, dtype, storage.uri, storage.stamp, info, start, place)


def _data_of(storage: Storage, info: zipfile.ZipInfo) -> int:
    shown = ascii(info.filename[:60])
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{shown} is compressed in a way that numpy never uses")
    begin = zips.begin_of(info, storage.read(info.header_offset, zips.LOCAL_HEADER))
    if begin + info.compress_size > storage.stamp.size:
        raise zipfile.BadZipFile(f"{shown} ends after the end of the file")
    return begin


def _stored(member: Member) -> StoredTensor:
    dtype, shape = member.dtype, member.shape
    if dtype.name in READABLE:
        read = partial(_read, member, dtype.name)
        return StoredTensor(member.name, dtype.name, shape, read, place=member.place)
    if dtype.kind in "iu" and 1 <= len(shape) <= 2:
        read, rounding = partial(_read, member, "float32"), partial(_rounding, member)
        note = f"{member.name} holds {dtype.newbyteorder('=')} numbers, read as float32"
        return StoredTensor(member.name, "float32", shape, read, note=note, rounding=rounding)
    if dtype.hasobject:
        problem = "holds pickled Python objects, which are never loaded"
    elif dtype.kind == "V":
        problem = f"holds {dtype.itemsize}-byte values of no numpy dtype; if they are bfloat16,"
        problem += " use .safetensors"
    else:
        problem = f"holds {dtype}: expected {', '.join(READABLE)} or integers"
    return unreadable(member.name, str(dtype), shape, problem)


def _read(member: Member, dtype: str, rows: Sequence[int] | None) -> FloatArray:
    import numpy as np

    if rows is not None and member.place is not None:
        return np.ascontiguousarray(member.place.read(rows))
    values = np.ascontiguousarray(member.values().astype(dtype, copy=False))
    return values if rows is None else values[list(rows)]


def _rounding(member: Member) -> str | None:
    """Say which whole numbers float32 does not hold: those of over 24 bits up to the last 1."""
    import numpy as np

    if member.dtype.itemsize <= 2:
        return None
    whole = member.values().reshape(-1)
    # the magnitude of -2^63 does not fit int64: its two's complement is the same bits
    magnitude = np.where(whole < 0, np.negative(whole.astype(np.uint64)), whole.astype(np.uint64))
    lowest = magnitude & np.negative(magnitude)
    rounded = (magnitude >> np.uint64(24)) >= np.maximum(lowest, np.uint64(1))
    count = int(np.count_nonzero(rounded))
    if not count:
        return None
    first = whole[int(np.argmax(rounded))]
    became = f"{int(first)} became {float(np.float32(first)):.0f}"
    return f"{count} of {whole.size} were rounded: {became}"


def _line(error: Exception) -> str:
    """Return the first line of an error's text, without the addresses of objects in it."""
    line = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return re.sub(r" at 0x[0-9a-f]+", "", line)[:LONGEST_REASON]

"""Reading .npz and .npy: headers first, arrays only when asked for, pickled objects never."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fcinspect.checkpoints.records import StoredTensor, in_memory, unreadable
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fcinspect.rounding.arrays import FloatArray

READABLE = ("float64", "float32", "float16")

Open = Callable[[], IO[bytes]]


@dataclass(frozen=True, eq=False)
class Member:
    """One array of the file, its numbers unread."""

    name: str
    """The array's name."""
    shape: tuple[int, ...]
    """The shape, outermost dimension first."""
    dtype: np.dtype[Any]
    """The format in the file."""
    path: str
    """The file."""
    open: Open
    """Open the array's bytes, header included."""

    def values(self) -> npt.NDArray[Any]:
        """Read the array."""
        import numpy as np

        what = f"reading {self.name!r} of {self.path!r}"
        require_free(2 * math.prod(self.shape) * self.dtype.itemsize, what, refusal=InputError)
        try:
            with self.open() as file:
                found = np.lib.format.read_array(file, allow_pickle=False)
        except (
            OSError,
            EOFError,
            ValueError,
            RuntimeError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise InputError(f"{what} failed: {_line(error)}") from None
        return np.asarray(found, dtype=self.dtype.newbyteorder("="))


def members_of(path: str) -> tuple[Member, ...]:
    """Return the arrays of an .npz or .npy file; raises InputError."""
    try:
        with Path(path).open("rb") as file:
            if file.read(6) == b"\x93NUMPY":
                size = Path(path).stat().st_size
                return (_member("weight", path, size, partial(_open_whole, path)),)
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
        names = [info.filename for info in infos]
        if len(set(names)) < len(names):
            raise InputError(f"{path!r} holds an array name twice")
        return tuple(
            _member(
                info.filename.removesuffix(".npy"),
                path,
                info.file_size,
                partial(_open_member, path, info.filename),
            )
            for info in infos
            if not info.is_dir()
        )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(f"{path!r} is no sound .npz file: {_line(error)}") from None


def tensors_of(path: str) -> tuple[StoredTensor, ...]:
    """Return the arrays of an .npz file, or the one of an .npy file, named weight."""
    return tuple(map(_stored, members_of(path)))


def _open_whole(path: str) -> IO[bytes]:
    return Path(path).open("rb")


def _open_member(path: str, name: str) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        return archive.open(name)  # keeps the file open until it is closed itself


def _member(name: str, path: str, size: int, opened: Open) -> Member:
    """Read one array's header and check that its bytes are all there."""
    import numpy as np

    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        with opened() as file:
            version = np.lib.format.read_magic(file)
            if version not in readers:
                raise InputError(f"{name!r} of {path!r} has the unknown .npy version {version}")
            shape, _, dtype = readers[version](file)
            begin = file.tell()
    except (ValueError, EOFError, SyntaxError, zlib.error, RecursionError) as error:
        raise InputError(f"{name!r} of {path!r} is no sound array: {_line(error)}") from None
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize != size - begin:
        raise InputError(
            f"{name!r} of {path!r} has {size - begin} bytes of numbers, which is not what"
            f" {dtype} of shape {shape} takes: it is truncated or damaged"
        )
    return Member(name, shape, dtype, path, opened)


def _stored(member: Member) -> StoredTensor:
    dtype, shape = member.dtype, member.shape
    if dtype.name in READABLE:
        return StoredTensor(member.name, dtype.name, shape, partial(_read, member))
    if dtype.kind in "iu" and 1 <= len(shape) <= 2:
        return _from_integers(member)
    if dtype.hasobject:
        problem = "holds pickled Python objects, which are never loaded"
    elif dtype.kind == "V":
        problem = f"holds {dtype.itemsize}-byte values of no numpy format; if they are bfloat16,"
        problem += " .safetensors keeps them"
    else:
        problem = f"holds {dtype}: layers are read from {', '.join(READABLE)} and integers"
    return unreadable(member.name, str(dtype), shape, problem)


def _read(member: Member, rows: Sequence[int] | None) -> FloatArray:
    import numpy as np

    values = np.ascontiguousarray(member.values())
    return values if rows is None else values[list(rows)]


def _from_integers(member: Member) -> StoredTensor:
    """Read whole numbers as float32, and say so."""
    import numpy as np

    whole = member.values()
    held = whole.astype(np.float32)
    # compared as Python integers: int64 against float32 would round both
    lost = [
        (int(a), float(b))
        for a, b in zip(whole.reshape(-1), held.reshape(-1), strict=True)
        if abs(int(a)) > 2**24 and int(a) != int(b)
    ]
    note = f"{member.name} holds {whole.dtype} numbers, read as float32"
    if lost:
        note += f"; {len(lost)} of {held.size} were rounded: {lost[0][0]} became {lost[0][1]:.0f}"
    return in_memory(member.name, held, "float32", note)


def _line(error: Exception) -> str:
    """Return the first line of an error's text."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")

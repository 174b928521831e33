"""The bytes of a pickle, read as far as the objects of a file of tensors go."""

from __future__ import annotations

import io
from typing import IO

from fcinspect.checkpoints.formats.stand_ins import Unsound

LARGEST_PICKLE = 1 << 26
"""Bytes; what is no number of a tensor is never as much."""
LARGEST_PACKED = 1 << 25
"""Bytes of one that is packed, which is unpacked before it is read."""
FEW_STEPS = 1_500_000
"""Reads that every pickle may take; a tensor takes about fifty-five."""
STEPS_A_STORAGE = 60
"""Reads that a pickle may take more for every storage that it names."""
LONGEST_LINE = 1 << 20
"""Bytes of a line, in which the oldest pickles give names and numbers."""
BYTES_A_STEP = 50
"""A longer pickle may take one more for so many bytes."""


class Stream:
    """Pickles that follow one another in a file; reading is counted and bounded."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        """Read `file`, which has `size` bytes, from where it stands."""
        self._file = file
        self._size = size
        self._left = FEW_STEPS + min(size, LARGEST_PICKLE) // BYTES_A_STEP
        self.position = 0

    @classmethod
    def of(cls, data: bytes) -> Stream:
        """Return the stream of bytes in memory."""
        return cls(io.BytesIO(data), len(data))

    def spend(self, steps: int) -> None:
        """Count work; raises Unsound for more than any file of tensors needs."""
        self._left -= steps
        if self._left < 0:
            raise Unsound("it has more objects than a file of tensors needs")

    def grant_storage(self) -> None:
        """Allow the reads that one more storage takes."""
        self._left += STEPS_A_STORAGE

    def read(self, length: int) -> bytes:
        """Return that many bytes; raises EOFError where fewer are left."""
        self.spend(1)
        self._advance(length)
        data = self._file.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def readline(self) -> bytes:
        """Return what is left of the line and its end; raises EOFError where it has none."""
        self.spend(1)
        line = self._file.readline(LONGEST_LINE)
        self._advance(len(line))
        if not line.endswith(b"\n"):
            if len(line) == LONGEST_LINE:
                raise Unsound(f"it has a line of more than {LONGEST_LINE} bytes")
            raise EOFError
        return line

    def skip(self, length: int) -> None:
        """Go past that many bytes; raises EOFError where fewer are left."""
        self.spend(1)
        self._advance(length)
        self._file.seek(length, io.SEEK_CUR)

    def _advance(self, length: int) -> None:
        """Count bytes before they are read: nothing is made for more than the file has."""
        self.position += length
        if self.position > self._size:
            raise EOFError
        if self.position > LARGEST_PICKLE:
            raise Unsound(f"its pickle has more than {LARGEST_PICKLE} bytes")

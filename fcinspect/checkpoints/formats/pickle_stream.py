"""The bytes of a pickle, read as far as the objects of a file of tensors go."""

from __future__ import annotations

import io

from fcinspect.checkpoints.formats.stand_ins import Unsound

LARGEST_PICKLE = 1 << 26
"""Bytes; what is no number of a tensor is never as much."""
LARGEST_PACKED = 1 << 25
"""Bytes of one that is packed, which torch unpacks and reads once more."""
FEW_STEPS = 1_500_000
"""Reads that every pickle may take; a tensor takes about fifty-five."""
STEPS_A_STORAGE = 200
"""Reads that a pickle may take more for every storage that it names."""
LONGEST_LINE = 1 << 20
"""Bytes of a line, in which the oldest pickles give names and numbers."""
BYTES_A_STEP = 50
"""A longer pickle may take one more for so many bytes."""


class Stream:
    """The bytes of a pickle; reading is counted and bounded."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self._size = len(data)
        self._left = FEW_STEPS + len(data) // BYTES_A_STEP

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
        data = self._file.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def readline(self) -> bytes:
        """Return what is left of the line and its end; raises EOFError where it has none."""
        self.spend(1)
        line = self._file.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            if len(line) == LONGEST_LINE:
                raise Unsound(f"it has a line of more than {LONGEST_LINE} bytes")
            raise EOFError
        return line

    def skip(self, length: int) -> None:
        """Go past that many bytes; raises EOFError where fewer are left."""
        self.spend(1)
        if length > self._size - self._file.tell():
            raise EOFError
        self._file.seek(length, io.SEEK_CUR)

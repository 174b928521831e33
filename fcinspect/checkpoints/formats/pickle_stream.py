"""The bytes of a pickle, read as far as the objects of a file of tensors go."""

from __future__ import annotations

import io

from fcinspect.checkpoints.formats.stand_ins import Unsound

LARGEST_PICKLE = 100_000_000
"""Bytes; what is no number of a tensor is never as much."""
FEW_STEPS = 1_500_000
"""Reads that every pickle may take; a tensor takes about fifty-five."""
STEPS_A_STORAGE = 200
"""Reads that a pickle may take more for every storage that it names."""
BYTES_A_STEP = 50
"""A longer pickle may take one more for so many bytes."""


class Stream:
    """The bytes of a pickle; reading is counted and bounded."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
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
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line

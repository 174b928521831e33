"""Arrays whose numbers are not read, whole numbers or packed weights: compared by their bytes."""

from __future__ import annotations

from fcinspect.checkpoints.diff.codes import BLOCK
from fcinspect.checkpoints.diff.reading import Reader
from fcinspect.checkpoints.diff.records import EQUAL, Finding, Sameness
from fcinspect.checkpoints.records import StoredTensor

FORMATS = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32",
    "I32": "int32", "U64": "uint64", "I64": "int64", "C64": "complex64",
}  # fmt: skip
"""What torch calls the formats of safetensors."""


def can_be_compared(a: StoredTensor, b: StoredTensor) -> bool:
    """Whether the bytes of both are of one format and lie in files."""
    same_format = FORMATS.get(a.dtype, a.dtype) == FORMATS.get(b.dtype, b.dtype)
    return a.extent is not None and b.extent is not None and same_format


def compare_bytes(a: StoredTensor, b: StoredTensor, readers: tuple[Reader, Reader]) -> Finding:
    """Return whether two arrays hold the same bytes; nothing is said of their numbers."""
    if a.shape != b.shape:
        how = f"shape {shape_of(a)} → {shape_of(b)}"
        return Finding("with another shape", how, Sameness.DIFFERENT)
    assert a.extent is not None
    assert b.extent is not None
    for begin in range(0, a.extent.size, BLOCK):
        length = min(BLOCK, a.extent.size - begin)
        ours = readers[0].bytes_of(a.extent, begin, length)
        if ours != readers[1].bytes_of(b.extent, begin, length):
            told = f"its bytes differ; numbers of {a.dtype} are not compared one by one"
            return Finding("changed", "changed", Sameness.DIFFERENT, (told,))
    return EQUAL


def shape_of(tensor: StoredTensor) -> str:
    """Return a tensor's shape as (3, 4)."""
    return "(" + ", ".join(map(str, tensor.shape)) + ")"

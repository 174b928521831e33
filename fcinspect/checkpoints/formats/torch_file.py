"""Reading the files of torch.save (.pt, .pth, .bin) without torch: only what lies where is read."""

from __future__ import annotations

from fcinspect.checkpoints.access.handles import open_storage
from fcinspect.checkpoints.access.uris import masked_name
from fcinspect.checkpoints.formats.torch_legacy import tensors_in_stream
from fcinspect.checkpoints.formats.torch_words import not_torch
from fcinspect.checkpoints.formats.torch_zip import tensors_in_zip
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.errors import InputError

TAR = b"ustar"
"""What stands at byte 257 of a tar file."""
LOOKED_AT = 512


def tensors_of(name: str) -> tuple[StoredTensor, ...]:
    """Return the tensors of a file of torch.save; nothing in it is run.

    Raises InputError for every other file, and for one that names more than tensors and plain data.
    """
    storage = open_storage(name)
    try:
        first = bytearray(min(LOOKED_AT, storage.stamp.size))
        storage.read_into(memoryview(first), 0)
        if first.startswith(b"PK"):
            return tensors_in_zip(storage)
        if first.startswith(b"\x80"):
            return tensors_in_stream(storage)
        source = repr(masked_name(name))
        if first[257:].startswith(TAR):
            raise InputError(
                f"{source} is a tar file: torch.save wrote such before torch 0.1.10, and layers are"
                " not read from them",
                hint="load it with torch where it is trusted, and save its state dict again",
            )
        raise not_torch(source, "it is no zip file and no pickle")
    finally:
        storage.close()

"""Files that were made to crash, to fill the memory or to run something, by name.

Every one must be refused in one line. Those that would run something try to make CANARY.
"""

from __future__ import annotations

from tests.checkpoints.formats.hostile.calls import bare_pickles, calls
from tests.checkpoints.formats.hostile.cases import CANARY, Hostile, one_file
from tests.checkpoints.formats.hostile.floods import floods
from tests.checkpoints.formats.hostile.headers import safetensors_files
from tests.checkpoints.formats.hostile.indexes import index_files, json_files
from tests.checkpoints.formats.hostile.numpy_arrays import array_files
from tests.checkpoints.formats.hostile.older import older_files
from tests.checkpoints.formats.hostile.pickles import bombs, damaged_pickles, tensors
from tests.checkpoints.formats.hostile.zips import archives

__all__ = ["CANARY", "Hostile", "corpus", "one_file"]


def corpus() -> dict[str, Hostile]:
    """Return all hostile files, in an order that does not change."""
    made = [
        *safetensors_files(), *calls(), *tensors(), *damaged_pickles(), *bombs(), *bare_pickles(),
        *archives(), *older_files(), *floods(), *array_files(), *json_files(), *index_files(),
    ]  # fmt: skip
    found = {case.name: case for case in made}
    assert len(found) == len(made), "two cases have the same name"
    return found

"""Small checkpoints in several files, to be broken by tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from fcinspect.checkpoints.opening import open_checkpoint
from fcinspect.checkpoints.records import Checkpoint

Tensors = Mapping[str, np.ndarray[Any, Any]]
RNG = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray[Any, Any]:
    """Return float32 numbers of a normal law."""
    return RNG.normal(size=shape).astype(np.float32)


def model() -> list[dict[str, np.ndarray[Any, Any]]]:
    """Return the tensors of three shards; weight and bias of fc1 lie in different ones."""
    return [
        {"fc1.weight": drawn(3, 4), "fc10.weight": drawn(2, 3), "fc10.bias": drawn(2)},
        {"fc1.bias": drawn(3), "norm.weight": drawn(3)},
        {"fc2.weight": drawn(3, 3), "fc2.bias": drawn(3)},
    ]


def pickled(tensors: Tensors) -> bytes:
    """Return a file of torch.save."""
    import io

    file = io.BytesIO()
    torch.save({name: torch.from_numpy(values) for name, values in tensors.items()}, file)
    return file.getvalue()


def arrays(tensors: Tensors) -> bytes:
    """Return an .npz file."""
    import io

    file = io.BytesIO()
    np.savez(file, **tensors)  # type: ignore[arg-type]  # names of arrays, not of options
    return file.getvalue()


@dataclass(frozen=True)
class Kind:
    """How shards and their index are named and written."""

    stem: str
    ending: str
    write: Callable[[Tensors], bytes]

    def shard(self, number: int, count: int = 3) -> str:
        """Return the name of a shard."""
        return f"{self.stem}-{number:05}-of-{count:05}.{self.ending}"

    @property
    def index(self) -> str:
        """The name of the index."""
        return f"{self.stem}.{self.ending}.index.json"


SAFETENSORS = Kind("model", "safetensors", lambda tensors: save(dict(tensors)))
TORCH = Kind("pytorch_model", "bin", pickled)


def files_of(kind: Kind, shards: list[dict[str, np.ndarray[Any, Any]]]) -> dict[str, bytes]:
    """Return the files of a sound sharded checkpoint."""
    count = len(shards)
    weight_map = {
        name: kind.shard(number + 1, count) for number, shard in enumerate(shards) for name in shard
    }
    total = sum(values.nbytes for shard in shards for values in shard.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    files = {kind.shard(n + 1, count): kind.write(shard) for n, shard in enumerate(shards)}
    return {**files, kind.index: json.dumps(index).encode()}


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def opened(name: object) -> Checkpoint:
    """Open a checkpoint as the command line does."""
    return open_checkpoint(str(name))

"""Scanning whole checkpoints, against a script that goes through them with torch."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.cases import Case
from tests.benchmarks.measure import fcinspect, python

NAIVE = """
import sys
import torch
from safetensors import safe_open
with safe_open(sys.argv[1], "pt") as file:
    for name in file.keys():
        w = file.get_tensor(name)
        print(
            name, w.min(), w.max(), w.mean(), w.std(), w.norm(), (w == 0).sum(), w.isnan().sum(),
            w.isinf().sum(), w.norm(dim=0).max(), w.norm(dim=1).max(), w.abs().sum(0).max(),
            w.abs().sum(1).max(), (w == 0).all(0).sum(), (w == 0).all(1).sum(),
        )
"""
"""Each number by a pass of its own; equal outputs are not looked for."""

GIGABYTE = 1 << 30
MOST_BYTES = 120_000_000


def _naive(file: str, most: float) -> Case:
    return Case(
        f"scan {file}",
        tuple(fcinspect("scan", file, "--json")),
        "the same numbers by a plain PyTorch script",
        (*python(NAIVE), file),
        most,
        MOST_BYTES,
        runs=3,
    )


SCAN_CASES = (
    _naive("float32.safetensors", 1 / 15),
    _naive("bfloat16.safetensors", 1 / 15),
    Case(
        "scan 90MB.safetensors",
        tuple(fcinspect("scan", "90MB.safetensors")),
        "`python -c 'import torch'`",
        tuple(python("import torch")),
        0.35,
        MOST_BYTES,
    ),
    Case(
        "scan 90MB.pt",
        tuple(fcinspect("scan", "90MB.pt")),
        "`python -c 'import torch'`",
        tuple(python("import torch")),
        0.35,
        MOST_BYTES,
    ),
)


def prepare(folder: Path) -> None:
    """Write a gigabyte of weights in float32 and in bfloat16, and a small model."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    for name in ("float32", "bfloat16"):
        dtype = getattr(torch, name)
        count = GIGABYTE // (4096 * 4096 * dtype.itemsize)
        weights = {f"fc{k}.weight": torch.randn(4096, 4096).to(dtype) for k in range(count)}
        save_file(weights, folder / f"{name}.safetensors")
    model = {}
    for k in range(6):  # the shapes of MiniLM-L6
        for part, shape in (
            *((f"attention.{part}", (384, 384)) for part in ("query", "key", "value", "output")),
            ("intermediate", (1536, 384)),
            ("output", (384, 1536)),
        ):
            model[f"encoder.layer.{k}.{part}.weight"] = torch.randn(shape)
            model[f"encoder.layer.{k}.{part}.bias"] = torch.randn(shape[0])
        model[f"encoder.layer.{k}.LayerNorm.weight"] = torch.ones(384)
    model["embeddings.word_embeddings.weight"] = torch.randn(30522, 384)
    save_file(model, folder / "90MB.safetensors")
    torch.save(model, folder / "90MB.pt")

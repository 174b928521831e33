"""Comparing whole checkpoints, against scripts that compare them with torch."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.cases import Case
from tests.benchmarks.measure import fcinspect, python

NAIVE = """
import sys
import torch
from safetensors.torch import load_file
a, b = map(load_file, sys.argv[1:])
print(sorted(a) == sorted(b), [name for name in a if not torch.equal(a[name], b[name])])
"""
NAIVE_PT = NAIVE.replace("from safetensors.torch import load_file", "load_file = torch.load")
NAIVE_CHANGED = """
import sys
import torch
from safetensors.torch import load_file
a, b = map(load_file, sys.argv[1:])
for name in a:
    x, y = a[name].float(), b[name].float()
    gap = y - x
    print(
        name, torch.equal(x, y), gap.abs().max(), gap.abs().argmax(), gap.norm() / x.norm(),
        (gap != 0).sum(), y.isnan().sum(), torch.equal(x.bfloat16(), y.bfloat16()),
    )
"""
"""What a script says of numbers that all changed a little: none of their structure."""

EQUAL = "both loaded by torch, `torch.equal` each"
MOST_BYTES = 120_000_000
LAYERS, ROWS, COLUMNS = 16, 4096, 1024


def _case(
    name: str, files: tuple[str, str], code: str, most: float, against: str, status: int = 0
) -> Case:
    return Case(
        f"diff of {name}",
        tuple(fcinspect("diff", *files)),
        against,
        (*python(code), *files),
        most,
        MOST_BYTES,
        status=status,
    )


DIFF_CASES = (
    _case("two equal 256 MiB .safetensors", ("a.safetensors", "b.safetensors"), NAIVE, 0.35, EQUAL),
    _case("two equal 256 MiB .pt", ("a.pt", "b.pt"), NAIVE_PT, 0.35, EQUAL),
    _case(
        "two tuned 64 MiB .safetensors", ("small.safetensors", "tuned.safetensors"),
        NAIVE_CHANGED, 0.9, "eight plain torch reductions a layer", status=1,
    ),
)  # fmt: skip


def prepare(folder: Path) -> None:
    """Write the checkpoints that are compared."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    tensors = {f"layers.{k}.weight": torch.randn(ROWS, COLUMNS) for k in range(LAYERS)}
    for name in ("a", "b"):
        save_file(tensors, folder / f"{name}.safetensors")
        torch.save(tensors, folder / f"{name}.pt")
    small = dict(list(tensors.items())[:4])
    save_file(small, folder / "small.safetensors")
    tuned = {name: tensor + 1e-3 * torch.randn_like(tensor) for name, tensor in small.items()}
    save_file(tuned, folder / "tuned.safetensors")

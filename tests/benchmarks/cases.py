"""What is measured, against what, and how much it may cost."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks.measure import PYTHON, Comparison, compare, fcinspect, python

PLAIN_STEP = """
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
x, target = torch.randn(3), torch.randn(2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loss = nn.functional.mse_loss(model(x), target)
loss.backward()
optimizer.step()
print(model(x))
"""


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    command: tuple[str, ...]
    against: str
    """The yardstick in words."""
    yardstick: tuple[str, ...]
    most: float
    """The ratio that must not be exceeded."""
    most_bytes: int | None = None
    """The peak memory that must not be exceeded."""
    environment: tuple[tuple[str, str], ...] = ()
    status: int = 0
    """The exit status that the command must end with."""
    runs: int = 9
    """Pairs of runs."""
    most_seconds: float | None = None
    """What it may take beyond its yardstick."""

    def measure(self, folder: Path) -> Comparison:
        """Measure the case in a folder made by `prepare`."""
        saved = dict(os.environ)
        os.environ.update(self.environment)
        try:
            return compare(self.command, self.yardstick, folder, self.runs, self.status)
        finally:
            os.environ.clear()
            os.environ.update(saved)


def _case(
    name: str,
    command: list[str],
    code: str,
    most: float,
    most_bytes: int | None = None,
    against: str | None = None,
    environment: tuple[tuple[str, str], ...] = (),
    status: int = 0,
) -> Case:
    words = against or f"python -c {code!r}"
    return Case(
        name, tuple(command), words, tuple(python(code)), most, most_bytes, environment, status
    )


TAB = (
    ("_FCINSPECT_COMPLETE", "complete_bash"),
    ("COMP_WORDS", "fcinspect ex"),
    ("COMP_CWORD", "1"),
)

MESSAGE = "mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)"
EXAMPLES = (
    ("MLP", "4,3"),
    ("CNN", "4,3,32,32"),
    ("RNN", "4,28,28"),
    ("Regression", "4,10"),
    ("classifier", "4,20"),
)

CASES = (
    _case("--help", fcinspect("--help"), "import typer", 2.5),
    _case("a TAB", fcinspect(), "import typer", 2.5, environment=TAB),
    _case("shapes 3-5-4-2", fcinspect("shapes", "3-5-4-2"), "import typer", 2.5),
    _case(
        "explain --in 4 --out 2 --seed 0",
        fcinspect("explain", "--in", "4", "--out", "2", "--seed", "0"),
        "import torch",
        1.15,
    ),
    _case(
        'diagnose "mat1 and mat2 shapes …"',
        fcinspect("diagnose", MESSAGE),
        "import typer",
        2.5,
        status=1,
    ),
    Case(
        "run empty.py",
        tuple(fcinspect("run", "empty.py")),
        "python empty.py",
        (PYTHON, "empty.py"),
        2.5,
        runs=31,
        most_seconds=0.030,
    ),
    Case(
        "run imports.py, which imports torch",
        tuple(fcinspect("run", "imports.py")),
        "python imports.py",
        (PYTHON, "imports.py"),
        1.15,
    ),
    *(
        _case(
            f"trace fcinspect.examples:{name}",
            fcinspect("trace", f"fcinspect.examples:{name}", "--input", shape),
            "import torch",
            1.5,
        )
        for name, shape in EXAMPLES
    ),
    _case("step 3-5-4-2", fcinspect("step", "3-5-4-2"), "import torch", 1.25),
    _case(
        "step 3-5-4-2",
        fcinspect("step", "3-5-4-2"),
        PLAIN_STEP,
        1.1,
        against="the same step as a plain PyTorch script",
    ),
    _case(
        "verify layer --in 4 --out 2",
        fcinspect("verify", "layer", "--in", "4", "--out", "2"),
        "import torch",
        1.5,
    ),
    _case(
        "explain 4096.safetensors --element 5,17",
        fcinspect("explain", "4096.safetensors", "--batch", "8", "--element", "5,17"),
        "import numpy",
        3.0,
        120 * 2**20,
    ),
)


def prepare(folder: Path) -> None:
    """Write the 4096×4096 layer that is read, and the programs that are run."""
    from safetensors.numpy import save_file

    weight = np.random.default_rng(0).standard_normal((4096, 4096)).astype(np.float32)
    save_file({"weight": weight, "bias": weight[0].copy()}, folder / "4096.safetensors")
    (folder / "empty.py").write_text("", encoding="utf-8")
    (folder / "imports.py").write_text("import torch\n", encoding="utf-8")

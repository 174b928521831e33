"""The process that traces, from the side that has no torch."""

from __future__ import annotations

from pathlib import Path

from fcinspect.bridge.tracing import Tracing
from fcinspect.shapes.steps import Tensor


def test_a_module_that_is_too_large_is_not_run(tmp_path: Path) -> None:
    """Its shapes are traced without memory; what needs its numbers is said to be open."""
    (tmp_path / "huge.py").write_text(
        "from torch import nn\n\n\ndef make():\n    return nn.Linear(3_000_000, 3_000_000)\n",
        encoding="utf-8",
    )
    tracing = Tracing(f"{tmp_path / 'huge.py'}:make", {}, 60.0)
    try:
        run = tracing.trace([Tensor((4, 3_000_000), "")])
        seen = tracing.observe(run, training=False)
    finally:
        tracing.close()
    assert (run.device, run.failure) == ("meta", None)
    assert seen.not_exercised == (
        "everything that needs numbers: the module does not fit in this machine's memory",
    )
    assert seen.checked == ()

"""Changed source, of the reader's own files and of installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from fcinspect.bridge.tracing import Tracing
from fcinspect.errors import InputError
from fcinspect.shapes.steps import Tensor

pytestmark = pytest.mark.usefixtures("prepared")

NET = """from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(x)
"""
MENDED = NET.replace("nn.Linear(8, 2)", "nn.Linear(6, 2)")
INPUT = (Tensor((4, 6), ""),)


@pytest.fixture(params=["own", "site-packages", "re-exported", "held by an instance"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Path]:
    """A name of the module, and the file that it stands in."""
    folder = tmp_path if request.param == "own" else tmp_path / "lib" / "site-packages"
    package = folder / "planted_package"
    package.mkdir(parents=True)
    file = package / "model.py"
    file.write_text(NET, encoding="utf-8")
    face = {
        "re-exported": "from planted_package.model import Net\n",
        "held by an instance": "from planted_package import model\nready = model.Net()\n",
    }.get(request.param, "")
    (package / "__init__.py").write_text(face, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    name = {"re-exported": "planted_package:Net", "held by an instance": "planted_package:ready"}
    return name.get(request.param, "planted_package.model:Net"), file


@pytest.mark.sampled(2)
def test_a_change_is_tried_wherever_the_file_lies(place: tuple[str, Path]) -> None:
    """The module runs with the change, and later without it stops as before."""
    name, file = place
    tracing = Tracing(name, {}, 60.0)
    try:
        before = tracing.trace(INPUT)
        mended = tracing.trace_edited({str(file): MENDED}, INPUT)
        again = tracing.trace_edited({str(file): NET}, INPUT)
        seen = tracing.observe(mended, False, texts={str(file): MENDED})
    finally:
        tracing.close()
    assert before.failure is not None
    assert mended.failure is None
    assert mended.outputs[0].shape == (4, 2)
    assert again.failure is not None
    assert seen.checked


def test_a_run_that_did_not_load_the_change_is_no_trial(tmp_path: Path) -> None:
    """It is refused instead of being told as the result of the change."""
    file, other = tmp_path / "planted_net.py", tmp_path / "planted_other.py"
    file.write_text(NET, encoding="utf-8")
    other.write_text("A = 1\n", encoding="utf-8")
    tracing = Tracing(f"{file}:Net", {}, 60.0)
    try:
        tracing.trace(INPUT)
        with pytest.raises(InputError, match=r"planted_other\.py was not imported with its change"):
            tracing.trace_edited({str(other): "A = 2\n"}, INPUT)
    finally:
        tracing.close()

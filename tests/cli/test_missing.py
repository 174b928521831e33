"""Libraries that are missing or broken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import Run

WITH_TORCH = [
    ("explain", "--in", "4", "--out", "2"),
    ("create", "--in", "4", "--out", "2"),
    ("step", "3-2"),
    ("verify", "layer", "--in", "4", "--out", "2"),
    ("verify", "implementation", "fcinspect.examples:MLP"),
    ("verify", "optimizer", "torch", "--like", "sgd"),
    ("trace", "fcinspect.examples:CNN", "--input", "4,3,32,32"),
    ("diagnose", "fcinspect.examples:CNN", "--input", "4,3,28,28"),
    ("draw", "3-2", "--seed", "0"),
    ("worksheet", "2-2"),
]


@pytest.fixture
def without_torch(shell: Run, tmp_path: Path) -> Run:
    """Run fcinspect in a process in which no torch is found."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n\n\nclass Absent:\n"
        "    @staticmethod\n    def find_spec(name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n\n\n"
        "sys.meta_path.insert(0, Absent)\n",
        encoding="utf-8",
    )
    return lambda *arguments: shell(*arguments, PYTHONPATH=str(tmp_path))


@pytest.mark.parametrize("arguments", WITH_TORCH, ids=" ".join)
def test_a_missing_torch_is_named(arguments: tuple[str, ...], without_torch: Run) -> None:
    """In one line that says how to get it and what works without; it is no internal error."""
    result = without_torch(*arguments)
    assert result.status == 3
    last = result.err.splitlines()[-1]
    assert last.startswith("fcinspect: torch is not installed in the environment that runs")
    assert "pip install torch" in last
    assert "Traceback" not in result.err


WITHOUT_TORCH = [
    ("shapes", "3-2"),
    ("diagnose", "mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)"),
    ("draw", "3-2"),
]


@pytest.mark.parametrize("arguments", WITHOUT_TORCH, ids=" ".join)
def test_what_needs_no_torch_works_without(arguments: tuple[str, ...], without_torch: Run) -> None:
    """As the refusal says."""
    result = without_torch(*arguments)
    assert result.status in (0, 1)
    assert result.err == ""


def test_a_broken_library_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason stands in the line."""
    broken = ImportError("libtorch_cpu.so: cannot open shared object file", name="torch._C")

    class Broken:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == "fcinspect.bridge.worksheet":
                raise broken

    monkeypatch.delitem(sys.modules, "fcinspect.bridge.worksheet", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    result = run("worksheet", "2-2")
    assert result.status == 3
    assert "the installed torch cannot be imported: libtorch_cpu.so: cannot open" in result.err


def test_a_module_of_fcinspect_that_is_missing_is_a_defect(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not blamed on the environment."""
    monkeypatch.setitem(sys.modules, "fcinspect.bridge.worksheet", None)
    assert run("worksheet", "2-2").status == 70

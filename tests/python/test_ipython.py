"""%load_ext fcinspect: below each failing cell, in IPython and in a notebook."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.python.programs import CAUSE, NET, WRITTEN

pytest.importorskip("IPython", reason="needs IPython")
LINE = "Cell In[2]:8"
"""Where the planted fault stands in the cells."""
CELLS = ["%load_ext fcinspect", NET, "net = Net()\nnet(torch.zeros(4, 8))", "1 / 0", "print('on')"]


@pytest.fixture
def session(tmp_path: Path) -> Any:
    """Return a function that runs cells in an IPython of its own, and gives its output."""

    def called(cells: list[str], *, extension: bool = True) -> str:
        script = tmp_path / "session.py"
        script.write_text(
            "import sys\nfrom IPython.testing.globalipapp import start_ipython\n"
            "from IPython.terminal.interactiveshell import TerminalInteractiveShell\n"
            "shell = TerminalInteractiveShell.instance(colors='nocolor')\n"
            f"for cell in {cells!r}:\n    shell.run_cell(cell, store_history=True)\n",
            encoding="utf-8",
        )
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, encoding="utf-8", check=False,
            cwd=tmp_path, env={**os.environ, "IPYTHONDIR": str(tmp_path), "COLUMNS": "80"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return called


def test_a_planted_fault_is_found_in_its_cell(session: Any) -> None:
    """Below the traceback, which is as it would be; nothing below another error."""
    shown = session(CELLS)
    without = session(CELLS[1:])
    above, _, below = shown.partition("\nDiagnosis by fcinspect\n")
    assert above.count("RuntimeError") == without.count("RuntimeError")
    assert f"1. {CAUSE}" in below
    assert f"\n   {LINE}\n" in below
    assert f"+ {WRITTEN}" in below
    assert shown.count("Diagnosis by fcinspect") == 1
    assert shown.endswith("on\n")
    added = below[: below.index("-" * 70)]
    numbers = str.maketrans("123456", "012345")
    assert above.translate(numbers) + below[len(added) :].translate(numbers).lstrip("\n")
    assert re.sub(r"In\[\d\]", "", above.rstrip("\n")) in re.sub(r"In\[\d\]", "", without)


def test_it_can_be_unloaded(session: Any) -> None:
    """And then shows nothing."""
    cells = [CELLS[0], "%unload_ext fcinspect", NET, CELLS[2]]
    assert "Diagnosis by fcinspect" not in session(cells)
    again = [*cells[:2], "%reload_ext fcinspect", NET, CELLS[2]]
    assert session(again).count("Diagnosis by fcinspect") == 1


def test_diagnose_in_a_cell(session: Any) -> None:
    """fcinspect.diagnose() shows the last error."""
    shown = session([NET, CELLS[2], "import fcinspect; fcinspect.diagnose()"])
    assert f"1. {CAUSE}" in shown
    assert "Cell In[1]:8" in shown


def test_a_failure_of_ours_is_silent(session: Any) -> None:
    """The cell's own error is all that is shown."""
    broken = "import sys; sys.modules['fcinspect.reports'] = None"
    shown = session([CELLS[0], broken, NET, CELLS[2], "print('on')"])
    assert "Error in callback" not in shown
    assert "Diagnosis by fcinspect" not in shown
    assert shown.endswith("on\n")


def test_a_notebook_shows_it_as_html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the error that Jupyter keeps, in a real kernel."""
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat")
    pytest.importorskip("ipykernel", reason="needs ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "data" / "kernels" / "own"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    words = ", ".join(f'"{word}"' for word in command)
    (folder / "kernel.json").write_text(
        f'{{"argv": [{words}], "display_name": "own", "language": "python"}}', encoding="utf-8"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = nbclient.NotebookClient(book, kernel_name="own", timeout=120, allow_errors=True)
    client.execute(cwd=str(tmp_path))
    error, shown = book.cells[2].outputs
    assert (error.output_type, error.ename) == ("error", "RuntimeError")
    assert shown.output_type == "display_data"
    html = shown.data["text/html"]
    assert CAUSE in html
    assert LINE in html
    assert f"+ {WRITTEN}" in html
    assert CAUSE in shown.data["text/plain"]
    assert [output.output_type for output in book.cells[3].outputs] == ["error"]

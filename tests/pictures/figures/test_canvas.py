from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = "text.usetex: True\nbackend: nonsense\nfont.size: 30\naxes.facecolor: blue\n"
DRAWN = """
import sys
from fcinspect.cli import run
sys.exit(run(["draw", "3-4-2", "--save", sys.argv[1], "--force", "-q"]))
"""


def drawn(file: Path, **environment: str) -> bytes:
    """Return a figure that is drawn in the folder of that file."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", DRAWN, str(file)],
        capture_output=True,
        encoding="utf-8",
        cwd=file.parent,
        env={**os.environ, **environment},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return file.read_bytes()


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
@pytest.mark.sampled(3)
def test_a_figure_obeys_no_settings_of_the_reader(tmp_path: Path, ending: str) -> None:
    """Neither of the working folder nor of the environment: with usetex LaTeX would be started."""
    plain, own = tmp_path / "plain", tmp_path / "own"
    plain.mkdir()
    own.mkdir()
    (own / "matplotlibrc").write_text(SETTINGS, encoding="utf-8")
    expected = drawn(plain / f"a.{ending}")
    asked = {"MATPLOTLIBRC": str(own), "MPLCONFIGDIR": str(own), "MPLBACKEND": "nonsense"}
    assert drawn(own / f"a.{ending}", **asked) == expected
    assert drawn(plain / f"a.{ending}", **asked) == expected


def test_settings_that_cannot_be_read_are_not_read(tmp_path: Path) -> None:
    """They would stop matplotlib's import."""
    (tmp_path / "matplotlibrc").write_bytes(bytes(range(128, 256)) * 10)
    assert drawn(tmp_path / "a.png")

"""Whatever the size of the files, the memory stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WIDTH = 4096
SIDE = 4 * WIDTH
"""Two files of 256 MiB without a byte on the disk."""
MOST_BYTES = 100_000_000
PROBE = """
import re, sys
from pathlib import Path
from fcinspect.cli import run
status = run(sys.argv[1:])
# ru_maxrss would begin with the size of the process that started this one
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(int(status), int(peak) * 1024)
"""


def sparse(path: Path, last: bytes) -> None:
    """Write a .safetensors file of one large weight of zeros that ends with `last`."""
    size = WIDTH * SIDE * 4
    header = {"fc.weight": {"dtype": "F32", "shape": [SIDE, WIDTH], "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.seek(8 + len(text) + size - len(last))
        file.write(last)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: sparse files and /proc")
@pytest.mark.parametrize(("last", "status"), [(bytes(4), 0), (b"\0\0\x80?", 1)])
def test_files_larger_than_the_memory_allowed_are_compared(
    tmp_path: Path, last: bytes, status: int
) -> None:
    """Equal ones, and two that differ in their very last number."""
    sparse(tmp_path / "a.safetensors", bytes(4))
    sparse(tmp_path / "b.safetensors", last)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "diff", "a.safetensors", "b.safetensors"],
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        check=True,
    )
    found, peak = map(int, done.stdout.splitlines()[-1].split())
    assert found == status
    assert peak <= MOST_BYTES
    if status:
        assert f"at W[{SIDE - 1},{WIDTH - 1}]: 0 → 1" in done.stdout

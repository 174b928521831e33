"""The reader's own line is found in whatever form a traceback is printed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Diagnosis
from fcinspect.diagnosis.unwrapping import unwrapped
from tests.diagnosis import pasted

PRODUCT = "mat1 and mat2 shapes cannot be multiplied (4x1568 and 2048x128)"
PYTHON = f"""Traceback (most recent call last):
  File "/home/me/train.py", line 41, in <module>
    main()
  File "/home/me/net.py", line 16, in forward
    y = self.fc1(x)
        ^^^^^^^^^^^
  File "/x/lib/python3.11/site-packages/torch/nn/modules/linear.py", line 134, in forward
    return F.linear(input, self.weight, self.bias)
RuntimeError: {PRODUCT}
"""
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2048, 128)

    def forward(self, x):
        x = torch.flatten(x, 1)
        y = self.fc1(x)
        return y

def test_net():
    net = Net()
    assert net(torch.zeros(4, 32, 7, 7)) is not None
"""
OWN_LINE = 12


def first_of(text: str) -> Facts:
    """Return what is looked at first, which must be that error, and give the line to write."""
    first = read(text)[0]
    assert (first.error, first.message) == ("RuntimeError", PRODUCT)
    assert first.passed_through("modules/linear.py")
    assert first.own_frame is not None
    assert first.own_frame.code == "y = self.fc1(x)"
    found = diagnose(text)
    assert isinstance(found, Diagnosis)
    assert found.message == PRODUCT
    assert found.likely[0].code == "self.fc1 = nn.Linear(1568, 128)"
    return first


@pytest.mark.parametrize("name", ["IPYTHON_7", "IPYTHON_8", "IPYTHON_9", "COLOURED"])
def test_a_notebook_that_calls_a_file(name: str) -> None:
    """Headings and arrows of IPython 7, 8 and 9, plain and in colours."""
    frame = first_of(getattr(pasted, name)).own_frame
    assert frame is not None
    assert (frame.file, frame.line, frame.function) == ("~/my project/net.py", 16, "forward")


@pytest.mark.parametrize("file", list(pasted.CELLS))
def test_a_notebook_whose_cell_is_the_own_code(file: str) -> None:
    """A cell is the reader's own code, whatever it is called."""
    frame = first_of(pasted.CELLS[file]).own_frame
    assert frame is not None
    assert (frame.file, frame.line) == (file, 16)


FORMS = ("long", "short", "native", "auto")
COLORS = ("no", "yes")
RUNS = f"""
import contextlib, itertools, json, io, pytest
printed = []
for form, color in itertools.product({FORMS}, {COLORS}):
    options = [f"--tb={{form}}", f"--color={{color}}", "--rootdir=.", "test_net.py"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = pytest.main(["-p", "no:cacheprovider", "-p", "no:xdist", *options])
    printed.append((form, color, int(status), out.getvalue()))
print(json.dumps(printed))
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Return what pytest prints of the failing test in each form, in one process of its own."""
    folder = tmp_path_factory.mktemp("printed")
    (folder / "test_net.py").write_text(NET, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RUNS], cwd=folder, capture_output=True, encoding="utf-8", check=True
    )
    runs = json.loads(done.stdout)
    assert {status for _, _, status, _ in runs} == {1}
    return {(form, color): text for form, color, _, text in runs}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("color", COLORS)
def test_a_failure_that_pytest_prints(
    form: str, color: str, printed: dict[tuple[str, str], str]
) -> None:
    """All its forms but those that leave the own line out; they are made by pytest itself."""
    text = printed[form, color]
    assert ("\x1b[" in text) == (color == "yes")
    frame = first_of(text).own_frame
    assert frame is not None
    assert (Path(frame.file).name, frame.line, frame.function) == (
        "test_net.py",
        OWN_LINE,
        "forward",
    )


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_box_of_rich(width: int, tmp_path: Path) -> None:
    """Its edges are taken off, and places and messages that it broke are whole again."""
    from rich.console import Console
    from rich.traceback import Traceback

    folder = tmp_path / ("long_name_of_a_folder_" * 3)
    folder.mkdir()
    file = folder / "net.py"
    file.write_text(NET, encoding="utf-8")
    space: dict[str, object] = {}
    exec(compile(NET, str(file), "exec"), space)
    printed = Console(file=io.StringIO(), width=width, color_system=None)
    make = space["test_net"]
    assert callable(make)
    try:
        make()
    except RuntimeError:
        printed.print(Traceback(width=width))
    assert isinstance(printed.file, io.StringIO)
    frame = first_of(f"epoch 1\n{printed.file.getvalue()}INFO done\n").own_frame
    assert frame is not None
    assert (frame.file, frame.line) == (str(file), OWN_LINE)


@pytest.mark.parametrize("width", [41, 60, 97])
def test_a_box_that_breaks_a_place_anywhere(width: int) -> None:
    """Wherever it is full: before `in`, after it, in the path; a blank is not lost, nor made."""
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    for length in range(1, 2 * width):
        place = f"/{'ab_1' * length}"[: length + 1] + "/net.py:1778 in _wrapped_call"
        printed = Console(file=io.StringIO(), width=width, color_system=None)
        printed.print(Panel(Text(f"{place}\n\n❱ 1778 │   return f(x)\n"), width=width))
        assert isinstance(printed.file, io.StringIO)
        assert f"\n{place}\n" in unwrapped(printed.file.getvalue())


@pytest.mark.parametrize(
    "prefix",
    [
        "2026-11-24 10:00:0{n},123 ERROR ",
        "[2026-11-24 10:00:0{n}] [train.py:12] ERROR - ",
        "2026-11-24T10:00:0{n}.1234567Z ",
        "[default0]:",
        "[rank3]: ",
        "(RayTrainWorker pid=123, ip=10.0.0.1) ",
        "trainer-1  | ",
        "trainer-1  | [rank0]: ",
        "[1,0]<stderr>:",
        "3: ",
        "    ",
        "> ",
    ],
)
def test_every_line_has_a_prefix(prefix: str) -> None:
    """Of a logger, a launcher, a container, or a quotation; times differ from line to line."""
    lines = PYTHON.splitlines()
    text = "\n".join(prefix.format(n=n) + line for n, line in enumerate(lines))
    frame = first_of(f"{text}\n{prefix.format(n=9)}INFO done\n").own_frame
    assert frame is not None
    assert (frame.file, frame.line) == ("/home/me/net.py", 16)


@pytest.mark.parametrize(
    "before", ["2026-11-24 10:00:00,123 ERROR ", "100%|██| 3/3 [00:00<00:00]", "  50%\r100%\r"]
)
def test_only_the_first_line_has_something_before_it(before: str) -> None:
    """A logger's time, or the bar of a progress that was cut off."""
    first_of(before + PYTHON)


def test_a_notebook_in_a_container() -> None:
    """Prefixes are taken off other forms of a traceback too."""
    lines = pasted.IPYTHON_9.splitlines()
    first_of("\n".join(f"jupyter-1  | {line}" for line in lines))


def test_an_error_without_its_head() -> None:
    """People leave the first lines of a traceback out."""
    first_of(PYTHON.partition("main()\n")[2])


def test_the_library_of_windows_is_no_own_code() -> None:
    """Python's own files lie in another place there."""
    text = PYTHON.replace(
        'File "/x/lib/python3.11/site-packages/torch/nn/modules/linear.py"',
        r'File "C:\Users\me\anaconda3\lib\site-packages\torch\nn\modules\linear.py"',
    ).replace(
        "RuntimeError:",
        textwrap.indent(
            'File "C:\\Python311\\Lib\\threading.py", line 9, in run\n  self._target()\n', "  "
        )
        + "RuntimeError:",
    )
    first_of(text)


@pytest.mark.parametrize(
    ("further", "kept"),
    [
        ("INFO epoch 3 done", False),
        ("2026-11-24 10:00:00,123 INFO saved", False),
        ("Epoch 3: 100%|███| 9/9", False),
        ("loss: 0.3", False),
        ("$ python train.py", False),
        ("wandb: Waiting for W&B process to finish", False),
        ('\tMissing key(s) in state_dict: "fc.weight". ', True),
        ("CUDA kernel errors might be asynchronously reported at some other API call", True),
        ("For debugging consider passing CUDA_LAUNCH_BLOCKING=1", True),
        ("Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.", True),
        ("Exception raised from check at ../aten/src/ATen/x.cpp:12", True),
    ],
)
def test_which_lines_go_on_with_a_message(further: str, kept: bool) -> None:
    """The next line of a log is no part of it; the further lines that torch writes are."""
    for text in (f"RuntimeError: {PRODUCT}\n{further}\n", PYTHON + further + "\n"):
        said = read(text)[0].message
        assert said == (f"{PRODUCT}\n{further.rstrip()}" if kept else PRODUCT)
        found = diagnose(text)
        assert isinstance(found, Diagnosis)
        assert (found.message == PRODUCT) is not kept


def test_a_long_message_stays_whole() -> None:
    """load_state_dict lists a key a line."""
    keys = "".join(
        f"\n\tsize mismatch for fc{n}.weight: copying a param with shape torch.Size([5, 3]) from"
        " checkpoint, the shape in current model is torch.Size([5, 4])."
        for n in range(50)
    )
    text = f"RuntimeError: Error(s) in loading state_dict for Net:{keys}\nINFO done\n"
    assert read(text)[0].message.count("size mismatch") == 50
    found = diagnose(text)
    assert isinstance(found, Diagnosis)
    assert "50 keys with a different shape" in found.happened
    assert "INFO" not in found.message


@pytest.mark.parametrize(
    "line",
    [
        "Exception: boom",
        "torch._dynamo.exc.Unsupported: boom",
        "zlib.error: boom",
        "AssertionError",
    ],
)
def test_an_error_of_any_name_ends_a_traceback(line: str) -> None:
    """Its name need not end with Error, nor need it say anything."""
    first = read(PYTHON.replace(f"RuntimeError: {PRODUCT}", line))[0]
    name, _, said = line.partition(": ")
    assert (first.error, first.message) == (name.rpartition(".")[2], said)

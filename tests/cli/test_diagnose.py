"""fcinspect diagnose, as a person calls it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from fcinspect.bridge.loading import split
from fcinspect.cli.diagnose import is_code
from tests.conftest import Run
from tests.diagnosis.broken_modules import BROKEN

pytestmark = pytest.mark.usefixtures("prepared")

SHAPES = "mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)"
TRACEBACK = f"""Some log line
Traceback (most recent call last):
  File "/home/me/train.py", line 41, in <module>
    main()
  File "/home/me/train.py", line 30, in main
    out = net(x)
  File "/usr/lib/python3/site-packages/torch/nn/modules/module.py", line 1553, in _call_impl
    return forward_call(*args, **kwargs)
  File "/home/me/net.py", line 17, in forward
    h = self.fc1(features)
        ^^^^^^^^^^^^^^^^^^
  File "/usr/lib/python3/site-packages/torch/nn/modules/linear.py", line 117, in forward
    return F.linear(input, self.weight, self.bias)
RuntimeError: {SHAPES}
"""


def test_a_single_line_gives_causes_evidence_and_the_line(run: Run) -> None:
    """What happened, why with the numbers put in, and code to paste; exit status 1."""
    result = run("diagnose", SHAPES)
    assert result.status == 1
    assert result.out.splitlines()[0] == SHAPES
    assert "1,568 = 32·7·7 and 2,048 = 32·8·8" in " ".join(result.out.split())
    assert "nn.Linear(1568, 128)" in result.out


@pytest.mark.parametrize(
    "text",
    [
        f"RuntimeError: {SHAPES}",
        f"'{SHAPES}'",
        "size mismatch, m1: [64 x 1568], m2: [2048 x 128] at /pytorch/aten/src/TH/THMath.cpp:136",
        "linear(): input and weight.T shapes cannot be multiplied (64x1568 and 2048x128)",
        "a and b must have same reduction dim, but got [64, 1568] X [2048, 128].",
        f"\x1b[31mE   RuntimeError: {SHAPES}\x1b[0m",
        f"[rank0]: RuntimeError: {SHAPES}",
        f"> RuntimeError: {SHAPES}\n>\n> How can I mend this?\n",
    ],
)
def test_wordings_and_wrappings_of_one_message(run: Run, text: str) -> None:
    """Older wordings, other devices, pytest's and torchrun's prefixes and colours are the same."""
    result = run("diagnose", text, "--json")
    assert (result.data["kind"], result.data["likely"][0]["name"]) == ("product", "in-features")


def test_a_traceback_on_stdin_gives_the_readers_own_names(run: Run) -> None:
    """The line to write is in the names of the innermost line of the reader's own code."""
    result = run("diagnose", "-", "--json", stdin=TRACEBACK)
    assert result.status == 1
    assert result.data["likely"][0]["code"] == "self.fc1 = nn.Linear(1568, 128)"


MODEL = """import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2048, 128)

    def forward(self, x):
        features = torch.flatten(x, 1)
        h = self.fc1(features)
        return h
"""


def test_a_traceback_whose_file_lies_there_gives_its_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place below the working folder, the constructor as a diff, and `changes` in JSON."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mypkg"
    folder.mkdir()
    file = folder / "model.py"
    text = TRACEBACK.replace('/home/me/net.py", line 17', f'{file}", line 12')
    without = run("diagnose", "-", stdin=text)
    assert "\nat mypkg/model.py:12, in forward\n  h = self.fc1(features)\n" in without.out
    assert "diff" not in without.out
    file.write_text(MODEL, encoding="utf-8")
    page = run("diagnose", "-", stdin=text).out
    assert (
        "   mypkg/model.py:8\n     - self.fc1 = nn.Linear(2048, 128)\n"
        "     + self.fc1 = nn.Linear(1568, 128)\n"
    ) in page
    found = run("diagnose", "-", "--json", stdin=text)
    assert found.data["place"] == {"file": str(file), "line": 12}
    assert found.data["likely"][0]["changes"] == [
        {
            "file": str(file),
            "line": 8,
            "before": "        self.fc1 = nn.Linear(2048, 128)",
            "after": "        self.fc1 = nn.Linear(1568, 128)",
        }
    ]
    assert found.data["likely"][0]["trial"] is None
    (note,) = found.document["warnings"]
    assert "the source was only read" in note
    file.write_text(MODEL.replace("features)", "features )"), encoding="utf-8")
    other = run("diagnose", "-", "--json", stdin=text)
    assert other.data["likely"][0]["changes"] == []
    (note,) = other.document["warnings"]
    assert "line 12 of model.py no longer reads 'h = self.fc1(features)'" in note


def test_nothing_of_a_file_in_a_traceback_is_run(run: Run, tmp_path: Path) -> None:
    """It is only read."""
    file = tmp_path / "model.py"
    ran = tmp_path / "ran"
    file.write_text(f"{MODEL}open({str(ran)!r}, 'w')\n", encoding="utf-8")
    text = TRACEBACK.replace('/home/me/net.py", line 17', f'{file}", line 12')
    assert "- self.fc1 = nn.Linear(2048, 128)" in run("diagnose", "-", stdin=text).out
    assert not ran.exists()


def test_the_last_error_of_a_log_counts(run: Run) -> None:
    """Of two tracebacks the later is diagnosed."""
    other = TRACEBACK.replace(
        SHAPES, "mat1 and mat2 must have the same dtype, but got Double and Float"
    )
    assert run("diagnose", "-", "--json", stdin=other + TRACEBACK).data["kind"] == "product"
    assert run("diagnose", "-", "--json", stdin=TRACEBACK + other).data["kind"] == "dtype"


KEY = """Traceback (most recent call last):
  File "/home/me/train.py", line 50, in main
    lr = config["lr"]
KeyError: 'lr'
"""
CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
HANDLING = "\nDuring handling of the above exception, another exception occurred:\n\n"
FAILED = """Traceback (most recent call last):
  File "/x/lib/python3.11/site-packages/torch/distributed/run.py", line 9, in main
    run(args)
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TRACEBACK + KEY, "the diagnosed error is an earlier one"),
        (TRACEBACK + KEY + FAILED, "the diagnosed error is an earlier one"),
        (f"RuntimeError: {SHAPES}\nKeyError: 'lr'\n", "the diagnosed error is an earlier one"),
        (TRACEBACK + CAUSED + KEY, "the diagnosed error led to it, or was being handled"),
        (TRACEBACK + HANDLING + KEY, "the diagnosed error led to it, or was being handled"),
        (f"{SHAPES}, I read\n{KEY}", "the diagnosed message is elsewhere in the text"),
    ],
)
def test_a_last_error_that_is_not_recognised_is_told(run: Run, text: str, said: str) -> None:
    """Whoever pastes a log asks about its end: the diagnosis says that it is of another error."""
    found = run("diagnose", "-", "--json", stdin=text)
    assert found.data["kind"] == "product"
    (note,) = found.document["warnings"]
    assert note.startswith(f"the last error is \"KeyError: 'lr'\", which is not recognized; {said}")
    page = " ".join(run("diagnose", "-", stdin=text).out.split())
    assert f"note: {note}" in page


@pytest.mark.parametrize(
    "text",
    [TRACEBACK, KEY + TRACEBACK, KEY + HANDLING + TRACEBACK, TRACEBACK + FAILED, SHAPES],
    ids=["alone", "earlier", "in a chain", "of a launcher", "a message"],
)
def test_nothing_is_told_of_an_error_that_is_recognised_last(run: Run, text: str) -> None:
    """Nor of a launcher's error, which only tells that a process failed."""
    assert run("diagnose", "-", "--json", stdin=text).document["warnings"] == []


def test_the_broadcast_of_a_loss_is_shown(run: Run) -> None:
    """A warning is read like an error: the N×N that would be formed is named."""
    text = (
        "loss.py:3: UserWarning: Using a target size (torch.Size([8])) that is different to the"
        " input size (torch.Size([8, 1])). This will likely lead to incorrect results due to"
        " broadcasting. Please ensure they have the same size.\n  return F.mse_loss(a, b)\n"
    )
    page = run("diagnose", "-", stdin=text).out
    assert "64" in page
    assert "(8, 8)" in page


@pytest.mark.parametrize("text", ["hello (3, 4) and 5x6", "KeyError: 'x'", "Traceback"])
def test_an_unknown_text_is_not_recognised(run: Run, text: str) -> None:
    """Exit status 2 and nothing on stdout; shapes that could be read are told."""
    result = run("diagnose", text)
    assert (result.status, result.out) == (2, "")
    assert "not recognized" in result.err
    assert ("(3, 4), 5x6" in result.err) == ("5x6" in text)


def test_nothing_to_read_and_files_are_refused_with_a_hint(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty text, and a file named in place of a text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.txt").write_text(TRACEBACK, encoding="utf-8")
    assert "there is no text" in run("diagnose", "").err
    assert "there is no text" in run("diagnose", "-", stdin=" \n").err
    assert "fcinspect diagnose - < log.txt" in run("diagnose", "log.txt").err
    refused = run("diagnose", SHAPES, "--input", "4,3")
    assert refused.status == 2
    assert "is not MODULE:OBJECT" in refused.err


def test_much_text_is_read_in_bounded_memory() -> None:
    """300 MB of log before the error: its end is read, which is said."""
    code = (
        "import resource, subprocess, sys\n"
        "line = b'2026 INFO step 1234 loss 0.123 (64x1568)\\n' * 20000\n"
        "p = subprocess.Popen([sys.executable, '-m', 'fcinspect', 'diagnose', '-'],"
        " stdin=subprocess.PIPE)\n"
        "for _ in range(300_000_000 // len(line)): p.stdin.write(line)\n"
        f"p.stdin.write(b'RuntimeError: {SHAPES}\\n'); p.stdin.close(); p.wait()\n"
        "print(p.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    status, kilobytes = done.stdout.splitlines()[-1].split()
    assert status == "1"
    assert int(kilobytes) < 120_000
    assert "were read" in done.stdout


def test_a_module_is_diagnosed_with_its_lines(run: Run) -> None:
    """MODULE:OBJECT gives file, line and the edited line; a module that runs is searched."""
    result = run("diagnose", "fcinspect.examples:CNN", "--input", "4,3,28,28", "--json")
    assert result.status == 1
    first = result.data["likely"][0]
    assert first["changes"][0]["after"].strip() == "self.fc1 = nn.Linear(1568, 128)"
    assert first["trial"] == {
        "runs": True,
        "keeps_batch": True,
        "words": "runs: (4, 3, 28, 28) → (4, 10)",
    }
    sound = run("diagnose", "fcinspect.examples:CNN", "--input", "4,3,32,32")
    assert sound.status == 0
    assert "No silent fault was found." in sound.out
    assert "Not exercised" in sound.out


def test_the_name_of_a_class_keeps_its_case(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind "because" a sentence goes on in lower case, but not where it begins with a name."""
    page = run("diagnose", "AttributeError: 'Net' object has no attribute 'linear'").out
    assert "because Net has no attribute linear" in page
    monkeypatch.chdir(tmp_path)
    misspelt = next(broken for broken in BROKEN if broken.name == "misspelt-forward")
    (tmp_path / "net.py").write_text(misspelt.source, encoding="utf-8")
    for command in ("diagnose", "trace"):
        page = run(command, "net.py:Net", "--input", "4,10").out
        assert "because Net has __init__, foward" in page
    lowered = run("diagnose", SHAPES.replace("64x1568", "1x4096")).out
    assert "fix: keep the first dimension" in lowered


def test_a_cause_without_evidence_has_no_line_for_it(run: Run) -> None:
    """What only repeats the message is left out, and so is its "because"."""
    bare = run("diagnose", "dim must be an int or None, got <class 'torch.Tensor'>")
    assert "1. The layer's class was called" in bare.out
    assert "because" not in bare.out
    assert "because" in run("diagnose", SHAPES).out


def test_markdown_fences_code_and_changes(run: Run) -> None:
    """Stars, underscores, - and + of source lines are not taken for Markdown."""
    for command in ("diagnose", "trace"):
        page = run(command, "fcinspect.examples:CNN", "--input", "4,3,28,28", "-f", "md").out
        assert (
            "\n```diff\n- self.fc1 = nn.Linear(32 * 8 * 8, 128)\n+ self.fc1 ="
            " nn.Linear(1568, 128)\n```\n"
        ) in page
        assert "\n```python\nx = torch.nn.functional.interpolate(x, size=(32, 32))\n```\n" in page
    assert "\n```python\nx = F.relu(self.fc1(x))\n```\n" in page


def test_csv_has_a_row_for_each_change(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, line, what stands there and what is to stand there; two changes are two rows."""
    monkeypatch.chdir(tmp_path)
    two = next(broken for broken in BROKEN if broken.name == "two-faults")
    apart = two.source.replace("        self.fc2 =", "        # the last\n        self.fc2 =")
    (tmp_path / "two.py").write_text(apart, encoding="utf-8")
    sheet = run("diagnose", "two.py:Net", "--input", *two.inputs, "-f", "csv").out
    rows = list(csv.DictReader(io.StringIO(sheet)))
    first = [row for row in rows if row["name"] == rows[0]["name"]]
    assert [(row["line"], row["before"].strip(), row["after"].strip()) for row in first] == [
        ("10", "self.fc1 = nn.Linear(512, 16)", "self.fc1 = nn.Linear(1568, 16)"),
        ("12", "self.fc2 = nn.Linear(32, 3)", "self.fc2 = nn.Linear(16, 3)"),
    ]
    assert {Path(row["file"]).name for row in first} == {"two.py"}
    sheet = run("diagnose", SHAPES, "-f", "csv").out
    for row in csv.DictReader(io.StringIO(sheet)):
        assert row["code"]
        assert (row["file"], row["line"], row["before"], row["after"]) == ("", "", "", "")


@pytest.mark.parametrize(
    ("shape", "name", "runs"),
    [
        ("4,32,32", "channels-missing", "runs: (4, 3, 32, 32) → (4, 10)"),
        ("4,3,32", "dimension-missing", "runs: (4, 3, 32, 32) → (4, 10)"),
        ("3,32,32", "unbatched", "runs: (1, 3, 32, 32) → (1, 10)"),
    ],
)
def test_an_input_of_the_wrong_rank_is_told(run: Run, shape: str, name: str, runs: str) -> None:
    """What it lacks stands first, and the module runs with it."""
    result = run("diagnose", "fcinspect.examples:CNN", "--input", shape, "--json")
    first = result.data["likely"][0]
    assert (first["name"], first["trial"]["words"]) == (name, runs)


def test_a_module_that_fails_by_an_unknown_error_is_not_recognised(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 2, as for an unknown text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
        "        raise ValueError('mine')\n",
        encoding="utf-8",
    )
    result = run("diagnose", "own.py:Net", "--input", "2,3")
    assert (result.status, result.out) == (2, "")
    assert "not recognized: ValueError: mine" in result.err


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("net.py:Net", "net.py"),
        ("netz.py:Größe", "netz.py"),
        ("größe:Netz.kopf", "größe"),
        ("my-dir (1)/net+v2.py:Net", "my-dir (1)/net+v2.py"),
        (r"C:\Users\me\net.py:Net", r"C:\Users\me\net.py"),
        ("C:/me/net.py:Net", "C:/me/net.py"),
        ("package.module:Object", "package.module"),
        ("MyError.py:Net", "MyError.py"),
    ],
)
def test_what_names_an_object_of_a_module(code: str, place: str) -> None:
    """Every name that `trace` takes; file and object are read as they are loaded."""
    assert is_code(code)
    assert split(code)[0] == place


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: x",
        "KeyError:x",
        "torch.cuda.OutOfMemoryError:x",
        "KeyboardInterrupt:x",
        "ValueError: bad",
        "net.py:17: RuntimeError",
        "net.py:17",
        "net.py:",
        ":Net",
        "net.py",
        "Net",
        "",
        "a log\nnet.py:Net",
        "mat1 and mat2:x",
    ],
)
def test_what_is_a_text(text: str) -> None:
    """Messages, places of source and names without a colon are no object of a module."""
    assert not is_code(text)


def test_a_file_of_any_name_is_diagnosed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that are not ASCII, and paths with other characters."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my-dir (1)"
    folder.mkdir()
    (folder / "net+v2.py").write_text(
        "from torch import nn\n\n\nclass Größe(nn.Linear):\n    def __init__(self):\n"
        "        super().__init__(8, 2)\n",
        encoding="utf-8",
    )
    page = run("diagnose", "my-dir (1)/net+v2.py:Größe", "--input", "4,7", "--json")
    assert page.status == 1
    assert page.data["kind"] == "product"

"""fcinspect run: as python runs the program, byte for byte, and what it adds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import Run

BIN = Path(sys.executable).parent
SCRIPT = BIN / "fcinspect"
WAYS = [[sys.executable, "-m", "fcinspect", "run"]]
if SCRIPT.exists():
    WAYS.append([str(SCRIPT), "run"])
WAY_NAMES = ["python -m fcinspect run", "fcinspect run"][: len(WAYS)]
TITLE = "Diagnosis by fcinspect"


@dataclass(frozen=True)
class Program:
    """A program, and how it is called."""

    name: str
    source: str
    call: tuple[str, ...] = ("program.py", "one", "--help")
    stdin: str = ""
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


GROUP = """
def failing(number):
    raise ValueError(number)

errors = []
for number in range(2):
    try:
        failing(number)
    except ValueError as error:
        errors.append(error)
found = ExceptionGroup("both", errors)
found.add_note("a note")
raise found
"""
CHAINED = """
def ratio(x):
    return (1 + x) / (x - x)

try:
    ratio(3)
except ZeroDivisionError as error:
    try:
        {}["key"]
    except KeyError:
        raise RuntimeError("later") from error
"""
POOL = """
import multiprocessing

class Pair:
    def __init__(self, x):
        self.x = x

def double(pair):
    return Pair(2 * pair.x)

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with context.Pool(2) as pool:
        print([pair.x for pair in pool.map(double, [Pair(1), Pair(2)])])
"""
MAIN = """
import sys, builtins
print(list(globals()))
print(__name__, __file__, __spec__ and __spec__.name, __package__, type(__loader__), __doc__)
print(__builtins__ is builtins, sys.argv, sys.orig_argv, sys.path, __annotations__, __cached__)
print(sys.modules["__main__"].__dict__ is globals(), sys.flags, sys.excepthook)
"""
PROGRAMS = [
    Program("main", MAIN),
    Program("main in a folder below", MAIN, ("below/program.py", "-m"), files={"below/x.py": ""}),
    Program("a module", MAIN, ("-m", "program", "-m", "x")),
    Program("a package", "", ("-m", "pack", "--json"),
            files={"pack/__main__.py": MAIN + "from . import other", "pack/other.py": "print(1)",
                   "pack/__init__.py": ""}),
    Program("a folder", "", ("pack", "--json"), files={"pack/__main__.py": MAIN}),
    Program("a module that is missing", "", ("-m", "no_such_module")),
    Program("a folder without a program", "", ("pack",), files={"pack/x.py": ""}),
    Program("a package without a program", "", ("-m", "pack"), files={"pack/__init__.py": ""}),
    Program("another way to write the path", "1 / 0", ("./../{folder}/program.py",)),
    Program("no line end", "import sys; sys.stdout.write('a'); sys.stderr.write('b')"),
    Program("standard input", "print(input('name? ')[::-1])", stdin="abc\n"),
    Program("exit with a number", "raise SystemExit(3)"),
    Program("exit with a text", "import sys; sys.exit('a text')"),
    Program("exit with None", "raise SystemExit(None)"),
    Program("exit with a tuple", "raise SystemExit((1, 'x'))"),
    Program("exit at once", "import os; print('lost'); os._exit(7)"),
    Program("exit in a module", "import sys; sys.exit(5)", ("-m", "program")),
    Program("a signal", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"),
    Program("an interrupt", "import os, signal, time\ndef wait():\n    time.sleep(9)\n"
            "os.kill(os.getpid(), signal.SIGINT)\nwait()"),
    Program("an interrupt in a module", "raise KeyboardInterrupt", ("-m", "program")),
    Program("an interrupt that is caught", "try:\n    raise KeyboardInterrupt\n"
            "except KeyboardInterrupt:\n    print('caught')"),
    Program("an error", "def f(x):\n    return 1 / x\n\nprint(f(1) + f(0) + f(2))"),
    Program("an error in a module", "print(1 / 0)", ("-m", "program")),
    Program("an error on import", "import other", files={"other.py": "x = {}['a']"}),
    Program("errors that follow each other", CHAINED),
    Program("an error from none", "try:\n    {}['a']\nexcept KeyError:\n"
            "    raise ValueError from None"),
    Program("a group of errors", GROUP),
    Program("an error in code of a text", "exec('x = 1\\ny = x / 0')"),
    Program("a class of the program's", "class Bad(Exception):\n    def __str__(self):\n"
            "        return 'é' + chr(10) + 'b'\nraise Bad"),
    Program("no Python", "x = (1,\ndef f(:\n    pass"),
    Program("no Python in a module", "def f(:\n    pass", ("-m", "program")),
    Program("indented wrongly", "if True:\nx = 1"),
    Program("no Python in an import", "import other", files={"other.py": "x = = 1"}),
    Program("a hook", "import sys\nsys.excepthook = lambda *all: print('hook', all[:2])\n1 / 0"),
    Program("a hook that fails", "import sys\ndef hook(*given):\n    [][1]\n"
            "sys.excepthook = hook\n1 / 0"),
    Program("a hook that exits", "import sys\ndef hook(*given):\n    sys.exit(9)\n"
            "sys.excepthook = hook\n1 / 0"),
    Program("no hook", "import sys\ndel sys.excepthook\n1 / 0"),
    Program("the end", "import atexit, threading, time\n"
            "def last():\n    time.sleep(0.2); print('thread', flush=True)\n"
            "atexit.register(print, 'first registered')\natexit.register(print, 'second')\n"
            "threading.Thread(target=last).start()\n{}['a']"),
    Program("an error in a thread", "import threading\nt = threading.Thread(target=lambda: 1 / 0,"
            " name='t')\nt.start()\nt.join()"),
    Program("an error in a destructor", "class A:\n    def __del__(self):\n        1 / 0\na = A()\n"
            "del a\nprint('on')"),
    Program("its own source", "import inspect\ndef f(x):\n    return x  # a comment\n"
            "print(inspect.getsource(f), inspect.getsourcefile(f))"),
    Program("pickled", "import pickle\nclass A:\n    pass\n"
            "print(type(pickle.loads(pickle.dumps(A()))) is A, pickle.dumps(A()))"),
    Program("a child of itself", "import subprocess, sys\nif len(sys.argv) > 3:\n"
            "    print(sys.argv)\nelse:\n    sys.exit(subprocess.call([*sys.orig_argv, 'again']))"),
    Program("breakpoint", "def f(x):\n    breakpoint()\n    return x\nprint(f(7))",
            stdin="p x\nn\nn\nc\n"),
    Program("a warning", "import warnings\nwarnings.warn('old', DeprecationWarning)"),
    Program("a future import", "from __future__ import annotations\ndef f(x: int): ...\n"
            "print(f.__annotations__)"),
    Program("no future import", "def f(x: int): ...\nprint(f.__annotations__)"),
    Program("an unknown encoding", "# coding: no-such"),
    Program("a byte of no text", "x = 1\0"),
    Program("another encoding", "# coding: latin-1\nprint(ascii('é'))"),
    Program("asynchronous", "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n"
            "    1 / 0\nasyncio.run(f())"),
    *(Program(method, POOL.format(method=method)) for method in ("fork", "spawn", "forkserver")),
    Program("spawn in a module", POOL.format(method="spawn"), ("-m", "program")),
    Program("a safe path", MAIN, environment={"PYTHONSAFEPATH": "1"}),
    Program("unbuffered", "import sys; print(sys.stdout.line_buffering)",
            environment={"PYTHONUNBUFFERED": "1"}),
]  # fmt: skip


def ran(way: list[str], program: Program, folder: Path) -> tuple[int, list[str], list[str]]:
    """Return the status of a program, and the lines of its output, without addresses."""
    call = [word.format(folder=folder.name) for word in program.call]
    done = subprocess.run(
        [*way, *call],
        input=program.stdin.encode(),
        capture_output=True,
        cwd=folder,
        env={**os.environ, **program.environment},
        check=False,
    )
    # an installed script may name the same interpreter python3, or python3.12
    python = rf"(?<={re.escape(str(Path(sys.executable).parent))}/)python[\d.]*".encode()
    out, err = (
        re.sub(python, b"python", re.sub(rb"0x[0-9a-f]+", b"0x", text))
        .decode()
        .splitlines(keepends=True)
        for text in (done.stdout, done.stderr)
    )
    return done.returncode, out, err


def written(program: Program, folder: Path) -> None:
    """Write the files of a program."""
    for name, text in {"program.py": program.source, **program.files}.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="latin-1" if "latin-1" in text else "utf-8")
    if program.call[0] == "below/program.py":
        (folder / "program.py").rename(folder / "below" / "program.py")


@pytest.mark.parametrize("way", WAYS, ids=WAY_NAMES)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_as_python_byte_for_byte(program: Program, way: list[str], tmp_path: Path) -> None:
    """The status or the signal, standard output, and standard error with its traceback."""
    written(program, tmp_path)
    wanted = ran([sys.executable], program, tmp_path)
    assert ran(way, program, tmp_path) == wanted


def test_the_programs_do_what_they_are_called() -> None:
    """The test above can fail: statuses and signals differ between them."""
    names = [program.name for program in PROGRAMS]
    assert len(names) == len(set(names)) > 50


def test_another_program_is_told_apart(tmp_path: Path) -> None:
    """The comparison sees a byte."""
    one, other = Program("one", "1 / 0"), Program("other", "1 /  0")
    written(one, tmp_path)
    first = ran([sys.executable], one, tmp_path)
    written(other, tmp_path)
    assert ran(WAYS[0], other, tmp_path) != first


def test_an_archive_and_compiled_code(tmp_path: Path) -> None:
    """What python runs besides text."""
    import py_compile

    with zipfile.ZipFile(tmp_path / "program.pyz", "w") as archive:
        archive.writestr("__main__.py", MAIN + "import other\n1 / 0")
        archive.writestr("other.py", "print('other')")
    (tmp_path / "text.py").write_text(MAIN + "1 / 0", encoding="utf-8")
    py_compile.compile(str(tmp_path / "text.py"), cfile=str(tmp_path / "compiled.pyc"))
    for name in ("program.pyz", "compiled.pyc"):
        program = Program(name, "", (name, "x"))
        assert ran(WAYS[-1], program, tmp_path) == ran([sys.executable], program, tmp_path)


def test_a_link_to_a_script(tmp_path: Path) -> None:
    """Modules are found beside the file, not beside the link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "helper.py").write_text("print('helper')", encoding="utf-8")
    (tmp_path / "real" / "program.py").write_text("import helper" + MAIN, encoding="utf-8")
    (tmp_path / "link.py").symlink_to(tmp_path / "real" / "program.py")
    program = Program("link", "", ("link.py",))
    assert ran(WAYS[-1], program, tmp_path) == ran([sys.executable], program, tmp_path)


@pytest.mark.parametrize(("name", "said"), [("missing.py", "No such file or directory"),
                                            ("closed.py", "Permission denied")])  # fmt: skip
def test_a_script_that_cannot_be_opened(name: str, said: str, tmp_path: Path) -> None:
    """One line, and the status of python."""
    file = tmp_path / "closed.py"
    file.write_text("print(1)", encoding="utf-8")
    file.chmod(0)
    if name == "closed.py" and os.access(file, os.R_OK):
        pytest.skip("needs a user who is not root")
    status, out, err = ran(WAYS[-1], Program(name, "", (name,)), tmp_path)
    assert (status, out) == (2, [])
    assert err == [f"fcinspect: cannot open {name!r}: {said}\n"]
    assert ran([sys.executable], Program(name, "", (name,)), tmp_path)[0] == 2


def test_nothing_else_is_imported_before_the_end(tmp_path: Path) -> None:
    """The program sees four modules of fcinspect, and none of a library."""
    source = (
        "import sys\nown = [m for m in sys.modules if m.partition('.')[0] == 'fcinspect']\n"
        "print(*sorted(own), file=sys.stderr)\n"
        "print(*sorted(set(sys.modules) - set(own)))\n"
    )
    program = Program("modules", source)
    written(program, tmp_path)
    plain = set(ran([sys.executable], program, tmp_path)[1][0].split())
    for way in WAYS:
        _, (out,), (err,) = ran(way, program, tmp_path)
        known = {"fcinspect", "fcinspect.__main__", "fcinspect.python", "fcinspect.python.run"}
        assert known - set(err.split()) <= {"fcinspect.__main__"}
        assert set(err.split()) <= known
        # what runs a module with -m, and the script that pip writes
        assert set(out.split()) - plain <= {
            "__future__", "runpy", "importlib", "importlib._bootstrap", "importlib.machinery",
            "importlib._abc", "importlib._bootstrap_external", "importlib.util", "warnings",
            "contextlib", "collections", "functools", "itertools", "keyword", "operator",
            "reprlib", "types", "_collections", "_functools", "_operator", "pkgutil", "weakref",
            "_weakrefset", "typing", "re", "enum", "copyreg", "_sre", "re._compiler", "re._parser",
            "re._constants", "re._casefix", "importlib.abc",
        }  # fmt: skip


NET = """import torch
from torch import nn


class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, 16), nn.Linear(12, 3)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = Head(8)

    def forward(self, x):
        return self.head(x)


if __name__ == "__main__":
    print("starts", flush=True)
    Net()(torch.zeros(4, 8))
"""
FAULTY = Program("faulty", NET, ("program.py",))
DIAGNOSIS = """
Diagnosis by fcinspect
The input has 4 rows of 16 features each. The layer's weight expects 12 features
and gives 3.

at program.py:12, in forward
  x = layer(x)

1. in_features of head.layers.1 is 12, but 16 arrive
   because head.layers.1 gets (4, 16): 16 features, but expects 12
   fix: set in_features to 16
   program.py:8
     - self.layers = nn.ModuleList([nn.Linear(width, 16), nn.Linear(12, 3)])
     + self.layers = nn.ModuleList([nn.Linear(width, 16), nn.Linear(16, 3)])
   this change was not tried
"""


def added(program: Program, folder: Path, way: list[str] | None = None) -> str:
    """Return what stands below what python writes; all above it must be equal."""
    written(program, folder)
    status, out, err = ran([sys.executable], program, folder)
    found = ran(way or WAYS[-1], program, folder)
    assert (status, out) == found[:2]
    assert found[2][: len(err)] == err
    return "".join(found[2][len(err) :])


def test_a_planted_fault_is_found_in_the_living_model(tmp_path: Path) -> None:
    """Of two layers of one list, the one that failed: by its name, in its line."""
    narrow = Program(**{**vars(FAULTY), "environment": {"COLUMNS": "80"}})
    assert added(narrow, tmp_path) == DIAGNOSIS


def test_the_same_in_a_module(tmp_path: Path) -> None:
    """python -m writes frames of runpy, which stay."""
    program = Program("module", NET, ("-m", "program"), environment={"COLUMNS": "80"})
    assert added(program, tmp_path) == DIAGNOSIS


def test_what_led_to_an_error_is_diagnosed(tmp_path: Path) -> None:
    """The last error is the program's own; the heading says which one is meant."""
    source = NET.replace(
        "    Net()(torch.zeros(4, 8))",
        "    try:\n        Net()(torch.zeros(4, 8))\n    except RuntimeError as error:\n"
        "        raise SystemError('it failed') from error",
    )
    found = added(Program("chained", source, ("program.py",)), tmp_path)
    assert f"{TITLE}: mat1 and mat2 shapes cannot be multiplied (4x16 and 12x3)" in found
    assert "+ self.layers = nn.ModuleList([nn.Linear(width, 16), nn.Linear(16, 3)])" in found
    assert 'the last error is "SystemError: it failed"' in found


def test_a_hook_of_the_program_comes_first(tmp_path: Path) -> None:
    """What it writes stays, and so does the status that it ends with."""
    hook = "import sys\nsys.excepthook = lambda *given: sys.exit('sorry')\n"
    program = Program("hook", hook + NET, ("program.py",))
    written(program, tmp_path)
    status, _, err = ran(WAYS[-1], program, tmp_path)
    assert status == 1
    assert err[-1] == "sorry\n"  # the interpreter writes it as it ends
    assert TITLE in "".join(err)
    quiet = hook.replace("sys.exit('sorry')", "print('quiet', file=sys.stderr)")
    assert TITLE in added(Program("quiet", quiet + NET, ("program.py",)), tmp_path)


@pytest.mark.parametrize(
    "end",
    ["{}['a']", "raise RuntimeError('of the program')", "raise SystemExit(1)",
     "raise KeyboardInterrupt", "import no_such_module"],
)  # fmt: skip
def test_of_other_errors_nothing_is_said(end: str, tmp_path: Path) -> None:
    """Though torch is there."""
    assert added(Program("other", f"import torch\n{end}", ("program.py",)), tmp_path) == ""


def test_files_beside_the_program_are_no_libraries(tmp_path: Path) -> None:
    """A rich.py of the program's breaks no diagnosis, and a later import finds it again."""
    files = {"rich.py": "print('mine')"}
    source = "import atexit\n" + NET + "\n"
    start = "    atexit.register(print, 'end')\n    print('starts'"
    source = source.replace('    print("starts"', start)
    program = Program("shadows", source, ("program.py",), files=files)
    written(program, tmp_path)
    _, out, err = ran(WAYS[-1], program, tmp_path)
    assert TITLE in "".join(err)
    assert out == ["starts\n", "end\n"]


def test_workers_of_a_data_loader(tmp_path: Path) -> None:
    """The error of a worker comes with its traceback as text, and its line is found."""
    source = NET.replace(
        "    Net()(torch.zeros(4, 8))",
        "    net = Net()\n    loader = torch.utils.data.DataLoader(\n"
        "        [torch.zeros(8)] * 4, num_workers=1,\n"
        "        collate_fn=lambda rows: net(torch.stack(rows)),\n"
        "        batch_size=4, multiprocessing_context='fork',\n    )\n    next(iter(loader))",
    )
    program = Program("workers", source, ("program.py",))
    written(program, tmp_path)
    status, _, err = ran(WAYS[-1], program, tmp_path)
    assert status == 1
    assert "Caught RuntimeError in DataLoader worker process 0." in "".join(err)
    assert TITLE in "".join(err)


def test_ctrl_c_reaches_the_program_alone(tmp_path: Path) -> None:
    """It dies as python's programs do, by the signal, after what it does itself."""
    (tmp_path / "program.py").write_text(
        "import time\ntry:\n    print('on', flush=True)\n    time.sleep(30)\n"
        "finally:\n    print('off')",
        encoding="utf-8",
    )
    for way in WAYS:
        started = subprocess.Popen(
            [*way, "program.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert started.stdout is not None
        assert started.stdout.readline() == b"on\n"
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=20)
        assert (out, started.returncode) == (b"off\n", -signal.SIGINT)
        assert err.endswith(b"\nKeyboardInterrupt\n")
        assert b"fcinspect" not in err


def in_terminal(command: list[str], folder: Path, **environment: str) -> str:
    """Return what a command writes to a terminal of 70 columns."""
    pexpect = pytest.importorskip("pexpect", reason="needs pexpect")
    plain = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    child = pexpect.spawn(
        command[0], command[1:], cwd=str(folder), dimensions=(50, 70), timeout=60,
        encoding="utf-8", env={**plain, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    found = child.read()
    child.close()
    assert child.exitstatus == 1
    return str(found)


def test_a_terminal_gets_styles_in_its_width(tmp_path: Path) -> None:
    """And NO_COLOR none of the colours."""
    written(FAULTY, tmp_path)
    command = [*WAYS[-1], "program.py"]
    styled = in_terminal(command, tmp_path).partition(TITLE)[2]
    assert "\x1b[1;31m" in styled
    lines = re.sub(r"\x1b\[[\d;]*m", "", styled).splitlines()
    assert max(len(line) for line in lines if "nn." not in line) <= 70
    without = in_terminal(command, tmp_path, NO_COLOR="1").partition(TITLE)[2]
    assert "31m" not in without
    assert "in_features of head.layers.1" in without


def test_help_is_of_fcinspect_before_the_program_alone(run: Run, tmp_path: Path) -> None:
    """Behind SCRIPT it is the program's."""
    page = run("run", "--help").out
    assert "SCRIPT" in page
    assert "-m MODULE" in page
    program = Program("help", "import sys; print(sys.argv)", ("program.py", "--help"))
    written(program, tmp_path)
    for way in (*WAYS, [*WAYS[-1], "--"]):
        assert ran(way, program, tmp_path)[1] == ["['program.py', '--help']\n"]


@pytest.mark.parametrize(("arguments", "said"), [
    ((), "there is no program to run"), (("--no-such",), "no such option: --no-such"),
    (("-x", "program.py"), "no such option: -x"), (("-m",), "requires an argument"),
])  # fmt: skip
def test_what_is_no_program_is_refused(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """In one line, with status 2."""
    result = run("run", *arguments)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert said in result.err


def test_a_failure_of_fcinspect_is_silent(tmp_path: Path) -> None:
    """The traceback stands, and the status; FCINSPECT_DEBUG=1 shows what went wrong."""
    source = "import sys\nsys.modules['fcinspect.reports'] = None\n" + NET
    program = Program("broken", source, ("program.py",))
    assert added(program, tmp_path) == ""
    told = Program(**{**vars(program), "environment": {"FCINSPECT_DEBUG": "1"}})
    assert "fcinspect.reports" in "".join(ran(WAYS[-1], told, tmp_path)[2])


def test_time_is_not_lost_at_the_end(tmp_path: Path) -> None:
    """An error of a program without torch is not even looked at."""
    program = Program("plain", "raise RuntimeError('mat1 and mat2 shapes cannot be multiplied"
                      " (4x16 and 12x3)')", ("program.py",))  # fmt: skip
    written(program, tmp_path)
    start = time.perf_counter()
    assert TITLE not in "".join(ran(WAYS[-1], program, tmp_path)[2])
    assert time.perf_counter() - start < 5

"""From a pasted traceback to the line of the file: what is proposed, and where nothing is."""

from __future__ import annotations

import io
import os
import re
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fcinspect.bridge.module_names import sources_of
from fcinspect.cli.module import parse_input
from fcinspect.diagnosis.facts import Frame
from fcinspect.diagnosis.locating import NO_EDIT, located
from fcinspect.diagnosis.recognising import Unrecognised, diagnose_report
from fcinspect.diagnosis.records import Cause, Diagnosis
from tests.diagnosis.broken_modules import BROKEN, HEAD, Broken, net
from tests.diagnosis.test_repairs import changed

WRITTEN = net("self.fc1 = nn.Linear(2048, 128)", "x = torch.flatten(x, 1)\nreturn self.fc1(x)")
PICTURE = "torch.zeros(4, 32, 7, 7)"


def pasted(source: str, folder: Path, calls: str = f"Net()({PICTURE})") -> str:
    """Run a file of source code and a call; return the traceback that Python writes."""
    file = folder / "net.py"
    file.write_text(source, encoding="utf-8")
    names: dict[str, object] = {}
    try:
        exec(compile(source, str(file), "exec"), names)
        exec(compile(calls, "<stdin>", "exec"), names)
    except Exception:
        return traceback.format_exc()
    raise AssertionError("the source runs")


def found_in(text: str) -> Diagnosis:
    """Return the diagnosis of a text with the places in the files that are there."""
    known = diagnose_report(text)
    assert not isinstance(known, Unrecognised), known
    found, facts = known
    return located(found, facts, sources_of(facts.frames))


def lines_of(found: Diagnosis) -> dict[str, list[str]]:
    """Return the lines that each cause would write."""
    return {
        cause.name: [change.after.strip() for change in cause.changes]
        for cause in found.likely
        if cause.changes
    }


def test_the_place_and_the_constructor(tmp_path: Path) -> None:
    """The innermost own line, and the line that makes the layer it calls."""
    found = found_in(pasted(HEAD + WRITTEN, tmp_path))
    assert found.place is not None
    assert (found.place.file, found.place.function) == (str(tmp_path / "net.py"), "forward")
    assert found.code == "return self.fc1(x)"
    assert lines_of(found) == {"in-features": ["self.fc1 = nn.Linear(1568, 128)"]}
    (change,) = found.likely[0].changes
    assert change.before.strip() == "self.fc1 = nn.Linear(2048, 128)"
    assert "the source was only read" in found.notes[-1]


def made(made: str, line: str = "self.fc1(x)", **given: str) -> str:
    """Return a network with this constructor whose last line calls the layer."""
    return HEAD + given.get("before", "") + net(made, f"x = torch.flatten(x, 1)\nreturn {line}")


@pytest.mark.parametrize(
    ("source", "after"),
    [
        (made("self.fc1 = nn.Linear(32 * 8 * 8, 128)"), "self.fc1 = nn.Linear(1568, 128)"),
        (made("self.fc1 = nn.Linear(in_features=2**11, out_features=128)"),
         "self.fc1 = nn.Linear(in_features=1568, out_features=128)"),
        (made("self.fc1 = nn.Linear(WIDE, 128)", before="WIDE = 2048\n\n\n"),
         "self.fc1 = nn.Linear(1568, 128)"),
        (made("wide = 2048\nself.fc1 = nn.Linear(wide, 128)"), "self.fc1 = nn.Linear(1568, 128)"),
        (made("self.wide = 2048\nself.fc1 = nn.Linear(self.wide, 128)"),
         "self.fc1 = nn.Linear(1568, 128)"),
        (made("self.fc1: nn.Module = torch.nn.Linear(2048, 128)"),
         "self.fc1: nn.Module = torch.nn.Linear(1568, 128)"),
        (made('self.add_module("fc1", nn.Linear(2048, 128))'),
         'self.add_module("fc1", nn.Linear(1568, 128))'),
        (made("self.fc1, self.fc2 = nn.Linear(2048, 128), nn.Linear(128, 2)"),
         "self.fc1, self.fc2 = nn.Linear(1568, 128), nn.Linear(128, 2)"),
        (made("self.fc1 = nn.Linear(\n    2048,\n    128,\n)"), "1568,"),
        (made("self.fc1 = nn.Sequential(nn.Linear(2048, 128), nn.ReLU(), nn.Linear(128, 9))"),
         "self.fc1 = nn.Sequential(nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 9))"),
        (made("self.all = nn.ModuleList([nn.Linear(2048, 128), nn.Linear(128, 9)])",
              "self.all[0](x)"),
         "self.all = nn.ModuleList([nn.Linear(1568, 128), nn.Linear(128, 9)])"),
        (made('self.all = nn.ModuleDict({"a": nn.Linear(2048, 128)})', 'self.all["a"](x)'),
         'self.all = nn.ModuleDict({"a": nn.Linear(1568, 128)})'),
        (HEAD + net("self.all = nn.ModuleList([nn.Linear(2048, 128), nn.Linear(128, 9)])",
                    "x = x.flatten(1)\nfor layer in self.all:\n    x = layer(x)\nreturn x"),
         "self.all = nn.ModuleList([nn.Linear(1568, 128), nn.Linear(128, 9)])"),
        (HEAD + net("self.all = nn.ModuleList([nn.Linear(2048, 128), nn.Linear(128, 9)])",
                    "x = x.flatten(1)\nfor i, layer in enumerate(self.all):\n    x = layer(x)"),
         "self.all = nn.ModuleList([nn.Linear(1568, 128), nn.Linear(128, 9)])"),
        (HEAD + net("self.fc1 = nn.Linear(2048, 128)",
                    "layer = self.fc1\nreturn layer(x.flatten(1))"),
         "self.fc1 = nn.Linear(1568, 128)"),
        (HEAD + "class Head(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
         "        self.fc = nn.Linear(2048, 128)\n\n\n"
         + net("self.head = Head()", "return self.head.fc(x.flatten(1))"),
         "self.fc = nn.Linear(1568, 128)"),
        (HEAD + net("self.fc1 = nn.Linear(2048, 128)", "return x").replace("Net", "Base") + "\n\n"
         "class Net(Base):\n    def forward(self, x):\n        return self.fc1(x.flatten(1))\n",
         "self.fc1 = nn.Linear(1568, 128)"),
        (HEAD + net("self.fc1 = nn.Linear(3, 4)", "return x").replace("Net", "Other") + "\n\n"
         + WRITTEN, "self.fc1 = nn.Linear(1568, 128)"),
        (HEAD + "class Net(nn.Module):\n    def __init__(self, wide):\n        super().__init__()\n"
         "        self.fc1 = nn.Linear(wide, 128)\n\n    def forward(self, x):\n"
         f"        return self.fc1(x.flatten(1))\n\n\nNet(2048)({PICTURE})\n",
         f"Net(1568)({PICTURE})"),
        (HEAD + "net = nn.Sequential(\n    nn.Flatten(),\n    nn.Linear(2048, 128),\n)\n"
         f"net({PICTURE})\n", "nn.Linear(1568, 128),"),
    ],
    ids=lambda given: None if "\n" in given else given,
)  # fmt: skip
def test_where_the_layer_is_made(source: str, after: str, tmp_path: Path) -> None:
    """A constructor is found however it is written, and its first number is what is changed."""
    found = found_in(pasted(source, tmp_path))
    assert lines_of(found)["in-features"] == [after]


def in_box(text: str, folder: Path, width: int) -> str:
    """Return the same error as rich draws it; its file must lie where the text says."""
    from rich.console import Console
    from rich.traceback import Traceback

    assert str(folder / "net.py") in text
    names: dict[str, object] = {}
    exec(compile(HEAD + WRITTEN, str(folder / "net.py"), "exec"), names)
    printed = Console(file=io.StringIO(), width=width, color_system=None)
    try:
        exec(f"Net()({PICTURE})", names)
    except RuntimeError:
        printed.print(Traceback(width=width))
    assert isinstance(printed.file, io.StringIO)
    return printed.file.getvalue()


@pytest.mark.parametrize("width", range(44, 120, 4))
@pytest.mark.sampled(3)
def test_a_box_of_rich(width: int, tmp_path: Path) -> None:
    """Wherever it breaks a place, and though it cuts long lines."""
    text = pasted(HEAD + WRITTEN, tmp_path)
    found = found_in(in_box(text, tmp_path, width))
    assert lines_of(found) == {"in-features": ["self.fc1 = nn.Linear(1568, 128)"]}


def test_a_box_that_cuts_the_line(tmp_path: Path) -> None:
    """The beginning of the line is enough where the file has the rest."""
    line = "return self.fc1(x)  # " + "and so on " * 12
    source = (HEAD + WRITTEN).replace("return self.fc1(x)", line)
    box = in_box(pasted(HEAD + WRITTEN, tmp_path), tmp_path, 80)
    (tmp_path / "net.py").write_text(source, encoding="utf-8")
    assert lines_of(found_in(box))
    (tmp_path / "net.py").write_text(source.replace("return self", "return 1 + self"))
    assert not lines_of(found_in(box))


UNDERLINED = re.compile(r"\n[ ~^]+(?=\n)")
ERROR = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x1568 and 2048x128)"


def of_pytest(text: str, file: str, *, long: bool) -> str:
    """Return the own frame and torch's as pytest writes them."""
    line, torch_line = "return self.fc1(x)", "return F.linear(input, self.weight, self.bias)"
    library = "/x/site-packages/torch/nn/modules/linear.py"
    if not long:
        return (
            f"{file}:13: in forward\n    {line}\n{library}:134: in forward\n    {torch_line}\n"
            f"E   {ERROR}\n"
        )
    return (
        "self = Net()\n\n    def forward(self, x):\n        x = torch.flatten(x, 1)\n"
        f">       {line}\n"
        f"               ^^^^^^^^^^^\n\n{file}:13: \n{'_ ' * 40}\n\n    def forward(self, input):\n"
        f">       {torch_line}\nE       {ERROR}\n\n{library}:134: RuntimeError\n"
    )


def of_ipython(text: str, file: str) -> str:
    """Return the own frame and torch's as IPython writes them."""
    return (
        f"{'-' * 75}\nRuntimeError                 Traceback (most recent call last)\n"
        f"Cell In[1], line 1\n----> 1 Net()(x)\n\nFile {file}:13, in Net.forward(self, x)\n"
        "     12 x = torch.flatten(x, 1)\n---> 13 return self.fc1(x)\n\nFile"
        " /x/site-packages/torch/nn/modules/linear.py:134, in Linear.forward(self, input)\n"
        f"--> 134     return F.linear(input, self.weight, self.bias)\n\n{ERROR}\n"
    )


def of_python_3_13(text: str, file: str) -> str:
    """Return the frames with the whole of a call that stands on several lines."""
    return text.replace(
        "    return self.fc1(x)\n           ^^^^^^^^^^^\n",
        "    return self.fc1(x)\n           ~~~~~~~~^^^\n",
    )


FORMS: dict[str, Callable[[str, str], str]] = {
    "python 3.10": lambda text, file: UNDERLINED.sub("", text),
    "python 3.13": of_python_3_13,
    "pytest": lambda text, file: of_pytest(text, file, long=True),
    "pytest --tb=short": lambda text, file: of_pytest(text, file, long=False),
    "ipython": of_ipython,
    "a logger": lambda text, file: "".join(
        f"2026-01-01 10:00:00 ERROR {line}\n" for line in text.splitlines()
    ),
    "torchrun": lambda text, file: "".join(f"[rank0]: {line}\n" for line in text.splitlines()),
    "direct cause": lambda text, file: (
        f"{text}\nThe above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "/x/train.py", line 2, in main\n'
        '    raise Stopped("training") from error\nStopped: training\n'
    ),
    "an exception group": lambda text, file: (
        "  + Exception Group Traceback (most recent call last):\n  |   File"
        ' "/x/train.py", line 2, in <module>\n  |     raise ExceptionGroup("several", found)\n'
        "  | ExceptionGroup: several (1 sub-exception)\n  +-+---------------- 1 ----------------\n"
        + "".join(f"    | {line}\n" for line in text.splitlines())
        + "    +------------------------------------\n"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_wrote_the_traceback(form: str, tmp_path: Path) -> None:
    """The line of the file is found in every form that a traceback comes in."""
    text = pasted(HEAD + WRITTEN, tmp_path)
    assert 'net.py", line 13, in forward' in text
    found = found_in(FORMS[form](text, str(tmp_path / "net.py")))
    assert found.place is not None
    assert (found.place.file, found.place.line) == (str(tmp_path / "net.py"), 13)
    assert lines_of(found) == {"in-features": ["self.fc1 = nn.Linear(1568, 128)"]}


CALL_OF_LINES = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(
            in_features=2048,
            out_features=128,
        )

    def forward(self, x):
        return F.relu(
            self.fc1(
                torch.flatten(x, 1),
            ),
        )
"""


@pytest.mark.parametrize("whole", [False, True], ids=["of one line", "of Python 3.13"])
def test_a_call_that_stands_on_several_lines(whole: bool, tmp_path: Path) -> None:
    """Python quotes its first line, since 3.13 all of them."""
    text = pasted(HEAD + CALL_OF_LINES, tmp_path)
    if whole:
        first = "    self.fc1(\n"
        assert text.count(first) == 1
        rest = (
            "    ~~~~~~~~^\n        torch.flatten(x, 1),\n        ^^^^^^^^^^^^^^^^^^^^\n"
            "    ),\n    ^\n"
        )
        text = text.replace(first, first + rest)
    found = found_in(text)
    assert lines_of(found)["in-features"] == ["in_features=1568,"]


LOOP = "self.all = nn.ModuleList([nn.Linear(2048, 128) for _ in range(2)])"
BOTH = "if flag:\n    self.fc1 = nn.Linear(2048, 128)\nelse:\n    self.fc1 = nn.Linear(2048, 128)"


@pytest.mark.parametrize(
    ("source", "note"),
    [
        (made(f"flag = True\n{BOTH}"),
         "lines 11, 13 of net.py create self.fc1 each with the message's in_features 2,048 and"
         " out_features 128"),
        (made("self.fc1 = nn.Sequential(nn.Linear(2048, 128), nn.Linear(2048, 128))"),
         "line 9 of net.py creates self.fc1 each with"),
        (made(LOOP, "self.all[0](x)"),
         "line 9 of net.py creates self.all[0] but in_features is not written there as a number of"
         " this layer alone"),
        (HEAD + "class Net(nn.Module):\n    def __init__(self, wide=2048):\n"
         "        super().__init__()\n        self.fc1 = nn.Linear(wide, 128)\n\n"
         "    def forward(self, x):\n        return self.fc1(x.flatten(1))\n",
         "in_features is not written there"),
    ],
)  # fmt: skip
def test_no_change_where_several_constructors_fit(source: str, note: str, tmp_path: Path) -> None:
    """Nor where one makes several layers, or takes its number from elsewhere: that is said."""
    found = found_in(pasted(source, tmp_path))
    assert found.place is not None
    assert lines_of(found) == {}
    assert note in found.notes[-1]
    assert found.notes[-1].endswith(NO_EDIT)


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("return self.fc1(x)", "return self.fc2(x)", "no longer reads 'return self.fc1(x)'"),
        ("        x = torch.flatten(x, 1)\n", "", "no longer reads 'return self.fc1(x)'"),
        ("(2048, 128)", "(1568, 128)", "with numbers other than the message's"),
        ("(2048, 128)", "(2048, 64)", "with numbers other than the message's"),
    ],
)
def test_no_change_of_a_file_that_is_another_now(
    old: str, new: str, note: str, tmp_path: Path
) -> None:
    """The line that the traceback quotes, and the numbers of the message, must stand there."""
    text = pasted(HEAD + WRITTEN, tmp_path)
    assert lines_of(found_in(text))
    (tmp_path / "net.py").write_text((HEAD + WRITTEN).replace(old, new), encoding="utf-8")
    found = found_in(text)
    assert lines_of(found) == {}
    assert note in found.notes[-1]


def test_an_attribute_of_another_class_is_not_taken(tmp_path: Path) -> None:
    """Where the class itself makes no such layer, nothing is proposed."""
    other = net("self.fc1 = nn.Linear(2048, 128)", "return x").replace("Net", "Other")
    own = net("setattr(self, 'fc1', nn.Linear(2048, 128))", "return self.fc1(x.flatten(1))")
    found = found_in(pasted(f"{HEAD}{other}\n\n{own}", tmp_path))
    assert found.place is not None
    assert lines_of(found) == {}


def test_a_file_that_is_not_there_is_only_named(tmp_path: Path) -> None:
    """Of another machine, Windows among them; nothing is read and nothing is said of it."""
    text = pasted(HEAD + WRITTEN, tmp_path)
    for file in (r"C:\Users\me\net.py", "/home/me/net.py", r"\\host\share\net.py"):
        found = found_in(text.replace(str(tmp_path / "net.py"), file))
        assert found.place is not None
        assert (found.place.file, found.code) == (file, "return self.fc1(x)")
        assert lines_of(found) == {}
        assert found.notes == ()


def test_a_file_of_a_library_is_not_the_readers(tmp_path: Path) -> None:
    """The place is then the line that called the library."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    text = pasted(HEAD + WRITTEN, folder)
    found = found_in(text)
    assert found.place is not None
    assert found.place.file == __file__
    assert lines_of(found) == {}
    frame = Frame(str(folder / "net.py"), 9, "forward", "return self.fc1(x)")
    assert sources_of([frame]) == {}
    assert sources_of([replace(frame, file=str(tmp_path / "net.py"))]) == {}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_files_of_python_are_read(tmp_path: Path) -> None:
    """Not a device, a pipe that nobody writes to, a folder, a file of other text or a huge one."""
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "latin.py").write_bytes(b"x = '\xff'\n")
    (tmp_path / "huge.py").write_text("x = 1\n" * 2**18, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("x = 1\n", encoding="utf-8")
    names = [str(path) for path in tmp_path.iterdir()] + [
        "/dev/zero",
        "/dev/stdin",
        "\0.py",
        "~.py",
    ]
    assert len(names) == 9
    assert sources_of(Frame(name, 1, "f", "x") for name in names) == {}
    (tmp_path / "cookie.py").write_bytes(b"# coding: latin-1\nx = '\xff'\n")
    (source,) = sources_of([Frame(str(tmp_path / "cookie.py"), 2, "f", "x")]).values()
    assert source.lines[1] == "x = 'ÿ'"


def test_a_path_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pytest writes it."""
    text = pasted(HEAD + WRITTEN, tmp_path).replace(str(tmp_path / "net.py"), "net.py")
    assert lines_of(found_in(text)) == {}
    monkeypatch.chdir(tmp_path)
    found = found_in(text)
    assert lines_of(found) == {"in-features": ["self.fc1 = nn.Linear(1568, 128)"]}
    assert found.likely[0].changes[0].file == str(tmp_path / "net.py")


def test_what_is_nested_too_deeply_is_no_crash(tmp_path: Path) -> None:
    """The place is named, and no more."""
    text = pasted(HEAD + WRITTEN, tmp_path)
    deep = HEAD + WRITTEN + "y = " + "(" * 150 + "1" + ")" * 150 + "\nz" + ".a" * 3000 + "()\n"
    (tmp_path / "net.py").write_text(deep, encoding="utf-8")
    assert found_in(text).place is not None


def test_the_compiler_is_silent_about_the_source(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """An invalid escape, or `is` with a number, is none of the diagnosis's business."""
    doubtful = 'A = "\\d"\nB = A is 3\n'
    text = pasted(HEAD + WRITTEN, tmp_path)
    (tmp_path / "net.py").write_text(HEAD + WRITTEN + doubtful, encoding="utf-8")
    recwarn.clear()
    assert lines_of(found_in(text))
    assert recwarn.list == []


def mended(source: str, cause: Cause, broken: Broken) -> str | None:
    """Return what stops a broken module with the changes of a cause made; None if nothing does."""
    given = [parse_input(text) for text in broken.inputs]
    names: dict[str, object] = {}
    try:
        exec(compile(changed(source, cause.changes), "mended.py", "exec"), names)
        made = names["Net"]
        module = made if isinstance(made, torch.nn.Module) else made()  # type: ignore[operator]  # a class or function
        module.eval()
        module(*(torch.zeros(t.shape, dtype=getattr(torch, t.dtype or "float32")) for t in given))
    except Exception as error:
        return str(error)
    return None


FURTHER = {"chain-of-widths", "two-faults", "channels-last", "grey-pictures"}
"""Where what is proposed leads to another fault."""
LEAST_PROPOSED = 20


def test_what_is_proposed_mends_the_module(tmp_path: Path) -> None:
    """Of every broken module, each change that its traceback gives lets it run, or run on."""
    proposed = 0
    for broken in BROKEN:
        given = [parse_input(text) for text in broken.inputs]
        tensors = ", ".join(
            f"torch.zeros({t.shape}, dtype=torch.{t.dtype or 'float32'})" for t in given
        )
        made = "(Net if isinstance(Net, nn.Module) else Net()).eval()"
        text = pasted(broken.source, tmp_path, f"{made}({tensors})")
        if isinstance(diagnose_report(text), Unrecognised):
            continue
        for cause in found_in(text).likely:
            if not cause.changes:
                continue
            proposed += 1
            said = mended(broken.source, cause, broken)
            assert said is None or broken.name in FURTHER, (broken.name, cause.name, said)
            assert said is None or said not in text, (broken.name, cause.name)
    assert proposed >= LEAST_PROPOSED

"""fcinspect.diagnose: of exceptions and texts, in every form that it shows itself in."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import fcinspect
from fcinspect.bridge.failures import failure_facts
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.recognising import recognise
from fcinspect.python.diagnose import Explanation
from tests.diagnosis.test_corpus import MISTAKES
from tests.python.programs import CAUSE, EDIT, FAULT, NET, WRITTEN


def module_of(source: str, folder: Path, name: str = "faulty") -> ModuleType:
    """Return a module of a file with that source."""
    file = folder / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    made = ModuleType(name)
    made.__file__ = str(file)
    exec(compile(source, str(file), "exec"), vars(made))
    return made


def error_of(call: Callable[[], object]) -> BaseException:
    """Return what a call raises."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011  # whatever it is
        call()
    return raised.value


@pytest.fixture
def error(tmp_path: Path) -> BaseException:
    """Return the error of the faulty network."""
    net = module_of(NET, tmp_path).Net()
    return error_of(lambda: net(torch.zeros(4, 8)))


def test_a_planted_fault_is_found_in_its_line(error: BaseException, tmp_path: Path) -> None:
    """The record names the layer, the file, the line, and what to write."""
    found = fcinspect.diagnose(error).found
    assert found is not None
    first = found.likely[0]
    assert (found.kind, first.name, first.cause) == ("product", "in-features", CAUSE)
    (change,) = first.changes
    assert (change.file, change.line) == (str(tmp_path / "faulty.py"), FAULT)
    assert change.after.strip() == WRITTEN
    assert found.place is not None
    assert found.place.line == 11


def test_the_text_of_a_traceback_finds_the_same_line(error: BaseException) -> None:
    """Though not the layer's name."""
    found = fcinspect.diagnose("".join(traceback.format_exception(error))).found
    assert found is not None
    assert found.likely[0].changes[0].after.strip() == WRITTEN


def test_it_shows_itself_as_text_and_by_rich(error: BaseException) -> None:
    """In 80 columns, or in those of a console."""
    from rich.console import Console

    shown = fcinspect.diagnose(error)
    assert CAUSE in str(shown)
    assert EDIT in str(shown)
    assert repr(shown) == str(shown)
    lines = [line for line in str(shown).splitlines() if "nn." not in line and "/" not in line]
    assert max(map(len, lines)) <= 80
    console = Console(file=io.StringIO(), width=50, color_system=None)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    assert " ".join(EDIT.split()) in " ".join(console.file.getvalue().split())


class Parsed(HTMLParser):
    """Collects the text of a page, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note a tag."""
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold that it ends what began last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


def test_a_notebook_gets_html_with_the_diff(error: BaseException) -> None:
    """It is well formed, with nothing that runs or loads, and both lines in colours."""
    bundle = fcinspect.diagnose(error)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    page = Parsed(bundle["text/html"])
    assert page.open == []
    assert page.tags == {"div", "pre", "span"}
    assert f"+ {WRITTEN}" in page.text
    assert CAUSE in page.text
    assert bundle["text/html"].count("background: rgba") == 2
    assert bundle["text/plain"] == str(fcinspect.diagnose(error))


def test_what_acts_in_html_is_text() -> None:
    """A message may hold anything."""
    word = "<script>alert(1)</script>\x1b[31m"
    shown = fcinspect.diagnose(f"RuntimeError: {word}")
    assert shown.found is None
    assert "<script>" not in shown._repr_html_()
    assert "\x1b" not in str(shown)


def test_what_is_not_recognized_is_said() -> None:
    """`found` is None, and the text says so."""
    for subject in (ValueError("of mine"), "ValueError: of mine"):
        shown = fcinspect.diagnose(subject)
        assert shown.found is None
        assert str(shown) == "not recognized: ValueError: of mine"


def test_without_a_subject_it_is_the_last_error(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one being handled, else the last of an interactive Python."""
    try:
        raise error
    except RuntimeError:
        assert CAUSE in str(fcinspect.diagnose())
    monkeypatch.setattr(sys, "last_value", error, raising=False)
    assert CAUSE in str(fcinspect.diagnose())
    monkeypatch.delattr(sys, "last_value")
    with pytest.raises(ValueError, match="no exception to diagnose"):
        fcinspect.diagnose()
    with pytest.raises(TypeError, match="cannot diagnose a int"):
        fcinspect.diagnose(3)  # type: ignore[arg-type]  # what is tested


def test_the_error_that_led_to_another(error: BaseException) -> None:
    """Of a chain and of a group, the known one is diagnosed."""

    def later() -> None:
        try:
            raise error
        except RuntimeError:
            raise SystemError("it failed") from error

    for each in (error_of(later), BaseExceptionGroup("some", [ValueError("x"), error])):
        found = fcinspect.diagnose(each).found
        assert found is not None
        assert found.likely[0].cause == CAUSE
        assert "is not recognized" in found.notes[0]


OTHERS = {
    "two of a class": (
        "class Block(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
        "        self.fc = nn.Linear(12, n)\n\n    def forward(self, x):\n"
        "        return self.fc(x)\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.one, self.two = Block(12), Block(3)\n\n    def forward(self, x):\n"
        "        return self.two(self.one(x))\n",
        None,
    ),
    "in a loop": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.all = nn.ModuleList([nn.Linear(12, 12) for _ in range(3)])\n\n"
        "    def forward(self, x):\n        for layer in self.all:\n            x = layer(x)\n"
        "        return x\n",
        None,
    ),
    "a parameter": (
        "class Head(nn.Module):\n    def __init__(self, wide):\n        super().__init__()\n"
        "        self.fc = nn.Linear(wide, 3)\n\n    def forward(self, x):\n"
        "        return self.fc(x)\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.head = Head(wide=12)\n\n    def forward(self, x):\n"
        "        return self.head(x)\n",
        "self.head = Head(wide=8)",
    ),
    "computed": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(len('twelve') * 2, 3)\n\n    def forward(self, x):\n"
        "        return self.fc(x)\n",
        "self.fc = nn.Linear(8, 3)",
    ),
    "replaced later": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(8, 3)\n\n    def forward(self, x):\n"
        "        return self.fc(x)\n\n\nnet = Net()\nnet.fc = nn.Linear(12, 3)\n",
        "net.fc = nn.Linear(12, 3)",
    ),
    "two alike": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.one = nn.Linear(12, 3)\n        self.two = nn.Linear(12, 3)\n\n"
        "    def forward(self, x):\n        layer = self.two\n        return layer(x)\n",
        "self.two = nn.Linear(8, 3)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_the_constructor_is_that_of_the_living_layer(name: str, tmp_path: Path) -> None:
    """By its attribute; no edit where it would change other layers, or where it was replaced."""
    source, after = OTHERS[name]
    made = module_of(f"import torch\nfrom torch import nn\n\n\n{source}", tmp_path)
    net = vars(made).get("net") or made.Net()
    found = fcinspect.diagnose(error_of(lambda: net(torch.zeros(4, 8)))).found
    assert found is not None
    lines = [c.after.strip() for cause in found.likely for c in cause.changes
             if cause.name == "in-features"]  # fmt: skip
    if name == "replaced later":
        after = after and after.replace("12", "8")
    assert lines == ([] if after is None else [after])


def test_layers_of_a_library_are_not_changed(tmp_path: Path) -> None:
    """The step is known, but what a library makes and calls is its own."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    library = module_of(NET, folder, "library")
    error = error_of(lambda: library.Net()(torch.zeros(4, 8)))
    (facts,) = failure_facts(error).reports
    assert facts.step is not None
    assert (facts.step.path, facts.step.called, facts.step.made) == ("body.2", None, None)
    found = fcinspect.diagnose(error).found
    assert found is not None
    assert not any(cause.changes for cause in found.likely)


def test_where_the_operands_are() -> None:
    """The device of each tensor is read, and says which one to move."""
    layer = nn.Linear(4, 2, device="meta")
    error = error_of(lambda: layer(torch.zeros(3, 4)))
    (facts,) = failure_facts(error).reports
    assert facts.step is not None
    assert [tensor.device for tensor in facts.step.inputs] == [""]
    assert [held.device for held in facts.step.parameters] == ["meta", "meta"]


@pytest.mark.parametrize(
    ("input_at", "weight_at", "cause"),
    [("", "cuda:0", "input-on-cpu"), ("cuda:0", "", "model-on-cpu"),
     ("cuda:1", "cuda:0", "input-not-moved")],
)  # fmt: skip
def test_the_step_says_which_operand_to_move(input_at: str, weight_at: str, cause: str) -> None:
    """Whatever torch's words and their order leave open."""
    error = error_of(lambda: nn.Linear(4, 2)(torch.zeros(3, 5)))
    step = failure_facts(error).reports[0].step
    assert step is not None
    step = replace(
        step,
        inputs=tuple(replace(tensor, device=input_at) for tensor in step.inputs),
        parameters=tuple(replace(held, device=weight_at) for held in step.parameters),
    )
    places = [place or "cpu" for place in (input_at, weight_at)]
    for one, other in (places, places[::-1]):
        message = (
            "Expected all tensors to be on the same device, but found at least two devices,"
            f" {one} and {other}!"
        )
        found = recognise(Facts(message, "RuntimeError", message, step=step))
        assert found is not None
        assert found.likely[0].name == cause
        assert f"the input of Linear is on {places[0]}" in found.likely[0].evidence


def test_an_operand_is_converted_where_it_enters(tmp_path: Path) -> None:
    """In a line of two layers, the one that failed."""
    source = NET.replace("return self.body(x)", "return self.body[2](self.body[0](x))")
    net = module_of(source, tmp_path).Net().double()
    found = fcinspect.diagnose(error_of(lambda: net(torch.zeros(4, 8)))).found
    assert found is not None
    lines = {cause.name: [c.after.strip() for c in cause.changes] for cause in found.likely}
    wanted = ["return self.body[2](self.body[0](x.double()))"]
    assert lines["input-left-float32"] == wanted
    assert not any(cause.code and ".double()" in cause.code for cause in found.likely)


def test_of_the_corpus_no_answer_is_lost() -> None:
    """What is right for the text of an error is right for the living one."""
    lost, right = [], 0
    for mistake in MISTAKES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                mistake.make()
            except Exception as raised:
                error = raised
            else:
                continue
        told = fcinspect.diagnose("".join(traceback.format_exception(error))).found
        seen = fcinspect.diagnose(error).found
        first = [found.likely[0].name if found else "" for found in (told, seen)]
        right += first[1] == mistake.cause
        if first[0] == mistake.cause != first[1]:
            lost.append((mistake.name, *first))
    assert lost == []
    assert right > 450


def test_objects_that_misbehave_break_nothing() -> None:
    """A module without __init__, an error whose text cannot be had, a tuple in place of args."""

    class Bad(Exception):
        def __str__(self) -> str:
            raise SystemError("no text")

    class Half(nn.Module):
        def __init__(self) -> None:
            pass

        def forward(self, x: object) -> object:
            raise Bad

    assert fcinspect.diagnose(error_of(lambda: Half().forward(1))).found is None
    assert failure_facts(Bad()).reports[0].message == ""


def test_importing_costs_nothing() -> None:
    """The package imports nothing; diagnose loads no torch that is not there."""
    code = (
        "import sys; before = set(sys.modules); import fcinspect; new = set(sys.modules) - before;"
        "fcinspect.diagnose('KeyError: 1'); import json;"
        "print(json.dumps([sorted(new), 'torch' in sys.modules, dir(fcinspect)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True,
        env={**os.environ},
    )  # fmt: skip
    new, torch_is_there, names = json.loads(done.stdout)
    assert new == ["fcinspect"]
    assert not torch_is_there
    assert {"diagnose", "load_ipython_extension", "__version__"} <= set(names)
    with pytest.raises(AttributeError, match="has no attribute 'diagnos'"):
        fcinspect.diagnos  # noqa: B018  # what is tested
    assert isinstance(fcinspect.diagnose("KeyError: 1"), Explanation)

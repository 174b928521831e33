from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fcinspect.bridge.loading import load, split, words_of
from fcinspect.errors import InputError


@pytest.fixture(autouse=True)
def own_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Work in a folder of its own, and leave the interpreter's modules as they are."""
    before = dict(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)


def write(name: str, text: str) -> Path:
    """Write a module into the working folder."""
    path = Path.cwd() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_module_of_the_working_folder_is_found() -> None:
    """The working folder is searched, as by `python -m`."""
    write("mine_here.py", "layer = 5")
    assert load("mine_here:layer") == 5


def test_a_dotted_object_is_found() -> None:
    """Attributes of attributes can be named."""
    write("mine_deep.py", "class Outer:\n    class Inner:\n        value = 7")
    assert load("mine_deep:Outer.Inner.value") == 7


def test_a_package_is_found() -> None:
    """Dots before the colon are packages."""
    write("mine_package/__init__.py", "")
    write("mine_package/inside.py", "value = 3")
    assert load("mine_package.inside:value") == 3


def test_a_file_finds_its_neighbours() -> None:
    """What stands beside the file can be imported by it; the file is a module like any other."""
    write("apart/neighbour_of_mine.py", "value = 11")
    path = write(
        "apart/mine_file.py",
        "import dataclasses, neighbour_of_mine\n"
        "@dataclasses.dataclass\nclass Held:\n    value: int = neighbour_of_mine.value\n",
    )
    found = load(f"{path}:Held")
    assert callable(found)
    assert found().value == 11


def test_a_file_may_be_called_as_a_module_that_others_need() -> None:
    """A file of the name of a loaded module does not take its place."""
    import json

    path = write("json.py", "value = 13")
    assert load(f"{path}:value") == 13
    assert sys.modules["json"] is json


@pytest.mark.parametrize("text", ["nonsense", ":x", "x:", "", ":", "a.py"])
def test_another_form_is_refused(text: str) -> None:
    """The refusal shows the expected form."""
    with pytest.raises(InputError, match=r"expected package\.module:Object or file\.py:Object"):
        split(text)


def test_a_drive_letter_is_no_object() -> None:
    """The last colon counts."""
    assert split(r"C:\mine\layer.py:Own") == (r"C:\mine\layer.py", "Own")


def test_a_missing_module_is_refused_with_the_nearest() -> None:
    """Neither the module nor its package exists."""
    write("mylayers.py", "x = 5")
    with pytest.raises(InputError, match="no such module: 'mylayer'") as refused:
        load("mylayer:x")
    assert refused.value.hint == "did you mean mylayers:x?"


def test_a_missing_file_is_refused_with_the_nearest() -> None:
    """The file does not exist."""
    write("layers_here.py", "x = 5")
    with pytest.raises(InputError, match=r"no such file: .layer_here\.py.") as refused:
        load("layer_here.py:x")
    assert refused.value.hint == "did you mean layers_here.py:x?"


def test_a_missing_object_is_refused_with_the_nearest() -> None:
    """Only public names are offered."""
    write("mine_named.py", "FastLinear = 1\n_FastLinearr = 2")
    with pytest.raises(InputError, match="mine_named has no object 'FastLinaer'") as refused:
        load("mine_named:FastLinaer")
    assert refused.value.hint == "did you mean mine_named:FastLinear?"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "\nraise ValueError('in two\\nlines')",
            r"ValueError: in two lines \(m.py:2\)",
        ),
        ("import sys\nsys.exit(3)", r"SystemExit: 3 \(m.py:2\)"),
        ("def f(:\n", r"SyntaxError: .*m.py"),
        ("import no_such_module_of_mine", r"ModuleNotFoundError: .*'no_such_module_of_mine'"),
        ("def f():\n    1 / 0\nf()", r"ZeroDivisionError: division by zero \(m.py:2\)"),
    ],
)
def test_what_a_module_raises_is_told(source: str, words: str) -> None:
    """Type, message and place, in one line; as a module and as a file."""
    write("m.py", source)
    for text in ("m:x", "m.py:x"):
        sys.modules.pop("m", None)
        with pytest.raises(InputError, match=f"^m(.py)? cannot be imported: {words}") as refused:
            load(text)
        assert "\n" not in refused.value.message


def test_ctrl_c_is_no_refusal() -> None:
    """The user's interrupt is not taken for the module's error."""
    write("interrupted.py", "raise KeyboardInterrupt")
    for text in ("interrupted:x", "interrupted.py:x"):
        with pytest.raises(KeyboardInterrupt):
            load(text)


def test_a_long_message_is_cut() -> None:
    """And says so."""
    words = words_of(ValueError("x" * 1000))
    assert words == "ValueError: " + "x" * 300 + "…"


@pytest.mark.parametrize(
    ("folder", "place", "packages", "hint"),
    [
        (".", "net/model.py", ["net"], "net.model:Own"),
        (".", "net/model.py", [], "net.model:Own"),
        (".", "net/parts/model.py", ["net", "net/parts"], "net.parts.model:Own"),
        (".", "src/net/model.py", ["src/net"], "net.model:Own, run from the folder src"),
        (".", "src/net/model.py", [], "src.net.model:Own"),
        ("net", "model.py", ["net"], "net.model:Own, run from the folder .."),
        ("net", "model.py", [], "net.model:Own, run from the folder .."),
    ],
)
def test_a_file_that_imports_relatively_is_to_be_named_by_its_package(
    monkeypatch: pytest.MonkeyPatch, folder: str, place: str, packages: list[str], hint: str
) -> None:
    """The hint is the name with which it loads, and the folder from which."""
    file = Path(folder, place)
    write(str(file), "from .layers import value as Own")
    write(str(file.parent / "layers.py"), "value = 17")
    for package in packages:
        write(f"{package}/__init__.py", "")
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="attempted relative import") as refused:
        load(f"{place}:Own")
    assert refused.value.hint == f"it is part of a package: use {hint}"
    name, _, where = hint.partition(", run from the folder ")
    monkeypatch.chdir(where or ".")
    sys.modules.pop("model")
    assert load(name) == 17


def test_what_is_no_name_of_a_package_is_not_proposed() -> None:
    """A folder with a hyphen cannot be imported, and other errors need no package."""
    write("my-net/model.py", "from .layers import value")
    write("net/other.py", "raise ImportError('of its own')")
    for place in ("my-net/model.py", "net/other.py"):
        with pytest.raises(InputError) as refused:
            load(f"{place}:Own")
        assert refused.value.hint is None


def test_code_that_is_nested_too_deeply_is_said_to_be() -> None:
    """Python's parser calls it a lack of memory, without a word."""
    write("nested.py", "x = " + "-" * 100_000 + "1\n")
    with pytest.raises(InputError, match="nested too deeply"):
        load("nested.py:x")

from __future__ import annotations

import builtins
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fcinspect.checkpoints import remote
from fcinspect.cli import sources
from fcinspect.errors import InputError
from tests.checkpoints.sharded import (
    SAFETENSORS,
    arrays,
    drawn,
    files_of,
    model,
    opened,
    pickled,
)
from tests.conftest import Run

fsspec = pytest.importorskip("fsspec", reason="needs fsspec")

LAYER = {"fc.weight": drawn(4, 3), "fc.bias": drawn(4)}
DOCUMENT = json.dumps({"fc.weight": LAYER["fc.weight"].tolist()}).encode()


class Counted:
    """Which questions the files in memory were asked, and how long each takes."""

    latency = 0.0

    def __init__(self, system: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self._within = threading.local()
        self._open = 0
        self.most_at_once = 0
        self.bytes = 0
        for name in ("info", "cat_file", "ls", "_open", "find", "exists", "isdir"):
            # of the class: fsspec makes an instance for each thread
            kind = type(system)
            monkeypatch.setattr(kind, name, self._counting(name, getattr(kind, name)))

    def _counting(self, name: str, called: Any) -> Any:
        def counting(*arguments: Any, **options: Any) -> Any:
            if getattr(self._within, "question", False):
                return called(*arguments, **options)  # what a question asks itself is no trip
            self.asked.append(name)
            self._within.question = True
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            try:
                time.sleep(self.latency)
                result = called(*arguments, **options)
            finally:
                self._within.question = False
                self._open -= 1
            self.bytes += len(result) if isinstance(result, bytes) else 0
            return result

        return counting


@pytest.fixture
def memory() -> Iterator[Any]:
    """The filesystem of memory://, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


def put(system: Any, files: dict[str, bytes], folder: str = "/m") -> str:
    """Write files into memory and return the URI of their folder."""
    for name, content in files.items():
        system.pipe_file(f"{folder}/{name}", content)
    return f"memory:/{folder}"


FILES = {
    "m.safetensors": SAFETENSORS.write(LAYER),
    "m.npz": arrays(LAYER),
    "m.json": DOCUMENT,
}


@pytest.mark.parametrize("name", FILES)
def test_files_behind_a_uri_are_read(name: str, memory: Any) -> None:
    """Every kind holds the same numbers as on a disk."""
    folder = put(memory, FILES)
    (layer,) = opened(f"{folder}/{name}").layers
    np.testing.assert_array_equal(layer.read().weight.values, LAYER["fc.weight"])
    np.testing.assert_array_equal(layer.read([2]).weight.values, LAYER["fc.weight"][[2]])
    assert layer.source == f"'memory://m/{name}'"


def test_a_lone_array_behind_a_uri(memory: Any) -> None:
    """.npy files are read as well."""
    import io

    file = io.BytesIO()
    np.save(file, LAYER["fc.weight"])
    (layer,) = opened(put(memory, {"w.npy": file.getvalue()}) + "/w.npy").layers
    np.testing.assert_array_equal(layer.read().weight.values, LAYER["fc.weight"])


@pytest.mark.parametrize("name", FILES)
def test_a_small_file_is_opened_with_two_questions(
    name: str, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size, and its first bytes: header, kind and members are all told by them."""
    folder = put(memory, FILES)
    counted = Counted(memory, monkeypatch)
    opened(f"{folder}/{name}")
    assert counted.asked == ["info", "cat_file"]


def test_a_large_file_is_not_downloaded(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only headers come over the wire, from the beginning, and in zip files from the end too."""
    tensors = {f"fc{n}.weight": drawn(300, 1000) for n in range(4)}
    files = {"m.safetensors": SAFETENSORS.write(tensors), "m.npz": arrays(tensors)}
    folder = put(memory, files)
    counted = Counted(memory, monkeypatch)
    opened(f"{folder}/m.safetensors")
    assert (counted.asked, counted.bytes) == (["info", "cat_file"], 1 << 16)
    counted.asked.clear()
    counted.bytes = 0
    opened(f"{folder}/m.npz")
    assert counted.asked[0] == "info"
    assert counted.asked.count("cat_file") <= 1 + 1 + 2 * 4  # begin, end, a header may be cut
    assert counted.bytes < len(files["m.npz"]) / 5


@pytest.mark.parametrize("by_folder", [True, False], ids=["folder", "index"])
def test_shards_behind_a_uri(by_folder: bool, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is listed once; each file costs two questions."""
    folder = put(memory, files_of(SAFETENSORS, model()))
    counted = Counted(memory, monkeypatch)
    found = opened(folder if by_folder else f"{folder}/{SAFETENSORS.index}")
    assert [layer.name for layer in found.layers] == ["fc1", "fc2", "fc10"]
    assert found.problems == ()
    beginning = ["info", "ls"] * by_folder + ["info", "cat_file"]
    assert counted.asked[: len(beginning)] == beginning
    assert sorted(counted.asked[len(beginning) :]) == ["cat_file"] * 3 + ["info"] * 3
    many = put(
        memory, files_of(SAFETENSORS, [{f"{n}.weight": drawn(2, 2)} for n in range(64)]), "/n"
    )
    counted.asked.clear()
    counted.latency = 0.05
    assert len(opened(many).layers) == 64
    assert len(counted.asked) == 1 + 1 + 2 * 65
    assert counted.most_at_once >= 3  # one after the other they would take far longer


def test_a_missing_shard_behind_a_uri_is_a_problem(memory: Any) -> None:
    """As on a disk."""
    folder = put(memory, files_of(SAFETENSORS, model()))
    memory.rm_file(f"/m/{SAFETENSORS.shard(2)}")
    (problem,) = opened(folder).problems
    assert problem.startswith(f"{SAFETENSORS.shard(2)!r} is missing")


def test_missing_files_are_hinted_at(memory: Any, run: Run) -> None:
    """The folder is listed for a name that is near."""
    folder = put(memory, FILES)
    result = run("show", f"{folder}/m.safetensor")
    assert (result.status, result.err.count("\n")) == (3, 1)
    assert "no such file: 'memory://m/m.safetensor'; did you mean" in result.err
    assert "'m.safetensors'" in result.err
    empty = put(memory, {"config.json": b"{}", "unet/a.safetensors": FILES["m.safetensors"]}, "/e")
    assert "its subfolder 'unet' holds one: pass 'memory://e/unet'" in run("show", empty).err
    put(memory, {"none.npz": b""})
    assert "is empty" in run("show", f"{folder}/none.npz").err


def test_commands_take_uris(memory: Any, run: Run) -> None:
    """show and explain, as for files."""
    folder = put(memory, files_of(SAFETENSORS, model()))
    assert "3 linear layers" in run("show", folder).out
    assert "fc1 of 'memory://m/model" in run("explain", folder, "fc1", "--x", "ones").out


@pytest.mark.parametrize("name", ["m.safetensors", "m.npz"])
def test_a_file_that_shrinks_or_vanishes_is_refused(name: str, memory: Any) -> None:
    """No number is shown that was read from another file than the header."""
    folder = put(memory, FILES)
    (layer,) = opened(f"{folder}/{name}").layers
    memory.pipe_file(f"/m/{name}", FILES[name][:-9])
    with pytest.raises(InputError, match="was truncated while it was being read"):
        layer.read()
    memory.rm_file(f"/m/{name}")
    with pytest.raises(InputError, match="was deleted while it was being read"):
        layer.read()


@pytest.mark.parametrize("name", ["m.safetensors", "m.npz"])
def test_a_local_file_that_shrinks_or_vanishes_is_refused(name: str, tmp_path: Path) -> None:
    """As behind a URI; a file of the same length that was written since is another one, too."""
    path = tmp_path / name
    path.write_bytes(FILES[name])
    (layer,) = opened(path).layers
    path.write_bytes(FILES[name][:-9])
    with pytest.raises(InputError, match="was truncated while it was being read"):
        layer.read([1])
    path.unlink()
    with pytest.raises(InputError, match="was deleted while it was being read"):
        layer.read()


def test_fsspec_is_asked_for(memory: Any, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """Without it a URI is refused with what to install."""
    actual = builtins.__import__

    def importing(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("fsspec"):
            raise ImportError(name)
        return actual(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", importing)
    result = run("show", "s3://bucket/a.pt")
    assert result.status == 3
    assert "needs fsspec; pip install fsspec s3fs, in the environment" in result.err


def test_drivers_are_asked_for(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """Those of the usual schemes are known; of others fsspec names their package."""
    import sys

    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.setitem(sys.modules, "adlfs", None)
    sys.modules["fsspec.registry"]._registry.pop("s3", None)
    result = run("show", "s3://bucket/a.pt")
    assert result.status == 3
    assert "needs a driver: Install s3fs" in result.err
    assert "pip install fsspec s3fs" in result.err
    azure = run("show", "abfs://container@account/a.pt").err
    assert "adlfs" in azure
    assert "pip install fsspec" not in azure
    assert "has the unknown scheme 'nonsense://'" in run("show", "nonsense://a/b.pt").err


def test_drivers_do_not_write_to_stderr(memory: Any) -> None:
    """gcsfs logs the traceback of what it then raises, with the URI."""
    opened(put(memory, FILES) + "/m.npz")
    for name in ("gcsfs", "s3fs", "fsspec.http"):
        assert not logging.getLogger(name).isEnabledFor(logging.ERROR)


class Answers(Exception):
    """What a server said, with its status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status}, message='no', url='https://u:s3cret@h/a?sig=s1gned'")
        self.status = status


class NoCredentialsError(Exception):
    """As botocore's."""


class ReadTimeoutError(Exception):
    """As botocore's."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError("Access Denied for s1gned"), "cannot be read with the credentials"),
        (Answers(403), "cannot be read with the credentials"),
        (Answers(401), "cannot be read with the credentials"),
        (Answers(500), "cannot be read: 500, message"),
        (NoCredentialsError("Unable to locate credentials"), "Unable to locate credentials"),
        (TimeoutError(), "did not respond in time"),
        (ReadTimeoutError("x"), "did not respond in time"),
        (OSError("line one\nline two s3cret"), "cannot be read: line one line two"),
        (FileNotFoundError("https://u:s3cret@h"), "no such file"),
        (KeyError(), "cannot be read: KeyError"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_a_filesystem_raises_is_one_line(error: Exception, words: str, wrapped: bool) -> None:
    """In our words, without secrets; the web's filesystem hides the cause behind a missing file."""
    if wrapped:
        outer = FileNotFoundError("https://u:s3cret@h/a")
        outer.__cause__ = error
        error = outer
    refusal = remote.refused("https://u:s3cret@h/a?sig=s1gned", error)
    assert words in refusal.message
    assert "\n" not in refusal.message
    assert "s3cret" not in refusal.message
    assert "s1gned" not in refusal.message


def test_no_secret_is_printed(memory: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a report, nor in its JSON, nor in a refusal, nor behind an internal error."""
    put(memory, {"m.safetensors": FILES["m.safetensors"], "bad.safetensors": b"\x09" + b"\0" * 7
                 + b"{" + b"x" * 20})  # fmt: skip

    def in_memory(uri: str) -> tuple[Any, str]:
        return memory, "/m/" + uri.partition("?")[0].rpartition("/")[2]

    monkeypatch.setattr(remote, "filesystem_of", in_memory)
    monkeypatch.setattr(remote, "SCHEMES", ())
    secret = "https://user:s3cret@host/{}?token=t0ken"
    for arguments in (
        ("show", secret.format("m.safetensors")),
        ("show", secret.format("m.safetensors"), "--json"),
        ("show", secret.format("m.safetensors"), "nothing"),
        ("show", secret.format("gone.safetensors")),
        ("show", secret.format("gone.safetensors"), "--json"),
        ("show", secret.format("bad.safetensors")),
        ("explain", secret.format("m.safetensors"), "--x", "ones", "--json"),
        ("verify", "layer", secret.format("m.safetensors"), "--json"),
        ("verify", "output", secret.format("m.safetensors")),
        ("scan", secret.format("m.safetensors"), "--json"),
        ("scan", secret.format("m.safetensors"), "--format", "ndjson"),
        ("scan", secret.format("gone.safetensors"), "--check"),
        ("diff", secret.format("m.safetensors"), secret.format("m.safetensors"), "--json"),
        ("diagnose", "--nonsense", secret.format("m.safetensors")),
    ):
        result = run(*arguments)
        told = result.out + result.err
        assert told
        assert "s3cret" not in told, arguments
        assert "t0ken" not in told, arguments
    assert "***" in run("show", secret.format("m.safetensors")).out


def test_tab_asks_nothing_of_the_network(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are completed for what lies on this machine only."""

    class Context:
        params = {"file": put(memory, FILES) + "/m.safetensors"}  # noqa: RUF012  # read once

    counted = Counted(memory, monkeypatch)
    assert sources._names_in(Context(), "") == []  # type: ignore[arg-type]  # params is all it reads
    assert counted.asked == []


def test_tab_completes_in_folders(tmp_path: Path) -> None:
    """Local folders and indices are completed; what needs torch is not loaded."""
    for name, content in files_of(SAFETENSORS, model()).items():
        (tmp_path / name).write_bytes(content)

    class Context:
        params = {"file": str(tmp_path)}  # noqa: RUF012  # read once

    assert sources._names_in(Context(), "fc1") == ["fc1", "fc10"]  # type: ignore[arg-type]  # as above


def test_other_files_may_lie_behind_a_uri(memory: Any, run: Run) -> None:
    """Whatever reads a file reads a URI, or refuses it in one line."""
    computation = {
        "x": drawn(3), "W": LAYER["fc.weight"], "b": LAYER["fc.bias"],
        "y": np.zeros(4, np.float32),
    }  # fmt: skip
    folder = put(memory, {**FILES, "c.safetensors": SAFETENSORS.write(computation),
                          "x.pt": pickled(LAYER), "x.json": b"[1, 2, 3]"})  # fmt: skip
    assert run("verify", "output", f"{folder}/c.safetensors").status == 1
    assert run("explain", f"{folder}/m.npz", "--x", f"{folder}/x.json").status == 0
    for arguments in (
        ("verify", "example", f"{folder}/m.json"),
        ("verify", "step", f"{folder}/m.json"),
        ("verify", "output", f"{folder}/x.pt"),
        ("step", f"{folder}/gone.json"),
    ):
        result = run(*arguments)
        assert (result.status, result.out, result.err.count("\n")) == (3, "", 1), arguments

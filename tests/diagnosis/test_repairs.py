"""Broken modules: the cause comes first, and with its lines written the module runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import torch

from fcinspect.bridge.traced import Traced
from fcinspect.cli.module import parse_input
from fcinspect.diagnosis.module import diagnose_trace
from fcinspect.diagnosis.records import Cause, Change, Diagnosis
from fcinspect.shapes.steps import ModuleTrace, Tensor
from tests.diagnosis.broken_modules import BROKEN, HEAD, Broken, net


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Forget the modules that a test imported, and their folder."""
    known, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - known:
        if getattr(sys.modules[name], "__file__", "").endswith("broken.py"):
            del sys.modules[name]
    sys.path[:] = path


def written(source: str, folder: Path) -> str:
    """Write a module to a file; return its name for Traced."""
    file = folder / "broken.py"
    file.write_text(source, encoding="utf-8")
    return f"{file}:Net"


def diagnosed(name: str, inputs: Sequence[Tensor]) -> Diagnosis | None:
    """Return the diagnosis of a module, its changes tried."""
    traced = Traced(name, {})
    trace = traced.trace(inputs, None, False, None)

    def retry(texts: Mapping[str, str], given: Sequence[Tensor]) -> ModuleTrace:
        return traced.trace_edited(texts, given, False)

    return diagnose_trace(trace, retry)


def changed(source: str, changes: Sequence[Change]) -> str:
    """Write the lines that are proposed, as a reader or program would."""
    lines = source.split("\n")
    for change in sorted(changes, key=lambda c: c.line, reverse=True):
        before = change.before.split("\n") if change.before else []
        start = change.line - 1
        assert lines[start : start + len(before)] == before
        lines[start : start + len(before)] = change.after.split("\n") if change.after else []
    return "\n".join(lines)


def run(source: str, inputs: Sequence[Tensor]) -> torch.Tensor:
    """Run a module with torch alone."""
    names: dict[str, object] = {}
    exec(compile(source, "mended.py", "exec"), names)
    made = names["Net"]
    module = made if isinstance(made, torch.nn.Module) else made()  # type: ignore[operator]  # a class or function
    given = [
        torch.zeros(t.shape, dtype=torch.int64) if t.dtype == "int64" else torch.randn(t.shape).to(
            getattr(torch, t.dtype or "float32"))
        for t in inputs
    ]  # fmt: skip
    if "Embedding" in source:
        given = [torch.zeros(t.shape) for t in inputs]
    module.eval()
    output = module(*given)
    assert isinstance(output, torch.Tensor)
    return output


@pytest.mark.parametrize("broken", BROKEN, ids=lambda b: b.name)
def test_with_the_first_cause_mended_the_module_runs(broken: Broken, tmp_path: Path) -> None:
    """The lines of the first cause are written, and torch runs the module on numbers."""
    inputs = [parse_input(text) for text in broken.inputs]
    with pytest.raises(Exception):  # noqa: B017, PT011  # whatever torch raises
        run(broken.source, inputs)
    found = diagnosed(written(broken.source, tmp_path), inputs)
    assert found is not None
    first = found.likely[0]
    assert first.name == broken.cause
    assert first.trial is not None
    assert first.trial.runs, first
    output = run(changed(broken.source, first.changes), inputs)
    assert output.shape[0] == broken.rows


def cause_of(found: Diagnosis | None, name: str) -> Cause:
    """Return the cause of that name."""
    assert found is not None
    return next(cause for cause in found.likely if cause.name == name)


def test_a_pool_keeps_the_weights(tmp_path: Path) -> None:
    """For pictures of another size a pool is proposed too, with all weights as they were."""
    broken = BROKEN[0]
    inputs = [parse_input(text) for text in broken.inputs]
    pool = cause_of(diagnosed(written(broken.source, tmp_path), inputs), "pool-to-fit")
    mended = changed(broken.source, pool.changes)
    assert "nn.Linear(8 * 8 * 8, 16)" in mended
    assert run(mended, inputs).shape == (4, 3)


def test_another_picture_size_is_tried(tmp_path: Path) -> None:
    """The size for which the network was made is found by running it."""
    broken = BROKEN[0]
    inputs = [parse_input(text) for text in broken.inputs]
    size = cause_of(diagnosed(written(broken.source, tmp_path), inputs), "input-size")
    assert "16×16" in size.cause
    assert run(broken.source, [Tensor((4, 3, 16, 16), "float32")]).shape == (4, 3)


def test_one_line_that_makes_several_layers_is_not_edited(tmp_path: Path) -> None:
    """A loop makes both layers from one line: no edit of it could be right, and none is shown."""
    body = net(
        "self.layers = nn.ModuleList(nn.Linear(8, 6) for _ in range(2))",
        "for layer in self.layers:\n    x = layer(x)\nreturn x",
    )
    found = diagnosed(written(HEAD + body, tmp_path), [Tensor((4, 8), "float32")])
    cause = cause_of(found, "in-features")
    assert cause.changes == ()
    assert cause.trial is None


def test_a_change_that_does_not_help_is_said_to_fail(tmp_path: Path) -> None:
    """A trial can fail: the next fault, which no edit mends, is told."""
    body = net("self.fc = nn.Linear(10, 3)", "x = self.fc(x)\nreturn x + torch.ones(5)")
    found = diagnosed(written(HEAD + body, tmp_path), [Tensor((4, 8), "float32")])
    cause = cause_of(found, "in-features")
    assert cause.trial is not None
    assert not cause.trial.runs
    assert "must match the size" in cause.trial.words


def test_files_are_never_written(tmp_path: Path) -> None:
    """Trials happen in memory: the file holds what it held."""
    broken = BROKEN[0]
    name = written(broken.source, tmp_path)
    diagnosed(name, [parse_input(text) for text in broken.inputs])
    assert (tmp_path / "broken.py").read_text(encoding="utf-8") == broken.source
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["broken.py"]

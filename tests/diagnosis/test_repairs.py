"""Broken modules: the cause comes first, and with its lines written the module runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import torch

from fcinspect.bridge.traced import Traced
from fcinspect.cli.module import parse_input
from fcinspect.diagnosis.mending import diagnose_trace
from fcinspect.diagnosis.recognising import PUT_IN, diagnose
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

    def retry(texts: Mapping[str, str], given: Sequence[Tensor]) -> ModuleTrace | None:
        return traced.trace_edited(texts, given, False)

    found = diagnose_trace(trace, retry)
    for cause in () if found is None else found.likely:
        assert PUT_IN.search(f"{cause.cause} {cause.evidence} {cause.fix}") is None
    return found


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


LOOP = net(
    "sizes = [32, 64, 3]\nlayers = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]\n"
    "self.layers = nn.Sequential(*layers)",
    "return self.layers(x)",
)
BLOCKS = (
    net("self.fc = nn.Linear(a, b)", "return self.fc(x)")
    .replace("Net", "Block")
    .replace("(self)", "(self, a, b)")
    + "\n\n"
    + net("self.one = Block(8, 6)\nself.two = Block(8, 3)", "return self.two(self.one(x))")
)


@pytest.mark.parametrize(
    ("body", "width", "line"),
    [(LOOP, 64, 10), (BLOCKS, 6, 9)],
    ids=["loop", "called twice"],
)
def test_of_a_line_that_makes_several_layers_the_place_is_told(
    body: str, width: int, line: int, tmp_path: Path
) -> None:
    """No edit of it could be right for all; its place and the layer's constructor are shown."""
    found = diagnosed(written(HEAD + body, tmp_path), [Tensor((4, 64 if line == 10 else 8), "")])
    cause = cause_of(found, "in-features")
    assert cause.changes == ()
    assert cause.fix == f"set in_features to {width}; broken.py:{line} creates the layer"
    assert cause.code is not None
    assert cause.code.startswith(f"nn.Linear({width}, ")
    assert found is not None
    assert "weight-transposed" not in {cause.name for cause in found.likely}


@pytest.mark.parametrize(
    ("inputs", "body", "message", "refuted"),
    [
        ("16,32,10,10", net("self.conv = nn.Conv2d(16, 8, 3)", "return self.conv(x)"),
         "to have 16 channels", "unbatched"),
        ("4,8", net("self.fc = nn.Linear(16, 3)", "return self.fc(x)"),
         "(4x8 and 16x3)", "flatten-missing"),
        ("1,32", net("self.fc = nn.Linear(16, 3)", "return self.fc(x)"),
         "(1x32 and 16x3)", "batch-flattened"),
        ("4,16", net("self.fc = nn.Linear(64, 3)", "return self.fc(x)"),
         "(4x16 and 64x3)", "unbatched"),
        ("4,20", net("self.fc = nn.Linear(10, 20)", "return self.fc(x)"),
         "(4x20 and 10x20)", "layer-applied-twice"),
        ("4,400", net("self.fc = nn.Linear(256, 3)", "return self.fc(x)"),
         "(4x400 and 256x3)", "pool-to-fit"),
    ],
    ids=lambda value: value if "-" in value or value == "unbatched" else "",
)  # fmt: skip
def test_what_the_run_refutes_is_not_guessed_from_the_text(
    inputs: str, body: str, message: str, refuted: str, tmp_path: Path
) -> None:
    """The text alone would tell of it; the failed step shows that it is not so."""
    found = diagnosed(written(HEAD + body, tmp_path), [parse_input(inputs)])
    assert found is not None
    assert message in found.message
    by_text = diagnose(found.message)
    assert isinstance(by_text, Diagnosis)
    assert refuted in {cause.name for cause in by_text.likely}
    assert refuted not in {cause.name for cause in found.likely}


def test_a_layer_that_is_used_again_may_be_applied_to_its_own_output(tmp_path: Path) -> None:
    """This the run does not refute."""
    body = net("self.fc = nn.Linear(10, 8)", "return self.fc(self.fc(x))")
    found = diagnosed(written(HEAD + body, tmp_path), [Tensor((4, 10), "")])
    assert cause_of(found, "layer-applied-twice")


def test_pictures_are_only_told_of_where_there_are_any(tmp_path: Path) -> None:
    """400 and 256 are 16·5·5 and 16·4·4; behind no picture that means nothing."""
    flat = net("self.fc = nn.Linear(256, 3)", "return self.fc(x)")
    three = net("self.fc = nn.Linear(256, 3)", "return self.fc(x.flatten(1))")
    for body, shape in ((flat, (4, 400)), (three, (4, 20, 20))):
        found = diagnosed(written(HEAD + body, tmp_path), [Tensor(shape, "")])
        assert found is not None
        words = " ".join(f"{cause.cause} {cause.evidence} {cause.fix}" for cause in found.likely)
        assert "channels" not in words
        assert "image" not in words
        assert "16·" not in words


@pytest.mark.parametrize(
    ("shape", "made", "layer"),
    [
        ((4, 16, 8, 8), "nn.Conv2d(16, 32, 3, padding=1)", "nn.Conv2d(16, 32, 1)"),
        ((4, 16, 9, 9), "nn.Conv2d(16, 32, 3, 2, 1)", "nn.Conv2d(16, 32, 1, stride=2)"),
        ((4, 16), "nn.Linear(16, 32)", "nn.Linear(16, 32)"),
        ((4, 7, 16), "nn.Linear(16, 32)", "nn.Linear(16, 32)"),
        ((4, 16, 9), "nn.Conv1d(16, 32, 3)", None),
    ],
)
@pytest.mark.parametrize("joined", ["x + y", "y * x"])
def test_a_skipped_connection_gets_a_layer_that_fits(
    shape: tuple[int, ...], made: str, layer: str | None, joined: str, tmp_path: Path
) -> None:
    """From the earlier tensor's shape to the later's, whichever stands first; it makes it run."""
    body = net(f"self.a = {made}", f"y = self.a(x)\nreturn {joined}")
    found = diagnosed(written(HEAD + body, tmp_path), [Tensor(shape, "float32")])
    cause = cause_of(found, "sizes-differ")
    if layer is None:
        assert "is the earlier one" not in cause.evidence
        return
    assert cause.code == f"self.skip = {layer}"
    assert f"{shape} is the earlier one" in cause.evidence
    mended = net(
        f"self.a = {made}\n{cause.code}", f"y = self.a(x)\nx = self.skip(x)\nreturn {joined}"
    )
    assert run(HEAD + mended, [Tensor(shape, "float32")]).shape[0] == 4


def test_a_picture_is_seen_through_what_keeps_its_shape(tmp_path: Path) -> None:
    """Dropout stands between the flattening and the layer."""
    body = net(
        "self.drop = nn.Dropout()\nself.fc = nn.Linear(512, 3)",
        "x = self.drop(x.flatten(1))\nreturn self.fc(x)",
    )
    found = diagnosed(written(HEAD + body, tmp_path), [Tensor((4, 8, 6, 6), "")])
    assert "288 = 8·6·6, channels × height × width" in cause_of(found, "in-features").evidence
    pool = cause_of(found, "pool-to-fit")
    assert pool.trial is not None
    assert pool.trial.runs


def test_of_the_sizes_with_which_it_runs_one_is_told(tmp_path: Path) -> None:
    """28×28 and 31×31 both give 7×7."""
    body = net(
        "self.fc = nn.Linear(7 * 7, 3)",
        "return self.fc(F.max_pool2d(F.max_pool2d(x, 2), 2).flatten(1))",
    )
    found = diagnosed(written(HEAD + body, tmp_path), [Tensor((4, 1, 32, 32), "")])
    assert found is not None
    sizes = [cause.cause for cause in found.likely if cause.name == "input-size"]
    assert sizes == ["The network was built for images of 28×28"]


def test_a_line_that_is_proposed_is_not_proposed_again(tmp_path: Path) -> None:
    """The text's cause has the same code as the change of the module's own."""
    body = net("self.fc = nn.Linear(8, 3).double()", "return self.fc(x)")
    found = diagnosed(written(HEAD + body, tmp_path), [Tensor((4, 8), "float32")])
    assert found is not None
    lines = [change.after.strip() for cause in found.likely for change in cause.changes]
    assert lines == ["return self.fc(x.double())"]
    assert "return self.fc(x.double())" not in [cause.code for cause in found.likely]


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


def test_heads_that_leave_features_over_are_told(tmp_path: Path) -> None:
    """A whole division hides it: 24 // 5 = 4. What the text guesses beside it is not said."""
    source = net(
        "self.heads = 5", "return x.view(x.size(0), x.size(1), self.heads, x.size(2) // self.heads)"
    )
    found = diagnosed(written(HEAD + source, tmp_path), [parse_input("2,7,24")])
    assert found is not None
    (cause,) = found.likely
    assert cause.name == "features-do-not-divide"
    assert "24 // 5 = 4, and 5·4 = 20 leaves 4 over" in cause.evidence
    assert cause.code == "heads = 4"


@pytest.mark.parametrize(("shape", "swapped"), [("4,7,10", False), ("4,28,10", True)])
def test_features_are_swapped_only_where_there_are_so_many(
    shape: str, swapped: bool, tmp_path: Path
) -> None:
    """A text cannot tell, the input can: no dimension of it is 28."""
    source = net("self.rnn = nn.RNN(28, 8, batch_first=True)", "return self.rnn(x)[0]")
    found = diagnosed(written(HEAD + source, tmp_path), [parse_input(shape)])
    assert found is not None
    assert ("sequence-transposed" in [cause.name for cause in found.likely]) == swapped

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

from fcinspect.bridge.trace import tracer
from fcinspect.bridge.traced import Traced
from fcinspect.errors import UsageError
from fcinspect.shapes.steps import Device, ModuleTrace, Step, Tensor

FILE = Path(__file__).with_name("real_modules.py")
SOURCE = FILE.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def own_imports() -> Iterator[None]:
    """Forget what loading the file of modules left behind."""
    path, known = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if name.endswith(FILE.stem):
            del sys.modules[name]


def of(*shape: int, dtype: str = "", name: str = "") -> Tensor:
    """Return an input as it is asked for; without a dtype it is the module's own."""
    return Tensor(shape, dtype, name)


@dataclass(frozen=True)
class Case:
    """A module, its inputs, and why torchinfo counts other multiply–adds."""

    name: str
    inputs: tuple[Tensor, ...]
    why: frozenset[str]
    """The reasons, see `reasons`."""
    unseen: int = 0
    """Products that no leaf layer does, and torchinfo therefore does not see."""

    def trace(self, device: Device | None = None) -> ModuleTrace:
        """Return the trace of a fresh module."""
        return traced(self.name, *self.inputs, device=device)

    def made(self) -> list[torch.Tensor]:
        """Return the inputs on the CPU."""
        types = {name: getattr(torch, name or "float32") for name in ("", "int64")}
        return [torch.zeros(t.shape, dtype=types[t.dtype]) for t in self.inputs]


def attention(batch: int, asking: int, asked: int, width: int, key: int, value: int) -> int:
    """Return the products of nn.MultiheadAttention, all heads together.

    Three projections, the scores, the weighing of the values, and the projection of what comes out.
    """
    projected = asking * width * width + asked * width * (key + value)
    return batch * (projected + 2 * asking * asked * width + asking * width * width)


def case(name: str, inputs: Tensor | tuple[Tensor, ...], *why: str, unseen: int = 0) -> Case:
    """Return a case of one input or several."""
    given = (inputs,) if isinstance(inputs, Tensor) else inputs
    return Case(name, given, frozenset(why), unseen)


CASES = [
    case("AlexNet", of(2, 3, 64, 64), "bias"),
    case("VGG", of(2, 3, 32, 32), "bias", "no product"),
    case("ResNet", of(2, 3, 32, 32), "bias", "no product"),
    case("ResNeXt", of(3, 3, 16, 16), "bias", "no product"),
    case("MobileNet", of(2, 3, 32, 32), "bias", "no product"),
    case("SqueezeNet", of(2, 3, 31, 33), "bias"),
    case("DenseNet", of(2, 3, 16, 16), "bias", "no product"),
    case("UNet", of(2, 1, 16, 24), "bias", "no product", "transposed"),
    case(
        "ViT", of(2, 3, 16, 16), "bias", "no product", "positions", "unseen",
        unseen=2 * attention(2, 17, 17, 16, 16, 16),
    ),
    case(
        "AttentionPool", (of(5, 3, 12), of(7, 3, 5)), "bias", "positions", "unseen",
        unseen=attention(3, 5, 7, 12, 5, 5),
    ),
    case("SelfAttention", of(2, 5, 8), "bias", "positions", "unseen", unseen=2 * 2 * 5 * 5 * 8),
    case("LSTMClassifier", of(4, 9, dtype="int64"), "bias", "no product"),
    case("GRUForecast", of(6, 4, 3), "bias"),
    case("TextCNN", of(3, 11, dtype="int64"), "bias", "no product"),
    case("Mixer", of(2, 3, 12, 12), "bias", "no product", "positions"),
    case("Autoencoder", of(2, 1, 12, 12), "bias", "transposed"),
    case("Voxels", of(2, 1, 6, 8, 7), "bias", "no product", "transposed"),
]  # fmt: skip
Fault = tuple[str, dict[str, Any], tuple[Tensor, ...]]
"""The module, the arguments of its class, and its inputs."""
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def traced(
    name: str,
    *inputs: Tensor,
    device: Device | None = None,
    training: bool = False,
    **arguments: Any,
) -> ModuleTrace:
    """Return the trace of one of the modules in the file."""
    return made(name, **arguments).trace(inputs, None, training, device)


def made(name: str, **arguments: Any) -> Traced:
    """Return one of the modules in the file, not yet loaded."""
    return Traced(f"{FILE}:{name}", arguments)


def fresh(name: str) -> nn.Module:
    """Return a module on the CPU in evaluation mode."""
    return made(name).module().eval()


def own(step: Step) -> Step:
    """Return a step without a place outside of the file: here that is this test's own."""
    if step.called is not None and step.called.file != str(FILE):
        return replace(step, called=None)
    return step


def size(step: Step) -> int:
    """Return how many numbers a step's parameters hold, counted before or not."""
    return sum(prod(parameter.shape) for parameter in step.parameters)


@cache
def summarised(case: Case) -> Any:
    """Return what torchinfo says of a module."""
    with torch.random.fork_rng():
        return summary(fresh(case.name), input_data=case.made(), verbose=0, depth=99)


def leaves(found: Any) -> list[Any]:
    """Return torchinfo's layers that did something; an attention's part is never called."""
    return [
        layer
        for layer in found.summary_list
        if layer.executed and (layer.is_leaf_layer or layer.class_name == "MultiheadAttention")
    ]


@each
def test_layers_are_those_of_torchinfo(case: Case) -> None:
    """The same leaves in the same order, each with its output's shape and its parameters."""
    found = case.trace()
    assert found.failure is None
    modules = [step for step in found.steps if step.is_module]
    expected = leaves(summarised(case))
    assert [step.kind.rpartition(" → ")[2] for step in modules] == [
        layer.class_name for layer in expected
    ]
    for step, layer in zip(modules, expected, strict=True):
        assert list(step.outputs[0].shape) == layer.output_size, step.path
        assert size(step) == layer.num_params, step.path
        assert step.count == (0 if layer.is_recursive else layer.num_params), step.path


@each
def test_parameters_are_the_modules_own(case: Case) -> None:
    """The total is the sum over the parameters, torchinfo's, and that of the steps."""
    found, module = case.trace(), fresh(case.name)
    with torch.no_grad():
        returned = module(*case.made())
    held = {key: tuple(p.shape) for key, p in module.named_parameters()}
    assert found.parameters == sum(p.numel() for p in module.parameters())
    assert found.parameters == summarised(case).total_params
    assert found.parameters == sum(step.count for step in found.steps)
    assert found.parameter_bytes == 4 * found.parameters
    assert found.trainable == found.parameters
    assert found.buffers == sum(b.numel() for b in module.buffers())
    used = {p.name: p.shape for step in found.steps for p in step.parameters}
    assert used == held
    assert found.unused == ()
    assert [t.shape for t in found.outputs] == [tuple(returned.shape)]
    assert found.outputs[0].dtype == "float32"


def recurrent_macs(layer: nn.RNNBase, rows: int) -> int:
    """Return gates·H·(I + H) for each row of each step, layer and direction."""
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[type(layer).__name__]
    directions = 2 if layer.bidirectional else 1
    total = 0
    for place in range(layer.num_layers):
        entering = layer.input_size if place == 0 else directions * layer.hidden_size
        total += directions * gates * layer.hidden_size * (entering + layer.hidden_size)
    return rows * total


@contextmanager
def written_out() -> Iterator[None]:
    """Keep torch from fusing attention, so that its products can be seen."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def is_below(path: str, name: str) -> bool:
    """Whether a path is that of a module or of one of its parts; "" is the whole."""
    return not name or path == name or path.startswith(f"{name}.")


def counted_by_torch(case: Case) -> dict[str, int]:
    """Return the multiply–adds of every module with all its parts, by torch's own counter.

    The CPU's kernels of recurrent layers hide their products: there it is the closed form.
    """
    module, counter = fresh(case.name), FlopCounterMode(display=False)
    rows: dict[str, int] = {}

    def seen(name: str, layer: nn.RNNBase, args: tuple[torch.Tensor, ...]) -> None:
        rows[name] = recurrent_macs(layer, prod(args[0].shape[:2]))

    for name, part in module.named_modules():
        if isinstance(part, nn.RNNBase):
            part.register_forward_pre_hook(partial(seen, name))
    with torch.no_grad(), written_out(), counter:
        module(*case.made())
    flops = {name: sum(of.values()) for name, of in counter.get_flop_counts().items()}
    found = {}
    for name, part in module.named_modules():
        if isinstance(part, nn.ModuleList | nn.ModuleDict):
            continue  # never called, so torch counts nothing there
        inner = [path for path in rows if is_below(path, name)]
        hidden = sum(flops.get(f"{case.name}.{path}", 0) for path in inner)
        doubled = flops.get(f"{case.name}.{name}" if name else case.name, 0) - hidden
        assert doubled % 2 == 0
        found[name] = doubled // 2 + sum(rows[path] for path in inner)
    return found


@each
@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.sampled(3)
def test_macs_are_half_of_torchs_flops(case: Case, device: Device) -> None:
    """In total and in every module, on both devices."""
    found = case.trace(device)
    ours = {
        name: sum(
            step.macs
            for step in found.steps
            if step.path == name or step.path.startswith(name and f"{name}.")
        )
        for name, part in fresh(case.name).named_modules()
        # a list is never called: torch counts nothing for it
        if not isinstance(part, nn.ModuleList | nn.ModuleDict)
    }
    expected = counted_by_torch(case)
    # parts of an attention are not called as modules: neither counts anything there
    assert ours == {name: macs for name, macs in expected.items() if name in ours}
    assert found.macs == expected[""] > 0


def reasons(case: Case) -> Counter[str]:
    """Return by how much torchinfo counts more than there are products, and why.

    - "bias": it counts every addition of a bias as a multiply–add.
    - "no product": it counts parameters of layers that compute no sum of products: normalisations,
      embeddings, PReLU.
    - "positions": it multiplies a linear layer's weight with the first dimension alone, though each
      position of a sequence meets the weight.
    - "transposed": it lets the kernel of a transposed convolution meet the output; what it does
      meet is each number of the input.
    - "unseen": it sees no product outside of a leaf layer, as of attention.
    """
    found: Counter[str] = Counter()
    for layer in leaves(summarised(case)):
        module, out = layer.module, layer.output_size
        own = dict(module.named_parameters(recurse=False))
        biases = sum(p.numel() for key, p in own.items() if "bias" in key)
        weights = sum(p.numel() for key, p in own.items() if "weight" in key)
        if layer.class_name == "MultiheadAttention":
            assert layer not in [part for part in leaves(summarised(case)) if part.is_leaf_layer]
        elif "Conv" in layer.class_name:
            places = out[0] * prod(out[2:])
            found["bias"] += biases * places
            if "Transpose" in layer.class_name:
                found["transposed"] += weights * (places - out[0] * prod(layer.input_size[2:]))
        elif "Linear" in layer.class_name:
            found["bias"] += biases * out[0]
            found["positions"] -= weights * (prod(out[:-1]) - out[0])
        elif isinstance(module, nn.RNNBase):
            found["bias"] += biases * prod(out[:2])
        else:
            found["no product"] += (weights + biases) * out[0]
    found["unseen"] -= case.unseen
    return found


@each
def test_what_torchinfo_counts_otherwise_is_explained(case: Case) -> None:
    """The difference of the totals is that of the reasons stated for each module, to the last."""
    why = reasons(case)
    assert {reason for reason, amount in why.items() if amount} == case.why
    assert summarised(case).total_mult_adds - case.trace().macs == sum(why.values())


@each
def test_both_devices_give_the_same_steps(case: Case) -> None:
    """Shapes without numbers are the shapes of numbers."""
    on_meta, on_cpu = case.trace(), case.trace("cpu")
    assert (on_meta.device, on_meta.why_not_meta) == ("meta", "")
    assert on_cpu.device == "cpu"
    for ours, theirs in zip(on_meta.steps, on_cpu.steps, strict=True):
        assert own(ours) == own(theirs)
    differing = {"device": "", "steps": ()}
    assert replace(on_meta, **differing) == replace(on_cpu, **differing)  # type: ignore[arg-type]


@each
def test_steps_hang_together(case: Case) -> None:
    """Numbered from 0; what enters a step left another or the input; windows end as it does."""
    found = case.trace()
    assert [step.number for step in found.steps] == list(range(len(found.steps)))
    sizes = {prod(tensor.shape) for tensor in found.inputs}
    for step in found.steps:
        numbers = [prod(tensor.shape) for tensor in step.inputs]
        assert not numbers or sizes & set(numbers), step
        sizes |= {prod(tensor.shape) for tensor in step.outputs}
        if step.windows:
            axes = len(step.windows)
            assert tuple(w.size for w in step.windows) == step.inputs[0].shape[-axes:]
            assert tuple(w.output for w in step.windows) == step.outputs[0].shape[-axes:]
        sliding = re.fullmatch(r"(Conv|ConvTranspose|MaxPool|AvgPool)(\d)d", step.kind)
        assert len(step.windows) == (int(sliding[2]) if sliding else len(step.windows)), step


def steps_of(trace: ModuleTrace) -> list[tuple[str, str]]:
    """Return path and kind of every step."""
    assert trace.failure is None, trace.failure
    return [(step.path, step.kind) for step in trace.steps]


def test_a_shared_layer_counts_once() -> None:
    """Its later uses say so, and multiply as much again."""
    found = traced("Shared", of(2, 6))
    layers = [step for step in found.steps if step.path == "layer"]
    assert [step.count for step in layers] == [42, 0, 0]
    assert [[p.new for p in step.parameters] for step in layers] == [[True] * 2] + [[False] * 2] * 2
    assert [step.note for step in layers] == ["", "2nd use", "3rd use"]
    assert [step.macs for step in layers] == [2 * 6 * 6] * 3
    assert found.parameters == 42
    assert {step.note for step in found.steps if step.path == "act"} == {""}


def test_tied_weights_count_once() -> None:
    """The decoder uses the embedding's weight, which no longer is new."""
    found = traced("Tied", of(2, 7, dtype="int64"))
    embedding, decoder = found.steps
    assert (embedding.count, decoder.count, found.parameters) == (44, 0, 44)
    assert [p.new for p in decoder.parameters] == [False]
    assert [p.name for p in embedding.parameters] == ["embedding.weight"]
    assert decoder.weight == (11, 4)
    assert decoder.macs == 2 * 7 * 4 * 11
    assert found.unused == ()


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("TwoHeads", {"scores": (2, 3), "boxes.0": (2, 2), "boxes.1": (2, 8)}),
        ("Pair", {"0": (2, 2), "1": (2, 3)}),
        ("ByDataclass", {"logits": (2, 2), "states.0": (2, 4), "states.1": (2, 3)}),
        ("ByNamedTuple", {"score": (2, 2), "state": (2, 4)}),
    ],
)
def test_outputs_are_named_by_their_place(name: str, outputs: dict[str, tuple[int, ...]]) -> None:
    """In dicts, tuples, dataclasses and named tuples, one in another."""
    found = traced(name, of(2, 4))
    assert found.failure is None
    assert {tensor.name: tensor.shape for tensor in found.outputs} == outputs
    assert len(found.outputs) == len(outputs)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_lazy_layer_becomes_another(device: Device) -> None:
    """Its parameters count as they are after the call."""
    found = traced("Lazy", of(2, 3, 4), device=device)
    assert found.failure is None
    lazy = next(step for step in found.steps if step.path == "fc1")
    assert lazy.kind == "LazyLinear → Linear"
    assert lazy.weight == (5, 12)
    assert lazy.bias == (5,)
    assert lazy.count == 5 * 12 + 5
    assert lazy.macs == 2 * 12 * 5
    assert lazy.linear
    assert found.parameters == 5 * 12 + 5 + 5 * 2 + 2


def test_an_error_that_the_module_catches_is_no_failure() -> None:
    """What failed is no step, and its layer is not used."""
    found = traced("Forgiving", of(2, 3))
    assert found.failure is None
    assert found.device == "meta"
    assert steps_of(found) == [("right", "Linear")]
    assert {p.name for p in found.unused} == {"wrong.weight", "wrong.bias"}


def test_a_layer_that_is_tried_twice_counts_where_it_works() -> None:
    """The first try, which failed, uses no parameters."""
    found = traced("Retries", of(3, 5))
    layer = next(step for step in found.steps if step.path == "fc")
    assert found.failure is None
    assert layer.outputs[0].shape == (5, 2)
    assert layer.count == 8
    assert layer.note == ""


@pytest.mark.parametrize("name", ["ReadsNumber", "UsesNumpy", "Branches"])
def test_what_needs_numbers_runs_on_the_cpu(name: str) -> None:
    """The trace is that of the CPU, and says what kept it from the meta device."""
    found, on_cpu = traced(name, of(2, 3)), traced(name, of(2, 3), device="cpu")
    assert found.failure is None
    assert found.device == "cpu"
    assert re.match(r"\w+: .*meta", found.why_not_meta)
    assert [own(step) for step in found.steps] == [own(step) for step in on_cpu.steps]
    assert ("fc", "Linear") in steps_of(found)
    assert on_cpu.why_not_meta == ""


def test_a_module_that_can_run_nowhere_failed_on_the_cpu() -> None:
    """On meta it stops before the step that it stops at on the CPU: that is not meta's."""
    found = traced("Branches", of(2, 4))
    assert found.failure is not None
    assert found.failure.step is not None
    assert found.failure.step.path == "fc"
    assert found.device == "cpu"
    assert "meta" in found.why_not_meta


def test_layers_in_a_plain_list_have_a_path() -> None:
    """By index and by key; torch does not know their parameters, the steps do."""
    found = traced("PlainList", of(2, 4))
    assert steps_of(found) == [
        ("layers[0]", "Linear"), ("", "relu"), ("layers[1]", "Linear"), ("", "relu"),
        ("named['last']", "Linear"),
    ]  # fmt: skip
    assert [step.count for step in found.steps if step.is_module] == [25, 36, 14]
    assert {p.name for step in found.steps for p in step.parameters} == {""}
    assert found.parameters == 0


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_products_with_parameters_are_linear(device: Device) -> None:
    """The weight is what is multiplied by, turned where the code turns it."""
    found = traced("ByHand", of(2, 4), device=device)
    linear = [step for step in found.steps if step.linear]
    assert [(s.kind, s.weight, s.bias) for s in linear] == [
        ("linear", (5, 4), (5,)), ("matmul", (5, 3), None), ("matmul", (3, 2), None),
    ]  # fmt: skip
    assert [s.macs for s in linear] == [2 * 4 * 5, 2 * 5 * 3, 2 * 3 * 2]
    assert [[p.name for p in s.parameters] for s in linear] == [
        ["weight1", "bias1"], ["weight2"], ["weight3"],
    ]  # fmt: skip
    assert [[t.shape for t in s.inputs] for s in linear] == [[(2, 4)], [(2, 5)], [(2, 3)]]
    scaled = found.steps[-1]
    assert (scaled.kind, scaled.linear, scaled.count, scaled.macs) == ("mul", False, 2, 0)
    assert len(found.steps) == 4


def test_products_by_other_functions() -> None:
    """Adding a bias multiplies nothing; a product without a parameter is no linear layer."""
    added, summed, turned, itself = traced("ByFunctions", of(2, 4)).steps
    assert (added.kind, added.linear, added.weight, added.bias) == ("addmm", True, (4, 5), (5,))
    assert (added.macs, added.count) == (2 * 4 * 5, 25)
    assert (summed.kind, summed.linear, summed.weight) == ("einsum", True, (3, 5))
    assert (summed.macs, summed.count) == (2 * 5 * 3, 15)
    assert turned.kind == "t"
    assert (itself.kind, itself.linear, itself.weight) == ("matmul", False, None)
    assert itself.macs == 2 * 3 * 2


def test_questions_are_no_steps() -> None:
    """Neither sizes and switches, nor tensors that take only a form."""
    assert steps_of(traced("Asks", of(2, 3))) == [("fc", "Linear")]


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_pieces_of_what_recurrent_layers_return_are_named(device: Device) -> None:
    """Which step or state an index picks, whichever dimension is time."""
    found = traced("Recurrences", of(2, 5, 3), device=device)
    assert found.failure is None
    notes = [(step.call, step.note) for step in found.steps if step.kind == "getitem"]
    assert notes == [
        ("[:, -1]", "last step of rnn"),
        ("[:, 0]", "first step of rnn"),
        ("[-1]", "all steps of row -1 of the batch, from rnn"),
        ("[-1]", "last layer's hidden state of rnn"),
        ("[-1]", "last step of gru"),
        ("[:, -1, :]", "last step of lstm"),
        ("[-1]", "last layer's hidden state of lstm"),
        ("[-1]", "last layer's cell state of lstm"),
    ]
    assert [step.call for step in found.steps if step.is_module] == [
        "batch_first=True", "batch_first=False", "batch_first=True, num_layers=2",
    ]  # fmt: skip


def test_pieces_of_views_are_not_misnamed() -> None:
    """In a turned or shortened output the index means something else."""
    steps = traced("Turned", of(6, 5, 3)).steps
    turned, _, third, _, last_of_row = steps[-5:]
    assert (turned.outputs[0].shape, third.outputs[0].shape) == ((6, 4), (6, 4))
    assert turned.note in ("", "last step of rnn")
    assert third.note in ("", "output of rnn")
    assert last_of_row.outputs[0].shape == (4,)
    assert "row -1" not in last_of_row.note


def line_in(name: str, text: str) -> int:
    """Return the only line of a class that holds a text."""
    tree = ast.parse(SOURCE)
    place = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    assert place.end_lineno is not None
    lines = SOURCE.splitlines()
    (found,) = [n for n in range(place.lineno, place.end_lineno + 1) if text in lines[n - 1]]
    return found


def test_lines_are_those_of_the_file() -> None:
    """Where a step is called, and where its module is made."""
    found = traced("BasicBlock", of(2, 4, 8, 8), entering=4, leaving=6)
    called = {(s.path, s.kind): s.called for s in found.steps}
    made = {s.path: s.made for s in found.steps if s.is_module}
    for path, text in [("conv1", "self.conv1("), ("bn2", "self.bn2(self"), ("", "out += ")]:
        place = next(place for (at, _), place in called.items() if at == path)
        assert place is not None
        assert place.file == str(FILE)
        assert place.line == line_in("BasicBlock", text)
        assert place.function == "forward"
    for path, text in [("conv1", "self.conv1 ="), ("downsample.1", "1, stride, bias=False)")]:
        where = made[path]
        assert where is not None
        assert where.file == str(FILE)
        assert where.line == line_in("BasicBlock", text)
        assert where.function == "__init__"
    assert found.sources == {str(FILE): SOURCE}


@each
def test_places_are_the_calls_themselves(case: Case) -> None:
    """The named columns hold an expression, and for a layer called by its name that call."""
    lines, named = SOURCE.encode().splitlines(), 0
    for step in case.trace().steps:
        place = own(step).called
        if place is None or place.end_line != place.line:
            continue
        text = lines[place.line - 1][place.column : place.end_column].decode()
        parsed = ast.parse(text).body[0]
        assert isinstance(parsed, ast.Expr | ast.AugAssign), text
        if isinstance(parsed, ast.Expr) and step.is_module and f"self.{step.path}(" in text:
            assert isinstance(parsed.value, ast.Call)
            assert ast.unparse(parsed.value.func) == f"self.{step.path}"
            named += 1
    assert named or case.name in ("ResNeXt", "Autoencoder", "Voxels", "AlexNet", "SqueezeNet")


def test_a_long_run_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later steps are not listed, but said to be; products, parameters and outputs are complete."""
    monkeypatch.setattr(tracer, "MOST_STEPS", 5)
    found = traced("Long", of(2, 3), times=8)
    assert [step.number for step in found.steps] == [0, 1, 2, 3, 4]
    assert found.stopped == "3 more steps are counted but not listed"
    assert found.outputs[0].shape == (2, 3)
    assert traced("Long", of(2, 3), times=5).stopped == ""
    late = traced("Recurrences", of(2, 5, 3))
    assert late.unused == ()


def test_the_total_of_a_capped_run_is_that_of_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiply–adds of steps that are not listed count."""
    monkeypatch.setattr(tracer, "MOST_STEPS", 5)
    assert traced("Long", of(2, 3), times=8).macs == 8 * 2 * 3 * 3


def test_several_inputs_have_their_own_types_and_names() -> None:
    """Positional ones in order, named ones by name; a missing type is the module's."""
    given = (of(2, 5, dtype="int64"), of(2, 5, 3), of(2, 5, 1, dtype="bool", name="mask"))
    found = traced("Several", *given)
    assert found.failure is None
    assert [t.dtype for t in found.inputs] == ["int64", "float32", "bool"]
    assert [t.name for t in found.inputs] == ["", "", "mask"]
    assert steps_of(found) == [
        ("words", "Embedding"), ("numbers", "Linear"), ("", "add"), ("", "masked_fill"),
    ]  # fmt: skip
    assert [t.dtype for t in found.steps[-1].inputs] == ["float32", "bool"]
    assert found.outputs == (Tensor((2, 5, 4), "float32"),)
    unmasked = traced("Several", *given[:2])
    assert steps_of(unmasked) == steps_of(found)[:-1]
    double = traced("TooNarrow", of(2, 4, dtype="float64"), device="meta")
    assert double.failure is not None
    assert double.steps == ()


def test_inputs_that_forward_does_not_take_are_refused() -> None:
    """Too few, too many, and unknown names."""
    words, numbers = of(2, 5, dtype="int64"), of(2, 5, 3)
    with pytest.raises(UsageError, match="numbers"):
        traced("Several", words)
    with pytest.raises(UsageError, match="too many"):
        traced("Several", words, numbers, numbers, numbers)
    with pytest.raises(UsageError, match="masc") as refused:
        traced("Several", words, numbers, of(2, 5, 1, name="masc"))
    assert "mask" in (refused.value.hint or "")


def test_entries_of_a_dict_are_inputs() -> None:
    """NAME.KEY gives forward a dict; a name that is given twice is refused."""
    entries = (of(2, 5, dtype="int64", name="batch.words"), of(2, 5, 3, name="batch.numbers"))
    found = traced("TakesDict", *entries)
    assert found.failure is None
    assert found.outputs == (Tensor((2, 5, 4), "float32"),)
    with pytest.raises(UsageError, match="words=…: forward takes") as refused:
        traced("TakesDict", of(2, 5, dtype="int64", name="words"))
    assert refused.value.hint == "if batch is a dict, give its entries as --input batch.words=…"
    with pytest.raises(UsageError, match=r"batch\.words=…: this name is given twice"):
        traced("TakesDict", of(2, 5, name="batch"), *entries)


def test_an_input_that_is_not_given_is_as_wide_as_the_first_layer() -> None:
    """With the batch that is asked for; where the first layer does not tell, it must be given."""
    subject = made("Shared")
    assert subject.trace([], None, False, None).inputs == (Tensor((1, 6), "float32"),)
    found = subject.trace([], (7, 2), False, None)
    assert found.inputs == (Tensor((7, 2, 6), "float32"),)
    assert "layer.in_features" in found.input_origin
    assert subject.trace([of(6)], (7,), False, None).inputs[0].shape == (7, 6)
    with pytest.raises(UsageError, match="shape of the input"):
        made("ResNet").trace([], None, False, None)


READY = [("ready", of(5, 4)), ("ready_lazy", of(2, 3)), ("ready_tied", of(2, 3, dtype="int64"))]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_ready_module_keeps_its_numbers(device: Device | None, training: bool) -> None:
    """The same tensors with the same numbers, running means of training too."""
    subject = made("ready")
    module = subject.module()
    tensors = module.state_dict(keep_vars=True)
    before = {key: tensor.detach().clone() for key, tensor in tensors.items()}
    found = subject.trace([of(5, 4)], None, training, device)
    assert found.failure is None
    assert found.device == (device or "meta")
    assert subject.module() is module
    after = module.state_dict(keep_vars=True)
    assert all(after[key] is tensors[key] for key in tensors)
    assert after.keys() == before.keys()
    for key, tensor in after.items():
        assert torch.equal(tensor, before[key]), key


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("name", ["ready_lazy", "ready_tied"])
def test_a_ready_module_gives_the_trace_of_its_class(name: str, device: Device) -> None:
    """Ties hold and lazy layers stay lazy for the next run."""
    shape = dict(READY)[name]
    subject = made(name)
    found = subject.trace([shape], None, False, device)
    again = subject.trace([shape], None, False, device)
    fresh_one = traced({"ready_lazy": "Lazy", "ready_tied": "Tied"}[name], shape, device=device)
    assert found.failure is None
    assert found.device == device
    for other in (again, fresh_one):
        assert [replace(step, made=None) for step in map(own, found.steps)] == [
            replace(step, made=None) for step in map(own, other.steps)
        ]
        assert found.parameters == other.parameters


def test_evaluation_unless_training_is_asked_for() -> None:
    """A module may do more in training; what only training uses is else unused."""
    evaluated, trained = traced("Modes", of(3, 4)), traced("Modes", of(3, 4), training=True)
    assert (evaluated.training, trained.training) == (False, True)
    assert steps_of(evaluated) == [("norm", "BatchNorm1d"), ("fc", "Linear")]
    assert steps_of(trained)[2:] == [("auxiliary", "Linear")]
    assert [p.name for p in evaluated.unused] == ["auxiliary.weight", "auxiliary.bias"]
    assert trained.unused == ()
    assert [t.name for t in trained.outputs] == ["0", "1"]
    assert evaluated.parameters == trained.parameters


def test_unused_and_frozen_parameters_and_buffers_are_told() -> None:
    """Each by its name in the state dict."""
    found = traced("Whole", of(2, 3))
    assert [(p.name, p.shape) for p in found.unused] == [("unused.weight", (2, 3))]
    assert (found.parameters, found.trainable, found.buffers) == (14, 12, 3)


def test_a_step_that_fails_is_told_in_torchs_own_words() -> None:
    """With the steps before it, what entered, and where."""
    found = traced("TooNarrow", of(2, 4))
    with pytest.raises(RuntimeError) as raised:
        fresh("TooNarrow")(torch.zeros(2, 4))
    failure = found.failure
    assert failure is not None
    assert (failure.error, failure.message) == ("RuntimeError", str(raised.value))
    assert failure.step is not None
    assert (failure.step.path, failure.step.outputs) == ("fc2", ())
    assert failure.step.inputs == (Tensor((2, 5), "float32"),)
    assert failure.step.weight == (2, 6)
    assert failure.place is not None
    assert failure.place.line == line_in("TooNarrow", "self.fc2(")
    assert failure.code == "return self.fc2(self.fc1(x))"
    assert [(step.path, step.kind) for step in found.steps] == [("fc1", "Linear")]
    assert (found.device, found.why_not_meta, found.outputs) == ("meta", "", ())


def layer(make: Callable[[], nn.Module], *inputs: Tensor) -> Fault:
    """Return a layer that does not fit its inputs."""
    return "Holds", {"make": make}, inputs


def call(function: Callable[..., Any], *inputs: Tensor) -> Fault:
    """Return a function that does not fit its inputs."""
    return "Applies", {"function": function}, inputs


picture, rows, whole = of(2, 4, 8, 8), of(2, 3), of(2, 3, dtype="int64")
FAULTS = {
    "conv1d channels": layer(lambda: nn.Conv1d(3, 4, 3), of(2, 4, 8)),
    "conv2d channels": layer(lambda: nn.Conv2d(3, 4, 3), picture),
    "conv2d kernel": layer(lambda: nn.Conv2d(4, 4, 9), picture),
    "conv2d dtype": layer(lambda: nn.Conv2d(4, 4, 3), replace(picture, dtype="float64")),
    "conv2d int": layer(lambda: nn.Conv2d(4, 4, 3), replace(picture, dtype="int64")),
    "conv2d padding": layer(lambda: nn.Conv2d(4, 4, 3, padding=-1), picture),
    "conv2d dilation": layer(lambda: nn.Conv2d(4, 4, 3, dilation=0), picture),
    "conv2d stride": layer(lambda: nn.Conv2d(4, 4, 3, stride=0), picture),
    "conv2d groups": call(lambda x, w: F.conv2d(x, w, groups=2), picture, of(3, 2, 3, 3)),
    "conv2d bias": call(F.conv2d, picture, of(3, 4, 3, 3), of(4)),
    "conv3d channels": layer(lambda: nn.Conv3d(3, 4, 3), of(2, 4, 8, 8, 8)),
    "transposed 1d channels": layer(lambda: nn.ConvTranspose1d(3, 4, 3), of(2, 4, 8)),
    "transposed 2d channels": layer(lambda: nn.ConvTranspose2d(3, 4, 3), picture),
    "transposed 3d channels": layer(lambda: nn.ConvTranspose3d(3, 4, 3), of(2, 4, 8, 8, 8)),
    "transposed groups": layer(lambda: nn.ConvTranspose2d(8, 8, 3, groups=2), picture),
    "transposed one picture": layer(lambda: nn.ConvTranspose2d(3, 4, 3), of(4, 8, 8)),
    "transposed padding": layer(lambda: nn.ConvTranspose2d(4, 4, 3, output_padding=1), picture),
    "transposed bias": call(F.conv_transpose2d, picture, of(4, 3, 3, 3), of(4)),
    "linear width": layer(lambda: nn.Linear(4, 2), rows),
    "linear dtype": layer(lambda: nn.Linear(3, 2), replace(rows, dtype="float64")),
    "linear int": layer(lambda: nn.Linear(3, 2), whole),
    "linear bias": call(F.linear, rows, of(4, 3), of(3)),
    "batch norm": layer(lambda: nn.BatchNorm2d(3), picture),
    "batch norm dtype": layer(lambda: nn.BatchNorm2d(4), replace(picture, dtype="float64")),
    "layer norm": layer(lambda: nn.LayerNorm(4), rows),
    "group norm": layer(lambda: nn.GroupNorm(3, 3), picture),
    "group norm dtype": layer(lambda: nn.GroupNorm(2, 4), replace(picture, dtype="float64")),
    "embedding of floats": layer(lambda: nn.Embedding(5, 3), rows),
    "rnn width": layer(lambda: nn.RNN(4, 2), of(5, 2, 3)),
    "lstm dtype": layer(lambda: nn.LSTM(3, 2), of(5, 2, 3, dtype="float64")),
    "gru state": layer(lambda: nn.GRU(3, 2), of(5, 2, 3), of(1, 4, 2)),
    "attention width": layer(lambda: nn.MultiheadAttention(4, 2), *[of(2, 5, 6)] * 3),
    "attention of sdpa": call(
        F.scaled_dot_product_attention, of(2, 2, 5, 4), *[of(2, 2, 5, 6)] * 2
    ),
    "max pool size": layer(lambda: nn.MaxPool2d(9), picture),
    "max pool padding": layer(lambda: nn.MaxPool2d(2, padding=2), picture),
    "max pool negative": layer(lambda: nn.MaxPool2d(2, padding=-1), picture),
    "max pool of nothing": layer(lambda: nn.MaxPool2d(2, padding=1), of(2, 3, 0, 8)),
    "max pool stride": call(lambda x: F.max_pool2d(x, 2, (0, 1)), picture),
    "average pool size": layer(lambda: nn.AvgPool2d(9), picture),
    "softmax dim": layer(lambda: nn.Softmax(dim=2), rows),
    "softmax negative dim": call(lambda x: x.softmax(-3), rows),
    "log softmax dim": layer(lambda: nn.LogSoftmax(dim=2), rows),
    "softmax int": call(lambda x: torch.softmax(x, 1), whole),
    "gelu int": layer(nn.GELU, whole),
    "silu int": layer(nn.SiLU, whole),
    "hardswish int": layer(nn.Hardswish, whole),
    "softplus int": layer(nn.Softplus, whole),
    "relu bool": layer(nn.ReLU, of(2, 3, dtype="bool")),
    "prelu": layer(lambda: nn.PReLU(4), rows),
    "glu": layer(nn.GLU, rows),
    "pixel shuffle": layer(lambda: nn.PixelShuffle(3), picture),
    "unflatten": layer(lambda: nn.Unflatten(1, (2, 2)), rows),
    "cross entropy": call(F.cross_entropy, rows, of(3, dtype="int64")),
    "cat": call(lambda a, b: torch.cat([a, b], 1), rows, of(3, 3)),
    "stack": call(lambda a, b: torch.stack([a, b]), rows, of(2, 4)),
    "stack of none": call(lambda _: torch.stack([]), rows),
    "view": call(lambda x: x.view(2, 5), rows),
    "view of turned": call(lambda x: x.transpose(1, 2).view(2, -1), of(2, 3, 4)),
    "permute": call(lambda x: x.permute(0, 2, 1), rows),
    "index": call(lambda x: x[:, 5], rows),
    "index select": call(lambda x, i: x.index_select(1, i), rows, of(2, 2, dtype="int64")),
    "sort dim": call(lambda x: x.sort(2).values, rows),
    "matmul": call(torch.matmul, rows, of(4, 2)),
    "matmul dtype": call(torch.matmul, rows, of(3, 2, dtype="float64")),
    "matmul batch": call(torch.matmul, of(2, 3, 4), of(3, 4, 2)),
    "bmm": call(torch.bmm, of(2, 3, 4), of(2, 3, 4)),
    "einsum": call(lambda a, b: torch.einsum("bi,bj->ij", a, b), rows, of(4, 3)),
    "add": call(torch.add, rows, of(2, 4)),
    "add in place": call(lambda a, b: a.add_(b), of(3), rows),
    "add to expanded": call(lambda a: a.expand(2, 3).add_(1), of(1, 3)),
    "relu of expanded": call(lambda a: a.expand(2, 3).relu_(), of(1, 3)),
    "sum dim": call(lambda x: x.sum(2), rows),
    "mean int": call(lambda x: x.mean(), whole),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_torch_refuses_fails(fault: Fault) -> None:
    """In the words of a device with numbers, though the meta device takes much that none can do."""
    name, arguments, inputs = fault
    found = traced(name, *inputs, **arguments)
    on_cpu = traced(name, *inputs, device="cpu", **arguments)
    assert on_cpu.failure is not None
    assert found.failure is not None
    assert (found.failure.error, found.failure.message) == (
        on_cpu.failure.error, on_cpu.failure.message,
    )  # fmt: skip
    assert found.outputs == ()


TAKEN = {
    "sort": call(lambda x: x.sort().values, rows),
    "stable sort": call(lambda x: x.sort(stable=True).values, rows),
    "sort of a number": call(lambda x: x.sum().sort(0).values, rows),
    "softmax of a number": call(lambda x: x.sum().softmax(-1), rows),
    "and of expanded": call(lambda x: x.expand(2, 3) & x, of(1, 3, dtype="bool")),
    "gelu of doubles": layer(nn.GELU, replace(rows, dtype="float64")),
    "relu of whole numbers": layer(nn.ReLU, whole),
    "add in place": call(lambda a, b: a.add_(b), rows, of(3)),
    "index select": call(lambda x, i: x.index_select(1, i), rows, of(2, dtype="int32")),
    "transposed": layer(
        lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2, dilation=(1, 2)), picture
    ),
    "one picture": layer(lambda: nn.Conv2d(4, 6, 3, padding="same"), of(4, 8, 8)),
    "depthwise": layer(lambda: nn.Conv2d(4, 8, 3, groups=4, bias=False), picture),
    "functions without settings": call(F.conv1d, of(2, 3, 9), of(4, 3, 2)),
    "group norm": layer(lambda: nn.GroupNorm(2, 4), picture),
    "batch of none": layer(lambda: nn.Conv2d(4, 4, 3), of(0, 4, 8, 8)),
}


@pytest.mark.parametrize("subject", TAKEN.values(), ids=TAKEN)
def test_what_torch_takes_stays_on_the_meta_device(subject: Fault) -> None:
    """No check is so strict that a module needs numbers that could do without."""
    name, arguments, inputs = subject
    found = traced(name, *inputs, **arguments)
    on_cpu = traced(name, *inputs, device="cpu", **arguments)
    assert on_cpu.failure is None
    assert (found.device, found.why_not_meta) == ("meta", "")
    assert [own(step) for step in found.steps] == [own(step) for step in on_cpu.steps]
    assert found.outputs == on_cpu.outputs


SLIDING = {
    "conv1d": call(lambda x, w: F.conv1d(x, w, None, 2, 1), of(2, 3, 9), of(4, 3, 3)),
    "conv2d": call(
        lambda x, w: F.conv2d(x, w, stride=(2, 1), dilation=2), of(2, 3, 9, 8), of(4, 3, 3, 2)
    ),
    "conv_transpose2d": call(
        lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 1), of(2, 3, 5, 4), of(3, 4, 3, 3)
    ),
    "max_pool2d": call(lambda x: F.max_pool2d(x, 3, 2, 1, 1, True), of(2, 3, 8, 9)),
    "avg_pool2d": call(lambda x: F.avg_pool2d(x, (3, 2), ceil_mode=True), of(2, 3, 8, 9)),
    "max_pool1d": call(lambda x: F.max_pool1d(x, 2), of(2, 3, 9)),
    "avg_pool3d": call(lambda x: F.avg_pool3d(x, 2, stride=1), of(2, 3, 5, 6, 7)),
}


@pytest.mark.parametrize(("kind", "subject"), SLIDING.items(), ids=SLIDING)
def test_functions_that_slide_have_windows(kind: str, subject: Fault) -> None:
    """One for each axis that slides, however the settings were given."""
    name, arguments, inputs = subject
    found = traced(name, *inputs, **arguments)
    assert found.failure is None
    (step,) = found.steps
    assert step.kind == kind
    axes = int(kind[-2])
    assert [w.size for w in step.windows] == list(inputs[0].shape[-axes:])
    assert [w.output for w in step.windows] == list(step.outputs[0].shape[-axes:])


def test_torch_is_as_before_after_a_trace() -> None:
    """A run that fails leaves calls of modules alone, too."""
    call, made_by = nn.Module.__call__, nn.Module.__init__
    traced("TooNarrow", of(2, 4))
    traced("Shared", of(2, 6))
    assert nn.Module.__call__ is call
    assert nn.Module.__init__ is made_by
    assert not torch.empty(0).is_meta

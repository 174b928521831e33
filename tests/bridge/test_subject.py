from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fcinspect.bridge.foreign import Kind, kind_of
from fcinspect.bridge.subject import InProcess
from fcinspect.errors import InputError, Misbehaved
from fcinspect.layers.array import Array
from fcinspect.verification.subject import LayerAnswer, LayerCall, Layout
from tests.subjects import correct, faulty_kernels, faulty_modules


def small(*shape: int) -> Array:
    """Return small whole numbers: every way of summing them is exact."""
    return Array.of(np.arange(np.prod(shape)).reshape(shape) % 7 - 3, "float32")


X, W, B, G = small(5, 4), small(3, 4), small(3), small(5, 3)
Y = X.values @ W.values.T + B.values


def ask(found: Any, kind: Kind, dtype: str = "float32", **call: Any) -> LayerAnswer:
    """Call a layer once."""
    made = {"x": X, "weight": W, "bias": B, **call}
    return InProcess(found, kind, "it", dtype).call(LayerCall(**made))


KERNELS = [
    correct.by_torch, correct.by_einsum, correct.by_numpy, correct.by_function,
    correct.with_backward, functional.linear,
]  # fmt: skip
FACTORIES = [nn.Linear, correct.Own, correct.factory, faulty_modules.StoresTransposed]
ALL: list[tuple[Any, Kind]] = [
    *((kernel, "kernel") for kernel in KERNELS),
    *((factory, "factory") for factory in FACTORIES),
]


@pytest.mark.parametrize(("found", "kind"), ALL)
@pytest.mark.parametrize("layout", ["contiguous", "strided", "transposed"])
def test_every_kind_computes_what_it_is_given(found: Any, kind: Kind, layout: Layout) -> None:
    """The weight and bias of the call decide, wherever they lie in memory."""
    answer = ask(found, kind, layout=layout)
    assert np.array_equal(answer.output.values, Y)
    assert answer.output.dtype == "float32"
    assert answer.changed == ()


@pytest.mark.parametrize(
    ("found", "kind"), [pair for pair in ALL if pair[0] is not correct.by_numpy]
)
def test_gradients_come_from_autograd_or_a_backward(found: Any, kind: Kind) -> None:
    """All three, as whole numbers exactly."""
    answer = ask(found, kind, grad_output=G)
    assert answer.grad_input is not None
    assert answer.grad_weight is not None
    assert answer.grad_bias is not None
    assert np.array_equal(answer.grad_input.values, G.values @ W.values)
    assert np.array_equal(answer.grad_weight.values, G.values.T @ X.values)
    assert np.array_equal(answer.grad_bias.values, G.values.sum(axis=0))
    assert InProcess(found, kind, "it", "float32").differentiable


def test_what_gives_no_gradient_says_so() -> None:
    """numpy without a backward."""
    assert not InProcess(correct.by_numpy, "kernel", "it", "float32").differentiable
    answer = ask(correct.by_numpy, "kernel", grad_output=G)
    assert (answer.grad_input, answer.grad_weight, answer.grad_bias) == (None, None, None)


@pytest.mark.parametrize(
    ("kernel", "takes"), [(correct.by_torch, "torch"), (correct.by_numpy, "numpy")]
)
def test_what_a_kernel_takes_is_found_out(kernel: Any, takes: str) -> None:
    """torch tensors first, then numpy arrays."""
    subject = InProcess(kernel, "kernel", "it", "float32")
    subject.call(LayerCall(X, W, B))
    assert subject.takes == takes


def test_a_layout_is_really_so_in_memory() -> None:
    """A layer that minds the strides sees them."""
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def looks(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        seen.append((input.stride(), weight.stride()))
        return functional.linear(input, weight, bias)

    for layout in ("contiguous", "strided", "transposed"):
        ask(looks, "kernel", layout=layout)
    assert seen == [((4, 1), (4, 1)), ((8, 2), (8, 2)), ((1, 5), (1, 3))]


def test_a_ready_module_keeps_its_numbers() -> None:
    """It is asked with x alone, and tells what it holds."""
    subject = InProcess(correct.ready, "module", "it", "float32")
    x = small(2, 20)
    with torch.no_grad():
        expected = correct.ready(torch.tensor(x.values))
    assert np.array_equal(subject.call(LayerCall(x)).output.values, expected.numpy())
    made = subject.made(0, 0, True, 0)
    assert [(name, values.shape) for name, values in made.state] == [
        ("weight", (10, 20)),
        ("bias", (10,)),
    ]
    assert made.trainable == ("weight", "bias")
    assert (made.in_features, made.out_features) == (20, 10)


def test_the_seed_decides_a_fresh_module() -> None:
    """As torch.manual_seed does."""
    subject = InProcess(nn.Linear, "factory", "it", "float32")
    first, again, other = (subject.made(4, 3, True, seed).parameter("weight") for seed in (0, 0, 1))
    assert first is not None
    assert again is not None
    assert other is not None
    torch.manual_seed(0)
    assert np.array_equal(first.values, nn.Linear(4, 3).weight.detach().numpy())
    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (faulty_kernels.none, "returned None instead of an array"),
        (faulty_kernels.lists, "returned a list instead of an array"),
        (faulty_kernels.pair, "returned a tuple instead of an array"),
        (faulty_kernels.whole_numbers, "returned int64 numbers"),
        (faulty_kernels.exits, r"raised SystemExit: enough \(faulty_kernels.py:\d+\)"),
        (faulty_kernels.raises, r"raised ZeroDivisionError: the planted message \(faulty_ker.*\)"),
    ],
)
def test_nonsense_is_a_finding(kernel: Any, words: str) -> None:
    """What comes back is named; what is raised has type, message and place."""
    with pytest.raises(Misbehaved, match=f"^{words}$"):
        ask(kernel, "kernel")


def spoils_gradient(input: torch.Tensor, weight: torch.Tensor, bias: Any) -> Any:
    """Write to the gradient that arrives."""

    class Spoils(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, y: torch.Tensor) -> torch.Tensor:
            return y.clone()

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
            return grads[0].mul_(2)

    return Spoils.apply(functional.linear(input, weight, bias))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("kernel", "changed", "grad_output"),
    [
        (faulty_kernels.scales_input, ("input",), None),
        (faulty_kernels.scales_weight, ("weight",), None),
        (spoils_gradient, ("grad_output",), G),
        (correct.by_torch, (), None),
        (correct.by_torch, (), G),
    ],
)
def test_operands_that_were_written_to_are_named(
    kernel: Any, changed: tuple[str, ...], grad_output: Array | None
) -> None:
    """Also the gradient that arrives; NaN is no change."""
    assert ask(kernel, "kernel", grad_output=grad_output).changed == changed
    x = Array(np.where(X.values > 1, np.float32(np.nan), X.values), "float32")
    assert ask(kernel, "kernel", x=x, grad_output=grad_output).changed == changed


def test_a_backward_that_raises_is_no_layer_without_gradients() -> None:
    """Its gradients are asked for, and the error is the finding; torch itself refuses here."""
    assert InProcess(faulty_kernels.scales_input, "kernel", "it", "float32").differentiable
    with pytest.raises(Misbehaved, match=r"^its backward raised RuntimeError: one of"):
        ask(faulty_kernels.scales_input, "kernel", grad_output=G)


def test_a_forward_outside_of_autograd_gives_no_gradients() -> None:
    """What cannot take tensors that require gradients is a layer without them, and no fault."""

    def leaves(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(input.numpy() @ weight.numpy().T + bias.numpy())

    assert not InProcess(leaves, "kernel", "it", "float32").differentiable
    assert np.array_equal(ask(leaves, "kernel").output.values, Y)


class Computes(nn.Module):
    """Has a weight that is computed anew at every use."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.ones(out_features, in_features))

    @property
    def weight(self) -> torch.Tensor:
        """Return a new tensor."""
        return self.direction * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x·Wᵀ."""
        return functional.linear(x, self.weight)


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (Computes, "its weight does not keep the values copied into it"),
        (faulty_modules.RenamesBias, "the module has no tensor 'bias'"),
        (lambda n, m, bias: nn.Linear(n, m + 1), r"its weight has shape \(4, 4\) instead of .*"),
        (lambda n, m, bias: None, "the factory returned None instead of a module"),
    ],
)
def test_a_module_that_takes_no_numbers_is_a_finding(factory: Any, words: str) -> None:
    """Without parameters of its own nothing can be asked of it."""
    with pytest.raises(Misbehaved, match=f"^{words}$"):
        ask(factory, "factory")


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (nn.Linear, "factory"),
        (correct.Own, "factory"),
        (correct.factory, "factory"),
        (correct.ready, "module"),
        (correct.by_torch, "kernel"),
        (correct.by_numpy, "kernel"),
        (correct.with_backward, "kernel"),
        (functional.linear, "kernel"),
    ],
)
def test_kinds_are_told_apart(found: Any, kind: Kind) -> None:
    """By class, or by the names of the parameters."""
    assert kind_of(found, "it") == kind


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (3, "it is an int: expected an nn.Module"),
        ("text", "it is a str: expected"),
        (None, "it is None: expected"),
        (torch.zeros(2), "it is a Tensor: expected"),
        (torch.optim.SGD, "it is an optimizer, not a linear layer"),
        (correct._Function, r"it is an autograd\.Function: use it\.apply"),
        (lambda a, b: a, r"it takes \(a, b\): this does not show whether it makes modules"),
        (len, "it takes .*: this does not show whether it makes modules"),
    ],
)
def test_what_is_no_layer_is_refused(found: Any, words: str) -> None:
    """The refusal says what it is and what is expected."""
    with pytest.raises(InputError, match=f"^{words}"):
        kind_of(found, "it")

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from fcinspect.arithmetic.settings import CLASSES, OPTIMIZER_NAMES, Optimizer, optimizer_named
from fcinspect.arithmetic.training import Classes, StepRequest, TrainingStep
from fcinspect.bridge.linear import to_array
from fcinspect.bridge.step import FunctionalOptimizer, run_steps
from fcinspect.errors import UsageError
from tests.arithmetic.test_optimizers import optimizers


@settings(max_examples=150, deadline=None)
@given(optimizer=optimizers(), seed=st.integers(0, 10**6), double=st.booleans())
def test_the_functional_forms_give_the_bits_of_torch_optim(
    optimizer: Optimizer, seed: int, double: bool
) -> None:
    """Every optimizer and option, four steps, parameters and state."""
    dtype = torch.float64 if double else torch.float32
    generator = torch.Generator().manual_seed(seed)
    start = [torch.randn(size, generator=generator, dtype=dtype) for size in ((3, 5), (3,))]
    ours = [nn.Parameter(p.clone()) for p in start]
    theirs = [nn.Parameter(p.clone()) for p in start]
    functional = FunctionalOptimizer(optimizer, list(ours))
    real = getattr(torch.optim, CLASSES[optimizer.name])(theirs, **optimizer.options)
    for _ in range(4):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = torch.randn(p.shape, generator=generator, dtype=dtype)
            q.grad = p.grad.clone()
        functional.step()
        real.step()
        for p, q, state in zip(ours, theirs, functional.states, strict=True):
            assert torch.equal(p, q)
            for name, values in state.items():
                assert torch.equal(values, real.state[q][name]), name


def network_step(seed: int, batch: tuple[int, ...], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Return what a plain PyTorch script computes for 3-5-4-2 with relu, mse and SGD(0.05)."""
    torch.manual_seed(seed)
    layers = [nn.Linear(n, m, dtype=dtype) for n, m in ((3, 5), (5, 4), (4, 2))]
    x = torch.randn(*batch, 3, dtype=dtype)
    t = torch.randn(*batch, 2, dtype=dtype)
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    y = model(x)
    loss = F.mse_loss(y, t)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    torch.optim.SGD(model.parameters(), lr=0.05).step()
    found = {"x": x, "t": t, "y": y.detach(), "loss": loss.detach()}
    for number, layer in enumerate(layers, start=1):
        for name, parameter in layer.named_parameters():
            assert parameter.grad is not None
            found[f"fc{number}.{name}"] = parameter.detach()
            found[f"fc{number}.{name}.grad"] = parameter.grad
    return found


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**53 - 1),
    batch=st.lists(st.integers(1, 4), max_size=2),
    double=st.booleans(),
)
def test_the_numbers_are_those_of_a_plain_script(seed: int, batch: list[int], double: bool) -> None:
    """Layers in order, then x, then target; every bit."""
    dtype = torch.float64 if double else torch.float32
    expected = network_step(seed, tuple(batch), dtype)
    request = StepRequest(
        (3, 5, 4, 2),
        ("relu", "relu", "identity"),
        optimizer_named("sgd", {"lr": 0.05}),
        seed=seed,
        batch=tuple(batch),
        dtype="float64" if double else "float32",
    )
    step = only(request)
    same(step.input, expected["x"])
    same(step.target, expected["t"])
    same(step.before.output, expected["y"])
    same(step.before.loss, expected["loss"])
    for name, parameter in step.parameters:
        same(parameter.grad, expected[f"{name}.grad"])
        same(parameter.after, expected[name])


def only(request: StepRequest) -> TrainingStep:
    """Return the record of one step."""
    (step,) = run_steps(request)
    return step


def same(found: object, expected: torch.Tensor) -> None:
    """Compare bit for bit."""
    values = getattr(found, "values", None)
    assert values is not None
    assert values.tobytes() == to_array(expected).values.tobytes()
    assert values.shape == tuple(expected.shape)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "bce_with_logits"])
def test_drawn_targets_fit_the_loss(loss: str, batch: tuple[int, ...]) -> None:
    """Classes for cross_entropy, zeros and ones for bce."""
    request = StepRequest((3, 4), ("sigmoid",), optimizer_named("sgd", {}), loss=loss, batch=batch)
    target = only(request).target
    if loss == "cross_entropy":
        assert isinstance(target, Classes)
        assert target.shape == batch
        assert (target.values >= 0).all()
        assert (target.values < 4).all()
    else:
        assert not isinstance(target, Classes)
        assert target.shape == (*batch, 4)
        assert ((target.values == 0) | (target.values == 1)).all()


def test_the_steps_follow_each_other() -> None:
    """What one step leaves, the next begins with; no gradient is carried over."""
    request = StepRequest((3, 4, 2), ("tanh", "identity"), optimizer_named("adam", {}))
    first, second, third = run_steps(request, 3)
    assert [first.number, second.number, third.number] == [1, 2, 3]
    for earlier, later in ((first, second), (second, third)):
        for (_, was), (_, now) in zip(earlier.parameters, later.parameters, strict=True):
            assert was.after.values.tobytes() == now.before.values.tobytes()
            assert was.state_after.keys() == now.state_before.keys()
    assert first.after.loss_value == second.before.loss_value


def test_bce_of_outputs_that_are_no_probabilities_is_refused() -> None:
    """With the value, and what to do."""
    request = StepRequest((3, 4), ("identity",), optimizer_named("sgd", {}), loss="bce")
    with pytest.raises(UsageError, match="needs outputs from 0 to 1: the network returns"):
        list(run_steps(request))


def test_a_learning_rate_beyond_the_dtype_is_refused() -> None:
    """As torch does, but in words."""
    request = StepRequest((3, 4), ("identity",), optimizer_named("sgd", {"lr": 1e300}))
    with pytest.raises(UsageError, match="exceeds the largest float32"):
        list(run_steps(request))


@pytest.mark.parametrize("optimizer", OPTIMIZER_NAMES)
@pytest.mark.sampled(3)
def test_a_step_loads_no_compiler(optimizer: str) -> None:
    """torch._dynamo takes as long to import as torch; torch.optim's classes would load it."""
    program = (
        "import sys\n"
        "from fcinspect.arithmetic.settings import optimizer_named\n"
        "from fcinspect.arithmetic.training import StepRequest\n"
        "from fcinspect.bridge.step import run_steps\n"
        f"options = optimizer_named({optimizer!r}, {{}})\n"
        "list(run_steps(StepRequest((3, 2), ('relu',), options)))\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

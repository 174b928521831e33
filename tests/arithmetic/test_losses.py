from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fcinspect.arithmetic.losses import LOSSES
from fcinspect.arithmetic.settings import LOSS_NAMES
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.formats import FLOAT32, FLOAT64
from fcinspect.rounding.running import exact


def torch_loss(name: str, y: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Return torch's loss, written out from its reference where torch has no function."""
    n = torch.nn.functional
    if name == "half_sum_squares":
        return 0.5 * ((y - t) ** 2).sum()
    if name == "half_mean_squares":
        return 0.5 * ((y - t) ** 2).mean()
    functions: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
        "mse": n.mse_loss,
        "l1": n.l1_loss,
        "cross_entropy": n.cross_entropy,
        "bce": n.binary_cross_entropy,
        "bce_with_logits": n.binary_cross_entropy_with_logits,
    }
    return functions[name](y, t)


def drawn(name: str, rows: int, outputs: int, seed: int, scale: float) -> tuple[Float64Array, ...]:
    """Return an output and a target that the loss takes."""
    generator = np.random.default_rng(seed)
    y = generator.standard_normal((rows, outputs)) * scale
    if name == "bce":
        y = 1 / (1 + np.exp(-np.clip(y, -700, 700)))
    if name == "cross_entropy":
        return y, generator.integers(0, outputs, rows).astype(np.float64)
    if name in ("bce", "bce_with_logits"):
        return y, generator.random((rows, outputs)).round(1)
    return y, generator.standard_normal((rows, outputs)) * scale


def test_every_name_has_its_loss() -> None:
    """Every name has its loss."""
    assert tuple(LOSSES) == LOSS_NAMES


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(LOSS_NAMES),
    rows=st.integers(1, 40),
    outputs=st.integers(1, 12),
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1e-3, 1.0, 30.0, 1000.0]),
    double=st.booleans(),
)
def test_value_and_gradient_are_autograds_within_the_bound(
    name: str, rows: int, outputs: int, seed: int, scale: float, double: bool
) -> None:
    """Every loss, on small and on saturating outputs."""
    chosen, dtype = (FLOAT64, torch.float64) if double else (FLOAT32, torch.float32)
    plain_y, plain_t = drawn(name, rows, outputs, seed, scale)
    y = torch.tensor(plain_y).to(dtype).requires_grad_()
    t = torch.tensor(plain_t).long() if name == "cross_entropy" else torch.tensor(plain_t).to(dtype)
    value = torch_loss(name, y, t)
    value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert y.grad is not None
    loss = LOSSES[name]
    number, held = exact(y.detach().double().numpy(), chosen), t.double().numpy()
    with np.errstate(all="ignore"):
        forms = [form(number, held) for form in loss.value]
        gradients = [form(number, held) for form in loss.gradient]
    low, high = min(f.low for f in forms), max(f.high for f in forms)
    assert low <= value.item() <= high
    computed = y.grad.double().numpy()
    assert (np.min([g.low for g in gradients], axis=0) <= computed).all()
    assert (computed <= np.max([g.high for g in gradients], axis=0)).all()


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_the_terms_add_up_to_the_loss(name: str) -> None:
    """The terms add up to the loss."""
    y, t = drawn(name, 6, 4, 3, 1.0)
    loss = LOSSES[name]
    scale = {"½·Σ": 0.5, "Σ/N": 1 / 24, "Σ/(2·N)": 1 / 48, "Σ/R": 1 / 6}[loss.scale]
    assert loss.terms(y, t).sum() * scale == pytest.approx(float(loss.value[0](y, t)), rel=1e-13)


def test_the_gradient_of_half_the_mean_square_is_the_mean_of_error_times_input() -> None:
    """A published step of linear regression: x = 1, 2; y = 300, 500; gradients −650 and −400."""
    x, t = np.array([[1.0], [2.0]]), np.array([[300.0], [500.0]])
    gradient = LOSSES["half_mean_squares"].gradient[0](np.zeros((2, 1)), t)
    assert (gradient * x).sum() == -650
    assert gradient.sum() == -400

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.settings import ACTIVATION_NAMES
from fcinspect.rounding.formats import FLOAT32, FLOAT64, NumberFormat
from fcinspect.rounding.running import exact

TORCH: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": F.leaky_relu,
    "gelu": F.gelu,
    "identity": lambda z: z.clone(),
}


def test_every_name_has_its_function() -> None:
    """Every name has its function."""
    assert tuple(ACTIVATIONS) == ACTIVATION_NAMES


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
@pytest.mark.parametrize("number_format", [FLOAT32, FLOAT64], ids=lambda f: f.name)
def test_value_and_gradient_are_autograds_within_the_bound(
    name: str, number_format: NumberFormat
) -> None:
    """On a dense grid that reaches into saturation, and at 0."""
    chosen = number_format
    dtype = torch.float32 if chosen is FLOAT32 else torch.float64
    z = torch.cat([torch.linspace(-120, 120, 4801, dtype=dtype), torch.zeros(1, dtype=dtype)])
    z = z.requires_grad_()
    a = TORCH[name](z)
    g = torch.linspace(-3, 2, z.numel(), dtype=dtype)
    a.backward(g)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert z.grad is not None
    function = ACTIVATIONS[name]
    plain_z, plain_a = z.detach().double().numpy(), a.detach().double().numpy()
    forward = function.forward(exact(plain_z, chosen))
    assert (np.abs(forward.value - plain_a) <= forward.error).all()
    backward = function.backward(
        exact(plain_z, chosen), exact(plain_a, chosen), exact(g.double().numpy(), chosen)
    )
    assert (np.abs(backward.value - z.grad.double().numpy()) <= backward.error).all()
    # the bound means something: a few units of the last place of what the formula handles
    scale = np.maximum(np.abs(plain_z), 1) if name == "gelu" else np.maximum(np.abs(plain_a), 1e-30)
    assert (forward.error <= 40 * chosen.unit_roundoff * scale + chosen.smallest_normal).all()


def test_relu_at_zero_has_derivative_zero() -> None:
    """Relu at zero has derivative zero."""
    zero = np.zeros(1)
    assert ACTIVATIONS["relu"].backward(zero, zero, np.ones(1))[0] == 0


def test_not_a_number_stays_one() -> None:
    """Not a number stays one."""
    nan = np.array([np.nan])
    for name in ACTIVATION_NAMES:
        with np.errstate(all="ignore"):
            assert np.isnan(ACTIVATIONS[name].forward(nan)).all(), name

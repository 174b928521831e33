from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.checkpoints.scan.weights import LAWS, found


def trained(law: str, optimizer: str, steps: int) -> tuple[list[Tensor], list[float]]:
    """Return the weights of a network fitted to a function of rank 20, and its losses."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(200, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 200)
    )
    weights: list[Tensor] = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    for weight in weights:
        LAWS[law][0](weight.data)
        assert found(weight, with_leading=True) is not None
    teacher = torch.randn(200, 20) @ torch.randn(20, 200) / 20
    step: torch.optim.Optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    if optimizer == "SGD":
        step = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(steps):
        inputs = torch.randn(64, 200)
        loss = (model(inputs) - torch.tanh(inputs @ teacher)).square().mean()
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(loss.item())
    return weights, losses


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("law", ["default", "xavier_uniform", "kaiming_normal", "published"])
def test_trained_layers_are_not_called_untrained(law: str, optimizer: str) -> None:
    """A network fitted for 300 steps, with and without the help of σ₁."""
    weights, losses = trained(law, optimizer, 300)
    assert losses[-1] < 0.7 * losses[0]
    for weight in weights:
        for with_leading in (False, True):
            result = found(weight, with_leading=with_leading)
            # it may look normal, of which no more is said than that it may be
            assert result is None or (not result.untrained and "may be" in result.words)


@pytest.mark.parametrize("law", ["default", "xavier_uniform", "kaiming_uniform"])
def test_one_step_is_seen(law: str) -> None:
    """Of numbers drawn from a uniform law some are moved across its bound."""
    weights, _ = trained(law, "Adam", 1)
    assert [found(weight) for weight in weights] == [None, None, None]

"""Pairing against torch: a parameter is a layer's if and only if its module is an nn.Linear."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm

from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.checkpoints.records import in_memory


class Tagger(nn.Module):
    """Tables, a recurrent network, convolutions and normalisations around linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(7, 4)
        self.codebook = nn.Embedding(5, 4)
        self.wte = nn.EmbeddingBag(5, 4)
        self.conv = nn.Conv1d(4, 4, 1)
        self.up = nn.ConvTranspose2d(4, 4, 2)
        self.volume = nn.Conv3d(1, 2, 2)
        self.lstm = nn.LSTM(4, 3, num_layers=2, bidirectional=True, proj_size=2)
        self.gru = nn.GRUCell(4, 3)
        self.rnn = nn.RNN(4, 3)
        self.norm = nn.GroupNorm(2, 4)
        self.layer_norm = nn.LayerNorm((3, 4))
        self.bn = nn.BatchNorm2d(4)
        self.instance = nn.InstanceNorm1d(4, affine=True, track_running_stats=True)
        self.activation = nn.PReLU(4)
        self.bilinear = nn.Bilinear(3, 4, 2)
        self.tags = nn.Linear(3, 6)
        self.head = nn.Linear(6, 2, bias=False)


def modules() -> Iterator[tuple[str, nn.Module]]:
    """Yield named modules of torch."""
    torch.manual_seed(0)
    yield "transformer", nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    yield "attention", nn.MultiheadAttention(8, 2)
    yield "other widths", nn.MultiheadAttention(8, 2, kdim=4, vdim=6, add_bias_kv=True)
    yield "tagger", Tagger()
    yield "linear", nn.Linear(3, 2)
    yield "sequence", nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    yield "lazy", nn.ModuleDict({"a": nn.ModuleList([nn.Linear(2, 2) for _ in range(11)])})
    yield "adaptive", nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], 2.0)


MODULES = dict(modules())


@pytest.mark.parametrize("name", MODULES)
def test_exactly_the_linear_modules_are_found(name: str) -> None:
    """Names, widths and biases are those of the modules, in their order."""
    module = MODULES[name]
    expected = [
        (path, child.in_features, child.out_features, child.bias is not None)
        for path, child in module.named_modules()
        if isinstance(child, nn.Linear)
    ]
    state = {k: v.float().numpy() for k, v in module.state_dict().items()}
    found = pair([in_memory(k, v, "float32") for k, v in state.items()], name)
    assert [
        (v.name, v.in_features, v.out_features, v.bias is not None) for v in found.layers
    ] == expected
    parts = {path + "." if path else "" for path, *_ in expected}
    others = [key for key in state if key.rpartition(".")[0] + "." * ("." in key) not in parts]
    assert sorted(skip.name for skip in found.skipped) == sorted(others)


def _weight_norm() -> nn.Module:
    module: nn.Module = parametrizations.weight_norm(nn.Linear(4, 3))
    return module


def _old_weight_norm() -> nn.Module:
    module: nn.Module = torch.nn.utils.weight_norm(nn.Linear(4, 3))
    return module


def _spectral_norm() -> nn.Module:
    return parametrizations.spectral_norm(nn.Linear(4, 3))


def _old_spectral_norm() -> nn.Module:
    return spectral_norm(nn.Linear(4, 3))


def _orthogonal() -> nn.Module:
    return parametrizations.orthogonal(nn.Linear(4, 3))


def _pruned() -> nn.Module:
    module: nn.Module = prune.l1_unstructured(nn.Linear(4, 3), "weight", 0.5)  # type: ignore[no-untyped-call]  # torch's
    return module


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_weight_norm, "weight norm"),
        (_old_weight_norm, "weight norm"),
        (_spectral_norm, "before spectral norm"),
        (_old_spectral_norm, "before spectral norm"),
        (_orthogonal, "before its parametrization"),
        (_pruned, "before its pruning mask"),
    ],
)
def test_a_weight_that_is_made_of_others_is_told(make: Callable[[], nn.Module], words: str) -> None:
    """No part of it is taken for a layer; the reason tells the layer's widths."""
    state = nn.ModuleDict({"fc": make()}).state_dict()
    found = pair([in_memory(k, v.numpy(), "float32") for k, v in state.items()], "x")
    assert found.layers == ()
    told = [skip.reason for skip in found.skipped if words in skip.reason]
    assert told
    assert all("of a linear layer 4 → 3" in reason for reason in told)
    assert not [skip for skip in found.skipped if "not named weight" in skip.reason]

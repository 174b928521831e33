"""Mistakes with state dicts and checkpoint files."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from tests.diagnosis.corpus import Mistake

State = dict[str, Any]


def mlp(*widths: int, bias: bool = True) -> nn.Sequential:
    """Return linear layers of these widths, with ReLU between."""
    layers: list[nn.Module] = []
    for into, out in itertools.pairwise(widths):
        layers += [nn.Linear(into, out, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Net(nn.Module):
    """A backbone and a head."""

    def __init__(self, classes: int = 10, hidden: int = 8, head: str = "fc") -> None:
        super().__init__()
        self.backbone = mlp(4, hidden, hidden)
        self.add_module(head, nn.Linear(hidden, classes))


class Language(nn.Module):
    """An embedding and an output layer."""

    def __init__(self, tokens: int = 50) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, 6)
        self.lm_head = nn.Linear(6, tokens, bias=False)


def loaded(model: nn.Module, state: object) -> Callable[[], object]:
    """Return the loading of a state dict."""

    def make() -> object:
        return model.load_state_dict(state)  # type: ignore[arg-type]

    return make


def renamed(model: nn.Module, old: str, new: str) -> State:
    """Return the state dict of a model with something replaced at the front of its keys."""
    return {
        new + key.removeprefix(old) if key.startswith(old) else key: value
        for key, value in model.state_dict().items()
    }


def without(model: nn.Module, *ends: str) -> State:
    """Return the state dict of a model without the keys that end so."""
    return {key: value for key, value in model.state_dict().items() if not key.endswith(ends)}


def checkpoint(model: nn.Module) -> State:
    """Return a checkpoint as training loops write it."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return {
        "epoch": 3,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
    }


def lightning(model: nn.Module) -> State:
    """Return a checkpoint as Lightning writes it."""
    return {
        "epoch": 1,
        "global_step": 10,
        "pytorch-lightning_version": "2.0",
        "state_dict": renamed(model, "", "model."),
        "hyper_parameters": {},
    }


def keras(model: nn.Module) -> State:
    """Return weights as Keras keeps them."""
    return {key: value.T if value.ndim == 2 else value for key, value in model.state_dict().items()}


def file_of(content: bytes, weights_only: bool = True) -> Callable[[], object]:
    """Return the loading of a file."""

    def make() -> object:
        return torch.load(io.BytesIO(content), weights_only=weights_only)

    return make


def saved(value: object) -> bytes:
    """Return the file of torch.save."""
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def adapted(model: nn.Module) -> State:
    """Return the state dict of a model with adapters."""
    state: State = {}
    for key, value in model.state_dict().items():
        module, _, leaf = key.rpartition(".")
        state[f"{module}.base_layer.{leaf}"] = value
        if leaf == "weight":
            state[f"{module}.lora_A.default.weight"] = torch.zeros(2, value.shape[1])
            state[f"{module}.lora_B.default.weight"] = torch.zeros(value.shape[0], 2)
    return state


def pruned() -> nn.Module:
    """Return a layer that was pruned."""
    layer = nn.Linear(3, 2)
    prune.l1_unstructured(layer, "weight", 0.5)  # type: ignore[no-untyped-call]
    return layer


def normalised() -> nn.Module:
    """Return a layer with weight normalisation."""
    layer: nn.Module = parametrizations.weight_norm(nn.Linear(3, 2))
    return layer


def compiled() -> object:
    """Load what was saved after torch.compile."""
    model: Any = torch.compile(Net())
    return Net().load_state_dict(model.state_dict())


def evaluated() -> object:
    """Use what torch.load gives as the model."""
    model = torch.load(io.BytesIO(saved(Net().state_dict())))
    return model.eval()


def called_state() -> object:
    """Call what torch.load gives."""
    model = torch.load(io.BytesIO(saved(Net().state_dict())))
    return model(torch.ones(2, 4))


def chained() -> object:
    """Go on with the result of loading."""
    model: Any = Net().load_state_dict(Net().state_dict())
    return model.eval()


def no_file() -> object:
    """Load a file that is not there."""
    return torch.load("runs/best_model.pt")


def saved_legacy() -> bytes:
    """Return a file as pickle wrote it."""
    return pickle.dumps(Net().state_dict())


BATCH_NORM = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
STATE_FILE = saved(Net().state_dict())
MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(name, make, cause, "state-dict")
    for name, make, cause in (
        ("data-parallel", loaded(Net(), renamed(Net(), "", "module.")), "module-prefix"),
        (
            "data-parallel-real",
            lambda: Net().load_state_dict(nn.DataParallel(Net()).state_dict()),
            "module-prefix",
        ),
        (
            "compiled",
            compiled,
            "compiled-prefix",
        ),
        (
            "compiled-inside-parallel",
            loaded(Net(), renamed(Net(), "", "_orig_mod.module.")),
            "compiled-prefix",
        ),
        (
            "compiled-part",
            loaded(Net(), renamed(Net(), "backbone.", "backbone._orig_mod.")),
            "compiled-prefix",
        ),
        ("lightning-prefix", loaded(Net(), renamed(Net(), "", "model.")), "checkpoint-prefix"),
        (
            "saved-as-net",
            loaded(mlp(4, 8, 2), renamed(mlp(4, 8, 2), "", "net.")),
            "checkpoint-prefix",
        ),
        (
            "into-data-parallel",
            lambda: nn.DataParallel(Net()).load_state_dict(Net().state_dict()),
            "prefix-expected",
        ),
        ("backbone-only", loaded(Net(), mlp(4, 8, 8).state_dict()), "prefix-expected"),
        ("training-checkpoint", loaded(Net(), checkpoint(Net())), "whole-checkpoint"),
        ("lightning-checkpoint", loaded(Net(), lightning(Net())), "whole-checkpoint"),
        ("other-classes", loaded(Net(10), Net(1000).state_dict()), "head-replaced"),
        (
            "other-out-features",
            loaded(nn.Linear(10, 5), nn.Linear(10, 3).state_dict()),
            "head-replaced",
        ),
        ("other-hidden", loaded(Net(hidden=8), Net(hidden=16).state_dict()), "other-widths"),
        (
            "other-in-features",
            loaded(nn.Linear(10, 5), nn.Linear(12, 5).state_dict()),
            "input-width-changed",
        ),
        ("keras-weight", loaded(nn.Linear(3, 2), keras(nn.Linear(3, 2))), "weight-transposed"),
        ("keras-mlp", loaded(mlp(4, 8, 2), keras(mlp(4, 8, 2))), "weight-transposed"),
        ("more-tokens", loaded(Language(52), Language(50).state_dict()), "vocabulary-size"),
        ("tied-head", loaded(Language(), without(Language(), "lm_head.weight")), "tied-weights"),
        (
            "saved-without-bias",
            loaded(mlp(4, 8, 2), mlp(4, 8, 2, bias=False).state_dict()),
            "bias-missing",
        ),
        (
            "made-without-bias",
            loaded(nn.Linear(3, 2, bias=False), nn.Linear(3, 2).state_dict()),
            "bias-unexpected",
        ),
        ("head-renamed", loaded(Net(head="head"), Net(head="fc").state_dict()), "layers-renamed"),
        (
            "flatten-put-in",
            loaded(nn.Sequential(nn.Flatten(), *mlp(4, 8, 2)), mlp(4, 8, 2).state_dict()),
            "layers-renumbered",
        ),
        (
            "no-running-statistics",
            loaded(BATCH_NORM, without(BATCH_NORM, "running_mean", "running_var")),
            "batch-norm-statistics-missing",
        ),
        (
            "layer-norm-for-batch-norm",
            loaded(nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2)), BATCH_NORM.state_dict()),
            "batch-norm-statistics-unexpected",
        ),
        (
            "weight-norm-saved",
            loaded(nn.Linear(3, 2), normalised().state_dict()),
            "parametrised-weight",
        ),
        (
            "weight-norm-wanted",
            loaded(normalised(), nn.Linear(3, 2).state_dict()),
            "parametrised-weight",
        ),
        ("pruned-saved", loaded(nn.Linear(3, 2), pruned().state_dict()), "parametrised-weight"),
        ("adapters-saved", loaded(Net(), adapted(Net())), "lora-checkpoint"),
        ("fewer-layers", loaded(mlp(4, 8, 8, 8), mlp(4, 8, 8).state_dict()), "layers-missing"),
        ("more-layers", loaded(mlp(4, 8, 8), mlp(4, 8, 8, 8).state_dict()), "layers-unexpected"),
        ("no-relation", loaded(nn.LSTM(3, 4), nn.Conv2d(3, 4, 3).state_dict()), "other-model"),
        (
            "numpy-values",
            loaded(nn.Linear(3, 2), {"weight": numpy.ones((2, 3)), "bias": numpy.ones(2)}),
            "values-not-tensors",
        ),
        (
            "meta-values",
            loaded(Net(), copy.deepcopy(Net()).to("meta").state_dict()),
            "meta-checkpoint",
        ),
        ("path-given", loaded(Net(), "model.pt"), "path-for-state-dict"),
        ("model-as-state-dict", loaded(Net(), Net()), "module-for-state-dict"),
        ("state-dict-uncalled", loaded(Net(), Net().state_dict), "state-dict-not-called"),
        ("parameters-given", loaded(Net(), Net().parameters()), "parameters-for-state-dict"),
        ("lazy-saved", loaded(nn.Linear(3, 2), nn.LazyLinear(2).state_dict()), "lazy-checkpoint"),
        ("state-dict-eval", evaluated, "state-dict-as-model"),
        ("state-dict-called", called_state, "state-dict-as-model"),
        ("load-result", chained, "load-result-used"),
        ("whole-model-file", file_of(saved(Net())), "objects-in-checkpoint"),
        (
            "numpy-scalar-in-file",
            file_of(saved({"loss": numpy.float64(3.0)})),
            "global-not-allowed",
        ),
        ("cut-file", file_of(STATE_FILE[: len(STATE_FILE) // 2]), "file-damaged"),
        ("web-page", file_of(b"<html>404</html>", weights_only=False), "download-page"),
        ("web-page-new", file_of(b"<html>404</html>"), "download-page"),
        (
            "lfs-pointer",
            file_of(b"version https://git-lfs.github.com/spec/v1\n"),
            "git-lfs-pointer",
        ),
        ("empty-file", file_of(b"", weights_only=False), "file-empty"),
        ("pickle-file", file_of(saved_legacy(), weights_only=False), "plain-pickle"),
        ("file-not-there", no_file, "path-wrong"),
    )
)

"""Mistakes with devices, as far as a machine without a GPU can make them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import torch
from torch import nn

from tests.diagnosis.corpus import Mistake

NO_GPU = "no-gpu" if torch.version.cuda else "cpu-build"
"""What stops a model on its way to a GPU: a build for GPUs says another thing than one without."""


def given(layer: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    """Return a call that gives the layer an input."""

    def make() -> object:
        return layer(x)

    return make


def moved(what: nn.Module | torch.Tensor, device: str) -> Callable[[], object]:
    """Return a call that moves a model or tensor."""

    def make() -> object:
        return what.to(device)

    return make


def checkpoint_from(device: str) -> Callable[[], object]:
    """Return the loading of a checkpoint whose tensors were saved on another device."""

    def make() -> object:
        here, there = b"cpu", device.encode()
        saved, file = io.BytesIO(), io.BytesIO()
        torch.save(nn.Linear(3, 2).state_dict(), saved)
        with zipfile.ZipFile(saved) as old, zipfile.ZipFile(file, "w") as new:
            for name in old.namelist():
                mine, theirs = (
                    b"X" + len(text).to_bytes(4, "little") + text for text in (here, there)
                )
                new.writestr(name, old.read(name).replace(mine, theirs))
        file.seek(0)
        return torch.load(file)

    return make


def value_read() -> object:
    """Read a value of a model that has none."""
    loss = nn.Linear(3, 1, device="meta")(torch.ones(1, 3, device="meta"))
    return loss.item()


def printed() -> object:
    """Make an array of a tensor without values."""
    return torch.ones(3, device="meta").numpy()


def loaded_without_assign() -> object:
    """Load a state dict into a model without values."""
    return nn.Linear(3, 2, device="meta").load_state_dict(nn.Linear(3, 2).state_dict())


def autocast_without_cuda() -> object:
    """Ask for mixed precision on a GPU."""
    with torch.autocast("cuda"):
        return nn.Linear(3, 2)(torch.ones(4, 3))


META = nn.Linear(3, 2, device="meta")
X = torch.ones(4, 3)
MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(name, make, cause, "device")
    for name, make, cause in (
        ("meta-linear", given(META, X), "meta-layer"),
        ("meta-layer-norm", given(nn.LayerNorm(3, device="meta"), X), "meta-layer"),
        ("meta-lstm", given(nn.LSTM(3, 4, device="meta"), X[None]), "meta-layer"),
        ("meta-input-of-linear", given(nn.Linear(3, 2), X.to("meta")), "meta-input"),
        ("meta-model-to-cpu", moved(META, "cpu"), "meta-module-moved"),
        ("meta-tensor-to-cpu", moved(X.to("meta"), "cpu"), "meta-tensor-copied"),
        ("meta-item", value_read, "meta-value-read"),
        ("meta-numpy", printed, "meta-value-read"),
        ("meta-load", loaded_without_assign, "assign-missing"),
        ("cuda-without-a-gpu", moved(nn.Linear(3, 2), "cuda"), NO_GPU),
        ("mps-on-linux", moved(X, "mps"), "device-not-in-build"),
        ("gpu-as-name", moved(X, "gpu"), "device-name"),
        ("cuda0-as-name", moved(X, "cuda0"), "device-name"),
        ("dtype-as-device", moved(X, "float32"), "device-name"),
        ("cuda-checkpoint", checkpoint_from("cuda:0"), "map-location-missing"),
        ("xpu-checkpoint", checkpoint_from("xpu:0"), "map-location-missing"),
        ("pin-memory", X.pin_memory, "no-gpu"),
        ("cuda-autocast", autocast_without_cuda, "no-gpu"),
        ("layer-too-large", lambda: nn.Linear(10**6, 10**7), "layer-too-large"),
    )
)

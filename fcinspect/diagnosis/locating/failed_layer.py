"""What a message says of the layer that failed: its class, and the numbers it was made with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import Match

from fcinspect.diagnosis.messages.product import GIVEN_AND_EXPECTED
from fcinspect.diagnosis.messages.product_attention import in_attention
from fcinspect.diagnosis.messages.shape_channels import numbers
from fcinspect.diagnosis.reported import Reported
from fcinspect.shapes.steps import Parameter, Shape

CHANNELS = re.compile(
    r"Given (?P<how>transposed|groups)=1, weight of size (?P<weight>\[[\d, ]+\]), expected input"
    r"(?P<input>\[[\d, ]+\]) to have (?P<wanted>\d+) channels, but got (?P<got>\d+)"
)
ELEMENTS = re.compile(
    r"running_(?:mean|var) should contain (?P<got>\d+) elements not (?P<wanted>\d+)"
)
NORMALIZED = re.compile(
    r"normalized_shape=\[(?P<wanted>\d+)\], expected input with shape \[.*?\], but got input of"
    r" size ?(?P<input>\[[\d, ]+\])"
)
RECURRENT = re.compile(r"must be equal to input_size\. Expected (?P<wanted>\d+), got (?P<got>\d+)")


@dataclass(frozen=True)
class Argument:
    """A number that the layer was made with."""

    position: int
    keyword: str
    number: int


@dataclass(frozen=True)
class FailedLayer:
    """The layer that failed, as its message describes it."""

    kinds: tuple[str, ...]
    """The classes that give this message: "Linear"."""
    arguments: tuple[Argument, ...]
    """What it was made with; the first is what does not fit the input."""
    weight: Shape
    entering: Shape
    """The shape of the input, with 1 where the message leaves a dimension out."""
    parameters: tuple[Parameter, ...] = ()


def failed_layer(reported: Reported) -> FailedLayer | None:
    """Return the layer of torch.nn that an error speaks of; None where it names no numbers of it.

    The traceback must have passed through that layer.
    """
    for file, known in KNOWN:
        if reported.passed_through(f"modules/{file}.py"):
            found = known(reported)
            if found is not None:
                return found
    return None


def _linear(reported: Reported) -> FailedLayer | None:
    match = _first([pattern for _, pattern in GIVEN_AND_EXPECTED], reported.message)
    if match is None or in_attention(reported):
        return None
    rows, width, wanted, out = map(int, match.groups())
    made = (Argument(0, "in_features", wanted), Argument(1, "out_features", out))
    return FailedLayer(("Linear",), made, (out, wanted), (rows, width))


def _first(patterns: list[str], message: str) -> Match[str] | None:
    found = (re.search(pattern, message, re.DOTALL) for pattern in patterns)
    return next((match for match in found if match is not None), None)


def _convolution(reported: Reported) -> FailedLayer | None:
    match = CHANNELS.search(reported.message)
    if match is None:
        return None
    weight = tuple(numbers(match["weight"]))
    if len(weight) < 3:
        return None
    transposed = match["how"] == "transposed"
    out = weight[1] if transposed else weight[0]
    made = (Argument(0, "in_channels", int(match["wanted"])), Argument(1, "out_channels", out))
    kind = f"Conv{'Transpose' * transposed}{len(weight) - 2}d"
    return FailedLayer((kind,), made, weight, tuple(numbers(match["input"])))


def _batch_norm(reported: Reported) -> FailedLayer | None:
    match = ELEMENTS.search(reported.message)
    if match is None:
        return None
    held, arriving = int(match["wanted"]), int(match["got"])
    kinds = tuple(f"BatchNorm{axes}d" for axes in (1, 2, 3))
    return FailedLayer(kinds, (Argument(0, "num_features", held),), (held,), (1, arriving))


def _layer_norm(reported: Reported) -> FailedLayer | None:
    match = NORMALIZED.search(reported.message)
    if match is None:
        return None
    held, shape = int(match["wanted"]), tuple(numbers(match["input"]))
    return FailedLayer(("LayerNorm",), (Argument(0, "normalized_shape", held),), (held,), shape)


def _recurrent(reported: Reported) -> FailedLayer | None:
    match = RECURRENT.search(reported.message)
    if match is None:
        return None
    held, arriving = int(match["wanted"]), int(match["got"])
    weight = (1, held)
    return FailedLayer(
        ("RNN", "LSTM", "GRU"),
        (Argument(0, "input_size", held),),
        weight,
        (1, arriving),
        (Parameter("weight_ih_l0", weight, True),),
    )


KNOWN = (
    ("linear", _linear),
    ("conv", _convolution),
    ("batchnorm", _batch_norm),
    ("normalization", _layer_norm),
    ("rnn", _recurrent),
)
"""The files of torch.nn.modules, and what their messages say."""

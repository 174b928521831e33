"""What a message says of the layer that failed: its class, and the numbers it was made with."""

from __future__ import annotations

from dataclasses import dataclass

from fcinspect.diagnosis.recognising import groups_of
from fcinspect.diagnosis.records import shape_of
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.rules.product import in_attention
from fcinspect.shapes.steps import Parameter, Shape


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
    for file, known in KNOWN.items():
        if reported.passed_through(f"modules/{file}.py"):
            found = known(reported)
            if found is not None:
                return found
    return None


def _linear(reported: Reported) -> FailedLayer | None:
    said = groups_of("product", "product.layer", reported)
    if said is None or in_attention(reported):
        return None
    rows, width, wanted, out = (int(said[name]) for name in ("rows", "width", "wanted", "out"))
    made = (Argument(0, "in_features", wanted), Argument(1, "out_features", out))
    return FailedLayer(("Linear",), made, (out, wanted), (rows, width))


def _convolution(reported: Reported) -> FailedLayer | None:
    said = groups_of("shape", "shapes.channels", reported)
    weight = shape_of(said["weight"]) if said else ()
    if said is None or said["groups"] != "1" or len(weight) < 3:
        return None
    transposed = said["how"] == "transposed"
    out = weight[1] if transposed else weight[0]
    made = (Argument(0, "in_channels", int(said["wanted"])), Argument(1, "out_channels", out))
    kind = f"Conv{'Transpose' * transposed}{len(weight) - 2}d"
    return FailedLayer((kind,), made, weight, shape_of(said["input"]))


def _batch_norm(reported: Reported) -> FailedLayer | None:
    said = groups_of("shape", "shapes.batch_norm_features", reported)
    if said is None:
        return None
    held, arriving = int(said["held"]), int(said["arriving"])
    kinds = tuple(f"BatchNorm{axes}d" for axes in (1, 2, 3))
    return FailedLayer(kinds, (Argument(0, "num_features", held),), (held,), (1, arriving))


def _layer_norm(reported: Reported) -> FailedLayer | None:
    said = groups_of("shape", "shapes.normalized", reported)
    held = shape_of(said["wanted"]) if said else ()
    if said is None or len(held) != 1:
        return None
    made = (Argument(0, "normalized_shape", held[0]),)
    return FailedLayer(("LayerNorm",), made, held, shape_of(said["input"]))


def _recurrent(reported: Reported) -> FailedLayer | None:
    said = groups_of("shape", "sequences.input_size", reported)
    if said is None:
        return None
    weight = (1, int(said["wanted"]))
    return FailedLayer(
        ("RNN", "LSTM", "GRU"),
        (Argument(0, "input_size", weight[1]),),
        weight,
        (1, int(said["got"])),
        (Parameter("weight_ih_l0", weight, True),),
    )


KNOWN = {
    "linear": _linear,
    "conv": _convolution,
    "batchnorm": _batch_norm,
    "normalization": _layer_norm,
    "rnn": _recurrent,
}
"""The files of torch.nn.modules, and what their messages say."""

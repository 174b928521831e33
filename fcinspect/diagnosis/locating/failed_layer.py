"""The layer that failed, as its message describes it, and the constructor that makes it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from fcinspect.diagnosis.editing import Source, argument_of, last_name, prefix_of, where_written
from fcinspect.diagnosis.locating.assignments import number_of, values_of
from fcinspect.diagnosis.recognising import groups_of
from fcinspect.diagnosis.records import shape_of
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.rules.product import in_attention
from fcinspect.shapes.steps import Parameter, Shape

OF_TORCH = ("", "nn.", "torch.nn.")


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
    said = groups_of("shape", "shapes.input_size", reported)
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


@dataclass(frozen=True)
class Constructors:
    """What the source says of the layer that a line calls."""

    made: ast.Call | None
    """The constructor, where it is certain."""
    candidates: tuple[ast.Call, ...] = ()
    """Constructors of the layer's class in what was assigned to it, certain or not."""
    why: str = ""
    """Why it is not certain, to follow their lines."""


def constructor_of(
    source: Source, call: ast.Call, layer: FailedLayer, sources: Sequence[Source]
) -> Constructors:
    """Return the constructor of the layer that a call calls, if it is that of the message."""
    values = values_of(source, call.func)
    found = tuple(
        dict.fromkeys(node for value in values for node in ast.walk(value) if _makes(node, layer))
    )
    calls = tuple(node for node in found if isinstance(node, ast.Call))
    fitting = [node for node in calls if not _contradicts(source, node, layer, sources)]
    if not calls:
        return Constructors(None)
    if not fitting:
        return Constructors(None, calls, f"with other numbers than the message's {_told(layer)}")
    if len(fitting) > 1:
        return Constructors(None, tuple(fitting), f"each with the message's {_told(layer)}")
    first = layer.arguments[0]
    if _number(source, fitting[0], first.position, first.keyword, sources) is None:
        why = f"and {first.keyword} is not written there as a number of that layer alone"
        return Constructors(None, calls, why)
    return Constructors(fitting[0], calls)


def _makes(node: ast.AST, layer: FailedLayer) -> bool:
    return (
        isinstance(node, ast.Call)
        and last_name(node.func) in layer.kinds
        and prefix_of(node.func) in OF_TORCH
    )


def _told(layer: FailedLayer) -> str:
    return " and ".join(f"{given.keyword} {given.number:,}" for given in layer.arguments)


def _contradicts(
    source: Source, call: ast.Call, layer: FailedLayer, sources: Sequence[Source]
) -> bool:
    """Whether a number that is written in a constructor is not that of the message."""
    for given in layer.arguments:
        number = _number(source, call, given.position, given.keyword, sources)
        if number is not None and number != given.number:
            return True
    return False


def _number(
    source: Source, call: ast.Call, position: int, keyword: str, sources: Sequence[Source]
) -> int | None:
    """Return an argument as a number: one that is written, or what the only call hands on."""
    argument = argument_of(call, position, keyword)
    if argument is None:
        return None
    written = where_written(sources, source, argument)
    return None if written is None else number_of(*written)

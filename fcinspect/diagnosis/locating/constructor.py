"""Where the layer that a line calls is made: the one constructor that fits the message."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from fcinspect.diagnosis.editing import Source, argument_of, last_name, prefix_of
from fcinspect.diagnosis.locating.assignments import number_of, values_of
from fcinspect.diagnosis.locating.failed_layer import FailedLayer
from fcinspect.diagnosis.repairs.arguments import where_written

OF_TORCH = ("", "nn.", "torch.nn.")


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

"""The piece of source code that made a layer, found by where the layer hangs in its model."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fcinspect.diagnosis.editing import Source, argument_of, last_name, prefix_of, where_written
from fcinspect.diagnosis.failed_layer import (
    FUNCTIONS,
    OF_TORCH,
    Argument,
    assigned_to_self,
    number_of,
)
from fcinspect.shapes.steps import Place

ARGUMENTS = {
    "Linear": ("in_features", "out_features"),
    "Bilinear": ("in1_features", "in2_features", "out_features"),
    "Conv": ("in_channels", "out_channels"),
    "BatchNorm": ("num_features",),
    "InstanceNorm": ("num_features",),
    "GroupNorm": ("num_groups", "num_channels"),
    "Embedding": ("num_embeddings", "embedding_dim"),
    "RNN": ("input_size", "hidden_size"),
    "LSTM": ("input_size", "hidden_size"),
    "GRU": ("input_size", "hidden_size"),
    "MultiheadAttention": ("embed_dim", "num_heads"),
}
"""The numbers that layers are made with, in order; of all whose name begins so."""
CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")


@dataclass(frozen=True)
class Held:
    """Where a layer hangs in a model, and what it is."""

    kind: str
    """"Linear"."""
    classes: tuple[tuple[str, str], ...]
    """(file, name) of the nearest own class that holds it, and of that class's bases."""
    names: tuple[str, ...]
    """From that class, else from the model, to the layer: ("blocks", "0")."""
    numbers: tuple[Argument, ...]
    in_library: bool = False
    """Whether a class of a library stands between: what own code did not put there, it made."""


def numbers_named(kind: str, value: Callable[[str], object]) -> tuple[Argument, ...]:
    """Return the numbers of a layer of that kind, by the attributes that hold them."""
    named = next((names for start, names in ARGUMENTS.items() if kind.startswith(start)), ())
    found = [(k, name, value(name)) for k, name in enumerate(named)]
    return tuple(Argument(k, name, n) for k, name, n in found if type(n) is int)


def constructor_place(held: Held, sources: Sequence[Source]) -> Place | None:
    """Return the only constructor that can have made a layer; None where several could, or none.

    What its class assigns to the attribute counts first, then what the sources construct with
    exactly the layer's numbers.
    """
    inside = [each for each in _in_class(held, sources) if _fits(each, held, sources, False)]
    found = inside or [
        each
        for source in sources
        for node in source.walk()
        if isinstance(node, ast.Call) and _fits(each := (source, node), held, sources, True)
        if not held.in_library or _is_put_in(source, node, held.names)
    ]
    return _place(*found[0]) if len(found) == 1 else None


def _in_class(held: Held, sources: Sequence[Source]) -> list[tuple[Source, ast.Call]]:
    """Return the constructors in what the class of a layer assigns to its attribute."""
    for file, name in held.classes:
        source = next((source for source in sources if source.file == file), None)
        nodes = () if source is None else source.walk()
        for node in nodes:
            if isinstance(node, ast.ClassDef) and node.name == name and held.names and source:
                values = list(assigned_to_self(node, held.names[0]))
                if values:
                    found = [part for v in values for part in _inside(v, held.names[1:])]
                    return [(source, call) for call in dict.fromkeys(found)]
    return []


def _inside(value: ast.expr, names: Sequence[str]) -> Iterator[ast.Call]:
    """Yield the constructors that may have made what stands at a path in a value."""
    written = isinstance(value, ast.Call) and last_name(value.func) in CONTAINERS
    if not names or not written:
        yield from (node for node in ast.walk(value) if isinstance(node, ast.Call))
        return
    assert isinstance(value, ast.Call)
    given: list[ast.expr] = list(value.args)
    if len(given) == 1 and isinstance(given[0], ast.List | ast.Tuple):
        given = list(given[0].elts)
    if len(given) == 1 and isinstance(given[0], ast.Dict):
        keys = [getattr(key, "value", None) for key in given[0].keys]
        given = given[0].values
        given = [part for key, part in zip(keys, given, strict=True) if key == names[0]]
    elif names[0].isdecimal() and not any(isinstance(part, ast.Starred) for part in given):
        simple = all(isinstance(part, ast.Call) for part in given)
        given = given[int(names[0]) : int(names[0]) + 1] if simple and len(given) > 1 else given
    for part in given:
        yield from _inside(part, names[1:])


def _fits(
    found: tuple[Source, ast.Call], held: Held, sources: Sequence[Source], exactly: bool
) -> bool:
    """Whether a call makes such a layer; a number that is not written fits unless `exactly`."""
    source, call = found
    if last_name(call.func) != held.kind or prefix_of(call.func) not in OF_TORCH:
        return False
    if exactly and not held.numbers:
        return False
    for given in held.numbers:
        argument = argument_of(call, given.position, given.keyword)
        written = argument and where_written(sources, source, argument)
        number = number_of(*written) if written else None
        if number != given.number and (exactly or number is not None):
            return False
    return True


def _is_put_in(source: Source, call: ast.Call, names: Sequence[str]) -> bool:
    """Whether a call is part of what is assigned to such an attribute: model.fc = nn.Linear(…)."""
    statement = source.enclosing(call, ast.Assign)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(isinstance(t, ast.Attribute) and t.attr in names for t in targets)


def _place(source: Source, call: ast.Call) -> Place:
    around = source.enclosing(call, *FUNCTIONS)
    function = getattr(around, "name", "<module>")
    return Place(
        source.file, call.lineno, call.col_offset, call.end_lineno, call.end_col_offset, function
    )

"""The layer that failed, as its message describes it, and the constructor that makes it.

What a name or an attribute of the reader's source stands for is read, never run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fcinspect.diagnosis.editing import Source, argument_of, last_name, prefix_of, where_written
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.recognising import groups_of
from fcinspect.diagnosis.records import shape_of
from fcinspect.diagnosis.rules.product import in_attention, numbers_of
from fcinspect.shapes.steps import Parameter, Shape

OF_TORCH = ("", "nn.", "torch.nn.")
DEEPEST = 8
"""So many names in a row are followed."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LARGEST = 2**40


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


def failed_layer(facts: Facts) -> FailedLayer | None:
    """Return the layer of torch.nn that an error speaks of; None where it names no numbers of it.

    The traceback must have passed through that layer.
    """
    for file, known in KNOWN.items():
        if facts.passed_through(f"modules/{file}.py"):
            found = known(facts)
            if found is not None:
                return found
    return None


def _linear(facts: Facts) -> FailedLayer | None:
    found = numbers_of(facts)
    if found is None or in_attention(facts):
        return None
    rows, width, wanted, out = found
    made = (Argument(0, "in_features", wanted), Argument(1, "out_features", out))
    return FailedLayer(("Linear",), made, (out, wanted), (rows, width))


def _convolution(facts: Facts) -> FailedLayer | None:
    said = groups_of("shape", "shapes.channels", facts)
    weight = shape_of(said["weight"]) if said else ()
    if said is None or said["groups"] != "1" or len(weight) < 3:
        return None
    transposed = said["how"] == "transposed"
    out = weight[1] if transposed else weight[0]
    made = (Argument(0, "in_channels", int(said["wanted"])), Argument(1, "out_channels", out))
    kind = f"Conv{'Transpose' * transposed}{len(weight) - 2}d"
    return FailedLayer((kind,), made, weight, shape_of(said["input"]))


def _batch_norm(facts: Facts) -> FailedLayer | None:
    said = groups_of("shape", "shapes.batch_norm_features", facts)
    if said is None:
        return None
    held, arriving = int(said["held"]), int(said["arriving"])
    kinds = tuple(f"BatchNorm{axes}d" for axes in (1, 2, 3))
    return FailedLayer(kinds, (Argument(0, "num_features", held),), (held,), (1, arriving))


def _layer_norm(facts: Facts) -> FailedLayer | None:
    said = groups_of("shape", "shapes.normalized", facts)
    held = shape_of(said["wanted"]) if said else ()
    if said is None or len(held) != 1:
        return None
    made = (Argument(0, "normalized_shape", held[0]),)
    return FailedLayer(("LayerNorm",), made, held, shape_of(said["input"]))


def _recurrent(facts: Facts) -> FailedLayer | None:
    said = groups_of("shape", "shapes.input_size", facts)
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
    nodes = (node for value in values_of(source, call.func) for node in ast.walk(value))
    calls = (node for node in nodes if isinstance(node, ast.Call))
    made = tuple(dict.fromkeys(node for node in calls if _makes(node, layer)))
    numbers = " and ".join(f"{given.keyword} {given.number:,}" for given in layer.arguments)
    fitting = [
        node
        for node in made
        # None where a number is not written there
        if all(_number(source, node, g, sources) in (None, g.number) for g in layer.arguments)
    ]
    if not made:
        return Constructors(None)
    if not fitting:
        return Constructors(None, made, f"with numbers other than the message's {numbers}")
    if len(fitting) > 1:
        return Constructors(None, tuple(fitting), f"each with the message's {numbers}")
    first = layer.arguments[0]
    if _number(source, fitting[0], first, sources) is None:
        why = f"but {first.keyword} is not written there as a number of this layer alone"
        return Constructors(None, made, why)
    return Constructors(fitting[0], made)


def _makes(call: ast.Call, layer: FailedLayer) -> bool:
    return last_name(call.func) in layer.kinds and prefix_of(call.func) in OF_TORCH


def _number(
    source: Source, call: ast.Call, given: Argument, sources: Sequence[Source]
) -> int | None:
    """Return an argument as a number: one that is written, or what the only call hands on."""
    argument = argument_of(call, given.position, given.keyword)
    written = argument and where_written(sources, source, argument)
    return number_of(*written) if written else None


def values_of(source: Source, node: ast.expr, deep: int = 0) -> list[ast.expr]:
    """Return what may have been assigned to a name or an attribute, as it is written.

    Of an item of a list that is the list; of the target of a loop, what the loop goes through.
    """
    if deep > DEEPEST:
        return []
    if isinstance(node, ast.Subscript):
        return values_of(source, node.value, deep + 1)
    if isinstance(node, ast.Attribute):
        classes = _classes(source, node.value, deep + 1)
        return [value for held in classes for value in _attributes(source, held, node.attr)]
    if isinstance(node, ast.Name):
        found = list(_bound(source, node))
        return [value for given in found for value in _further(source, given, deep + 1)]
    return []


def _further(source: Source, value: ast.expr, deep: int) -> list[ast.expr]:
    """Return what a value stands for that is itself a name, an attribute or an item."""
    if isinstance(value, ast.Attribute | ast.Name | ast.Subscript):
        return values_of(source, value, deep)
    return [value]


def _classes(source: Source, node: ast.expr, deep: int) -> list[ast.ClassDef]:
    """Return the classes of this file that an object may be of."""
    if isinstance(node, ast.Name) and node.id == "self":
        around = source.enclosing(node, ast.ClassDef)
        return [around] if isinstance(around, ast.ClassDef) else []
    made = [v for v in values_of(source, node, deep) if isinstance(v, ast.Call)]
    return [held for call in made for held in _named(source, last_name(call.func))]


def _named(source: Source, name: str) -> list[ast.ClassDef]:
    return [n for n in source.walk() if isinstance(n, ast.ClassDef) and n.name == name]


def _attributes(source: Source, held: ast.ClassDef, name: str) -> list[ast.expr]:
    """Return what a class or, where it has none, its bases in this file assign to self.name."""
    seen: set[str] = set()
    level = [held]
    while level:
        found = [value for one in level for value in assigned_to_self(one, name)]
        if found:
            return found
        seen |= {one.name for one in level}
        bases = [last_name(base) for one in level for base in one.bases]
        level = [b for base in bases if base not in seen for b in _named(source, base)]
    return []


def assigned_to_self(held: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    """Yield what a class assigns to self.name, or adds as a module of that name."""
    for node in ast.walk(held):
        for target, value in _assigned(node):
            if _of_self(target) == name:
                yield value
        if isinstance(node, ast.Call) and _of_self(node.func) in ("add_module", "register_module"):
            first = node.args[0] if len(node.args) == 2 else None
            if isinstance(first, ast.Constant) and first.value == name:
                yield node.args[1]


def _of_self(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "self" else ""
    return ""


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each target of an assignment or loop with its value."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.For | ast.comprehension):
        yield from _pairs(node.target, node.iter)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if not isinstance(target, ast.Tuple | ast.List):
        yield target, value
    elif isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
        yield from zip(target.elts, value.elts, strict=True)
    else:
        # for i, layer in enumerate(self.layers), for name, layer in self.layers.items()
        given = value.args[0] if isinstance(value, ast.Call) and value.args else value
        if isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute):
            given = given.func.value
        yield target.elts[-1], given


def _bound(source: Source, name: ast.Name) -> Iterator[ast.expr]:
    """Yield what a name is bound to in its function or, where that binds it not, in the file."""
    function = source.enclosing(name, *FUNCTIONS)
    while function is not None:
        if name.id in _parameters(function):
            return
        found = list(_within(source, function, name.id))
        if found:
            yield from found
            return
        function = source.enclosing(function, *FUNCTIONS)
    if source.tree is not None:
        yield from _within(source, source.tree, name.id)


def _within(source: Source, holder: ast.AST, name: str) -> Iterator[ast.expr]:
    """Yield what is assigned to a name in a function, or in no function of the file."""
    for node in ast.walk(holder):
        for target, value in _assigned(node):
            around = source.enclosing(target, *FUNCTIONS, ast.ClassDef)
            own = around is (None if isinstance(holder, ast.Module) else holder)
            if own and isinstance(target, ast.Name) and target.id == name:
                yield value


def _parameters(function: ast.AST) -> set[str]:
    if not isinstance(function, FUNCTIONS):
        return set()
    given = function.args
    found = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return {part.arg for part in (*found, given.vararg, given.kwarg) if part is not None}


def number_of(source: Source, node: ast.expr, deep: int = 0) -> int | None:
    """Return the whole number that an expression is, or None where it is not written there.

    Names and attributes count that are assigned once; parameters do not.
    """
    if deep > DEEPEST:
        return None
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.BinOp):
        left, right = (number_of(source, side, deep + 1) for side in (node.left, node.right))
        return None if left is None or right is None else _computed(node.op, left, right)
    if isinstance(node, ast.Name | ast.Attribute):
        found = values_of(source, node, deep + 1)
        return number_of(source, found[0], deep + 1) if len(found) == 1 else None
    return None


def _computed(operator: ast.operator, left: int, right: int) -> int | None:
    match operator:
        case ast.Mult():
            result = left * right
        case ast.Add():
            result = left + right
        case ast.Sub():
            result = left - right
        case ast.FloorDiv() if right:
            result = left // right
        case ast.Pow() if 0 <= right <= 64 and abs(left) <= 2**16:
            result = left**right
        case _:
            return None
    return result if abs(result) <= LARGEST else None

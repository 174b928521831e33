"""A module that must be constructed otherwise, and a class that must be written otherwise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import get_close_matches

from fcinspect.diagnosis.editing import Edit, Source, argument_of, last_name, prefix_of
from fcinspect.diagnosis.repairs.candidate import (
    Candidate,
    Scene,
    argument_edit,
    by,
    candidate,
    maker,
    named,
)
from fcinspect.errors import did_you_mean
from fcinspect.shapes.steps import Shape, Step

ACTIVATIONS = {
    "relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "gelu": "GELU", "silu": "SiLU",
    "leaky_relu": "LeakyReLU", "elu": "ELU", "softplus": "Softplus", "flatten": "Flatten",
}  # fmt: skip
OF_WEIGHTS = {
    **dict.fromkeys(("RNN", "LSTM", "GRU"), ("input-size", "input_size", "weight_ih_l0")),
    "MultiheadAttention": ("embed-dim", "embed_dim", "in_proj_weight"),
}
"""Layers whose first width is that of a weight: the cause, the argument, and the weight's name."""
LINEAR_ARGUMENTS = ("in_features", "out_features", "bias", "device", "dtype")


def candidates(scene: Scene) -> Iterator[Candidate]:
    """Return what could mend the construction of a module, or its class."""
    ways = (_widths, _rank, _float_width, _keyword, _no_module, _no_super, _no_forward)
    for way in ways:
        yield from way(scene)


def _expected(step: Step, entering: Shape, message: str) -> tuple[str, str, int, int] | None:
    """Return (cause, argument, what it is, what arrives) of a layer that takes another width."""
    weight, kind = step.weight, step.kind
    channels = re.search(r"to have (\d+) channels, but got (\d+)", message)
    if kind.startswith("Conv") and channels is not None:
        return "in-channels", "in_channels", int(channels[1]), int(channels[2])
    if kind.startswith("BatchNorm") and weight and len(entering) > 1:
        return "num-features", "num_features", weight[0], entering[1]
    if kind == "LayerNorm" and weight and len(weight) == 1 and entering:
        return "normalized-shape", "normalized_shape", weight[0], entering[-1]
    cause, argument, held = OF_WEIGHTS.get(kind, ("", "", "no such weight"))
    first = next((p for p in step.parameters if held in p.name), None)
    return (cause, argument, first.shape[1], entering[-1]) if first and entering else None


def _widths(scene: Scene) -> Iterator[Candidate]:
    step, entering = scene.step, scene.entering
    if step is None or entering is None or not step.is_module:
        return
    found = _expected(step, entering, scene.message)
    if found is None or found[2] == found[3]:
        return
    name, argument, held, arriving = found
    edits = argument_edit(scene, step, 0, argument, str(arriving))
    values = {"argument": argument, "name": named(step), "held": held, "arriving": arriving}
    values |= {"entering": by(entering), "words": step.words, "maker": "" if edits else maker(step)}
    yield candidate("width", edits, **values).called(name)


def _rank(scene: Scene) -> Iterator[Candidate]:
    """BatchNorm2d after a linear layer, BatchNorm1d after a convolution."""
    step, entering = scene.step, scene.entering
    if step is None or entering is None or not step.kind.startswith("BatchNorm"):
        return
    told = re.search(r"expected (?:\d+D or )?\d+D input \(got (\d)D input\)", scene.message)
    right = {"2": "BatchNorm1d", "3": "BatchNorm1d", "4": "BatchNorm2d", "5": "BatchNorm3d"}
    if told is None or right.get(told[1], step.kind) == step.kind:
        return
    wanted = right[told[1]]
    edits: tuple[Edit, ...] = ()
    made = scene.call(step.made)
    if made is not None:
        source, call = made
        edits = (source.replaced(call.func, f"{prefix_of(call.func)}{wanted}"),)
    values = {"kind": step.kind, "rank": told[1], "entering": by(entering), "words": step.words}
    yield candidate("batch-norm-rank", edits, wanted=wanted, features=entering[1], **values)


def _float_width(scene: Scene) -> Iterator[Candidate]:
    """nn.Linear(784 / 4, 10): a width that is a float."""
    told = re.search(
        r"found element of type float at pos (?P<from_0>\d)"
        r"|failed to unpack the object at pos (?P<from_1>\d) .*got float",
        scene.message,
    )
    found = scene.call(scene.failure.place)
    if told is None or found is None:
        return
    source, call = found
    # the weight is (out_features, in_features)
    first = told["from_0"] == "0" or told["from_1"] == "1"
    position, name = (1, "out_features") if first else (0, "in_features")
    argument = argument_of(call, position, name)
    if argument is None:
        return
    written = source.segment(argument)
    if isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Div):
        left, right = source.segment(argument.left), source.segment(argument.right)
        new = f"{left} // {right}"
    else:
        new = f"int({written})"
    divided = ", and / always returns a float" * ("//" in new)
    values = {"name": name, "written": written, "divided": divided, "new": new}
    yield candidate("float-width", (source.replaced(argument, new),), **values)


def _keyword(scene: Scene) -> Iterator[Candidate]:
    """nn.Linear(in_feature=…): an argument that is misspelt."""
    told = re.search(
        r"\b(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", scene.message
    )
    found = scene.call(scene.failure.place)
    if told is None or found is None or told[1] != "Linear":
        return
    hint = did_you_mean(told[2], LINEAR_ARGUMENTS)
    near = re.search(r"'(\w+)'", hint) if hint else None
    source, call = found
    given = next((part for part in call.keywords if part.arg == told[2]), None)
    if near is None or given is None:
        return
    edit = source.replaced(given, f"{near[1]}={source.segment(given.value)}")
    known = ", ".join(LINEAR_ARGUMENTS)
    yield candidate("misspelt-argument", (edit,), wrong=told[2], known=known, near=near[1])


def _no_module(scene: Scene) -> Iterator[Candidate]:
    """A function, or a class without parentheses, in nn.Sequential."""
    if "is not a Module subclass" not in scene.message:
        return
    found = scene.call(scene.failure.place)
    if found is None:
        return
    source, call = found
    for argument in call.args:
        name = last_name(argument)
        if isinstance(argument, ast.Call) or not name or name not in scene.message:
            continue
        if name in ACTIVATIONS:
            prefixes = {prefix_of(a.func) for a in call.args if isinstance(a, ast.Call)}
            nn = "nn" if "nn." in prefixes else "torch.nn"
            new, cause = f"{nn}.{ACTIVATIONS[name]}()", "A function is passed instead of a module"
        else:
            new, cause = f"{source.segment(argument)}()", "A class is passed instead of a module"
        values = {"what": cause, "written": source.segment(argument), "new": new}
        yield candidate("not-a-module", (source.replaced(argument, new),), **values)


def _no_super(scene: Scene) -> Iterator[Candidate]:
    if "before Module.__init__() call" not in scene.message:
        return
    place = scene.failure.place
    source = scene.source(place)
    if source is None or place is None:
        return
    around = (
        node
        for node in source.walk()
        if isinstance(node, ast.FunctionDef)
        and node.name == "__init__"
        and node.lineno <= place.line <= (node.end_lineno or node.lineno)
    )
    function = next(around, None)
    if function is None:
        return
    late = next((s for s in function.body if "super().__init__" in source.segment(s)), None)
    documented = ast.get_docstring(function, clean=False) is not None and len(function.body) > 1
    first = function.body[documented]
    edits = [source.inserted_before(first, f"super().__init__()\n{' ' * first.col_offset}")]
    if late is not None:
        edits.append(source.replaced(late, "pass"))
    where = "is missing" if late is None else "comes after it"
    yield candidate("no-super-init", tuple(edits), line=place.line, where=where)


def _no_forward(scene: Scene) -> Iterator[Candidate]:
    told = re.search(r'Module \[(\w+)\] is missing the required "forward" function', scene.message)
    if told is None:
        return
    for source in scene.sources.values():
        for node in source.walk():
            if isinstance(node, ast.ClassDef) and node.name == told[1]:
                yield from _in_class(source, node)
                return


def _in_class(source: Source, node: ast.ClassDef) -> Iterator[Candidate]:
    methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
    near = get_close_matches("forward", list(methods), n=1, cutoff=0.7)
    folded = [name for name in methods if name.strip("_").lower() in ("forward", "call")]
    for name in (*near, *folded):
        text = source.segment(methods[name])
        head = text.index(name)
        edit = source.replaced(methods[name], text[:head] + "forward" + text[head + len(name) :])
        values = {"method": name, "owner": node.name, "methods": ", ".join(methods)}
        yield candidate("forward-misspelt", (edit,), **values)
        return
    for method in methods.values():
        for inner in ast.walk(method):
            if isinstance(inner, ast.FunctionDef) and inner.name == "forward":
                edit = source.replaced(method, _dedented(source, method, inner))
                place = {"line": inner.lineno, "columns": inner.col_offset - method.col_offset}
                values = {"method": method.name, "owner": node.name}
                yield candidate("forward-indented", (edit,), **values, **place)
                return


def _dedented(source: Source, method: ast.FunctionDef, inner: ast.FunctionDef) -> str:
    """Return a method with the function in it moved out of it."""
    start, end = inner.lineno, inner.end_lineno or inner.lineno
    shift = inner.col_offset - method.col_offset
    lines = source.segment(method).split("\n")
    first = method.lineno
    moved = [
        line[shift:] if line[:shift].isspace() else line
        for line in lines[start - first : end - first + 1]
    ]
    rest = [*lines[: start - first], *lines[end - first + 1 :]]
    while rest and not rest[-1].strip():
        rest.pop()
    return "\n".join([*rest, "", *moved])

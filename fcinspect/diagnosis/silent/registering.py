"""Plain lists and dicts of layers, written as the containers that torch registers."""

from __future__ import annotations

import ast

from fcinspect.diagnosis.editing import Edit, Source

LISTS = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp)
DICTS = (ast.Dict, ast.DictComp)


def registered(source: Source, value: ast.expr, kind: str, outermost: str) -> list[Edit]:
    """Return the edits that put what is written into containers, each inner list or dict too.

    `kind` is "nn.Module" or "nn.Parameter", `outermost` "List" or "Dict".
    """
    edits = [
        source.inserted_before(value, f"{kind}{outermost}("),
        source.inserted_after(value, ")"),
    ]
    for inner in _inside(value):
        if isinstance(inner, LISTS + DICTS):
            of = "Dict" if isinstance(inner, DICTS) else "List"
            edits += registered(source, inner, kind, of)
    return edits


def _inside(value: ast.expr) -> list[ast.expr]:
    match value:
        case ast.List(elts) | ast.Tuple(elts):
            return elts
        case ast.Dict(values=values):
            return values
        case ast.ListComp(elt) | ast.GeneratorExp(elt):
            return [elt]
        case ast.DictComp(value=inner):
            return [inner]
    return []

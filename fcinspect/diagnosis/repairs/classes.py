"""A class of modules that is not written as torch needs it: super().__init__(), forward."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches

from fcinspect.diagnosis.editing import Source
from fcinspect.diagnosis.repairs.candidate import Candidate, Scene


def candidates(scene: Scene) -> list[Candidate]:
    """Return what could mend the class."""
    return [*_no_super(scene), *_no_forward(scene)]


def _no_super(scene: Scene) -> list[Candidate]:
    if "before Module.__init__() call" not in scene.message:
        return []
    place = scene.failure.place
    source = scene.source(place)
    if source is None or source.tree is None or place is None:
        return []
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.FunctionDef)
            and node.name == "__init__"
            and node.lineno <= place.line <= (node.end_lineno or node.lineno)
        ):
            late = next((s for s in node.body if "super().__init__" in source.segment(s)), None)
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and len(node.body) > 1
            ):
                first = node.body[1]
            blanks = " " * first.col_offset
            edits = [source.inserted_before(first, f"super().__init__()\n{blanks}")]
            if late is not None:
                edits.append(source.replaced(late, "pass"))
            return [
                Candidate(
                    "no-super-init",
                    "__init__ assigns a module before super().__init__() has run",
                    f"line {place.line} assigns one, and super().__init__() "
                    + ("stands below it" if late is not None else "is missing"),
                    "call super().__init__() first",
                    tuple(edits),
                )
            ]
    return []


def _no_forward(scene: Scene) -> list[Candidate]:
    told = re.search(r'Module \[(\w+)\] is missing the required "forward" function', scene.message)
    if told is None:
        return []
    for source in scene.sources.values():
        for node in source.walk():
            if isinstance(node, ast.ClassDef) and node.name == told[1]:
                return _in_class(source, node)
    return []


def _in_class(source: Source, node: ast.ClassDef) -> list[Candidate]:
    methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
    near = get_close_matches("forward", list(methods), n=1, cutoff=0.7)
    folded = [name for name in methods if name.strip("_").lower() in ("forward", "call")]
    for name in (*near, *folded):
        text = source.segment(methods[name])
        head = text.index(name)
        return [
            Candidate(
                "forward-misspelt",
                f"The method is called {name}, and torch calls forward",
                f"{node.name} has {', '.join(methods)}",
                "name it forward",
                (
                    source.replaced(
                        methods[name], text[:head] + "forward" + text[head + len(name) :]
                    ),
                ),
            )
        ]
    for method in methods.values():
        for inner in ast.walk(method):
            if isinstance(inner, ast.FunctionDef) and inner.name == "forward":
                return [
                    Candidate(
                        "forward-indented",
                        f"Forward is indented into {method.name}, so that {node.name} has none",
                        f"line {inner.lineno} stands {inner.col_offset - method.col_offset} columns"
                        f" further right than def {method.name}",
                        f"move it to the left, below {method.name}",
                        (source.replaced(method, _dedented(source, method, inner)),),
                    )
                ]
    return []


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

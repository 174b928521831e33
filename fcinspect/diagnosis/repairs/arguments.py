"""Where the value of an argument is written: of a parameter, in the call of its function."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from fcinspect.diagnosis.editing import Source, argument_of, last_name, prefix_of

REPEATING = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
MOST_CALLS = 5
"""So many functions may hand a value on."""


def where_written(
    sources: Iterable[Source], source: Source, argument: ast.expr
) -> tuple[Source, ast.expr] | None:
    """Return the expression that gives an argument its value, in its file.

    That is the argument itself or, of a parameter of the function around it, what the only call of
    that function gives. None where a loop or several calls make several layers of one expression:
    no edit of it could be right for all.
    """
    files = list(sources)
    for _ in range(MOST_CALLS):
        if _repeated(source, argument):
            return None
        function = source.enclosing(argument, ast.FunctionDef)
        if not isinstance(function, ast.FunctionDef):
            return source, argument
        names = {node.id for node in ast.walk(argument) if isinstance(node, ast.Name)}
        given = [part.arg for part in (*function.args.posonlyargs, *function.args.args)]
        if not names & {*given, *(part.arg for part in function.args.kwonlyargs)}:
            return source, argument
        calls = _calls(files, source, function)
        if len(calls) > 1 or any(_repeated(*call) for call in calls):
            return None
        if not calls or not isinstance(argument, ast.Name):
            return source, argument
        file, call = calls[0]
        place = given.index(argument.id) if argument.id in given else len(call.args)
        found = argument_of(call, place - _is_method(source, function), argument.id)
        if found is None:
            return source, argument  # its default
        source, argument = file, found
    return None


def _repeated(source: Source, node: ast.expr) -> bool:
    """Whether a loop of the same function executes an expression several times."""
    return isinstance(source.enclosing(node, *REPEATING, ast.FunctionDef, ast.ClassDef), REPEATING)


def _is_method(source: Source, function: ast.FunctionDef) -> bool:
    return isinstance(source.parent(function), ast.ClassDef)


def _calls(
    files: list[Source], source: Source, function: ast.FunctionDef
) -> list[tuple[Source, ast.Call]]:
    """Return the calls of a function or, of __init__, of its class."""
    holder, name, method = source.parent(function), function.name, _is_method(source, function)
    if isinstance(holder, ast.ClassDef) and name == "__init__":
        name, method = holder.name, False
    return [
        (file, node)
        for file in files
        for node in file.walk()
        if isinstance(node, ast.Call)
        and last_name(node.func) == name
        and (prefix_of(node.func) == "self.") == method
    ]

"""What a name or an attribute of the reader's source stands for, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fcinspect.diagnosis.editing import Source, last_name

DEEPEST = 8
"""So many names in a row are followed."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LARGEST = 2**40


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
        found = [value for one in level for value in _own_attributes(one, name)]
        if found:
            return found
        seen |= {one.name for one in level}
        bases = [last_name(base) for one in level for base in one.bases]
        level = [b for base in bases if base not in seen for b in _named(source, base)]
    return []


def _own_attributes(held: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(held):
        for target, value in _assigned(node):
            if isinstance(target, ast.Attribute) and (target.attr, _owner(target)) == (
                name,
                "self",
            ):
                yield value
        if isinstance(node, ast.Call) and _owner(node.func) == "self":
            added = (
                last_name(node.func) in ("add_module", "register_module") and len(node.args) == 2
            )
            first = node.args[0] if added else None
            if isinstance(first, ast.Constant) and first.value == name:
                yield node.args[1]


def _owner(node: ast.expr) -> str:
    """Return "self" of self.fc1."""
    value = node.value if isinstance(node, ast.Attribute) else None
    return value.id if isinstance(value, ast.Name) else ""


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
        found = [v for t, v in _within(source, function) if _is(t, name.id)]
        if found:
            yield from found
            return
        function = source.enclosing(function, *FUNCTIONS)
    if source.tree is not None:
        yield from (v for t, v in _within(source, source.tree) if _is(t, name.id))


def _is(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _within(source: Source, holder: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield the assignments that stand in a function, or in no function of the file."""
    for node in ast.walk(holder):
        for pair in _assigned(node):
            around = source.enclosing(pair[0], *FUNCTIONS, ast.ClassDef)
            if around is (None if isinstance(holder, ast.Module) else holder):
                yield pair


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
    if isinstance(operator, ast.Mult):
        result = left * right
    elif isinstance(operator, ast.Add):
        result = left + right
    elif isinstance(operator, ast.Sub):
        result = left - right
    elif isinstance(operator, ast.FloorDiv) and right:
        result = left // right
    elif isinstance(operator, ast.Pow) and 0 <= right <= 64 and abs(left) <= 2**16:
        result = left**right
    else:
        return None
    return result if abs(result) <= LARGEST else None

"""Changes of source code at the places that Python's compiler tells; pure text to text."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from fcinspect.diagnosis.facts import syntax_tree
from fcinspect.diagnosis.records import Change
from fcinspect.shapes.steps import Place

REPEATING = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
MOST_CALLS = 5
"""So many functions may hand a value on."""


@dataclass(frozen=True)
class Edit:
    """A change of one place in a file of source code."""

    file: str
    line: int
    """Of the place, from 1."""
    column: int
    """Of the place, in characters from 0."""
    old: str
    """What stands there; "" where something is inserted."""
    new: str
    """What is to stand there."""


class Source:
    """The text of a file and its syntax tree."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.lines = text.split("\n")

    @cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree, or None for text that is not Python."""
        return syntax_tree(self.text)

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in self.walk() for child in ast.iter_child_nodes(node)}

    def walk(self) -> Iterator[ast.AST]:
        """Yield every node; none of text that is not Python."""
        return iter(()) if self.tree is None else ast.walk(self.tree)

    def nodes(self, place: Place) -> Iterator[ast.expr]:
        """Yield the expressions that stand exactly at a place, outermost first."""
        if place.column is None:
            return
        wanted = (place.line, place.column, place.end_line, place.end_column)
        for node in self.walk():
            if isinstance(node, ast.expr) and wanted == (
                node.lineno, node.col_offset, node.end_lineno, node.end_col_offset,
            ):  # fmt: skip
                yield node

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node that a node is part of."""
        return self._parents.get(node)

    def enclosing(self, node: ast.AST, *kinds: type[ast.AST]) -> ast.AST | None:
        """Return the innermost node of one of the kinds that holds a node."""
        found = self.parent(node)
        while found is not None and not isinstance(found, kinds):
            found = self.parent(found)
        return found

    def segment(self, node: ast.AST) -> str:
        """Return the text of a node."""
        return ast.get_source_segment(self.text, node) or ""

    def operand(self, node: ast.expr) -> str:
        """Return the text of an expression so that .method() can follow it."""
        plain = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
        text = self.segment(node)
        return text if isinstance(node, plain) else f"({text})"

    def replaced(self, node: ast.expr | ast.stmt | ast.keyword, new: str) -> Edit:
        """Return the edit that writes `new` in place of a node."""
        return replace(self.inserted_before(node, new), old=self.segment(node))

    def inserted_before(self, node: ast.expr | ast.stmt | ast.keyword, new: str) -> Edit:
        """Return the edit that writes `new` before a node."""
        column = self._characters(node.lineno, node.col_offset)
        return Edit(self.file, node.lineno, column, "", new)

    def with_keyword(self, call: ast.Call, words: str) -> Edit:
        """Return the edit that gives a call one more argument, such as "dim=-1"."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if not given:
            return self.replaced(call, f"{self.segment(call.func)}({words})")
        return self.inserted_after(given[-1], f", {words}")

    def inserted_after(self, node: ast.expr, new: str) -> Edit:
        """Return the edit that writes `new` behind a node."""
        line = node.end_lineno or node.lineno
        return Edit(self.file, line, self._characters(line, node.end_col_offset or 0), "", new)

    def _characters(self, line: int, column: int) -> int:
        """Return a column of bytes, as syntax trees have it, in characters."""
        return len(self.lines[line - 1].encode()[:column].decode(errors="replace"))


def argument_of(call: ast.Call, position: int, keyword: str) -> ast.expr | None:
    """Return the argument at a position or of a name; None where it is not written out."""
    for given in call.keywords:
        if given.arg == keyword:
            return given.value
    before = call.args[: position + 1]
    if len(before) <= position or any(isinstance(part, ast.Starred) for part in before):
        return None
    return call.args[position]


def last_name(node: ast.expr) -> str:
    """Return "Linear" of nn.Linear or Linear."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def prefix_of(node: ast.expr) -> str:
    """Return "nn." of nn.Linear, "" of Linear."""
    return f"{ast.unparse(node.value)}." if isinstance(node, ast.Attribute) else ""


def applied(edits: Sequence[Edit], texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of the files with the edits made; those without edits are left out.

    Raises ValueError where something else stands at a place, or where edits overlap.
    """
    found: dict[str, str] = {}
    for edit in sorted(set(edits), key=lambda e: (e.line, e.column, len(e.old)), reverse=True):
        text = found.get(edit.file, texts[edit.file])
        start = sum(len(line) + 1 for line in text.split("\n")[: edit.line - 1]) + edit.column
        if text[start : start + len(edit.old)] != edit.old:
            raise ValueError(f"{edit.file}:{edit.line} does not read {edit.old!r}")
        found[edit.file] = text[:start] + edit.new + text[start + len(edit.old) :]
    return found


def changes_of(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """Return the lines by which texts of files differ."""
    import difflib

    changes = []
    for file, text in sorted(after.items()):
        old, new = before[file].split("\n"), text.split("\n")
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        for tag, start, end, new_start, new_end in matcher.get_opcodes():
            if tag != "equal":
                was, now = "\n".join(old[start:end]), "\n".join(new[new_start:new_end])
                changes.append(Change(file, start + 1, was, now))
    return tuple(changes)


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

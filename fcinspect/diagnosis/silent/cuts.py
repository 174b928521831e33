"""The line that cuts the graph: .detach(), .data, .item(), .numpy(), torch.tensor(…), no_grad."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fcinspect.diagnosis.editing import Edit, Source, last_name, prefix_of
from fcinspect.diagnosis.observations import Lifeless, Observations
from fcinspect.diagnosis.recognising import cause_of
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.silent.case import Case
from fcinspect.shapes.steps import Place

METHODS = frozenset({"detach", "detach_", "item", "numpy", "tolist"})
MADE = frozenset({"tensor", "as_tensor", "from_numpy"})
"""Functions of torch that make a tensor of numbers, which has no graph."""
SWITCHES = frozenset({"no_grad", "inference_mode"})
MOST_CUTS = 4
"""So many are tried, at most."""


def detached(case: Case, parts: list[Lifeless], layers: str, names: str) -> Cause:
    """Return the cause of layers that no gradient reaches, with the line that cuts them off."""
    first: Cause | None = None
    for source, node in _after(case, parts)[:MOST_CUTS]:
        call = _words(source, node)
        where = case.where(Place(source.file, node.lineno))
        cause = cause_of(
            "silent", "layer-detached/cut",
            layers=layers, names=names, call=call, where=where,
        )  # fmt: skip
        tried = case.tried(cause, _without(source, node), lambda seen: _is_mended(seen, parts))
        if tried.trial is None:
            first = first or tried
        elif tried.trial.runs:
            return tried
    return first or cause_of("silent", "layer-detached", layers=layers, names=names)


def _is_mended(seen: Observations, parts: list[Lifeless]) -> bool:
    left = {part.name for part in seen.lifeless if part.kind == "detached"}
    return not left & {part.name for part in parts}


def _after(case: Case, parts: list[Lifeless]) -> list[tuple[Source, ast.expr | ast.With]]:
    """Return what cuts the graph in the functions that ran; the first behind the layers first."""
    names = {part.name for part in parts}
    steps = [s for s in case.trace.steps if names & {p.name for p in s.parameters}]
    called = next((step.called for step in reversed(steps) if step.called is not None), None)
    found = []
    for source in case.scene.sources.values():
        for node in _cuts(source):
            function = source.enclosing(node, ast.FunctionDef)
            if not isinstance(function, ast.FunctionDef) or not _ran(case, source, function):
                continue
            if not _is_kept(source, node):
                continue
            line = called.line if called is not None and called.file == source.file else 0
            near = function.lineno <= line <= (function.end_lineno or 0)
            behind = near and (isinstance(node, ast.With) or node.lineno >= line)
            found.append(((not behind, not near, node.lineno), source, node))
    return [(source, node) for _, source, node in sorted(found, key=lambda one: one[0])]


def _ran(case: Case, source: Source, function: ast.FunctionDef) -> bool:
    """Whether a step of the run was called in a function of the source."""
    last = function.end_lineno or function.lineno
    places = (step.called for step in case.trace.steps)
    return any(p and p.file == source.file and function.lineno <= p.line <= last for p in places)


def _is_kept(source: Source, node: ast.expr | ast.With) -> bool:
    """Whether what is cut goes on to the output: it is returned, or bound to a plain name.

    What is only printed, or kept in an attribute, as for a log, cuts nothing; nor does a name that
    is used only so.
    """
    if isinstance(node, ast.With) or source.enclosing(node, ast.Return) is not None:
        return True
    bound = source.enclosing(node, ast.Assign)
    targets = bound.targets if isinstance(bound, ast.Assign) else []
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    return any(
        isinstance(other, ast.Name)
        and other.id in names
        and isinstance(other.ctx, ast.Load)
        and source.enclosing(other, ast.Expr) is None
        for other in source.walk()
    )


def _cuts(source: Source) -> Iterator[ast.expr | ast.With]:
    for node in source.walk():
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            method = isinstance(node.func, ast.Attribute) and name in METHODS
            if method or (name in MADE and prefix_of(node.func) == "torch."):
                yield node
        elif isinstance(node, ast.Attribute) and node.attr == "data":
            if isinstance(node.ctx, ast.Load):
                yield node
        elif isinstance(node, ast.With):
            calls = (item.context_expr for item in node.items)
            if any(isinstance(c, ast.Call) and last_name(c.func) in SWITCHES for c in calls):
                yield node


def _words(source: Source, node: ast.expr | ast.With) -> str:
    """Return what cuts, as it is called: ".detach()", "torch.tensor(…)"."""
    if isinstance(node, ast.With):
        return f"with {source.segment(node.items[0].context_expr)}"
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        return f".{name}()" if name in METHODS else f"torch.{name}(…)"
    return ".data"


def _without(source: Source, node: ast.expr | ast.With) -> tuple[Edit, ...]:
    """Return the edit that takes .detach() or .data out of its line; none of what makes numbers."""
    inner: ast.expr | None = None
    if isinstance(node, ast.Attribute):
        inner = node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        inner = node.func.value if node.func.attr in {"detach", "detach_"} else None
    if inner is None or isinstance(node, ast.With):
        return ()
    return (source.replaced(node, source.segment(inner)),)

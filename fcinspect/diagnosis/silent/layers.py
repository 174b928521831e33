"""Layers that torch does not know, that a run makes anew, and that no gradient reaches."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from fcinspect.diagnosis.editing import Edit, Source, prefix_of
from fcinspect.diagnosis.observations import Lifeless, Unregistered, listed
from fcinspect.diagnosis.recognising import cause_of
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.silent.case import Case
from fcinspect.diagnosis.silent.cuts import detached
from fcinspect.diagnosis.silent.shapes import is_softmax_of_one
from fcinspect.shapes.steps import Step

HOLDERS = {"list": "List", "tuple": "List", "set": "List", "dict": "Dict"}
"""The container of torch that takes the place of a plain one."""
LAZY = ("Linear", "Conv1d", "Conv2d", "Conv3d", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d")
NAMES = {"never used": "layer-never-used", "detached": "layer-detached", "zero": "layer-dead"}
"""The causes of how a gradient does not reach a layer."""
LISTS = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp)
DICTS = (ast.Dict, ast.DictComp)


def found(case: Case) -> list[Cause]:
    """Return the faults of layers."""
    return [
        *(_unregistered(case, one) for one in case.seen.unregistered),
        *_made_in_run(case),
        *_lifeless(case),
    ]


def _unregistered(case: Case, found: Unregistered) -> Cause:
    what = "layers" if found.modules else "parameters"
    kind = ("Module" if found.modules else "Parameter") + HOLDERS.get(found.container, "List")
    evidence = (
        f"{found.owner}.{found.attribute} holds {found.count} object{'s' * (found.count != 1)} with"
        f" {found.numbers:,} parameters that model.parameters(), state_dict() and .to(device) do"
        " not see"
    )
    values = {"what": what, "name": found.attribute, "container": found.container, "kind": kind}
    values["evidence"] = evidence
    if found.container not in HOLDERS:
        variant = "object" if found.container else "alone"
        return cause_of("silent", f"unregistered-layers/{variant}", **values)
    cause = cause_of("silent", "unregistered-layers", **values)
    tried = case.tried(
        cause, _registered(case, found, kind),
        lambda seen: all(u.attribute != found.attribute for u in seen.unregistered),
    )  # fmt: skip
    if tried.trial is None or tried.trial.runs:
        return tried
    fix = f"put only the {what} into nn.{kind}; an inner list needs an nn.{kind} of its own"
    return replace(cause, fix=fix, code=None)


def _registered(case: Case, found: Unregistered, kind: str) -> tuple[Edit, ...]:
    for source in case.scene.sources.values():
        for node in source.walk():
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                named = isinstance(target, ast.Attribute) and target.attr == found.attribute
                holder = source.enclosing(node, ast.ClassDef)
                if named and isinstance(holder, ast.ClassDef) and holder.name == found.owner:
                    of = _prefix(source) + kind[:-4]
                    return tuple(registered(source, node.value, of, kind[-4:]))
    return ()


def _made_in_run(case: Case) -> Iterator[Cause]:
    made = [step for step in case.trace.steps if step.made_in_run and step.parameters]
    lost = [step for step in made if not any(p.name for p in step.parameters)]
    late = [step for step in made if step not in lost]
    if lost:
        kinds = listed(list(dict.fromkeys(f"nn.{step.kind}" for step in lost)))
        name, written = lost[0].kind.lower(), _written(case, lost[0])
        values = {"kinds": kinds, "places": _places(lost), "name": name, "written": written}
        yield cause_of("silent", "layer-made-in-forward", **values)
    if late:
        names = listed(list(dict.fromkeys(step.path for step in late)))
        kind = late[0].kind
        written = f"nn.Lazy{kind}(…)" if kind in LAZY else _written(case, late[0])
        values = {"names": names, "places": _places(late), "path": late[0].path, "written": written}
        yield cause_of("silent", "layer-made-in-first-forward", **values)


def _places(made: list[Step]) -> str:
    places = [step.made for step in made if step.made is not None]
    lines = list(dict.fromkeys(f"{PurePath(place.file).name}:{place.line}" for place in places))
    return listed(lines) or "in code that is not yours"


def _written(case: Case, step: Step) -> str:
    made = case.scene.call(step.made)
    return f"nn.{step.kind}(…)" if made is None else made[0].segment(made[1])


def _lifeless(case: Case) -> Iterator[Cause]:
    for kind, name in NAMES.items():
        parts = [p for p in case.seen.lifeless if p.kind == kind]
        if kind == "never used":
            parts = _without_other_uses(case, parts)
        if kind == "zero" and parts and any(map(_weighs_one, case.trace.steps)):
            if case.has_single:
                case.undecided.append(
                    f"{listed([p.name for p in parts])}: the gradient is 0, but a softmax over one"
                    " number is always 1; a longer input would decide"
                )
                continue
            if any(map(is_softmax_of_one, case.trace.steps)):
                continue  # that is a fault of its own
        if kind == "detached" and not case.trace.outputs:
            continue  # nothing is returned that could depend on them
        if parts:
            names = listed([p.name for p in parts])
            if kind == "detached":
                yield detached(case, parts, _layers(parts), names)
                continue
            yield cause_of("silent", name, layers=_layers(parts), names=names)


def _without_other_uses(case: Case, parts: list[Lifeless]) -> list[Lifeless]:
    """Leave out what another function of the source uses, as evaluate or a loss does."""
    left, used = [], dict[str, list[str]]()
    for part in parts:
        where = _used_elsewhere(case, part.name.split(".")[0])
        if where:
            used.setdefault(where, []).append(part.name)
        else:
            left.append(part)
    for where, names in used.items():
        case.undecided.append(f"{listed(names)}: not used by forward, but perhaps by {where}")
    return left


def _used_elsewhere(case: Case, attribute: str) -> str:
    """Return "evaluate (net.py:17)" of a function that reads an attribute of that name."""
    for source in case.scene.sources.values():
        for node in source.walk():
            if not isinstance(node, ast.Attribute) or node.attr != attribute:
                continue
            function = source.enclosing(node, ast.FunctionDef)
            name = function.name if isinstance(function, ast.FunctionDef) else "the file"
            holder = source.enclosing(node, ast.ClassDef)
            if isinstance(holder, ast.ClassDef) and holder.name != case.trace.name:
                continue  # another module's attribute of that name
            if isinstance(node.ctx, ast.Load) and name not in ("__init__", "forward"):
                return f"{name} ({PurePath(source.file).name}:{node.lineno})"
    return ""


def _weighs_one(step: Step) -> bool:
    """Whether a step weighs a single thing."""
    if step.kind in ("MultiheadAttention", "scaled_dot_product_attention"):
        return len(step.inputs) > 1 and 1 in step.inputs[1].shape[-3:-1]
    return is_softmax_of_one(step)


def _layers(parts: list[Lifeless]) -> str:
    """Return the layers of parameters, of one that is affected in part the parameters."""
    names = (p.name.rpartition(".")[0] or p.name if p.whole else p.name for p in parts)
    return listed(list(dict.fromkeys(names)))


def _prefix(source: Source) -> str:
    """Return how the file names torch.nn: "nn." or "torch.nn."."""
    for node in source.walk():
        if isinstance(node, ast.Call) and prefix_of(node.func) in ("nn.", "torch.nn."):
            return prefix_of(node.func)
    return "torch.nn."


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

"""Layers that torch does not know, that a run makes anew, and that no gradient reaches."""

from __future__ import annotations

import ast
from dataclasses import replace

from fcinspect.diagnosis.editing import Edit, Source, prefix_of
from fcinspect.diagnosis.observations import Lifeless, Unregistered
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.silent.case import Case
from fcinspect.diagnosis.silent.registering import registered
from fcinspect.diagnosis.silent.words import listed
from fcinspect.shapes.steps import Step

HOLDERS = {"list": "List", "tuple": "List", "set": "List", "dict": "Dict"}
"""The container of torch that takes the place of a plain one."""
WORDS = {
    "never used": (
        "layer-never-used",
        "Forward never uses {0}",
        "registered, counted and saved, but no step of the run uses them",
        "call the layer in forward, or remove it",
    ),
    "detached": (
        "layer-detached",
        "No gradient reaches {0}",
        "they are used, but the output does not depend on them differentiably: a detach(), .data,"
        " .item(), argmax or torch.no_grad() stands between",
        "remove it",
    ),
    "zero": (
        "layer-dead",
        "The gradient of {0} is exactly 0 on random inputs",
        "every number of the gradient is 0, also when all parameters are changed a little: a ReLU"
        " behind is off for all rows, or a factor is 0",
        "look at the initialisation (large negative biases) and at double activations",
    ),
}


def found(case: Case) -> list[Cause]:
    """Return the faults of layers."""
    return [
        *(_unregistered(case, one) for one in case.seen.unregistered),
        *_made_in_run(case),
        *_lifeless(case),
    ]


def _unregistered(case: Case, found: Unregistered) -> Cause:
    """Return the cause of layers in a plain list."""
    what = "layers" if found.modules else "parameters"
    kind = ("Module" if found.modules else "Parameter") + HOLDERS.get(found.container, "List")
    evidence = (
        f"{found.owner}.{found.attribute} holds {found.count} with {found.numbers:,} parameters"
        " that model.parameters(), state_dict() and .to(device) do not see"
    )
    if found.container not in HOLDERS:
        return Cause(
            "unregistered-layers",
            f"The {what} in {found.attribute} are not registered:"
            f" {found.container} is no module's list",
            evidence,
            f"make {found.container} a subclass of nn.Module, or assign its layers to the module",
            f"class {found.container}(nn.Module):",
        )
    cause = Cause(
        "unregistered-layers",
        f"The {what} in {found.attribute} are not registered: it is a plain {found.container}",
        evidence,
        f"put them into nn.{kind}",
        f"self.{found.attribute} = nn.{kind}(…)",
    )
    tried = case.tried(
        cause, _registered(case, found, kind),
        lambda seen: all(u.attribute != found.attribute for u in seen.unregistered),
    )  # fmt: skip
    if tried.trial is None or tried.trial.runs:
        return tried
    fix = f"put the {what} alone into nn.{kind}, those of a list within into one of its own"
    return replace(cause, fix=fix, code=None)


def _registered(case: Case, found: Unregistered, kind: str) -> tuple[Edit, ...]:
    for source in case.sources.values():
        for node in ast.walk(source.tree) if source.tree is not None else ():
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                named = isinstance(target, ast.Attribute) and target.attr == found.attribute
                holder = source.enclosing(node, ast.ClassDef)
                if named and isinstance(holder, ast.ClassDef) and holder.name == found.owner:
                    of = _prefix(source) + kind[:-4]
                    return tuple(registered(source, node.value, of, kind[-4:]))
    return ()


def _made_in_run(case: Case) -> list[Cause]:
    """Layers that forward constructs."""
    made = [step for step in case.trace.steps if step.made_in_run and step.parameters]
    lost = [step for step in made if not any(p.name for p in step.parameters)]
    late = [step for step in made if step not in lost]
    found = []
    if lost:
        found.append(
            Cause(
                "layer-made-in-forward",
                f"Forward makes a new {_kinds(lost)} at every call",
                f"{_places(lost)}: its random weights are gone after the call; no optimizer and no"
                " state dict ever holds them",
                "make it once in __init__, and call it in forward",
                f"self.{lost[0].kind.lower()} = nn.{lost[0].kind}(…)",
            )
        )
    if late:
        found.append(
            Cause(
                "layer-made-in-first-forward",
                f"{_names(late)} is made by the first call of forward",
                f"{_places(late)}: an optimizer that is made before the first call does not hold"
                " its parameters, load_state_dict does not find it, and .to(device) comes too"
                " early",
                "make it in __init__; where a width is not known there, nn.LazyLinear learns it",
                f"self.{late[0].path} = nn.Lazy{late[0].kind}(…)",
            )
        )
    return found


def _kinds(made: list[Step]) -> str:
    return listed(list(dict.fromkeys(f"nn.{step.kind}" for step in made)))


def _names(made: list[Step]) -> str:
    return listed(list(dict.fromkeys(step.path for step in made)))


def _places(made: list[Step]) -> str:
    places = [step.made for step in made if step.made is not None]
    lines = list(dict.fromkeys(str(place.line) for place in places))
    return f"line {listed(lines)}" if lines else "in code that is not yours"


def _lifeless(case: Case) -> list[Cause]:
    """Layers without a gradient."""
    found = []
    for kind, (name, cause, evidence, fix) in WORDS.items():
        parts = [p for p in case.seen.lifeless if p.kind == kind]
        if kind == "zero" and parts and any(map(_is_softmax_of_one, case.trace.steps)):
            case.undecided.append(
                f"{listed([p.name for p in parts])}: the gradient is 0, but a softmax over one"
                " number is 1 whatever enters; a longer input would tell"
            )
            continue
        if kind == "detached" and not case.trace.outputs:
            continue  # nothing is returned that could depend on them
        if parts:
            names = listed([p.name for p in parts])
            found.append(Cause(name, cause.format(_layers(parts)), f"{names}: {evidence}", fix))
    return found


def _is_softmax_of_one(step: Step) -> bool:
    """Whether a step weighs a single thing."""
    if step.kind in ("softmax", "Softmax"):
        return bool(step.outputs) and 1 in step.outputs[0].shape[1:]
    if step.kind in ("MultiheadAttention", "scaled_dot_product_attention"):
        return len(step.inputs) > 1 and 1 in step.inputs[1].shape[-3:-1]
    return False


def _layers(parts: list[Lifeless]) -> str:
    """Return the layers of parameters, of one that is affected in part the parameters."""
    names = (p.name.rpartition(".")[0] or p.name if p.whole else p.name for p in parts)
    return listed(list(dict.fromkeys(names)))


def _prefix(source: Source) -> str:
    """Return how the file names torch.nn: "nn." or "torch.nn."."""
    for node in ast.walk(source.tree) if source.tree is not None else ():
        if isinstance(node, ast.Call) and prefix_of(node.func) in ("nn.", "torch.nn."):
            return prefix_of(node.func)
    return "torch.nn."

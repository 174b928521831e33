"""What could not be done, read from the frames of an exception: the step of a model that failed.

The record is that of a traced module. Names are looked up, never computed: no property of the
program's objects is asked, and no code of it runs.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType, ModuleType, TracebackType
from typing import Any

import torch
from torch import nn

from fcinspect.bridge.trace.sites import LIBRARIES, MadePlaces, place_of
from fcinspect.bridge.trace.step_words import CONTAINERS, is_leaf
from fcinspect.bridge.trace.tensors import described, tensors_of
from fcinspect.bridge.trace.tracer import Tracer
from fcinspect.diagnosis.constructed import Held, constructor_place, numbers_named
from fcinspect.diagnosis.editing import Source, last_name
from fcinspect.diagnosis.facts import Frame
from fcinspect.shapes.steps import Parameter, Place, Step, Tensor

CALLS = ("_call_impl", "_wrapped_call_impl", "__call__", "forward")
"""Functions of a module in the order of their calls, as torch writes them; the first has `args`."""
OPERATORS = {
    ast.MatMult: "matmul", ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div",
}  # fmt: skip
OF_TENSORS = ("T", "mT", "data")
"""Attributes of a tensor that may be asked."""
UNKNOWN = object()


@dataclass(frozen=True)
class _Entry:
    """A frame on the way of an exception."""

    frame: FrameType
    place: Place

    @property
    def file(self) -> str:
        return self.frame.f_code.co_filename

    @property
    def own(self) -> bool:
        return Frame(self.file, 0, "", "").own

    @property
    def module(self) -> nn.Module | None:
        found = self.frame.f_locals.get("self")
        return found if isinstance(found, nn.Module) else None


def failed_step(
    error: BaseException, named: Mapping[str, str]
) -> tuple[Step, tuple[Tensor, ...], list[str]] | None:
    """Return the step that failed, what entered the outermost module, and the files of the code
    that holds the layer; None where no step of a module failed.

    `named` says what files of a notebook are called.
    """
    entries = list(_entries(error.__traceback__))
    modules = [entry for entry in entries if entry.module is not None]
    if not modules or modules[0].module is None:
        return None
    model = modules[0].module
    leaf = next((e for e in modules if is_leaf(_of(e)) and e.frame.f_code.co_name in CALLS), None)
    if leaf is not None:
        found = _leaf_step(model, leaf, entries)
    else:
        found = _function_step(model, modules[-1], entries)
    if found is None:
        return None
    files: list[str] = []
    if leaf is not None:
        place, files = _made(model, _of(leaf), found.path, entries)
        found = replace(found, made=place)
    called, made = (_renamed(place, named) for place in (found.called, found.made))
    found = replace(found, called=called, made=made)
    return found, _entering(model, modules), [named.get(file, file) for file in files]


def lacking_module(error: BaseException) -> tuple[str, ...]:
    """Return the names that a module has which lacks an attribute; nothing of other errors."""
    held = error.obj if isinstance(error, AttributeError) else None
    if not isinstance(held, nn.Module) or "_modules" not in vars(held):
        return ()
    return tuple(name for name in dir(held) if not name.startswith("_"))


def _of(entry: _Entry) -> nn.Module:
    assert entry.module is not None
    return entry.module


def _renamed(place: Place | None, named: Mapping[str, str]) -> Place | None:
    return place and replace(place, file=named.get(place.file, place.file))


def _entries(trace: TracebackType | None) -> Iterator[_Entry]:
    while trace is not None:
        frame = trace.tb_frame
        yield _Entry(frame, place_of(frame.f_code, trace.tb_lasti, trace.tb_lineno))
        trace = trace.tb_next


def _caller(entries: Sequence[_Entry], number: int) -> Place | None:
    """Return the place in the reader's own code that called what begins at an entry; None where a
    library did.
    """
    for entry in reversed(entries[:number]):
        if entry.own:
            return entry.place
        if not entry.file.startswith(LIBRARIES):
            return None
    return None


def _leaf_step(model: nn.Module, leaf: _Entry, entries: Sequence[_Entry]) -> Step | None:
    module, number = _of(leaf), entries.index(leaf)
    if any(entry.own for entry in entries[number:]):
        return None  # a hook of the reader's own, or a class of theirs
    args, kwargs = _given(module, entries[number:])
    called = _caller(entries, number)
    step = Tracer(model, MadePlaces()).failed_module(module, args, kwargs, called)
    return _with_devices(step, (args, kwargs), module.parameters())


def _given(module: nn.Module, entries: Sequence[_Entry]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that a module was called with, from its frames."""
    own = [entry for entry in entries if entry.module is module]
    for entry in own:
        held = entry.frame.f_locals
        if isinstance(held.get("args"), tuple) and isinstance(held.get("kwargs"), dict):
            return held["args"], held["kwargs"]
    for entry in own:
        if entry.frame.f_code.co_name == "forward":
            code, held = entry.frame.f_code, entry.frame.f_locals
            return tuple(held.get(name) for name in code.co_varnames[1 : code.co_argcount]), {}
    return (), {}


def _entering(model: nn.Module, modules: Sequence[_Entry]) -> tuple[Tensor, ...]:
    args, kwargs = _given(model, modules)
    return described((args, kwargs) if kwargs else args if len(args) != 1 else args[0])


def _with_devices(step: Step, given: Any, parameters: Any) -> Step:
    """Return a step that says where its tensors are."""
    tensors = [tensor for _, tensor in tensors_of(given)]
    by_shape = {
        tuple(p.shape): p for p in parameters if not isinstance(p, nn.UninitializedParameter)
    }
    inputs = tuple(
        replace(
            said, device=next((_device(t) for t in tensors if tuple(t.shape) == said.shape), "")
        )
        for said in step.inputs
    )
    held: tuple[Parameter, ...] = tuple(
        replace(p, device=_device(by_shape[p.shape])) if p.shape in by_shape else p
        for p in step.parameters
    )
    return replace(step, inputs=inputs, parameters=held)


def _device(tensor: torch.Tensor) -> str:
    return "" if tensor.device.type == "cpu" else str(tensor.device)


def _function_step(model: nn.Module, owner: _Entry, entries: Sequence[_Entry]) -> Step | None:
    """Return the function of torch that the reader's own line calls, with the operands in it."""
    number = max((k for k, entry in enumerate(entries) if entry.own), default=-1)
    deeper = entries[number + 1 :]
    if number < 0 or not all(entry.file.startswith(LIBRARIES) for entry in deeper):
        return None
    entry = entries[number]
    lines = linecache.getlines(entry.file)
    nodes = Source(entry.file, "".join(lines)).nodes(entry.place)
    for node in nodes:
        told = _called(node, entry.frame)
        if told is not None:
            name, args, kwargs = told
            tracer = Tracer(model, MadePlaces())
            step = tracer.failed_function(_of(owner), name, args, kwargs, entry.place)
            return _with_devices(step, (args, kwargs), model.parameters())
    return None


def _called(node: ast.expr, frame: FrameType) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
    """Return the name and the operands of a call or operator; None where one is not known."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        parts, keywords, name = [node.left, node.right], [], OPERATORS[type(node.op)]
    elif isinstance(node, ast.Call):
        parts, keywords, name = list(node.args), node.keywords, last_name(node.func)
        subject = node.func.value if isinstance(node.func, ast.Attribute) else None
        if subject is not None and isinstance(_value(subject, frame), torch.Tensor):
            parts.insert(0, subject)
        elif not _is_torchs(_value(node.func, frame)):
            return None
    else:
        return None
    values = [_value(part, frame) for part in parts]
    named = {keyword.arg: _value(keyword.value, frame) for keyword in keywords if keyword.arg}
    if _lacks((*values, *named.values())) or len(named) != len(keywords):
        return None
    return name, tuple(values), named


def _is_torchs(value: Any) -> bool:
    """Whether a value is a function of torch; classes and modules are called otherwise."""
    if isinstance(value, type | nn.Module):
        return False
    module = getattr(value, "__module__", None)
    return callable(value) and (module is None or str(module).startswith("torch"))


def _value(node: ast.expr, frame: FrameType) -> Any:
    """Return what an expression stands for where it is only looked up, else UNKNOWN."""
    match node:
        case ast.Constant(value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(value)) if isinstance(value, int | float):
            return -value
        case ast.Name(name):
            return frame.f_locals.get(name, frame.f_globals.get(name, UNKNOWN))
        case ast.Attribute(holder, name):
            return _attribute(_value(holder, frame), name)
        case ast.Tuple(parts) | ast.List(parts):
            values = [_value(part, frame) for part in parts]
            return UNKNOWN if _lacks(values) else tuple(values)
        case ast.Call(ast.Attribute(holder, "size" | "t" as name), given):
            tensor = _value(holder, frame)
            arguments = [_value(part, frame) for part in given]
            if type(tensor) in (torch.Tensor, nn.Parameter) and not _lacks(arguments):
                return getattr(tensor, name)(*arguments)
    return UNKNOWN


def _lacks(values: Sequence[Any]) -> bool:
    return any(value is UNKNOWN for value in values)


def _attribute(held: Any, name: str) -> Any:
    if isinstance(held, nn.Module):
        places = ("_parameters", "_buffers", "_modules")
        for names in (vars(held), *(vars(held).get(place) or {} for place in places)):
            if name in names:
                return names[name]
        return UNKNOWN
    if type(held) in (torch.Tensor, nn.Parameter):
        return getattr(held, name) if name in OF_TENSORS else UNKNOWN
    return vars(held).get(name, UNKNOWN) if isinstance(held, ModuleType) else UNKNOWN


def _made(
    model: nn.Module, layer: nn.Module, path: str, entries: Sequence[_Entry]
) -> tuple[Place | None, list[str]]:
    """Return where a layer is made in the reader's own code, and the files that were read."""
    owners, names = [model], path.split(".") if path else []
    for name in names[:-1]:
        owners.append(_child(owners[-1], name))
    own = [(k, classes) for k, o in enumerate(owners) if (classes := _own_classes(type(o)))]
    level, classes = own[-1] if own else (0, [])
    owner = owners[level]
    if own and sum(type(other) is type(owner) for other in model.modules()) > 1:
        return None, []  # a change there would change other layers too
    files = [file for file, _ in classes]
    files += [e.file for e in reversed(entries) if e.own and e.file not in files]
    sources = [Source(f, "".join(linecache.getlines(f))) for f in dict.fromkeys(files)]
    numbers = numbers_named(type(layer).__name__, lambda name: getattr(layer, name, None))
    between = owners[level + 1 :] if own else owners
    in_library = any(not isinstance(owner, CONTAINERS) for owner in between if owner is not layer)
    kind = type(layer).__name__
    held = Held(kind, tuple(classes), tuple(names[level:]), numbers, in_library)
    return constructor_place(held, sources), [source.file for source in sources]


def _child(module: nn.Module, name: str) -> nn.Module:
    child = vars(module)["_modules"][name]
    assert isinstance(child, nn.Module)
    return child


def _own_classes(kind: type) -> list[tuple[str, str]]:
    """Return (file, name) of a class and its bases in the reader's own code."""
    found = []
    for each in kind.__mro__:
        file = _file_of(each)
        if file is not None and Frame(file, 0, "", "").own:
            found.append((file, each.__qualname__.rpartition(".")[2]))
    return found


def _file_of(kind: type) -> str | None:
    """Return the file of a class: that of its functions, as a notebook has a file for each cell."""
    for value in list(vars(kind).values()):
        code = getattr(value, "__code__", None)
        if code is not None and getattr(value, "__qualname__", "").startswith(kind.__qualname__):
            return str(code.co_filename)
    return getattr(sys.modules.get(kind.__module__), "__file__", None)

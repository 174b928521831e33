"""Watches one call of a module: every module without parts, every function between them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from fcinspect.bridge.macs import macs_of
from fcinspect.bridge.meta_rules import NotPlain, answered, check_dtypes, check_settings
from fcinspect.bridge.sites import MadePlaces, own_place
from fcinspect.bridge.step_words import (
    Recurrent,
    call_of_function,
    call_of_module,
    name_of,
    windows_of,
)
from fcinspect.shapes import steps
from fcinspect.shapes.steps import Parameter, Step

MOST_STEPS = 20_000
"""Later steps are counted, not listed."""
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
PRODUCTS = {
    "matmul",
    "mm",
    "bmm",
    "addmm",
    "einsum",
    "mv",
    "tensordot",
    "inner",
    "baddbmm",
    "addmv",
}
AFFINE = (nn.Linear, nn.Bilinear)
QUIET = {
    "__get__", "__set__", "__delete__", "size", "stride", "dim", "numel", "storage_offset",
    "is_contiguous", "requires_grad_", "register_hook", "data_ptr", "element_size", "_is_view",
    "has_names", "is_floating_point", "is_complex", "result_type", "zeros_like", "ones_like",
    "empty_like", "full_like", "rand_like", "randn_like", "new_zeros", "new_ones", "new_empty",
    "new_full", "new_tensor", "untyped_storage",
}  # fmt: skip
"""Functions that ask a tensor something, or take no more than its form."""


def tensors_of(value: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of nested tuples, lists, dicts and dataclasses under dotted names."""
    if isinstance(value, torch.Tensor):
        yield name, value
        return
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        inner = list(zip(value._fields, value, strict=True))
    elif isinstance(value, list | tuple):
        inner = list(enumerate(value))
    elif is_dataclass(value) and not isinstance(value, type):
        inner = [(field.name, getattr(value, field.name)) for field in fields(value)]
    for key, part in inner:
        yield from tensors_of(part, f"{name}.{key}" if name else str(key))


def described(value: Any) -> tuple[steps.Tensor, ...]:
    """Return the shapes of a value's tensors."""
    return tuple(steps.Tensor(tuple(t.shape), dtype_name(t), name) for name, t in tensors_of(value))


def dtype_name(tensor: torch.Tensor) -> str:
    """Return "float32"."""
    return str(tensor.dtype).removeprefix("torch.")


class Tracer:
    """Collects the steps of one call of a module."""

    def __init__(self, module: nn.Module, made: MadePlaces) -> None:
        self.steps: list[Step] = []
        self.left_out = 0
        """How many steps were too many to be listed."""
        self.failed: tuple[BaseException, Step] | None = None
        self._made = made
        self._paths: dict[int, str] = {id(part): name for name, part in module.named_modules()}
        self._stack: list[nn.Module] = [module]
        self._inside_leaf = 0
        self._macs = 0
        self._counted: set[int] = set()
        self._keys: dict[int, str] = {}
        for key, parameter in module.named_parameters(remove_duplicate=False):
            self._keys.setdefault(id(parameter), key)  # a tied one has its first name
        self._kept: list[torch.Tensor] = []
        """Kept alive, so that no other tensor gets their addresses."""
        self._modules: list[nn.Module] = []
        """Kept alive likewise."""
        self._derived: dict[int, tuple[torch.Tensor, ...]] = {}
        """Parameters by the storage of what was made from them alone."""
        self._recurrent: dict[int, Recurrent] = {}
        """What recurrent layers returned, by its storage."""
        self._used: dict[int, int] = {}
        for part in module.modules():
            for parameter in part.parameters(recurse=False):
                if not is_lazy(parameter):
                    self._derived[storage(parameter)] = (parameter,)
        self._unregistered(module)

    def _unregistered(self, module: nn.Module) -> None:
        """Find the modules in plain lists and dicts, which torch does not know."""
        for name, part in list(module.named_modules()):
            for attribute, value in vars(part).items():
                if attribute.startswith("_"):
                    continue
                for place, inner in modules_in(value, attribute):
                    path = f"{name}.{place}" if name else place
                    for below, found in inner.named_modules():
                        known = f"{path}.{below}" if below else path
                        self._paths.setdefault(id(found), known)
                        for parameter in found.parameters(recurse=False):
                            if not is_lazy(parameter):
                                self._derived.setdefault(storage(parameter), (parameter,))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every module and function that is called inside."""
        original = nn.Module.__call__
        tracer = self

        def called(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            return tracer._module(module, original, args, kwargs)

        nn.Module.__call__ = called  # type: ignore[method-assign]  # as torch.fx does
        try:
            with ExitStack() as stack:
                stack.enter_context(_Functions(self))
                stack.enter_context(_Operators(self))
                yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def used_parameters(self) -> set[int]:
        """Return the ids of the parameters that a step used."""
        return self._counted

    @property
    def macs(self) -> int:
        """Multiply–adds so far, those of steps that are not listed too."""
        return self._macs

    def counted(self, function: Any, args: Any, output: Any) -> None:
        """Count the multiply–adds of an operator."""
        self._macs += macs_of(function, args, output)

    def _module(self, module: nn.Module, original: Any, args: Any, kwargs: Any) -> Any:
        if self._inside_leaf:
            return original(module, *args, **kwargs)
        self._stack.append(module)
        try:
            if not is_leaf(module):
                return original(module, *args, **kwargs)
            return self._leaf(module, original, args, kwargs)
        finally:
            self._stack.pop()

    def _leaf(self, module: nn.Module, original: Any, args: Any, kwargs: Any) -> Any:
        kind = type(module).__name__
        called = own_place(sys._getframe(2))
        inputs = described((args, kwargs) if kwargs else args if len(args) != 1 else args[0])
        before, self._inside_leaf = self._macs, self._inside_leaf + 1
        output: Any = None
        failure: BaseException | None = None
        try:
            output = original(module, *args, **kwargs)
        except BaseException as error:
            failure = error
            raise
        finally:
            self._inside_leaf -= 1
            now = type(module).__name__
            step = Step(
                number=len(self.steps),
                path=self._path(module),
                kind=kind if kind == now else f"{kind} → {now}",
                call=call_of_module(module),
                is_module=True,
                inputs=inputs,
                outputs=() if failure else described(output),
                parameters=self._parameters(
                    (p for p in module.parameters() if not is_lazy(p)), failed=failure is not None
                ),
                macs=self._macs - before,
                linear=isinstance(module, AFFINE),
                weight=shape_of(getattr(module, "weight", None)),
                bias=shape_of(getattr(module, "bias", None)),
                called=called,
                made=self._made.of(module),
                note="" if failure else self._again(module),
            )
            if failure is None:
                sizes = windows_of(module, step.inputs, step.outputs)
                self._keep(replace(step, windows=sizes))
                self._remember_recurrent(module, output)
            elif self.failed is None or self.failed[0] is not failure:
                self.failed = (failure, step)
        return output

    def function(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Call a function of torch and note it where it makes tensors of tensors."""
        name = name_of(function)
        if self._inside_leaf or getattr(function, "__name__", name) in QUIET:
            return function(*args, **kwargs)
        given = [tensor for _, tensor in tensors_of((args, kwargs))]
        origins = [self._origin(tensor) for tensor in given]
        before = self._macs
        try:
            output = function(*args, **kwargs)
        except BaseException as error:
            if given and (self.failed is None or self.failed[0] is not error):
                step = self._function_step(name, args, kwargs, given, origins, None)
                self.failed = (error, step)
            raise
        returned = [tensor for _, tensor in tensors_of(output)]
        if not given or not returned:
            return output
        if all(origin is not None for origin in origins):
            # weight.t() is still the weight
            made_from = tuple({id(p): p for o in origins if o for p in o}.values())
            for tensor in returned:
                self._kept.append(tensor)
                self._derived[storage(tensor)] = made_from
            return output
        step = self._function_step(name, args, kwargs, given, origins, described(output))
        self._keep(replace(step, macs=self._macs - before))
        return output

    def _function_step(
        self,
        name: str,
        args: Any,
        kwargs: Any,
        given: list[torch.Tensor],
        origins: list[tuple[torch.Tensor, ...] | None],
        outputs: tuple[steps.Tensor, ...] | None,
    ) -> Step:
        """Return the step; `outputs` are None of one that failed."""
        weights = [t for t, origin in zip(given, origins, strict=True) if origin is not None]
        product = name == "linear" or (name in PRODUCTS and bool(weights))
        used = (p for origin in origins if origin for p in origin)
        parameters = self._parameters(used, failed=outputs is None)
        inputs = tuple(
            steps.Tensor(tuple(tensor.shape), dtype_name(tensor))
            for tensor, origin in zip(given, origins, strict=True)
            if origin is None
        )
        weight = next((t for t in weights if t.dim() > 1), None)
        bias = next((t for t in weights if t.dim() == 1), None)
        return Step(
            number=len(self.steps),
            path=self._path(self._stack[-1]),
            kind=name,
            call=call_of_function(name, args, kwargs),
            is_module=False,
            inputs=inputs,
            outputs=outputs or (),
            parameters=parameters,
            macs=0,
            linear=product,
            weight=shape_of(weight),
            bias=shape_of(bias) if product else None,
            called=own_place(sys._getframe(3)),
            made=None,
            windows=windows_of((name, args, kwargs), inputs, outputs or ()),
            note=self._recurrent_note(name, args),
        )

    def _keep(self, step: Step) -> None:
        self.failed = None  # an error that the module itself caught
        if len(self.steps) < MOST_STEPS:
            self.steps.append(step)
        else:
            self.left_out += 1

    def _path(self, module: nn.Module) -> str:
        return self._paths.get(id(module), type(module).__name__.lower())

    def _again(self, module: nn.Module) -> str:
        times = self._used[id(module)] = self._used.get(id(module), 0) + 1
        self._modules.append(module)
        has_parameters = next(module.parameters(), None) is not None
        return f"used {times} times" if times > 1 and has_parameters else ""

    def _parameters(self, found: Iterator[torch.Tensor], *, failed: bool) -> tuple[Parameter, ...]:
        """Return the parameters of a step; one that failed uses none up."""
        listed = []
        for parameter in found:
            new = id(parameter) not in self._counted
            if not failed:
                self._counted.add(id(parameter))
            self._kept.append(parameter)
            key = self._keys.get(id(parameter), "")
            listed.append(Parameter(key, tuple(parameter.shape), new))
        return tuple(listed)

    def _origin(self, tensor: torch.Tensor) -> tuple[torch.Tensor, ...] | None:
        if isinstance(tensor, nn.Parameter) and not is_lazy(tensor):
            return (tensor,)
        return self._derived.get(storage(tensor))

    def _remember_recurrent(self, module: nn.Module, output: Any) -> None:
        if not isinstance(module, nn.RNNBase) or not isinstance(output, tuple):
            return
        for name, tensor in tensors_of(output):
            what = "hidden state" if name in ("1", "1.0") else "cell state"
            if name.startswith("0"):
                what = "output"
            self._kept.append(tensor)
            self._recurrent[storage(tensor)] = Recurrent(
                self._path(module),
                what,
                module.batch_first,
                tensor.dim() == 3,
                module.bidirectional,
                form_of(tensor),
            )

    def _recurrent_note(self, name: str, args: Any) -> str:
        if name != "getitem" or len(args) != 2 or not isinstance(args[0], torch.Tensor):
            return ""
        found = self._recurrent.get(storage(args[0]))
        # in a turned or shortened view an index means something else
        return found.note(args[1]) if found and found.form == form_of(args[0]) else ""


class _Functions(TorchFunctionMode):
    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._tracer.function(func, args, kwargs or {})


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    def __init__(self, tracer: Tracer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self._tracer = tracer

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: nothing is compiled here, and skipping imports all of torch._dynamo."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        check_settings(func, args)
        try:
            output = answered(func, args, kwargs or {})
        except NotPlain:
            check_dtypes(func, args)
            output = func(*args, **(kwargs or {}))
        self._tracer.counted(func, args, output)
        return output


def form_of(tensor: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return what tells a tensor from other views of its numbers: shape, strides and offset."""
    return tuple(tensor.shape), tuple(tensor.stride()), int(tensor.storage_offset())


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one step: its forward is torch's own, and it has no parts."""
    if isinstance(module, torch.jit.ScriptModule):
        return True  # compiled: its parts are not called from Python
    forward = getattr(type(module).forward, "__module__", "") or ""
    if not forward.startswith("torch.") or isinstance(module, CONTAINERS):
        return False
    return isinstance(module, nn.MultiheadAttention) or next(module.children(), None) is None


def is_lazy(parameter: torch.Tensor) -> bool:
    """Whether a parameter of a lazy module has no shape yet."""
    return isinstance(parameter, UninitializedParameter | UninitializedBuffer)


def storage(tensor: torch.Tensor) -> int:
    """Return what tensors share that are views of each other."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError, AttributeError):
        return id(tensor)  # a sparse tensor has no storage


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the shape of a tensor, or None of anything else."""
    return tuple(value.shape) if isinstance(value, torch.Tensor) and not is_lazy(value) else None


def modules_in(value: Any, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules in plain lists, tuples and dicts, by how they are reached."""
    inner: list[tuple[str, Any]] = []
    if isinstance(value, list | tuple):
        inner = [(f"{name}[{place}]", part) for place, part in enumerate(value)]
    elif isinstance(value, dict):
        inner = [(f"{name}[{key!r}]", part) for key, part in value.items()]
    for place, part in inner:
        if isinstance(part, nn.Module):
            yield place, part
        else:
            yield from modules_in(part, place)

"""Somebody's linear layer: called, differentiated and looked at through torch or numpy."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from fcinspect.bridge.linear import dtype_of, to_array, to_tensor
from fcinspect.bridge.loading import words_of
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.check import Misbehaved
from fcinspect.verification.subject import Answer, Call, Layout, Made

Kind = Literal["kernel", "factory", "module"]
KINDS: tuple[Kind, ...] = ("kernel", "factory", "module")


class InProcess:
    """A linear layer of this process; see verification.subject.Subject."""

    def __init__(
        self,
        found: Any,
        kind: Kind,
        words: str,
        dtype: str,
        device: str = "cpu",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        """`arguments` are given to a factory besides the widths and bias."""
        self.found = found
        self.kind = kind
        self.words = words
        self.dtype = dtype_of(dtype)
        self._device = torch.device(device)
        self._arguments = dict(arguments or {})
        self._by_numpy: bool | None = None if dtype != "bfloat16" else False
        self._module: tuple[tuple[int, int, bool], Any] | None = None
        self._differentiable: bool | None = None

    @property
    def takes(self) -> Literal["torch", "numpy"]:
        """What a kernel takes; known after the first call."""
        return "numpy" if self._by_numpy else "torch"

    @property
    def differentiable(self) -> bool:
        """Whether a small call gives any gradient."""
        if self._differentiable is None:
            try:
                self._differentiable = self._gives_gradients()
            except Misbehaved:
                self._differentiable = False
        return self._differentiable

    def call(self, call: Call) -> Answer:
        """Run it once; raises Misbehaved when it raises or returns no array."""
        if self.kind == "kernel":
            return self._kernel(call)
        module = self._module_for(call)
        with _guarded():
            return self._module_answer(module, call)

    def made(self, in_features: int, out_features: int, bias: bool, seed: int) -> Made:
        """Return a fresh module, or the ready one."""
        if self.kind == "module":
            module = self.found
        else:
            with _guarded():
                torch.manual_seed(seed)
                module = self._create(in_features, out_features, bias)
        state: Mapping[str, Any] = getattr(module, "state_dict", dict)()
        arrays = tuple(
            (name, to_array(values))
            for name, values in state.items()
            if isinstance(values, torch.Tensor) and _name(values.dtype) in FORMATS
        )
        parameters = dict(getattr(module, "named_parameters", dict)())
        return Made(
            arrays,
            tuple(name for name, values in parameters.items() if values.requires_grad),
            _width(module, "in_features"),
            _width(module, "out_features"),
        )

    def _gives_gradients(self) -> bool:
        if self.kind == "module":
            made = self.made(0, 0, True, 0)
            weight = made.parameter("weight")
            n, out = made.in_features, made.out_features
            if n is None or out is None:
                if weight is None or len(weight.shape) != 2:
                    return False
                out, n = weight.shape
            ready: tuple[Array | None, Array | None] = (None, None)
        else:
            n, out = 3, 2
            ready = (self._ones(out, n), self._ones(out))
        answer = self.call(Call(self._ones(2, n), *ready, grad_output=self._ones(2, out)))
        found = (answer.grad_input, answer.grad_weight, answer.grad_bias)
        return any(gradient is not None for gradient in found)

    def _ones(self, *shape: int) -> Array:
        return Array.of(np.ones(shape), _name(self.dtype))

    def _kernel(self, call: Call) -> Answer:
        assert call.weight is not None
        if self._by_numpy is None:
            try:
                with _guarded():
                    answer = self._torch_kernel(call)
            except Misbehaved as first:
                try:
                    with _guarded():
                        answer = self._numpy_kernel(call)
                except Misbehaved:
                    raise first from None
                self._by_numpy = True
                return answer
            self._by_numpy = False
            return answer
        with _guarded():
            return self._numpy_kernel(call) if self._by_numpy else self._torch_kernel(call)

    def _torch_kernel(self, call: Call) -> Answer:
        assert call.weight is not None
        given: dict[str, torch.Tensor | None] = {
            "input": self._tensor(call.x, call.layout),
            "weight": self._tensor(call.weight, call.layout),
            "bias": None if call.bias is None else self._tensor(call.bias, "contiguous"),
        }
        before = _copies(given)
        if call.grad_output is None:
            with torch.no_grad():
                output = self.found(given["input"], given["weight"], given["bias"])
            return Answer(_array(output), _changed(given, before))
        wanted = {name: values for name, values in given.items() if values is not None}
        for values in wanted.values():
            values.requires_grad_()
        output = self.found(given["input"], given["weight"], given["bias"])
        gradients = self._gradients(output, list(wanted.values()), call.grad_output)
        named = dict(zip(wanted, gradients, strict=True))
        return _answer(output, _changed(given, before), named)

    def _numpy_kernel(self, call: Call) -> Answer:
        assert call.weight is not None
        given: dict[str, Any] = {
            "input": _laid_out(np.array(call.x.values), call.layout),
            "weight": _laid_out(np.array(call.weight.values), call.layout),
            "bias": None if call.bias is None else np.array(call.bias.values),
        }
        before: dict[str, Any] = {k: None if v is None else v.copy() for k, v in given.items()}
        output = self.found(given["input"], given["weight"], given["bias"])
        changed = tuple(
            name
            for name, part in given.items()
            if part is not None and not np.array_equal(part, before[name], equal_nan=True)
        )
        gradients: dict[str, Any] = {}
        if call.grad_output is not None and callable(getattr(self.found, "backward", None)):
            gradients = _named(self.found.backward(np.array(call.grad_output.values)))
        return _answer(output, changed, gradients)

    def _module_for(self, call: Call) -> Any:
        if self.kind == "module":
            if call.weight is not None:
                raise ValueError("a ready module keeps its own parameters")
            return self.found
        assert call.weight is not None
        out_features, in_features = call.weight.shape
        key = (in_features, out_features, call.bias is not None)
        if self._module is None or self._module[0] != key:
            with _guarded():
                self._module = (key, self._create(*key))
        module = self._module[1]
        with _guarded(), torch.no_grad():
            for name, values in (("weight", call.weight), ("bias", call.bias)):
                if values is not None:
                    self._set(module, name, values)
        return module

    def _create(self, in_features: int, out_features: int, bias: bool) -> Any:
        module = self.found(in_features, out_features, bias=bias, **self._arguments)
        if not callable(module):
            raise Misbehaved(f"the factory returned {_kind_words(module)} instead of a module")
        if isinstance(module, nn.Module):
            return module.to(device=self._device, dtype=self.dtype)
        return module

    def _set(self, module: Any, name: str, values: Array) -> None:
        own = getattr(module, name, None)
        if not isinstance(own, torch.Tensor):
            raise Misbehaved(f"the module has no tensor {name!r}")
        given = to_tensor(values).to(self._device)
        if tuple(own.shape) != tuple(given.shape):
            if tuple(own.shape) != tuple(given.shape)[::-1]:
                raise Misbehaved(
                    f"its {name} has shape {tuple(own.shape)} instead of {tuple(given.shape)}"
                )
            given = given.T
        own.copy_(given)

    def _module_answer(self, module: Any, call: Call) -> Answer:
        x = self._tensor(call.x, call.layout)
        given: dict[str, torch.Tensor | None] = {"input": x}
        for name in ("weight", "bias"):
            own = getattr(module, name, None)
            given[name] = own if isinstance(own, torch.Tensor) else None
        before = _copies(given)
        if call.grad_output is None:
            with torch.no_grad():
                output = module(x)
            return Answer(_array(output), _changed(given, before))
        x.requires_grad_()
        output = module(x)
        wanted = {
            name: values
            for name, values in given.items()
            if values is not None and values.requires_grad
        }
        gradients: dict[str, Any]
        if callable(getattr(module, "backward", None)):
            gradients = _named(module.backward(to_tensor(call.grad_output).to(self._device)))
        else:
            found = self._gradients(output, list(wanted.values()), call.grad_output)
            gradients = dict(zip(wanted, found, strict=True))
        return _answer(output, _changed(given, before), gradients)

    def _gradients(
        self, output: Any, wanted: list[torch.Tensor], grad_output: Array
    ) -> tuple[Any, ...]:
        if not isinstance(output, torch.Tensor) or not output.requires_grad:
            return (None,) * len(wanted)
        arriving = to_tensor(grad_output).to(self._device)
        return torch.autograd.grad(output, wanted, arriving.to(output.dtype), allow_unused=True)

    def _tensor(self, values: Array, layout: Layout) -> torch.Tensor:
        tensor = to_tensor(values).to(self._device)
        if layout == "strided":
            wide = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1]), 7.0, dtype=tensor.dtype)
            wide = wide.to(self._device)
            wide[..., ::2] = tensor
            return wide[..., ::2]
        if layout == "transposed" and tensor.dim() > 1:
            return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)
        return tensor


def kind_of(found: Any, text: str) -> Kind:
    """Return what the object is; raises InputError where it is none, or where it cannot be told."""
    if isinstance(found, nn.Module):
        return "module"
    if inspect.isclass(found):
        if issubclass(found, nn.Module):
            return "factory"
        if issubclass(found, torch.autograd.Function):
            raise InputError(f"{text} is an autograd.Function: give {text}.apply")
    if not callable(found):
        raise InputError(
            f"{text} is {_kind_words(found)}: expected an nn.Module, a class or factory of modules,"
            " or a function of (input, weight, bias)"
        )
    try:
        names = list(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        names = []
    if names[:1] and names[0] in ("in_features", "n_in", "in_dim", "input_size", "in_size"):
        return "factory"
    if any(name in ("weight", "w", "W", "weights") for name in names[:3]):
        return "kernel"
    raise InputError(
        f"{text} takes ({', '.join(names) or '…'}): it cannot be told whether it makes modules or"
        " computes",
        hint="--kind factory for (in_features, out_features, bias), --kind kernel for (input,"
        " weight, bias)",
    )


@contextmanager
def _guarded() -> Iterator[None]:
    """Tell what foreign code raises as what it is: a finding."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except (Misbehaved, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise Misbehaved(f"raised {words_of(error)}") from None


def _answer(output: Any, changed: tuple[str, ...], gradients: Mapping[str, Any]) -> Answer:
    made = {
        f"grad_{name}": None if gradients.get(name) is None else _array(gradients[name])
        for name in ("input", "weight", "bias")
    }
    return Answer(_array(output), changed, **made)


def _named(returned: Any) -> dict[str, Any]:
    """Return the gradients of a `backward`: a mapping, or (input, weight, bias)."""
    if isinstance(returned, Mapping):
        return dict(returned)
    parts = returned if isinstance(returned, tuple | list) else (returned,)
    return dict(zip(("input", "weight", "bias"), parts, strict=False))


def _array(values: Any) -> Array:
    """Return what came back as an array; raises Misbehaved for anything else."""
    if isinstance(values, torch.Tensor):
        if _name(values.dtype) not in FORMATS:
            raise Misbehaved(f"returned numbers of {_name(values.dtype)}")
        return to_array(values)
    if isinstance(values, np.ndarray | np.floating):
        array = np.array(values)
        if array.dtype.name not in FORMATS:
            raise Misbehaved(f"returned numbers of {array.dtype.name}")
        return Array(array, array.dtype.name)
    raise Misbehaved(f"returned {_kind_words(values)} instead of an array")


def _kind_words(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def _laid_out(values: Any, layout: Layout) -> Any:
    if layout == "strided":
        wide = np.full((*values.shape[:-1], 2 * values.shape[-1]), 7.0, dtype=values.dtype)
        wide[..., ::2] = values
        return wide[..., ::2]
    if layout == "transposed" and values.ndim > 1:
        return np.ascontiguousarray(np.swapaxes(values, -1, -2)).swapaxes(-1, -2)
    return values


def _copies(given: Mapping[str, torch.Tensor | None]) -> dict[str, torch.Tensor | None]:
    return {k: None if v is None else v.detach().clone() for k, v in given.items()}


def _changed(
    given: Mapping[str, torch.Tensor | None], before: Mapping[str, torch.Tensor | None]
) -> tuple[str, ...]:
    """Return the names of the tensors that are not what they were, bit for bit."""
    names = []
    for name, values in given.items():
        was = before[name]
        if values is None or was is None:
            continue
        same = torch.equal(
            torch.nan_to_num(values.detach(), nan=0.0), torch.nan_to_num(was, nan=0.0)
        )
        if not same or not torch.equal(values.detach().isnan(), was.isnan()):
            names.append(name)
    return tuple(names)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _width(module: Any, name: str) -> int | None:
    value = getattr(module, name, None)
    return value if isinstance(value, int) else None

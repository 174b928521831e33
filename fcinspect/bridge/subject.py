"""Somebody's linear layer: called, differentiated and looked at through torch or numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from fcinspect.bridge.foreign import (
    BackwardFailed,
    Given,
    Kind,
    answer_of,
    array_of,
    changed_of,
    copies,
    gradients_of,
    guarded,
    kind_words,
)
from fcinspect.bridge.linear import dtype_name, dtype_of, seed_generators, to_array, to_tensor
from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.subject import LayerAnswer, LayerCall, Layout, Made

KERNEL = "a function (input, weight, bias)"
FACTORY = "a class or function (in_features, out_features, bias)"


@dataclass(frozen=True)
class Description:
    """What was found under the name."""

    kind: Kind
    dtype: str
    in_features: int | None
    """Of a ready module; None where it does not tell."""
    out_features: int | None
    bias: bool
    """Whether a ready module has a bias."""


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
        self._transposed: bool | None = None

    @property
    def takes(self) -> Literal["torch", "numpy"]:
        """What a kernel takes; known after the first call."""
        return "numpy" if self._by_numpy else "torch"

    @cached_property
    def differentiable(self) -> bool:
        """Whether a small call gives any gradient, or should and raises."""
        try:
            return self._gives_gradients()
        except Misbehaved as fault:
            return isinstance(fault, BackwardFailed)

    def call(self, call: LayerCall) -> LayerAnswer:
        """Run it once; raises Misbehaved when it raises or returns no array."""
        if self.kind == "kernel":
            return self._kernel(call)
        module = self._module_for(call)
        with guarded("a module that is called as module(input)"):
            return self._module_answer(module, call)

    def made(self, in_features: int, out_features: int, bias: bool, seed: int) -> Made:
        """Return a fresh module, or the ready one."""
        with guarded():
            module = self.found
            if self.kind != "module":
                seed_generators(seed)
                module = self._create(in_features, out_features, bias)
            state: Mapping[str, Any] = getattr(module, "state_dict", dict)()
            arrays = tuple(
                (name, to_array(values))
                for name, values in state.items()
                if isinstance(values, torch.Tensor) and dtype_name(values.dtype) in FORMATS
            )
            parameters = dict(getattr(module, "named_parameters", dict)())
            return Made(
                arrays,
                tuple(name for name, values in parameters.items() if values.requires_grad),
                _width(module, "in_features"),
                _width(module, "out_features"),
            )

    def describe(self) -> Description:
        """Return what was found, without calling it."""
        widths: tuple[int | None, int | None] = (None, None)
        bias = True
        if self.kind == "module":
            made = self.made(0, 0, True, 0)
            weight = made.parameter("weight")
            widths = (made.in_features, made.out_features)
            if weight is not None and len(weight.shape) == 2 and None in widths:
                widths = (weight.shape[1], weight.shape[0])
            bias = made.parameter("bias") is not None
        return Description(self.kind, dtype_name(self.dtype), *widths, bias)

    def takes_only_numpy(self) -> bool:
        """Whether a kernel refuses float32 tensors and takes float32 arrays."""
        other = InProcess(self.found, "kernel", self.words, "float32")
        x, weight, bias = (Array.of(np.ones(shape), "float32") for shape in ((2, 3), (2, 3), (2,)))
        other.call(LayerCall(x, weight, bias))
        return other.takes == "numpy"

    def _gives_gradients(self) -> bool:
        if self.kind == "module":
            found = self.describe()
            if found.in_features is None or found.out_features is None:
                return False
            n, out = found.in_features, found.out_features
            ready: tuple[Array | None, Array | None] = (None, None)
        else:
            n, out = 3, 2
            ready = (self._ones(out, n), self._ones(out))
        answer = self.call(LayerCall(self._ones(2, n), *ready, grad_output=self._ones(2, out)))
        gradients = (answer.grad_input, answer.grad_weight, answer.grad_bias)
        return any(gradient is not None for gradient in gradients)

    def _ones(self, *shape: int) -> Array:
        return Array.of(np.ones(shape), dtype_name(self.dtype))

    def _kernel(self, call: LayerCall) -> LayerAnswer:
        assert call.weight is not None
        if self._by_numpy is not None:
            with guarded(KERNEL):
                return self._numpy_kernel(call) if self._by_numpy else self._torch_kernel(call)
        try:
            with guarded(KERNEL):
                answer = self._torch_kernel(call)
            self._by_numpy = False
        except Misbehaved as first:
            try:
                with guarded(KERNEL):
                    answer = self._numpy_kernel(call)
            except Misbehaved:
                raise first from None
            self._by_numpy = True
        return answer

    def _torch_kernel(self, call: LayerCall) -> LayerAnswer:
        assert call.weight is not None
        given: dict[str, torch.Tensor | None] = {
            "input": self._tensor(call.x, call.layout),
            "weight": self._tensor(call.weight, call.layout),
            "bias": None if call.bias is None else self._tensor(call.bias, "contiguous"),
        }
        return self._answer(self.found, list(given.values()), given, call)

    def _answer(
        self, layer: Any, operands: Sequence[torch.Tensor | None], given: Given, call: LayerCall
    ) -> LayerAnswer:
        """Return what a layer answers that is called with operands; `given` are all its tensors."""
        before = copies(given)
        if call.grad_output is None:
            with torch.no_grad():
                output = layer(*operands)
            return LayerAnswer(array_of(output), changed_of(given, before))
        for operand in operands:
            if operand is not None:
                operand.requires_grad_()
        wanted = {name: v for name, v in given.items() if v is not None and v.requires_grad}
        output = layer(*operands)
        gradients, spoilt = self._gradients(layer, output, wanted, call.grad_output)
        if self._transposed and gradients.get("weight") is not None:
            gradients["weight"] = gradients["weight"].T
        return answer_of(output, (*changed_of(given, before), *spoilt), gradients)

    def _numpy_kernel(self, call: LayerCall) -> LayerAnswer:
        assert call.weight is not None
        given: dict[str, Any] = {
            "input": _laid_out(np.array(call.x.values), call.layout),
            "weight": _laid_out(np.array(call.weight.values), call.layout),
            "bias": None if call.bias is None else np.array(call.bias.values),
        }
        before: dict[str, Any] = {k: None if v is None else v.copy() for k, v in given.items()}
        output = self.found(given["input"], given["weight"], given["bias"])
        gradients: dict[str, Any] = {}
        if call.grad_output is not None and callable(getattr(self.found, "backward", None)):
            given["grad_output"] = np.array(call.grad_output.values)
            before["grad_output"] = given["grad_output"].copy()
            with guarded(backward=True):
                gradients = gradients_of(self.found.backward(given["grad_output"]))
        changed = tuple(
            name
            for name, part in given.items()
            if part is not None and not np.array_equal(part, before[name], equal_nan=True)
        )
        return answer_of(output, changed, gradients)

    def _module_for(self, call: LayerCall) -> Any:
        if self.kind == "module":
            if call.weight is not None:
                raise ValueError("a ready module keeps its own parameters")
            return self.found
        assert call.weight is not None
        out_features, in_features = call.weight.shape
        key = (in_features, out_features, call.bias is not None)
        if self._module is None or self._module[0] != key:
            with guarded(FACTORY):
                self._module = (key, self._create(*key))
        module = self._module[1]
        with guarded(), torch.no_grad():
            for name, values in (("weight", call.weight), ("bias", call.bias)):
                if values is not None:
                    self._set(module, name, values)
        return module

    def _create(self, in_features: int, out_features: int, bias: bool) -> Any:
        module = self.found(in_features, out_features, bias=bias, **self._arguments)
        if not callable(module):
            raise Misbehaved(f"the factory returned {kind_words(module)} instead of a module")
        if isinstance(module, nn.Module):
            return module.to(device=self._device, dtype=self.dtype)
        return module

    def _set(self, module: Any, name: str, values: Array) -> None:
        """Copy the numbers into the module's own tensor."""
        own = getattr(module, name, None)
        if not isinstance(own, torch.Tensor):
            raise Misbehaved(f"the module has no tensor {name!r}")
        given = to_tensor(values).to(self._device)
        if name == "weight" and self._stores_transposed(own, given):
            given = given.T
        if own.shape != given.shape:
            raise Misbehaved(
                f"its {name} has shape {tuple(own.shape)} instead of {tuple(given.shape)}"
            )
        own.copy_(given)
        if changed_of({name: getattr(module, name)}, {name: given.to(own.dtype)}):
            raise Misbehaved(f"its {name} does not keep the values copied into it")

    def _stores_transposed(self, own: torch.Tensor, given: torch.Tensor) -> bool:
        """Whether the modules hold their weight as (in_features, out_features)."""
        shape = tuple(given.shape)
        if shape != shape[::-1] and tuple(own.shape) in (shape, shape[::-1]):
            self._transposed = tuple(own.shape) != shape
        if self._transposed is None:
            try:
                with guarded():
                    weight = getattr(self._create(3, 2, False), "weight", None)
                self._transposed = tuple(getattr(weight, "shape", ())) == (3, 2)
            except Misbehaved:
                self._transposed = False
        return self._transposed

    def _module_answer(self, module: Any, call: LayerCall) -> LayerAnswer:
        x = self._tensor(call.x, call.layout)
        given: dict[str, torch.Tensor | None] = {"input": x}
        for name in ("weight", "bias"):
            own = getattr(module, name, None)
            given[name] = own if isinstance(own, torch.Tensor) else None
        return self._answer(module, [x], given, call)

    def _gradients(
        self, layer: Any, output: Any, wanted: Mapping[str, torch.Tensor], grad_output: Array
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the gradients by name, by the layer's `backward` or else by autograd.

        The second is ("grad_output",) where the arriving gradient was written to.
        """
        arriving = to_tensor(grad_output).to(self._device)
        if callable(getattr(layer, "backward", None)):
            before = copies({"grad_output": arriving})
            with guarded(backward=True):
                found = gradients_of(layer.backward(arriving))
        elif isinstance(output, torch.Tensor) and output.requires_grad:
            arriving = arriving.to(output.dtype)
            before = copies({"grad_output": arriving})
            asked = list(wanted.values())
            with guarded(backward=True):
                returned = torch.autograd.grad(output, asked, arriving, allow_unused=True)
            found = dict(zip(wanted, returned, strict=True))
        else:
            return {}, ()
        return found, changed_of({"grad_output": arriving}, before)

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


def _laid_out(values: Any, layout: Layout) -> Any:
    if layout == "strided":
        wide = np.full((*values.shape[:-1], 2 * values.shape[-1]), 7.0, dtype=values.dtype)
        wide[..., ::2] = values
        return wide[..., ::2]
    if layout == "transposed" and values.ndim > 1:
        return np.ascontiguousarray(np.swapaxes(values, -1, -2)).swapaxes(-1, -2)
    return values


def _width(module: Any, name: str) -> int | None:
    value = getattr(module, name, None)
    return value if isinstance(value, int) else None


def torch_linear(words: str, dtype: str, device: str) -> InProcess:
    """Return torch's own nn.Linear."""
    return InProcess(nn.Linear, "factory", words, dtype, device)

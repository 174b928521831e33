"""What is a step of a trace, how it is called, its multiply–adds, and the sizes of its windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fcinspect.shapes.steps import AXES, Tensor, Window

aten = torch.ops.aten
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
PRODUCTS = {
    "matmul", "mm", "bmm", "addmm", "einsum", "mv", "tensordot", "inner", "baddbmm", "addmv",
}  # fmt: skip
IN_PLACE = {
    "__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__", "__ipow__",
    "__imod__", "__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__", "__imatmul__",
}  # fmt: skip
QUIET = {
    "__get__", "__set__", "__delete__", "size", "stride", "dim", "numel", "storage_offset",
    "is_contiguous", "requires_grad_", "register_hook", "data_ptr", "element_size", "_is_view",
    "has_names", "is_floating_point", "is_complex", "result_type", "zeros_like", "ones_like",
    "empty_like", "full_like", "rand_like", "randn_like", "new_zeros", "new_ones", "new_empty",
    "new_full", "new_tensor", "untyped_storage",
}  # fmt: skip
"""Functions that ask a tensor something, or take no more than its form."""
MOST_WORDS = 40
USUAL = (("padding", 0), ("dilation", 1), ("groups", 1), ("output_padding", 0))
"""What functions do unasked is not written."""
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVERAGE_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
SAYING = ("conv", "max_pool", "avg_pool", "lp_pool")


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one step: its forward is torch's own, and it has no parts."""
    if isinstance(module, torch.jit.ScriptModule):
        return True  # compiled: its parts are not called from Python
    forward = getattr(type(module).forward, "__module__", "") or ""
    if not forward.startswith("torch.") or isinstance(module, CONTAINERS):
        return False
    return isinstance(module, nn.MultiheadAttention) or next(module.children(), None) is None


def is_parametrization(module: nn.Module) -> bool:
    """Whether a module is torch's own way to make one parameter of others."""
    return type(module).__module__.startswith("torch.nn.utils.")


def is_in_place(function: Any) -> bool:
    """Whether a function changes its first argument: add_, +=, x[0] = y."""
    name = getattr(function, "__name__", "")
    if name.startswith("__"):
        return name in IN_PLACE
    return name.endswith("_")


def name_of(function: Any) -> str:
    """Return the name of a function of torch: "relu", "matmul", "getitem"."""
    name = str(getattr(function, "__name__", None) or function)
    if name in ("__get__", "__set__", "__delete__"):
        return name
    return name.strip("_") or name


def call_of_function(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    """Return what a function was asked for, besides its tensors: "(-1, 2048)", "[:, -1]"."""
    if name == "getitem" and len(args) == 2:
        return f"[{_index(args[1])}]"
    said = [_word(part) for part in args if not _holds_tensor(part)]
    named = {
        key: _word(part)
        for key, part in kwargs.items()
        if not key.startswith("_") and not _holds_tensor(part) and (key, part) not in USUAL
    }
    for key in ("training", "ceil_mode"):
        if kwargs.get(key) and (key != "training" or name.endswith("dropout")):
            named[key] = "True"
    said = [word for word in (*said, *(f"{k}={v}" for k, v in named.items() if v)) if word]
    return _short(f"({', '.join(said)})") if said else ""


def call_of_module(module: nn.Module) -> str:
    """Return what tells a module from others of its kind, where shapes depend on it."""
    if isinstance(module, nn.RNNBase):
        words = [f"batch_first={module.batch_first}"]
        words += [f"num_layers={module.num_layers}"] * (module.num_layers > 1)
        words += ["bidirectional=True"] * module.bidirectional
        words += [f"proj_size={module.proj_size}"] * (module.proj_size > 0)
        return ", ".join(words)
    if isinstance(module, nn.MultiheadAttention):
        return f"num_heads={module.num_heads}, batch_first={module.batch_first}"
    if isinstance(module, nn.Flatten):
        return "" if (module.start_dim, module.end_dim) == (1, -1) else _short(module.extra_repr())
    return _short(module.extra_repr()) if isinstance(module, nn.Unflatten | nn.Softmax) else ""


@dataclass(frozen=True)
class Recurrent:
    """A tensor that a recurrent layer returned."""

    path: str
    """Of the layer."""
    what: str
    """"output", "hidden state" or "cell state"."""
    batch_first: bool
    batched: bool
    bidirectional: bool
    form: object
    """Tells it from other views of the same numbers."""

    def note(self, index: Any) -> str:
        """Say what an index picks: "last step of rnn"."""
        places = index if isinstance(index, tuple) else (index,)
        picked = [axis for axis, part in enumerate(places) if type(part) is int]
        if len(picked) != 1:
            return f"{self.what} of {self.path}"
        which = places[picked[0]]
        if self.what != "output":
            if which != -1 or picked != [0]:
                return f"{self.what} of {self.path}"
            direction = ", backward direction only" if self.bidirectional else ""
            return f"last layer's {self.what} of {self.path}{direction}"
        if not self.batched:
            return f"{_ordinal(which)} step of {self.path}"
        time = 1 if self.batch_first else 0
        if picked[0] == time:
            return f"{_ordinal(which)} step of {self.path}"
        if picked[0] == 1 - time:
            return f"all steps of row {which} of the batch, from {self.path}"
        return f"{self.what} of {self.path}"


def _ordinal(place: int) -> str:
    return {-1: "last", 0: "first"}.get(place, f"[{place}]")


def windows_of(
    subject: nn.Module | tuple[str, Sequence[Any], dict[str, Any]],
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
) -> tuple[Window, ...]:
    """Return the windows of a convolution or pool, where they give what torch gave.

    `subject` is a module or (name, arguments, keyword arguments) of a function.
    """
    if not inputs or not outputs:
        return ()
    settings = _of_module(subject) if isinstance(subject, nn.Module) else _of_function(*subject)
    if settings is None:
        return ()
    axes, values = settings
    entering, leaving = inputs[0].shape, outputs[0].shape
    if axes not in AXES or len(entering) <= axes:
        return ()
    spread = {key: _spread(value, axes) for key, value in values.items()}
    known = {key: each for key, each in spread.items() if each is not None}
    if len(known) < len(spread):
        return ()
    found = []
    for place, axis in enumerate(AXES[axes]):
        own = {key: each[place] for key, each in known.items()}
        found.append(Window(axis, entering[place - axes], **own))
    if tuple(window.output for window in found) != leaving[-axes:]:
        return ()  # a mode that these formulas do not describe
    return tuple(found)


def _of_module(module: nn.Module) -> tuple[int, dict[str, Any]] | None:
    kinds = (*CONVOLUTIONS, *TRANSPOSED, *MAX_POOLS, *AVERAGE_POOLS)
    kind = next((kind for kind in kinds if isinstance(module, kind)), None)
    if kind is None:
        return None
    given: Any = module
    values = {"kernel": given.kernel_size, "stride": given.stride, "padding": given.padding}
    if kind not in AVERAGE_POOLS:
        values["dilation"] = given.dilation
    if kind in TRANSPOSED:
        values |= {"transposed": True, "output_padding": given.output_padding}
    elif kind not in CONVOLUTIONS:
        values["ceil"] = given.ceil_mode
    return int(kind.__name__[-2]), values


def _of_function(
    name: str, args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[int, dict[str, Any]] | None:
    if not name.startswith(SAYING) or not name[-2:-1].isdigit():
        return None
    convolution, transposed = name.startswith("conv"), "transpose" in name
    order = "input kernel_size stride padding ceil_mode"
    if convolution:
        rest = "output_padding groups dilation" if transposed else "dilation groups"
        order = f"input weight bias stride padding {rest}"
    elif name.startswith("max"):
        order = "input kernel_size stride padding dilation ceil_mode"
    given = {**dict(zip(order.split(), args, strict=False)), **kwargs}
    kernel, weight = given.get("kernel_size"), given.get("weight")
    if convolution:
        if not isinstance(weight, torch.Tensor):
            return None
        kernel = tuple(weight.shape[2:])
    stride = given.get("stride") or (1 if convolution else kernel)
    values = {"kernel": kernel, "stride": stride, "padding": given.get("padding", 0)}
    values["dilation"] = given.get("dilation", 1)
    if transposed:
        values |= {"transposed": True, "output_padding": given.get("output_padding", 0)}
    elif not convolution:
        values["ceil"] = bool(given.get("ceil_mode", False))
    return int(name[-2]), values


def _spread(value: Any, axes: int) -> tuple[Any, ...] | None:
    """Return one setting for each axis; None for what is no number, such as padding="same"."""
    each = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(each) == 1:
        each *= axes
    return each if len(each) == axes and all(isinstance(part, int) for part in each) else None


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_tensor, value))
    return isinstance(value, torch.Tensor)


def _word(value: Any) -> str:
    if isinstance(value, torch.Size | tuple | list):
        return ", ".join(map(_word, value))
    if isinstance(value, float):
        return f"{value:g}"
    if value is None or isinstance(value, bool):
        return ""  # switches such as inplace=False change no shape
    if isinstance(value, int | str | torch.dtype):
        return str(value).removeprefix("torch.")
    return ""


def _index(index: Any) -> str:
    """Write an index as it stands in source code: ":, -1"."""
    if isinstance(index, tuple):
        return ", ".join(map(_index, index))
    if isinstance(index, slice):
        parts = ["" if part is None else _word(part) for part in (index.start, index.stop)]
        step = "" if index.step is None else f":{_word(index.step)}"
        return ":".join(parts) + step
    if index is None:
        return "None"
    if index is Ellipsis:
        return "..."
    if isinstance(index, torch.Tensor):
        return "tensor"
    return _word(index) or type(index).__name__


def _short(text: str) -> str:
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 1]}…"


def macs_of(function: Any, args: Sequence[Any], output: Any) -> int:
    """Return the multiply–adds of one call of an operator; 0 for one that multiplies no sums.

    A bias that is added multiplies nothing, so addmm counts as mm.
    """
    count = COUNTS.get(function.overloadpacket)
    return 0 if count is None else count(args, output)


def _product(first: int) -> Callable[[Sequence[Any], Any], int]:
    """Return the count of a product of the matrices (or batches of them) at that place."""

    def count(args: Sequence[Any], output: Any) -> int:
        a, b = args[first], args[first + 1]
        # (…, r, k)·(…, k, c): every number of a meets every column of b
        return int(a.numel() * (b.shape[-1] if b.dim() > 1 else 1))

    return count


def _convolution(args: Sequence[Any], output: Any) -> int:
    # each number of the output, of the input where transposed, meets a kernel of its group
    x, weight, transposed = args[0], args[1], args[6]
    numbers = x.numel() if transposed else output.numel()
    return int(numbers * math.prod(weight.shape[1:]))


def _attention(args: Sequence[Any], output: Any) -> int:
    """Return the count of Q·Kᵀ and of the weights times V; all are (batch, heads, time, width)."""
    query, key, value = args[:3]
    steps = math.prod(query.shape[:-1]) * key.shape[-2]
    return int(steps * (query.shape[-1] + value.shape[-1]))


def _recurrent(args: Sequence[Any], output: Any) -> int:
    """Return the count of one layer and direction: each row of each step meets both weights."""
    x, entering, hidden = args[:3]
    return int(math.prod(x.shape[:-1]) * (entering.numel() + hidden.numel()))


def _trilinear(args: Sequence[Any], output: Any) -> int:
    """Return the count of x₁ᵀ·A·x₂ for each number of nn.Bilinear: x₁ᵀ·A, and that times x₂."""
    _, one, other = args[1].shape
    return int(output.numel() * (one * other + other))


COUNTS: dict[Any, Callable[[Sequence[Any], Any], int]] = {
    **dict.fromkeys((aten.mm, aten.bmm, aten.mv, aten.dot, aten.vdot), _product(0)),
    **dict.fromkeys((aten.addmm, aten.addmv, aten.baddbmm, aten.addbmm), _product(1)),
    aten.linear: lambda args, output: int(args[0].numel() * args[1].shape[0]),
    aten._trilinear: _trilinear,
    aten.mkldnn_rnn_layer: _recurrent,
    **dict.fromkeys((aten.convolution, aten._convolution), _convolution),
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_flash_attention: _attention,
    aten._scaled_dot_product_efficient_attention: _attention,
    aten._scaled_dot_product_cudnn_attention: _attention,
}

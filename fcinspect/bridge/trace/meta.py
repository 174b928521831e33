"""Operators on the meta device: shapes of the commonest, and what only a real device refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from fcinspect.bridge.linear import dtype_name
from fcinspect.shapes.steps import Window

aten = torch.ops.aten

ONE_DTYPE = {
    aten.mm, aten.addmm, aten.bmm, aten.baddbmm, aten.mv, aten.addmv, aten.dot, aten.convolution,
    aten.native_layer_norm, aten.native_batch_norm, aten._native_batch_norm_legit_no_training,
    aten.native_group_norm, aten.binary_cross_entropy, aten.grid_sampler_2d, aten.grid_sampler_3d,
}  # fmt: skip
"""Operators whose tensors must be of one dtype."""
FLOATING = {
    aten.gelu, aten.silu, aten.hardswish, aten.softplus, aten.leaky_relu, aten.mish,
    aten.rrelu_with_noise, aten._softmax, aten._log_softmax, aten.elu, aten.celu, aten.glu,
    aten.hardsigmoid, aten.hardshrink, aten.log_sigmoid_forward, aten.lerp, aten.im2col,
    aten.var, aten.std, aten.var_mean, aten.std_mean, aten.bernoulli.default, aten.multinomial,
    aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d, aten.adaptive_max_pool2d,
    aten.adaptive_max_pool3d, aten.max_pool2d_with_indices, aten.smooth_l1_loss, aten.huber_loss,
    aten.binary_cross_entropy, aten.upsample_nearest1d, aten.upsample_nearest2d,
    aten.upsample_nearest3d, aten.upsample_linear1d, aten.upsample_bilinear2d,
    aten.upsample_trilinear3d, aten.upsample_bicubic2d,
}  # fmt: skip
"""Operators that no device has for whole numbers."""
NUMBERS = {aten.relu, aten.relu_, aten.median, aten.mm, aten.addmm, aten.bmm}
"""Operators that no device has for booleans."""
WHOLE = {
    aten.bitwise_and, aten.bitwise_and_, aten.bitwise_or, aten.bitwise_or_, aten.bitwise_xor,
    aten.bitwise_xor_,
}  # fmt: skip
"""Operators that no device has for numbers with a fraction."""
FILLED = {
    aten._adaptive_avg_pool2d.default: 2, aten._adaptive_avg_pool3d.default: 3,
    aten.adaptive_max_pool2d.default: 2, aten.adaptive_max_pool3d.default: 3,
    aten.max.default: 0, aten.min.default: 0,
}  # fmt: skip
"""Operators that need numbers in so many of the last dimensions; 0 stands for all."""
CLASSES = {aten.nll_loss_forward, aten.nll_loss2d_forward}
"""Operators whose second argument are labels of classes."""
WITH_DIM = {aten._softmax, aten._log_softmax, aten.sort}
"""Operators whose second argument is a dimension."""

PLAIN = (torch.Tensor, torch.nn.Parameter)


def check_dtypes(function: Any, args: Sequence[Any]) -> None:
    """Raise where a kernel of a real device would: the meta device multiplies any two dtypes."""
    if function.overloadpacket not in ONE_DTYPE:
        return
    given = [part for part in args if isinstance(part, torch.Tensor)]
    if given and given[0].is_meta and len({part.dtype for part in given}) > 1:
        names = " and ".join(dtype_name(part.dtype) for part in given)
        raise RuntimeError(f"the meta device does not check dtypes: {names}")


def check_settings(function: Any, args: Sequence[Any]) -> None:
    """Raise where the kernel of a real device would, for what the meta device lets pass.

    The words are never read: the module then runs on the CPU, which has its own.
    """
    given = [part for part in args if isinstance(part, torch.Tensor)]
    if not given or not given[0].is_meta:
        return
    packet, x = function.overloadpacket, given[0]
    if packet in FLOATING or function in FLOATING:
        _refuse(not all(p.is_floating_point() or p.is_complex() for p in given), "whole numbers")
    if packet in NUMBERS:
        _refuse(x.dtype == torch.bool, "booleans")
    if packet in WHOLE:
        _refuse(any(p.is_floating_point() or p.is_complex() for p in given), "fractions")
    if function in FILLED:
        _refuse(0 in x.shape[-FILLED[function] :], "empty dimensions")
    if function is aten.bernoulli_.Tensor:
        _refuse(not args[1].is_floating_point(), "probabilities")
    if packet in CLASSES:
        _refuse(args[1].dtype not in (torch.int64, torch.uint8), "labels")
    if packet is aten.as_strided:
        _refuse(not _is_within(*args), "storages")
    if packet in WITH_DIM and len(args) > 1 and isinstance(args[1], int):
        _refuse(not -max(x.dim(), 1) <= args[1] < max(x.dim(), 1), "dimensions")
    if packet is aten.convolution:
        _refuse(convolved(*args) is None, "settings of convolutions")
    if packet is aten.embedding:
        _refuse(args[1].dtype not in (torch.int32, torch.int64), "an index")
    if packet is aten.index_select:
        _refuse(args[2].dim() > 1 or args[2].dtype not in (torch.int32, torch.int64), "an index")
    name = packet.__name__
    if name.endswith("_") and not name.endswith("__"):
        shared = (n > 1 and step == 0 for n, step in zip(x.shape, x.stride(), strict=True))
        _refuse(any(shared), "numbers that share their memory")


def _refuse(holds: bool, what: str) -> None:
    if holds:
        raise RuntimeError(f"the meta device does not check {what}")


def convolved(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> list[int] | None:
    """Return the sizes behind the channels that a convolution gives, None where no device can."""
    if groups < 1 or not 2 < x.dim() == weight.dim() or weight.shape[0] % groups:
        return None
    inner = weight.shape[1] * groups
    entering, leaving = (weight.shape[0], inner) if transposed else (inner, weight.shape[0])
    if x.shape[1] != entering or (bias is not None and bias.shape != (leaving,)):
        return None
    if transposed and any(
        out >= max(step, gap) for out, step, gap in _each(x, output_padding, stride, dilation)
    ):
        return None
    if min(*stride, *dilation) <= 0 or min(*padding, *output_padding) < 0:
        return None
    settings = _each(x, stride, padding, dilation, output_padding)
    sizes = [
        Window("", size, kernel, step, margin, gap, beyond, transposed).output
        for size, kernel, (step, margin, gap, beyond) in zip(
            x.shape[2:], weight.shape[2:], settings, strict=True
        )
    ]
    return sizes if all(size > 0 for size in sizes) else None


def _each(x: torch.Tensor, *settings: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield the settings of each axis; a single one is that of all."""
    axes = x.dim() - 2
    return zip(*(tuple(s) * axes if len(s) == 1 else tuple(s) for s in settings), strict=True)


def _is_within(
    x: torch.Tensor, size: Sequence[int], stride: Sequence[int], offset: int | None = None
) -> bool:
    """Whether a view of a tensor's storage stays in it."""
    first = x.storage_offset() if offset is None else offset
    last = first + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    return 0 in size or (last + 1) * x.element_size() <= x.untyped_storage().nbytes()


class NotPlain(Exception):
    """The operands are left to torch."""


def answered(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return what an operator gives on the meta device; raises NotPlain where torch must say."""
    rule = RULES.get(function)
    if rule is None or not all(_plain(part) for part in args if isinstance(part, torch.Tensor)):
        raise NotPlain
    return rule(*args, **kwargs)


def _plain(tensor: torch.Tensor) -> bool:
    return tensor.is_meta and tensor.dtype.is_floating_point and type(tensor) in PLAIN


def _require(holds: bool) -> None:
    if not holds:
        raise NotPlain


def _is_row_major(x: torch.Tensor) -> bool:
    """Whether the strides are those of a new tensor, of dimensions with one number too."""
    step = 1
    for size, stride in zip(reversed(x.shape), reversed(x.stride()), strict=True):
        if stride != step:
            return False
        step *= max(size, 1)
    return True


def _new(shape: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    return torch.empty(tuple(shape), dtype=like.dtype, device="meta")


def _same(x: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
    _require(_is_row_major(x) and not named)
    return _new(x.shape, x)


def _in_place(x: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
    _require(not named)
    return x


def _broadcast(a: torch.Tensor, b: Any, **named: Any) -> torch.Tensor:
    if not isinstance(b, torch.Tensor):
        _require(a.is_contiguous() and isinstance(b, int | float) and not isinstance(b, bool))
        return _new(a.shape, a)
    _require(a.dtype == b.dtype and a.is_contiguous() and b.is_contiguous())
    longer, shorter = (a.shape, b.shape) if a.dim() >= b.dim() else (b.shape, a.shape)
    shape = list(longer)
    for place in range(-1, -len(shorter) - 1, -1):
        one, other = longer[place], shorter[place]
        _require(one == other or one == 1 or other == 1)
        shape[place] = other if one == 1 else one
    return _new(shape, a)


def _grown(a: torch.Tensor, b: Any, **named: Any) -> torch.Tensor:
    """Return a after an operation in place: a keeps its shape, and b must fit it."""
    if isinstance(b, torch.Tensor):
        _require(a.shape == b.shape and a.dtype == b.dtype)
    else:
        _require(isinstance(b, int | float))
    return a


def _mm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    _require(a.dim() == b.dim() == 2 and a.shape[1] == b.shape[0] and a.dtype == b.dtype)
    return _new((a.shape[0], b.shape[1]), a)


def _addmm(c: torch.Tensor, a: torch.Tensor, b: torch.Tensor, **named: Any) -> torch.Tensor:
    found = _mm(a, b)
    _require(c.dtype == a.dtype and c.shape in (found.shape, found.shape[1:]))
    return found


def _bmm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    _require(a.dim() == b.dim() == 3 and a.dtype == b.dtype)
    _require(a.shape[0] == b.shape[0] and a.shape[2] == b.shape[1])
    return _new((a.shape[0], a.shape[1], b.shape[2]), a)


def _convolution(*operands: Any) -> torch.Tensor:
    x, weight, _, stride, padding, dilation, transposed, output_padding, groups = operands
    settings = (stride, padding, dilation, output_padding)
    _require(all(len(setting) == x.dim() - 2 for setting in settings))
    sizes = convolved(*operands)
    if sizes is None:
        raise NotPlain
    _require(x.is_contiguous() and x.dtype == weight.dtype)
    _require(0 not in weight.shape and x.shape[1] > 0)
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    return _new((x.shape[0], channels, *sizes), x)


def _max_pool(
    x: torch.Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    stride = stride or kernel
    _require(x.dim() in (3, 4) and _is_row_major(x) and not ceil and 0 not in x.shape[-3:])
    _require(all(len(setting) == 2 for setting in (kernel, stride, padding, dilation)))
    _require(min(*kernel, *stride, *dilation) > 0 and min(padding) >= 0)
    sizes = [
        Window("", *setting).output
        for setting in zip(x.shape[-2:], kernel, stride, padding, dilation, strict=True)
    ]
    _require(all(size > 0 for size in sizes))
    _require(all(2 * p <= k for p, k in zip(padding, kernel, strict=True)))
    found = _new((*x.shape[:-2], *sizes), x)
    return found, torch.empty(found.shape, dtype=torch.int64, device="meta")


def _stack(tensors: Sequence[torch.Tensor], dim: int = 0) -> torch.Tensor:
    _require(len(tensors) > 0)
    first = tensors[0]
    _require(all(_plain(t) and _is_row_major(t) for t in tensors))
    _require(all(t.shape == first.shape and t.dtype == first.dtype for t in tensors))
    _require(-first.dim() - 1 <= dim <= first.dim())
    place = dim if dim >= 0 else dim + first.dim() + 1
    return _new((*first.shape[:place], len(tensors), *first.shape[place:]), first)


def _softmax(x: torch.Tensor, dim: int, half_to_float: bool) -> torch.Tensor:
    _require(x.dim() > 0 and -x.dim() <= dim < x.dim() and not half_to_float)
    return _same(x)


def _layer_norm(
    x: torch.Tensor,
    normalized: Sequence[int],
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
) -> tuple[torch.Tensor, ...]:
    own = tuple(normalized)
    _require(0 < len(own) <= x.dim() and x.is_contiguous() and tuple(x.shape[-len(own) :]) == own)
    _require(all(p is None or (p.shape == own and p.dtype == x.dtype) for p in (weight, bias)))
    lead = (*x.shape[: x.dim() - len(own)], *(1 for _ in own))
    _require(x.dtype in (torch.float32, torch.float64))
    return _new(x.shape, x), _new(lead, x), _new(lead, x)


RULES: dict[Any, Callable[..., Any]] = {
    aten.mm.default: _mm,
    aten.addmm.default: _addmm,
    aten.bmm.default: _bmm,
    aten.convolution.default: _convolution,
    aten.max_pool2d_with_indices.default: _max_pool,
    aten.stack.default: _stack,
    aten._softmax.default: _softmax,
    aten._log_softmax.default: _softmax,
    aten.native_layer_norm.default: _layer_norm,
    **{
        getattr(aten, name).default: _same
        for name in ("relu", "sigmoid", "tanh", "silu", "gelu", "neg", "exp")
    },
    **{getattr(aten, name).default: _in_place for name in ("relu_", "sigmoid_", "tanh_", "silu_")},
    **{getattr(aten, name).Tensor: _broadcast for name in ("add", "sub", "mul", "div")},
    **{getattr(aten, name).Tensor: _grown for name in ("add_", "sub_", "mul_", "div_")},
}

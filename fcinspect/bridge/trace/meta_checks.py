"""What a real device refuses and the meta device lets pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

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


def check_dtypes(function: Any, args: Sequence[Any]) -> None:
    """Raise where a kernel of a real device would: the meta device multiplies any two dtypes."""
    if function.overloadpacket not in ONE_DTYPE:
        return
    given = [part for part in args if isinstance(part, torch.Tensor)]
    if given and given[0].is_meta and len({part.dtype for part in given}) > 1:
        names = " and ".join(str(part.dtype).removeprefix("torch.") for part in given)
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
        _refuse(not is_convolution(*args), "settings of convolutions")
    if packet is aten.index_select:
        _refuse(args[2].dim() > 1 or args[2].dtype not in (torch.int32, torch.int64), "an index")
    name = function._schema.name
    if name.endswith("_") and not name.endswith("__"):
        shared = (n > 1 and step == 0 for n, step in zip(x.shape, x.stride(), strict=True))
        _refuse(any(shared), "numbers that share their memory")


def _refuse(holds: bool, what: str) -> None:
    if holds:
        raise RuntimeError(f"the meta device does not check {what}")


def is_convolution(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> bool:
    """Whether settings and channels are such that a device can convolve."""
    if groups < 1 or not 2 < x.dim() == weight.dim() or weight.shape[0] % groups:
        return False
    inner = weight.shape[1] * groups
    entering, leaving = (weight.shape[0], inner) if transposed else (inner, weight.shape[0])
    if x.shape[1] != entering or (bias is not None and bias.shape != (leaving,)):
        return False
    if transposed and any(
        out >= max(step, gap) for out, step, gap in _each(x, output_padding, stride, dilation)
    ):
        return False
    return min(*stride, *dilation) > 0 and min(*padding, *output_padding) >= 0


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

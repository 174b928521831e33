"""What is a step of a trace, and what kind of step it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

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

"""Ways to compute y = x·Wᵀ + b by torch and numpy, all of them correct."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

Floats = npt.NDArray[np.float64]

Compute = Callable[[Floats, Floats, Floats | None], "Floats | torch.Tensor"]
Way = Callable[[np.random.Generator, str, int], tuple[str | None, Compute]]
"""Random numbers, dtype and in_features -> what is to be declared, and the computation."""
WAYS: dict[str, Way] = {}


def tensor(values: Floats, dtype: str) -> torch.Tensor:
    """Return the torch tensor of these numbers."""
    return torch.from_numpy(values).to(getattr(torch, dtype))


def by_torch(name: str, function: Callable[..., torch.Tensor]) -> None:
    """Add a computation of torch: function(x, weight, bias or None)."""

    def way(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
        def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
            given = None if b is None else tensor(b, dtype)
            found = function(tensor(x, dtype), tensor(w, dtype), given)
            assert found.dtype == getattr(torch, dtype)
            return found.detach().double().numpy()

        return None, compute

    WAYS[name] = way


def by_numpy(name: str, product: Callable[..., npt.NDArray[np.floating]]) -> None:
    """Add a computation of numpy in float64 or float32: product(x, weight), then + bias."""

    def way(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
        def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
            found = product(x.astype(dtype), w.astype(dtype))
            assert found.dtype == dtype
            return (found if b is None else found + b.astype(dtype)).astype(np.float64)

        return None, compute

    WAYS[f"numpy {name}"] = way


def plus(y: torch.Tensor, b: torch.Tensor | None) -> torch.Tensor:
    """Return y + b."""
    return y if b is None else y + b


def strided(values: torch.Tensor) -> torch.Tensor:
    """Return the same numbers, every other one of a wider tensor."""
    wide = torch.zeros((*values.shape[:-1], 2 * values.shape[-1]), dtype=values.dtype)
    wide[..., ::2] = values
    return wide[..., ::2]


def module(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None) -> torch.Tensor:
    """Return nn.Linear's output."""
    made = torch.nn.Linear(w.shape[1], w.shape[0], bias=b is not None, dtype=w.dtype)
    made.weight.data = w
    if b is not None:
        made.bias.data = b
    return made(x)  # type: ignore[no-any-return]  # a module's result is untyped


linear = torch.nn.functional.linear
by_torch("linear", linear)
by_torch("module", module)
by_torch("vectors", lambda x, w, b: torch.stack([module(row, w, b) for row in x]))
by_torch("3-D", lambda x, w, b: module(x[None].expand(2, -1, -1), w, b)[1])
by_torch("addmm", lambda x, w, b: torch.addmm(b, x, w.T))
by_torch("addmv", lambda x, w, b: torch.stack([torch.addmv(b, w, row) for row in x]))
by_torch("matmul + b", lambda x, w, b: plus(x @ w.T, b))
by_torch("einsum", lambda x, w, b: plus(torch.einsum("bi,oi->bo", x, w), b))
by_torch("tensordot", lambda x, w, b: plus(torch.tensordot(x, w, dims=([1], [1])), b))
by_torch("inner", lambda x, w, b: plus(torch.inner(x, w), b))
by_torch("dot", lambda x, w, b: plus(torch.stack([torch.stack([v @ u for u in w]) for v in x]), b))
by_torch("bmm", lambda x, w, b: plus(torch.bmm(x[None], w.T[None])[0], b))
by_torch("baddbmm", lambda x, w, b: torch.baddbmm(b, x[None], w.T[None])[0])
by_torch("transposed", lambda x, w, b: linear(x.T.contiguous().T, w.T.contiguous().T, b))
by_torch("strided", lambda x, w, b: linear(strided(x), strided(w), b))
by_torch("reversed", lambda x, w, b: linear(x.flip(1), w.flip(1), b))
by_torch("columns", lambda x, w, b: plus((w @ x.T).T, b))
by_torch(
    "1x1 conv", lambda x, w, b: torch.nn.functional.conv1d(x[:, :, None], w[:, :, None], b)[..., 0]
)
by_numpy("@", lambda x, w: x @ w.T)
by_numpy("dot", lambda x, w: np.dot(x, w.T))
by_numpy("einsum", lambda x, w: np.einsum("bi,oi->bo", x, w))
by_numpy("optimised einsum", lambda x, w: np.einsum("bi,oi->bo", x, w, optimize=True))
by_numpy("inner", lambda x, w: np.inner(x, w))
by_numpy("tensordot", lambda x, w: np.tensordot(x, w, axes=([1], [1])))
by_numpy("product and sum", lambda x, w: (x[:, None, :] * w[None]).sum(-1))
by_numpy("sum down", lambda x, w: (x.T[:, :, None] * w.T[:, None, :]).sum(0))
by_numpy("fortran order", lambda x, w: np.asfortranarray(x) @ np.asfortranarray(w).T)

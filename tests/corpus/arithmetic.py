"""Kernels that compute in other formats than they say, and such as remember or mistreat a call."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from tests.corpus.faults import Fault, Register
from tests.corpus.forward import FORWARD, Bias, Tensor, added

ARITHMETIC: list[Fault] = []
CONTRACT: list[Fault] = []
arithmetic = Register("forward", "kernel", ARITHMETIC)
contract = Register("forward", "kernel", CONTRACT)

Kernel = Callable[[Tensor, Tensor, Bias], Tensor]


# number formats


def summed_in(x: Tensor, weight: Tensor, bias: Bias, kept: torch.dtype) -> Tensor:
    """Return the sums one product after the other, each kept in a format."""
    flat = x.reshape(-1, x.shape[-1])
    sums = torch.zeros(len(flat), len(weight), dtype=torch.float32)
    for k in range(x.shape[-1]):
        sums = (sums + flat[:, k, None].float() * weight[:, k].float()).to(kept).float()
    y = sums.reshape(*x.shape[:-1], len(weight))
    return added(y, None if bias is None else bias.float()).to(x.dtype)


@arithmetic.stateless("partial sums are kept in float16", "float16", most=1024)
def partial_sums_in_float16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Accumulate in float16."""
    return summed_in(x, weight, bias, torch.float16)


@arithmetic.stateless("partial sums are kept in bfloat16", "bfloat16", most=1024)
def partial_sums_in_bfloat16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Accumulate in bfloat16."""
    return summed_in(x, weight, bias, torch.bfloat16)


@arithmetic.stateless("bfloat16", "partial sums", "fewer digits")
def split_sums_stored_in_bfloat16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Store the sums of four blocks of inputs in bfloat16."""
    parts = zip(x.tensor_split(4, -1), weight.tensor_split(4, -1), strict=True)
    sums = [F.linear(p, w).bfloat16().float() for p, w in parts]
    return added(sum(sums, torch.zeros(())).to(x.dtype), bias)


@arithmetic.stateless("bfloat16", dtypes=("float32",))
def computed_in_bfloat16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Leave autocast on."""
    low = torch.bfloat16
    return F.linear(x.to(low), weight.to(low), None if bias is None else bias.to(low)).to(x.dtype)


@arithmetic.stateless("float16", dtypes=("float32",))
def computed_in_float16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Compute in half precision and return single."""
    low = torch.float16
    return F.linear(x.to(low), weight.to(low), None if bias is None else bias.to(low)).to(x.dtype)


def to_tf32(values: Tensor, *, rounded: bool) -> Tensor:
    """Return float32 numbers with 10 bits behind the point, as tensor cores take them."""
    bits = values.contiguous().view(torch.int32)
    bits = bits + 0x1000 if rounded else bits
    kept = (bits & ~0x1FFF).view(torch.float32)
    return torch.where(values.isfinite(), kept, values)


@arithmetic.stateless("tf32", dtypes=("float32",))
def tf32_inputs(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Round x and W to TF32."""
    return F.linear(to_tf32(x, rounded=True), to_tf32(weight, rounded=True), bias)


@arithmetic.stateless("tf32", dtypes=("float32",))
def tf32_inputs_truncated(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Cut x and W down to TF32."""
    return F.linear(to_tf32(x, rounded=False), to_tf32(weight, rounded=False), bias)


@arithmetic.stateless("bfloat16", dtypes=("float32",))
def inputs_rounded_to_bfloat16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Round x and W to bfloat16, sum in float32."""
    return F.linear(x.bfloat16().float(), weight.bfloat16().float(), bias)


@arithmetic.stateless("weights are rounded to bfloat16", "bfloat16", dtypes=("float32",))
def weights_rounded_to_bfloat16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Store W in bfloat16."""
    return F.linear(x, weight.bfloat16().float(), bias)


@arithmetic.stateless("float16", dtypes=("float32",))
def weights_rounded_to_float16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Store W in float16."""
    return F.linear(x, weight.half().float(), bias)


@arithmetic.stateless("result is rounded to bfloat16", "bfloat16", dtypes=("float32",))
def output_rounded_to_bfloat16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Store y in bfloat16 on the way out."""
    return F.linear(x, weight, bias).bfloat16().float()


@arithmetic.stateless("result is rounded to float16", "float16", dtypes=("float32",))
def output_rounded_to_float16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Store y in float16 on the way out."""
    return F.linear(x, weight, bias).half().float()


@arithmetic.stateless("int8")
def weights_in_int8(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Quantise W to 8 bits with one scale."""
    scale = weight.abs().amax().float().clamp(min=1e-30) / 127
    held = ((weight.float() / scale).round() * scale).to(x.dtype) if weight.numel() else weight
    return F.linear(x, held, bias)


@arithmetic.stateless("int8")
def weights_in_int8_by_row(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Quantise W to 8 bits with a scale for each output."""
    if not weight.numel():
        return F.linear(x, weight, bias)
    scale = weight.abs().amax(1, keepdim=True).float().clamp(min=1e-30) / 127
    return F.linear(x, ((weight.float() / scale).round() * scale).to(x.dtype), bias)


@arithmetic.stateless("float32", dtypes=("float64",))
def float64_computed_in_float32(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Cast to float32 inside, return float64."""
    return F.linear(x.float(), weight.float(), None if bias is None else bias.float()).double()


@arithmetic.stateless(
    why_not="a result one unit in the last place from the nearest is as near as sums of that"
    " format come: only the declared rounding mode tells it from a correct one",
    dtypes=("float32",),
)
def result_rounded_towards_zero(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Sum in float64 and cut the result down to float32."""
    y = F.linear(x.double(), weight.double(), None if bias is None else bias.double())
    nearest = y.float()
    beyond = nearest.double().abs() > y.abs()
    # before torch 2.13 nextafter has no derivative
    inwards = torch.nextafter(nearest.detach(), torch.zeros_like(nearest))
    return torch.where(beyond, inwards + (nearest - nearest.detach()), nearest)


# what callers rely on


@contract.built("earlier", "stale", "cache", "first call", "different outputs", "previous")
def weights_of_an_earlier_call() -> Kernel:
    """Keep the first weight of each shape, as a packed copy that is never renewed."""
    packed: dict[tuple[int, ...], Tensor] = {}

    def kernel(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
        held = packed.setdefault(tuple(weight.shape), weight.detach().clone())
        return F.linear(x, held, bias)

    return kernel


@contract.built("earlier", "stale", "cache", "first call", "different outputs", "previous")
def output_of_an_earlier_call() -> Kernel:
    """Keep the first output of each shape of x."""
    kept: dict[tuple[int, ...], Tensor] = {}

    def kernel(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
        key = (*x.shape, *weight.shape)
        return kept.setdefault(key, F.linear(x, weight, bias).detach()).clone()

    return kernel


@contract.built("different outputs", "earlier")
def output_added_to_the_previous_one() -> Kernel:
    """Add into a buffer that is not cleared."""
    kept: dict[tuple[int, ...], Tensor] = {}

    def kernel(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
        y = F.linear(x, weight, bias)
        key = tuple(y.shape)
        kept[key] = kept.get(key, torch.zeros_like(y)) + y.detach()
        return kept[key].clone()

    return kernel


@contract.stateless("input is modified", "modified in place", "input and")
def input_overwritten(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Use x as scratch space."""
    y = F.linear(x, weight, bias)
    x.detach().mul_(2)
    return y


@contract.stateless("weight is modified", "modified in place", "and weight")
def weight_overwritten(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Use W as scratch space."""
    y = F.linear(x, weight.clone(), bias)
    weight.detach().mul_(0.5)
    return y


@contract.stateless("shape", "raised")
def one_row_loses_its_dimension(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Squeeze the result."""
    return F.linear(x, weight, bias).squeeze()


@contract.stateless("shape")
def a_vector_gains_a_dimension(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return (1, out) for one vector."""
    return F.linear(x[None] if x.ndim == 1 else x, weight, bias)


@contract.stateless("raised")
def no_rows_refused(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Raise for an empty batch."""
    if not x.numel():
        raise ValueError("empty batch")
    return F.linear(x, weight, bias)


@contract.stateless("raised")
def only_matrices_taken(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Raise for x of three dimensions."""
    return added(torch.mm(x[None] if x.ndim == 1 else x, weight.T), bias)


@contract.stateless("shape")
def batch_dimensions_folded(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return two dimensions for x of three."""
    return F.linear(x.reshape(-1, x.shape[-1]) if x.dim() > 2 else x, weight, bias)


@contract.stateless("rows", "permuted", "reshaped", "shape (2, 3")
def batch_dimensions_exchanged(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return the rows of (B, T) in the order of (T, B)."""
    y = F.linear(x, weight, bias)
    return y.transpose(0, 1).reshape(y.shape) if y.dim() == 3 else y


@contract.stateless("strided", "inputs", "every", "reads")
def strides_of_x_ignored(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Read the memory of x as if it were contiguous."""
    steps = torch.empty(x.shape).stride()
    return F.linear(x.as_strided(x.shape, steps), weight, bias)


@contract.stateless("strided", "inputs", "weight", "reads", "transposed")
def strides_of_the_weight_ignored(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Read the memory of W as if it were contiguous."""
    steps = torch.empty(weight.shape).stride()
    return F.linear(x, weight.as_strided(weight.shape, steps), bias)


@contract.stateless("raised")
def contiguous_x_required(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Call view where reshape is needed."""
    flat = x.view(-1, x.shape[-1]) if x.numel() else x.reshape(0, x.shape[-1])
    return F.linear(flat, weight, bias).reshape(*x.shape[:-1], len(weight))


@contract.stateless("without an error")
def wider_x_cut(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Use as much of x as fits."""
    return F.linear(x[..., : weight.shape[1]], weight, bias)


@contract.stateless("without an error")
def x_reshaped_to_fit(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Reshape x to rows of in_features, whatever its width."""
    if x.shape[-1] == weight.shape[1]:
        return F.linear(x, weight, bias)
    return F.linear(x.reshape(-1, weight.shape[1]), weight, bias)


@contract.stateless("the result is float64")
def float64_returned(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return another dtype than that of the operands."""
    return F.linear(x.double(), weight.double(), None if bias is None else bias.double())


@contract.stateless("raised")
def no_bias_refused(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Fail without a bias."""
    assert bias is not None
    return x @ weight.T + bias


@contract.stateless("None instead of")
def nothing_returned(x: Tensor, weight: Tensor, bias: Bias) -> None:
    """Forget to return."""
    F.linear(x, weight, bias)


# modules


@contract.stateless("not a trainable parameter", "no 'weight'", where="factory")
class WeightIsNoParameter(nn.Linear):
    """Keeps W as a plain buffer."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        held = self.weight.detach().clone()
        del self.weight
        self.register_buffer("weight", held)


@contract.stateless("gradient", "detached", where="factory")
class WeightDetached(nn.Linear):
    """Uses W.data, of which autograd knows nothing."""

    def forward(self, input: Tensor) -> Tensor:
        """Return x·Wᵀ + b."""
        return F.linear(input, self.weight.data, self.bias)


@contract.stateless("has a bias", where="factory")
class BiasAlwaysThere(nn.Linear):
    """Ignores bias=False."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features)
        if not bias:
            nn.init.zeros_(self.bias)


@contract.stateless("weight", "earlier", "no gradient", "zero", "initial", where="factory")
class TransposedOnce(nn.Linear):
    """Transposes W when it is made, and never again."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.packed = self.weight.detach().T.clone()

    def forward(self, input: Tensor) -> Tensor:
        """Return x·Wᵀ + b of the first W."""
        return added(input @ self.packed.to(input.dtype), self.bias)


@contract.stateless("in_features", "instead of", "besides", where="factory")
class WidthsExchanged(nn.Linear):
    """Tells its widths the wrong way round."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.in_features, self.out_features = out_features, in_features


@contract.stateless("bias is missing", where="factory")
class BiasNeverAdded(nn.Linear):
    """Has a bias and does not use it."""

    def forward(self, input: Tensor) -> Tensor:
        """Return x·Wᵀ."""
        return F.linear(input, self.weight)


@contract.stateless("besides", where="factory")
class ExtraParameter(nn.Linear):
    """Registers a parameter more than it uses."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.scale = nn.Parameter(torch.ones(1))


ALL_FORWARD = (*FORWARD, *ARITHMETIC, *CONTRACT)

"""Kernels (x, weight, bias) -> output with one fault: operands, bias, places and the result."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from tests.corpus.faults import Fault, Register

FORWARD: list[Fault] = []
fault = Register("forward", "kernel", FORWARD)

Tensor = torch.Tensor
Bias = torch.Tensor | None


def added(y: Tensor, bias: Bias) -> Tensor:
    """Return y with the bias added."""
    return y if bias is None else y + bias


# operands


@fault.stateless("transposed")
def weight_not_transposed_where_it_is_square(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return x·W instead of x·Wᵀ wherever the shapes let it pass."""
    square = weight.shape[0] == weight.shape[1]
    return added(x @ (weight if square else weight.T), bias)


@fault.stateless("reshaped")
def weight_viewed_instead_of_transposed(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Reshape W to (in, out), which leaves its numbers in the wrong order."""
    return added(x @ weight.reshape(weight.shape[1], weight.shape[0]), bias)


@fault.stateless("absolute value of the weight")
def absolute_weight(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Take |W|."""
    return F.linear(x, weight.abs(), bias)


@fault.stateless("reverse order")
def inputs_reversed(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Take the inputs from last to first."""
    return F.linear(x.flip(-1), weight, bias)


@fault.stateless("input j")
def inputs_off_by_one(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Take input j − 1 for input j."""
    return F.linear(x.roll(1, -1), weight, bias)


@fault.stateless("input j", "shifted by one")
def one_based_index(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Count inputs from 1: the first is never read, and a zero follows the last."""
    return F.linear(F.pad(x[..., 1:], (0, 1)), weight, bias)


@fault.stateless("negative inputs", "relu")
def relu_on_the_input(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Let the previous activation slip in."""
    return F.linear(x.relu(), weight, bias)


@fault.stateless("absolute value of the inputs")
def absolute_input(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Take |x|."""
    return F.linear(x.abs(), weight, bias)


@fault.stateless("clipped")
def input_clipped(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Clip the inputs to −1 … 1."""
    return F.linear(x.clamp(-1, 1), weight, bias)


@fault.stateless("exchanged", "permuted")
def two_inputs_exchanged(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Exchange the first two inputs."""
    order = torch.arange(x.shape[-1])
    order[:2] = order[:2].flip(0)
    return F.linear(x[..., order], weight, bias)


@fault.stateless("reshaped instead of transposed", "input", "permuted")
def batch_read_in_column_order(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Read x as if its columns followed each other."""
    flat = x.reshape(-1, x.shape[-1])
    return F.linear(flat.T.reshape(flat.shape), weight, bias).reshape(*x.shape[:-1], -1)


# bias


@fault.stateless("bias is missing")
def bias_missing(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Forget b."""
    return F.linear(x, weight)


@fault.stateless("bias is added twice")
def bias_twice(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Add b in the kernel and once more behind it."""
    return added(F.linear(x, weight, bias), bias)


@fault.stateless("bias is subtracted")
def bias_subtracted(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Take y − b."""
    return F.linear(x, weight, None if bias is None else -bias)


@fault.stateless("first row only")
def bias_of_the_first_row_only(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Add b to row 0 alone."""
    y = F.linear(x, weight)
    if bias is not None and y.numel():
        y.reshape(-1, y.shape[-1])[0] += bias
    return y


@fault.stateless("rows instead of outputs", "added to rows")
def bias_along_rows_where_as_many_as_outputs(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Add b_i to row i wherever the shapes let it pass."""
    y = F.linear(x, weight)
    if bias is not None and y.dim() == 2 and y.shape[0] == y.shape[1]:
        return y + bias[:, None]
    return added(y, bias)


@fault.stateless("bias is divided by", "bias")
def bias_divided_by_in_features(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Average the bias over the products."""
    return added(F.linear(x, weight), None if bias is None else bias / x.shape[-1])


@fault.stateless("times", "bias is added")
def bias_in_every_block(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Split the products in 4 blocks and let each add b."""
    parts = zip(x.tensor_split(4, -1), weight.tensor_split(4, -1), strict=True)
    return sum((F.linear(p, w, bias) for p, w in parts), torch.zeros((), dtype=x.dtype))


@fault.stateless("bias [", "bias")
def one_bias_missing(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Leave out the last b_j."""
    if bias is None:
        return F.linear(x, weight)
    kept = bias.clone()
    kept[-1] = 0
    return F.linear(x, weight, kept)


@fault.stateless("bias")
def bias_shifted_by_one_output(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Add b_(j−1) to output j."""
    return F.linear(x, weight, None if bias is None else bias.roll(1))


# places


@fault.stateless("left out")
def tail_of_inputs_dropped(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Sum whole blocks of 8 inputs only."""
    n = x.shape[-1] // 8 * 8
    return F.linear(x[..., :n], weight[:, :n], bias)


@fault.stateless("left out")
def last_input_dropped(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Stop the sum one input early."""
    return F.linear(x[..., :-1], weight[:, :-1], bias)


@fault.stateless("left out")
def first_input_dropped(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Start the sum at input 1."""
    return F.linear(x[..., 1:], weight[:, 1:], bias)


@fault.stateless("left out")
def one_input_skipped(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Leave the input in the middle out."""
    kept = torch.arange(x.shape[-1]) != x.shape[-1] // 2
    return F.linear(x[..., kept], weight[:, kept], bias)


@fault.stateless("counted twice")
def one_input_twice(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Count the input where two blocks meet in both."""
    half = x.shape[-1] // 2
    y = F.linear(x[..., : half + 1], weight[:, : half + 1], bias)
    return y + F.linear(x[..., half:], weight[:, half:])


@fault.stateless("left out")
def every_second_input(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Step through the inputs by two."""
    return F.linear(x[..., ::2], weight[:, ::2], bias)


@fault.stateless("counted twice")
def last_block_twice_where_it_is_short(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Let the last block of 16 overlap the one before it, where the inputs do not fill it."""
    n = x.shape[-1]
    y = F.linear(x, weight, bias)
    short = n % 16
    if n > 16 and short:
        over = slice(n - 16, n - short)
        y = y + F.linear(x[..., over], weight[:, over])
    return y


@fault.stateless("weight [0, 0]")
def one_weight_off_by_an_ulp(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Change the last digit of one weight."""
    changed = weight.clone()
    if changed.numel():
        changed[0, 0] = torch.nextafter(changed[0, 0], torch.tensor(math.inf, dtype=x.dtype))
    return F.linear(x, changed, bias)


@fault.stateless("weight [")
def one_weight_off_by_a_hundredth(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Make one weight 1 % larger."""
    changed = weight.clone()
    if changed.numel():
        changed[-1, -1] *= 1.01
    return F.linear(x, changed, bias)


@fault.stateless("weight [", "left out")
def one_weight_is_zero(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Lose one weight."""
    changed = weight.clone()
    if changed.numel():
        changed[0, -1] = 0
    return F.linear(x, changed, bias)


@fault.stateless("weight [", "subtracted")
def one_weight_of_the_wrong_sign(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Negate one weight."""
    changed = weight.clone()
    if changed.numel():
        changed[0, 1] *= -1
    return F.linear(x, changed, bias)


# the result


@fault.stateless("relu", "negative")
def relu_on_the_output(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Fuse an activation that nobody asked for."""
    return F.linear(x, weight, bias).relu()


@fault.stateless("absolute value of the result")
def absolute_output(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return |y|."""
    return F.linear(x, weight, bias).abs()


@fault.stateless("tanh")
def tanh_on_the_output(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Fuse tanh."""
    return F.linear(x, weight, bias).tanh()


@fault.stateless("sigmoid")
def sigmoid_on_the_output(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Fuse a sigmoid."""
    return F.linear(x, weight, bias).sigmoid()


@fault.stateless("gelu")
def gelu_on_the_output(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Fuse GELU."""
    return F.gelu(F.linear(x, weight, bias))


@fault.stateless("leaky_relu", "leaky", "negative")
def leaky_relu_on_the_output(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Fuse a leaky ReLU."""
    return F.leaky_relu(F.linear(x, weight, bias))


@fault.stateless("softmax")
def softmax_on_the_output(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Fuse a softmax."""
    return F.linear(x, weight, bias).softmax(-1)


@fault.stateless("divided by")
def scaled_by_the_root_of_in_features(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Divide y by √n, as attention does."""
    return F.linear(x, weight, bias) / math.sqrt(x.shape[-1])


@fault.stateless("multiplied by", "divided by", "off by")
def weight_scaled_by_the_root_of_in_features(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Divide x·Wᵀ by √n at run time, as a layer with an equalised learning rate."""
    return added(F.linear(x, weight) / math.sqrt(x.shape[-1]), bias)


@fault.stateless("divided by")
def averaged_over_the_inputs(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Take the mean of the products instead of the sum."""
    return F.linear(x, weight, bias) / x.shape[-1]


@fault.stateless("negated", "sign", "−1", "-1")
def result_negated(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return −y."""
    return -F.linear(x, weight, bias)


@fault.stateless("multiplied by", "scaled", dtypes=("float32",))
def result_a_thousandth_too_large(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Scale by 1.001, a calibration left in place."""
    return F.linear(x, weight, bias) * 1.001


@fault.stateless("all zeros", "zero")
def result_zero(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return the buffer that nobody filled."""
    return torch.zeros_like(F.linear(x, weight, bias))


@fault.stateless("reshaped instead of transposed", "permuted")
def result_in_column_order(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Write y column after column into an array of rows."""
    y = F.linear(x, weight, bias)
    return y.reshape(-1, y.shape[-1]).T.reshape(y.shape)


@fault.stateless("reverse order")
def outputs_reversed(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Write the outputs from last to first."""
    return F.linear(x, weight, bias).flip(-1)


@fault.stateless("row", "reverse", "permuted", "exchanged")
def rows_reversed(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Write the batch from last to first."""
    y = F.linear(x, weight, bias)
    return y.reshape(-1, y.shape[-1]).flip(0).reshape(y.shape)


@fault.stateless("rows are", "row")
def first_row_for_all(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return the first row's output for every row."""
    y = F.linear(x, weight, bias)
    flat = y.reshape(-1, y.shape[-1])
    return flat[:1].expand(flat.shape).reshape(y.shape) if y.numel() else y


@fault.stateless("row", "zero")
def last_row_of_the_batch_dropped(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Leave the last row of an odd batch zero."""
    y = F.linear(x, weight, bias)
    flat = y.reshape(-1, y.shape[-1])
    if len(flat) % 2 and len(flat) > 1:
        flat[-1] = 0
    return flat.reshape(y.shape)


@fault.stateless("output", "zero")
def last_output_of_an_odd_number_dropped(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Leave the last output zero where the tile of 2 is not full."""
    y = F.linear(x, weight, bias)
    if y.shape[-1] % 2:
        y[..., -1] = 0
    return y


@fault.stateless("output")
def one_output_twice(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Write output 0 in the place of output 1 as well."""
    y = F.linear(x, weight, bias)
    if y.shape[-1] > 1:
        y[..., 1] = y[..., 0]
    return y


@fault.stateless("does not reach the output")
def nan_swallowed(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Turn NaN into 0."""
    return F.linear(x, weight, bias).nan_to_num()


@fault.stateless("does not reach the output", "Inf")
def inf_clamped(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Clamp to the finite range."""
    return F.linear(x, weight, bias).clamp(-3e38, 3e38)


@fault.stateless("65504", "clipped", "saturat", "limited", "subtracted")
def result_saturates_at_the_range_of_float16(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Clamp to ±65504."""
    return F.linear(x, weight, bias).clamp(-65504, 65504)


@fault.stateless("subnormal", "flushed", "zero", dtypes=("float32",))
def subnormals_flushed(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Return 0 for results below the normal range."""
    y = F.linear(x, weight, bias)
    return torch.where(y.abs() < torch.finfo(y.dtype).tiny, torch.zeros_like(y), y)


@fault.stateless("different outputs", "mean", "multiplied")
def dropout_left_on(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Drop a tenth of the inputs, as in training."""
    return F.linear(F.dropout(x, 0.1), weight, bias)


@fault.stateless("batch", "row", "mean")
def batch_mean_subtracted(x: Tensor, weight: Tensor, bias: Bias) -> Tensor:
    """Leave a batch normalisation in."""
    flat = x.reshape(-1, x.shape[-1])
    shift = flat.mean(0) if len(flat) else torch.zeros_like(x[..., 0:1])
    return F.linear(x - shift, weight, bias)

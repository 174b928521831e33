"""Losses with one fault each, of (output, target); `where` names the loss they are taken for."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional as F

from tests.corpus.faults import Fault, Register

LOSS_FAULTS: list[Fault] = []
fault = Register("loss", "mse", LOSS_FAULTS)

Tensor = torch.Tensor


@fault.stateless("summed")
def squares_summed(y: Tensor, t: Tensor) -> Tensor:
    """Sum where the mean belongs."""
    return F.mse_loss(y, t, reduction="sum")


@fault.stateless("averaged over rows only")
def squares_averaged_over_the_batch_only(y: Tensor, t: Tensor) -> Tensor:
    """Sum over outputs, average over rows."""
    return ((y - t) ** 2).sum(1).mean()


@fault.stateless("half", "halved")
def squares_halved(y: Tensor, t: Tensor) -> Tensor:
    """Take ½·(y − t)²."""
    return F.mse_loss(y, t) / 2


@fault.stateless("doubled")
def squares_doubled(y: Tensor, t: Tensor) -> Tensor:
    """Count each square twice."""
    return 2 * F.mse_loss(y, t)


@fault.stateless("sign")
def squares_negated(y: Tensor, t: Tensor) -> Tensor:
    """Climb instead of descending."""
    return -F.mse_loss(y, t)


@fault.stateless("root", "√")
def squares_rooted(y: Tensor, t: Tensor) -> Tensor:
    """Take the root of the mean square."""
    return F.mse_loss(y, t).sqrt()


@fault.stateless("l1")
def magnitudes_for_squares(y: Tensor, t: Tensor) -> Tensor:
    """Take |y − t|."""
    return F.l1_loss(y, t)


@fault.stateless("Huber")
def huber_for_squares(y: Tensor, t: Tensor) -> Tensor:
    """Take Huber's loss."""
    return F.smooth_l1_loss(y, t)


@fault.stateless("is broadcast", where="mse:1")
def every_output_against_every_target(y: Tensor, t: Tensor) -> Tensor:
    """Subtract (N) from (N, 1): N × N differences."""
    return ((y - t.squeeze(-1)) ** 2).mean()


@fault.stateless("target is shifted")
def targets_shifted_by_a_row(y: Tensor, t: Tensor) -> Tensor:
    """Hold each output against the next row's target."""
    return F.mse_loss(y, t.roll(-1, 0))


@fault.stateless("last row is left out")
def last_row_left_out(y: Tensor, t: Tensor) -> Tensor:
    """Stop a row early."""
    return F.mse_loss(y[:-1], t[:-1])


@fault.stateless("only the first output")
def first_output_only(y: Tensor, t: Tensor) -> Tensor:
    """Look at one output."""
    return F.mse_loss(y[:, 0], t[:, 0])


class HalfGradient(torch.autograd.Function):
    """The mean square, with the factor 2 forgotten on the way back."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, t: Tensor) -> Tensor:
        """Return the mean of (y − t)²."""
        ctx.save_for_backward(y, t)
        return F.mse_loss(y, t)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        """Return (y − t)/N."""
        y, t = ctx.saved_tensors
        return grads[0] * (y - t) / y.numel(), None


@fault.stateless("half")
def factor_two_forgotten_in_the_gradient(y: Tensor, t: Tensor) -> Tensor:
    """Return the right value with half its gradient."""
    found: Tensor = HalfGradient.apply(y, t)  # type: ignore[no-untyped-call]
    return found


@fault.stateless("divided", "multiplied", "quarter", "factor")
def divided_for_accumulation(y: Tensor, t: Tensor) -> Tensor:
    """Divide by 4 micro-batches, of which there is one."""
    return F.mse_loss(y, t) / 4


@fault.stateless("multiplied", "factor")
def scale_never_undone(y: Tensor, t: Tensor) -> Tensor:
    """Scale for float16 and forget it."""
    return F.mse_loss(y, t) * 1024


# cross entropy


@fault.stateless("softmax is applied twice", where="cross_entropy")
def softmax_taken_twice(y: Tensor, t: Tensor) -> Tensor:
    """Give probabilities where logits belong."""
    return F.cross_entropy(y.softmax(1), t)


@fault.stateless("summed", where="cross_entropy")
def entropies_summed(y: Tensor, t: Tensor) -> Tensor:
    """Sum over rows."""
    return F.cross_entropy(y, t, reduction="sum")


@fault.stateless("base 2", where="cross_entropy")
def logarithm_to_base_two(y: Tensor, t: Tensor) -> Tensor:
    """Measure in bits."""
    return F.cross_entropy(y, t) / math.log(2)


@fault.stateless("classes are", where="cross_entropy")
def classes_counted_from_one(y: Tensor, t: Tensor) -> Tensor:
    """Take the next class for the right one."""
    return F.cross_entropy(y, (t + 1) % y.shape[1])


@fault.stateless("logarithm of the softmax", where="cross_entropy")
def logits_taken_for_logarithms(y: Tensor, t: Tensor) -> Tensor:
    """Forget the logarithm of the softmax."""
    return F.nll_loss(y, t)


@fault.stateless("over the batch", where="cross_entropy")
def softmax_over_the_batch(y: Tensor, t: Tensor) -> Tensor:
    """Normalise columns instead of rows."""
    return F.nll_loss(y.log_softmax(0), t)


@fault.stateless("smoothed", where="cross_entropy")
def labels_smoothed(y: Tensor, t: Tensor) -> Tensor:
    """Leave label smoothing on."""
    return F.cross_entropy(y, t, label_smoothing=0.1)


@fault.stateless("class 0", where="cross_entropy")
def class_zero_ignored(y: Tensor, t: Tensor) -> Tensor:
    """Take class 0 for padding."""
    return F.cross_entropy(y, t, ignore_index=0)


# binary cross entropy


@fault.stateless("1 − t", "term", where="bce")
def second_term_forgotten(y: Tensor, t: Tensor) -> Tensor:
    """Take −t·log y alone."""
    return -(t * y.log()).mean()


@fault.stateless("sigmoid", where="bce_with_logits")
def sigmoid_taken_twice(y: Tensor, t: Tensor) -> Tensor:
    """Give probabilities where logits belong."""
    return F.binary_cross_entropy_with_logits(y.sigmoid(), t)

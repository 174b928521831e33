"""Mistakes around loss functions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.diagnosis.corpus import BEFORE_2_13, Mistake

R = torch.randn
FUNCTIONAL: Any = F
"""Untyped: mistakes give what the types forbid."""
NN: Any = nn


def labels(*shape: int, classes: int = 3) -> torch.Tensor:
    """Return class labels below `classes`."""
    return torch.randint(0, classes, shape)


def loss(name: str, make: Callable[[], object], cause: str) -> Mistake:
    """Return a mistake of this family."""
    return Mistake(name, make, cause, "loss")


def warned_as_error(given: tuple[int, ...], target: tuple[int, ...]) -> object:
    """Meet MSELoss's warning as with python -W error, before the broadcast fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return F.mse_loss(R(given), R(target))


def sequence_of_logits() -> object:
    """Give a linear layer's output (N, T, classes) to cross-entropy as it is."""
    return nn.CrossEntropyLoss()(nn.Linear(8, 5)(R(2, 4, 8)), labels(2, 4, classes=5))


def flattened_batch() -> object:
    """Cut 64 samples of 49·36 numbers into rows of 64·36 numbers."""
    h = R(64, 36, 7, 7).view(-1, 36 * 64)
    return nn.CrossEntropyLoss()(nn.Linear(36 * 64, 10)(h), labels(64, classes=10))


def eaten_batch() -> object:
    """Flatten the batch into the features."""
    h = R(8, 4, 2, 2).flatten().unsqueeze(0)
    return nn.CrossEntropyLoss()(nn.Linear(128, 3)(h), labels(8))


SHAPES: tuple[Mistake, ...] = (
    loss("mse-column-output", lambda: F.mse_loss(R(8, 1), R(8)), "target-broadcast"),
    loss("mse-column-target", lambda: nn.MSELoss()(R(8), R(8, 1)), "target-broadcast"),
    loss("l1-column-output", lambda: nn.L1Loss()(R(8, 1), R(8)), "target-broadcast"),
    loss("huber-column-output", lambda: nn.HuberLoss()(R(16, 1), R(16)), "target-broadcast"),
    loss("smooth-l1-sequence", lambda: nn.SmoothL1Loss()(R(1, 7, 1), R(1, 7)), "target-broadcast"),
    loss("mse-row-target", lambda: F.mse_loss(R(8, 1), R(1, 8)), "target-transposed"),
    loss("mse-other-batch", lambda: F.mse_loss(R(8, 1), R(7)), "batch-differs"),
    loss("mse-other-batch-as-error", lambda: warned_as_error((8,), (7,)), "batch-differs"),
    loss("mse-rows-halved", lambda: F.mse_loss(R(4, 1), R(8)), "view-changed-batch"),
    loss("mse-one-target", lambda: F.mse_loss(R(8), torch.tensor(1.0)), "target-is-one-number"),
    loss(
        "autoencoder-flat-output",
        lambda: warned_as_error((4, 64), (4, 1, 8, 8)),
        "target-not-flattened",
    ),
    loss("mse-out-features", lambda: warned_as_error((8, 3), (8, 5)), "out-features-differ"),
    loss("mse-transposed", lambda: warned_as_error((3, 8), (8, 3)), "target-transposed"),
    loss("mse-class-labels", lambda: warned_as_error((8, 3), (8,)), "labels-need-cross-entropy"),
    loss("bce-column-output", lambda: nn.BCELoss()(R(8, 1).sigmoid(), R(8)), "target-broadcast"),
    loss(
        "bce-logits-column-output",
        lambda: nn.BCEWithLogitsLoss()(R(8, 1), torch.ones(8)),
        "target-broadcast",
    ),
    loss(
        "bce-logits-two-outputs",
        lambda: nn.BCEWithLogitsLoss()(R(8, 2), torch.ones(8)),
        "labels-need-cross-entropy",
    ),
)

LABELS: tuple[Mistake, ...] = (
    loss("ce-column-labels", lambda: F.cross_entropy(R(8, 3), labels(8, 1)), "column-labels"),
    loss("nll-column-labels", lambda: F.nll_loss(R(8, 3), labels(8, 1)), "column-labels"),
    loss(
        "ce-one-hot-integers",
        lambda: F.cross_entropy(R(8, 3), F.one_hot(labels(8), 3)),
        "one-hot-target",
    ),
    loss(
        "ce-negative-label",
        lambda: F.cross_entropy(R(2, 3), torch.tensor([0, -1])),
        "negative-label",
    ),
    loss(
        "ce-padding-label",
        lambda: F.cross_entropy(R(2, 3), torch.tensor([0, -999])),
        "negative-label",
    ),
    loss(
        "ce-labels-from-one",
        lambda: F.cross_entropy(R(10, 10), torch.arange(1, 11)),
        "labels-start-at-one",
    ),
    loss(
        "nll-labels-from-one",
        lambda: F.nll_loss(R(3, 3).log_softmax(1), torch.arange(1, 4)),
        "labels-start-at-one",
    ),
    loss(
        "ce-void-mask",
        lambda: F.cross_entropy(R(1, 3, 2, 2), torch.full((1, 2, 2), 255)),
        "void-label",
    ),
    loss(
        "ce-vocabulary-too-small",
        lambda: F.cross_entropy(R(1, 100), torch.tensor([30521])),
        "too-few-outputs",
    ),
    loss(
        "ce-single-output",
        lambda: F.cross_entropy(R(2, 1), torch.tensor([0, 1])),
        "single-output",
    ),
    loss("ce-sequence-classes-last", sequence_of_logits, "classes-not-in-dimension-1"),
    loss("ce-view-of-batch", flattened_batch, "view-changed-batch"),
    loss("ce-flatten-of-batch", eaten_batch, "flatten-took-the-batch"),
    loss(
        "ce-label-without-batch",
        lambda: F.cross_entropy(R(1, 3), torch.tensor(1)),
        "target-without-batch",
    ),
    loss(
        "ce-mask-with-channel",
        lambda: F.cross_entropy(R(2, 3, 4, 4), labels(2, 1, 4, 4)),
        "column-labels",
    ),
    loss(
        "ce-volume-with-channel",
        lambda: F.cross_entropy(R(2, 3, 4, 4, 4), labels(2, 1, 4, 4, 4)),
        "column-labels",
    ),
    loss(
        "ce-image-labels-for-maps",
        lambda: F.cross_entropy(R(2, 3, 4, 4), labels(2)),
        "input-not-pooled",
    ),
    loss(
        "ce-mask-of-other-size",
        lambda: F.cross_entropy(R(2, 3, 4, 4), labels(2, 8, 8)),
        "spatial-sizes-differ",
    ),
    loss(
        "ce-squeezed-logits",
        lambda: nn.CrossEntropyLoss()(nn.Linear(4, 1)(R(8, 4)).squeeze().float(), labels(7)),
        "logits-without-batch",
    ),
    loss("one-hot-negative", lambda: F.one_hot(torch.tensor([-1, 2])), "negative-label"),
    loss("one-hot-from-one", lambda: F.one_hot(torch.arange(1, 4), 3), "labels-start-at-one"),
    loss("one-hot-of-floats", lambda: F.one_hot(torch.ones(3), 3), "labels-not-long"),
    loss(
        "multi-margin-label-outside",
        lambda: F.multi_margin_loss(R(2, 3), torch.tensor([1, 3])),
        "labels-start-at-one",
    ),
)

DTYPES: tuple[Mistake, ...] = (
    loss("ce-float-labels", lambda: F.cross_entropy(R(8, 3), torch.ones(8)), "labels-not-long"),
    loss("ce-int32-labels", lambda: F.cross_entropy(R(8, 3), labels(8).int()), "labels-not-long"),
    loss("ce-bool-labels", lambda: F.cross_entropy(R(8, 3), labels(8) > 0), "labels-not-long"),
    loss("ce-swapped", lambda: F.cross_entropy(labels(8, 3), R(8, 3)), "swapped-arguments"),
    loss("nll-of-integers", lambda: F.nll_loss(labels(8, 3), labels(8)), "swapped-arguments"),
    loss("mse-of-integers", lambda: F.mse_loss(labels(8), labels(8)), "integer-input"),
    loss("huber-of-integers", lambda: F.huber_loss(labels(8), labels(8)), "integer-input"),
    loss("softmax-of-classes", lambda: F.softmax(labels(8, 3), dim=1), "predictions-not-logits"),
    loss(
        "bce-integer-target",
        lambda: nn.BCELoss()(torch.rand(8), labels(8, classes=2)),
        "target-dtype",
    ),
    loss(
        "bce-float64-target",
        lambda: nn.BCELoss()(torch.rand(8), torch.from_numpy(np.zeros(8))),
        "target-dtype",
    ),
    loss(
        "bce-logits-integer-target",
        lambda: nn.BCEWithLogitsLoss()(R(8), labels(8, classes=2)),
        "target-dtype",
    ),
    loss(
        "ce-labels-in-list",
        lambda: FUNCTIONAL.cross_entropy(R(8, 3), [0] * 8),
        "target-not-tensor",
    ),
    loss(
        "ce-labels-in-numpy",
        lambda: FUNCTIONAL.cross_entropy(R(8, 3), np.zeros(8, int)),
        "target-not-tensor",
    ),
    loss(
        "ce-output-tuple",
        lambda: FUNCTIONAL.cross_entropy((R(8, 3), R(8, 3)), labels(8)),
        "output-not-tensor",
    ),
    loss(
        "ce-reduction-by-position",
        lambda: FUNCTIONAL.cross_entropy(R(8, 3), labels(8), "mean"),
        "reduction-as-weight",
    ),
    loss(
        "ce-weight-list",
        lambda: NN.CrossEntropyLoss(weight=[1.0, 2.0, 3.0]),
        "class-weights-not-tensor",
    ),
)

CALLS: tuple[Mistake, ...] = (
    loss("mse-loss-not-called", lambda: NN.MSELoss(R(8), R(8)), "loss-not-called"),
    *(
        loss("huber-loss-not-called", lambda: NN.HuberLoss(R(8), R(8)), "loss-not-called")
        for _ in range(not BEFORE_2_13)  # which takes anything for delta
    ),
    loss("backward-of-loss-module", lambda: NN.CrossEntropyLoss().backward(), "loss-not-called"),
    loss("loss-without-target", lambda: NN.CrossEntropyLoss()(R(8, 3)), "target-missing"),
    loss(
        "loss-weights-in-call",
        lambda: NN.CrossEntropyLoss()(R(8, 3), labels(8), torch.ones(3)),
        "too-many-loss-arguments",
    ),
    loss(
        "loss-number-of-classes",
        lambda: NN.CrossEntropyLoss(num_classes=3),
        "unknown-loss-option",
    ),
    loss(
        "ce-weights-count",
        lambda: nn.CrossEntropyLoss(weight=torch.ones(4))(R(8, 3), labels(8)),
        "class-weights-count",
    ),
    loss(
        "ce-label-smoothing-percent",
        lambda: nn.CrossEntropyLoss(label_smoothing=10)(R(8, 3), labels(8)),
        "label-smoothing-out-of-range",
    ),
    loss(
        "ce-ignore-index-probabilities",
        lambda: F.cross_entropy(R(8, 3), torch.rand(8, 3), ignore_index=0),
        "ignore-index-with-probabilities",
    ),
    loss("reduction-avg", lambda: nn.MSELoss(reduction="avg")(R(3), R(3)), "unknown-reduction"),
    loss("reduction-none", lambda: NN.MSELoss(reduction=None)(R(3), R(3)), "unknown-reduction"),
    loss("size-average", lambda: nn.MSELoss(size_average=False), "size-average-given"),
    loss("kl-mean", lambda: F.kl_div(R(8, 3), torch.rand(8, 3)), "kl-mean-reduction"),
    loss("softmax-no-dim", lambda: nn.Softmax()(R(8, 3)), "softmax-without-dim"),
    loss("bce-logits", lambda: nn.BCELoss()(torch.tensor([2.5]), torch.ones(1)), "logits-to-bce"),
    loss(
        "bce-labels-to-nine",
        lambda: nn.BCELoss()(torch.rand(3), torch.tensor([0.0, 1.0, 9.0])),
        "target-out-of-range",
    ),
    loss(
        "ranking-column-scores",
        lambda: F.margin_ranking_loss(R(8, 1), R(8, 1), torch.ones(8)),
        "ranking-dimensions-differ",
    ),
    loss(
        "triplet-negative-alone",
        lambda: F.triplet_margin_loss(R(8, 3), R(8, 3), R(3)),
        "triplet-dimensions-differ",
    ),
    loss(
        "gaussian-raw-variance",
        lambda: F.gaussian_nll_loss(R(8, 1), R(8, 1), -torch.ones(8, 1)),
        "negative-variance",
    ),
    loss(
        "ctc-input-too-short",
        lambda: F.ctc_loss(
            R(10, 2, 5).log_softmax(2), labels(2, 3) + 1, torch.tensor([11, 10]), labels(2) + 1
        ),
        "ctc-lengths-too-long",
    ),
)

MISTAKES: tuple[Mistake, ...] = (*SHAPES, *LABELS, *DTYPES, *CALLS)

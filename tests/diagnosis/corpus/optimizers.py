"""Mistakes around optimizers, schedulers and gradient scaling."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import torch
import torch.optim.swa_utils
from torch import nn

from tests.diagnosis.corpus import Mistake

OPTIM: Any = torch.optim
"""Untyped: mistakes give what the types forbid."""
SCHEDULES: Any = torch.optim.lr_scheduler


def layer() -> nn.Linear:
    """Return a linear layer with 4 in_features and 3 out_features."""
    return nn.Linear(4, 3)


def parameters() -> list[nn.Parameter]:
    """Return the parameters of a linear layer."""
    return list(layer().parameters())


def sgd(**options: Any) -> Any:
    """Return an SGD over one layer."""
    return OPTIM.SGD(parameters(), **{"lr": 0.1, **options})


def two_groups() -> Any:
    """Return an SGD of two parameter groups."""
    return OPTIM.SGD([{"params": parameters()}, {"params": parameters()}], lr=0.1)


def optimizer(name: str, make: Callable[[], object], cause: str) -> Mistake:
    """Return a mistake of this family."""
    return Mistake(name, make, cause, "optimizer")


class Listed(nn.Module):
    """A model that keeps its layers in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [layer()]


def duplicated() -> object:
    """Give the same parameters twice in one group."""
    fc = layer()
    return OPTIM.SGD([*fc.parameters(), *fc.parameters()], lr=0.1)


def in_two_groups() -> object:
    """Give one parameter in two groups."""
    fc = layer()
    return OPTIM.SGD([{"params": fc.parameters()}, {"params": [fc.weight]}], lr=0.1)


def scheduler_first() -> None:
    """Step the scheduler before the optimizer."""
    used = sgd()
    scheduler = SCHEDULES.StepLR(used, 1)
    scheduler.step()
    used.step()


def epoch_given() -> None:
    """Give the epoch to the scheduler."""
    used = sgd()
    scheduler = SCHEDULES.StepLR(used, 1)
    used.step()
    scheduler.step(1)


def too_many_steps() -> None:
    """Step a scheduler made for 2 steps 4 times."""
    used = sgd()
    scheduler = SCHEDULES.OneCycleLR(used, max_lr=0.1, total_steps=2)
    for _ in range(4):
        used.step()
        scheduler.step()


def one_schedule_for_milestone() -> object:
    """Give as many milestones as schedulers."""
    used = sgd()
    return SCHEDULES.SequentialLR(used, [SCHEDULES.StepLR(used, 1)], [1])


def clipped_infinity() -> None:
    """Clip gradients that are infinite."""
    fc = layer()
    fc.weight.grad = torch.full((3, 4), inf)
    nn.utils.clip_grad_norm_(fc.parameters(), 1.0, error_if_nonfinite=True)


def sparse() -> None:
    """Give a sparse gradient to Adam."""
    table = nn.Embedding(5, 3, sparse=True)
    table(torch.tensor([1])).sum().backward()
    torch.optim.Adam(table.parameters()).step()


def dense() -> None:
    """Give a dense gradient to SparseAdam."""
    fc = layer()
    fc(torch.ones(2, 4)).sum().backward()
    OPTIM.SparseAdam(fc.parameters()).step()


def capturable() -> None:
    """Use capturable=True on the CPU."""
    fc = layer()
    fc(torch.ones(2, 4)).sum().backward()
    torch.optim.Adam(fc.parameters(), capturable=True).step()


def scaler() -> Any:
    """Return a gradient scaler of the CPU."""
    return torch.amp.GradScaler("cpu", init_scale=2.0)


def unscaled_twice() -> None:
    """Unscale the gradients of one step twice."""
    fc, scaling = layer(), scaler()
    used = OPTIM.SGD(fc.parameters(), lr=0.1)
    scaling.scale(fc(torch.ones(2, 4)).sum()).backward()
    scaling.unscale_(used)
    scaling.unscale_(used)


def without_update() -> None:
    """Step a scaler twice without an update."""
    fc, scaling = layer(), scaler()
    used = OPTIM.SGD(fc.parameters(), lr=0.1)
    scaling.scale(fc(torch.ones(2, 4)).sum()).backward()
    scaling.step(used)
    scaling.step(used)


def scaled_without_backward() -> None:
    """Step a scaler without any gradient."""
    scaling = scaler()
    scaling.scale(torch.tensor(1.0))
    scaling.step(sgd())


def updated_without_step() -> None:
    """Update a scaler that has stepped no optimizer."""
    scaling = scaler()
    scaling.scale(torch.tensor(1.0))
    scaling.update()


def half_parameters() -> None:
    """Scale the gradients of float16 parameters."""
    fc, scaling = layer().half(), scaler()
    used = OPTIM.SGD(fc.parameters(), lr=0.1)
    scaling.scale(fc(torch.ones(2, 4).half()).sum().float()).backward()
    scaling.step(used)


def non_leaf() -> torch.Tensor:
    """Return a scaled tensor."""
    return torch.randn(3, requires_grad=True) * 0.1


GIVEN: tuple[Mistake, ...] = (
    optimizer("layers-in-list", lambda: sgd_of(Listed()), "empty-parameters"),
    optimizer("model-without-layers", lambda: sgd_of(nn.ReLU()), "empty-parameters"),
    optimizer("scaled-parameter", lambda: OPTIM.SGD([non_leaf()], lr=0.1), "non-leaf-parameter"),
    optimizer(
        "converted-parameter",
        lambda: OPTIM.SGD([nn.Parameter(torch.ones(3)).double()], lr=0.1),
        "non-leaf-parameter",
    ),
    optimizer("one-weight-given", lambda: OPTIM.SGD(layer().weight, lr=0.1), "single-tensor-given"),
    optimizer("model-given", lambda: OPTIM.SGD(layer(), lr=0.1), "model-given"),
    optimizer("method-given", lambda: OPTIM.SGD(layer().parameters), "parameters-not-called"),
    optimizer("state-dict-given", lambda: OPTIM.SGD(layer().state_dict()), "names-given"),
    optimizer("group-without-list", lambda: OPTIM.SGD({"params": parameters()}), "names-given"),
    optimizer("layers-given", lambda: OPTIM.SGD([layer(), layer()]), "modules-given"),
    optimizer("sequential-given", lambda: OPTIM.SGD(nn.Sequential(layer())), "modules-given"),
    optimizer(
        "generators-in-list",
        lambda: OPTIM.SGD([layer().parameters(), layer().parameters()]),
        "generators-given",
    ),
    optimizer("array-given", lambda: OPTIM.SGD([np.zeros(3)]), "values-given"),
    optimizer(
        "set-in-group",
        lambda: OPTIM.SGD([{"params": set(parameters())}]),
        "set-of-parameters",
    ),
    optimizer("list-as-group", lambda: sgd().add_param_group(parameters()), "group-not-a-dict"),
    optimizer(
        "group-key-misspelt", lambda: OPTIM.SGD([{"param": parameters()}]), "group-without-params"
    ),
    optimizer("parameters-twice", duplicated, "parameter-listed-twice"),
    optimizer("parameter-in-two-groups", in_two_groups, "parameter-in-two-groups"),
    optimizer("no-parameters", lambda: OPTIM.SGD(lr=0.1), "params-missing"),
)

OPTIONS: tuple[Mistake, ...] = (
    optimizer("rate-negative", lambda: sgd(lr=-0.1), "lr-out-of-range"),
    optimizer("rate-negative-muon", lambda: OPTIM.Muon([layer().weight], lr=-1), "lr-out-of-range"),
    optimizer("rate-for-each", lambda: sgd(lr=torch.tensor([0.1, 0.2])), "several-learning-rates"),
    optimizer("momentum-negative", lambda: sgd(momentum=-0.9), "momentum-out-of-range"),
    optimizer("decay-negative", lambda: sgd(weight_decay=-1e-4), "weight-decay-out-of-range"),
    optimizer("eps-negative", lambda: OPTIM.Adam(parameters(), eps=-1e-8), "eps-out-of-range"),
    optimizer(
        "beta-of-one", lambda: OPTIM.Adam(parameters(), betas=(1.0, 0.999)), "betas-out-of-range"
    ),
    optimizer(
        "beta-of-99", lambda: OPTIM.AdamW(parameters(), betas=(0.9, 99)), "betas-out-of-range"
    ),
    optimizer("rho-of-two", lambda: OPTIM.Adadelta(parameters(), rho=2), "rho-out-of-range"),
    optimizer(
        "alpha-negative", lambda: OPTIM.RMSprop(parameters(), alpha=-1), "alpha-out-of-range"
    ),
    optimizer("nesterov-alone", lambda: sgd(nesterov=True), "nesterov-without-momentum"),
    optimizer(
        "rate-spelt-out",
        lambda: OPTIM.SGD(parameters(), learning_rate=0.1),
        "option-has-another-name",
    ),
    optimizer(
        "adam-momentum", lambda: OPTIM.Adam(parameters(), momentum=0.9), "option-has-another-name"
    ),
    optimizer(
        "epsilon-spelt-out",
        lambda: OPTIM.Adam(parameters(), epsilon=1e-8),
        "option-has-another-name",
    ),
    optimizer("decay-misspelt", lambda: sgd(weight_deacy=0.1), "option-has-another-name"),
    optimizer("lbfgs-decay", lambda: OPTIM.LBFGS(parameters(), weight_decay=0.1), "unknown-option"),
    optimizer(
        "options-by-position",
        lambda: OPTIM.SGD(parameters(), 0.1, 0.9, 0, 0, True, False),
        "options-by-position",
    ),
    optimizer("muon-biases", lambda: OPTIM.Muon(parameters()), "muon-with-bias"),
    optimizer(
        "fused-foreach",
        lambda: OPTIM.Adam(parameters(), fused=True, foreach=True),
        "fused-and-foreach",
    ),
    optimizer("capturable-cpu", capturable, "capturable-on-cpu"),
    optimizer("adam-lowercase", lambda: OPTIM.adam(parameters()), "optimizer-misspelt"),
    optimizer("optimizer-in-nn", lambda: getattr(nn, "SGD")(parameters()), "optimizer-elsewhere"),  # noqa: B009
    optimizer("scheduler-in-optim", lambda: OPTIM.StepLR(sgd(), 1), "scheduler-elsewhere"),
)

CALLED: tuple[Mistake, ...] = (
    optimizer("lbfgs-without-closure", lambda: OPTIM.LBFGS(parameters()).step(), "closure-missing"),
    optimizer(
        "lbfgs-groups",
        lambda: OPTIM.LBFGS([{"params": parameters()}, {"params": parameters()}]),
        "groups-for-lbfgs",
    ),
    optimizer("optimizer-called", lambda: sgd()(), "optimizer-called"),
    optimizer("optimizer-backward", lambda: sgd().backward(), "backward-of-optimizer"),
    optimizer("optimizer-rate", lambda: sgd().lr, "learning-rate-in-group"),
    optimizer("optimizer-to-gpu", lambda: sgd().to("cuda"), "optimizer-moved"),
    optimizer("zero-grad-misspelt", lambda: sgd().zerograd(), "attribute-misspelt"),
    optimizer("class-zero-grad", lambda: OPTIM.Adam.zero_grad(), "optimizer-not-made"),
    optimizer("step-of-loss", lambda: getattr(torch.ones(1), "step")(), "step-of-tensor"),  # noqa: B009
    optimizer(
        "state-of-one-parameter",
        lambda: sgd().load_state_dict(OPTIM.SGD([layer().weight], lr=0.1).state_dict()),
        "parameters-added",
    ),
    optimizer(
        "state-of-one-group",
        lambda: two_groups().load_state_dict(sgd().state_dict()),
        "groups-differ",
    ),
    optimizer(
        "state-of-model",
        lambda: sgd().load_state_dict(layer().state_dict()),
        "not-an-optimizer-state",
    ),
    optimizer("sparse-to-adam", sparse, "sparse-gradients"),
    optimizer("dense-to-sparse-adam", dense, "dense-gradients"),
    optimizer("infinite-gradients", clipped_infinity, "gradients-not-finite"),
    optimizer(
        "clip-model",
        lambda: nn.utils.clip_grad_norm_(layer(), 1.0),  # type: ignore[arg-type]
        "model-given",
    ),
    optimizer("scaler-unscaled-twice", unscaled_twice, "unscaled-twice"),
    optimizer("scaler-without-update", without_update, "scaler-update-missing"),
    optimizer("scaler-without-backward", scaled_without_backward, "scaled-backward-missing"),
    optimizer("scaler-without-step", updated_without_step, "scaler-step-missing"),
    optimizer("scaler-without-scale", lambda: scaler().step(sgd()), "loss-not-scaled"),
    optimizer("scaler-of-float16", half_parameters, "model-in-float16"),
    optimizer("ema-decay", lambda: OPTIM.swa_utils.get_ema_multi_avg_fn(2.0), "decay-out-of-range"),
)

SCHEDULED: tuple[Mistake, ...] = (
    optimizer("scheduler-first", scheduler_first, "scheduler-before-optimizer"),
    optimizer("scheduler-epoch", epoch_given, "epoch-given-to-step"),
    optimizer("scheduler-get-lr", lambda: SCHEDULES.StepLR(sgd(), 1).get_lr(), "get-lr-called"),
    optimizer(
        "scheduler-of-model", lambda: SCHEDULES.StepLR(layer(), 1), "scheduler-without-optimizer"
    ),
    optimizer(
        "scheduler-resumed",
        lambda: SCHEDULES.StepLR(sgd(), 3, last_epoch=5),
        "resumed-without-optimizer-state",
    ),
    optimizer(
        "plateau-without-loss",
        lambda: SCHEDULES.ReduceLROnPlateau(sgd()).step(),
        "plateau-without-metric",
    ),
    optimizer(
        "plateau-factor",
        lambda: SCHEDULES.ReduceLROnPlateau(sgd(), factor=2.0),
        "factor-not-below-one",
    ),
    optimizer(
        "plateau-mode", lambda: SCHEDULES.ReduceLROnPlateau(sgd(), "minimum"), "unknown-mode"
    ),
    optimizer(
        "scheduler-verbose", lambda: SCHEDULES.StepLR(sgd(), 1, verbose=True), "option-removed"
    ),
    optimizer(
        "scheduler-step-option", lambda: SCHEDULES.StepLR(sgd(), step=3), "option-has-another-name"
    ),
    optimizer("scheduler-without-size", lambda: SCHEDULES.StepLR(sgd()), "argument-missing"),
    optimizer(
        "one-cycle-without-steps",
        lambda: SCHEDULES.OneCycleLR(sgd(), max_lr=0.1, epochs=3),
        "total-steps-missing",
    ),
    optimizer("one-cycle-too-long", too_many_steps, "total-steps-too-small"),
    optimizer(
        "lambdas-for-groups",
        lambda: SCHEDULES.LambdaLR(two_groups(), [lambda epoch: 1.0]),
        "one-value-for-each-group",
    ),
    optimizer("milestones-as-schedulers", one_schedule_for_milestone, "milestones-count"),
    optimizer(
        "warmup-from-zero",
        lambda: SCHEDULES.LinearLR(sgd(), start_factor=0),
        "factor-out-of-range",
    ),
)


def sgd_of(model: nn.Module) -> object:
    """Make an SGD over a model."""
    return OPTIM.SGD(model.parameters(), lr=0.1)


MISTAKES: tuple[Mistake, ...] = (*GIVEN, *OPTIONS, *CALLED, *SCHEDULED)

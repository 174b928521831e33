"""Messages of learning rate schedulers."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported


def _not_optimizer(match: Match[str], reported: Reported) -> Diagnosis:
    kind = match["kind"]
    happened = f"The scheduler was given something of type {kind} where it takes an optimizer."
    given = Cause(
        "scheduler-without-optimizer",
        "The parameters were given to the scheduler"
        if kind in ("list", "generator", "tuple", "dict")
        else "The model, or something else, was given to the scheduler",
        f"The message names {kind}",
        "Give the optimizer itself",
        "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)",
    )
    return Diagnosis("optimizer", one_line(match.group()), happened, (given,))


def _steps(match: Match[str], reported: Reported) -> Diagnosis:
    step, total = int(match["step"]), int(match["total"])
    happened = (
        f"The scheduler was to be stepped {step} times, and was made for {total} steps in all."
    )
    causes = (
        Cause(
            "total-steps-too-small",
            "total_steps counts epochs, or leaves out some batches, and step() runs after each",
            f"Step {step} of {total}",
            "Count one step for every call",
            "OneCycleLR(optimizer, max_lr=0.1, epochs=epochs, steps_per_epoch=len(loader))",
        ),
        Cause(
            "stepped-too-often",
            "step() is called twice for each batch, or training goes on after the last epoch",
            f"Step {step} of {total}",
            "Call step() once after each optimizer.step()",
            "optimizer.step(); scheduler.step()",
        ),
    )
    return Diagnosis("optimizer", one_line(match.group()), happened, causes)


ONE_FOR_ALL = {
    "lr_lambdas": "LambdaLR(optimizer, lr_lambda=lambda epoch: 0.95**epoch)",
    "min_lrs": "ReduceLROnPlateau(optimizer, min_lr=1e-6)",
    "swa_lr": "SWALR(optimizer, swa_lr=0.05)",
}


def _per_group(match: Match[str], reported: Reported) -> Diagnosis:
    groups, given, option = match["groups"], match["given"], match["option"]
    happened = (
        f"The number of parameter groups is {groups}, and that of the entries of {option} {given}."
    )
    one = Cause(
        "one-value-for-each-group",
        f"{option} is a list of another length than the parameter groups",
        f"{groups} against {given}",
        f"Give one entry for each group ({groups}), or one value for all",
        ONE_FOR_ALL.get(option, f"{option.removesuffix('s')}=0.1"),
    )
    return Diagnosis("optimizer", one_line(match.group()), happened, (one,))


PATTERNS: tuple[Pattern, ...] = (
    known(
        "optimizer",
        "`lr_scheduler.step()` before `optimizer.step()`",
        r"Detected call of `lr_scheduler\.step\(\)` before `optimizer\.step\(\)`",
        "The scheduler was stepped before the optimizer, so the first learning rate of the "
        "schedule is left out.",
        Cause(
            "scheduler-before-optimizer",
            "scheduler.step() stands before optimizer.step()",
            "The message says so",
            "Step the optimizer first",
            "optimizer.step(); scheduler.step()",
        ),
        Cause(
            "optimizer-step-skipped",
            "GradScaler left out the first steps because a gradient was infinite or NaN",
            "scaler.step(optimizer) calls optimizer.step() only for finite gradients",
            "Step the scheduler only if the scale was not lowered",
            "scale = scaler.get_scale(); scaler.step(optimizer); scaler.update()\n"
            "if scaler.get_scale() >= scale: scheduler.step()",
        ),
        Cause(
            "another-optimizer",
            "The optimizer was made anew after the scheduler",
            "The scheduler watches the optimizer it was made with",
            "Make the scheduler after the optimizer",
            "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)",
        ),
    ),
    known(
        "optimizer",
        "`optimizer.step()` has been overridden",
        r"Seems like `optimizer\.step\(\)` has been overridden after learning rate scheduler",
        "optimizer.step was replaced after the scheduler was made.",
        Cause(
            "step-replaced",
            "Another library wraps the optimizer's step",
            "The message says that step() was overridden after the scheduler was made",
            "Wrap the optimizer first, then make the scheduler",
            "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)",
        ),
    ),
    known(
        "optimizer",
        "The epoch parameter in `scheduler.step()`",
        r"The epoch parameter in `scheduler\.step\(\)` was not necessary",
        "scheduler.step() was given the epoch, which it counts by itself.",
        Cause(
            "epoch-given-to-step",
            "step() was called with a number",
            "The message says that the epoch parameter is not necessary",
            "Call it without",
            "scheduler.step()",
        ),
    ),
    known(
        "optimizer",
        "To get the last learning rate computed by the scheduler",
        r"To get the last learning rate computed by the scheduler, please use `get_last_lr\(\)`",
        "get_lr() computes the next learning rate and may give another one than is in use.",
        Cause(
            "get-lr-called",
            "get_lr() was called outside of the scheduler",
            "The message names get_last_lr()",
            "Ask for the last learning rate",
            "scheduler.get_last_lr()",
        ),
    ),
    Pattern("is not an Optimizer", r"(?P<kind>[\w.]+) is not an Optimizer", _not_optimizer),
    Pattern(
        "has no attribute 'param_groups'",
        r"'(?P<kind>\w+)' object has no attribute 'param_groups'",
        _not_optimizer,
    ),
    known(
        "optimizer",
        "param 'initial_lr' is not specified",
        r"param 'initial_lr' is not specified in param_groups\[(?P<group>\d+)\]",
        "A scheduler was made with last_epoch of 0 or more, and the optimizer knows no "
        "initial learning rate for its group {group}.",
        Cause(
            "resumed-without-optimizer-state",
            "Training is resumed, and the optimizer's state was not loaded before the scheduler "
            "was made",
            "initial_lr is stored in the optimizer's state by the first scheduler",
            "Make both afresh, then load both states",
            "optimizer.load_state_dict(checkpoint['optimizer'])\n"
            "scheduler.load_state_dict(checkpoint['scheduler'])",
        ),
        Cause(
            "last-epoch-given",
            "last_epoch was given for a training that starts anew",
            "Its default is -1",
            "Leave last_epoch out",
            "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)",
        ),
    ),
    known(
        "optimizer",
        "missing 1 required positional argument: 'metrics'",
        r"(?:ReduceLROnPlateau\.)?step\(\) missing 1 required positional argument: 'metrics'",
        "ReduceLROnPlateau was stepped without the value it watches.",
        Cause(
            "plateau-without-metric",
            "step() was called without the validation loss",
            "The message names 'metrics'",
            "Give it the validation loss",
            "scheduler.step(validation_loss)",
        ),
    ),
    known(
        "optimizer",
        "is unknown!",
        r"(?P<what>threshold mode|mode) (?P<value>\S+) is unknown!",
        "The {what} {value} is not known to the scheduler.",
        Cause(
            "unknown-mode",
            "{value} was given as {what}",
            "mode is 'min' or 'max', threshold_mode is 'rel' or 'abs'",
            "Give one of these",
            "ReduceLROnPlateau(optimizer, mode='min', threshold_mode='rel')",
        ),
    ),
    known(
        "optimizer",
        "Factor should be < 1.0",
        r"Factor should be < 1\.0",
        "The factor of ReduceLROnPlateau is 1 or more, so the learning rate would not fall.",
        Cause(
            "factor-not-below-one",
            "The factor was given as what to divide by",
            "The learning rate is multiplied by it",
            "Give a factor below 1",
            "ReduceLROnPlateau(optimizer, factor=0.1)",
        ),
    ),
    known(
        "optimizer",
        "You must define either total_steps OR",
        r"You must define either total_steps OR \(epochs AND steps_per_epoch\)",
        "OneCycleLR does not know how many steps there will be.",
        Cause(
            "total-steps-missing",
            "Neither total_steps nor both of epochs and steps_per_epoch were given",
            "The message names the three",
            "Give epochs and steps_per_epoch",
            "OneCycleLR(optimizer, max_lr=0.1, epochs=epochs, steps_per_epoch=len(loader))",
        ),
    ),
    Pattern(
        "Tried to step",
        r"Tried to step (?P<step>\d+) times\. The specified number of total steps is "
        r"(?P<total>\d+)",
        _steps,
    ),
    known(
        "optimizer",
        "optimizer must support momentum",
        r"optimizer must support momentum (?:or beta1 )?with `cycle_momentum` option enabled",
        "The scheduler is to cycle the momentum of an optimizer that has none.",
        Cause(
            "no-momentum-to-cycle",
            "cycle_momentum is True, which is the default",
            "The optimizer has neither momentum nor betas",
            "Switch it off",
            "OneCycleLR(optimizer, max_lr=0.1, total_steps=100, cycle_momentum=False)",
        ),
    ),
    known(
        "optimizer",
        "multiplicative factor expected to be",
        r"(?P<which>Starting|Ending|Constant) multiplicative factor expected to be",
        "A factor of the scheduler is not between 0 and 1.",
        Cause(
            "factor-out-of-range",
            "A learning rate was given as factor, or a factor above 1",
            "The learning rate of the optimizer is multiplied by the factor",
            "Give a factor above 0 and at most 1",
            "LinearLR(optimizer, start_factor=0.1, end_factor=1.0, total_iters=5)",
        ),
    ),
    known(
        "optimizer",
        "xpected positive integer T_0",
        r"Expected positive integer T_0, but got (?P<value>\S+)",
        "T_0 is {value}, and counts the epochs up to the first restart.",
        Cause(
            "restart-period-not-positive",
            "T_0={value} was given",
            "T_0 must be a whole number of at least 1",
            "Give the number of epochs",
            "CosineAnnealingWarmRestarts(optimizer, T_0=10)",
        ),
    ),
    known(
        "optimizer",
        "Milestones should be a list of increasing integers",
        r"Milestones should be a list of increasing integers\. Got (?P<value>.+)",
        "The milestones {value} do not increase.",
        Cause(
            "milestones-not-increasing",
            "The milestones are not sorted",
            "Got {value}",
            "Sort them",
            "MultiStepLR(optimizer, milestones=[30, 80])",
        ),
    ),
    known(
        "optimizer",
        "Sequential Schedulers expects number of schedulers",
        r"got number of schedulers (?P<schedulers>\d+) and the number of milestones to be equal to "
        r"(?P<milestones>\d+)",
        "The number of schedulers is {schedulers} and that of milestones {milestones}; each "
        "milestone stands between two schedulers.",
        Cause(
            "milestones-count",
            "There is not one milestone less than there are schedulers",
            "{schedulers} against {milestones}",
            "Give one milestone for each change of scheduler",
            "SequentialLR(optimizer, schedulers=[warmup, cosine], milestones=[5])",
        ),
    ),
    known(
        "optimizer",
        "all schedulers to belong to the same optimizer",
        r"(?P<owner>\w+) expects all schedulers to belong to the same optimizer, but got scheduler "
        r"(?P<scheduler>\w+) at index (?P<index>\d+)",
        "The {scheduler} at index {index} belongs to another optimizer than the others.",
        Cause(
            "schedulers-of-two-optimizers",
            "The optimizer was made anew between the schedulers",
            "The message names {scheduler} at index {index}",
            "Make all schedulers with the same optimizer",
            "warmup, cosine = LinearLR(optimizer), CosineAnnealingLR(optimizer, T_max=100)",
        ),
    ),
    Pattern(
        "xpected ",
        r"[Ee]xpected (?P<groups>\d+) (?P<option>min_lrs|lr_lambdas|max_lrs?|\w+_lrs?|values for "
        r"\w+),? (?:but )?got (?P<given>\d+)",
        _per_group,
    ),
    Pattern(
        "swa_lr must have the same length",
        r"(?P<option>swa_lr) must have the same length as optimizer\.param_groups\. swa_lr has "
        r"(?P<given>\d+) values?, param_groups has (?P<groups>\d+)",
        _per_group,
    ),
)

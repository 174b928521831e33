"""Messages of an optimizer's or scheduler's options: their names, values and dtypes."""

from __future__ import annotations

from difflib import get_close_matches
from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

COMMON = ("params", "lr", "weight_decay", "foreach", "maximize", "capturable", "differentiable")
ADAM = (*COMMON, "betas", "eps", "amsgrad", "fused")
OPTIONS: dict[str, tuple[str, ...]] = {
    "SGD": (*COMMON[:5], "differentiable", "momentum", "dampening", "nesterov", "fused"),
    "Adam": (*ADAM, "decoupled_weight_decay"),
    "AdamW": ADAM,
    "Adamax": (*COMMON, "betas", "eps"),
    "NAdam": (*COMMON, "betas", "eps", "momentum_decay", "decoupled_weight_decay"),
    "RAdam": (*COMMON, "betas", "eps", "decoupled_weight_decay"),
    "RMSprop": (*COMMON, "alpha", "eps", "momentum", "centered"),
    "Adagrad": (*COMMON[:5], "differentiable", "lr_decay", "initial_accumulator_value", "eps",
                "fused"),
    "Adadelta": (*COMMON, "rho", "eps"),
    "ASGD": (*COMMON, "lambd", "alpha", "t0"),
    "Rprop": (*COMMON, "etas", "step_sizes"),
    "LBFGS": ("params", "lr", "max_iter", "max_eval", "tolerance_grad", "tolerance_change",
              "history_size", "line_search_fn"),
    "SparseAdam": ("params", "lr", "betas", "eps", "maximize"),
    "Adafactor": ("params", "lr", "beta2_decay", "eps", "d", "weight_decay", "foreach", "maximize"),
    "Muon": ("params", "lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps",
             "ns_steps", "adjust_lr_fn"),
}  # fmt: skip
"""The options of torch.optim's optimizers."""
SCHEDULES: dict[str, tuple[str, ...]] = {
    "StepLR": ("optimizer", "step_size", "gamma", "last_epoch"),
    "MultiStepLR": ("optimizer", "milestones", "gamma", "last_epoch"),
    "ExponentialLR": ("optimizer", "gamma", "last_epoch"),
    "CosineAnnealingLR": ("optimizer", "T_max", "eta_min", "last_epoch"),
    "LambdaLR": ("optimizer", "lr_lambda", "last_epoch"),
    "MultiplicativeLR": ("optimizer", "lr_lambda", "last_epoch"),
    "ConstantLR": ("optimizer", "factor", "total_iters", "last_epoch"),
    "LinearLR": ("optimizer", "start_factor", "end_factor", "total_iters", "last_epoch"),
    "PolynomialLR": ("optimizer", "total_iters", "power", "last_epoch"),
    "CosineAnnealingWarmRestarts": ("optimizer", "T_0", "T_mult", "eta_min", "last_epoch"),
    "ReduceLROnPlateau": ("optimizer", "mode", "factor", "patience", "threshold",
                          "threshold_mode", "cooldown", "min_lr", "eps"),
    "OneCycleLR": ("optimizer", "max_lr", "total_steps", "epochs", "steps_per_epoch", "pct_start",
                   "anneal_strategy", "cycle_momentum", "base_momentum", "max_momentum",
                   "div_factor", "final_div_factor", "three_phase", "last_epoch"),
    "CyclicLR": ("optimizer", "base_lr", "max_lr", "step_size_up", "step_size_down", "mode",
                 "gamma", "scale_fn", "scale_mode", "cycle_momentum", "base_momentum",
                 "max_momentum", "last_epoch"),
    "SequentialLR": ("optimizer", "schedulers", "milestones", "last_epoch"),
    "ChainedScheduler": ("schedulers", "optimizer"),
    "SWALR": ("optimizer", "swa_lr", "anneal_epochs", "anneal_strategy", "last_epoch"),
}  # fmt: skip
"""The options of torch.optim.lr_scheduler's schedulers."""
SAME = {
    "learning_rate": ("lr",),
    "learningrate": ("lr",),
    "lrate": ("lr",),
    "alpha": ("lr",),
    "epsilon": ("eps",),
    "decay": ("weight_decay", "lr_decay"),
    "l2": ("weight_decay",),
    "wd": ("weight_decay",),
    "beta": ("betas",),
    "beta1": ("betas",),
    "beta2": ("betas",),
    "beta_1": ("betas",),
    "beta_2": ("betas",),
    "momentum": ("betas",),
    "betas": ("momentum",),
    "rho": ("alpha",),
    "model": ("params",),
    "parameters": ("params",),
    "step": ("step_size",),
    "decay_rate": ("gamma",),
    "steps": ("milestones", "total_steps", "step_size"),
    "num_steps": ("total_steps", "T_max"),
    "max_iters": ("total_iters",),
}
"""What options are called elsewhere."""
OUTSIDE = {
    "learning rate": "lr=1e-3",
    "momentum": "momentum=0.9",
    "weight_decay": "weight_decay=1e-4",
    "epsilon": "eps=1e-8",
    "lr_decay": "lr_decay=0.0",
    "alpha": "alpha=0.99",
    "rho": "rho=0.9",
    "dampening": "dampening=0.0",
    "momentum_decay": "momentum_decay=4e-3",
    "initial_accumulator_value": "initial_accumulator_value=0.0",
}
RANGES = {"rho": "at least 0 and at most 1"}


VALUES = {
    "lr": "1e-3",
    "betas": "(0.9, 0.999)",
    "eps": "1e-8",
    "momentum": "0.9",
    "weight_decay": "1e-4",
    "alpha": "0.99",
    "rho": "0.9",
    "dampening": "0.0",
    "nesterov": "True",
    "lr_decay": "0.0",
    "step_size": "10",
    "gamma": "0.1",
    "milestones": "[30, 80]",
    "T_max": "100",
    "T_0": "10",
    "lr_lambda": "lambda epoch: 0.95**epoch",
    "max_lr": "0.1",
    "base_lr": "0.001",
    "total_steps": "1000",
    "total_iters": "5",
    "factor": "0.1",
    "patience": "10",
    "swa_lr": "0.05",
    "schedulers": "[warmup, cosine]",
}
"""Usual values of options."""
NEEDED = {
    "StepLR": ("step_size",),
    "MultiStepLR": ("milestones",),
    "ExponentialLR": ("gamma",),
    "CosineAnnealingLR": ("T_max",),
    "LambdaLR": ("lr_lambda",),
    "MultiplicativeLR": ("lr_lambda",),
    "CosineAnnealingWarmRestarts": ("T_0",),
    "OneCycleLR": ("max_lr", "total_steps"),
    "CyclicLR": ("base_lr", "max_lr"),
    "SequentialLR": ("schedulers", "milestones"),
    "SWALR": ("swa_lr",),
}
"""The options of schedulers that have no default."""


def made(owner: str, *named: str) -> str:
    """Return the code that makes an optimizer or scheduler, with the options that are named."""
    given = [*NEEDED.get(owner, ())] if owner in SCHEDULES else ["lr"]
    given += [name for name in named if name not in (*given, "params", "optimizer")]
    options = ", ".join(f"{name}={VALUES.get(name, 'value')}" for name in given)
    if owner in SCHEDULES:
        return f"{owner}(optimizer, {options})" if options else f"{owner}(optimizer)"
    return f"torch.optim.{owner}(model.parameters(), {options})"


def _keyword(match: Match[str], reported: Reported) -> Diagnosis | None:
    owner, name = match["owner"] or "", match["name"]
    options = OPTIONS.get(owner) or SCHEDULES.get(owner) or ()
    if not options and (owner or name not in {"learning_rate", "beta1", "beta_1"}):
        return None
    what = owner or "The optimizer"
    happened = f"{what} has no option {name}."
    meant = _meant(name, options or ("lr", "betas"))
    if name == "verbose":
        cause = Cause(
            "option-removed",
            "verbose was an option of older versions of torch",
            f"The message names the argument '{name}' of {what}",
            "Leave it out and print the learning rate",
            "print(scheduler.get_last_lr())",
        )
    elif meant is None:
        cause = Cause(
            "unknown-option",
            f"{what} has no such option",
            f"Its options are {', '.join(options)}",
            f"Leave {name} out",
            made(owner),
        )
    else:
        cause = Cause(
            "option-has-another-name",
            f"The option is called {meant} here",
            f"{name} is not among the options of {what}, {meant} is",
            f"Write {meant} in place of {name}",
            made(owner or "SGD", meant),
        )
    return Diagnosis("optimizer", one_line(match.group()), happened, (cause,))


def _meant(name: str, options: tuple[str, ...]) -> str | None:
    """Return the option that was meant, or None where nothing is near."""
    for option in SAME.get(name, ()):
        if option in options:
            return option
    return next(iter(get_close_matches(name, options, n=1, cutoff=0.6)), None)


def _value(match: Match[str], reported: Reported) -> Diagnosis | None:
    name, value = match["name"].lower(), match["value"]
    written = OUTSIDE.get(name)
    if written is None:
        return None
    option = written.partition("=")[0]
    least = RANGES.get(name, "at least 0")
    happened = f"The {name} of the optimizer is {value}, and must be {least}."
    sign = Cause(
        f"{option.replace('_', '-')}-out-of-range",
        f"{option}={value} was given: a sign is wrong, or another option stands in its place"
        if value.startswith("-")
        else f"{option}={value} was given",
        f"{value} is not {least}",
        f"Give a value of {least}",
        f"torch.optim.SGD(model.parameters(), {written})"
        if option in ("lr", "momentum", "weight_decay", "dampening")
        else written,
    )
    return Diagnosis("optimizer", one_line(match.group()), happened, (sign,))


def _beta(match: Match[str], reported: Reported) -> Diagnosis:
    index, value = int(match["index"]), match["value"]
    happened = f"betas[{index}] is {value}, and must be at least 0 and less than 1."
    outside = Cause(
        "betas-out-of-range",
        f"betas[{index}]={value} was given",
        f"{value} is not at least 0 and less than 1",
        "Give two numbers below 1",
        "torch.optim.Adam(model.parameters(), betas=(0.9, 0.999))",
    )
    return Diagnosis("optimizer", one_line(match.group()), happened, (outside,))


def _compared(match: Match[str], reported: Reported) -> Diagnosis | None:
    """An option that is no number is met where the optimizer compares it with 0."""
    if not reported.passed_through("torch/optim/"):
        return None
    kind = match["left"] if match["left"] not in ("float", "int") else match["right"]
    happened = f"An option of the optimizer has the type {kind}, and must be a number."
    if kind == "list":
        swapped = "The learning rate stands where the parameters belong, or is a list"
        fix, code = "Give the parameters first", "torch.optim.SGD(model.parameters(), lr=1e-3)"
    elif kind == "str":
        swapped = "The option was read from a file or the command line as text"
        fix, code = "Convert it to a number", "lr = float(lr)"
    else:
        swapped = f"Something of type {kind} was given as learning rate or another option"
        fix, code = "Give a number", "torch.optim.SGD(model.parameters(), lr=1e-3)"
    says = f"The types {match['left']} and {match['right']} are compared in torch/optim"
    cause = Cause("option-not-a-number", swapped, says, fix, code)
    return Diagnosis("optimizer", one_line(match.group()), happened, (cause,))


def _missing(match: Match[str], reported: Reported) -> Diagnosis | None:
    owner, name = match["owner"], match["name"]
    if owner not in OPTIONS and owner not in SCHEDULES:
        return None
    happened = f"{owner} was made without its argument {name}."
    cause = Cause(
        "params-missing" if name == "params" else "argument-missing",
        "The optimizer was not given what it is to optimize"
        if name == "params"
        else f"{name} has no default",
        f"The message names '{name}'",
        "Give the model's parameters first" if name == "params" else f"Give {name}",
        made(owner, name),
    )
    return Diagnosis("optimizer", one_line(match.group()), happened, (cause,))


def _positional(match: Match[str], reported: Reported) -> Diagnosis | None:
    owner = match["owner"]
    if owner not in OPTIONS and owner not in SCHEDULES:
        return None
    happened = (
        f"{owner} takes at most {match['most']} arguments by position, self included, and "
        f"{match['given']} were given."
    )
    options = [o for o in (OPTIONS.get(owner) or SCHEDULES[owner]) if o not in ("params", "lr")]
    cause = Cause(
        "options-by-position",
        "Options are given without their names",
        f"{match['given']} against at most {match['most']}",
        "Give the options by name",
        made(owner, options[1] if owner in SCHEDULES else options[0]),
    )
    return Diagnosis("optimizer", one_line(match.group()), happened, (cause,))


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "got an unexpected keyword argument",
        r"(?:(?P<owner>\w+)\.)?__init__\(\) got an unexpected keyword argument '(?P<name>\w+)'",
        _keyword,
    ),
    Pattern(
        "nvalid ",
        r"[Ii]nvalid (?P<name>learning rate|\w+)(?: value)?: (?P<value>\S+)$",
        _value,
    ),
    Pattern(
        "earning rate should be >= 0",
        r"(?P<name>[Ll]earning rate) should be >= 0 but is: (?P<value>\S+)",
        _value,
    ),
    Pattern(
        "nvalid beta parameter",
        r"[Ii]nvalid beta parameter at index (?P<index>\d): (?P<value>\S+)",
        _beta,
    ),
    Pattern(
        "not supported between instances",
        r"'<=?' not supported between instances of '(?P<left>\w+)' and '(?P<right>\w+)'",
        _compared,
    ),
    Pattern(
        "missing 1 required positional argument",
        r"(?P<owner>\w+)\.__init__\(\) missing 1 required positional argument: '(?P<name>\w+)'",
        _missing,
    ),
    Pattern(
        "positional arguments but",
        r"(?P<owner>\w+)\.__init__\(\) takes (?:from \d+ to )?(?P<most>\d+) positional arguments "
        r"but (?P<given>\d+) were given",
        _positional,
    ),
    known(
        "optimizer",
        "Nesterov momentum requires a momentum and zero dampening",
        r"Nesterov momentum requires a momentum and zero dampening",
        "nesterov=True was given without a momentum, or with a dampening.",
        Cause(
            "nesterov-without-momentum",
            "The momentum is 0, which is the default",
            "The message asks for a momentum and zero dampening",
            "Give a momentum",
            "torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, nesterov=True)",
        ),
        Cause(
            "nesterov-with-dampening",
            "A dampening was given as well",
            "Nesterov's formula has no dampening",
            "Leave out the dampening",
            "torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, nesterov=True)",
        ),
    ),
    known(
        "optimizer",
        "Tensor lr must be 1-element",
        r"Tensor lr must be 1-element",
        "The learning rate is a tensor with more than one element.",
        Cause(
            "several-learning-rates",
            "Each layer is to have its own learning rate",
            "One learning rate belongs to each parameter group",
            "Make a parameter group for each layer",
            "torch.optim.SGD([{'params': a.parameters(), 'lr': 0.1}, {'params': b.parameters()}])",
        ),
    ),
    known(
        "optimizer",
        "lr as a Tensor is not supported",
        r"lr as a Tensor is not supported for capturable=False and foreach=True",
        "The learning rate is a tensor, and foreach=True takes one only with capturable=True.",
        Cause(
            "tensor-learning-rate",
            "A tensor and foreach=True were given",
            "The message names capturable=False and foreach=True",
            "Give a number",
            "torch.optim.Adam(model.parameters(), lr=1e-3)",
        ),
    ),
    known(
        "optimizer",
        "betas must be either both floats or both Tensors",
        r"betas must be either both floats or both Tensors",
        "One of the betas is a tensor and the other a number.",
        Cause(
            "betas-mixed",
            "The betas are of two types",
            "The message asks for both floats or both tensors",
            "Give two numbers",
            "torch.optim.Adam(model.parameters(), betas=(0.9, 0.999))",
        ),
    ),
    known(
        "optimizer",
        "Invalid eta values",
        r"Invalid eta values: (?P<a>\S+), (?P<b>\S+)",
        "The etas of Rprop are {a} and {b}; the first must be below 1 and the second above.",
        Cause(
            "etas-swapped",
            "The two etas are in the wrong order or out of range",
            "{a}, {b}",
            "Give the factor that shrinks first",
            "torch.optim.Rprop(model.parameters(), etas=(0.5, 1.2))",
        ),
    ),
)

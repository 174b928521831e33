"""The options of torch.optim's optimizers and schedulers, and code in the reader's own names."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from difflib import get_close_matches

from fcinspect.diagnosis.records import Cause, Decision
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.syntax import first_statement

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
MODEL = re.compile(r"((?!torch\b|nn\b)[A-Za-z_][\w.]*)\.(?:named_)?(?:parameters|state_dict)\b")
USUAL = re.compile(
    r"(?P<target>optimizer = )?torch\.optim\.\w+\(model\.parameters\(\), (?P<rest>.+)\)"
)
PARAMETERS = {"names-given", "parameters-not-called", "model-given", "no-parameters-given"}
"""Causes that lie in the first argument alone: the other ones stay as they are."""


def made(owner: str, *named: str) -> str:
    """Return the code that makes an optimizer or scheduler, with the options that are named."""
    given = [*NEEDED.get(owner, ())] if owner in SCHEDULES else ["lr"]
    given += [name for name in named if name not in (*given, "params", "optimizer")]
    options = ", ".join(f"{name}={VALUES.get(name, 'value')}" for name in given)
    if owner in SCHEDULES:
        return f"{owner}(optimizer, {options})" if options else f"{owner}(optimizer)"
    return f"torch.optim.{owner}(model.parameters(), {options})"


def keyword(owner: str, name: str) -> Decision | None:
    """Adam.__init__() got an unexpected keyword argument 'learning_rate'"""
    options = OPTIONS.get(owner) or SCHEDULES.get(owner) or ()
    if not options and (owner or name not in {"learning_rate", "beta1", "beta_1"}):
        return None
    what = owner or "The optimizer"
    meant = _meant(name, options or ("lr", "betas"))
    if name == "verbose":
        return Decision("option-removed", what=what)
    if meant is None:
        every = ", ".join(options)
        return Decision("unknown-option", what=what, options=every, made=made(owner))
    code = made(owner or "SGD", meant)
    return Decision("option-has-another-name", what=what, meant=meant, made=code)


def _meant(name: str, options: tuple[str, ...]) -> str | None:
    """Return the option that was meant, or None where nothing is near."""
    for option in SAME.get(name, ()):
        if option in options:
            return option
    return next(iter(get_close_matches(name, options, n=1, cutoff=0.6)), None)


def value(name: str, value: str) -> Decision | None:
    """Invalid learning rate: -0.1"""
    name = name.lower()
    written = OUTSIDE.get(name)
    if written is None:
        return None
    option = written.partition("=")[0]
    code = written
    if option in ("lr", "momentum", "weight_decay", "dampening"):
        code = f"torch.optim.SGD(model.parameters(), {written})"
    least = "at least 0 and at most 1" if name == "rho" else "at least 0"
    sign = ": a sign is wrong, or another option stands in its place"
    cause = Cause(
        f"{option.replace('_', '-')}-out-of-range",
        f"{option}={value} was given" + sign * value.startswith("-"),
        f"{value} is not {least}",
        f"Give a value of {least}",
        code,
    )
    return Decision(cause, name=name, least=least)


def compared(left: str, right: str, reported: Reported) -> Decision | None:
    """An option that is no number is met where the optimizer compares it with 0."""
    if not reported.passed_through("torch/optim/"):
        return None
    kind = left if left not in ("float", "int") else right
    variant = f"/{kind}" if kind in ("list", "str") else ""
    return Decision(f"option-not-a-number{variant}", kind=kind)


def missing(owner: str, name: str) -> Decision | None:
    """StepLR.__init__() missing 1 required positional argument: 'step_size'"""
    if owner not in OPTIONS and owner not in SCHEDULES:
        return None
    cause = "params-missing" if name == "params" else "argument-missing"
    return Decision(cause, made=made(owner, name))


def positional(owner: str) -> Decision | None:
    """SGD.__init__() takes from 2 to 4 positional arguments but 5 were given"""
    if owner not in OPTIONS and owner not in SCHEDULES:
        return None
    options = [o for o in (OPTIONS.get(owner) or SCHEDULES[owner]) if o not in ("params", "lr")]
    code = made(owner, options[1] if owner in SCHEDULES else options[0])
    return Decision("options-by-position", made=code)


def own_names(causes: tuple[Cause, ...], reported: Reported) -> tuple[Cause, ...]:
    """Return the causes with their code in the names of the reader's own line.

    `AdamW(net.parameters, lr=3e-4)` gives `AdamW(net.parameters(), lr=3e-4)`.
    """
    frame = reported.own_frame
    if frame is None:
        return causes
    own = frame.marked or frame.code
    return tuple(_named(cause, own, frame.code) for cause in causes)


def _named(cause: Cause, own: str, line: str) -> Cause:
    models = set(MODEL.findall(own))
    if cause.code is None or len(models) != 1:
        return cause
    model = models.pop()
    usual = USUAL.fullmatch(cause.code)
    made = _made(own)
    if usual is None or made is None:
        return replace(
            cause, code=cause.code.replace("model.parameters()", f"{model}.parameters()")
        )
    rest = usual["rest"]
    options = [
        ast.get_source_segment(own.strip(), option) or ast.unparse(option)
        for option in (*made.args[1:], *made.keywords)
    ]
    if cause.name in PARAMETERS:
        rest = ", ".join(options)
    elif len(made.args) == 1:
        changed = {option.partition("=")[0] for option in rest.split(", ")}
        kept = [option for option in options if option.partition("=")[0] not in changed]
        rest = ", ".join((rest, *kept))
    written = ", ".join(part for part in (f"{model}.parameters()", rest) if part)
    bound = re.match(r"\s*([\w.]+ = )", line)
    target = bound[1] if bound else usual["target"] or ""
    return replace(cause, code=f"{target}{ast.unparse(made.func)}({written})")


def _made(own: str) -> ast.Call | None:
    """Return the call that makes an optimizer in a line."""
    try:
        statement = first_statement(own.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = (
        [node for node in ast.walk(statement) if isinstance(node, ast.Call)] if statement else []
    )
    made = (call for call in calls if ast.unparse(call.func).rpartition(".")[2] in OPTIONS)
    return next(made, None)

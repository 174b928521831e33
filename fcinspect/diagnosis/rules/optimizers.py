"""What optimizers and schedulers are given, how they are called, and their saved state."""

from __future__ import annotations

from difflib import get_close_matches

from fcinspect.diagnosis.records import Decision, pick
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.rules.backward import MODULE
from fcinspect.diagnosis.rules.optimizer_options import OPTIONS, SCHEDULES, made

PARAMETERS = "optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)"
METHODS = ("step", "zero_grad", "state_dict", "load_state_dict", "add_param_group", "param_groups")
ASKED = {
    "backward": "backward-of-optimizer",
    "lr": "learning-rate-in-group/lr",
    "parameters": "parameters-of-optimizer",
    "to": "optimizer-moved",
    "cuda": "optimizer-moved",
    "cpu": "optimizer-moved",
    "get_lr": "learning-rate-in-group/scheduler",
    "get_last_lr": "learning-rate-in-group/scheduler",
    "copy": "state-dict-not-called/optimizer",
}
"""The causes of what is asked of an optimizer."""
ONE_FOR_ALL = {
    "lr_lambdas": "LambdaLR(optimizer, lr_lambda=lambda epoch: 0.95**epoch)",
    "min_lrs": "ReduceLROnPlateau(optimizer, min_lr=1e-6)",
    "swa_lr": "SWALR(optimizer, swa_lr=0.05)",
}


def not_tensor(kind: str) -> Decision:
    """optimizer can only optimize Tensors, but one of the params is str"""
    nested = ("Module.parameters", "generator", "list", "tuple", "map", "filter", "method")
    if kind == "str":
        return Decision("names-given")
    if kind in nested:
        return Decision("generators-given")
    if "nn.modules" in kind or MODULE.fullmatch(kind.rpartition(".")[2]):
        return Decision("modules-given")
    return Decision("values-given")


def not_iterable(kind: str, reported: Reported) -> Decision | None:
    """'Linear' object is not iterable"""
    clipping = reported.passed_through("nn/utils/clip_grad")
    here = clipping or reported.passed_through("torch/optim/")
    if reported.passed_through("optim/lr_scheduler"):
        return _scheduler_given(kind, "a list", "milestones=[30, 80]")
    plain = kind == "method" or MODULE.fullmatch(kind) is not None
    if not here and (reported.frames or not plain):
        return None
    called = "nn.utils.clip_grad_norm_(model.parameters(), 1.0)" if clipping else PARAMETERS
    cause = "model-given"
    if kind == "method":
        cause = "parameters-not-called"
    elif kind in ("NoneType", "int", "float"):
        cause = "no-parameters-given"
    return Decision(cause, code=called)


def _scheduler_given(kind: str, takes: str, written: str) -> Decision:
    """An option of a scheduler is a number where more is needed."""
    option = written.partition("=")[0]
    happened = f"An option of the scheduler has the type {kind}, and should be {takes}."
    cause = pick("option-of-wrong-type", option=option, takes=takes, written=written)
    return Decision(cause, happened=happened)


def attribute(owner: str, name: str) -> Decision | None:
    """'SGD' object has no attribute 'lr'"""
    plateau = owner == "ReduceLROnPlateau" and name in ("get_last_lr", "get_lr")
    if owner not in OPTIONS and not plateau:
        return None
    if name in ASKED:
        return Decision(ASKED[name])
    near = next(iter(get_close_matches(name, METHODS, n=1, cutoff=0.5)), "step")
    code = f"optimizer.{near}()" if near != "param_groups" else "optimizer.param_groups"
    return Decision("attribute-misspelt", near=near, code=code)


def called(owner: str, what: str) -> Decision | None:
    """'SGD' object is not callable"""
    if owner not in OPTIONS and owner not in SCHEDULES:
        return None
    if what == "callable":
        code = "optimizer.step()" if owner in OPTIONS else "scheduler.step()"
        return Decision("optimizer-called", code=code)
    happened = f"The {owner} was indexed with […], which it does not allow."
    return Decision("learning-rate-in-group", happened=happened)


def step_argument(kind: str, reported: Reported) -> Decision | None:
    """'Tensor' object is not callable, where step() was given the loss"""
    if not reported.passed_through("torch/optim/"):
        return None
    if "lr_scheduler" in reported.frames[-1].file:
        return _scheduler_given(kind, "a function", "lr_lambda=lambda epoch: 0.95**epoch")
    return Decision("loss-given-to-step")


def module_attribute(module: str, name: str) -> Decision | None:
    """module 'torch.optim' has no attribute 'adam'"""
    if module == "torch.nn" and name not in OPTIONS:
        return None
    if module != "torch.optim.lr_scheduler" and name in SCHEDULES:
        return Decision("scheduler-elsewhere", made=made(name))
    if module == "torch.nn":
        return Decision("optimizer-elsewhere", made=made(name))
    there = SCHEDULES if module.endswith("lr_scheduler") else OPTIONS
    near = {option.lower(): option for option in there}
    close = get_close_matches(name.lower(), near, n=1, cutoff=0.6)
    if not close:
        return None
    meant = near[close[0]]
    code = made(meant) if there is OPTIONS else f"{module}.{made(meant)}"
    return Decision("optimizer-misspelt", meant=meant, made=code)


def not_optimizer(kind: str) -> Decision:
    """list is not an Optimizer"""
    parameters = kind in ("list", "generator", "tuple", "dict")
    return Decision("scheduler-without-optimizer" + "/parameters" * parameters)


def per_group(option: str) -> Decision:
    """expected 2 values for min_lrs, got 1"""
    code = ONE_FOR_ALL.get(option, f"{option.removesuffix('s')}=0.1")
    return Decision("one-value-for-each-group", code=code)


def key(key: str, reported: Reported) -> Decision | None:
    """KeyError: 'param_groups'"""
    if reported.error not in ("KeyError", None):
        return None
    inside = reported.passed_through("torch/optim/")
    if key == "params" and (inside or not reported.frames):
        return Decision("group-without-params", happened="A parameter group has no entry 'params'.")
    if key == "param_groups" and (inside or not reported.frames):
        happened = "What load_state_dict of an optimizer was given has no 'param_groups'."
        return Decision("not-an-optimizer-state", happened=happened)
    if inside and key in {option for options in OPTIONS.values() for option in options}:
        return Decision("state-of-another-optimizer")
    return None


def state_shape(reported: Reported) -> Decision | None:
    """Momentum or running means of another shape than the gradient."""
    if not _in_optimizer(reported):
        return None
    if "swa_utils" in reported.frames[-1].file:
        happened = "The averaged model and the model differ in the shape of a parameter."
        return Decision("average-of-another-model", happened=happened)
    return Decision("state-of-another-model")


def state_dtype(reported: Reported) -> Decision | None:
    """expected dtype double for `end` but got dtype float"""
    return Decision("model-converted-after-step") if _in_optimizer(reported) else None


def _in_optimizer(reported: Reported) -> bool:
    last = reported.frames[-1].file.replace("\\", "/") if reported.frames else ""
    return "torch/optim/" in last

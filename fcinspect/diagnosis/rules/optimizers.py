"""Optimizers and schedulers of torch.optim: their options, how they are called, their state."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from difflib import get_close_matches

from fcinspect.diagnosis.catalogue.parsing import lists, tables
from fcinspect.diagnosis.facts import Facts, first_statement
from fcinspect.diagnosis.records import Cause, Decision, pick
from fcinspect.diagnosis.rules.backward import MODULE

OPTIONS, SCHEDULES = lists("optimizers"), lists("schedulers")
EVERY = OPTIONS | SCHEDULES
"""The options of optimizers and schedulers."""
NEEDED, SAME = lists("needed"), lists("options")
MODEL = re.compile(r"((?!torch\b|nn\b)[A-Za-z_][\w.]*)\.(?:named_)?(?:parameters|state_dict)\b")
USUAL = re.compile(
    r"(?P<target>optimizer = )?torch\.optim\.\w+\(model\.parameters\(\), (?P<rest>.+)\)"
)
FIRST = {"names-given", "parameters-not-called", "model-given", "no-parameters-given"}
"""Causes that lie in the first argument alone: the other ones stay as they are."""
PARAMETERS = "optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)"
METHODS = ("step", "zero_grad", "state_dict", "load_state_dict", "add_param_group", "param_groups")
ASKED = {
    "backward": "backward-of-optimizer",
    "lr": "learning-rate-in-group/lr",
    "parameters": "parameters-of-optimizer",
    **dict.fromkeys(("to", "cuda", "cpu"), "optimizer-moved"),
    **dict.fromkeys(("get_lr", "get_last_lr"), "learning-rate-in-group/scheduler"),
    "copy": "state-dict-not-called/optimizer",
}
"""The causes of what is asked of an optimizer."""
ONE_FOR_ALL = {
    "lr_lambdas": "LambdaLR(optimizer, lr_lambda=lambda epoch: 0.95**epoch)",
    "min_lrs": "ReduceLROnPlateau(optimizer, min_lr=1e-6)",
    "swa_lr": "SWALR(optimizer, swa_lr=0.05)",
}


def made(owner: str, *named: str) -> str:
    """Return the code that makes an optimizer or scheduler, with the options that are named."""
    given = [*NEEDED.get(owner, ())] if owner in SCHEDULES else ["lr"]
    given += [name for name in named if name not in (*given, "params", "optimizer")]
    values = tables()["usual"]
    options = "".join(f", {name}={values.get(name, 'value')}" for name in given)
    if owner in SCHEDULES:
        return f"{owner}(optimizer{options})"
    return f"torch.optim.{owner}(model.parameters(){options})"


def keyword(owner: str, name: str) -> Decision | None:
    """Adam.__init__() got an unexpected keyword argument 'learning_rate'"""
    options = EVERY.get(owner, ())
    if not options and (owner or name not in {"learning_rate", "beta1", "beta_1"}):
        return None
    what = owner or "The optimizer"
    if name == "verbose":
        return Decision("option-removed", what=what)
    known = options or ("lr", "betas")
    same = [option for option in SAME.get(name, ()) if option in known]
    near = same or get_close_matches(name, known, n=1, cutoff=0.6)
    if not near:
        every = ", ".join(options)
        return Decision("unknown-option", what=what, options=every, made=made(owner))
    code = made(owner or "SGD", near[0])
    return Decision("option-has-another-name", what=what, meant=near[0], made=code)


def value(name: str, value: str) -> Decision | None:
    """Invalid learning rate: -0.1"""
    name = name.lower()
    written = tables()["checked"].get(name)
    if written is None:
        return None
    option = written.partition("=")[0]
    code = written
    if option in ("lr", "momentum", "weight_decay", "dampening"):
        code = f"torch.optim.SGD(model.parameters(), {written})"
    least = "at least 0 and at most 1" if name == "rho" else "at least 0"
    sign = ": the sign is wrong, or the value belongs to another option"
    cause = Cause(
        f"{option.replace('_', '-')}-out-of-range",
        f"{option}={value} was given" + sign * value.startswith("-"),
        f"{value} is not {least}",
        f"Use a value of {least}",
        code,
    )
    return Decision(cause, name=name, least=least)


def compared(left: str, right: str, facts: Facts) -> Decision | None:
    """An option that is no number is met where the optimizer compares it with 0."""
    if not facts.passed_through("torch/optim/"):
        return None
    kind = left if left not in ("float", "int") else right
    variant = f"/{kind}" if kind in ("list", "str") else ""
    return Decision(f"option-not-a-number{variant}", kind=kind)


def missing(owner: str, name: str) -> Decision | None:
    """StepLR.__init__() missing 1 required positional argument: 'step_size'"""
    if owner not in EVERY:
        return None
    cause = "params-missing" if name == "params" else "argument-missing"
    return Decision(cause, made=made(owner, name))


def positional(owner: str) -> Decision | None:
    """SGD.__init__() takes from 2 to 4 positional arguments but 5 were given"""
    if owner not in EVERY:
        return None
    options = [option for option in EVERY[owner] if option not in ("params", "lr")]
    code = made(owner, options[1] if owner in SCHEDULES else options[0])
    return Decision("options-by-position", made=code)


def own_names(causes: tuple[Cause, ...], facts: Facts) -> tuple[Cause, ...]:
    """Return the causes with their code in the names of the reader's own line.

    `AdamW(net.parameters, lr=3e-4)` gives `AdamW(net.parameters(), lr=3e-4)`.
    """
    place = facts.own_place
    own = place.marked or place.code
    return tuple(_named(cause, own, place.code) for cause in causes)


def _named(cause: Cause, own: str, line: str) -> Cause:
    models = set(MODEL.findall(own))
    if cause.code is None or len(models) != 1:
        return cause
    model = models.pop()
    usual = USUAL.fullmatch(cause.code)
    statement = first_statement(own)
    calls = (node for node in ast.walk(statement or ast.Pass()) if isinstance(node, ast.Call))
    optimizers = (call for call in calls if ast.unparse(call.func).rpartition(".")[2] in OPTIONS)
    made = next(optimizers, None)
    if usual is None or made is None:
        code = cause.code.replace("model.parameters()", f"{model}.parameters()")
        return replace(cause, code=code)
    rest = usual["rest"]
    options = [
        ast.get_source_segment(own.strip(), option) or ast.unparse(option)
        for option in (*made.args[1:], *made.keywords)
    ]
    if cause.name in FIRST:
        rest = ", ".join(options)
    elif len(made.args) == 1:
        changed = {option.partition("=")[0] for option in rest.split(", ")}
        kept = [option for option in options if option.partition("=")[0] not in changed]
        rest = ", ".join((rest, *kept))
    written = ", ".join(part for part in (f"{model}.parameters()", rest) if part)
    bound = re.match(r"\s*([\w.]+ = )", line)
    target = bound[1] if bound else usual["target"] or ""
    return replace(cause, code=f"{target}{ast.unparse(made.func)}({written})")


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


def not_iterable(kind: str, facts: Facts) -> Decision | None:
    """'Linear' object is not iterable"""
    clipping = facts.passed_through("nn/utils/clip_grad")
    here = clipping or facts.passed_through("torch/optim/")
    if facts.passed_through("optim/lr_scheduler"):
        return _scheduler_given(kind, "a list", "milestones=[30, 80]")
    plain = kind == "method" or MODULE.fullmatch(kind) is not None
    if not here and (facts.frames or not plain):
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
    happened = f"An option of the scheduler has type {kind}, but should be {takes}."
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
    if owner not in EVERY:
        return None
    if what == "callable":
        code = "optimizer.step()" if owner in OPTIONS else "scheduler.step()"
        return Decision("optimizer-called", code=code)
    happened = f"The {owner} was indexed with […], which it does not support."
    return Decision("learning-rate-in-group", happened=happened)


def step_argument(kind: str, facts: Facts) -> Decision | None:
    """'Tensor' object is not callable, where step() was given the loss"""
    if not facts.passed_through("torch/optim/"):
        return None
    if "lr_scheduler" in facts.frames[-1].file:
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


def key(key: str, facts: Facts) -> Decision | None:
    """KeyError: 'param_groups'"""
    if facts.error not in ("KeyError", None):
        return None
    inside = facts.passed_through("torch/optim/")
    if key == "params" and (inside or not facts.frames):
        return Decision("group-without-params", happened="A parameter group has no entry 'params'.")
    if key == "param_groups" and (inside or not facts.frames):
        happened = "The argument of an optimizer's load_state_dict has no 'param_groups'."
        return Decision("not-an-optimizer-state", happened=happened)
    if inside and key in set().union(*OPTIONS.values()):
        return Decision("state-of-another-optimizer")
    return None


def state_shape(facts: Facts) -> Decision | None:
    """Momentum or running means of another shape than the gradient."""
    last = facts.frames[-1] if facts.frames else None
    if last and last.function == "step" and re.search(r"exp_avg|square_avg|momentum", last.code):
        return Decision("state-in-another-order", "state-of-another-model")
    if not _in_optimizer(facts):
        return None
    if "swa_utils" in facts.frames[-1].file:
        happened = "The averaged model and the model differ in the shape of a parameter."
        return Decision("average-of-another-model", happened=happened)
    return Decision("state-of-another-model")


def state_dtype(facts: Facts) -> Decision | None:
    """expected dtype double for `end` but got dtype float"""
    return Decision("model-converted-after-step") if _in_optimizer(facts) else None


def _in_optimizer(facts: Facts) -> bool:
    last = facts.frames[-1].file.replace("\\", "/") if facts.frames else ""
    return "torch/optim/" in last

"""Messages of how optimizers and schedulers are called, and of what is asked of them."""

from __future__ import annotations

from difflib import get_close_matches
from re import Match

from fcinspect.diagnosis.messages.optimizers_arguments import OPTIONS, SCHEDULES, made
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

ASKED: dict[str, tuple[str, str, str, str]] = {
    "backward": (
        "backward-of-optimizer",
        "backward() was called on the optimizer",
        "Call it on the loss",
        "loss.backward(); optimizer.step()",
    ),
    "lr": (
        "learning-rate-in-group",
        "The learning rate is kept in the parameter groups",
        "Read or set it there",
        "optimizer.param_groups[0]['lr']",
    ),
    "parameters": (
        "parameters-of-optimizer",
        "The parameters are kept in the parameter groups",
        "Take them from the model",
        "model.parameters()",
    ),
    "to": (
        "optimizer-moved",
        "An optimizer is not moved; it follows its parameters",
        "Move the model, then make the optimizer",
        "model.to(device); optimizer = torch.optim.Adam(model.parameters())",
    ),
    "get_lr": (
        "learning-rate-in-group",
        "get_lr belongs to schedulers",
        "Ask the scheduler, or the parameter group",
        "optimizer.param_groups[0]['lr']",
    ),
    "copy": (
        "state-dict-not-called",
        "The optimizer itself was given to load_state_dict",
        "Give the state",
        "optimizer.load_state_dict(checkpoint['optimizer'])",
    ),
}
ASKED["cuda"] = ASKED["cpu"] = ASKED["to"]
ASKED["get_last_lr"] = ASKED["get_lr"]
METHODS = ("step", "zero_grad", "state_dict", "load_state_dict", "add_param_group", "param_groups")


def scheduler_given(match: Match[str], takes: str, written: str) -> Diagnosis:
    """Return the diagnosis of an option of a scheduler that is a number where more is needed."""
    kind, option = match["kind"], written.partition("=")[0]
    happened = f"An option of the scheduler has the type {kind}, and should be {takes}."
    cause = f"One number was given as {option}"
    fix, says = f"Give {takes}", f"The scheduler met something of type {kind}"
    found = Cause("option-of-wrong-type", cause, says, fix, written)
    return Diagnosis("optimizer", one_line(match.group()), happened, (found,))


def _attribute(match: Match[str], reported: Reported) -> Diagnosis | None:
    owner, name = match["owner"], match["name"]
    if owner == "ReduceLROnPlateau" and name in ("get_last_lr", "get_lr"):
        owner = "SGD"
    elif owner not in OPTIONS:
        return None
    happened = f"{name} was asked of the optimizer {match['owner']}, which does not have it."
    says = f"The message names {name}"
    known_one = ASKED.get(name)
    if known_one is not None:
        slug, cause, fix, code = known_one
        found = Cause(slug, cause, says, fix, code)
    else:
        near = next(iter(get_close_matches(name, METHODS, n=1, cutoff=0.5)), "step")
        cause = f"{near} may be meant" if near else "The name is misspelt"
        code = f"optimizer.{near}()" if near != "param_groups" else "optimizer.param_groups"
        found = Cause("attribute-misspelt", cause, says, "Write its name", code)
    return Diagnosis("optimizer", one_line(match.group()), happened, (found,))


def _called(match: Match[str], reported: Reported) -> Diagnosis | None:
    owner, what = match["owner"], match["what"]
    if owner not in OPTIONS and owner not in SCHEDULES:
        return None
    if what == "callable":
        happened = f"The {owner} was called like a function."
        cause = "A method's name is missing: an optimizer is stepped, not called"
        code = "optimizer.step()" if owner in OPTIONS else "scheduler.step()"
        found = Cause(
            "optimizer-called", cause, f"The object has the type {owner}", "Call step()", code
        )
    else:
        happened = f"The {owner} was indexed with […], which it does not allow."
        cause = "The options are kept in the parameter groups"
        code = "optimizer.param_groups[0]['lr']"
        fix = "Look there"
        found = Cause(
            "learning-rate-in-group", cause, f"The object has the type {owner}", fix, code
        )
    return Diagnosis("optimizer", one_line(match.group()), happened, (found,))


def _module_attribute(match: Match[str], reported: Reported) -> Diagnosis | None:
    module, name = match["module"], match["name"]
    if module == "torch.nn" and name not in OPTIONS:
        return None
    happened = f"{module} has no {name}."
    says = f"{module} was asked for {name}"
    if module != "torch.optim.lr_scheduler" and name in SCHEDULES:
        cause, fix = "Schedulers are in torch.optim.lr_scheduler", "Take it from there"
        code = f"torch.optim.lr_scheduler.{made(name)}"
        found = Cause("scheduler-elsewhere", cause, says, fix, code)
        return Diagnosis("optimizer", one_line(match.group()), happened, (found,))
    if module == "torch.nn":
        cause, fix = "Optimizers are in torch.optim", "Take it from there"
        code = made(name)
        found = Cause("optimizer-elsewhere", cause, says, fix, code)
        return Diagnosis("optimizer", one_line(match.group()), happened, (found,))
    there = SCHEDULES if module.endswith("lr_scheduler") else OPTIONS
    near = {option.lower(): option for option in there}
    close = get_close_matches(name.lower(), near, n=1, cutoff=0.6)
    if not close:
        return None
    meant = near[close[0]]
    cause = f"The name is written {meant}, with these capitals"
    code = made(meant) if there is OPTIONS else f"{module}.{made(meant)}"
    found = Cause("optimizer-misspelt", cause, says, f"Write {meant}", code)
    return Diagnosis("optimizer", one_line(match.group()), happened, (found,))


def _step_argument(match: Match[str], reported: Reported) -> Diagnosis | None:
    if not reported.passed_through("torch/optim/"):
        return None
    if "lr_scheduler" in reported.frames[-1].file:
        return scheduler_given(match, "a function", "lr_lambda=lambda epoch: 0.95**epoch")
    kind = match["kind"]
    happened = (
        f"optimizer.step() was given something of type {kind}, and takes a function or nothing."
    )
    cause = Cause(
        "loss-given-to-step",
        "The loss was given to step()",
        f"step() calls its argument, of type {kind}",
        "Call step() without it",
        "loss.backward(); optimizer.step()",
    )
    return Diagnosis("optimizer", one_line(match.group()), happened, (cause,))


PATTERNS: tuple[Pattern, ...] = (
    known(
        "optimizer",
        "missing 1 required positional argument: 'closure'",
        r"(?:(?P<owner>\w+)\.)?step\(\) missing 1 required positional argument: 'closure'",
        "LBFGS was stepped without a closure, and it computes the loss several times in a step.",
        Cause(
            "closure-missing",
            "step() was called as for SGD or Adam",
            "The message names 'closure'",
            "Give a function that computes the loss anew and returns it",
            "def closure():\n    optimizer.zero_grad()\n    loss = loss_function(model(x), y)\n"
            "    loss.backward()\n    return loss\noptimizer.step(closure)",
        ),
    ),
    known(
        "optimizer",
        "LBFGS doesn't support per-parameter options",
        r"LBFGS doesn't support per-parameter options",
        "LBFGS was given several parameter groups, and takes one.",
        Cause(
            "groups-for-lbfgs",
            "The parameters are split into groups",
            "The message says so",
            "Give all parameters in one list",
            "torch.optim.LBFGS(model.parameters())",
        ),
    ),
    known(
        "optimizer",
        "Optimizer.zero_grad() missing 1 required positional argument",
        r"Optimizer\.(?P<name>zero_grad|step)\(\) missing 1 required positional argument: 'self'",
        "{name}() was called on the class, and not on an optimizer made from it.",
        Cause(
            "optimizer-not-made",
            "The class stands where the optimizer belongs",
            "The message names 'self'",
            "Make the optimizer first",
            "optimizer = torch.optim.Adam(model.parameters()); optimizer.{name}()",
        ),
    ),
    known(
        "optimizer",
        "'Tensor' object has no attribute",
        r"'Tensor' object has no attribute '(?P<name>step|zero_grad)'",
        "{name}() was called on a tensor, and belongs to the optimizer.",
        Cause(
            "step-of-tensor",
            "The loss stands where the optimizer belongs",
            "The message names {name}",
            "Call it on the optimizer",
            "optimizer.{name}()",
        ),
    ),
    Pattern("object is not", r"'(?P<owner>\w+)' object is not (?P<what>callable|subscriptable)",
            _called),
    Pattern("object is not callable", r"'(?P<kind>Tensor|float|int)' object is not callable",
            _step_argument),
    Pattern("object has no attribute", r"'(?P<owner>\w+)' object has no attribute '(?P<name>\w+)'",
            _attribute),
    Pattern(
        "has no attribute",
        r"module '(?P<module>torch\.optim(?:\.lr_scheduler)?|torch\.nn)' has no attribute "
        r"'(?P<name>\w+)'",
        _module_attribute,
    ),
)  # fmt: skip

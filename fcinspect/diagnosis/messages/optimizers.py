"""Messages of optimizers, and above all of the parameters that they are given."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.messages import (
    optimizers_arguments,
    optimizers_called,
    optimizers_scaling,
    optimizers_schedules,
    optimizers_state,
)
from fcinspect.diagnosis.messages.backward_nothing import MODULE
from fcinspect.diagnosis.messages.optimizers_called import scheduler_given
from fcinspect.diagnosis.messages.optimizers_named import own_names
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

PARAMETERS = "optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)"


def _not_tensor(match: Match[str], reported: Reported) -> Diagnosis:
    kind = match["kind"]
    happened = f"The optimizer takes tensors, and was given something of type {kind} among them."
    says = f"The message names {kind}"
    names = Cause(
        "names-given",
        "A dict such as state_dict() or a single parameter group was given",
        f"{says}: going through a dict gives its keys",
        "Give the parameters, and a group inside a list",
        PARAMETERS,
    )
    modules = Cause(
        "modules-given",
        "Layers were given in place of their parameters",
        says,
        "Take the parameters of each",
        "torch.optim.SGD([*a.parameters(), *b.parameters()], lr=1e-3)",
    )
    nested = Cause(
        "generators-given",
        "A list of parameters() was given",
        f"{says}: the list holds generators or lists, not tensors",
        "Unpack each into the list",
        "torch.optim.SGD([*a.parameters(), *b.parameters()], lr=1e-3)",
    )
    values = Cause(
        "values-given",
        f"Something of type {kind} is to be optimized",
        says,
        "Make it a Parameter",
        "w = nn.Parameter(torch.as_tensor(w))",
    )
    if kind == "str":
        first = names
    elif kind in ("Module.parameters", "generator", "list", "tuple", "map", "filter", "method"):
        first = nested
    elif "nn.modules" in kind or MODULE.fullmatch(kind.rpartition(".")[2]):
        first = modules
    else:
        first = values
    return Diagnosis("optimizer", one_line(match.group()), happened, (first,))


def _not_iterable(match: Match[str], reported: Reported) -> Diagnosis | None:
    kind = match["kind"]
    clipping = reported.passed_through("nn/utils/clip_grad")
    here = clipping or reported.passed_through("torch/optim/")
    if reported.passed_through("optim/lr_scheduler"):
        return scheduler_given(match, "a list", "milestones=[30, 80]")
    plain = kind == "method" or MODULE.fullmatch(kind) is not None
    if reported.frames and not here:
        return None
    if not here and not plain:
        return None
    called = "nn.utils.clip_grad_norm_(model.parameters(), 1.0)" if clipping else PARAMETERS
    happened = f"Something of type {kind} stands where parameters are gone through one by one."
    if kind == "method":
        cause = "The parentheses of parameters() are missing"
        found = Cause("parameters-not-called", cause, "The message names a method",
                      "Call it", called)  # fmt: skip
    elif kind in ("NoneType", "int", "float"):
        cause, fix = (
            f"Something of type {kind} stands in place of the parameters",
            "Give the model's parameters",
        )
        found = Cause("no-parameters-given", cause, f"The message names {kind}", fix, called)
    else:
        cause, fix = "The model itself was given", "Give its parameters"
        found = Cause(
            "model-given",
            cause,
            f"The message names {kind}, which cannot be gone through",
            fix,
            called,
        )
    return Diagnosis("optimizer", one_line(match.group()), happened, (found,))


GIVEN: tuple[Pattern, ...] = (
    known(
        "optimizer",
        "optimizer got an empty parameter list",
        r"optimizer got an empty parameter list",
        "The optimizer was given no parameter at all.",
        Cause(
            "empty-parameters",
            "The model registers no parameters: its layers are in a plain list or dict, or are "
            "made in forward()",
            "parameters() finds only what is assigned to self as a Module or Parameter",
            "Keep the layers in nn.ModuleList or nn.Sequential",
            "self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 1)])",
        ),
        Cause(
            "generator-used-up",
            "params = model.parameters() was gone through before, by a loop or another optimizer",
            "A generator gives its items once",
            "Ask for the parameters anew",
            PARAMETERS,
        ),
        Cause(
            "all-frozen",
            "All parameters were filtered out, because none requires a gradient",
            "A filter by p.requires_grad leaves nothing of a frozen model",
            "Let the layer that is to be trained require a gradient first",
            "for p in layer.parameters(): p.requires_grad_(True)",
        ),
    ),
    known(
        "optimizer",
        "can't optimize a non-leaf Tensor",
        r"can't optimize a non-leaf Tensor",
        "The optimizer was given a tensor that is the result of a computation.",
        Cause(
            "non-leaf-parameter",
            "The tensor was moved, converted or scaled after it was made to require a gradient",
            "nn.Parameter(w).to(device) and torch.randn(3, requires_grad=True) * 0.1 are results",
            "Move and scale first, then make it a Parameter",
            "w = nn.Parameter((torch.randn(3, 4) * 0.1).to(device))",
        ),
    ),
    known(
        "optimizer",
        "should be an iterable of Tensors or dicts",
        r"params argument given to the optimizer should be an iterable of Tensors or dicts, "
        r"but got (?P<kind>[\w.]+)",
        "The optimizer was given one {kind}, and takes a list of tensors.",
        Cause(
            "single-tensor-given",
            "One tensor was given as it is",
            "The message names {kind}",
            "Put it into a list",
            "torch.optim.SGD([layer.weight], lr=1e-3)",
        ),
    ),
    Pattern(
        "optimizer can only optimize",
        r"optimizer can only optimize (?:Tensors|Variables), but one of the params is "
        r"(?P<kind>[\w.]+)",
        _not_tensor,
    ),
    Pattern("object is not iterable", r"'(?P<kind>\w+)' object is not iterable", _not_iterable),
    known(
        "optimizer",
        "need to be organized in ordered collections",
        r"optimizer parameters need to be organized in ordered collections",
        "The parameters were given as a set, which has no order.",
        Cause(
            "set-of-parameters",
            "A set was used, most often to leave some parameters out",
            "The order of a set changes between runs, and the saved state goes by order",
            "Give a list",
            "torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3)",
        ),
    ),
    known(
        "optimizer",
        "param_group must be a dict",
        r"param[_ ]group must be a dict(?:, but got <class '(?P<kind>[^']+)'>)?",
        "A parameter group is no dict.",
        Cause(
            "group-not-a-dict",
            "Parameters stand beside groups in one list, or were given to add_param_group",
            "The message asks for a dict",
            "Wrap them in a group",
            "optimizer.add_param_group({'params': layer.parameters()})",
        ),
    ),
    known(
        "optimizer",
        "should be with/without names",
        r"all optimizer params should be with/without names",
        "Some parameters were given with a name and some without.",
        Cause(
            "names-mixed",
            "named_parameters() and parameters() are mixed",
            "The message says that some names are missing",
            "Give all of them in one way",
            PARAMETERS,
        ),
    ),
    known(
        "optimizer",
        "some parameters appear in more than one parameter group",
        r"some parameters appear in more than one parameter group",
        "A parameter stands in two parameter groups, and would be updated twice.",
        Cause(
            "parameter-in-two-groups",
            "A group holds all parameters, and another one some of them again",
            "The message says so; tied weights in two layers are one parameter too",
            "Take those of the second group out of the first",
            "rest = [p for p in model.parameters() if all(p is not q for q in head)]",
        ),
    ),
    known(
        "optimizer",
        "parameter group with duplicate parameters",
        r"optimizer contains a parameter group with duplicate parameters",
        "A parameter stands twice in one parameter group.",
        Cause(
            "parameter-listed-twice",
            "Two lists of parameters were joined that share some, as tied weights do",
            "The message says so",
            "Take each once",
            "params = list(dict.fromkeys(params))",
        ),
    ),
    known(
        "optimizer",
        "value of required optimization parameter",
        r"parameter group didn't specify a value of required optimization parameter (?P<name>\w+)",
        "A parameter group has no {name}, and the optimizer has no default for it.",
        Cause(
            "required-option-missing",
            "{name} was given neither in the group nor for all groups",
            "The message names {name}; older versions of SGD have no default for lr",
            "Give it",
            "torch.optim.SGD(model.parameters(), {name}=1e-3)",
        ),
    ),
)

PATTERNS: tuple[Pattern, ...] = tuple(
    own_names(pattern)
    for pattern in (
        *optimizers_scaling.PATTERNS,
        *optimizers_schedules.PATTERNS,
        *optimizers_arguments.PATTERNS,
        *GIVEN,
        *optimizers_called.PATTERNS,
        *optimizers_state.PATTERNS,
    )
)

"""Messages of an optimizer's saved or kept state."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.messages.optimizers_arguments import OPTIONS
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

SAVED = (
    "torch.save({'model': model.state_dict(), 'optimizer': optimizer.state_dict()}, path)\n"
    "optimizer.load_state_dict(checkpoint['optimizer'])"
)
FRESH = "optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)"


def _key(match: Match[str], reported: Reported) -> Diagnosis | None:
    key = match["key"]
    if reported.error not in ("KeyError", None):
        return None
    inside = reported.passed_through("torch/optim/")
    if key == "params" and (inside or not reported.frames):
        happened = "A parameter group has no entry 'params'."
        cause, fix = "The parameters stand under another key", "Name the key params"
        code = "torch.optim.SGD([{'params': model.parameters(), 'lr': 1e-3}])"
        found = Cause("group-without-params", cause, "The key 'params' was not found", fix, code)
    elif key == "param_groups" and (inside or not reported.frames):
        happened = "What load_state_dict of an optimizer was given has no 'param_groups'."
        cause = "The model's state, or a whole checkpoint, was given to the optimizer"
        says = "Every state of an optimizer has 'state' and 'param_groups'"
        fix = "Give the optimizer's own state"
        found = Cause("not-an-optimizer-state", cause, says, fix, SAVED)
    elif inside and key in {o for options in OPTIONS.values() for o in options}:
        happened = f"The optimizer's parameter group has no {key}."
        cause = "The state of an optimizer of another class was loaded"
        says = f"load_state_dict brings the saved options, and {key} is not among them"
        fix = "Make the class that was saved, or start with a fresh state"
        code = "print(checkpoint['optimizer']['param_groups'][0].keys())"
        found = Cause("state-of-another-optimizer", cause, says, fix, code)
    else:
        return None
    return Diagnosis("optimizer", one_line(match.group()), happened, (found,))


def _state_shape(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Momentum or running means of another shape than the gradient."""
    last = reported.frames[-1].file.replace("\\", "/") if reported.frames else ""
    if "torch/optim/" not in last:
        return None
    if "dtype" in match.groupdict() and match["dtype"]:
        happened = "The optimizer's state and the gradients have different dtypes."
        cause = "The model was converted after the optimizer had made its state"
        fix = "Convert the model first, then make the optimizer"
        code = "model.double(); optimizer = torch.optim.Adam(model.parameters())"
        found = Cause("model-converted-after-step", cause, match.group(), fix, code)
    elif "swa_utils" in last:
        happened = "The averaged model and the model differ in the shape of a parameter."
        cause, fix = "The average was made from another model", "Make it from the model trained"
        code = "averaged = torch.optim.swa_utils.AveragedModel(model)"
        found = Cause("average-of-another-model", cause, match.group(), fix, code)
    else:
        happened = "The optimizer's state and the gradients have different shapes."
        cause = "The state was saved with a model whose layers had other shapes"
        fix = "Load the state of this model, or start with a fresh one"
        found = Cause("state-of-another-model", cause, match.group(), fix, FRESH)
    return Diagnosis("optimizer", one_line(match.group()), happened, (found,))


PATTERNS: tuple[Pattern, ...] = (
    known(
        "optimizer",
        "doesn't match the size of optimizer's group",
        r"loaded state dict contains a parameter group that doesn't match the size of optimizer's "
        r"group",
        "The saved state counts another number of parameters than the optimizer holds.",
        Cause(
            "parameters-added",
            "The model has other layers or biases than the one that was saved, or some are frozen",
            "The saved state goes by the order and number of the parameters",
            "Make the same model and the same groups, or start with a fresh state",
            "print(sum(len(g['params']) for g in checkpoint['optimizer']['param_groups']))",
        ),
    ),
    known(
        "optimizer",
        "different number of parameter groups",
        r"loaded state dict has a different number of parameter groups",
        "The saved state has another number of parameter groups than the optimizer.",
        Cause(
            "groups-differ",
            "The optimizer was made with other parameter groups than the saved one",
            "The message says so",
            "Make the same groups as at saving",
            "print(len(checkpoint['optimizer']['param_groups']), len(optimizer.param_groups))",
        ),
    ),
    Pattern("'", r"^'(?P<key>\w+)'$", _key),
    Pattern(
        "must match the size of tensor b",
        r"The size of tensor a \(\d+\) must match the size of tensor b \(\d+\)",
        _state_shape,
    ),
    Pattern(
        "xpected dtype",
        r"expected dtype (?P<dtype>\w+) for `?\w+`? but got dtype \w+",
        _state_shape,
    ),
)

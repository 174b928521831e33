"""Messages about names that a module, a container or torch itself does not have."""

from __future__ import annotations

import re
from difflib import get_close_matches
from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, one_line
from fcinspect.diagnosis.reported import Reported

METHODS = (
    *("forward", "parameters", "named_parameters", "state_dict", "load_state_dict", "eval"),
    *("train", "to", "cuda", "cpu", "double", "float", "half", "modules", "children", "apply"),
    *("weight", "bias", "in_features", "out_features", "zero_grad", "requires_grad_", "append"),
)
LAYERS = (
    *("Linear", "Bilinear", "Identity", "LazyLinear", "Conv1d", "Conv2d", "Conv3d", "Embedding"),
    *("ReLU", "LeakyReLU", "GELU", "SiLU", "ELU", "Tanh", "Sigmoid", "Softmax", "LogSoftmax"),
    *("Dropout", "Dropout2d", "Flatten", "Unflatten", "BatchNorm1d", "BatchNorm2d", "LayerNorm"),
    *("GroupNorm", "RMSNorm", "LSTM", "GRU", "RNN", "MaxPool2d", "AvgPool2d", "Sequential"),
    *("AdaptiveAvgPool2d", "ModuleList", "ModuleDict", "Parameter", "MultiheadAttention"),
    *("CrossEntropyLoss", "MSELoss", "BCELoss", "BCEWithLogitsLoss", "NLLLoss", "L1Loss"),
    *("TransformerEncoder", "TransformerEncoderLayer", "Module", "functional", "init"),
)
OF_TENSORS = frozenset(
    {
        *("shape", "size", "dim", "sum", "mean", "view", "reshape", "backward", "item", "detach"),
        *("squeeze", "unsqueeze", "flatten", "permute", "transpose", "argmax", "max", "numpy"),
        *("log", "exp", "softmax", "requires_grad", "grad", "T", "ndim", "device", "dtype"),
    }
)
TORCHS = frozenset(LAYERS) | {"LogSigmoid", "Softplus", "ConvTranspose2d", "AvgPool1d"}
DIM = {"Softmax": "dim=1", "LogSoftmax": "dim=1", "Linear": "in_features, out_features"}
"""Arguments that cannot be left away."""
OTHERS = frozenset({"DataFrame", "Series", "Tensor", "Namespace", "Image", "Parameter", "Axes"})
"""Classes that are no modules."""


def _attribute(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `'Net' object has no attribute 'fc3'`."""
    name, what = match["name"], match["what"]
    if name in OTHERS or (
        reported.frames
        and not reported.passed_through("modules/module.py")
        and name not in TORCHS | {"DataParallel", "DistributedDataParallel"}
    ):
        return None
    words = f"{name} was asked for {what}, which it does not have."
    found = _wrapped(name, what) or _of_tensor(name, what) or _not_defined(name, what, reported)
    return Diagnosis("construction", one_line(match.group()), words, found)


def _wrapped(name: str, what: str) -> tuple[Cause, ...]:
    if name in {"DataParallel", "DistributedDataParallel"}:
        cause = Cause(
            "attribute-behind-wrapper",
            f"The model is wrapped in {name}, and {what} belongs to the model inside",
            f"what was asked is the {name}",
            "Ask the model inside",
            f"model.module.{what}",
        )
    elif what == "module":
        cause = Cause(
            "not-wrapped",
            "The model is not wrapped in nn.DataParallel or DistributedDataParallel, whose "
            "attribute module is",
            f"{name} itself was asked for module",
            "Leave .module away",
            "model.state_dict()",
        )
    else:
        return ()
    return (cause,)


def _of_tensor(name: str, what: str) -> tuple[Cause, ...]:
    if what not in OF_TENSORS or name not in TORCHS:
        return ()
    called = Cause(
        "class-called",
        f"{name} is a layer, not an output: nn.{name}(x) makes a layer with x as its option",
        f"{what} is an attribute of tensors; a {name} has none",
        "Make the layer, then call it with the tensor",
        f"layer = nn.{name}({DIM.get(name, '')})\ny = layer(x)",
    )
    weight = Cause(
        "layer-for-weight",
        "The weight of the layer is meant",
        f"{what} is an attribute of tensors, such as the weight",
        "Ask the weight",
        f"layer.weight.{what}",
    )
    if name.startswith(("Linear", "Conv", "Embedding", "BatchNorm", "LayerNorm")):
        return weight, called
    return (called,)


def _not_defined(name: str, what: str, reported: Reported) -> tuple[Cause, ...]:
    said = re.search(r"Did you mean: '(\w+)'", reported.text)
    seen = [own for own in re.findall(r"self\.(\w+)", reported.text) if own != what]
    near = [said[1]] if said else get_close_matches(what, [*METHODS, *seen], n=1, cutoff=0.75)
    evidence = f"{name} has no attribute {what}"
    if near and (
        near[0] in METHODS or said or near[0].rstrip("0123456789") != what.rstrip("0123456789")
    ):
        misspelt = Cause(
            "attribute-misspelt",
            f"{near[0]} is meant",
            f"{evidence}; {near[0]} is the nearest name in sight",
            f"Write {near[0]}",
            f"self.{near[0]}" if near[0] not in METHODS else f"layer.{near[0]}",
        )
        return misspelt, _undefined(name, what, evidence)
    if name in {"Sequential", "ModuleList"}:
        by_number = Cause(
            "layer-by-name-in-sequential",
            f"The layers of nn.{name} have numbers for names, unless they were given names",
            evidence,
            "Take the layer by its number",
            "model[0]",
        )
        return (by_number,)
    return (_undefined(name, what, evidence),)


def _undefined(name: str, what: str, evidence: str) -> Cause:
    return Cause(
        "attribute-not-defined",
        f"{what} is used and was not set in __init__: another name was set there, or the "
        "line is missing or stands behind a return; or __init__ itself is misspelt",
        evidence,
        f"Set {what} in __init__",
        f"self.{what} = nn.Linear(in_features, out_features)",
    )


def _no_such_layer(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `module 'torch.nn' has no attribute 'linear'`."""
    where, what = match["where"], match["what"]
    lower = {layer.lower(): layer for layer in LAYERS}
    near = [lower[what.lower()]] if what.lower() in lower else []
    near = near or get_close_matches(what, LAYERS, n=1, cutoff=0.75)
    if what == "Dense":
        near = ["Linear"]
    evidence = f"{where} has no {what}"
    cause = (
        Cause(
            "layer-misspelt",
            f"The layer is called nn.{near[0]}",
            evidence,
            "Write the name with torch's capitals, from torch.nn",
            f"nn.{near[0]}",
        )
        if near
        else Cause(
            "name-not-in-torch",
            "The name belongs to another library, to another part of torch, or to a newer version",
            evidence,
            "Look the name up in the documentation of your version",
            "print(torch.__version__)",
        )
    )
    words = f"{where} was asked for {what}, which it does not have."
    return Diagnosis("construction", one_line(match.group()), words, (cause,))


def _class_attribute(match: Match[str], reported: Reported) -> Diagnosis:
    name, what = match["name"], match["what"]
    return Diagnosis(
        "construction",
        one_line(match.group()),
        f"The class {name} was asked for {what}, which only layers made of it have.",
        (
            Cause(
                "class-not-instance",
                "The class was used in place of a layer made of it: the parentheses are missing",
                f"what was asked is the class {name} itself",
                "Make the layer first",
                f"layer = nn.{name}(in_features, out_features)\nlayer.{what}"
                if name == "Linear"
                else f"model = {name}()\nmodel.{what}",
            ),
        ),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "type object '",
        r"type object '(?P<name>[A-Z]\w*)' has no attribute '(?P<what>weight|bias|in_features|"
        r"out_features|fc\d*)'",
        _class_attribute,
    ),
    Pattern(
        "module 'torch",
        r"module '(?P<where>torch(?:\.nn(?:\.\w+)*)?)' has no attribute '(?P<what>\w+)'",
        _no_such_layer,
    ),
    Pattern(
        "object has no attribute '",
        r"'(?P<name>[A-Z]\w*)' object has no attribute '(?P<what>\w+)'",
        _attribute,
    ),
)

"""Names that modules and torch do not have, and what is registered in modules or called."""

from __future__ import annotations

import re
from difflib import get_close_matches

from fcinspect.diagnosis.catalogue.parsing import lists, tables
from fcinspect.diagnosis.records import Decision, Pick, pick
from fcinspect.diagnosis.reported import Reported

METHODS, LAYERS, OF_TENSORS = (lists("attributes")[of] for of in ("modules", "nn", "tensors"))
TORCHS = frozenset(LAYERS) | {"LogSigmoid", "Softplus", "ConvTranspose2d", "AvgPool1d"}
DIM = {"Softmax": "dim=1", "LogSoftmax": "dim=1", "Linear": "in_features, out_features"}
"""Arguments that cannot be left away."""
OTHERS = frozenset({"DataFrame", "Series", "Tensor", "Namespace", "Image", "Parameter", "Axes"})
"""Classes that are no modules."""
WRAPPERS = frozenset({"DataParallel", "DistributedDataParallel"})


def attribute(name: str, what: str, reported: Reported) -> Decision | None:
    """'Net' object has no attribute 'fc3'"""
    elsewhere = reported.frames and not reported.passed_through("modules/module.py")
    if name in OTHERS or (elsewhere and name not in TORCHS | WRAPPERS):
        return None
    if name in WRAPPERS:
        return Decision("attribute-behind-wrapper")
    if what == "module":
        return Decision("not-wrapped")
    if what in OF_TENSORS and name in TORCHS:
        weighted = name.startswith(("Linear", "Conv", "Embedding", "BatchNorm", "LayerNorm"))
        causes = ["layer-for-weight"] * weighted + ["class-called/attribute"]
        return Decision(*causes, given=DIM.get(name, ""))
    return Decision(*_not_defined(name, what, reported))


def _not_defined(name: str, what: str, reported: Reported) -> tuple[str | Pick, ...]:
    said = re.search(r"Did you mean: '(\w+)'", reported.text)
    seen = [own for own in re.findall(r"self\.(\w+)", reported.text) if own != what]
    near = [said[1]] if said else get_close_matches(what, [*METHODS, *seen], n=1, cutoff=0.75)
    if near and (
        near[0] in METHODS or said or near[0].rstrip("0123456789") != what.rstrip("0123456789")
    ):
        owner = "layer" if near[0] in METHODS else "self"
        return pick("attribute-misspelt", near=near[0], owner=owner), "attribute-not-defined"
    if name in {"Sequential", "ModuleList"}:
        return ("layer-by-name-in-sequential",)
    return ("attribute-not-defined",)


def no_such_layer(what: str) -> Decision:
    """module 'torch.nn' has no attribute 'linear'"""
    lower = {layer.lower(): layer for layer in LAYERS}
    near = [lower[what.lower()]] if what.lower() in lower else []
    near = near or get_close_matches(what, LAYERS, n=1, cutoff=0.75)
    if what == "Dense":
        near = ["Linear"]
    return Decision(pick("layer-misspelt", near=near[0]) if near else "name-not-in-torch")


def class_attribute(name: str) -> Decision:
    """type object 'Linear' has no attribute 'weight'"""
    return Decision("class-not-instance/Linear" if name == "Linear" else "class-not-instance/class")


def no_forward(name: str) -> Decision:
    """Module [Net] is missing the required "forward" function"""
    if name == "ModuleDict":
        return Decision("module-list-called/ModuleDict")
    called = name in {"ModuleList", "ParameterList"}
    return Decision("module-list-called" if called else "forward-missing")


def no_module(name: str) -> Decision:
    """torch.FloatTensor is not a Module subclass: what was given to nn.Sequential and its like."""
    last = name.rpartition(".")[2]
    if last in {"list", "tuple", "<genexpr>", "generator", "dict", "OrderedDict"}:
        return Decision("list-in-sequential")
    if last in {"FloatTensor", "Tensor", "HalfTensor", "DoubleTensor", "LongTensor"}:
        return Decision("output-in-sequential")
    if last in {"int", "float", "str", "bool", "NoneType"}:
        return Decision("no-layer-in-sequential")
    if last[:1].isupper():
        made = f"nn.{last}()" if "modules" in name else f"{last}()"
        return Decision("class-in-sequential", last=last, made=made)
    layer = tables()["modules"].get(last)
    if layer is not None:
        made = f"{layer}({'dim=1' if 'softmax' in last else ''})"
        return Decision("function-in-sequential", layer=layer, made=made)
    return Decision("function-in-sequential/other")


def child(kind: str) -> Decision:
    """cannot assign 'X' as child module 'fc' (torch.nn.Module or None expected)"""
    last = kind.rpartition(".")[2]
    if "Tensor" in last:
        return Decision("output-over-layer")
    if last == "list":
        return Decision("list-as-child")
    is_class = last[:1].isupper()
    what, layer = ("class", last) if is_class else ("function", "Identity")
    return Decision("no-module-as-child", what=what, layer=layer)


def not_callable(got: str) -> Decision:
    """'Tensor' object is not callable"""
    causes = {
        **dict.fromkeys(("Tensor", "Parameter"), "tensor-called"),
        **dict.fromkeys(("torch.Size", "Size"), "size-called"),
        **dict.fromkeys(("list", "tuple"), "list-called"),
        "NoneType": "none-called",
    }
    return Decision(causes.get(got, "value-called"))

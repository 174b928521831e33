"""Inputs of a layer that are no tensors."""

from __future__ import annotations

import re

from fcinspect.diagnosis.records import Found, Pick, pick
from fcinspect.diagnosis.reported import NAME, Reported
from fcinspect.diagnosis.rules.own_line import operands

INPUTS = {
    **dict.fromkeys(("int", "float", "bool", "complex"), "number-input"),
    **dict.fromkeys(("dict", "OrderedDict"), "dict-input"),
    **dict.fromkeys(("Image", "JpegImageFile", "PngImageFile"), "image-input"),
    **dict.fromkeys(("method", "function", "builtin_function_or_method"), "method-not-called"),
    "str": "text-input",
    "type": "class-not-instance/input",
    "list": "list-input",
    "ndarray": "array-input",
    "NoneType": "forward-returns-none",
}
"""What is given in place of a tensor, by its type."""
PLAIN = {"tuple", "list", "ndarray", "numpy.ndarray", "NoneType", "int", "float", "str"}


def no_tensor(function: str, argument: str, got: str, reported: Reported) -> Found:
    """linear(): argument 'input' (position 1) must be Tensor, not tuple"""
    if argument in {"weight", "bias", "other", "mat2"}:
        if got == "bool":
            return Found("flag-for-bias")
        if got not in PLAIN:
            side = "bias" if argument == "bias" else "weight"
            return Found("layer-for-weight/argument", side=side)
    return _given(got, f"the {argument} of {function} is a {got}", reported)


def combination(function: str, got: str, reported: Reported) -> Found | None:
    """conv2d() received an invalid combination of arguments - got (NoneType, …)"""
    if got not in PLAIN - {"ndarray"} | {"dict"}:
        return None
    return _given(got, f"the first argument of {function} is a {got}", reported)


def method_of_tensors(got: str, what: str, reported: Reported) -> Found:
    """'tuple' object has no attribute 'size'"""
    if what == "detach" and reported.passed_through("parameter.py"):
        return Found("parameter-of-list")
    return _given(got, f"a {got} was asked for {what}", reported)


def _given(got: str, evidence: str, reported: Reported) -> Found:
    """Return why an input is of a type that is no tensor."""
    last = got.rpartition(".")[2]
    given = operands(reported)
    x = given[0] if given and NAME.match(given[0]) else "x"
    causes: tuple[str | Pick, ...]
    if last == "tuple":
        causes = (_tuple(x, reported), "comma-at-end")
    elif last in INPUTS:
        causes = (INPUTS[last],)
    elif "Output" in last or last == "BatchEncoding":
        causes = ("dict-input/output",)
    else:
        causes = ("class-called/input",)
    return Found(*causes, evidence=evidence, x=x, last=last)


def _tuple(x: str, reported: Reported) -> Pick:
    """The layer before may give several things, of which the line takes the first."""
    recurrent = re.search(r"LSTM|GRU|RNN|lstm|gru|rnn", reported.text)
    seen = f"; the text names {recurrent[0]}" if recurrent else ""
    made = rf"^[\s\d>-]*{re.escape(x)} = (self\.[\w.]+\([^\n]*\))$"
    bound = [match[1] for match in re.finditer(made, reported.text, re.MULTILINE)]
    code = f"{x} = {x}[0]"
    if bound:
        code = f"{x}, _ = {bound[-1]}"
    elif x == "x":
        code = "output, hidden = self.rnn(x)\nx = self.fc(output[:, -1])"
    return pick("tuple-input", seen=seen, code=code)

"""Messages about in_features, out_features and other sizes of a layer that is being made."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

FLOATS = re.compile(r"(?:numpy\.)?(?:float\d*|double|Float)$")
KINDS = (
    (
        frozenset({"float"}),
        "float-width",
        "The number comes from a division with /, which gives a float even where it divides "
        "evenly, or from a file of options",
        "Divide with // or wrap the number in int(…)",
        "in_features = channels * (height // 2) * (width // 2)",
    ),
    (
        frozenset({"str"}),
        "text-width",
        "The number comes from a file, the command line or input() and is still text",
        "Convert it with int(…)",
        "nn.Linear(int(in_features), int(out_features))",
    ),
    (
        frozenset({"NoneType"}),
        "none-width",
        "The size was never set: a function without return, or an option left at None",
        "Set the size before the layer is made; nn.LazyLinear finds in_features by itself",
        "nn.LazyLinear(out_features)",
    ),
    (
        frozenset({"tuple", "list", "Size"}),
        "shape-as-width",
        "A whole shape was given where one number belongs",
        "Give the number of features of one row: shape[-1], or math.prod(shape) behind nn.Flatten",
        "nn.Linear(math.prod(shape), out_features)",
    ),
    (
        frozenset({"Tensor", "Parameter", "ndarray"}),
        "class-called",
        "The class of the layer was called with a tensor, as if it were a layer",
        "Make the layer once in __init__, and call what was made",
        "self.fc = nn.Linear(in_features, out_features)\nx = self.fc(x)",
    ),
    (
        frozenset({"Linear", "Sequential", "type", "bool", "dict", "function", "method"}),
        "no-number-as-width",
        "Something else was given where a number belongs; arguments may have changed places",
        "Give in_features and out_features, by name",
        "nn.Linear(in_features=8, out_features=2)",
    ),
)
"""What stands where a number belongs: its types, and the name, cause, fix and code for them."""


def _width(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain a size of a weight that is not a whole number, by what it is instead."""
    got = match["got"]
    cause = _by_type(got)
    if cause is None:
        return None
    which = _which(match.group(), reported)
    words = "The sizes of a weight must be whole numbers, and "
    words += f"{which or 'one of them'} is a {got}."
    return Diagnosis("construction", one_line(match.group()), words, (cause,))


def _which(message: str, reported: Reported) -> str:
    """Return the argument of nn.Linear that the position stands for, "" where that is not sure."""
    if reported.frames and not reported.passed_through("modules/linear.py"):
        return ""
    if "at pos 0" in message:
        return "the first one, out_features in a linear layer,"
    if "at pos 2" in message:
        return "the second one, in_features in a linear layer,"
    return ""


def _by_type(got: str) -> Cause | None:
    last = got.rpartition(".")[2]
    for types, name, why, fix, code in KINDS:
        if last in types or (name == "float-width" and FLOATS.match(got)):
            return Cause(name, why, f"the message names the type {got}", fix, code)
    return None


def _old_call(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `empty() received an invalid combination of arguments - got (tuple, …)`."""
    odd = re.search(r"(?:!|tuple of \(|[(, ])(float|str|NoneType)\b(?!=)", match["got"])
    inside = odd[1] if odd and not re.search(rf"\w={odd[1]}", match["got"]) else None
    cause = _by_type(inside) if inside else None
    if cause is None:
        return None
    words = f"The sizes of a weight must be whole numbers, and one of them is a {inside}."
    return Diagnosis("construction", one_line(match.group()), words, (cause,))


def _negative(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `Trying to create tensor with negative dimension -1: [-1, 3]`."""
    number = match["number"]
    shape = [int(n) for n in re.findall(r"-?\d{1,18}", match["shape"] or "")]
    linear = len(shape) == 2 and (not reported.frames or reported.passed_through("linear.py"))
    inputs = linear and shape[1] < 0
    which = ""
    if linear:
        which = " in_features" if inputs else " out_features"
    words = f"A tensor of shape {shape or '?'} was to be made, and no size can be {number}"
    words += f": in a linear layer that is{which}." if linear else "."
    evidence = f"the size is {number}"
    first = Cause(
        "negative-width",
        "-1 stands for a size to be worked out in view and reshape, not where a layer is made"
        if number == "-1"
        else "The size was computed and came out negative, e.g. by a convolution larger than its "
        "input",
        evidence,
        "Write the number; nn.LazyLinear finds in_features from the first input"
        if inputs
        else "Write the number, or print how it is computed",
        f"nn.LazyLinear({shape[0]})" if inputs else "nn.Linear(in_features, out_features)",
    )
    return Diagnosis("construction", one_line(match.group()), words, (first,))


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "argument 'size'",
        r"\(\): argument 'size'(?: \(position \d+\))? must be tuple of (?:Sym)?[iI]nts, but found "
        r"element of type (?P<got>[\w.]+) at pos \d+",
        _width,
    ),
    Pattern(
        "argument 'size' failed to unpack",
        r"\(\): argument 'size' failed to unpack the object at pos \d+ with error \"type must be "
        r"tuple of (?:Sym)?[iI]nts,\s*but got (?P<got>[\w.]+)\"",
        _width,
    ),
    Pattern(
        "argument 'size'",
        r"\(\): argument 'size'(?: \(position \d+\))? must be tuple of (?:Sym)?[iI]nts, not "
        r"(?P<got>[\w.]+)",
        _width,
    ),
    Pattern(
        "should be of type int",
        r"(?P<name>hidden_size|input_size|num_layers) should be of type int, got: (?P<got>[\w.]+)",
        _width,
    ),
    Pattern(
        "invalid combination of arguments",
        r"(?:empty|new)\(\) received an invalid combination of arguments - got (?P<got>\([^\n]*?\))"
        r"(?:,? but expected|$)",
        _old_call,
    ),
    Pattern(
        "negative dimension",
        r"Trying to create tensor with negative dimension (?P<number>-\d+)"
        r"(?:: (?P<shape>\[[^\]]*\]))?",
        _negative,
    ),
    known(
        "construction",
        "zero-element tensors",
        r"Initializing zero-element tensors is a no-op",
        "A layer was made whose weight has no elements: one of its sizes is 0.",
        Cause(
            "zero-width",
            "in_features or out_features is 0: a length was taken of something empty, or a "
            "division came out as 0",
            "the weight has zero elements",
            "Print the numbers the layer is made with",
            "print(in_features, out_features)",
        ),
    ),
    known(
        "construction",
        "must be greater than zero",
        r"(?P<name>hidden_size|num_layers|proj_size) must be greater than zero",
        "A recurrent layer was to be made with a {name} of 0 or less.",
        Cause(
            "zero-width",
            "The number was computed and came out as 0",
            "the message names {name}",
            "Print the number the layer is made with",
            "print({name})",
        ),
    ),
    known(
        "construction",
        "Storage size calculation overflowed",
        r"Storage size calculation overflowed with sizes=(?P<shape>\[[^\]]*\])",
        "A tensor of shape {shape} has more elements than can be counted.",
        Cause(
            "width-too-large",
            "in_features or out_features is far larger than meant, e.g. a product of a whole shape",
            "the shape is {shape}",
            "Print the numbers the layer is made with",
            "print(in_features, out_features)",
        ),
    ),
)

"""Messages about two dtypes that meet: input and weight, or the operands of a product."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.messages import dtype_limits, dtype_operations
from fcinspect.diagnosis.messages.number_types import (
    HALF,
    SUFFIXES,
    WORD,
    autocast,
    causes,
    dtype_of,
)
from fcinspect.diagnosis.messages.own_line import called, converted, converting
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

A = rf"(?P<a>{WORD})"
B = rf"(?P<b>{WORD})"
LINEAR = "In a linear layer mat1 is the input and mat2 the weight"


def pair(marker: str, pattern: str, happened: str, position: int = 0) -> Pattern:
    """Return a pattern whose groups a and b are the dtypes of the input and of the weight.

    In `happened`, {a} and {b} become torch.float64 and the like. `position` is that of the input
    among the operands of the reader's own call.
    """

    def explain(match: Match[str], reported: Reported) -> Diagnosis | None:
        given, needed = dtype_of(match["a"]), dtype_of(match["b"])
        if given is None or needed is None or given == needed:
            return None
        words = happened.replace("{a}", f"torch.{given}").replace("{b}", f"torch.{needed}")
        return Diagnosis(
            "dtype", one_line(match.group()), words, causes(given, needed, reported, position)
        )

    return Pattern(marker, pattern, explain)


def either(marker: str, pattern: str, happened: str) -> Pattern:
    """Return a pattern whose groups a and b are two dtypes of which either may be the input's."""

    def explain(match: Match[str], reported: Reported) -> Diagnosis | None:
        first, second = dtype_of(match["a"]), dtype_of(match["b"])
        if first is None or second is None or first == second:
            return None
        words = happened.replace("{a}", f"torch.{first}").replace("{b}", f"torch.{second}")
        found = (
            _two_precisions(first, second, reported)
            if {first, second} & HALF and {first, second} <= HALF | set(SUFFIXES)
            else _the_input_is_the_odd_one(first, second, reported)
        )
        return Diagnosis("dtype", one_line(match.group()), words, found)

    return Pattern(marker, pattern, explain)


def _the_input_is_the_odd_one(first: str, second: str, reported: Reported) -> tuple[Cause, ...]:
    """Return causes where weights are taken to be in floating point, float32 most often."""
    if first == "float32" and not second.startswith(("float8", "q")):
        return causes(second, first, reported, 1)
    return causes(first, second, reported, 0)


def _two_precisions(first: str, second: str, reported: Reported) -> tuple[Cause, ...]:
    low = first if first in HALF else second
    layer = called(reported)
    return (
        Cause(
            "one-side-half",
            f"One side was converted to torch.{low} (model.half(), torch_dtype=, or an input from "
            "such a model) and the other was not",
            f"one side is torch.{first} and the other torch.{second}; the message does not tell "
            "which is the input",
            "Bring the input to the dtype of the weights",
            converted(reported, f".to(next({layer}.parameters()).dtype)"),
        ),
        autocast(low, reported),
    )


def _no_dtypes(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain the wordings that name no dtype."""
    layer = called(reported)
    return Diagnosis(
        "dtype",
        one_line(match.group()),
        "Two tensors that are computed with each other have different dtypes; this wording does "
        "not name them.",
        (
            Cause(
                "float64-input",
                "The input is in float64 or holds integers while the weights are in float32, most "
                "often because it comes from a NumPy array",
                "the message names no dtypes; print(x.dtype, next(model.parameters()).dtype) does",
                "Bring the input to the dtype of the weights",
                converted(reported, f".to(next({layer}.parameters()).dtype)"),
            ),
            Cause(
                "one-side-half",
                "The model was converted with .half() or .bfloat16() and the input was not, or the "
                "other way round",
                "the message names no dtypes",
                "Convert both, or run the forward pass under torch.autocast",
                f"{layer} = {layer}.to(x.dtype)",
            ),
        ),
    )


def _legacy(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `Expected object of scalar type A but got scalar type B for argument #2 'mat2'`."""
    expected, got = dtype_of(match["a"]), dtype_of(match["b"])
    name = match["name"] or ""
    if expected is None or got is None or expected == got or name == "target":
        return None
    of = f" for the argument {name!r}" if name else ""
    words = f"An operation expected torch.{expected} and got torch.{got}{of}."
    if name in {"weight", "mat2"}:
        found = causes(expected, got, reported)
    elif name in {"mat1", "input", "self"}:
        found = causes(got, expected, reported)
    elif {expected, got} & HALF:
        found = _two_precisions(expected, got, reported)
    else:
        found = _the_input_is_the_odd_one(expected, got, reported)
    return Diagnosis("dtype", one_line(match.group()), words, found)


BIAS = Cause(
    "bias-dtype",
    "Bias and weight of the layer have different dtypes, because only one of them was converted "
    "or replaced",
    "self is the bias of a linear layer, {a}, and mat2 its weight, {b}",
    "Bring the bias to the dtype of the weight",
    "bias = bias.to(weight.dtype)",
)
BIAS_HALF = Cause(
    "one-side-half",
    "Part of the model is in half precision and part is not, as with adapters in float32 on a "
    "float16 model",
    "a linear layer's bias, input and weight must all have one dtype",
    "Convert the whole model, or run the forward pass under torch.autocast",
    "model = model.to(torch.float32)",
)
NORM_INPUT = Cause(
    "float64-input",
    "The input is in float64, most often because it comes from a NumPy array, or holds integers",
    "the input and the layer's weight differ; layers are made in torch.float32",
    "Bring the input to the dtype of the layer",
    "x = x.float()",
)
NORM_HALF = Cause(
    "one-side-half",
    "The layer was converted with .half() or .bfloat16() and the input was not, or the other way "
    "round",
    "a normalisation layer allows half precision only beside half precision or {needed}",
    "Bring the input to the dtype of the layer",
    "x = x.to(layer.weight.dtype)",
)

PATTERNS: tuple[Pattern, ...] = (
    pair(
        "mat1 and mat2",
        rf"mat1 and mat2 (?:must|to) have the same dtype,? but got:? {A}(?: and | != ){B}",
        f"The two matrices of a product have different dtypes: {{a}} and {{b}}. {LINEAR}.",
    ),
    pair(
        "expected m1 and m2 to have the same dtype",
        rf"expected m1 and m2 to have the same dtype, but got: {A} != {B}",
        "The two matrices of a product have different dtypes: {a} and {b}. In a linear layer m1"
        " is the input and m2 the weight.",
    ),
    Pattern(
        "must have the same dtype",
        r"(?:self|mat1) and mat2 must have the same dtype\W*$",
        _no_dtypes,
    ),
    known(
        "dtype",
        "self and mat2 must have the same dtype",
        rf"self and mat2 must have the same dtype, but got {A} and {B}",
        "A product and what is added to it have different dtypes: {a} is added to a product "
        "with {b}.",
        BIAS,
        BIAS_HALF,
    ),
    pair(
        "both vectors to have same dtype",
        rf"dot : expected both vectors to have same dtype, but found {A} and {B}",
        "The two vectors of a dot product have different dtypes: {a} and {b}.",
    ),
    pair(
        "Input type",
        rf"Input type \({A}\) and (?:bias|weight) type \({B}\) should be the same",
        "Input and weight of a layer have different dtypes: the input is {a}, the layer {b}.",
    ),
    pair(
        "RNN input dtype",
        rf"RNN input dtype \({A}\) does not match weight dtype \({B}\)",
        "Input and weights of a recurrent layer have different dtypes: {a} and {b}.",
    ),
    pair(
        "Input and parameter tensors are not the same dtype",
        rf"found input tensor with {A} and parameter tensor with {B}",
        "Input and weights of a recurrent layer have different dtypes: {a} and {b}.",
    ),
    pair(
        "prelu: Type promoting not supported",
        rf"Got {A} and {B}",
        "Input and slope of a PReLU have different dtypes: {a} and {b}.",
    ),
    pair(
        "All tensors must have the same dtype",
        rf"got input1: {A}, input2: {WORD}, weight: {B}(?=[,\s])",
        "Inputs and weight of a bilinear layer have different dtypes: the first input is {a}, the "
        "weight {b}.",
    ),
    pair(
        "All tensors must have the same dtype",
        rf"got input1: {WORD}, input2: {A}, weight: {B}(?=[,\s])",
        "Inputs and weight of a bilinear layer have different dtypes: the second input is {a}, "
        "the weight {b}.",
        1,
    ),
    either(
        "Input dtypes must be the same",
        rf"Input dtypes must be the same, got: input {A}, batch1: {B}",
        "torch.baddbmm adds a tensor to a batch of products, and all must have one dtype: the "
        "tensor is {a}, the first factor {b}.",
    ),
    either(
        "Input dtypes must be the same",
        rf"got: input {WORD}, batch1: {A}, batch2: {B}",
        "The two factors of a batch of products have different dtypes: {a} and {b}.",
    ),
    either(
        "addmv input tensors must have the same dtype",
        rf"but got {WORD}, {A}, and {B}",
        "A matrix and the vector it is multiplied with have different dtypes: {a} and {b}.",
    ),
    either(
        "addmv input tensors must have the same dtype",
        rf"but got {A}, {B}, and",
        "A product and the vector added to it have different dtypes: {b} and {a}.",
    ),
    either(
        "multi_dot(): all tensors must",
        rf"tensor \d+ is {A} and tensor \d+ {B}",
        "Two matrices of a chain of products have different dtypes: {a} and {b}.",
    ),
    pair(
        "Expected query, key, and value",
        rf"got query\.dtype: {A} key\.dtype: {B} and",
        "Query and key of attention have different dtypes: {a} and {b}.",
    ),
    either(
        "Expected query, key, and value",
        rf"got query\.dtype: {A} key\.dtype: {WORD} and value\.dtype: {B} instead",
        "Query and value of attention have different dtypes: {a} and {b}.",
    ),
    either(
        "to have the same dtype, but found",
        rf"to have the same dtype, but found \w+ of type {A} and \w+ of type {B}",
        "Two matrices of one operation have different dtypes: {a} and {b}.",
    ),
    either(
        "expected scalar type",
        rf"expected scalar type {A} but found {B}",
        "Two tensors that are computed with each other have different dtypes: {a} and {b}.",
    ),
    either(
        "expected dtype",
        rf"expected dtype {A} for `?\w+`? but got dtype {B}",
        "Two tensors that are computed with each other have different dtypes: {a} and {b}.",
    ),
    either(
        "must have the same scalar type",
        rf"self \({A}\) and source \({B}\) must have the same scalar type",
        "Values of {b} are to be added into a tensor of {a}, and this operation does not convert.",
    ),
    Pattern(
        "of scalar type",
        rf"Expected (?:object|tensor) of scalar type {A} but got scalar type {B}"
        r"(?: for argument #\d+ '(?P<name>\w+)')?",
        _legacy,
    ),
    converting(
        ".float()",
        known(
            "dtype",
            "mixed dtype (CPU)",
            r"mixed dtype \(CPU\): all inputs must share same datatype",
            "A normalisation layer got an input whose dtype is not that of its weight.",
            NORM_INPUT,
        ),
    ),
    known(
        "dtype",
        "mixed dtype (CPU)",
        r"mixed dtype \(CPU\): expect (?P<what>\w+) to have scalar type of (?P<needed>\w+)",
        "A normalisation layer got an input and a {what} whose dtypes do not go together: the "
        "{what} would have to be {needed}.",
        NORM_HALF,
    ),
    *dtype_operations.PATTERNS,
    *dtype_limits.PATTERNS,
)

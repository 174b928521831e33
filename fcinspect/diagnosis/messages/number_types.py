"""The names torch has for dtypes, and the likely causes where two dtypes meet."""

from __future__ import annotations

import re

from fcinspect.diagnosis.messages.own_line import called, converted
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.reported import Reported

WORD = r"(?:unsigned |signed |long |short |struct |class )?[A-Za-z_][\w.:<>]*(?: int)?"
"""What a message calls a dtype: Double, c10::Half, unsigned char, torch.cuda.FloatTensor."""
NAMES = {
    "double": "float64",
    "float": "float32",
    "half": "float16",
    "long": "int64",
    "long int": "int64",
    "long long": "int64",
    "int64_t": "int64",
    "__int64": "int64",
    "int": "int32",
    "int32_t": "int32",
    "short": "int16",
    "short int": "int16",
    "int16_t": "int16",
    "char": "int8",
    "signed char": "int8",
    "int8_t": "int8",
    "byte": "uint8",
    "unsigned char": "uint8",
    "uint8_t": "uint8",
    "complexfloat": "complex64",
    "complex<float>": "complex64",
    "complexdouble": "complex128",
    "complex<double>": "complex128",
    "complexhalf": "complex32",
    "complex<half>": "complex32",
}
KNOWN = frozenset(NAMES.values()) | {
    *("bfloat16", "bool", "uint16", "uint32", "uint64", "quint8", "qint8", "qint32"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
}
HALF = frozenset({"float16", "bfloat16"})
INTEGERS = frozenset({"int64", "int32", "int16", "int8", "uint16", "uint32", "uint64"})
QUANTISED = frozenset({"quint8", "qint8", "qint32"})
SUFFIXES = {"float32": ".float()", "float64": ".double()", "float16": ".half()"}


def dtype_of(word: str) -> str | None:
    """Return "float64" for Double, double, torch.DoubleTensor, …; None for no dtype."""
    plain = re.sub(
        r"^(?:struct |class |torch\.|cuda\.|c10::|at::|CUDA|MPS|XPU|sparse\.)+",
        "",
        word.strip(" '.:"),
    )
    plain = re.sub(r"(?:Tensor|Type|Storage)$", "", plain).lower().replace("c10::", "")
    found = NAMES.get(plain, plain)
    return found if found in KNOWN else None


def to(dtype: str) -> str:
    """Return the method that converts to a dtype: ".float()", ".to(torch.bfloat16)"."""
    return SUFFIXES.get(dtype, f".to(torch.{dtype})")


def causes(given: str, needed: str, reported: Reported, position: int = 0) -> tuple[Cause, ...]:
    """Return why an input of dtype `given` meets weights of dtype `needed`, most likely first."""
    sides = f"the input is torch.{given} and the weight is torch.{needed}"
    if given.startswith("complex") or needed.startswith("complex"):
        return _complex(given, needed, sides, reported)
    if _packed(needed):
        return (_packed_weight(needed, sides), _converted_input(given, needed, reported, position))
    if given in QUANTISED or given.startswith("float8"):
        return (_packed_input(given, needed, sides, reported, position),)
    if given == "uint8":
        return (_images(sides, reported, position),)
    if given == "bool":
        return (_masks(needed, sides, reported, position),)
    if given in INTEGERS:
        return _integers(given, needed, sides, reported, position)
    if given in HALF or needed in HALF:
        return _half(given, needed, sides, reported, position)
    if given == "float64":
        return (_numpy(needed, sides, reported, position), _double_wanted(reported))
    return _double_layer(given, needed, sides, reported, position)


def _packed(dtype: str) -> bool:
    return dtype in QUANTISED or dtype in INTEGERS | {"uint8"} or dtype.startswith("float8")


def _numpy(needed: str, sides: str, reported: Reported, position: int) -> Cause:
    return Cause(
        "float64-input",
        "The input is in float64, most often because it comes from a NumPy array, whose default "
        "dtype that is",
        f"{sides}; torch itself makes float64 only where it is asked to",
        f"Convert the input to torch.{needed}; torch.from_numpy(a).float() does it at the source",
        converted(reported, to(needed), position),
    )


def _double_wanted(reported: Reported) -> Cause:
    layer = called(reported)
    return Cause(
        "layer-left-float32",
        "The computation is meant to run in float64 and the layer was not converted",
        "layers are made in torch.float32, the default dtype",
        "Convert the layer once, after it was made",
        f"{layer} = {layer}.double()",
    )


def _double_layer(
    given: str, needed: str, sides: str, reported: Reported, position: int
) -> tuple[Cause, ...]:
    layer = called(reported)
    return (
        Cause(
            "double-layer",
            f"The layer is in torch.{needed}: model.double(), torch.set_default_dtype or weights "
            "that come from a NumPy array made it so",
            sides,
            f"Bring the layer to the dtype of the input, torch.{given}",
            f"{layer} = {layer}{to(given)}",
        ),
        Cause(
            "input-left-float32",
            f"The model is meant to run in torch.{needed} and the input was not converted",
            sides,
            "Convert the input",
            converted(reported, to(needed), position),
        ),
    )


def _integers(
    given: str, needed: str, sides: str, reported: Reported, position: int
) -> tuple[Cause, ...]:
    return (
        Cause(
            "integer-input",
            "The input holds whole numbers, which were not converted to floating point",
            sides,
            f"Convert the input to torch.{needed}",
            converted(reported, to(needed), position),
        ),
        Cause(
            "token-ids",
            "The input holds token ids or categories, which belong in an embedding",
            f"the input is torch.{given}, the dtype of indices",
            "Look the ids up in an nn.Embedding first, and give the layer its vectors",
            "x = self.embedding(x)",
        ),
    )


def _images(sides: str, reported: Reported, position: int) -> Cause:
    return Cause(
        "byte-images",
        "The input is in uint8, as images are read from files",
        sides,
        "Convert to floating point and scale from 0…255 to 0…1",
        converted(reported, ".float() / 255", position),
    )


def _masks(needed: str, sides: str, reported: Reported, position: int) -> Cause:
    return Cause(
        "bool-input",
        "The input holds truth values, e.g. the result of a comparison",
        sides,
        "Convert the input to numbers",
        converted(reported, to(needed), position),
    )


def _complex(given: str, needed: str, sides: str, reported: Reported) -> tuple[Cause, ...]:
    layer = called(reported)
    if not given.startswith("complex"):
        return (
            Cause(
                "complex-layer",
                "The weight is complex and the input is real",
                sides,
                "Convert the input, or make the layer real",
                converted(reported, to(needed)),
            ),
        )
    return (
        Cause(
            "complex-input",
            "The input is complex, most often the result of torch.fft or torch.stft",
            sides,
            "Give the layer real numbers: the magnitude, or with torch.view_as_real both parts "
            "(in_features doubles)",
            converted(reported, ".abs()"),
        ),
        Cause(
            "layer-left-real",
            "The network is meant to compute with complex numbers and the layer was not converted",
            sides,
            "Make the layer complex",
            f"{layer} = {layer}.to(torch.{given})",
        ),
    )


def _packed_weight(needed: str, sides: str) -> Cause:
    if needed in QUANTISED:
        code = "weight = layer.weight().dequantize()"
    elif needed.startswith("float8"):
        code = "weight = weight.to(x.dtype) * scale"
    else:
        code = "weight = weight.float() * scale"
    return Cause(
        "packed-weight",
        f"The weight holds quantised or packed values (torch.{needed}), which only the library "
        "that packed them can multiply with",
        sides,
        "Run the layer through the library that quantised it, or dequantise the weight with its "
        "scale first",
        code,
    )


def _packed_input(given: str, needed: str, sides: str, reported: Reported, position: int) -> Cause:
    suffix = ".dequantize()" if given in QUANTISED else to(needed)
    return Cause(
        "quantised-input",
        "The input is quantised and the layer is not",
        sides,
        "Dequantise the input, or quantise the layer too",
        converted(reported, suffix, position),
    )


def _converted_input(given: str, needed: str, reported: Reported, position: int) -> Cause:
    layer = called(reported)
    return Cause(
        "layer-converted",
        f"The weight was converted to torch.{needed} by hand, e.g. through weight.data",
        f"the weight is torch.{needed}; nn.Linear itself is made in floating point only",
        f"Bring the weight back to the dtype of the input, torch.{given}",
        f"{layer}.weight.data = {layer}.weight.data{to(given)}",
    )


def _half(
    given: str, needed: str, sides: str, reported: Reported, position: int
) -> tuple[Cause, ...]:
    low = needed if needed in HALF else given
    if needed in HALF:
        why = f"The model is in torch.{needed} (model.half(), .bfloat16() or torch_dtype=) and the "
        why += "input was not converted"
    else:
        why = f"The input was computed in torch.{given} (by a half-precision model or under "
        why += "torch.autocast) and the layer was left in full precision"
    return (
        Cause(
            "one-side-half",
            why,
            sides,
            "Convert the input to the dtype of the weight",
            converted(reported, to(needed), position),
        ),
        autocast(low, reported),
    )


def autocast(low: str, reported: Reported) -> Cause:
    """Return the cause that mixed precision is run without torch.autocast."""
    names = reported.names()
    target, layer = names["target"], names["layer"]
    if target in {layer, names["argument"]}:
        target = "y"
    named = re.search(r"\b(?:cuda|mps|xpu)\b", reported.text)
    device = named[0] if named else "cpu"
    return Cause(
        "autocast-missing",
        "The forward pass runs outside torch.autocast, which would convert both sides",
        f"one side is torch.{low}; under autocast the inputs of linear layers are converted",
        "Run the forward pass under autocast, with the model in float32",
        f'with torch.autocast(device_type="{device}", dtype=torch.{low}):\n'
        f"    {target} = {layer}({reported.argument})",
    )

"""Messages about one dtype: an operation lacks it, or it cannot hold a result."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages.number_types import HALF, INTEGERS, WORD, dtype_of, to
from fcinspect.diagnosis.messages.own_line import called, converted
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, one_line
from fcinspect.diagnosis.reported import Reported

DRAWS = re.compile(r"uniform|normal|random|bernoulli|cauchy|exponential|geometric")


def _not_implemented(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `"addmm_impl_cpu_" not implemented for 'Half'`."""
    operation, dtype = match["operation"], dtype_of(match["dtype"])
    if dtype is None or re.search(r"nll|cross_entropy|ctc_loss|host_softmax", operation):
        return None
    words = f'The operation "{operation}" is not written for torch.{dtype}.'
    if dtype in HALF:
        found = _low_precision(operation, dtype, reported)
    elif dtype.startswith("float8") or dtype[0] == "q":
        found = (_packed(operation, dtype, reported),)
    elif dtype.startswith("complex"):
        found = (_complex(operation, dtype, reported),)
    elif dtype in INTEGERS | {"uint8", "bool"}:
        found = (_integer(operation, dtype, reported),)
    elif re.search("bitwise|shift|__i?x?(?:and|or)__|lcm|gcd", operation):
        found = (_bitwise(operation, dtype, reported),)
    else:
        found = (_other_dtype(operation, dtype, reported),)
    return Diagnosis("dtype", one_line(match.group()), words, found)


def _low_precision(operation: str, dtype: str, reported: Reported) -> tuple[Cause, ...]:
    layer = called(reported)
    if "cuda" in operation.lower():
        return (
            Cause(
                "low-precision-not-supported",
                f"This version of torch lacks the operation in torch.{dtype} on the GPU",
                f'"{operation}" met torch.{dtype}',
                "Run this one operation in float32 and convert its result back",
                converted(reported, ".float()"),
            ),
        )
    return (
        Cause(
            "half-on-cpu",
            f"A model in torch.{dtype} runs on the CPU, where this version of torch lacks the "
            "operation",
            f'"{operation}" met torch.{dtype}, and its name does not speak of a GPU',
            "Run in float32 on the CPU; keep half precision for the GPU",
            f"{layer} = {layer}.float()\n{converted(reported, '.float()')}",
        ),
        Cause(
            "not-moved-to-gpu",
            "The model was meant to run on a GPU and was not moved there",
            f"torch.{dtype} was asked for, which is meant for GPUs most often",
            "Move the model and the input to the GPU",
            f'{layer} = {layer}.to("cuda")\n' + converted(reported, '.to("cuda")'),
        ),
    )


def _packed(operation: str, dtype: str, reported: Reported) -> Cause:
    suffix = ".dequantize()" if dtype[0] == "q" else ".float()"
    return Cause(
        "packed-values",
        f"torch.{dtype} is a format to store values in; few operations compute in it",
        f'"{operation}" met torch.{dtype}',
        "Convert to a dtype that can be computed in first",
        converted(reported, suffix),
    )


def _complex(operation: str, dtype: str, reported: Reported) -> Cause:
    return Cause(
        "complex-input",
        "The tensor is complex, and the operation is one for real numbers",
        f'"{operation}" met torch.{dtype}',
        "Take the magnitude, the real part or both parts as features",
        converted(reported, ".abs()"),
    )


def _integer(operation: str, dtype: str, reported: Reported) -> Cause:
    if DRAWS.search(operation):
        return Cause(
            "integer-draw",
            "Random floating-point numbers are to be drawn into a tensor of integers",
            f'"{operation}" draws random numbers, and the tensor is torch.{dtype}',
            "Make the tensor in floating point, or draw whole numbers with torch.randint",
            converted(reported, ".float()"),
        )
    return Cause(
        "integer-input",
        f"A tensor of {'truth values' if dtype == 'bool' else 'integers'} was given to an "
        "operation for floating-point numbers",
        f'"{operation}" met torch.{dtype}',
        "Convert the tensor to floating point first",
        converted(reported, ".float() / 255" if dtype == "uint8" else ".float()"),
    )


def _bitwise(operation: str, dtype: str, reported: Reported) -> Cause:
    return Cause(
        "float-as-mask",
        "Numbers are combined with &, | or ^, which are for truth values and integers",
        f'"{operation}" met torch.{dtype}',
        "Compare first and combine the comparisons in parentheses, or convert with .bool()",
        converted(reported, ".bool()"),
    )


def _other_dtype(operation: str, dtype: str, reported: Reported) -> Cause:
    other = "float32" if dtype == "float64" else "int64"
    return Cause(
        "dtype-not-supported",
        "The operation exists for other dtypes only",
        f'"{operation}" met torch.{dtype}',
        f"Convert the tensor; torch.{other} is the likeliest",
        converted(reported, to(other)),
    )


def _cast(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `result type Float can't be cast to the desired output type Long`."""
    result, kept = dtype_of(match["result"]), dtype_of(match["kept"])
    if result is None or kept is None:
        return None
    words = f"An in-place operation gives torch.{result}, and the tensor it writes to is "
    words += f"torch.{kept}, which cannot hold it."
    in_place = Cause(
        "in-place-keeps-dtype",
        "An operation that writes into its operand (+=, /=, add_, mul_, out=) cannot change the "
        "dtype of that operand",
        f"the result is torch.{result}, the tensor is torch.{kept}",
        f"Make the tensor torch.{result} first, or write the operation without in-place",
        f"x = x{to(result)}",
    )
    dropout = Cause(
        "integer-input",
        f"Dropout scales its input by a fraction, and the input is torch.{kept}",
        f"the result is torch.{result}, the input torch.{kept}",
        "Convert the input to floating point first",
        converted(reported, to(result)),
    )
    if reported.passed_through("modules/dropout.py"):
        found: tuple[Cause, ...] = (dropout,)
    else:
        found = (in_place, dropout) if kept in INTEGERS else (in_place,)
    return Diagnosis("dtype", one_line(match.group()), words, found)


def _overflow(match: Match[str], reported: Reported) -> Diagnosis | None:
    dtype = dtype_of(match["dtype"])
    if dtype is None:
        return None
    words = f"A number cannot be represented in torch.{dtype}."
    low = dtype in HALF
    cause = (
        Cause(
            "mask-value-too-large",
            "A large constant such as -1e9 is written into a tensor of half precision, most often "
            "to mask scores of attention",
            "the largest float16 number is 65504",
            "Take the smallest number of the tensor's own dtype",
            "scores = scores.masked_fill(mask, torch.finfo(scores.dtype).min)",
        )
        if low
        else Cause(
            "value-out-of-range",
            f"The number lies outside the range of torch.{dtype}, or is inf or nan",
            f"the tensor is torch.{dtype}, which holds whole numbers of a limited range only",
            "Make the tensor in a dtype that can hold the number",
            f"x = x{'.float()' if dtype == 'int64' else '.long()'}",
        )
    )
    return Diagnosis("dtype", one_line(match.group()), words, (cause,))


def _integer_layer(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain the refusal of gradients where a layer is being made; else it is another's."""
    if not any("/modules/" in f.file and f.function == "__init__" for f in reported.frames):
        return None
    return Diagnosis(
        "dtype",
        one_line(match.group()),
        "A layer was to be made with weights of an integer dtype, and its weights need gradients.",
        (
            Cause(
                "integer-layer",
                "dtype= of the layer is an integer dtype",
                "the error arose while a layer of torch.nn was made",
                "Make the layer in floating point, and convert its input instead",
                "layer = nn.Linear(in_features, out_features)",
            ),
        ),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "not implemented for",
        rf"[\"'](?P<operation>[\w:<> ,.]+)[\"'] not implemented for '(?P<dtype>{WORD})'",
        _not_implemented,
    ),
    Pattern(
        "without overflow",
        rf"value cannot be converted to type (?P<dtype>{WORD}) without overflow",
        _overflow,
    ),
    Pattern(
        "can't be cast to the desired output type",
        rf"result type (?P<result>{WORD}) can't be cast to the desired output type "
        rf"(?P<kept>{WORD})",
        _cast,
    ),
    Pattern(
        "Only Tensors of floating point",
        r"Only Tensors of floating point[\w ]* dtype can require gradients",
        _integer_layer,
    ),
)

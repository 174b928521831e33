"""One dtype: an operation lacks it, or it cannot hold a result."""

from __future__ import annotations

import re

from fcinspect.diagnosis.records import Found, Pick, pick
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.rules.dtypes import HALF, INTEGERS, dtype_of, to
from fcinspect.diagnosis.rules.own_line import converted

DRAWS = re.compile(r"uniform|normal|random|bernoulli|cauchy|exponential|geometric")


def not_implemented(operation: str, dtype: str, reported: Reported) -> Found | None:
    """ "addmm_impl_cpu_" not implemented for 'Half'"""
    found = dtype_of(dtype)
    if found is None or re.search(r"nll|cross_entropy|ctc_loss|host_softmax", operation):
        return None
    return Found(*_lacking(operation, found, reported), dtype=found)


def _lacking(operation: str, dtype: str, reported: Reported) -> tuple[str | Pick, ...]:
    if dtype in HALF:
        if "cuda" in operation.lower():
            return ("low-precision-not-supported",)
        return "half-on-cpu", "not-moved-to-gpu"
    if dtype.startswith("float8"):
        return ("packed-values/float8",)
    if dtype[0] == "q":
        return ("packed-values",)
    if dtype.startswith("complex"):
        return ("complex-input/real",)
    if dtype in INTEGERS | {"uint8", "bool"}:
        if DRAWS.search(operation):
            return ("integer-draw",)
        holds = "truth values" if dtype == "bool" else "integers"
        code = converted(reported, ".float() / 255" if dtype == "uint8" else ".float()")
        return (pick("integer-input/operation", holds=holds, code=code),)
    if re.search("bitwise|shift|__i?x?(?:and|or)__|lcm|gcd", operation):
        return ("float-as-mask",)
    other = "float32" if dtype == "float64" else "int64"
    return (pick("dtype-not-supported", other=other, code=converted(reported, to(other))),)


def cast(result: str, kept: str, reported: Reported) -> Found | None:
    """result type Float can't be cast to the desired output type Long"""
    given, held = dtype_of(result), dtype_of(kept)
    if given is None or held is None:
        return None
    causes = ["in-place-keeps-dtype"]
    if reported.passed_through("modules/dropout.py"):
        causes = ["integer-input/dropout"]
    elif held in INTEGERS:
        causes.append("integer-input/dropout")
    code = converted(reported, to(given))
    return Found(*causes, result=given, kept=held, to_result=to(given), code=code)


def overflow(dtype: str) -> Found | None:
    """value cannot be converted to type at::Half without overflow"""
    found = dtype_of(dtype)
    if found is None:
        return None
    cause = "mask-value-too-large" if found in HALF else "value-out-of-range"
    return Found(cause, dtype=found, suffix=".float()" if found == "int64" else ".long()")


def integer_layer(reported: Reported) -> Found | None:
    """The refusal of gradients where a layer is being made; else it is another's."""
    if not any("/modules/" in f.file and f.function == "__init__" for f in reported.frames):
        return None
    return Found("integer-layer")

"""Dtypes: two that meet, and one that an operation lacks or that cannot hold a result."""

from __future__ import annotations

import re
from collections.abc import Callable

from fcinspect.diagnosis.catalogue.parsing import tables
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, Pick, pick
from fcinspect.diagnosis.rules.devices import factors
from fcinspect.diagnosis.rules.operands import called, converted

NAMES = tables()["dtypes"]
KNOWN = frozenset(NAMES.values()) | {
    *("bfloat16", "bool", "uint16", "uint32", "uint64", "quint8", "qint8", "qint32"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
}
HALF = frozenset({"float16", "bfloat16"})
INTEGERS = frozenset({"int64", "int32", "int16", "int8", "uint16", "uint32", "uint64"})
QUANTISED = frozenset({"quint8", "qint8", "qint32"})
SUFFIXES = {"float32": ".float()", "float64": ".double()", "float16": ".half()"}
IDS = re.compile(r"(?:\b|_)ids?\b|_seqs?\b|sequences?\b|tokens?\b|sentences?\b|prompts?\b|texts?\b")
"""Names of what holds numbers of tokens."""
GPU = re.compile(
    r"(?<!no )(?<!without )(?<!without a )\bGPU|\.cuda\(|[\"']cuda|\bcuda:\d|device ?= ?cuda"
)
DRAWS = re.compile(r"uniform|normal|random|bernoulli|cauchy|exponential|geometric")


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


def pair(a: str, b: str, facts: Facts) -> Decision | None:
    """The dtypes of the input and of the weight."""
    return _found(a, b, lambda given, needed: _causes(given, needed, facts))


def pair_second(a: str, b: str, facts: Facts) -> Decision | None:
    """The same, where the input is the second operand of the reader's own call."""
    return _found(a, b, lambda given, needed: _causes(given, needed, facts, 1))


def either(a: str, b: str, facts: Facts) -> Decision | None:
    """Two dtypes of which either may be the input's."""

    def causes(first: str, second: str) -> tuple[Pick, ...]:
        if {first, second} & HALF and {first, second} <= HALF | set(SUFFIXES):
            return _two_precisions(first, second, facts)
        return _odd_one(first, second, facts)

    return _found(a, b, causes)


def argument(a: str, b: str, name: str, facts: Facts) -> Decision | None:
    """Expected object of scalar type A but got scalar type B for argument #2 'mat2'"""
    if name == "target":
        return None

    def causes(expected: str, got: str) -> tuple[Pick, ...]:
        if name in {"weight", "mat2"}:
            return _causes(expected, got, facts)
        if name in {"mat1", "input", "self"}:
            return _causes(got, expected, facts)
        if {expected, got} & HALF:
            return _two_precisions(expected, got, facts)
        return _odd_one(expected, got, facts)

    found = _found(a, b, causes)
    if found is not None:
        found.values["of"] = f" for the argument {name!r}" if name else ""
    return found


def combination(given: str, facts: Facts) -> Decision | None:
    """addmm_ received an invalid combination of arguments - got (int, int, torch.IntTensor, …)"""
    pair_of = factors(given)
    return None if pair_of is None else pair(*pair_of, facts)


def _found(a: str, b: str, causes: Callable[[str, str], tuple[Pick, ...]]) -> Decision | None:
    """Return the causes of two dtypes, by the words of the message; None where they are alike."""
    first, second = dtype_of(a), dtype_of(b)
    if first is None or second is None or first == second:
        return None
    return Decision(*causes(first, second), a=f"torch.{first}", b=f"torch.{second}")


def _odd_one(first: str, second: str, facts: Facts) -> tuple[Pick, ...]:
    """Return causes where weights are taken to be in floating point, float32 most often."""
    if first == "float32" and not second.startswith(("float8", "q")):
        return _causes(second, first, facts, 1)
    return _causes(first, second, facts)


def _two_precisions(first: str, second: str, facts: Facts) -> tuple[Pick, ...]:
    low = first if first in HALF else second
    code = converted(facts, f".to(next({called(facts)}.parameters()).dtype)")
    one = pick("one-side-half/either", low=low, first=first, second=second, code=code)
    return one, _autocast(low, facts)


def no_dtypes(facts: Facts) -> Decision:
    """The wordings that name no dtype."""
    code = converted(facts, f".to(next({called(facts)}.parameters()).dtype)")
    return Decision("float64-input/unnamed", "one-side-half/unnamed", code=code)


def _causes(given: str, needed: str, facts: Facts, position: int = 0) -> tuple[Pick, ...]:
    """Return why an input of dtype `given` meets weights of dtype `needed`, most likely first."""

    def cause(name: str, suffix: str = "") -> Pick:
        code = converted(facts, suffix or to(needed), position)
        return pick(name, given=given, needed=needed, to_given=to(given), code=code)

    if given.startswith("complex"):
        code = converted(facts, ".abs()")
        return pick("complex-input", given=given, needed=needed, code=code), cause(
            "layer-left-real"
        )
    if needed.startswith("complex"):
        code = converted(facts, to(needed))
        return (pick("complex-layer", given=given, needed=needed, code=code),)
    if _packed(needed):
        return _packed_weight(needed, given), cause("layer-converted")
    if given in QUANTISED or given.startswith("float8"):
        return (cause("quantised-input", ".dequantize()" if given in QUANTISED else ""),)
    if given == "uint8":
        return (cause("byte-images", ".float() / 255"),)
    if given == "bool":
        return (cause("bool-input"),)
    if given in INTEGERS:
        both = cause("integer-input"), cause("token-ids")
        return both[::-1] if IDS.search(facts.own_place.code) else both
    if needed in HALF:
        return cause("one-side-half/model"), _autocast(needed, facts)
    if given in HALF:
        return cause("one-side-half/input"), _autocast(given, facts)
    if given == "float64":
        return cause("float64-input"), cause("layer-left-float32")
    return cause("double-layer"), cause("input-left-float32")


def _packed(dtype: str) -> bool:
    return dtype in QUANTISED or dtype in INTEGERS | {"uint8"} or dtype.startswith("float8")


def _packed_weight(needed: str, given: str) -> Pick:
    code = "weight = weight.float() * scale"
    if needed in QUANTISED:
        code = "weight = layer.weight().dequantize()"
    elif needed.startswith("float8"):
        return pick("packed-weight/float8", given=given, needed=needed)
    return pick("packed-weight", given=given, needed=needed, code=code)


def _autocast(low: str, facts: Facts) -> Pick:
    names = facts.names()
    target, layer = names["target"], names["layer"]
    if target in {layer, names["argument"]}:
        target = "y"
    named = re.search(r"\b(?:cuda|mps|xpu)\b", facts.text)
    device = named[0] if named else "cpu"
    call = f"{target} = {layer}({facts.argument})"
    return pick("autocast-missing", low=low, device=device, call=call)


def not_implemented(operation: str, dtype: str, facts: Facts, place: str = "") -> Decision | None:
    """ "addmm_impl_cpu_" not implemented for 'Half'"""
    if "cuda" in dtype or place == "CUDA":
        operation = f"{operation} of CUDA"
    found = dtype_of(dtype)
    if found is None or re.search(r"nll|cross_entropy|ctc_loss|host_softmax", operation):
        return None
    return Decision(*_lacking(operation, found, facts), dtype=found)


def _lacking(operation: str, dtype: str, facts: Facts) -> tuple[str | Pick, ...]:
    if dtype in HALF:
        if "cuda" in operation.lower():
            return ("low-precision-not-supported",)
        both = "half-on-cpu", "not-moved-to-gpu"
        return both[::-1] if GPU.search(facts.text) else both
    if dtype.startswith("float8"):
        return ("packed-values/float8",)
    if dtype[0] == "q":
        return ("packed-values",)
    if dtype.startswith("complex"):
        return ("complex-input/real",)
    if dtype in INTEGERS | {"uint8", "bool"}:
        if DRAWS.search(operation):
            return ("integer-draw",)
        holds = "booleans" if dtype == "bool" else "integers"
        code = converted(facts, ".float() / 255" if dtype == "uint8" else ".float()")
        return (pick("integer-input/operation", holds=holds, code=code),)
    if re.search("bitwise|shift|__i?x?(?:and|or)__|lcm|gcd", operation):
        return ("float-as-mask",)
    other = "float32" if dtype == "float64" else "int64"
    return (pick("dtype-not-supported", other=other, code=converted(facts, to(other))),)


def cast(result: str, kept: str, facts: Facts) -> Decision | None:
    """result type Float can't be cast to the desired output type Long"""
    given, held = dtype_of(result), dtype_of(kept)
    if given is None or held is None:
        return None
    causes = ["in-place-keeps-dtype"]
    if facts.passed_through("modules/dropout.py"):
        causes = ["integer-input/dropout"]
    elif held in INTEGERS:
        causes.append("integer-input/dropout")
    code = converted(facts, to(given))
    return Decision(*causes, result=given, kept=held, to_result=to(given), code=code)


def overflow(dtype: str) -> Decision | None:
    """value cannot be converted to type at::Half without overflow"""
    found = dtype_of(dtype)
    if found is None:
        return None
    cause = "mask-value-too-large" if found in HALF else "value-out-of-range"
    return Decision(cause, dtype=found, suffix=".float()" if found == "int64" else ".long()")


def integer_layer(facts: Facts) -> Decision | None:
    """The refusal of gradients where a layer is being made; else it is another's."""
    if not any("/modules/" in f.file and f.function == "__init__" for f in facts.frames):
        return None
    return Decision("integer-layer")

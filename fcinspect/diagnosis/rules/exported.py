"""Messages of exported and compiled models and of back ends: onnxruntime, dynamo, hipBLAS."""

from __future__ import annotations

import re
from math import isqrt, prod

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, shape_of

TYPES = {
    "double": "float64", "float": "float32", "float16": "float16", "mlfloat16": "float16",
    "int64": "int64", "long": "int64", "int32": "int32", "int": "int32", "bool": "bool",
    "uint8": "uint8", "string": "str_",
}  # fmt: skip
"""numpy's names for the dtypes that onnxruntime speaks of."""
MANGLED = {"Id": "float64", "If": "float32", "Il": "int64", "Ix": "int64", "Ii": "int32"}
BASIC = ("aten::empty", "aten::copy_", "aten::_copy_from")
"""Operators without which a device cannot hold tensors at all."""
MOST_MULTIPLE = 4096


def dimensions(name: str, pairs: str) -> Decision:
    """Got invalid dimensions for input: x for the following indices index: 0 Got: 8 Expected: 1"""
    found = [tuple(map(int, m)) for m in re.findall(r"(\d+) Got: (\d+) Expected: (\d+)", pairs)]
    shown = ", ".join(f"dimension {i} is {got} in place of {wanted}" for i, got, wanted in found)
    happened = f"The input {name} does not have the exported shape: {shown}."
    size = "×".join(str(wanted) for _, _, wanted in found)
    _, got, expected = found[0]
    cause = "exported-size-fixed"
    if [i for i, _, _ in found] == [0]:
        cause = "exported-batch-fixed"
    return Decision(
        cause, happened=happened, name=name, pairs=shown, size=size, got=got, expected=expected
    )


def rank(got: int, expected: int) -> Decision:
    """Invalid rank for input: x Got: 3 Expected: 4"""
    return Decision("exported-input-rank/batch" if got + 1 == expected else "exported-input-rank")


def types(actual: str, expected: str) -> Decision:
    """Unexpected input data type. Actual: (tensor(double)) , expected: (tensor(float))"""
    has, needs = _dtype(actual), _dtype(expected)
    default = "float64" if has == "float64" else "int64" if has == "int64" else has
    return Decision("exported-input-dtype", has=has, needs=needs, default=default)


def _dtype(text: str) -> str:
    inner = re.search(r"(\w+)[)>]*$", text.strip())
    name = inner[1].lower() if inner else text
    if name in TYPES:
        return TYPES[name]
    mangled = re.search(r"(?:PrimitiveDataType|NonOnnxType)(I\w)EE", text)
    if mangled is not None:
        return MANGLED.get(mangled[1], mangled[1])
    return "float16" if "Float16" in text else name


def gemm(weight: str, k: int, n: int) -> Decision:
    """GEMM: Dimension mismatch, W: {512,512} K: 16384 N:512"""
    sizes = shape_of(weight)
    wanted = next((size for size in reversed(sizes) if size != n), n)
    happened = f"A linear layer of the exported model got {k} features and takes {wanted}."
    batch, rest = divmod(k, wanted) if wanted else (0, 1)
    if rest == 0 and 1 < batch <= MOST_MULTIPLE:
        causes = ["exported-batch-folded", "exported-size-fixed/gemm"]
        return Decision(*causes, happened=happened, wanted=wanted, batch=batch)
    return Decision("exported-size-fixed/gemm", happened=happened, wanted=wanted, batch=0)


def reshape(given: str, shape: str) -> Decision:
    """Input shape:{8,255,52,52}, requested shape:{1,3,85,52,52}"""
    has, wanted = shape_of(given), shape_of(shape)
    numbers = prod(has)
    places = prod(size for size in wanted if size > 0)
    rest = prod(has[1:])
    samples = places // rest if rest and places % rest == 0 else 0
    causes = ["exported-size-constant"]
    if has and -1 not in wanted and samples and samples != has[0]:
        causes.insert(0, "exported-batch-constant")
    return Decision(
        *causes, numbers=f"{numbers:,}", places=f"{places:,}", batch=samples, given=has,
        shape=wanted, arriving=has[0] if has else 0,
    )  # fmt: skip


def rank_two(which: str, facts: Facts) -> Decision:
    """[ShapeInferenceError] Second input does not have rank 2"""
    named = re.search(r"Op \((\w+)\)|op_type: ?(\w+)|Op:(\w+)", facts.flat_text)
    node = next((name for name in named.groups() if name), "Gemm") if named else "Gemm"
    happened = f"The {which.lower()} input of {node} in the exported model is not a matrix."
    name = "exported-weight-rank" if which == "Second" else "exported-input-vector"
    if which == "First" and _three_dimensions(facts):
        name = "gemm-of-three-dimensions"
    return Decision(name, happened=happened, node=node)


def _three_dimensions(facts: Facts) -> bool:
    """Whether a text tells a shape of three or more dimensions, as 1*20*360 or (1, 20, 360)."""
    return re.search(r"\b\d+(?: ?[*x×,] ?\d+){2,}", facts.text.replace("\\n", " ")) is not None


def symbolic(rows: str, features: str, wanted: str) -> Decision | None:
    """must have same reduction dim, but got [s77, s0*s53] X [784, 128]; plain numbers: another's"""
    if not re.search(r"\b[su]\d", f"{rows} {features}") or not wanted.isdigit():
        return None
    size = int(wanted)
    if features.isdigit():
        happened = f"The compiled model has {features} features where the layer takes {size}."
        return None if features == wanted else Decision("compiled-features", happened=happened)
    happened = f"The compiled model has {features} features where the layer takes {size}."
    factors = [factor for factor in re.split(r"[*()\s]+", features) if factor]
    symbols = [factor for factor in factors if re.match(r"[su]\d", factor)]
    constant = prod(int(factor) for factor in factors if factor.isdigit())
    side = isqrt(size // constant) if constant and size % constant == 0 else 0
    square = f" = {side}·{side}" if side * side * constant == size else ""
    if square and constant > 1:
        square = f" = {constant}·{side}·{side}"
    values = {"happened": happened, "features": features, "square": square}
    pooled = f"({side}, {side})" if square else "size"
    if len(symbols) == 2 and re.match(r"s\d", rows):
        what = ", the height and the width of an image that flatten multiplies"
        return Decision("compiled-another-size", **values, what=what, side=pooled)
    if len(symbols) > 1:
        return Decision("compiled-another-size", "compiled-batch-folded", **values, what="",
                        side=pooled)  # fmt: skip
    return Decision("compiled-width", **values)


def batching(operator: str, facts: Facts) -> Decision:
    """Batching rule not implemented for aten::t"""
    linear = "F.linear" in facts.flat_text or facts.passed_through("modules/linear.py")
    name = operator.rpartition("::")[2].partition(".")[0]
    where, code = "", None
    if name in ("t", "linear", "addmm", "mm", "matmul") and (linear or name != "mm"):
        where = " (the product of a linear layer)" if linear else ""
        code = "y = x @ weight.transpose(-2, -1) + bias"
        if name == "t" and linear:
            where = " (the transposition of the weight inside F.linear)"
    return Decision("batching-rule-missing", where=where, code=code)


def backend(operator: str, backend: str) -> Decision:
    """Could not run 'quantized::linear' with arguments from the 'CPU' backend."""
    library, _, _ = operator.partition("::")
    values = {"backend": backend, "library": library}
    if library in ("quantized", "_quantized"):
        gpu = "CUDA" in backend or "MPS" in backend
        both = ("quantised-on-gpu", "quantised-given-floats")
        return Decision(*(both if gpu else ("quantised-given-floats",)), **values)
    if library not in ("aten", "prims", "prim") and backend in ("CUDA", "HIP", "MPS", "XPU"):
        return Decision("extension-without-gpu", **values)
    if operator.startswith(BASIC) and backend in ("CUDA", "HIP", "MPS", "XPU", "HPU", "XLA"):
        return Decision("cpu-build/backend", **values)
    for part, cause in (
        ("Quantized", "float-given-quantised"),
        ("Sparse", "operator-not-for-sparse"),
        ("Meta", "meta-module-run"),
    ):
        if backend.startswith(part):
            return Decision(cause, **values)
    return Decision("operator-not-for-device", **values)


def mps_types(a: str, b: str) -> Decision:
    """input types 'tensor<1x4x1xf16>' and 'tensor<1xf32>' are not broadcast compatible"""
    kinds = [text.rpartition("x")[2] for text in (a, b)]
    types = " and ".join(kinds)
    return Decision("mps-dtypes/half" if kinds[0] != kinds[1] else "mps-shapes", types=types)


def primitive(what: str, facts: Facts) -> Decision:
    """could not create a primitive descriptor for the matmul primitive"""
    shown = what or "form of this operation"
    happened = f"oneDNN could not make its {what or 'primitive'} for these operands."
    logged = re.findall(r"src_a:(\w+?):\S* src_b:(\w+?):", facts.text)
    if logged and logged[-1][0] != logged[-1][1]:
        a, b = logged[-1]
        return Decision("onednn-dtypes", "onednn-no-primitive", happened=happened, what=shown, a=a,
                        b=b)  # fmt: skip
    return Decision("onednn-no-primitive", happened=happened, what=shown)


def hipblas(status: str, call: str) -> Decision:
    """HIPBLAS_STATUS_NOT_SUPPORTED when calling `HIPBLAS_STATUS_NOT_SUPPORTED`"""
    called = (call or "hipBLAS").partition("(")[0].strip()
    causes = ["hipblas-failed", "hipblas-not-started"]
    if "NOT_SUPPORTED" in status:
        causes = ["hipblas-not-supported", "hipblas-other-library"]
    elif "Create" in called or re.search(r"ALLOC|NOT_INITIALIZED|ARCH", status):
        causes = ["hipblas-not-started", "hipblas-failed"]
    elif "INVALID_VALUE" in status:
        causes = ["hipblas-other-library", "hipblas-failed"]
    return Decision(*causes, call=called, status=f"HIPBLAS_STATUS_{status}")

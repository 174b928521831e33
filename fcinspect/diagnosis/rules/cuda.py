"""Errors of kernels and libraries of the GPU, which appear later than their cause."""

from __future__ import annotations

import re

from fcinspect.diagnosis.catalogue.parsing import messages
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Cause, Decision

ASSERTION = re.compile(r"Assertion [`'](?P<what>[^\n]{1,300}?)[`'] failed")
KERNEL = re.compile(r"\w*(?:[kK]ernel|Index|operator\(\)|gather|scatter|Criterion)\w*")
MOST_BEFORE = 400
"""So many characters before the assertion its kernel is looked for."""
CONDITIONS = (
    (r"n_classes|\bt >= 0|cur_target", "label-out-of-range"),
    (r"input_val >= zero|(?:x|input) >= 0\. ?&&", "logits-to-bce"),
    (r"probability|val >= zero|sum > accZero|p\d? >= 0|isfinite", "probabilities-not-finite"),
    (r"srcIndex < srcSelectDimSize|ind_dim_size|num_embeddings|num_rows|embedding",
     "index-out-of-range/embedding"),
    (r"ind(?:ex|exValue|_dim|x_dim)?\b.{0,40}<|index|out of bounds", "index-out-of-range/index"),
)  # fmt: skip
"""What an assertion says -> the cause."""
FOUND = {
    "label-out-of-range": "a class label that is out of range",
    "logits-to-bce": "an output that is no probability",
    "probabilities-not-finite": "a probability that is none",
    "assertion-in-kernel": "a value that it does not take",
}
MEMORY = re.compile("ALLOC_FAILED|NOT_INITIALIZED|INTERNAL_ERROR")
DTYPES = {"CUDA_R_16BF": "bfloat16", "CUDA_R_8F": "float8", "CUDA_R_16F": "float16"}
"""What the arguments of cuBLAS call a dtype."""


def asserted(facts: Facts) -> Decision | None:
    """Assertion `srcIndex < srcSelectDimSize` failed.

    The first one tells; None without one.
    """
    found = ASSERTION.search(facts.text)
    if found is None:
        return None
    before = facts.text[max(0, found.start() - MOST_BEFORE) : found.start()]
    kernels = KERNEL.findall(before)
    said = found["what"]
    cause = next((c for words, c in CONDITIONS if re.search(words, said)), "assertion-in-kernel")
    if cause == "index-out-of-range/index" and re.search("scatter", before, re.IGNORECASE):
        gathered = re.search(r"scatter_?gather|\bgather", before, re.IGNORECASE)
        cause = cause if gathered else "label-out-of-range/one-hot"
    return Decision(
        cause,
        what=FOUND.get(cause, "an index that is out of range"),
        assertion=f"`{' '.join(said.split())}`",
        kernel=kernels[-1] if kernels else "the kernel",
    )


def assertion(facts: Facts) -> Decision | None:
    """The same above an error of a library that met it later: the cause in full."""
    found = asserted(facts)
    known = messages("cuda")[0]
    if found is None:
        return None
    causes = (known.cause(name) for name in found.causes if isinstance(name, str))
    decided = Decision(*(cause for cause in causes if isinstance(cause, Cause)))
    decided.values = found.values
    return decided


def blas(status: str, function: str, given: str) -> Decision:
    """CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemm( handle, opa, …)`"""
    code = next((code for code in DTYPES if code in given), "")
    dtype = DTYPES.get(code, "")
    causes = ["other-cublas-found", "shape-mismatch-on-gpu"]
    if MEMORY.search(status):
        causes = ["gpu-memory-full", "index-out-of-range/earlier"]
    elif "EXECUTION_FAILED" in status:
        causes = ["index-out-of-range/earlier", "gpu-memory-full", "other-cublas-found"]
    elif "ARCH_MISMATCH" in status:
        causes = ["gpu-not-in-build"]
    elif "NOT_SUPPORTED" in status and dtype in ("bfloat16", "float8"):
        causes.insert(0, "dtype-not-on-gpu")
    return Decision(
        *causes,
        where=f" in {function}" if function else "",
        called="; cublasCreate makes the first handle" if function == "cublasCreate" else "",
        dtype=dtype,
        code=code,
        instead="float16 or float32" if dtype == "bfloat16" else "bfloat16",
    )


def old_blas(what: str, also: str) -> Decision | None:
    """cublas runtime error : library not initialized"""
    values = {"status": f"{what} {also}", "where": "", "called": ""}
    if (what, also) in {("library", "not"), ("resource", "allocation"), ("an", "internal")}:
        return Decision("gpu-memory-full", "index-out-of-range/earlier", **values)
    if (what, also) == ("the", "GPU"):
        return None
    if (what, also) == ("an", "invalid"):
        return Decision("other-cublas-found", "shape-mismatch-on-gpu", **values)
    return Decision("index-out-of-range/earlier", "other-cublas-found", **values)


def dnn(status: str) -> Decision:
    """cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"""
    if re.search("NOT_INITIALIZED|ALLOC_FAILED|INTERNAL_ERROR", status):
        return Decision("gpu-memory-full/cudnn", "other-cudnn-found")
    if re.search("EXECUTION_FAILED|MAPPING_ERROR", status):
        return Decision("index-out-of-range/cudnn", "gpu-memory-full/cudnn", "other-cudnn-found")
    if status.endswith("NOT_SUPPORTED"):
        return Decision("input-not-contiguous", "other-cudnn-found")
    return Decision("other-cudnn-found")

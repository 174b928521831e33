"""Ways to compute y = x·Wᵀ + b by hand: every order of summation, and what can be declared."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from fcinspect.rounding.arrays import hold, round_to
from fcinspect.rounding.formats import FLOAT32, FORMATS, NumberFormat, format_named
from tests.verification.library_ways import WAYS, Compute, Floats, Way, plus, tensor

LONGEST_LOOP = 600


def applies(way: str, dtype: str, n: int, bias: Floats | None) -> bool:
    """Whether a computation exists for that format, width and bias."""
    if way.startswith("numpy") and dtype not in ("float64", "float32"):
        # numpy sums float16 in float32 there, elsewhere in parts that are stored in float16
        return dtype == "float16" and way in ("numpy @", "numpy dot", "numpy inner")
    if way == "short sums loop" and dtype != "float16":
        return False
    if way in ("tf32", "tf32 truncated", "flushed loop") and dtype != "float32":
        return False
    if way.startswith(("truncating", "stored")) and dtype == "float64":
        return False
    if "loop" in way and n > LONGEST_LOOP:
        return False
    return not (way in ("addmm", "addmv", "baddbmm") and bias is None)


def way(name: str) -> Callable[[Way], Way]:
    """Add a computation under that name."""

    def add(function: Way) -> Way:
        WAYS[name] = function
        return function

    return add


def wide(dtype: str) -> type[np.floating]:
    """Return the format in which sums of `dtype` are formed."""
    return np.float64 if dtype == "float64" else np.float32


def ended(sums: npt.NDArray[np.floating], b: Floats | None, dtype: str) -> Floats:
    """Return sums in their accumulator plus b, rounded to `dtype`."""
    whole = sums if b is None else sums + b.astype(sums.dtype)
    return round_to(whole.astype(np.float64), format_named(dtype))


def products(x: Floats, w: Floats, kind: type[np.floating]) -> npt.NDArray[np.floating]:
    """Return (rows, out, n) products in that format."""
    return x.astype(kind)[:, None, :] * w.astype(kind)[None]


def summed(name: str, total: Callable[..., npt.NDArray[np.floating]]) -> None:
    """Add a computation by total(products) in the accumulator's format."""

    def made(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
        return None, lambda x, w, b: ended(total(products(x, w, wide(dtype)), random), b, dtype)

    WAYS[name] = made


summed("forwards", lambda p, _: np.cumsum(p, axis=-1)[..., -1])
summed("backwards", lambda p, _: np.cumsum(p[..., ::-1], axis=-1)[..., -1])
summed("any order", lambda p, r: np.cumsum(p[..., r.permutation(p.shape[-1])], axis=-1)[..., -1])
summed("pairwise", lambda p, _: p.sum(-1))
summed("largest last", lambda p, _: np.cumsum(np.sort(p, axis=-1), axis=-1)[..., -1])


@way("bias first")
def bias_first(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """The bias is the first term."""

    def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
        terms = products(x, w, wide(dtype))
        first = np.broadcast_to(0.0 if b is None else b[None, :, None], (*terms.shape[:2], 1))
        terms = np.concatenate([first.astype(terms.dtype), terms], axis=-1)
        return ended(np.cumsum(terms, axis=-1)[..., -1], None, dtype)

    return None, compute


@way("exact sum loop")
def exact_sum(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """Products of up to 24 bits are exact in float64; math.fsum rounds once."""

    def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
        extra = np.zeros(len(w)) if b is None else b
        rows = [[total([*(v * u), c]) for u, c in zip(w, extra, strict=True)] for v in x]
        return round_to(np.array(rows).reshape(len(x), len(w)), format_named(dtype))

    return None, compute


def total(terms: list[float]) -> float:
    """Return the sum rounded once; what overflows, by plain addition."""
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        return float(np.sum(terms))


@way("short sums loop")
def short_sums(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """Every product and sum in float16."""

    def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
        return ended(np.cumsum(products(x, w, np.float16), axis=-1)[..., -1], b, dtype)

    return "float16", compute


@way("float64 sums")
def float64_sums(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """A wider accumulator than anybody asked for."""
    return None, lambda x, w, b: ended(x @ w.T, b, dtype)


@way("chunks")
def chunks(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """Partial products by torch, added up in the dtype; in 16 bits they are stored so."""
    length = int(random.integers(1, n + 1)) if n < 40 else int(random.integers(n // 16, n + 1))
    count = -(-n // length)

    def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
        pairs = zip(
            torch.split(tensor(x, dtype), length, 1),
            torch.split(tensor(w, dtype), length, 1),
            strict=True,
        )
        whole = sum(u @ v.T for u, v in pairs)
        assert isinstance(whole, torch.Tensor)
        return plus(whole, None if b is None else tensor(b, dtype)).double().numpy()

    stored = FORMATS[dtype].itemsize == 2 and count > 1
    return f"split:{count}:{dtype}" if stored else None, compute


@way("stored partial sums")
def stored_partials(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """Partial sums in float32, each stored in fewer bits and added up in float32."""
    count = min(n, int(random.integers(2, 9)))
    name = str(random.choice(["bfloat16", "float16"]))

    def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
        parts = np.array_split(products(x, w, np.float32), count, axis=-1)
        held = [hold(part.sum(-1), name).astype(np.float32) for part in parts]
        return ended(np.stack(held).sum(0), b, dtype)

    return f"split:{count}:{name}", compute


def truncated(values: Floats) -> Floats:
    """Return the values cut to float32's 24 bits, towards zero."""
    significand, exponent = np.frexp(values)
    bits = FLOAT32.precision
    cut: Floats = np.ldexp(np.trunc(np.ldexp(significand, bits)), exponent - bits)
    return cut


def without_low_bits(values: Floats) -> npt.NDArray[np.float32]:
    """Return float32 numbers without their last 13 bits, as tf32 holds them."""
    bits = values.astype(np.float32).view(np.uint32) & np.uint32(0xFFFFE000)
    return bits.view(np.float32)


@way("truncating blocks loop")
def truncating(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """Tensor cores: blocks of K products and the sum so far, aligned and cut to 24 bits."""
    block = int(random.choice([4, 8, 16, 32]))

    def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
        terms = products(x, w, np.float64)
        whole = np.zeros(terms.shape[:2])
        for start in range(0, n, block):
            part = np.concatenate([whole[..., None], terms[..., start : start + block]], axis=-1)
            top = np.frexp(np.abs(part).max(-1, keepdims=True))[1]
            step = np.maximum(top - FLOAT32.precision - 1, -149)
            aligned = np.trunc(np.ldexp(part, -step))
            whole = truncated(np.ldexp(aligned.sum(-1), step[..., 0]))
        return ended(round_to(whole, FLOAT32).astype(np.float32), b, dtype)

    return f"rz:{block}", compute


@way("tf32")
def tf32(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """Operands rounded to 11 bits."""
    short = NumberFormat("tf32", 11, 127, -126, 4)
    return "tf32", lambda x, w, b: ended(
        round_to(x, short).astype(np.float32) @ round_to(w, short).astype(np.float32).T, b, dtype
    )


@way("tf32 truncated")
def tf32_truncated(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """Operands cut to 11 bits."""
    return "tf32:truncated", lambda x, w, b: ended(
        without_low_bits(x) @ without_low_bits(w).T, b, dtype
    )


@way("flushed loop")
def flushed(random: np.random.Generator, dtype: str, n: int) -> tuple[str | None, Compute]:
    """Subnormal operands, products and sums are zero."""

    def normal(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        return np.where(np.abs(values) < FLOAT32.smallest_normal, 0.0, values).astype(np.float32)

    def compute(x: Floats, w: Floats, b: Floats | None) -> Floats:
        terms = normal(
            products(normal(x).astype(np.float64), normal(w).astype(np.float64), np.float32)
        )
        whole = np.zeros(terms.shape[:2], dtype=np.float32)
        for k in range(n):
            whole = normal(whole + terms[..., k])
        return normal(
            ended(whole, None if b is None else normal(b).astype(np.float64), dtype)
        ).astype(np.float64)

    return "ftz", compute

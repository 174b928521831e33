"""Inputs of a product that lack a flattening or a batch, or were flattened with their batch."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

from fcinspect.diagnosis.factors import USUAL_CHANNELS, power_of_two
from fcinspect.diagnosis.messages.product_numbers import Product
from fcinspect.diagnosis.records import Cause

LEAST_SIDE = 5
"""Narrower pictures are told by nothing from a few features."""
MOST_BATCH = 1024
"""More rows than that are those of sequences or pictures, not of a batch alone."""


def batch_flattened(p: Product) -> Iterator[Cause]:
    """All rows in one: view(-1) or flatten() without a dimension."""
    if p.rows != 1 or p.width % p.wanted or p.width == p.wanted:
        return
    batch = p.width // p.wanted
    yield Cause(
        "batch-flattened",
        "The rows of the batch are flattened into one another",
        f"one row of {p.width:,} = {batch}·{p.wanted:,}: {batch} rows of in_features numbers each",
        "keep the first dimension: flatten from dimension 1",
        "x = torch.flatten(x, 1)",
    )


def one_sample(p: Product) -> Iterator[Cause]:
    """All that arrives is one row: a picture without a batch."""
    if p.rows * p.width != p.wanted or p.rows == 1:
        return
    side, name = isqrt(p.width), p.reported.names()["argument"]
    shape = f"{p.rows}×{side}×{side}" if side * side == p.width else f"{p.rows}×{p.width}"
    yield Cause(
        "unbatched",
        "The input is one sample without a batch dimension",
        f"{p.rows}·{p.width:,} = {p.wanted:,}: all that arrives is one row, e.g. a picture {shape}",
        "give it a batch of one before it enters the network",
        f"{name} = {name}.unsqueeze(0)  # of the network's input",
    )


def not_flattened(p: Product) -> Iterator[Cause]:
    """A picture that goes in as it is: in_features are its channels × height × width."""
    image = _unflattened_picture(p)
    if image is not None:
        channels, side = image
        batch = p.rows // (channels * side)
        yield Cause(
            "flatten-missing",
            "The input is not flattened",
            f"{p.wanted:,} = {channels}·{side}·{side} (channels × height × width), and"
            f" {p.rows:,} rows of {side} are {batch} such pictures",
            "flatten it from dimension 1, behind the batch",
            _flattening(p),
        )
    elif _rows_of_sequences(p):
        yield _perhaps_not_flattened(p)


def _unflattened_picture(p: Product) -> tuple[int, int] | None:
    """Return the channels and the side of the pictures that the rows are lines of.

    Of narrow pictures, and of powers of two alone, the numbers could as well be a layer's widths.
    """
    channels, rest = divmod(p.wanted, p.width**2)
    widths = channels == 1 and power_of_two(p.width)
    if rest or channels not in USUAL_CHANNELS or p.width < LEAST_SIDE or widths:
        return None
    return None if p.rows % (channels * p.width) else (channels, p.width)


def _rows_of_sequences(p: Product) -> bool:
    """Whether the rows are more than a batch has, and in_features a whole number of them."""
    return p.rows > MOST_BATCH and _divisible(p) and not power_of_two(p.wanted // p.width)


def _divisible(p: Product) -> bool:
    lines, rest = divmod(p.wanted, p.width)
    return p.width > 1 and lines > 1 and rest == 0 and p.rows % lines == 0


def or_not_flattened(p: Product) -> Iterator[Cause]:
    """Where only divisibility speaks for it: the input may as well have just two dimensions."""
    if _divisible(p) and _unflattened_picture(p) is None and not _rows_of_sequences(p):
        yield _perhaps_not_flattened(p)


def _perhaps_not_flattened(p: Product) -> Cause:
    lines = p.wanted // p.width
    batch = p.rows // lines
    return Cause(
        "flatten-missing",
        "The input is not flattened, if it has three dimensions or more",
        f"{p.wanted:,} = {lines}·{p.width}, and {p.rows:,} rows are {batch}·{lines}: as of a batch"
        f" of {batch}, each {lines}×{p.width}",
        "flatten it from dimension 1, behind the batch",
        _flattening(p),
    )


def _flattening(p: Product) -> str:
    call = p.reported.call
    if p.reported.inside and p.reported.passed_through("modules/container.py") and call is not None:
        return f"nn.Flatten(),  # before the nn.Linear inside {call.function}"
    return p.given("torch.flatten({}, 1)")

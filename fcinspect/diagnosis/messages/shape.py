"""Shapes that do not fit elsewhere than in a product: views, layers, operations."""

from __future__ import annotations

from math import prod
from re import Match

from fcinspect.diagnosis.messages import (
    shape_channels,
    shape_normalisations,
    shape_operations,
    shape_sequences,
)
from fcinspect.diagnosis.messages.shape_channels import numbers
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported


def _view(match: Match[str], reported: Reported) -> Diagnosis:
    """shape '[-1, 2048]' is invalid for input of size 6272"""
    wanted, size = numbers(match["shape"]), int(match["size"])
    fixed = prod(n for n in wanted if n >= 0)
    names = reported.names()
    evidence = f"{size:,} numbers are no whole number of rows of {fixed:,}"
    if -1 not in wanted:
        evidence = f"the shape asks for {fixed:,} numbers, and there are {size:,}"
    causes = [
        Cause(
            "view-of-another-size",
            "The number of features is written down, and the input gives another",
            evidence,
            "keep the rows and flatten the rest; then in_features tells what is wrong",
            f"{names['target']} = x.flatten(1)",
        )
    ]
    if fixed and size % fixed and -1 not in wanted and fixed % size and wanted and wanted[0] > 1:
        rest = fixed // wanted[0]
        if rest and size % rest == 0:
            causes.insert(
                0,
                Cause(
                    "batch-written-down",
                    "The batch is written down, and the last batch of an epoch is smaller",
                    f"{size:,} = {size // rest}·{rest:,}, and the shape asks for {wanted[0]} rows",
                    "take the batch from the tensor",
                    f"{names['target']} = x.view(x.size(0), -1)",
                ),
            )
    written = "×".join(str(n) if n >= 0 else "?" for n in wanted)
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"A tensor of {size:,} numbers cannot be viewed as {written}.",
        tuple(causes),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "is invalid for input of size",
        r"shape '(?P<shape>\[[-\d, ]*\])' is invalid for input of size (?P<size>\d+)",
        _view,
    ),
    known(
        "shape",
        "view size is not compatible",
        r"view size is not compatible with input tensor's size and stride",
        "A view needs the numbers in their order in memory; this tensor was transposed, permuted"
        " or sliced.",
        Cause(
            "view-of-strided",
            "The tensor was transposed or permuted before the view",
            "a view never moves numbers, and these lie in another order",
            "write reshape, which copies where it must; check that the dimensions are in the order"
            " you mean",
            "{target} = x.reshape(x.size(0), -1)",
        ),
    ),
    *shape_channels.PATTERNS,
    *shape_normalisations.PATTERNS,
    *shape_sequences.PATTERNS,
    *shape_operations.PATTERNS,
)

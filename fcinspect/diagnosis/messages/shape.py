"""Shapes that do not fit elsewhere than in a product: views, convolutions, norms, sequences."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from re import Match

from fcinspect.diagnosis.messages import shape_operations
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported


def numbers(text: str) -> list[int]:
    """Return the numbers of "[4, 1, 32, 32]"."""
    return [int(part) for part in text.replace("[", "").replace("]", "").split(",") if part.strip()]


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


def _channels(match: Match[str], reported: Reported) -> Diagnosis:
    """Given groups=1, weight of size [16, 3, 3, 3], expected input[4, 1, 32, 32] to have …"""
    shape, weight = numbers(match["input"]), numbers(match["weight"])
    wanted, got = int(match["wanted"]), int(match["got"])
    layer = reported.names()["layer"]
    causes = []
    if shape[0] == wanted == 1 and got > 1:
        causes.append(
            Cause(
                "channels-missing",
                "The input has no dimension of channels",
                f"the input is {shape}: a convolution takes what lacks a dimension for one sample,"
                f" and the batch of {got} for its channels",
                "put it behind the batch",
                "x = x.unsqueeze(1)",
            )
        )
    if len(shape) == 4 and shape[-1] == wanted:
        causes.append(
            Cause(
                "channels-last",
                "The picture lies as (batch, height, width, channels)",
                f"the input is {shape}: its last dimension is {wanted}",
                "bring the channels to dimension 1",
                "x = x.permute(0, 3, 1, 2)",
            )
        )
    if len(shape) == 4 and shape[0] == wanted and got > 4:
        causes.append(
            Cause(
                "unbatched",
                "The batch dimension is missing, or stands elsewhere",
                f"the input is {shape}: its first dimension is {wanted}",
                "give it a batch of one",
                "x = x.unsqueeze(0)",
            )
        )
    fix = f"make in_channels {got}"
    if (wanted, got) == (3, 1):
        fix += ", or repeat the grey picture: x.expand(-1, 3, -1, -1)"
    elif (wanted, got) == (3, 4):
        fix += ", or leave out the alpha channel: x[:, :3]"
    causes.append(
        Cause(
            "in-channels",
            f"in_channels is {wanted}, and {got} arrive",
            f"the input is {shape}, and dimension 1 holds the channels",
            fix,
            f"{layer} = {_convolution(weight, got, match['how'], int(match['groups'] or 1))}",
        )
    )
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"The convolution takes {wanted} channels, and the input has {got}.",
        tuple(causes),
    )


def _convolution(weight: Sequence[int], arriving: int, how: str | None, groups: int) -> str:
    """Return the layer that takes what arrives: "nn.Conv2d(4, 16, 3)"."""
    kernel = str(weight[2]) if len(set(weight[2:])) == 1 else str(tuple(weight[2:]))
    axes = len(weight) - 2
    if how == "transposed":
        return f"nn.ConvTranspose{axes}d({arriving}, {weight[1]}, {kernel})"
    grouped = f", groups={groups}" if groups > 1 else ""
    return f"nn.Conv{axes}d({arriving}, {weight[0]}, {kernel}{grouped})"


def _features(match: Match[str], reported: Reported) -> Diagnosis:
    """running_mean should contain 64 elements not 128"""
    arriving, held = int(match["arriving"]), int(match["held"])
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"{arriving} channels arrive at a batch normalisation of {held}.",
        (
            Cause(
                "num-features",
                f"num_features must be {arriving}",
                f"{arriving} arrive, and it was made for {held}",
                f"make num_features {arriving}, the out_features or out_channels before it",
                f"nn.BatchNorm1d({arriving})  # or 2d, as it is now",
            ),
        ),
    )


def _normalized(match: Match[str], reported: Reported) -> Diagnosis:
    """Given normalized_shape=[10], expected input with shape [*, 10], but got input of size…"""
    wanted, shape = numbers(match["wanted"]), numbers(match["input"])
    last = shape[-len(wanted) :] if wanted else shape
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"The last dimensions that arrive are {last}, and the normalisation was made for {wanted}.",
        (
            Cause(
                "normalized-shape",
                f"normalized_shape must be {last[0] if len(last) == 1 else last}",
                f"the input is {shape}",
                "make it the last dimension of what arrives",
                f"nn.LayerNorm({last[0] if len(last) == 1 else last})",
            ),
        ),
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
    Pattern(
        "to have",
        r"(?:(?P<how>groups|transposed)=(?P<groups>\d+), )?weight(?: of size )?"
        r"\[(?P<weight>[\d, ]+)\],(?: so)? expected input\[(?P<input>[\d, ]+)\] to have"
        r" (?P<wanted>\d+) channels, but got (?P<got>\d+) channels",
        _channels,
    ),
    Pattern(
        "elements not",
        r"running_(?:mean|var) should contain (?P<arriving>\d+) elements not (?P<held>\d+)",
        _features,
    ),
    Pattern(
        "normalized_shape",
        r"normalized_shape=\[(?P<wanted>[\d, ]+)\], expected input with shape \[.*?\], but got"
        r" input"
        r" of size ?\[(?P<input>[\d, ]+)\]",
        _normalized,
    ),
    *shape_operations.PATTERNS,
)

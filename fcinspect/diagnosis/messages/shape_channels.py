"""Shapes that do not fit a convolution or a pool."""

from __future__ import annotations

from collections.abc import Sequence
from re import Match

from fcinspect.diagnosis.factors import as_image
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported


def numbers(text: str) -> list[int]:
    """Return the numbers of "[4, 1, 32, 32]"."""
    return [int(part) for part in text.replace("[", "").replace("]", "").split(",") if part.strip()]


def names_in(reported: Reported) -> dict[str, str]:
    """Return the names in the reader's line; not where it calls several layers at once."""
    if reported.passed_through("modules/container.py"):
        return {"target": "x", "layer": "layer", "argument": "x"}
    return reported.names()


def _channels(match: Match[str], reported: Reported) -> Diagnosis:
    """Given groups=1, weight of size [16, 3, 3, 3], expected input[4, 1, 32, 32] to have …"""
    shape, weight = numbers(match["input"]), numbers(match["weight"])
    wanted, got = int(match["wanted"]), int(match["got"])
    names = names_in(reported)
    x = names["argument"]
    causes = []
    if shape[-1] == wanted != got and len(shape) == len(weight) > 2:
        causes.append(channels_last(shape, x))
    if shape[0] == wanted == 1 and got > 1:
        causes.append(
            Cause(
                "channels-missing",
                "The input has no dimension of channels",
                f"the input is {shape}: a convolution takes what lacks a dimension for one sample,"
                f" and the batch of {got} for its channels",
                "put it behind the batch",
                f"{x} = {x}.unsqueeze(1)",
            )
        )
    if len(shape) == 4 and shape[0] == wanted and got > 4:
        causes.append(
            Cause(
                "unbatched",
                "The batch dimension is missing, or stands elsewhere",
                f"the input is {shape}: its first dimension is {wanted}",
                "give it a batch of one",
                f"{x} = {x}.unsqueeze(0)",
            )
        )
    transposed, groups = match["how"] == "transposed", int(match["groups"] or 1)
    groups = 1 if transposed else groups
    causes.append(_in_channels(shape, weight, wanted, got, groups, names["layer"], transposed))
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"The convolution takes {wanted} channels, and the input has {got}.",
        tuple(causes),
    )


def channels_last(shape: Sequence[int], x: str) -> Cause:
    """Return the cause where the last dimension holds the channels of a picture or sequence."""
    axes = len(shape) - 2
    lies = {1: "sequence lies as (batch, time, channels)"}.get(
        axes, f"picture lies as (batch, {'depth, ' if axes == 3 else ''}height, width, channels)"
    )
    order = ", ".join(map(str, (0, axes + 1, *range(1, axes + 1))))
    moved = "transpose(1, 2)" if axes == 1 else f"permute({order})"
    if shape[0] == 1:  # a single sample may have come without a batch
        moved = f"movedim(-1, {-axes - 1})"
    return Cause(
        "channels-last",
        f"The {lies}",
        f"the input is {list(shape)}: its last dimension is {shape[-1]}",
        "bring the channels to dimension 1",
        f"{x} = {x}.{moved}",
    )


def _in_channels(
    shape: Sequence[int],
    weight: Sequence[int],
    wanted: int,
    got: int,
    groups: int,
    layer: str,
    transposed: bool,
) -> Cause:
    out = weight[0]
    fix = f"make in_channels {got}"
    if got % groups and weight[1] == 1:
        fix += " and groups too, which must divide in_channels and out_channels"
        groups, out = got, out if out % got == 0 else out // groups * got
    elif got % groups:
        fix = f"give it {wanted} channels; {got} cannot be divided by groups={groups}"
    elif (wanted, got) == (3, 1):
        fix += ", or repeat the grey picture: x.expand(-1, 3, -1, -1)"
    elif (wanted, got) == (3, 4):
        fix += ", or leave out the alpha channel: x[:, :3]"
    if got % groups == 0:
        fix += "; … is whatever else it is made with"
    kernel = str(weight[2]) if len(set(weight[2:])) == 1 else str(tuple(weight[2:]))
    axes = len(weight) - 2
    made = f"nn.Conv{axes}d({got}, {out}, {kernel}, …{f', groups={groups}' * (groups > 1)})"
    if transposed:
        made = f"nn.ConvTranspose{axes}d({got}, {weight[1]}, {kernel}, …)"
    return Cause(
        "in-channels",
        f"in_channels is {wanted}, and {got} arrive",
        f"the input is {list(shape)}, and dimension 1 holds the channels",
        fix,
        f"{layer} = {made}" if got % groups == 0 else None,
    )


def _convolution_rank(match: Match[str], reported: Reported) -> Diagnosis:
    """Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [28, 28]"""
    shape, axes = numbers(match["shape"]), int(match["rank"]) - 1
    x = names_in(reported)["argument"]
    flat = _flattened(shape) if axes == 2 else None
    code: str | None = None
    if flat is not None:
        image = (*shape[:-1], *flat)
        why, fix = "The picture was flattened", f"make it {image} again"
        code = f"{x} = {x}.unflatten(-1, {flat})"
    elif len(shape) == axes:
        why = "The input has neither a batch nor channels"
        fix = f"give it both: {(1, 1, *shape)}"
        code = f"{x} = {x}[None, None]"
    elif len(shape) < axes:
        why, fix = "The input has lost dimensions", "keep it as (batch, channels, height, width)"
    else:
        why = "The input has a dimension too many"
        fix = f"leave one out, or use nn.Conv{axes + 1}d" if axes < 3 else "leave one out"
        if 1 in shape[1:]:
            code = f"{x} = {x}.squeeze({shape.index(1, 1)})"
    expected = match["expected"]
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"The convolution takes {expected} input; it got {shape}.",
        (Cause("convolution-rank", why, f"its shape is {shape}", fix, code),),
    )


def _flattened(shape: Sequence[int]) -> tuple[int, int, int] | None:
    """Return (channels, height, width) of rows that were pictures; a square is one itself."""
    if len(shape) > 2 or (len(shape) == 2 and shape[0] == shape[1]):
        return None
    return as_image(shape[-1], 1) or as_image(shape[-1], 3)


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "to have",
        r"(?:(?P<how>groups|transposed)=(?P<groups>\d+), )?weight(?: of size )?"
        r"\[(?P<weight>[\d, ]+)\],(?: so)? expected input\[(?P<input>[\d, ]+)\] to have"
        r" (?P<wanted>\d+) channels, but got (?P<got>\d+) channels",
        _channels,
    ),
    Pattern(
        "(batched) input to conv",
        r"Expected (?P<expected>(?P<rank>\d)D \(unbatched\) or \dD \(batched\)) input to"
        r" conv\w+, but got input of size: \[(?P<shape>[\d, ]+)\]",
        _convolution_rank,
    ),
    known(
        "shape",
        "Kernel size can't be greater than actual input size",
        r"Calculated padded input size per channel: \((?P<size>[\dx ]+)\)\. Kernel size:"
        r" \((?P<kernel>[\dx ]+)\)\. Kernel size can't be greater",
        "A kernel of {kernel} does not fit what has become {size}.",
        Cause(
            "shrunk-to-nothing",
            "The picture is too small for so many convolutions and pools",
            "{size} is left, and the kernel is {kernel}",
            "leave out a pool, start from a larger picture, or give the layers before padding",
            'nn.Conv2d(…, padding="same")',
        ),
    ),
    known(
        "shape",
        "Output size is too small",
        r"Given input size: \((?P<size>[\dx]+)\)\. Calculated output size: \((?P<out>[-\dx]+)\)\."
        r" Output size is too small",
        "Pooling {size} (channels×height×width) leaves {out}.",
        Cause(
            "shrunk-to-nothing",
            "The picture is too small for so many pools",
            "{size} enters the pool, and {out} would leave it",
            "leave out a pool, or start from a larger picture",
            "nn.AdaptiveAvgPool2d(1)",
        ),
    ),
)

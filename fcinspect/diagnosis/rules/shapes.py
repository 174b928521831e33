"""Shapes that do not fit a view, a convolution or a normalisation."""

from __future__ import annotations

import re
from math import prod

from fcinspect.diagnosis.factors import as_image
from fcinspect.diagnosis.records import Decision, Pick, Shape, pick, shape_of
from fcinspect.diagnosis.reported import Reported

SHAPED = re.compile(r"(?:torch\.)?(?:randn?|zeros|ones|empty)\(((?:\d{1,9}, )*\d{1,9})\)$")
"""A tensor that is made where it is given, as ast.unparse writes it."""
RANKS = {2: 1, 3: 1, 4: 2, 5: 3}
"""Dimensions of the input -> of the BatchNorm that takes it."""


def view(shape: Shape, size: int) -> Decision:
    """shape '[-1, 2048]' is invalid for input of size 6272"""
    fixed = prod(n for n in shape if n >= 0)
    whole = -1 not in shape
    causes: list[str | Pick] = ["view-of-another-size/whole" if whole else "view-of-another-size"]
    if whole and fixed and size % fixed and fixed % size and shape and shape[0] > 1:
        rest = fixed // shape[0]
        if rest and size % rest == 0:
            rows = size // rest
            causes.insert(0, pick("batch-written-down", rows=rows, rest=rest, wanted=shape[0]))
    written = "×".join(str(n) if n >= 0 else "?" for n in shape)
    return Decision(*causes, written=written, fixed=fixed)


def names_in(reported: Reported) -> dict[str, str]:
    """Return the names in the reader's line; not where it calls several layers at once."""
    if reported.passed_through("modules/container.py"):
        return {"target": "x", "layer": "layer", "argument": "x"}
    return reported.names()


def channels(
    input: Shape, weight: Shape, wanted: int, got: int, how: str, groups: str, reported: Reported
) -> Decision:
    """Given groups=1, weight of size [16, 3, 3, 3], expected input[4, 1, 32, 32] to have …"""
    causes: list[str | Pick] = []
    if input[-1] == wanted != got and len(input) == len(weight) > 2:
        causes.append(_channels_last(input))
    if input[0] == wanted == 1 and got > 1:
        causes.append("channels-missing")
    if len(input) == 4 and input[0] == wanted and got > 4:
        causes.append("unbatched")
    transposed = how == "transposed"
    parts = 1 if transposed else int(groups or 1)
    causes.append(_in_channels(weight, wanted, got, parts, transposed))
    return Decision(*causes, shape=list(input), **names_in(reported))


def _channels_last(shape: Shape) -> Pick:
    """Return the cause where the last dimension holds the channels of a picture or sequence."""
    axes = len(shape) - 2
    lies = {1: "sequence lies as (batch, time, channels)"}.get(
        axes, f"picture lies as (batch, {'depth, ' if axes == 3 else ''}height, width, channels)"
    )
    order = ", ".join(map(str, (0, axes + 1, *range(1, axes + 1))))
    moved = "transpose(1, 2)" if axes == 1 else f"permute({order})"
    if shape[0] == 1:  # a single sample may have come without a batch
        moved = f"movedim(-1, {-axes - 1})"
    return pick("channels-last", lies=lies, shape=list(shape), last=shape[-1], moved=moved)


def _in_channels(weight: Shape, wanted: int, got: int, groups: int, transposed: bool) -> Pick:
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
    cause = "in-channels/divided" if got % groups else "in-channels"
    return pick(cause, fix=fix, made=made)


def convolution_rank(shape: Shape, rank: int, reported: Reported) -> Decision:
    """Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [28, 28]"""
    axes = rank - 1
    x = names_in(reported)["argument"]
    flat = _flattened(shape) if axes == 2 else None
    code: str | None = None
    if flat is not None:
        why, fix = "The picture was flattened", f"make it {(*shape[:-1], *flat)} again"
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
    return Decision("convolution-rank", why=why, fix=fix, code=code, shape=list(shape))


def _flattened(shape: Shape) -> tuple[int, int, int] | None:
    """Return (channels, height, width) of rows that were pictures; a square is one itself."""
    if len(shape) > 2 or (len(shape) == 2 and shape[0] == shape[1]):
        return None
    return as_image(shape[-1], 1) or as_image(shape[-1], 3)


def batch_norm_features(arriving: int, held: int, reported: Reported) -> Decision:
    """running_mean should contain 64 elements not 128"""
    shape, names = _given(reported), names_in(reported)
    kinds = set(re.findall(r"BatchNorm([123])d", reported.text))
    rank = RANKS.get(len(shape)) or (kinds.pop() if len(kinds) == 1 else "")
    made = f"{names['layer']} = nn.BatchNorm{rank}d({arriving})" if rank else None
    causes: list[str | Pick] = ["num-features"]
    if len(shape) > 2 and shape[-1] == held != shape[1]:
        causes.insert(0, _channels_last(shape))
    elif not shape:
        causes.append("channels-last/perhaps")
    return Decision(*causes, made=made, **names)


def _given(reported: Reported) -> Shape:
    """Return the shape of a tensor that is made in the reader's own line; empty without one."""
    if reported.passed_through("modules/container.py"):
        return ()
    made = SHAPED.match(reported.call.argument) if reported.call else None
    return shape_of(made[1]) if made else ()


def normalized(wanted: Shape, input: Shape, reported: Reported) -> Decision:
    """Given normalized_shape=[10], expected input with shape [*, 10], but got input of size…"""
    last = input[-len(wanted) :] if wanted else input
    causes: list[str | Pick] = ["normalized-shape"]
    if len(wanted) == 1 and wanted[0] in input[1:-1]:
        axis = input.index(wanted[0], 1)
        moved = "transpose(1, 2)" if len(input) == 3 else f"movedim({axis}, -1)"
        causes.insert(0, pick("channels-first", features=wanted[0], axis=axis, moved=moved))
    return Decision(
        *causes,
        width=last[0] if len(last) == 1 else list(last),
        last=list(last),
        wanted=list(wanted),
        input=list(input),
        **names_in(reported),
    )


def norm_rank(got: int, expected: str, reported: Reported) -> Decision:
    """expected 4D input (got 2D input)"""
    kind = "InstanceNorm" if reported.passed_through("instancenorm.py") else "BatchNorm"
    names = names_in(reported)
    code = reported.own_frame.code if reported.own_frame else ""
    made = re.search(r"([\w.]+) *= *nn\.\w+Norm[123]d\((\w+)[,)]", code)
    layer = made[1] if made else names["layer"]
    rank = RANKS.get(got)
    causes = ["batch-norm-rank"] if rank else []
    if got == int(expected[0]) - 1:
        causes.append("unbatched")
    return Decision(
        *(causes or ["batch-norm-rank/none"]),
        norm=kind,
        made=f"{layer} = nn.{kind}{rank}d({made[2] if made else 'num_features'})",
        argument=names["argument"],
    )

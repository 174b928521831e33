"""Shapes that do not fit a view, a convolution, a normalization, a sequence, or one another."""

from __future__ import annotations

import re
from math import prod

from fcinspect.diagnosis.facts import NAME, Facts
from fcinspect.diagnosis.recognising import groups_of
from fcinspect.diagnosis.records import Decision, Pick, Shape, pick, shape_of
from fcinspect.diagnosis.rules.image_sizes import as_image
from fcinspect.diagnosis.rules.operands import operands

SHAPED = re.compile(r"(?:torch\.)?(?:randn?|zeros|ones|empty)\(((?:\d{1,9}, )*\d{1,9})\)$")
"""A tensor that is made where it is given, as ast.unparse writes it."""
RANKS = {2: 1, 3: 1, 4: 2, 5: 3}
"""Dimensions of the input -> of the BatchNorm that takes it."""
POSITIONS = re.compile(r"pos(?:ition\w*|_\w+)?|pe|\w+_(?:pos|pe)")


def viewed(facts: Facts) -> tuple[Shape, int] | None:
    """Return the shape that a view was to have, and how many numbers there are."""
    said = groups_of("shape", "shapes.view", facts)
    return None if said is None else (shape_of(said["shape"]), int(said["size"]))


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


def names_in(facts: Facts) -> dict[str, str]:
    """Return the names in the reader's line; not where it calls several layers at once."""
    if facts.passed_through("modules/container.py"):
        return {"target": "x", "layer": "layer", "argument": "x"}
    return facts.names()


def channels(
    input: Shape, weight: Shape, wanted: int, got: int, how: str, groups: str, facts: Facts
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
    return Decision(*causes, shape=list(input), **names_in(facts))


def _channels_last(shape: Shape) -> Pick:
    """Return the cause where the last dimension holds the channels of a picture or sequence."""
    axes = len(shape) - 2
    lies = {1: "sequence is laid out as (batch, time, channels)"}.get(
        axes,
        f"image is laid out as (batch, {'depth, ' if axes == 3 else ''}height, width, channels)",
    )
    order = ", ".join(map(str, (0, axes + 1, *range(1, axes + 1))))
    moved = "transpose(1, 2)" if axes == 1 else f"permute({order})"
    if shape[0] == 1:  # a single sample may have come without a batch
        moved = f"movedim(-1, {-axes - 1})"
    return pick("channels-last", lies=lies, shape=list(shape), last=shape[-1], moved=moved)


def _in_channels(weight: Shape, wanted: int, got: int, groups: int, transposed: bool) -> Pick:
    out = weight[0]
    fix = f"set in_channels to {got}"
    if got % groups and weight[1] == 1:
        fix += " and groups too, which must divide in_channels and out_channels"
        groups, out = got, out if out % got == 0 else out // groups * got
    elif got % groups:
        fix = f"pass {wanted} channels; {got} is not divisible by groups={groups}"
    elif (wanted, got) == (3, 1):
        fix += ", or repeat the grayscale image: x.expand(-1, 3, -1, -1)"
    elif (wanted, got) == (3, 4):
        fix += ", or drop the alpha channel: x[:, :3]"
    if got % groups == 0:
        fix += "; … stands for its other arguments"
    kernel = str(weight[2]) if len(set(weight[2:])) == 1 else str(tuple(weight[2:]))
    axes = len(weight) - 2
    made = f"nn.Conv{axes}d({got}, {out}, {kernel}, …{f', groups={groups}' * (groups > 1)})"
    if transposed:
        made = f"nn.ConvTranspose{axes}d({got}, {weight[1]}, {kernel}, …)"
    cause = "in-channels/divided" if got % groups else "in-channels"
    return pick(cause, fix=fix, made=made)


def convolution_rank(shape: Shape, rank: int, facts: Facts) -> Decision:
    """Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [28, 28]"""
    axes = rank - 1
    x = names_in(facts)["argument"]
    flat = _flattened(shape) if axes == 2 else None
    code: str | None = None
    if flat is not None:
        why, fix = "The image was flattened", f"reshape it back to {(*shape[:-1], *flat)}"
        code = f"{x} = {x}.unflatten(-1, {flat})"
    elif len(shape) == axes:
        why = "The input has neither a batch nor a channel dimension"
        fix = f"add both: {(1, 1, *shape)}"
        code = f"{x} = {x}[None, None]"
    elif len(shape) < axes:
        why, fix = "The input has lost dimensions", "keep it as (batch, channels, height, width)"
    else:
        why = "The input has too many dimensions"
        fix = f"remove one, or use nn.Conv{axes + 1}d" if axes < 3 else "remove one"
        if 1 in shape[1:]:
            code = f"{x} = {x}.squeeze({shape.index(1, 1)})"
    return Decision("convolution-rank", why=why, fix=fix, code=code, shape=list(shape))


def _flattened(shape: Shape) -> tuple[int, int, int] | None:
    """Return (channels, height, width) of rows that were pictures; a square is one itself."""
    if len(shape) > 2 or (len(shape) == 2 and shape[0] == shape[1]):
        return None
    return as_image(shape[-1], 1) or as_image(shape[-1], 3)


def batch_norm_features(arriving: int, held: int, facts: Facts) -> Decision:
    """running_mean should contain 64 elements not 128"""
    shape, names = _given(facts), names_in(facts)
    kinds = set(re.findall(r"BatchNorm([123])d", facts.text))
    rank = RANKS.get(len(shape)) or (kinds.pop() if len(kinds) == 1 else "")
    made = f"{names['layer']} = nn.BatchNorm{rank}d({arriving})" if rank else None
    causes: list[str | Pick] = ["num-features"]
    if len(shape) > 2 and shape[-1] == held != shape[1]:
        causes.insert(0, _channels_last(shape))
    elif not shape:
        causes.append("channels-last/perhaps")
    return Decision(*causes, made=made, **names)


def _given(facts: Facts) -> Shape:
    """Return the shape of a tensor that is made in the reader's own line; empty without one."""
    if facts.passed_through("modules/container.py"):
        return ()
    made = SHAPED.match(facts.call.argument) if facts.call else None
    return shape_of(made[1]) if made else ()


def normalized(wanted: Shape, input: Shape, facts: Facts) -> Decision:
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
        **names_in(facts),
    )


def norm_rank(got: int, expected: str, facts: Facts) -> Decision:
    """expected 4D input (got 2D input)"""
    kind = "InstanceNorm" if facts.passed_through("instancenorm.py") else "BatchNorm"
    names = names_in(facts)
    code = facts.own_place.code
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


def input_size(wanted: int, got: int, facts: Facts) -> Decision:
    """input.size(-1) must be equal to input_size. Expected 10, got 28"""
    layer = facts.names()["layer"]
    named = re.search(r"lstm|gru|rnn", layer, re.I)
    kinds = {named[0].upper()} if named else set(re.findall(r"nn\.(LSTM|GRU|RNN)\b", facts.text))
    made = f"{layer} = nn.{kinds.pop()}({got}, …)" if len(kinds) == 1 else None
    return Decision("input-size", "sequence-transposed", made=made)


def hidden(wanted: Shape, got: Shape, at: str, facts: Facts) -> Decision:
    """Expected hidden[0] size (2, 4, 20), got [1, 4, 20]"""
    given = operands(facts)[1:2]
    state = given[0] if given and NAME.match(given[0]) else "c0" if at == "1" else "h0"
    cause = "hidden-state-batch"
    if len(wanted) == len(got) == 3 and wanted[1] == got[1]:
        cause = "hidden-state-layers" if wanted[2] == got[2] else "hidden-state-width"
    made = f"{state} = torch.zeros({', '.join(map(str, wanted))})"
    return Decision(cause, layers=wanted[0], made=made)


def attention_mask(got: Shape, wanted: Shape, facts: Facts) -> Decision:
    """The shape of the 2D attn_mask is torch.Size([2, 5]), but should be (5, 5)."""
    causes = ["attention-mask-shape"]
    if len(got) == len(wanted) == 2 and got[1] == wanted[1] and got[0] != wanted[0]:
        causes.insert(0, "padding-mask-as-attention-mask")
    mask = _keyword("attn_mask|mask", facts)
    return Decision(*causes, mask=mask, sizes=", ".join(map(str, wanted)))


def padding_mask(axis: int, facts: Facts) -> Decision:
    """Expected key_padded_mask.shape[0] to be 2, but got 5"""
    mask = _keyword("key_padding_mask", facts)
    return Decision("padding-mask-shape", mask=mask, what="time" if axis else "batch")


def _keyword(name: str, facts: Facts) -> str:
    """Return the name that is given as an argument whose name ends so, or mask."""
    given = re.search(rf"(?:{name})=([A-Za-z_][\w.]*)\s*[,)]", facts.own_place.code)
    return given[1] if given else "mask"


def cell_missing(facts: Facts) -> Decision | None:
    """An LSTM looks for (h0, c0) in a tensor."""
    if not (facts.frames and "hx[1]" in facts.frames[-1].code):
        return None
    given = operands(facts)[1:2]
    return Decision("cell-state-missing", h0=given[0] if given and NAME.match(given[0]) else "h0")


def elementwise(a: int, b: int, axis: int, facts: Facts) -> Decision:
    """The size of tensor a (8) must match the size of tensor b (7) at non-singleton dimension 1"""
    left, right = _pair(facts)
    small, large = (left, right) if a < b else (right, left)
    layers = pick(
        "sizes-differ",
        last="; in tensors with three dimensions, the last holds the features" * (axis == 2),
    )
    pictures = pick("sizes-differ/pictures", smaller=small, larger=large)
    longer, length = (left, b) if a > b else (right, a)
    lengths = pick("lengths-differ", longer=longer, length=length, most=max(a, b))
    causes: tuple[str | Pick, ...]
    if axis == 0:
        causes = ("sizes-differ/batch",)
    elif axis == 1:
        names = (name.rpartition(".")[2] for name in (left, right))
        positions = any(POSITIONS.fullmatch(name) for name in names)
        causes = (lengths, layers) if positions else (layers, lengths)
    else:
        causes = (pictures,) if axis > 2 or abs(a - b) <= 2 else (layers, pictures)
    return Decision(*causes)


def _pair(facts: Facts) -> tuple[str, str]:
    sides = re.fullmatch(r"([\w.]+)\s*[-+*/]\s*([\w.]+)", facts.own_place.marked)
    given = sides.groups() if sides else operands(facts)
    if len(given) == 2 and all(NAME.match(name) for name in given):
        return given[0], given[1]
    return "a", "b"


def joined(axis: int, wanted: int, got: int, place: int, facts: Facts) -> Decision:
    """Sizes of tensors must match except in dimension 1. Expected size 4 but got size 5 …"""
    causes: list[str | Pick] = [pick("joined-sizes", other=0 if axis else 1)]
    if axis == 1 and abs(wanted - got) == 1 and max(wanted, got) % 2:
        first, other = _members(place, facts)
        small, large = (other, first) if got < wanted else (first, other)
        odd, even = max(wanted, got), min(wanted, got)
        causes.insert(0, pick("odd-size-halved", smaller=small, larger=large, odd=odd, even=even))
    return Decision(*causes)


def _members(place: int, facts: Facts) -> tuple[str, str]:
    given = operands(facts)[:1]
    names = given[0].strip("[]()").split(", ") if given else []
    if place < len(names) and all(NAME.match(name) for name in names):
        return names[0], names[place]
    return "skip", "up"


def dimension(low: str, high: str, got: str, facts: Facts) -> Decision:
    """Dimension out of range (expected to be in range of [-3, 2], but got 3)"""
    call = facts.call
    owner, _, method = (call.function if call else "").rpartition(".")
    if method in {"unsqueeze", "unsqueeze_", "stack"}:
        x = owner if NAME.match(owner) and owner != "torch" else "x"
        return Decision(
            "missing-dimension/new",
            happened=f"A new dimension {got} is requested; it can be {low} to {high}.",
            method=method,
            code=f"{call.target} = {x}.unsqueeze(-1)" if call and method != "stack" else None,
        )
    return Decision("missing-dimension")

"""Shapes that do not fit a recurrent or an attention layer, or one another."""

from __future__ import annotations

import re

from fcinspect.diagnosis.records import Decision, Pick, Shape, pick
from fcinspect.diagnosis.reported import NAME, Reported
from fcinspect.diagnosis.rules.own_line import operands

POSITIONS = re.compile(r"pos(?:ition\w*|_\w+)?|pe|\w+_(?:pos|pe)")


def input_size(wanted: int, got: int, reported: Reported) -> Decision:
    """input.size(-1) must be equal to input_size. Expected 10, got 28"""
    layer = reported.names()["layer"]
    named = re.search(r"lstm|gru|rnn", layer, re.I)
    kinds = {named[0].upper()} if named else set(re.findall(r"nn\.(LSTM|GRU|RNN)\b", reported.text))
    made = f"{layer} = nn.{kinds.pop()}({got}, …)" if len(kinds) == 1 else None
    return Decision("input-size", "sequence-transposed", made=made)


def hidden(wanted: Shape, got: Shape, at: str, reported: Reported) -> Decision:
    """Expected hidden[0] size (2, 4, 20), got [1, 4, 20]"""
    given = operands(reported)[1:2]
    state = given[0] if given and NAME.match(given[0]) else "c0" if at == "1" else "h0"
    cause = "hidden-state-batch"
    if len(wanted) == len(got) == 3 and wanted[1] == got[1]:
        cause = "hidden-state-layers" if wanted[2] == got[2] else "hidden-state-width"
    made = f"{state} = torch.zeros({', '.join(map(str, wanted))})"
    return Decision(cause, layers=wanted[0], made=made)


def attention_mask(got: Shape, wanted: Shape, reported: Reported) -> Decision:
    """The shape of the 2D attn_mask is torch.Size([2, 5]), but should be (5, 5)."""
    causes = ["attention-mask-shape"]
    if len(got) == len(wanted) == 2 and got[1] == wanted[1] and got[0] != wanted[0]:
        causes.insert(0, "padding-mask-as-attention-mask")
    mask = _keyword("attn_mask|mask", reported)
    return Decision(*causes, mask=mask, sizes=", ".join(map(str, wanted)))


def padding_mask(axis: int, reported: Reported) -> Decision:
    """Expected key_padded_mask.shape[0] to be 2, but got 5"""
    mask = _keyword("key_padding_mask", reported)
    return Decision("padding-mask-shape", mask=mask, what="time" if axis else "batch")


def _keyword(name: str, reported: Reported) -> str:
    """Return the name that is given as an argument whose name ends so, or mask."""
    code = reported.own_frame.code if reported.own_frame else ""
    given = re.search(rf"(?:{name})=([A-Za-z_][\w.]*)\s*[,)]", code)
    return given[1] if given else "mask"


def cell_missing(reported: Reported) -> Decision | None:
    """An LSTM looks for (h0, c0) in a tensor."""
    if not (reported.frames and "hx[1]" in reported.frames[-1].code):
        return None
    given = operands(reported)[1:2]
    return Decision("cell-state-missing", h0=given[0] if given and NAME.match(given[0]) else "h0")


def elementwise(a: int, b: int, axis: int, reported: Reported) -> Decision:
    """The size of tensor a (8) must match the size of tensor b (7) at non-singleton dimension 1"""
    left, right = _pair(reported)
    small, large = (left, right) if a < b else (right, left)
    layers = pick(
        "sizes-differ",
        last="; in tensors of three dimensions the last holds the features" * (axis == 2),
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


def _pair(reported: Reported) -> tuple[str, str]:
    """Return the names of the two tensors in the reader's own line, or a and b."""
    marked = reported.own_frame.marked if reported.own_frame else ""
    sides = re.fullmatch(r"([\w.]+)\s*[-+*/]\s*([\w.]+)", marked)
    given = sides.groups() if sides else operands(reported)
    if len(given) == 2 and all(NAME.match(name) for name in given):
        return given[0], given[1]
    return "a", "b"


def joined(axis: int, wanted: int, got: int, place: int, reported: Reported) -> Decision:
    """Sizes of tensors must match except in dimension 1. Expected size 4 but got size 5 …"""
    causes: list[str | Pick] = [pick("joined-sizes", other=0 if axis else 1)]
    if axis == 1 and abs(wanted - got) == 1 and max(wanted, got) % 2:
        first, other = _members(place, reported)
        small, large = (other, first) if got < wanted else (first, other)
        odd, even = max(wanted, got), min(wanted, got)
        causes.insert(0, pick("odd-size-halved", smaller=small, larger=large, odd=odd, even=even))
    return Decision(*causes)


def _members(place: int, reported: Reported) -> tuple[str, str]:
    """Return the names of the first joined tensor and of that at a place, or skip and up."""
    given = operands(reported)[:1]
    names = given[0].strip("[]()").split(", ") if given else []
    if place < len(names) and all(NAME.match(name) for name in names):
        return names[0], names[place]
    return "skip", "up"


def dimension(low: str, high: str, got: str, reported: Reported) -> Decision:
    """Dimension out of range (expected to be in range of [-3, 2], but got 3)"""
    call = reported.call
    owner, _, method = (call.function if call else "").rpartition(".")
    if method in {"unsqueeze", "unsqueeze_", "stack"}:
        x = owner if NAME.match(owner) and owner != "torch" else "x"
        return Decision(
            "missing-dimension/new",
            happened=f"A new dimension {got} is asked for; it can stand at {low} to {high}.",
            method=method,
            code=f"{call.target} = {x}.unsqueeze(-1)" if call and method != "stack" else None,
        )
    return Decision("missing-dimension")

"""Shapes that do not fit one another: sums, joined and stacked tensors, indices."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages.own_line import operands
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import NAME, Reported

POSITIONS = re.compile(r"pos(?:ition\w*|_\w+)?|pe|\w+_(?:pos|pe)")


def _elementwise(match: Match[str], reported: Reported) -> Diagnosis:
    """The size of tensor a (8) must match the size of tensor b (7) at non-singleton dimension 1"""
    a, b, axis = int(match["a"]), int(match["b"]), int(match["axis"])
    differ = f"dimension {axis} is {a} on the left and {b} on the right, and neither is 1"
    layers = Cause(
        "sizes-differ",
        "The two tensors are of different layers or batches",
        differ + "; in tensors of three dimensions the last holds the features" * (axis == 2),
        "make both the same size: give the skipped connection a layer of its own, or take both"
        " from the same batch",
        f"self.skip = nn.Linear({a}, {b})",
    )
    causes = [layers]
    if axis == 0:
        causes = [
            Cause(
                "sizes-differ",
                "The two tensors have different first dimensions: another batch, or a bias along"
                " it",
                differ,
                "take both from the same batch; a bias of shape (N, 1) must be (N,)",
                "print(a.shape, b.shape)",
            )
        ]
    elif axis == 1:
        lengths = _lengths(a, b, differ, reported)
        causes = [lengths, layers] if _positions(reported) else [layers, lengths]
    else:
        pictures = _pictures(a, b, differ, reported)
        near = axis > 2 or abs(a - b) <= 2
        causes = [pictures] if near else [layers, pictures]
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"Two tensors are combined number by number; in dimension {axis} one has {a} and the other"
        f" {b}.",
        tuple(causes),
    )


def _pair(reported: Reported) -> tuple[str, str]:
    """Return the names of the two tensors in the reader's own line, or a and b."""
    marked = reported.own_frame.marked if reported.own_frame else ""
    sides = re.fullmatch(r"([\w.]+)\s*[-+*/]\s*([\w.]+)", marked)
    given = sides.groups() if sides else operands(reported)
    if len(given) == 2 and all(NAME.match(name) for name in given):
        return given[0], given[1]
    return "a", "b"


def _positions(reported: Reported) -> bool:
    return any(POSITIONS.fullmatch(name.rpartition(".")[2]) for name in _pair(reported))


def _lengths(a: int, b: int, differ: str, reported: Reported) -> Cause:
    left, right = _pair(reported)
    longer, length = (left, b) if a > b else (right, a)
    return Cause(
        "lengths-differ",
        "The two are sequences of different lengths, as where positions are made for another"
        " length than that of the tokens",
        f"{differ}; in sequences (batch, time, features) dimension 1 is the time",
        f"make positions for at least {max(a, b)} steps, or cut the longer to {length}",
        f"{longer} = {longer}[..., :{length}, :]",
    )


def _pictures(a: int, b: int, differ: str, reported: Reported) -> Cause:
    smaller, larger = _pair(reported) if a < b else _pair(reported)[::-1]
    return Cause(
        "sizes-differ",
        "The two are pictures or sequences of different sizes: an odd size was halved and doubled"
        " again, or a convolution lacks its padding",
        differ,
        "bring one to the size of the other by F.interpolate, F.pad or cutting, or give the"
        " convolutions their padding",
        f"{smaller} = F.interpolate({smaller}, size={larger}.shape[2:])",
    )


def _joined(match: Match[str], reported: Reported) -> Diagnosis:
    """Sizes of tensors must match except in dimension 1. Expected size 4 but got size 5 …"""
    axis, wanted, got, place = (int(match[n]) for n in ("axis", "wanted", "got", "place"))
    causes = [
        Cause(
            "joined-sizes",
            "They are joined along the wrong dimension, or come from different batches",
            f"{wanted} against {got}, and only dimension {axis} may differ",
            "join along the dimension that differs, or make the others alike",
            f"torch.cat(tensors, dim={0 if axis else 1})",
        )
    ]
    if axis == 1 and abs(wanted - got) == 1 and max(wanted, got) % 2:
        first, other = _members(place, reported)
        smaller, larger = (other, first) if got < wanted else (first, other)
        causes.insert(
            0,
            Cause(
                "odd-size-halved",
                "A picture of odd size was halved and doubled again, as in a U-Net, and lost a row",
                f"{max(wanted, got)} is odd, and {min(wanted, got)} is twice its half",
                "bring the smaller to the size of the larger, or pad the pictures to a size that"
                " can be halved so often",
                f"{smaller} = F.interpolate({smaller}, size={larger}.shape[2:])",
            ),
        )
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"Tensors are joined along dimension {axis}; in another dimension the first has"
        f" {wanted} and tensor {place} has {got}.",
        tuple(causes),
    )


def _members(place: int, reported: Reported) -> tuple[str, str]:
    """Return the names of the first joined tensor and of that at a place, or skip and up."""
    given = operands(reported)[:1]
    names = given[0].strip("[]()").split(", ") if given else []
    if place < len(names) and all(NAME.match(name) for name in names):
        return names[0], names[place]
    return "skip", "up"


def _dimension(match: Match[str], reported: Reported) -> Diagnosis:
    """Dimension out of range (expected to be in range of [-3, 2], but got 3)"""
    low, high, got = match["low"], match["high"], match["got"]
    call = reported.call
    function = call.function if call else ""
    owner, _, method = function.rpartition(".")
    if method in {"unsqueeze", "unsqueeze_", "stack"}:
        x = owner if method != "stack" and NAME.match(owner) and owner != "torch" else "x"
        cause = Cause(
            "missing-dimension",
            f"{method} counts the new dimension too, and the tensor has {high}",
            f"the new dimension can be {low} to {high}, and {got} is asked for",
            "name a place in that range; -1 puts the new dimension last",
            f"{call.target} = {x}.unsqueeze(-1)" if call and method != "stack" else None,
        )
        words = f"A new dimension {got} is asked for; it can stand at {low} to {high}."
    else:
        x = reported.names()["argument"]
        cause = Cause(
            "missing-dimension",
            "The tensor has fewer dimensions than the code expects: most often its batch is"
            " missing",
            f"dimension {got} does not exist; the last is {high}",
            "give it a batch dimension, or name a dimension that it has",
            f"{x} = {x}.unsqueeze(0)",
        )
        words = f"Dimension {got} is asked for; {low} to {high} can be named here."
    return Diagnosis("shape", one_line(match.group()), words, (cause,))


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "Dimension out of range",
        r"Dimension out of range \(expected to be in range of \[(?P<low>-?\d+),"
        r" (?P<high>\d+)\], but got (?P<got>-?\d+)\)",
        _dimension,
    ),
    Pattern(
        "must match the size of tensor b",
        r"The size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\) at"
        r" non-singleton dimension (?P<axis>\d+)",
        _elementwise,
    ),
    Pattern(
        "Sizes of tensors must match",
        r"Sizes of tensors must match except in dimension (?P<axis>\d+)\. Expected size"
        r" (?P<wanted>\d+) but got size (?P<got>\d+) for tensor number (?P<place>\d+)",
        _joined,
    ),
    known(
        "shape",
        "index out of range in self",
        r"index out of range in self",
        "An embedding is asked for a row that it does not have.",
        Cause(
            "index-out-of-range",
            "An index is as large as num_embeddings, or larger, or negative",
            "torch.nn.Embedding(n, …) has the rows 0 to n − 1",
            "make num_embeddings one more than the largest index, or use the tokenizer that belongs"
            " to the model",
            "print(x.min(), x.max(), embedding.num_embeddings)",
        ),
    ),
    known(
        "shape",
        "don't multiply up to",
        r"unflatten: Provided sizes \[(?P<sizes>[-\d, ]+)\] don't multiply up to the size of dim"
        r" (?P<axis>\d+) \((?P<size>\d+)\)",
        "Dimension {axis} has {size} numbers, and is to become {sizes}.",
        Cause(
            "unflatten-sizes",
            "The sizes do not multiply to {size}",
            "[{sizes}] against {size}",
            "give sizes whose product is {size}, or -1 for one of them",
        ),
    ),
    known(
        "shape",
        "Tensors must have same number of dimensions",
        r"Tensors must have same number of dimensions: got (?P<a>\d) and (?P<b>\d)",
        "Tensors of {a} and {b} dimensions are joined.",
        Cause(
            "joined-ranks",
            "One of the tensors lacks a dimension",
            "{a} and {b} dimensions",
            "flatten the larger, or unsqueeze the smaller",
            "torch.cat([a.flatten(1), b], dim=1)",
        ),
    ),
    known(
        "shape",
        "default_collate: batch must contain",
        r"default_collate: batch must contain .*?; found <class 'NoneType'>",
        "A DataLoader found None among the samples.",
        Cause(
            "sample-is-none",
            "The data set returns None, or holds it in a sample: a return is missing in"
            " __getitem__, or something was not found",
            "the message names NoneType",
            "return a tensor in every branch, or leave such samples out in a collate_fn",
            "def collate(samples):\n    return torch.utils.data.default_collate("
            "[s for s in samples if s is not None])",
        ),
    ),
    known(
        "shape",
        "stack expects each tensor to be equal size",
        r"stack expects each tensor to be equal size, but got \[(?P<a>[\d, ]*)\] at entry"
        r" (?P<i>\d+) and \[(?P<b>[\d, ]*)\] at entry (?P<j>\d+)",
        "Tensors of [{a}] and [{b}] are stacked; a DataLoader does so with its samples.",
        Cause(
            "samples-differ",
            "The samples of the batch have different shapes",
            "entry {i} is [{a}], entry {j} is [{b}]",
            "resize or pad them to one shape, or give the DataLoader a collate_fn",
            "torch.nn.utils.rnn.pad_sequence(samples, batch_first=True)",
        ),
    ),
    known(
        "shape",
        "permute(sparse_coo)",
        r"permute\(sparse_coo\): number of dimensions in the tensor input does not match.*?"
        r"input\.dim\(\) = (?P<got>\d+) is not equal to len\(dims\) = (?P<wanted>\d+)",
        "A tensor of {got} dimensions is permuted as if it had {wanted}.",
        Cause(
            "missing-dimension",
            "The tensor has another number of dimensions than permute names",
            "it has {got}, and {wanted} are named",
            "name each dimension once; most often the batch is missing",
            "x = x.unsqueeze(0)",
        ),
    ),
    known(
        "shape",
        "einsum()",
        r"einsum\(\): (?P<what>.{0,160})",
        "The equation of einsum does not fit its operands: {what}.",
        Cause(
            "einsum-operands",
            "A letter stands for two sizes, or an operand has other dimensions than letters",
            "{what}",
            "write one letter for each dimension, and the same letter for the same size only",
            "print([t.shape for t in operands])",
        ),
    ),
    *(
        known(
            "shape",
            marker,
            pattern,
            "A tensor of several numbers is used as one Python number.",
            Cause(
                "no-single-number",
                "The tensor holds more than one number",
                "item(), float() and int() take tensors of one",
                "reduce it first, or use tolist()",
                "{argument}.mean().item()",
            ),
        )
        for marker, pattern in (
            ("only one element tensors", r"only one element tensors can be converted"),
            ("converted to Scalar", r"a Tensor with \d+ elements cannot be converted to Scalar"),
        )
    ),
    known(
        "shape",
        "too many indices for tensor",
        r"too many indices for tensor of dimension (?P<rank>\d+)",
        "A tensor of {rank} dimensions is indexed with more.",
        Cause(
            "missing-dimension",
            "The tensor has fewer dimensions than the index names",
            "it has {rank}",
            "index what it has: after output[:, -1] the time is gone already",
        ),
    ),
)

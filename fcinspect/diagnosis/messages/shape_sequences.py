"""Shapes that do not fit a recurrent or an attention layer."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages.own_line import operands
from fcinspect.diagnosis.messages.shape_channels import numbers
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import NAME, Reported


def _input_size(match: Match[str], reported: Reported) -> Diagnosis:
    """input.size(-1) must be equal to input_size. Expected 10, got 28"""
    wanted, got = int(match["wanted"]), int(match["got"])
    names = reported.names()
    layer, x = names["layer"], names["argument"]
    kind = _kind(layer, reported)
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"{got} features arrive at each step of a recurrent layer made for {wanted}.",
        (
            Cause(
                "input-size",
                f"input_size must be {got}",
                f"the last dimension of the input is {got}, and input_size is {wanted}",
                f"make input_size {got}, the rest as it is; or bring the features to the last"
                " dimension",
                f"{layer} = nn.{kind}({got}, …)" if kind else None,
            ),
            Cause(
                "sequence-transposed",
                "Time and features are swapped",
                f"the last dimension is {got}, and {wanted} features are expected",
                "swap them, if another dimension is the features",
                f"{x} = {x}.transpose(1, 2)  # (batch, time, {wanted})",
            ),
        ),
    )


def _kind(layer: str, reported: Reported) -> str | None:
    """Return "LSTM", "GRU" or "RNN" where the layer's name or the text tells it."""
    named = re.search(r"lstm|gru|rnn", layer, re.I)
    kinds = {named[0].upper()} if named else set(re.findall(r"nn\.(LSTM|GRU|RNN)\b", reported.text))
    return kinds.pop() if len(kinds) == 1 else None


def _hidden(match: Match[str], reported: Reported) -> Diagnosis:
    """Expected hidden[0] size (2, 4, 20), got [1, 4, 20]"""
    wanted, got = numbers(match["wanted"]), numbers(match["got"])
    given = operands(reported)[1:2]
    state = given[0] if given and NAME.match(given[0]) else "c0" if match["at"] == "1" else "h0"
    made = f"{state} = torch.zeros({', '.join(map(str, wanted))})"
    evidence = f"(layers, batch, hidden_size) is {tuple(wanted)} here, and {tuple(got)} was given"
    cause = Cause(
        "hidden-state-batch",
        "The hidden state is of another batch, or batch and time are swapped",
        evidence,
        "make the state from this batch, or leave it out for zeros; batch_first=True does not"
        " change its order",
        "h0 = torch.zeros(num_layers, x.size(0), hidden_size)",
    )
    if len(wanted) == len(got) == 3 and wanted[1] == got[1]:
        cause = Cause(
            "hidden-state-width",
            "The hidden state has another hidden_size than the layer",
            evidence,
            "make the state with the hidden_size of the layer, or leave it out for zeros",
            made,
        )
        if wanted[2] == got[2]:
            cause = Cause(
                "hidden-state-layers",
                "The first dimension of the hidden state is num_layers, twice that where the layer"
                " is bidirectional",
                f"{evidence}: only dimension 0 differs",
                f"make it {wanted[0]} there, or leave the state out for zeros",
                made,
            )
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"The hidden state should be {tuple(wanted)}; it is {tuple(got)}.",
        (cause,),
    )


def _attention_mask(match: Match[str], reported: Reported) -> Diagnosis:
    """The shape of the 2D attn_mask is torch.Size([2, 5]), but should be (5, 5)."""
    got, wanted = numbers(match["got"]), numbers(match["wanted"])
    evidence = f"the mask is {tuple(got)}, and {tuple(wanted)} is needed"
    mask = _keyword("attn_mask|mask", reported)
    causes = [
        Cause(
            "attention-mask-shape",
            "The mask was made for sequences of another length",
            evidence,
            "make it for the lengths of query and key; here, of what may not see later steps",
            f"{mask} = torch.ones({', '.join(map(str, wanted))}, dtype=torch.bool).triu(1)",
        )
    ]
    if len(got) == len(wanted) == 2 and got[1] == wanted[1] and got[0] != wanted[0]:
        padding = Cause(
            "padding-mask-as-attention-mask",
            "A mask of the padding, (batch, time), was given as attn_mask, which is (time, time)",
            evidence,
            "give it as key_padding_mask (src_key_padding_mask of a transformer)",
            f"key_padding_mask={mask}",
        )
        causes.insert(0, padding)
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"The attention mask should be {tuple(wanted)}; it is {tuple(got)}.",
        tuple(causes),
    )


def _padding_mask(match: Match[str], reported: Reported) -> Diagnosis:
    """Expected key_padded_mask.shape[0] to be 2, but got 5"""
    axis, wanted, got = int(match["axis"]), match["wanted"], match["got"]
    mask = _keyword("key_padding_mask", reported)
    what = "time" if axis else "batch"
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"Dimension {axis} of the padding mask is {got} in place of {wanted}.",
        (
            Cause(
                "padding-mask-shape",
                "The padding mask is (time, batch) in place of (batch, time), whatever batch_first"
                " is; or the input has batch and time swapped",
                f"dimension {axis} of the mask is {got}, and the {what} of the input is {wanted}",
                "transpose the mask, or give the layer batch_first=True where the input is"
                " (batch, time, features)",
                f"{mask} = {mask}.T",
            ),
        ),
    )


def _keyword(name: str, reported: Reported) -> str:
    """Return the name that is given as an argument whose name ends so, or mask."""
    code = reported.own_frame.code if reported.own_frame else ""
    given = re.search(rf"(?:{name})=([A-Za-z_][\w.]*)\s*[,)]", code)
    return given[1] if given else "mask"


def _cell_missing(match: Match[str], reported: Reported) -> Diagnosis | None:
    """An LSTM looks for (h0, c0) in a tensor."""
    if not (reported.frames and "hx[1]" in reported.frames[-1].code):
        return None
    given = operands(reported)[1:2]
    h0 = given[0] if given and NAME.match(given[0]) else "h0"
    return Diagnosis(
        "shape",
        one_line(match.group()),
        "An LSTM was given one tensor in place of the pair of its states.",
        (
            Cause(
                "cell-state-missing",
                "An LSTM has two states, (h0, c0); nn.GRU and nn.RNN have one",
                f"torch looks for the second in what was given, whose size is {match['size']}",
                "give it both, or none for zeros",
                f"{h0} = ({h0}, torch.zeros_like({h0}))",
            ),
        ),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "attn_mask is",
        r"The shape of the [23]D attn_mask is torch\.Size\(\[(?P<got>[\d, ]+)\]\), but should be"
        r" \((?P<wanted>[\d, ]+)\)",
        _attention_mask,
    ),
    Pattern(
        "key_padded_mask",
        r"Expected key_padded_mask\.shape\[(?P<axis>\d)\] to be (?P<wanted>\d+), but got"
        r" (?P<got>\d+)",
        _padding_mask,
    ),
    Pattern(
        "is out of bounds for dimension 0",
        r"index 1 is out of bounds for dimension 0 with size (?P<size>\d+)",
        _cell_missing,
    ),
    Pattern(
        "must be equal to input_size",
        r"input\.size\(-1\) must be equal to input_size\. Expected (?P<wanted>\d+), got"
        r" (?P<got>\d+)",
        _input_size,
    ),
    Pattern(
        "input has inconsistent input_size",
        r"input has inconsistent input_size:? [Gg]ot (?P<got>\d+),? expected (?P<wanted>\d+)",
        _input_size,
    ),
    Pattern(
        "hidden",
        r"Expected hidden(?:\[(?P<at>\d)\])? size \((?P<wanted>[\d, ]+)\), got"
        r" \[(?P<got>[\d, ]+)\]",
        _hidden,
    ),
    known(
        "shape",
        "hx should also be",
        r"For (?P<batched>batched 3-D|unbatched 2-D) input, hx (?:and cx )?should also be"
        r" (?P<wanted>\d)-D"
        r" but got \(?(?P<got>\d)",
        "The input is {batched}, and the hidden state has {got} dimensions in place of {wanted}.",
        Cause(
            "hidden-state-rank",
            "Input and hidden state disagree on whether there is a batch",
            "the state has {got} dimensions, and {wanted} are expected",
            "give both a batch, or neither",
            "h0 = torch.zeros(num_layers, batch, hidden_size)",
        ),
    ),
    known(
        "shape",
        "Expected input to be 2D or 3D",
        r"(?P<kind>RNN|LSTM|GRU): Expected input to be 2D or 3D, got (?P<got>\d)D",
        "{kind} takes (time, features) or (batch, time, features); it got {got} dimensions.",
        Cause(
            "sequence-rank",
            "The input has a dimension too many, such as the channel of a picture",
            "{got} dimensions arrive",
            "leave it out, or merge it with the features",
            "x = x.squeeze(1)  # (batch, time, features)",
        ),
    ),
    known(
        "shape",
        "was expecting embedding dimension",
        r"was expecting embedding dimension of (?P<wanted>\d+), but got (?P<got>\d+)",
        "{got} features arrive at an attention layer of embed_dim {wanted}.",
        Cause(
            "embed-dim",
            "embed_dim must be {got}",
            "the last dimension of the query is {got}, and embed_dim is {wanted}",
            "make embed_dim {got}, or project the input",
            "self.project = nn.Linear({got}, {wanted})",
        ),
    ),
)

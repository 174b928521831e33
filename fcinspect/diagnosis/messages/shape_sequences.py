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


PATTERNS: tuple[Pattern, ...] = (
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

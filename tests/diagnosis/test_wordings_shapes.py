"""Shapes that do not fit: the first cause, and what its code does when torch runs it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Cause, Diagnosis


def refused(code: str, **names: object) -> str:
    """Return the traceback of a line of code that torch refuses."""
    with pytest.raises((RuntimeError, ValueError, IndexError, TypeError, AssertionError)) as caught:
        exec(code, {"torch": torch, "nn": nn, "F": F, **names})
    return (
        "Traceback (most recent call last):\n"
        f'  File "/home/me/train.py", line 4, in <module>\n    {code}\n'
        f"{type(caught.value).__name__}: {caught.value}\n"
    )


def causes_of(text: str) -> tuple[Cause, ...]:
    """Return the causes of a text that is recognised."""
    found = diagnose(text)
    assert isinstance(found, Diagnosis), text
    return found.likely


def mended(code: str, name: str, line: str | None = None, **names: object) -> None:
    """The code of the first cause, run before the line that failed, lets that line run."""
    first = causes_of(refused(code, **names))[0]
    assert first.name == name
    assert line is None or first.code == line
    assert first.code is not None
    scope = {"torch": torch, "nn": nn, "F": F, **names}
    exec(first.code.replace(", …", ""), scope)
    exec(code, scope)


@pytest.mark.parametrize(
    ("layer", "shape", "name", "line"),
    [
        (nn.Conv1d(16, 32, 3), (8, 100, 16), "channels-last", "seq = seq.transpose(1, 2)"),
        (nn.Conv1d(16, 32, 3), (100, 16), "channels-last", "seq = seq.movedim(-1, -2)"),
        (nn.Conv2d(3, 8, 3), (2, 9, 9, 3), "channels-last", "seq = seq.permute(0, 3, 1, 2)"),
        (nn.Conv2d(3, 8, 3), (9, 9, 3), "channels-last", "seq = seq.movedim(-1, -3)"),
        (nn.Conv3d(3, 8, 3), (2, 5, 6, 7, 3), "channels-last",
         "seq = seq.permute(0, 4, 1, 2, 3)"),
        (nn.LayerNorm(64), (2, 64, 10), "channels-first", "seq = seq.transpose(1, 2)"),
        (nn.LayerNorm(64), (2, 64, 8, 9), "channels-first", "seq = seq.movedim(1, -1)"),
        (nn.Conv2d(1, 16, 3), (28, 28), "convolution-rank", "seq = seq[None, None]"),
        (nn.Conv2d(1, 16, 3), (64, 64), "convolution-rank", "seq = seq[None, None]"),
        (nn.Conv2d(1, 16, 3), (4, 784), "convolution-rank",
         "seq = seq.unflatten(-1, (1, 28, 28))"),
        (nn.Conv2d(3, 16, 3), (4, 1, 3, 32, 32), "convolution-rank", "seq = seq.squeeze(1)"),
        (nn.Conv1d(1, 4, 3), (50,), "convolution-rank", "seq = seq[None, None]"),
    ],
)  # fmt: skip
def test_an_input_whose_dimensions_lie_otherwise_is_turned(
    layer: nn.Module, shape: tuple[int, ...], name: str, line: str
) -> None:
    """The line is written with the reader's name, and torch takes what it gives."""
    mended("y = layer(seq)", name, line, layer=layer, seq=torch.zeros(shape))


def test_a_layer_normalisation_of_another_width_is_made_anew() -> None:
    """Where the width stands in no other dimension, nothing is turned."""
    first = causes_of(refused("y = n(x)", n=nn.LayerNorm(64), x=torch.zeros(64, 5, 10)))[0]
    assert (first.name, first.code) == ("normalized-shape", "nn.LayerNorm(10)")


def test_channels_last_before_a_batch_normalisation() -> None:
    """A shape in the line tells it; without one the other reading stands second."""
    bn = nn.BatchNorm2d(3)
    seen = causes_of(refused("y = bn(torch.randn(4, 32, 32, 3))", bn=bn))[0]
    assert seen.name == "channels-last"
    unseen = causes_of(refused("y = bn(x)", bn=bn, x=torch.zeros(4, 32, 32, 3)))
    assert [cause.name for cause in unseen] == ["num-features", "channels-last"]
    assert unseen[0].code is None
    assert "last dimension" in unseen[1].cause
    matching = causes_of(refused("y = bn(torch.randn(4, 32, 9, 9))", bn=bn))
    assert [cause.code for cause in matching] == ["bn = nn.BatchNorm2d(32)"]


@pytest.mark.parametrize(
    ("made", "shape", "line"),
    [
        ("nn.BatchNorm2d(16)", (4, 16), "bn = nn.BatchNorm1d(16)"),
        ("nn.BatchNorm1d(width)", (4, 8, 5, 5), "bn = nn.BatchNorm2d(width)"),
        ("nn.BatchNorm2d(8, affine=False)", (4, 8, 5, 5, 5), "bn = nn.BatchNorm3d(8)"),
    ],
)
def test_a_batch_normalisation_of_the_rank_that_arrives(
    made: str, shape: tuple[int, ...], line: str
) -> None:
    """With the number of features where the line has it."""
    bn = eval(made, {"nn": nn, "width": 8})
    text = refused("bn(x)", bn=bn, x=torch.zeros(shape)).replace(
        "    bn(x)", f"    bn = {made}; bn(x)\n    {' ' * len(made)}       ^^^^^"
    )
    first = causes_of(text)[0]
    assert (first.name, first.code) == ("batch-norm-rank", line)
    exec(line, {"nn": nn, "width": 8, "x": torch.zeros(shape)})


def test_layers_and_directions_of_a_hidden_state() -> None:
    """Only the first dimension differs; a state of another batch keeps its cause."""
    gru = nn.GRU(8, 16, num_layers=2)
    steps = torch.zeros(5, 3, 8)
    mended(
        "y = gru(steps, state)",
        "hidden-state-layers",
        "state = torch.zeros(2, 3, 16)",
        gru=gru,
        steps=steps,
        state=torch.zeros(1, 3, 16),
    )
    lstm = nn.LSTM(10, 20, bidirectional=True, batch_first=True)
    text = refused(
        "y = lstm(x, (h0, h0))", lstm=lstm, x=torch.zeros(4, 7, 10), h0=torch.zeros(1, 4, 20)
    )
    first = causes_of(text)[0]
    assert (first.name, first.code) == ("hidden-state-layers", "h0 = torch.zeros(2, 4, 20)")
    other = causes_of(refused("y = gru(x, h)", gru=gru, x=steps, h=torch.zeros(2, 5, 16)))[0]
    assert other.name == "hidden-state-batch"
    wide = causes_of(refused("y = gru(x, h)", gru=gru, x=steps, h=torch.zeros(2, 3, 20)))[0]
    assert (wide.name, wide.code) == ("hidden-state-width", "h = torch.zeros(2, 3, 16)")


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_recurrent_layer_keeps_what_the_message_does_not_tell(kind: type[nn.Module]) -> None:
    """num_layers and batch_first are the reader's; the class is told by the name only."""
    layer = kind(10, 20, num_layers=2)
    text = refused("y = layer(x)", layer=layer, x=torch.zeros(5, 3, 12))
    assert causes_of(text)[0].code is None
    named = text.replace("layer(x)", f"self.{kind.__name__.lower()}(x)")
    assert causes_of(named)[0].code == f"self.{kind.__name__.lower()} = nn.{kind.__name__}(12, …)"


def test_groups_must_divide_the_channels() -> None:
    """A depthwise convolution takes its groups from what arrives; others are not guessed."""
    depthwise = nn.Conv2d(32, 64, 3, groups=32)
    mended(
        "y = dw(x)",
        "in-channels",
        "dw = nn.Conv2d(16, 64, 3, …, groups=16)",
        dw=depthwise,
        x=torch.zeros(1, 16, 8, 8),
    )
    mended("y = dw(x)", "in-channels", None, dw=depthwise, x=torch.zeros(1, 48, 8, 8))
    first = causes_of(
        refused("y = g(x)", g=nn.Conv2d(8, 4, 3, groups=2), x=torch.zeros(1, 5, 9, 9))
    )[0]
    assert first.code is None
    assert "5 is not divisible by groups=2" in first.fix


def test_pictures_of_different_sizes_are_no_matter_of_a_linear_layer() -> None:
    """The smaller is brought to the size of the larger, under the names of the line."""
    mended(
        "y = up + skip",
        "sizes-differ",
        "up = F.interpolate(up, size=skip.shape[2:])",
        up=torch.zeros(4, 64, 15, 15),
        skip=torch.zeros(4, 64, 16, 16),
    )
    mended(
        "merged = torch.cat([skip, up], dim=1)",
        "odd-size-halved",
        "up = F.interpolate(up, size=skip.shape[2:])",
        up=torch.zeros(4, 64, 24, 24),
        skip=torch.zeros(4, 64, 25, 25),
    )


def test_the_underlined_sum_tells_the_names() -> None:
    """Where several statements share a line, the first is not taken for it."""
    text = refused("y = up + skip", up=torch.zeros(1, 1, 5, 5), skip=torch.zeros(1, 1, 6, 6))
    line = "    skip = a; y = up + skip"
    first = causes_of(text.replace("    y = up + skip", f"{line}\n                  ~~~^~~~~~"))[0]
    assert first.code == "up = F.interpolate(up, size=skip.shape[2:])"


def test_positions_of_another_length() -> None:
    """A name such as pos tells it; the features keep their cause without one."""
    mended(
        "y = tok + pos",
        "lengths-differ",
        "tok = tok[..., :16, :]",
        tok=torch.zeros(2, 20, 64),
        pos=torch.zeros(16, 64),
    )
    mended(
        "y = tok + self_pos",
        "lengths-differ",
        "self_pos = self_pos[..., :20, :]",
        tok=torch.zeros(2, 20, 64),
        self_pos=torch.zeros(1, 32, 64),
    )
    text = refused("y = a + b", a=torch.zeros(2, 20), b=torch.zeros(2, 16))
    assert [cause.name for cause in causes_of(text)] == ["sizes-differ", "lengths-differ"]


def test_a_new_dimension_is_counted_with_those_of_the_tensor() -> None:
    """The range of unsqueeze is one larger than the dimensions of its tensor."""
    text = refused("s = x.unsqueeze(3)", x=torch.zeros(4, 5))
    first = causes_of(text)[0]
    assert "the tensor has 2" in first.cause
    assert first.code == "s = x.unsqueeze(-1)"
    plain = causes_of(refused("s = f(x)", f=lambda x: x.sum(3), x=torch.zeros(4, 5)))[0]
    assert plain.code == "x = x.unsqueeze(0)"


def test_masks_of_attention() -> None:
    """A mask of the padding has its own argument, and is (batch, time)."""
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.zeros(2, 5, 8)
    padding = torch.zeros(2, 5, dtype=torch.bool)
    line = "y = layer(x, x, x, attn_mask=hidden)"
    first = causes_of(refused(line, layer=attention, x=x, hidden=padding))[0]
    assert first.name == "padding-mask-as-attention-mask"
    assert first.code == "key_padding_mask=hidden"
    exec(f"layer(x, x, x, {first.code})", {"layer": attention, "x": x, "hidden": padding})
    mended(
        line,
        "attention-mask-shape",
        "hidden = torch.ones(5, 5, dtype=torch.bool).triu(1)",
        layer=attention,
        x=x,
        hidden=torch.zeros(7, 7, dtype=torch.bool),
    )
    mended(
        "y = layer(x, src_key_padding_mask=hidden)",
        "padding-mask-shape",
        "hidden = hidden.T",
        layer=nn.TransformerEncoderLayer(8, 2, batch_first=True),
        x=x,
        hidden=torch.zeros(5, 2, dtype=torch.bool),
    )


def test_an_lstm_has_two_states() -> None:
    """The index that is out of bounds is only that where the layer looks for the second."""
    lstm, x, h0 = nn.LSTM(8, 16, batch_first=True), torch.zeros(3, 5, 8), torch.zeros(1, 3, 16)
    error = "IndexError: index 1 is out of bounds for dimension 0 with size 1\n"
    head = 'Traceback (most recent call last):\n  File "/home/me/a.py", line 4, in <module>\n'
    inside = '  File "/x/site-packages/torch/nn/modules/rnn.py", line 1, in forward\n'
    call = "    out, hid = lstm(x, h0)\n"
    first = causes_of(f"{head}{call}{inside}    f'{{hx[0].dim()}} {{hx[1].dim()}}'\n{error}")[0]
    assert first.name == "cell-state-missing"
    assert first.code is not None
    scope: dict[str, object] = {"torch": torch, "h0": h0, "lstm": lstm, "x": x}
    exec(f"{first.code}\n{call.strip()}", scope)
    assert not isinstance(diagnose(f"{head}    y = table[1]\n{error}"), Diagnosis)


def test_a_sample_that_is_none() -> None:
    """A DataLoader cannot put None into a batch; the code leaves it out."""
    first = causes_of(
        refused("torch.utils.data.default_collate(samples)", samples=[None, torch.zeros(2)])
    )[0]
    assert first.name == "sample-is-none"
    scope: dict[str, object] = {"torch": torch}
    exec(f"{first.code}\nbatch = collate([None, torch.zeros(2)])", scope)
    assert isinstance(scope["batch"], torch.Tensor)

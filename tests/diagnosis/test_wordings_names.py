"""Code that is proposed stands in the names of the reader's own line."""

from __future__ import annotations

import pytest

from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Cause, Diagnosis

TORCH = "/home/me/env/lib/python3.11/site-packages/torch"


def causes_of(code: str, error: str, *through: str, above: str = "") -> tuple[Cause, ...]:
    """Return the causes of an error that arose in a line, on the way through files of torch."""
    lines = [f'  File "/home/me/train.py", line 9, in forward\n    {code}\n{above}']
    lines += [f'  File "{TORCH}/{file}", line 3, in {name}\n    pass\n' for file, name in
              (place.split(":") for place in through)]  # fmt: skip
    found = diagnose(f"Traceback (most recent call last):\n{''.join(lines)}{error}\n")
    assert isinstance(found, Diagnosis)
    return found.likely


TUPLE = "TypeError: linear(): argument 'input' (position 1) must be Tensor, not tuple"


def test_the_first_of_a_tuple_is_taken_under_its_name() -> None:
    """Where the text shows the call that gave it, there; else by its place in the tuple."""
    alone = causes_of("return self.out(states)", TUPLE)[0]
    assert (alone.name, alone.code) == ("tuple-input", "states = states[0]")
    shown = diagnose(
        "TypeError                                 Traceback (most recent call last)\n"
        "Cell In[2], line 9, in Net.forward(self, seq)\n"
        "      7 states = torch.zeros(3)\n"
        "      8 states = self.encoder(seq)\n"
        "----> 9 return self.out(states)\n\n" + TUPLE
    )
    assert isinstance(shown, Diagnosis)
    assert shown.likely[0].code == "states, _ = self.encoder(seq)"


@pytest.mark.parametrize(
    ("code", "device", "run"),
    [
        ("fc(x)", "cpu", "y = fc(x)"),
        ("fc(x.cuda())", "cuda", "x = fc(x.cuda())"),
        ("fc = fc(x)", "cpu", "y = fc(x)"),
        ("out = fc(x)", "cpu", "out = fc(x)"),
    ],
)
def test_autocast_overwrites_no_layer(code: str, device: str, run: str) -> None:
    """And it names the device that the text speaks of."""
    error = "RuntimeError: mat1 and mat2 must have the same dtype, but got Float and Half"
    found = next(cause for cause in causes_of(code, error) if cause.name == "autocast-missing")
    assert found.code is not None
    assert found.code.splitlines()[0].startswith(f'with torch.autocast(device_type="{device}"')
    assert found.code.splitlines()[1].split(" = ")[1] == run.split(" = ")[1]
    assert not found.code.splitlines()[1].strip().startswith("fc =")


def test_the_target_of_a_loss_keeps_its_name() -> None:
    """Even where the loss has another name than the usual, and the output has none."""
    error = (
        "ValueError: Target size (torch.Size([8])) must be the same as input size "
        "(torch.Size([8, 1]))"
    )
    through = ("nn/modules/loss.py:forward", "nn/functional.py:binary_cross_entropy_with_logits")
    found = causes_of("loss = crit(model(batch), target)", error, *through)
    assert found[0].code == "target = target.unsqueeze(1)"
    assert found[1].code == "pred = pred.squeeze(1)"


ROWS = "ValueError: Expected input batch_size ({}) to match target batch_size ({})."


def test_labels_that_are_longer_by_a_position() -> None:
    """18 and 20 rows are two sequences of 9 and 10; 32 and 28 are two batches."""
    line = "loss = F.cross_entropy(logits.view(-1, 50), labels.view(-1))"
    first = causes_of(line, ROWS.format(18, 20))[0]
    assert first.name == "lengths-differ"
    assert first.code == "loss = F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())"
    assert "2 × 9" in first.evidence
    longer = causes_of(line, ROWS.format(20, 18))[0]
    assert longer.code == "loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten())"
    batch = causes_of("loss = criterion(out, y)", ROWS.format(32, 28))[0]
    assert batch.name == "batch-differs"


def test_a_layer_keeps_the_arguments_it_has() -> None:
    """What is missing is put behind what is there."""
    error = "TypeError: Conv2d.__init__() missing 1 required positional argument: 'kernel_size'"
    assert causes_of("conv = nn.Conv2d(3,16)", error)[0].code == (
        "nn.Conv2d(3,16, kernel_size=kernel_size)"
    )
    found = diagnose(error)
    assert isinstance(found, Diagnosis)
    assert found.likely[0].code == "Conv2d(…, kernel_size=kernel_size)"


def test_one_allowed_global_may_not_be_the_last() -> None:
    """Only trusted files are loaded so, and the next global is met then."""
    found = diagnose(
        "_pickle.UnpicklingError: Weights only load failed.\n"
        "\tWeightsUnpickler error: Unsupported global: GLOBAL __main__.Net was not an allowed "
        "global by default."
    )
    assert isinstance(found, Diagnosis)
    allowed = next(cause for cause in found.likely if cause.name == "global-not-allowed")
    assert "trust the file" in allowed.fix
    assert "further names" in allowed.fix


OPTIM = ("optim/adamw.py:__init__", "optim/optimizer.py:__init__")


@pytest.mark.parametrize(
    ("line", "error", "code"),
    [
        ("opt = torch.optim.AdamW(net.parameters, lr=3e-4, weight_decay=0.01)",
         "TypeError: 'method' object is not iterable",
         "opt = torch.optim.AdamW(net.parameters(), lr=3e-4, weight_decay=0.01)"),
        ("self.opt = Adam(self.fc.state_dict(), 0.1)",
         "TypeError: optimizer can only optimize Tensors, but one of the params is str",
         "self.opt = Adam(self.fc.parameters(), 0.1)"),
        ("opt = torch.optim.Adam(fc.parameters(), lr=-1, eps=1e-6)",
         "ValueError: Invalid learning rate: -1",
         "opt = torch.optim.Adam(fc.parameters(), lr=1e-3, eps=1e-6)"),
        ("torch.optim.Adam(fc.parameters(), -1)",
         "ValueError: Invalid learning rate: -1",
         "torch.optim.Adam(fc.parameters(), lr=1e-3)"),
        ("nn.utils.clip_grad_norm_(net.parameters())",
         "TypeError: clip_grad_norm_() missing 1 required positional argument: 'max_norm'",
         "nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)"),
        ("opt = make(config)", "ValueError: Invalid learning rate: -1",
         "torch.optim.SGD(model.parameters(), lr=1e-3)"),
    ],
)  # fmt: skip
def test_the_readers_optimizer_is_kept(line: str, error: str, code: str) -> None:
    """With its class, its model and the options that are not at fault."""
    through = () if "clip" in line else OPTIM
    assert causes_of(line, error, *through)[0].code == code

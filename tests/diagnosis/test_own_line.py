"""What the reader's own line tells, and what is said of texts as people paste them."""

from __future__ import annotations

import pytest

from fcinspect.diagnosis.reading import read
from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Cause, Diagnosis

PRODUCT = "mat1 and mat2 shapes cannot be multiplied (3x10 and 25x7)"
LINEAR = """  File "/x/site-packages/torch/nn/modules/linear.py", line 125, in forward
    return F.linear(input, self.weight, self.bias)
"""


def first_cause(text: str) -> Cause:
    """Return the first cause of a text that must be recognised."""
    found = diagnose(text)
    assert isinstance(found, Diagnosis), found
    return found.likely[0]


def through(line: str) -> str:
    """Return the traceback of an error in a linear layer that this line calls."""
    head = 'Traceback (most recent call last):\n  File "net.py", line 9, in forward\n'
    return f"{head}    {line}\n{LINEAR}RuntimeError: {PRODUCT}\n"


@pytest.mark.parametrize(
    ("line", "layer"),
    [
        ("x = F.relu(self.fc1(x))", "self.fc1"),
        ("x = self.relu1(self.fc1(x))", "self.fc1"),
        ("x = torch.tanh(self.drop(self.fc1(x)))", "self.fc1"),
        ("loss = self.fc1(x.to(device)).relu().sum()", "self.fc1"),
        ("x = self.fc2(F.relu(h))", "self.fc2"),
        ("x = self.layers[0](x)", "self.layers[0]"),
        ("x = nn.Linear(25, 7)(x)", "layer"),
        ("return super().forward(x)", "layer"),
    ],
)
def test_which_layer_a_line_calls(line: str, layer: str) -> None:
    """An activation or a method of the result is no layer; what is proposed can be written."""
    assert first_cause(through(line)).code == f"{layer} = nn.Linear(10, 7)"


def test_a_line_of_a_subclass_leads_to_the_line_that_calls_it() -> None:
    """super().forward(x) tells no layer; the place before it does."""
    text = through("y = self.to_k(context)").replace(
        LINEAR, f'  File "ops.py", line 3, in forward\n    return super().forward(x)\n{LINEAR}'
    )
    assert first_cause(text).code == "self.to_k = nn.Linear(10, 7)"


def in_sequential(line: str, message: str) -> str:
    """Return the traceback of an error in a linear layer inside nn.Sequential."""
    container = """  File "/x/site-packages/torch/nn/modules/container.py", line 253, in forward
    input = module(input)
"""
    return through(line).replace(LINEAR, container + LINEAR).replace(PRODUCT, message)


@pytest.mark.parametrize(
    ("line", "within"), [("out = net(x)", "net"), ("x = self.head(x)", "self.head")]
)
def test_a_layer_inside_a_sequential_has_no_name(line: str, within: str) -> None:
    """The line calls the whole model, which must not become one layer."""
    code = first_cause(in_sequential(line, PRODUCT)).code
    assert code == f"nn.Linear(10, 7)  # instead of the layer inside {within}"


def test_a_flatten_that_a_sequential_lacks_stands_inside_it() -> None:
    """The input of the whole model is a picture as it should be."""
    message = "mat1 and mat2 shapes cannot be multiplied (256x8 and 512x10)"
    cause = first_cause(in_sequential("y = net(img)", message))
    assert cause.name == "flatten-missing"
    assert cause.code == "nn.Flatten(),  # before the nn.Linear inside net"


def test_an_input_is_turned_before_the_layer_inside_a_model() -> None:
    """Not before the model."""
    message = "mat1 and mat2 shapes cannot be multiplied (13x506 and 13x1)"
    cause = first_cause(in_sequential("y = net(img)", message))
    assert cause.code == "x = x.T  # before the layer inside net"


def test_what_python_underlines_tells_the_layer() -> None:
    """Of two layers in one line."""
    line = "x = self.fc2(self.norm(self.fc1(x)))"
    marks = " " * line.index("self.fc1") + "~" * len("self.fc1") + "^" * len("(x)")
    assert first_cause(through(line)).code == "self.fc2 = nn.Linear(10, 7)"
    assert first_cause(through(f"{line}\n    {marks}")).code == "self.fc1 = nn.Linear(10, 7)"


def test_places_without_the_name_of_an_error() -> None:
    """ComfyUI writes the message first, and the places without their indentation."""
    text = (
        f"Error occurred when executing KSampler:\n\n{PRODUCT}\n\n"
        'File "/c/attention.py", line 385, in forward\nk = self.to_k(context)\n'
        'File "/x/site-packages/torch/nn/modules/linear.py", line 114, in forward\n'
        "return F.linear(input, self.weight, self.bias)\n"
    )
    assert first_cause(text).code == "self.to_k = nn.Linear(10, 7)"


def test_places_from_the_innermost_on() -> None:
    """Visual Studio Code writes them in that order."""
    own = '  File "/me/train.py", line 3, in main\n    main()\n'
    net = '  File "/me/net.py", line 9, in forward\n    y = self.fc1(x)\n'
    text = f"Exception has occurred: RuntimeError\n{PRODUCT}\n{LINEAR}{net}{own}"
    assert first_cause(text).code == "self.fc1 = nn.Linear(10, 7)"


def test_the_marked_place_of_loguru() -> None:
    """It puts a sign before one place, and values below the code."""
    text = through("y = self.fc1(x)\n    │   └ Linear()").replace(
        '  File "net.py"', '> File "net.py"'
    )
    frame = read(text)[0].own_frame
    assert frame is not None
    assert (frame.file, frame.code) == ("net.py", "y = self.fc1(x)")


@pytest.mark.parametrize("sign", ["x", "×", " x "])
def test_the_sign_of_a_product(sign: str) -> None:
    """Typeset texts have another sign than torch."""
    text = f"shapes cannot be multiplied (3{sign}10 and 25{sign}7)"
    assert first_cause(text).name == "in-features"


def test_the_bar_of_a_progress_is_no_part_of_a_message() -> None:
    """It is indented, as the further lines of a message are."""
    found = diagnose(f"RuntimeError: {PRODUCT}\n  0%|          | 0/375 [00:03<?, ?it/s]\n")
    assert isinstance(found, Diagnosis)
    assert found.message == PRODUCT


def test_tensors_that_the_reader_computes_with_are_no_input_of_a_model() -> None:
    """Masks on two devices: the line moves one to the other."""
    text = (
        'Traceback (most recent call last):\n  File "Batch.py", line 26, in create_masks\n'
        "    trg_mask = trg_mask & np_mask\nRuntimeError: Expected all tensors to be on the same"
        " device, but found at least two devices, cuda:0 and cpu!\n"
    )
    cause = first_cause(text)
    assert (cause.name, cause.code) == (
        "operand-not-moved",
        "np_mask = np_mask.to(trg_mask.device)",
    )
    assert first_cause(text.replace("trg_mask & np_mask", "model(x)")).name == "input-on-cpu"


@pytest.mark.parametrize(
    ("given", "target", "name"),
    [
        ("1, 1, 9, 9", "1, 3, 9, 9", "mask-in-colours"),
        ("2, 20, 9, 9", "2, 32, 9, 9", "channels-differ"),
    ],
)
def test_channels_of_pictures_are_no_features(given: str, target: str, name: str) -> None:
    """Where the last dimensions agree, the last layer's out_features is not to blame."""
    text = (
        f"Target size (torch.Size([{target}])) must be the same as input size"
        f" (torch.Size([{given}]))"
    )
    cause = first_cause(text)
    assert cause.name == name
    assert "out_features" not in cause.cause + cause.fix


def test_the_head_of_a_detector_has_channels() -> None:
    """A convolution's rows are its out_channels."""
    text = (
        "Error(s) in loading state_dict for YOLOX:\n\tsize mismatch for head.0.weight: copying a"
        " param with shape torch.Size([80, 96, 1, 1]) from checkpoint, the shape in current model"
        " is torch.Size([6, 96, 1, 1]).\n\tsize mismatch for head.0.bias: copying a param with"
        " shape torch.Size([80]) from checkpoint, the shape in current model is torch.Size([6])."
    )
    cause = first_cause(text)
    assert cause.name == "head-replaced"
    assert "6 out_channels" in cause.cause
    assert "out_features" not in cause.cause + cause.fix

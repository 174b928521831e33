"""Messages about tensors on the meta device, which have a shape and no values."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.messages.own_line import called
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

META_LAYER = "meta-layer"


def _layer(reported: Reported, evidence: str) -> Cause:
    model = called(reported)
    return Cause(
        META_LAYER,
        'The layer was made on the meta device (device="meta", with torch.device("meta") or '
        "init_empty_weights) and its weights were never given values",
        evidence,
        "Give the weights memory and load them with assign=True before the first call",
        f'{model} = {model}.to_empty(device="cpu")\n{model}.load_state_dict(state, assign=True)',
    )


def _input(evidence: str) -> Cause:
    return Cause(
        "meta-input",
        "The input was made on the meta device, where tensors have no values",
        evidence,
        "Make the input on the device of the model",
        'x = torch.randn(4, 3)  # without device="meta"',
    )


def mixed(message: str, reported: Reported) -> Diagnosis:
    """Return what meta tensors beside others mean, where their order tells nothing."""
    evidence = "one of the tensors is on meta"
    return Diagnosis(
        "device",
        message,
        "A tensor on the meta device, which has a shape and no values, was to be computed with "
        "others.",
        (_layer(reported, evidence), _input(evidence)),
    )


def expected(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `Tensor on device meta is not on the expected device cpu!` and the reverse."""
    given, needed = match["a"], match["b"]
    evidence = f"a tensor on {given} met one on {needed}"
    layer, input_ = _layer(reported, evidence), _input(evidence)
    other = needed if given == "meta" else given
    return Diagnosis(
        "device",
        one_line(match.group()),
        f"A tensor on the meta device, which has a shape and no values, was to be computed with "
        f"one on {other}.",
        (layer, input_) if given == "meta" else (input_, layer),
    )


def _copied(match: Match[str], reported: Reported) -> Diagnosis:
    """Explain `Cannot copy out of meta tensor; no data!`"""
    of_module = "to_empty" in match.group() or any(
        frame.function == "to" and "modules/module.py" in frame.file.replace("\\", "/")
        for frame in reported.frames
    )
    module = Cause(
        "meta-module-moved",
        "A model on the meta device was moved with .to(…) or .cuda(), and there are no values to "
        "move",
        "the message asks for to_empty() in place of to()"
        if of_module
        else "the message speaks of a meta tensor",
        "Give the weights memory with to_empty, then load or initialise them",
        'model = model.to_empty(device="cpu")\nmodel.load_state_dict(state)',
    )
    tensor = Cause(
        "meta-tensor-copied",
        "A tensor on the meta device was copied to another device, and it has no values",
        "the message speaks of a meta tensor",
        "Make the tensor on the device where it is needed",
        'x = torch.zeros(x.shape, device="cpu")',
    )
    return Diagnosis(
        "device",
        one_line(match.group()),
        "Values of a tensor on the meta device were to be copied, and such a tensor has none.",
        (module, tensor) if of_module else (tensor, module),
    )


READ = Cause(
    "meta-value-read",
    "A value of a meta tensor is read: by .item(), float(…), if …: or printing",
    "tensors on meta have a shape and a dtype, no values",
    "Compute with real tensors where values are needed; on meta only shapes can be computed",
    'model = model.to_empty(device="cpu")\nmodel.load_state_dict(state)',
)

PATTERNS: tuple[Pattern, ...] = (
    Pattern("out of meta tensor", r"Cannot copy out of meta tensor; no data![^\n]*", _copied),
    known(
        "device",
        "meta tensor",
        r"Tensor\.item\(\) cannot be called on meta tensors",
        "A value of a tensor on the meta device was asked for, and such a tensor has none.",
        READ,
    ),
    known(
        "device",
        "can't convert meta",
        r"can't convert meta device type tensor to numpy",
        "A tensor on the meta device was to become a NumPy array, and it has no values.",
        READ,
    ),
    known(
        "device",
        "copying from a non-meta parameter",
        r"for (?P<key>\S+): copying from a non-meta parameter in the checkpoint to a meta",
        "The value of {key} was not loaded: the model is on the meta device, where there is "
        "no memory for it.",
        Cause(
            "assign-missing",
            "The model was made on the meta device, and load_state_dict copies in place",
            "{key} is a meta parameter in the model",
            "Put the tensors of the checkpoint in place of the model's with assign=True",
            "model.load_state_dict(state, assign=True)",
        ),
    ),
)

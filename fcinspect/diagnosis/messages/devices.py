"""Messages about tensors on different devices, and about devices that are not there."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages import device_access, meta_tensors
from fcinspect.diagnosis.messages.own_line import called, converted, operands
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import NAME, Reported

DEVICE = r"(?:cpu|cuda|mps|xpu|hpu|xla|npu|meta|privateuseone|gpu)(?::\d+)?"
INPUT_NAMES = frozenset({"input", "self", "mat1", "tensor1", "batch1", "index", "indices", "vec"})
WEIGHT_NAMES = frozenset({"weight", "mat2", "bias", "batch2", "running_mean", "running_var"})
"""What arguments are called inside torch, in a layer: its input, and its parameters."""


def device_of(word: str) -> str | None:
    """Return the device in a type's name: torch.cuda.FloatTensor, CUDAFloatType, "GPU", cuda:0."""
    plain = word.strip(" '.").lower()
    for device in ("cuda", "gpu", "mps", "xpu", "xla", "meta", "hpu", "npu"):
        if device in plain:
            name = "cuda" if device == "gpu" else device
            return plain if plain.startswith(f"{name}:") else name
    return "cpu" if plain == "cpu" or "tensor" in plain or "type" in plain else None


def _moved_input(reported: Reported, here: str, there: str, evidence: str) -> Cause:
    return Cause(
        "input-on-cpu" if here == "cpu" else "input-not-moved",
        f"The input is on {here} and the model on {there}: the input was not moved",
        evidence,
        f"Move the input (and the targets) to {there}, in the loop that takes the batches",
        converted(reported, f'.to("{there}")'),
    )


def _moved_model(reported: Reported, here: str, there: str, evidence: str) -> Cause:
    layer = called(reported)
    return Cause(
        "model-on-cpu" if here == "cpu" else "model-not-moved",
        f"The model, or this layer of it, is on {here} and the input on {there}: the model was not "
        "moved, or one part of it stayed behind",
        evidence,
        f"Move the model to {there} before the optimizer is made",
        f'{layer} = {layer}.to("{there}")',
    )


def _unregistered(evidence: str) -> Cause:
    return Cause(
        "tensor-not-registered",
        "A tensor made in forward, or kept as a plain attribute, does not move with model.to(…)",
        evidence,
        "Make it on the device of the input, or register it as a buffer in __init__",
        'mask = torch.zeros(n, device=x.device)\nself.register_buffer("mask", mask)  # in __init__',
    )


def _plain_list(evidence: str) -> Cause:
    return Cause(
        "layers-in-list",
        "Layers kept in a plain list or dict are no submodules, and model.to(…) does not move them",
        evidence,
        "Keep them in nn.ModuleList or nn.ModuleDict",
        "self.layers = nn.ModuleList(layers)",
    )


def sides(given: str, needed: str, reported: Reported, name: str = "") -> tuple[Cause, ...]:
    """Return the causes where a tensor on `given`, the argument `name`, meets others on `needed`.

    The name says whether it is the input or a parameter; of other names both are possible.
    """
    found = f"one tensor is on {given}, another on {needed}"
    if name:
        found = f"the argument {name!r} is on {given}, the others on {needed}"
    if name in INPUT_NAMES | WEIGHT_NAMES:
        input_at, weight_at = (needed, given) if name in WEIGHT_NAMES else (given, needed)
        if weight_at == "cpu":
            model = _moved_model(reported, weight_at, input_at, found)
            return model, _plain_list(found)
        return _moved_input(reported, input_at, weight_at, found), _unregistered(found)
    goal, other = (given, needed) if needed == "cpu" else (needed, given)
    own = _own_operands(reported, found)
    return (
        *own,
        _moved_input(reported, other, goal, found),
        _unregistered(found),
        _moved_model(reported, other, goal, found),
        _plain_list(found),
    )


def _own_operands(reported: Reported, evidence: str) -> tuple[Cause, ...]:
    """The reader computes with two tensors of their own, in no layer: a + b."""
    given = operands(reported)
    inside = bool(reported.frames) and reported.frames[-1] == reported.own_frame
    if not inside or len(given) != 2 or not all(NAME.match(name) for name in given):
        return ()
    a, b = given
    return (
        Cause(
            "operand-not-moved",
            f"{a} and {b} are on different devices: one of them was made or loaded elsewhere",
            evidence,
            "Move the one to the device of the other, best where it is made",
            f"{b} = {b}.to({a}.device)",
        ),
    )


def _two_devices(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `found at least two devices, cuda:0 and cpu! (when checking argument …)`."""
    first, second, name = match["a"], match["b"], match["name"] or ""
    if "meta" in (first, second):
        return meta_tensors.mixed(one_line(match.group()), reported)
    words = f"Tensors on two devices, {first} and {second}, were to be computed with each other."
    loss = re.search("nll_loss|cross_entropy|mse_loss|l1_loss", match["method"] or "")
    if loss and name in {"target", "weight"}:
        found = _loss(name, second, first)
    else:
        found = sides(second, first, reported, name)
    return Diagnosis("device", one_line(match.group()), words, found)


def _loss(name: str, given: str, needed: str) -> tuple[Cause, ...]:
    """Return why the target or the class weights of a loss are elsewhere than the output."""
    found = f"the argument {name!r} of the loss is on {given}, the output of the model on {needed}"
    if name == "target":
        return (
            Cause(
                "target-not-moved",
                "The input was moved to the device of the model, and the targets were not",
                found,
                "Move the targets together with the input",
                f'y = y.to("{needed}")',
            ),
        )
    return (
        Cause(
            "class-weights-not-moved",
            "The class weights of the loss were made on another device",
            found,
            "Move the loss function like a model",
            f'criterion = criterion.to("{needed}")',
        ),
    )


def _odd_one(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `but got mat1 is on cpu, different from other tensors on cuda:0`."""
    name, given, needed = match["name"], match["a"], match["b"]
    if "meta" in (given, needed):
        return meta_tensors.mixed(one_line(match.group()), reported)
    words = f"One tensor of an operation, {name}, is on {given}; the others are on {needed}."
    return Diagnosis("device", one_line(match.group()), words, sides(given, needed, reported, name))


def _types(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain `Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor)`."""
    given, needed = device_of(match["a"]), device_of(match["b"])
    if given is None or needed is None or given == needed:
        return None
    words = f"Input and weight of a layer are on different devices: the input on {given}, the "
    words += f"weight on {needed}."
    evidence = f"the input's type is {match['a']}, the weight's {match['b']}"
    if needed == "cpu":
        found = (_moved_model(reported, needed, given, evidence), _plain_list(evidence))
    else:
        found = (
            _moved_input(reported, given, needed, evidence),
            _unregistered(evidence),
        )
    return Diagnosis("device", one_line(match.group()), words, found)


def _argument(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Explain wordings that say where one argument is and where it was expected."""
    groups = match.groupdict()
    given, needed = device_of(groups["a"]), device_of(groups["b"])
    if given is None or needed is None or given == needed:
        return None
    name = groups.get("name") or ""
    of = f"The argument {name!r}" if name else "A tensor"
    words = f"{of} is on {given}, and the operation expected it on {needed}."
    return Diagnosis("device", one_line(match.group()), words, sides(given, needed, reported, name))


def _parallel(match: Match[str], reported: Reported) -> Diagnosis:
    model = called(reported)
    needed, found = match["a"], match["b"]
    return Diagnosis(
        "device",
        one_line(match.group()),
        f"nn.DataParallel wants the whole model on {needed}, and one of its tensors is on {found}.",
        (
            Cause(
                "model-not-on-first-device",
                "The model was not moved to the first of device_ids before the first call",
                f"device_ids[0] is {needed}; a parameter or buffer is on {found}",
                "Move the model to the first device, then wrap it",
                f'{model} = nn.DataParallel({model}.to("{needed}"))',
            ),
            _unregistered(f"a parameter or buffer is on {found}"),
        ),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "at least two devices",
        rf"found at least two devices, (?P<a>{DEVICE}) and (?P<b>{DEVICE})"
        r"(?:.{0,3}\(when checking argument for argument (?P<name>\w+)"
        r"(?: in method (?P<method>\w+))?)?",
        _two_devices,
    ),
    Pattern(
        "different from other tensors on",
        rf"but got (?P<name>\w+) is on (?P<a>{DEVICE}), different from other tensors on "
        rf"(?P<b>{DEVICE})",
        _odd_one,
    ),
    Pattern(
        "should be the same",
        r"Input type \((?P<a>[\w.]+)\) and (?:weight|bias) type \((?P<b>[\w.]+)\) should be the",
        _types,
    ),
    Pattern(
        "device type",
        r"Expected object of (?:device|backend) type (?P<b>\w+) but got (?:device|backend) type "
        r"(?P<a>\w+)(?: for argument #\d+ '(?P<name>\w+)')?",
        _argument,
    ),
    Pattern(
        "Expected object of backend",
        r"Expected object of backend (?P<b>\w+) but got backend (?P<a>\w+)"
        r"(?: for argument #\d+ '(?P<name>\w+)')?",
        _argument,
    ),
    Pattern(
        "Tensor for",
        r"Tensor for (?:argument #\d+ )?'(?P<name>\w+)' is on (?P<a>\w+),? but (?:it is |expected "
        r"(?:it|them) )(?:expected )?to be on (?P<b>\w+)",
        _argument,
    ),
    Pattern(
        "are not at the same device",
        rf"found (?P<name>input) tensor at (?P<a>{DEVICE}) and parameter tensor at (?P<b>{DEVICE})",
        lambda match, reported: (
            meta_tensors.mixed(one_line(match.group()), reported)
            if "meta" in match.group()
            else _argument(match, reported)
        ),
    ),
    Pattern(
        "is not on the expected device",
        rf"Tensor on device (?P<a>{DEVICE}) is not on the expected device (?P<b>{DEVICE})",
        lambda match, reported: (
            meta_tensors.expected(match, reported)
            if "meta" in (match["a"], match["b"])
            else _argument(match, reported)
        ),
    ),
    known(
        "device",
        "indices should be either on",
        r"indices should be either on (?P<host>\w+) or on the same device as the indexed tensor "
        rf"\((?P<there>{DEVICE})\)",
        "A tensor on {there} was indexed with indices on another device.",
        Cause(
            "indices-elsewhere",
            "The indices (or the mask) are on another device than the indexed tensor",
            "the indexed tensor is on {there}, and the indices are neither there nor on the CPU",
            "Bring the indices to the device of the tensor",
            "values = x[index.to(x.device)]",
        ),
    ),
    Pattern(
        "must have its parameters and buffers on device",
        rf"must have its parameters and buffers on device (?P<a>{DEVICE}).*?found one of them on "
        rf"device: (?P<b>{DEVICE})",
        _parallel,
    ),
    *meta_tensors.PATTERNS,
    *device_access.PATTERNS,
)

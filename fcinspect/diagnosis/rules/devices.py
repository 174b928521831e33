"""Tensors on different devices, and those on the meta device, which have no values."""

from __future__ import annotations

import re

from fcinspect.diagnosis.facts import NAME, Facts
from fcinspect.diagnosis.records import Decision, Pick, pick
from fcinspect.diagnosis.rules.operands import operands

INPUT_NAMES = frozenset({"input", "self", "mat1", "tensor1", "batch1", "index", "indices", "vec"})
WEIGHT_NAMES = frozenset({"weight", "mat2", "bias", "batch2", "running_mean", "running_var"})
"""What arguments are called inside torch, in a layer: its input, and its parameters."""

LOSSES = re.compile("nll_loss|cross_entropy|mse_loss|l1_loss|multi_margin|multilabel")
META = "A tensor on the meta device, which has a shape but no values, was combined with others."
ONE_META = "one of the tensors is on meta"


def device_of(word: str) -> str | None:
    """Return the device in a type's name: torch.cuda.FloatTensor, CUDAFloatType, "GPU", cuda:0."""
    plain = word.strip(" '.").lower()
    for device in ("cuda", "gpu", "mps", "xpu", "xla", "meta", "hpu", "npu"):
        if device in plain:
            name = "cuda" if device == "gpu" else device
            return plain if plain.startswith(f"{name}:") else name
    return "cpu" if plain == "cpu" or "tensor" in plain or "type" in plain else None


def two_devices(a: str, b: str, facts: Facts, name: str = "", method: str = "") -> Decision:
    """found at least two devices, cuda:0 and cpu! (when checking argument for argument …)

    Torch compares its arguments in the order of the schema with the device of the first of them
    (gen_device_check in torchgen/dest/register_dispatch_key.py, check_and_update_common_device in
    aten/src/ATen/core/op_registration/adaption.h), and names that device first, then that of the
    argument. So in addmm(self, mat1, mat2), which a linear layer calls with its bias, the input
    and the weight, "cpu and cuda:0" with mat1 has the bias on the CPU and the input on the GPU.
    """
    if "meta" in (a, b):
        return Decision("meta-layer", "meta-input", happened=META, evidence=ONE_META)
    role = _by_method(a, b, name, method, facts)
    found = _sides(b, a, name, facts)
    if role:
        found.causes = role
    return found


def _by_method(common: str, other: str, name: str, method: str, facts: Facts) -> tuple[Pick, ...]:
    """Return the causes where the method tells what its argument `name`, on `other`, is.

    All arguments before it are on `common`.
    """
    if LOSSES.search(method) and name in {"target", "weight"}:
        if common == "cpu":
            # the output of the model, which is compared with it, was left there
            return _model(common, other), pick("layers-in-list")
        return (pick("target-not-moved" if name == "target" else "class-weights-not-moved"),)
    if name == "tensors":
        return (pick("joined-elsewhere", function=re.sub(r"^wrapper_|^(?:CUDA)?_+", "", method)),)
    if name in {"index", "src"} and re.search(r"gather|scatter|index_(?:add|copy|fill)", method):
        return (pick("indices-elsewhere/argument", values=common),)
    if name == "mat2" and "addmm" in method:
        return (pick("weight-elsewhere"), pick("layers-in-list"))
    if re.search(r"bmm|dot\b", method) and name in {"mat2", "batch1", "batch2", "tensor", "other"}:
        own = operands(facts)
        named = len(own) == 2 and all(NAME.match(one) for one in own)
        left, right = own if named else ("left", "right")
        code = f"{right} = {right}.to({left}.device)"
        return (pick("operand-not-moved/factor", code=code),)
    return ()


def types(a: str, b: str) -> Decision | None:
    """Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor)"""
    given, needed = device_of(a), device_of(b)
    if given is None or needed is None or given == needed:
        return None
    evidence = f"the input's type is {a}, the weight's is {b}"
    return Decision(*_moved(given, needed), evidence=evidence, given=given, needed=needed)


def argument(a: str, b: str, facts: Facts, name: str = "") -> Decision | None:
    """The wordings that say where one argument is and where it was expected."""
    given, needed = device_of(a), device_of(b)
    if given is None or needed is None or given == needed:
        return None
    found = _sides(given, needed, name, facts)
    of = f"The argument {name!r}" if name else "A tensor"
    found.values |= {"of": of, "given": given, "needed": needed}
    return found


def recurrent(a: str, b: str, facts: Facts) -> Decision | None:
    """found input tensor at cpu and parameter tensor at cuda:0"""
    if "meta" in a + b:
        return Decision("meta-layer", "meta-input", happened=META, evidence=ONE_META)
    return argument(a, b, facts, "input")


def expected(a: str, b: str, facts: Facts) -> Decision | None:
    """Tensor on device meta is not on the expected device cpu!"""
    if "meta" not in (a, b):
        return argument(a, b, facts)
    causes = ("meta-layer", "meta-input") if a == "meta" else ("meta-input", "meta-layer")
    happened = META.replace("others.", f"one on {b if a == 'meta' else a}.")
    return Decision(
        *causes, happened=happened, evidence=f"a tensor on {a} was combined with one on {b}"
    )


def hidden(a: str, b: str) -> Decision:
    """found input tensor at cuda:0 and hidden tensor at cpu"""
    if b == "cpu":
        return Decision("hidden-not-moved")
    return Decision(_input(a, b), evidence=f"the input is on {a}, the hidden state on {b}")


def combination(given: str) -> Decision | None:
    """addmm_ received an invalid combination of arguments - got (int, …, torch.FloatTensor)"""
    pair = factors(given)
    if pair is None:
        return None
    left, right = map(device_of, pair)
    if left is None or right is None or left == right:
        return None
    evidence = f"the first factor is a {pair[0]}, the second a {pair[1]}"
    happened = f"The input of a product is on {left} and the weight on {right}."
    return Decision(*_moved(left, right), evidence=evidence, happened=happened)


def factors(given: str) -> tuple[str, str] | None:
    """Return the types of the two matrices that a product was given; None of other arguments.

    They stand last, before out=; addmm_ of a linear layer gets its input and its weight there.
    """
    plain = [word.strip(" !") for word in re.sub(r"\([^()]*\)", "", given).split(",")]
    kinds = [word for word in plain if "=" not in word and re.search("Tensor|Variable", word)]
    return (kinds[-2], kinds[-1]) if len(kinds) > 1 else None


def copied(advice: str, facts: Facts) -> Decision:
    """Cannot copy out of meta tensor; no data!"""
    asked = "to_empty" in advice
    moved = any(
        frame.function == "to" and "modules/module.py" in frame.file.replace("\\", "/")
        for frame in facts.frames
    )
    if asked or moved:
        return Decision("meta-module-moved", "meta-tensor-copied")
    return Decision("meta-tensor-copied", "meta-module-moved/perhaps")


def _sides(given: str, needed: str, name: str, facts: Facts) -> Decision:
    """Return the causes where a tensor on `given`, the argument `name`, meets others on `needed`.

    The step that failed or the name says whether it is the input or a parameter; of other names
    both are possible.
    """
    seen = _seen(given, needed, facts)
    if seen is not None:
        return seen
    evidence = f"one tensor is on {given}, another on {needed}"
    if name:
        evidence = f"the argument {name!r} is on {given}, the others on {needed}"
    if name in INPUT_NAMES:
        return Decision(*_moved(given, needed), evidence=evidence)
    if name in WEIGHT_NAMES:
        return Decision(*_moved(needed, given), evidence=evidence)
    if not name:
        evidence += ", and the message does not say which is which"
    there, here = (given, needed) if needed == "cpu" else (needed, given)
    return Decision(
        *_own_operands(facts),
        _input(here, there),
        "tensor-not-registered",
        _model(here, there),
        "layers-in-list",
        evidence=evidence,
    )


def _seen(given: str, needed: str, facts: Facts) -> Decision | None:
    """Return the causes where the layer that failed was seen with its input."""
    step = facts.step
    if step is None or not step.inputs or not step.parameters:
        return None
    places = {part.device or "cpu" for part in step.parameters}
    input_at, weight_at = step.inputs[0].device or "cpu", min(places)
    if len(places) != 1 or {input_at, weight_at} != {given, needed}:
        return None
    evidence = f"the input of {step.words} is on {input_at}, its parameters are on {weight_at}"
    return Decision(*_moved(input_at, weight_at), evidence=evidence)


def _moved(input_at: str, weight_at: str) -> tuple[Pick, str]:
    """Return why an input does not meet a parameter: one of them was not moved."""
    if weight_at == "cpu":
        return _model(weight_at, input_at), "layers-in-list"
    return _input(input_at, weight_at), "tensor-not-registered"


def _input(here: str, there: str) -> Pick:
    cause = "input-on-cpu" if here == "cpu" else "input-not-moved"
    return pick(cause, here=here, there=there)


def _model(here: str, there: str) -> Pick:
    cause = "model-on-cpu" if here == "cpu" else "model-not-moved"
    return pick(cause, here=here, there=there)


def _own_operands(facts: Facts) -> tuple[Pick, ...]:
    """The reader computes with two tensors of their own, in no layer: a + b."""
    given = operands(facts)
    inside = bool(facts.frames) and facts.frames[-1] == facts.own_frame
    if not inside or len(given) != 2 or not all(NAME.match(name) for name in given):
        return ()
    return (pick("operand-not-moved", left=given[0], right=given[1]),)

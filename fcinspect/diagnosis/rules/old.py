"""Wordings of torch 0.1 to 1.8: dimensions, and types that stand in parentheses."""

from __future__ import annotations

from fcinspect.diagnosis.facts import NAME, Facts
from fcinspect.diagnosis.records import Decision
from fcinspect.diagnosis.rules.devices import device_of
from fcinspect.diagnosis.rules.operands import operands

INTEGERS = ("LongTensor", "IntTensor", "ShortTensor", "CharTensor", "ByteTensor")


def matrices(a: int, b: int) -> Decision | None:
    """matrices expected, got 1D, 2D tensors"""
    if b != 2:
        return Decision("second-not-a-matrix")
    if a == 2:
        return None
    return Decision("unbatched" if a == 1 else "not-two-dimensions")


def types_in(given: str) -> list[str]:
    """Return the types that a message names: "int, !torch.FloatTensor!, out=Variable"."""
    plain = (word.strip(" !") for word in given.split(","))
    return [word.rpartition("=")[2] for word in plain if word]


def arguments(given: str, facts: Facts) -> Decision | None:
    """mm received an invalid combination of arguments - got (torch.FloatTensor, Variable)"""
    types = types_in(given)
    tensors = [kind for kind in types if kind.endswith("Tensor")]
    if tensors and any(kind.endswith(("Variable", "Parameter")) for kind in types):
        own = operands(facts)
        named = own[types.index(tensors[0])] if len(own) == len(types) else "x"
        name = named if NAME.match(named) else "x"
        code = f"{name} = torch.autograd.Variable({name})"
        return Decision("tensor-beside-variable", tensor=tensors[0], code=code)
    if any("ndarray" in kind for kind in types) and len(types) > 1:
        return Decision("array-input")
    if "NoneType" in types and tensors and len(types) == 2:
        return Decision("none-operand")
    return None


def criterion(criterion: str, given: str) -> Decision | None:
    """FloatClassNLLCriterion_updateOutput received … got (int, torch.FloatTensor, …)"""
    types = types_in(given)
    tensors = [kind for kind in types if kind.endswith(("Tensor", "Variable"))]
    if len(tensors) < 2:
        return None
    entering, target = tensors[:2]
    values = {"input": entering, "target": target}
    if device_of(entering) != device_of(target):
        return Decision("target-not-moved", **values)
    if "NLL" in criterion or "MultiMargin" in criterion:
        return None if target.endswith("LongTensor") else Decision("labels-not-long", **values)
    return None if entering == target else Decision("target-dtype", **values)

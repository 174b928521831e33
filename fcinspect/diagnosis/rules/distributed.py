"""Messages of training with several processes: DDP, FSDP, DTensor, ZeRO-3."""

from __future__ import annotations

import re

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision

LACKING = re.compile(
    r"Parameter indices which did not receive grad for rank \d+:\s*(?P<indices>[\d ]+)"
    r"|Parameters which did not receive grad for rank \d+:\s*"
    r"(?P<names>[\w., ]+?)(?= ?Parameter indices|\n|$)"
)
TWICE = re.compile(
    r"Parameter at index (\d+)(?: with name ([\w.]+))? has been marked as ready twice"
)
PRODUCTS = r"\b(?:mm|addmm|bmm|matmul|linear|baddbmm)\b"
TOGETHER = r"_foreach|stack|norm|clip|lerp|addcdiv|addcmul|mul_|add_|copy_"
"""Operations of optimizers and of clipping, on parameters or gradients."""
SHARDED = re.compile(r"deep_?speed|zero[_-]?(?:stage)?[_ -]?3|fsdp|fully_sharded", re.IGNORECASE)
MOST_NAMES = 4


def flattened(a: str, b: str) -> Decision:
    """Must flatten tensors with uniform dtype but got torch.bfloat16 and torch.float32"""
    half = next((dtype for dtype in (a, b) if dtype.endswith("16")), a)
    return Decision("fsdp-dtypes-mixed", half=half)


def mixed(operation: str) -> Decision:
    """aten.mm.default: got mixed torch.Tensor and DTensor"""
    if re.search(PRODUCTS, operation):
        return Decision("dtensor-beside-tensor", what="the product of a linear layer")
    if re.search(TOGETHER, operation):
        return Decision("dtensor-parameters-mixed", "dtensor-beside-tensor", what="an update")
    what = "the look-up of an embedding" if "embedding" in operation else "an operation on both"
    return Decision("dtensor-beside-tensor", "dtensor-parameters-mixed", what=what)


def partitioned(facts: Facts) -> Decision | None:
    """'weight' must be 2-D: of a layer that has made its weight itself, or of one's own."""
    text = facts.flat
    layers = ("modules/sparse.py", "modules/conv.py", "modules/normalization.py")
    layer = next((name for name in layers if facts.passed_through(name)), "")
    if "must be 2" not in text and "[0]" not in text and not SHARDED.search(facts.text):
        return None  # F.conv2d or F.layer_norm with a weight of one's own
    why = "a layer's own weight has its full shape unless something replaced it; sharding does"
    if "[0]" in text:
        why = "the weight has no numbers, as ZeRO-3 leaves it between layers"
    elif layer:
        why = f"the call comes from torch/nn/{layer}, whose {why[10:]}"
    happened = "The weight of a layer does not have its own shape."
    return Decision("weight-partitioned", happened=happened, why=why)


def unfinished(facts: Facts) -> Decision:
    """Expected to have finished reduction in the prior iteration"""
    text = facts.flat_text
    lacking = LACKING.search(facts.text)
    found = names = ""
    if lacking is not None:
        those = re.findall(r"[\w.]+", lacking["indices"] or lacking["names"])
        kind = "parameters number" if lacking["indices"] else "parameters"
        shown = ", ".join(those[:MOST_NAMES])
        more = len(those) - MOST_NAMES
        shown += f" and {more} more" if more > 0 else ""
        found, names = f"; without gradient: {kind} {shown}", f": {kind} {shown}"
    if "static_graph set to True" in text:
        return Decision("graph-changed", found=found, names=names, why="")
    if re.search(r"`?find_unused_parameters=True`? is enabled", text):
        return Decision("output-outside-loss", found=found, names=names, why="")
    why = "DDP counts the gradients of all parameters that require one"
    layers = ""
    if lacking is not None and lacking["names"]:
        left_out = {one.rpartition(".")[0] for one in those}
        rank = re.search(r"for rank (\d+)", lacking[0])
        if len(left_out) == 1 and rank is not None:
            layers = f": {left_out.pop()}, in the last step of rank {rank[1]}"
    return Decision("parameter-unused", found=found, names=names, why=why, layers=layers)


def ready_twice(facts: Facts) -> Decision:
    """Expected to mark a variable ready only once."""
    text = facts.flat_text
    found = TWICE.search(text)
    parameter = "a parameter"
    if found is not None:
        parameter = found[2] or f"parameter number {found[1]}"
    checkpointing = re.search(r"checkpoint\.py|gradient_checkpointing", text)
    if checkpointing:
        why = "the text shows checkpointing"
    else:
        why = "this is by far the usual reason"
        if found is not None and "lora" in parameter:
            why = "adapters are trained mostly with checkpointing"
    return Decision("checkpoint-reentrant", "forward-twice", parameter=parameter, why=why)

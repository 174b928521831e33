"""What a text shows of training: frozen parts, heads, losses with weights, adapters, sharding."""

from __future__ import annotations

import re

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, Diagnosis

FROZEN = re.compile(
    r"for \w+(?:, ?\w+)? in (?P<owner>[\w.]+?)\.(?:named_)?parameters\(\):?\s*[^\n]*\n?[^\n]*?"
    r"requires_grad(?:_\(| ?= ?)False|(?P<part>[\w.]+)\.requires_grad_\(False\)"
)
"""A loop or a call that freezes a part of a model."""
CUT = re.compile(r"no_grad|inference_mode|\.detach\(|\.item\(|\.data\b|\.numpy\(|argmax")
LOSS_FILE = re.compile(
    r"loss|criterion|arcface|cosface|sphereface|center_|proxy|margin", re.IGNORECASE
)
"""Files of losses that hold weights of their own."""
NORMS = re.compile(
    r"modules[/\\](?:normalization|batchnorm|instancenorm)\.py|F\.(?:layer|group)_norm\("
)


def frozen(facts: Facts) -> Decision | None:
    """Loops that freeze parts of a model, above a loss without a graph."""
    parts = [found["owner"] or found["part"] for found in FROZEN.finditer(facts.text)]
    if not parts or CUT.search(facts.text):
        return None
    return Decision("no-requires-grad/frozen", parts=" and ".join(dict.fromkeys(parts)))


def loss_weight(facts: Facts) -> Decision | None:
    """A product with the weight of a loss: model.to() does not reach it."""
    frame = facts.own_frame
    if frame is None:
        return None
    name = frame.name
    held = re.search(r"self\.\w+", frame.code)
    if LOSS_FILE.search(name) is None or held is None or not facts.computes(frame):
        return None
    plain = frame.function == "__call__"
    return Decision(
        "loss-not-moved",
        file=name, weight=held[0],
        plain="make it an nn.Module with nn.Parameter (__call__ shows that it is none), " * plain,
    )  # fmt: skip


def removed_head(head: str, put: str, facts: Facts) -> Decision | None:
    """net.classifier = nn.Sequential(), before a loss with classes."""
    if re.search(r"classifier|fc|head|linear|logits|last", head.rpartition(".")[2]) is None:
        return None
    return Decision("classifier-removed", head=head, put=put)


def gradient_of_one(found: Diagnosis, facts: Facts) -> Decision | None:
    """loss.backward(mone), where mone has the shape (1,)"""
    call = re.search(r"(?P<loss>[\w.\[\]]+)\.backward\((?:gradient=)?(?P<factor>[A-Za-z_]\w*)\b",
                     facts.text)  # fmt: skip
    one = re.search(r"got \[1\]|grad_output\[\d+\] has a shape of torch\.Size\(\[1\]\)", facts.flat)
    if call is None or one is None or call["factor"] in {"self", "retain_graph", "create_graph"}:
        return None
    return Decision("gradient-of-one-number", loss=call["loss"], factor=call["factor"])


def norm_dtype(facts: Facts) -> Decision | None:
    """Two dtypes that meet in a normalization layer."""
    inner = facts.text if not facts.frames else "\n".join(
        f"{frame.file}\n{frame.code}" for frame in facts.frames[-3:]
    )  # fmt: skip
    own = facts.own_frame
    if NORMS.search(inner) is None or (own is not None and facts.computes(own)):
        return None
    half = "bfloat16" if re.search(r"BFloat16|bfloat16", facts.flat) else "float16"
    adapters = re.search(r"\bpeft\b|[Ll]o[Rr][Aa]|load_in_8bit|int8|kbit|bitsandbytes", facts.text)
    told = f"; the text mentions {adapters[0]}" if adapters else ""
    return Decision("norm-in-another-dtype", half=half, told=told)


def plan(facts: Facts) -> Decision:
    """A plan of tensor parallelism."""
    styles = [name for name in ("ColwiseParallel", "RowwiseParallel") if name in facts.text]
    if "PrepareModuleInput" in facts.text and not styles:
        return Decision("plan-without-layers")
    return Decision("plan-without-layers/perhaps")


def quantised_layer(facts: Facts) -> Decision | None:
    """'QuantLinear' object has no attribute 'weight', of a layer of an adapter"""
    said = re.search(r"'(\w+)' object has no attribute 'weight'", facts.flat)
    adapter = re.search(r"lora_[AB](?:\.\w+)?", facts.text)
    if said is None or adapter is None:
        return None
    return Decision("adapter-quantised", layer=said[1], adapter=adapter[0])


def called_in_init(facts: Facts) -> Decision | None:
    """A method of the reader's that the __init__ of the class above calls."""
    own = facts.own_frame
    name = re.search(r"'(\w+)' object has no attribute '(\w+)'", facts.flat)
    if own is None or name is None or own.function in {"", "__init__", "<module>", "forward"}:
        return None
    above = re.search(
        r"(?:torch|site-packages|dist-packages)[^\n\"]*[/\\](?P<file>\w+\.py)\"?,"
        r" line \d+, in __init__\s*\n"
        rf"[^\n]*self\.{re.escape(own.function)}\(",
        facts.text,
    )
    if above is None:
        return None
    return Decision(
        "used-before-set", owner=name[1], what=name[2], method=own.function, parent=above["file"]
    )


def order_of_init(name: str, cls: str, given: str, facts: Facts) -> Decision:
    """self.x = x above super().__init__() in the text"""
    owner = cls or "the class"
    call = f"super({f'{cls}, self' if cls else ''}).__init__({given})"
    return Decision("no-super-init/order", name=name, owner=owner, call=call)

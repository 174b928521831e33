"""What source lines, packed weights and numbers in a text show beside its message."""

from __future__ import annotations

import re
from math import isqrt
from typing import Any

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, Diagnosis, Shape
from fcinspect.diagnosis.rules.product import numbers_of
from fcinspect.diagnosis.rules.shapes import viewed
from fcinspect.diagnosis.rules.state_dict_report import read_report

HIDDEN = {256, 312, 384, 512, 640, 768, 1024, 1280, 1536, 1600, 2048, 2560, 3072, 4096, 5120, 8192}
"""Hidden sizes of usual language models."""
VOCABULARIES = {
    *(21128, 28996, 30522, 30000, 31002, 31090, 32000, 32128, 50257, 50265, 51200, 119547),
    *(128256, 151936, 152064, 250002, 250112),
}
"""Numbers of tokens of usual language models."""
BUILT = re.compile(r"(?P<made>(?:torch\.)?nn\.(?P<kind>[A-Z]\w*)\([^()\n]*\))\([^()\n]+\)")
"""A layer that is made and called in one expression."""


def logits(facts: Facts, found: Diagnosis) -> Decision | None:
    """As many features as a tokenizer has tokens arrive at a layer of a hidden size."""
    numbers = numbers_of(facts)
    if numbers is not None:
        width, wanted = numbers[1:3]
    else:
        said = re.search(r"got \[\d+, (\d+)\] but expected shape compatible with \[\d+, (\d+)\]",
                         found.message)  # fmt: skip
        if said is None:
            return None
        wanted, width = int(said[1]), int(said[2])
    if width not in VOCABULARIES or wanted not in HIDDEN:
        return None
    return Decision("logits-for-hidden-states", width=width, wanted=wanted)


def filtered(facts: Facts) -> Decision:
    """params = filter(lambda p: p.requires_grad, model.parameters())"""
    whole = re.search(r"\(\s*(?:params=)?\w+(?:\.\w+)*\.parameters\(\)\s*[,)]",
                      re.sub(r"filter\([^\n]*", "", facts.text))  # fmt: skip
    if whole is not None:
        also, why = "", "the text passes parameters() itself to the optimizer as well"
    else:
        also = ", or the filter lets none through (all are frozen)"
        why = "a filter stands in the text, and yields its items only once"
    return Decision("filter-used-up", also=also, why=why)


def group_size(facts: Facts) -> Decision | None:
    """shape '[-1, 1024, 6656]' is invalid for input of size 44302336, of a quantized weight."""
    said = viewed(facts)
    if said is None or len(said[0]) != 3 or said[0][0] != -1:
        return None
    (_, group, out), size = said
    if size % out or (size // out) % group == 0:
        return None
    features = size // out
    return Decision("group-size-not-dividing", group=group, out=out, size=size, features=features)


def int4(facts: Facts) -> Decision | None:
    """Weights of torch's int4 product: (out/8, in/(16·tiles), 32, tiles/2)."""
    found = {mismatch.key: mismatch for mismatch in read_report(facts.text).mismatches}
    for key, mismatch in found.items():
        saved, wanted = mismatch.saved, mismatch.wanted
        scales = found.get(f"{key.removesuffix('.weight')}.scales_and_zeros")
        if scales is None or len(saved) != 4 or len(wanted) != 4 or saved[0] != wanted[0]:
            continue
        groups = scales.saved[0], scales.wanted[0]
        widths = _unpacked(saved), _unpacked(wanted)
        if 0 in groups or widths[0] == widths[1]:
            continue
        sizes = widths[0] / groups[0], widths[1] / groups[1]
        padded = max(widths) == -(-min(widths) // 1024) * 1024
        if sizes[0] == sizes[1] and padded:
            side = ("model", "file") if widths[0] > widths[1] else ("file", "model")
            return Decision(
                "int4-padding",
                name=key.removesuffix(".weight"),
                file=widths[0],
                model=widths[1],
                group=int(sizes[0]),
                without=side[0],
                padded=side[1],
            )
    return None


def _unpacked(shape: Shape) -> int:
    return shape[1] * shape[3] * 2 * 16


def qweight(facts: Facts) -> Decision | None:
    """A packed weight with other rows than bits and in_features give."""
    said = re.search(
        r"shape torch\.Size\(\[(\d+), (\d+)\]\) in .(?:[\w.]+\.)?qweight. \(which has shape"
        r" torch\.Size\(\[(\d+), (\d+)\]\)",
        facts.flat,
    )
    if said is None:
        return None
    saved, out, wanted, also = (int(number) for number in said.groups())
    if out != also:
        return None
    values: dict[str, Any] = {"saved": saved, "wanted": wanted}
    named = re.search(r"[\"']?bits[\"']?\s*[:=]\s*(\d+)", facts.text)
    bits = int(named[1]) if named else 0
    if not bits:
        return None
    features = wanted * 32 // bits
    values |= {"bits": bits, "features": features}
    if any(saved * bits == wanted * other for other in (2, 3, 4, 8) if other != bits):
        return Decision("qweight-of-other-bits", **values, others=saved * bits // wanted)
    told = ""
    if re.search(rf"heights?\b.*\b{saved}\b", facts.text, re.DOTALL):
        told = f"; a table of heights in its configuration names {saved}, too"
    return Decision("qweight-packed-unevenly", **values, told=told)


def offset(offset: int, facts: Facts) -> Decision | None:
    """A float8 operand that begins in the middle of a buffer."""
    if offset % 16 == 0:
        return None
    line = next((line for line in facts.text.splitlines() if f"[{offset}:]" in line), "")
    named = re.match(r"\s*(?:>>> )?(\w+) = ", line)
    name = named[1] if named else "b"
    turned = re.search(r"\.(?:T|t\(\))\s*$", line)
    code = f"{name} = {name}.T.clone().T" if turned else f"{name} = {name}.clone()"
    return Decision("operand-not-aligned", offset=offset, code=code, name=name)


def smaller_map(facts: Facts, found: Diagnosis) -> Decision | None:
    """A map of 1×1 where the layer was made for side×side: one line, and no code."""
    numbers = numbers_of(facts)
    if numbers is None or facts.near.code or found.likely[0].name != "in-features":
        return None
    rows, width, wanted, _ = numbers
    times, rest = divmod(wanted, width)
    side = isqrt(times)
    if rest or side * side != times or side < 3 or side & (side - 1) == 0 or width < 16:
        return None
    return Decision("map-of-another-size", rows=rows, width=width, wanted=wanted, side=side)


def built_in_forward(facts: Facts) -> Decision | None:
    """Two runs differ: a layer is made anew in each call."""
    inside = re.search(r"def forward\([^\n]*\n(?P<body>.*)", facts.text, re.DOTALL)
    made = None if inside is None else BUILT.search(inside["body"])
    if made is None or made["kind"] not in ("Linear", "Conv1d", "Conv2d", "Conv3d", "Embedding"):
        return None
    return Decision("layer-made-in-forward", layer=made["made"], kind=made["kind"])


def size_and_proxy(facts: Facts) -> Decision | None:
    """torch.Size + (hidden.size(-1),) while torch.fx traces with concrete_args."""
    text = facts.text
    for name in re.findall(r"(\w+) = \w+(?:\.shape|\.size\(\))\s", text):
        joined = re.search(rf"= ({name} \+ \(.*?,? ?\))\s*\n", text)
        if joined is not None:
            code = f"tuple({name}){joined[1][len(name) :]}"
            return Decision("size-joined-with-proxy", name=name, line=joined[1], code=code)
    if "torch.Size() takes an iterable" not in facts.flat:
        return None
    return Decision("size-joined-with-proxy", name="shape", line="torch.Size + tuple", code=None)


def replaced_weight(what: str, facts: Facts) -> Decision:
    """'Parameter' object has no attribute 'CB'"""
    named = re.search(r"tensor_parallel|deepspeed|fsdp|FSDP|DataParallel", facts.text)
    by = f", as {named[0]} does" if named else ""
    why = f"; the text names {named[0]}" if named else ""
    kind = "Params4bit" if what.startswith(("quant", "compress")) else "Int8Params"
    return Decision("quantized-weight-replaced", by=by, why=why, kind=kind)


def operator(facts: Facts) -> Decision:
    """ONNX export failed on ATen operator dim because … does not exist"""
    scripted = re.search(r"jit\.script|ScriptModule", facts.text)
    return Decision("operator-of-scripted-module" if scripted else "operator-not-exported")


def vector(a: str, b: str, facts: Facts) -> Decision | None:
    """matrix and vector expected, got 2D, 4D"""
    if (a, b) == ("2", "1"):
        return None
    line = re.search(r"(?P<call>[\w.]+\.mv\(\w+\)|torch\.mv\([^\n()]+\))", facts.text)
    script = re.search(r"torchscript|__torch__|interpreter|\.pt\b|jit", facts.text, re.IGNORECASE)
    where = f" in {line[1]}" if line else ""
    if script and b != "1":
        return Decision("another-module-in-file", where=where)
    return Decision("vector-expected", where=where)

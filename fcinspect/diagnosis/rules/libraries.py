"""Messages of libraries around torch: PEFT, bitsandbytes, float8 products."""

from __future__ import annotations

import re

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, shape_of

INNER = re.compile(r"\((\w+)\): (?:\w*Linear\w*|Conv1D)\(")
CONTAINERS = ("ModuleDict", "ModuleList", "Sequential", "ParameterDict")
LEAST_WIDTH = 256
"""A width of a model that is computed in float8 is no smaller, and a multiple of 64."""


def newer_config(facts: Facts) -> Decision | None:
    """LoraConfig.__init__() got an unexpected keyword argument 'corda_config'"""
    named = re.search(r"unexpected keyword argument '(\w+)'", facts.flat)
    return None if named is None else Decision("adapter-config-newer", name=named[1])


def targets(targets: str, facts: Facts) -> Decision:
    """Target modules ['q_proj'] not found in the base model."""
    shown = targets.strip()
    names = re.findall(r"[\w.*\\-]+", shown)
    if not names or shown == "set()":
        gpt = re.search(r"\b(?:distil)?gpt-?2\b|GPT2\w*|Conv1D", facts.text)
        if gpt is not None:
            return Decision("targets-empty/conv1d", targets=shown, model=gpt[0])
        return Decision("targets-empty", targets=shown)
    listed = ", ".join(f'"{name}"' for name in names)
    if shown.startswith("[") and "'" not in shown and '"' not in shown:
        return Decision("targets-one-string", "targets-not-in-model", targets=shown, names=listed)
    return Decision("targets-not-in-model", targets=shown, names=listed)


def unsupported(module: str, inside: str) -> Decision:
    """Target module RMSNorm() is not supported."""
    kind = module.rpartition(".")[2]
    inner = list(dict.fromkeys(INNER.findall(inside)))
    if kind in CONTAINERS and re.search(r"\((?:default|lora_\w+)\):|^$", inside):
        return Decision("target-wrapped-already", "target-not-linear", module=kind)
    if inner:
        ends = ", ".join(f'"{name}"' for name in inner[:8])
        linears = ", ".join(inner[:4]) + (f" and {len(inner) - 4} more" if len(inner) > 4 else "")
        return Decision("target-holds-linears", module=kind, linears=linears, ends=ends)
    return Decision("target-not-linear", module=kind)


def moved(method: str, facts: Facts) -> Decision:
    """`.to` is not supported for `4-bit` or `8-bit` models."""
    shown = "casting" if method == "cast" else f".{method}()"
    if "big_modeling.py" in facts.text or "dispatch_model(" in facts.text:
        return Decision("quantised-model-dispatched", "quantised-model-moved", method=shown)
    return Decision("quantised-model-moved", method=shown)


def blockwise(got: str) -> Decision:
    """Blockwise quantization only supports 16/32-bit floats, but got torch.uint8"""
    packed = got.rpartition(".")[2] in ("uint8", "int8")
    return Decision("quantised-twice" if packed else "dtype-for-bitsandbytes", got=got)


def float8(which: str, shape: str, of: int) -> Decision:
    """Expected trailing dimension of mat1 to be divisible by 16 but got mat1 shape: (4096x11)."""
    sizes = shape_of(shape)
    shown = "×".join(map(str, sizes))
    bad = next((size for size in reversed(sizes) if size % of), sizes[-1] if sizes else 0)
    wide = sizes[0] if len(sizes) > 1 else 0
    weight = which in ("mat2", "mat_b")
    if which == "dims" and sizes and sizes[-1] % of == 0:
        of //= 2  # rows need only be multiples of 8
    happened = f"A product in float8 takes sizes that are multiples of {of}; {which} is {shown}."
    kept = f"m.in_features % {of} == 0 and m.out_features % {of} == 0"
    causes = ["float8-rows"]
    if weight:
        causes = ["float8-layer"]
    elif wide >= LEAST_WIDTH and wide % 64 == 0 and sizes[-1] % of:
        causes = ["float8-batch", "float8-layer"]
    elif which != "dims":
        causes = ["float8-layer", "float8-rows"]
    return Decision(*causes, happened=happened, shape=shown, bad=bad, wide=wide, kept=kept, of=of)

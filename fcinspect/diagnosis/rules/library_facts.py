"""What else a text shows of a product or of two dtypes: libraries, adapters, packed weights."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from fcinspect.diagnosis.facts import HOSTS, Facts, Frame
from fcinspect.diagnosis.records import Decision, Diagnosis, pick
from fcinspect.diagnosis.rules.dtypes import dtype_of
from fcinspect.diagnosis.rules.pretrained import widths
from fcinspect.diagnosis.rules.product import PACKED, numbers_of

HEADS = {"fc", "classifier", "head", "score", "heads", "cls", "v_head", "qa_outputs", "out_proj"}
"""Layers that readers replace, or that from_pretrained makes anew."""
PRETRAINED_OUT = {1000, 21841, 21843}
"""Classes of the heads that are pretrained."""
LIBRARY = re.compile(
    r"/(?:transformers|diffusers|timm|torchvision|open_clip|vllm|sglang)/|transformers_modules/"
)
MODULES = re.compile(r"/torch/|/accelerate/|/peft/|/bitsandbytes/|_dynamo/|/xformers/")
"""Frames that only hand on to a layer."""
ADAPTER = re.compile(r"adapter|lora|\bto_[qkv]\b|control|proj")
CROSS = re.compile(r"\bto_[kv]\(encoder_hidden_states|\bto_[kv]\(context")
"""The projection of what comes from an encoder."""
PACKED_ROWS = {
    Fraction(18, 32): "Q4_0 or Q4_K", Fraction(20, 32): "Q4_1", Fraction(22, 32): "Q5_0 or Q5_K",
    Fraction(34, 32): "Q8_0", Fraction(210, 256): "Q6_K", Fraction(110, 256): "Q3_K",
    Fraction(84, 256): "Q2_K",
}  # fmt: skip
"""Bytes for each number of a GGUF row -> the format; 3/4 and 1/2 are ratios of widths, too."""
PATCH = re.compile(
    r"(?P<key>[\w.]+)\.weight:? shape '\[(?P<shape>[\d, ]+)\]' is invalid for input of size"
    r" (?P<size>\d+)"
)


def eight_bits(facts: Facts) -> Decision | None:
    """A frame of bitsandbytes' 8-bit product."""
    found = numbers_of(facts)
    if found is None or max(found[2:]) >= PACKED:
        return None
    return Decision("eight-bit-outliers", width=found[1], wanted=found[2])


def packed_columns(facts: Facts) -> Decision | None:
    """Integers of 32 bits that hold 4, 8 or 16 numbers each."""
    found = numbers_of(facts)
    if found is None:
        return None
    each = next((each for each in (8, 16, 4) if found[2] * each == found[1]), None)
    if each is None:
        return None
    return Decision("packed-weight/columns", width=found[1], wanted=found[2], each=each)


def divided(facts: Facts) -> Decision | None:
    """A weight of one dimension inside a module."""
    if re.search(r"got 1-D", facts.flat) is None:
        return None
    named = re.search(r"FSDP|fsdp|FullySharded|[Dd]eep[Ss]peed|ZeRO|zero3", facts.text)
    return Decision("sharded-weight", told=f"; the text names {named[0]}" if named else "")


def patched(facts: Facts) -> Decision | None:
    """A LoRA that is added to the weights of a base model."""
    patches = list(PATCH.finditer(facts.text))
    for patch in patches:
        rows, _, columns = patch["shape"].partition(",")
        if not columns.strip().isdigit():
            continue
        wanted, size = int(columns), int(patch["size"])
        given, rest = divmod(size, int(rows))
        unets = widths("unets")
        if rest == 0:
            numbers = (
                f"the patch of {patch['key'].rpartition('.')[2]} has {size:,} ="
                f" {int(rows):,}·{given:,} numbers, and the weight {int(rows):,}·{wanted:,}"
            )
            packed = PACKED_ROWS.get(Fraction(wanted, given)) if given else None
            if packed is not None and not {given, wanted} <= unets.keys():
                values: dict[str, Any] = {"packed": packed, "wanted": wanted, "given": given}
                ratio = Fraction(wanted, given)
                return Decision("base-weight-packed", numbers=numbers, ratio=ratio, **values)
            if "attn2" in patch["key"] and {given, wanted} <= unets.keys():
                numbers += f": {unets[given]} against {unets[wanted]}"
            return Decision("lora-of-another-base-model", numbers=numbers)
    if patches or "lora" not in facts.text.lower():
        return None
    return Decision(
        "lora-of-another-base-model",
        numbers="the failing product or view is of a patch that is added to the base's weights",
    )


def lora(facts: Facts) -> Decision | None:
    """The first factor of a LoRA, which takes the width of its base."""
    found = numbers_of(facts)
    if found is None or found[3] > 512:
        return None
    name = "lora-of-another-base-model/product"
    return Decision(name, width=found[1], wanted=found[2], out=found[3])


def gradient(facts: Facts) -> Decision | None:
    """The backward of a function of the reader's own."""
    frame = facts.own_frame
    if frame is None or not facts.computes(frame) or frame.function != "backward":
        return None
    return Decision("gradient-formula", line=frame.code)


def mel_scale(facts: Facts) -> Decision | None:
    """torchaudio's MelScale, made for spectrograms of another transform."""
    found = numbers_of(facts)
    if found is None:
        return None
    _, width, wanted, out = found
    return Decision(
        "mel-scale-bins",
        width=width,
        wanted=wanted,
        out=out,
        transform=2 * (width - 1),
        made=2 * (wanted - 1),
    )


def compiled(rows: int, columns: int, facts: Facts) -> Decision | None:
    """The operands as dynamo names them: the weight is not transposed."""
    found = numbers_of(facts)
    frame = facts.own_frame
    if found is None or (rows, columns) != (found[3], found[2]):
        return None
    named = re.search(r"self\.([\w.]+)\(([\w.]*)", frame.code if frame else "")
    adapter = named is not None and ADAPTER.search(named[1]) is not None
    if not adapter and found[1] < 256:
        return None
    return Decision(
        "input-of-another-model/compiled",
        layer=named[1] if named else "the layer",
        given=(named[2] if named else "") or "x",
        width=found[1],
        wanted=found[2],
        rows=rows,
        columns=columns,
    )


def library_frame(facts: Facts) -> Frame | None:
    """Return the place in a library or program of pretrained models whose layer failed.

    None where code of the reader's own calls the layer.
    """
    for frame in reversed(facts.frames):
        file = f"/{frame.file}".replace("\\", "/")
        if LIBRARY.search(file) or HOSTS.search(file):
            return frame
        if frame.own or not MODULES.search(file):
            return None
    return None


def of_library(facts: Facts) -> Decision | None:
    """A layer inside a model of transformers, diffusers, ComfyUI, …"""
    found, frame = numbers_of(facts), library_frame(facts)
    if found is None or frame is None:
        return None
    _, width, wanted, out = found
    name = frame.layer
    attention = next((f for f in reversed(facts.frames) if CROSS.search(f.code)), None)
    if attention is not None:
        needed, arriving = (widths("unets").get(n) or "another model" for n in (wanted, width))
        line = CROSS.search(attention.code)
        return Decision(
            "wrong-encoder", line=line[0] if line else "", wanted=wanted, width=width, out=out,
            needed=needed, arriving=arriving,
        )  # fmt: skip
    cause = "input-of-another-model"
    if name.rpartition(".")[2] in HEADS and out not in PRETRAINED_OUT:
        cause = "in-features/replaced"
    return Decision(
        cause,
        layer=f"self.{name}" if name else "the layer",
        name=name,
        file=frame.name,
        width=width,
        wanted=wanted,
        out=out,
    )


def thrown_away(tensor: str, call: str, facts: Facts) -> Decision | None:
    """A line above the failing one, of which nothing is kept."""
    found = numbers_of(facts)
    frame = facts.own_frame
    if found is None:
        return None
    if frame is None or frame.code == "":
        following = facts.text.partition(f"{tensor}{call}")[2].lstrip(" \t").splitlines()[1:4]
        if not any(re.search(rf"self\.\w+\({tensor}\)", line) for line in following):
            return None
    else:
        above, _, _ = facts.text.rpartition(frame.code)
        lines = [line for line in above.splitlines()[-5:] if line.strip()]
        if not any(f"{tensor}{call}" in line for line in lines) or tensor not in frame.code:
            return None
    rows, width, wanted, _ = found
    batch, rest = divmod(rows * width, wanted)
    counted = f": {rows:,}·{width:,} = {batch}·{wanted:,} numbers arrive" if rest == 0 else ""
    return Decision(
        "view-result-thrown-away", tensor=tensor, call=call, wanted=wanted, numbers=counted
    )


def dtype_of_library(found: Diagnosis, facts: Facts) -> Decision | None:
    """Two dtypes that meet inside a library: its line is not the reader's to change."""
    frame = library_frame(facts)
    said = re.search(
        r"([\w:]+)(?: and| !=) ([\w:]+)\s*$|found (\w+)\D+expected (\w+)", facts.flat.rstrip(". ")
    )
    if frame is None or found.kind != "dtype":
        return None
    name, operand = frame.layer, re.search(r"\(([\w.]+)\)", frame.marked or frame.code)
    if said is None:
        if not name or operand is None or found.likely[0].name != "float64-input":
            return None
        return Decision(
            "library-part-in-another-dtype/unnamed", layer=f"self.{name}", argument=operand[1],
            file=frame.name,
        )  # fmt: skip
    given, needed = (dtype_of(word) for word in [part for part in said.groups() if part][:2])
    if given is None or needed is None:
        return None
    words = {
        "layer": f"self.{name}",
        "line": frame.code,
        "argument": operand[1] if operand else "the input",
        "file": frame.name,
    }
    if name.rpartition(".")[2] in HEADS:
        return Decision("head-in-another-dtype", given=given, needed=needed, name=name, **words)
    return Decision(pick("library-part-in-another-dtype", given=given, needed=needed), **words)

"""One tensor of a file that does not fit the model, as accelerate and llama.cpp report it."""

from __future__ import annotations

import re

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, Shape, shape_of
from fcinspect.diagnosis.rules.state_dict_parts import (
    KEY_VALUE,
    heads_of,
    is_packed,
    parts_of,
    same_numbers,
)
from fcinspect.diagnosis.rules.state_dict_shapes import POSITION, TABLE, squares

LEAST_TOKENS = 5_000
"""So many rows are those of a table of tokens."""
MOST_CLASSES = 64
"""So few rows are those of a head; on one side at least."""
HEAD = 64
"""Sizes of the heads of attention are multiples of it, nearly always."""


def set_tensor(saved: str, wanted: str, key: str, facts: Facts) -> Decision:
    """Trying to set a tensor of shape torch.Size([3, 4]) in "weight" (which has shape …)"""
    has, needs = shape_of(saved), shape_of(wanted)
    first = f"{key} is {has} in the file and {needs} in the model"
    happened = f"A tensor of the file does not fit the model: {first}."
    name, more = _single(has, needs, key)
    if name == "grouped-query":
        few, many = sorted((has[0], needs[0]))
        return Decision(
            name if has[0] < needs[0] else "grouped-query/model",
            "config-of-another-model",
            happened=happened, first=first, more="", few=few, many=many,
            parts=parts_of(few, many), heads=heads_of(few, many),
        )  # fmt: skip
    return Decision(name, happened=happened, first=first, more=more)


def _single(has: Shape, needs: Shape, key: str) -> tuple[str, str]:
    """Return the name of the likeliest cause, and what else speaks for it."""
    if 0 in needs:
        return "model-partitioned/one", ""
    if 0 in has:
        return "saved-empty/one", ""
    if len(has) == 1 < len(needs) and not same_numbers(has, needs):
        return "saved-flat", ""
    if is_packed(has, needs):
        return "packed-4bit/one", ""
    if len(has) != len(needs):
        return "layer-of-another-kind", ""
    if has == needs[::-1]:
        return "weight-transposed/one", ""
    if has[1:] == needs[1:] and len(has) > 1:
        return _rows(has, needs, key)
    differ = [(a, b) for a, b in zip(has, needs, strict=True) if a != b]
    if len(differ) == 1:
        few, many = sorted(differ[0])
        if parts_of(few, many):
            return "config-of-another-model", f"; {many} = {parts_of(few, many)}·{few}"
    return "config-of-another-model", ""


def _rows(has: Shape, needs: Shape, key: str) -> tuple[str, str]:
    """Only the rows differ."""
    rows, wanted = has[0], needs[0]
    shown = squares(rows, wanted)
    position = POSITION.search(key) is not None
    if len(has) == 2 and (position or (shown and " + 1" in shown)):
        return "positions-of-another-size", f"; {shown}: patches of square images" if shown else ""
    if min(rows, wanted) >= LEAST_TOKENS or (TABLE.search(key) and rows > MOST_CLASSES):
        return "vocabulary-of-another-size", ""
    square = len(has) == 2 and has[1] in (rows, wanted)
    named = KEY_VALUE.search(key) is not None
    parts = parts_of(rows, wanted)
    # a half may as well be another width
    if min(rows, wanted) % HEAD == 0 and ((named and parts) or (square and parts > 2)):
        return "grouped-query", ""
    if min(rows, wanted) < MOST_CLASSES and len(has) == 2:
        return "head-of-another-size", ""
    return "config-of-another-model", ""


def gguf_shape(key: str, wanted: str, saved: str) -> Decision:
    """tensor 'blk.0.attn_k.weight' has wrong shape; expected 8192, 8192, got 8192, 1024, 1, 1"""
    needs, has = (_turned(text) for text in (wanted, saved))
    happened = f"{key} is {has} in the file, and the loader expects {needs}."
    rows = [shape[0] if shape else 0 for shape in (has, needs)]
    if re.search(r"token_embd|output\.weight|wte", key):
        name = "gguf-vocabulary"
    elif re.search(r"attn_[kv]\b|attention\.w[kv]", key) and rows[0] and rows[1] % rows[0] == 0:
        name = "gguf-grouped-query"
    else:
        name = "gguf-older-loader"
    return Decision(name, happened=happened, has=rows[0], needs=rows[1])


def _turned(text: str) -> Shape:
    """Return the shape as torch writes it: the loader puts the columns first, and fills up."""
    sizes = list(shape_of(text))
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) == 2 and sizes[-1] == 1:
        sizes.pop()
    return tuple(reversed(sizes))


def header(what: str) -> Decision:
    """Error while deserializing header: HeaderTooLarge"""
    kind = re.sub(r"[^a-z]", "", what.lower())
    if "incomplete" in kind or "buffer" in kind or "toosmall" in kind:
        return Decision("safetensors-truncated", "safetensors-other-file")
    return Decision("safetensors-other-file", "safetensors-truncated")


def newly_made(model: str, keys: str) -> Decision:
    """Some weights of X were not initialized from the model checkpoint at Y"""
    names = re.findall(r"'([^']+)'", keys)
    heads = [name for name in names if re.search(r"classif|score|head|qa_out|pooler|cls", name)]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    if names and len(names) <= 4 and len(heads) == len(names):
        return Decision("new-head", shown=shown, model=model)
    return Decision("keys-not-found", "new-head", shown=shown, model=model)

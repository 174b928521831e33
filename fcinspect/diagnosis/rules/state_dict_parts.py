"""What explains all shapes of a state dict that differ: parts, packed weights, ranks, heads."""

from __future__ import annotations

import re
from collections import Counter
from math import prod

from fcinspect.diagnosis.records import Pick, Shape, pick
from fcinspect.diagnosis.rules.state_dict_report import Mismatch, count, module_of

KEY_VALUE = re.compile(r"(?:^|[._])(?:k|v|kv|key|value|w[kv]|to_[kv])(?:_?proj)?(?:\.|$)", re.I)
QUERY_KEY_VALUE = re.compile(r"qkv|query_key_value|c_attn", re.I)
ADAPTER = re.compile(r"lora|adapter", re.I)
DOWN = re.compile(r"lora_(?:embedding_)?A|(?:^|[._])down(?:\.|$)|lora_down|reduce", re.I)
PARTS = (2, 4, 8, 16, 32)
"""In so many parts tensors are split over devices."""
LEAST_SPLIT = 512
"""Nobody splits a smaller model over devices."""
HEAD_SIZES = (128, 112, 96, 80, 64)


def explains_all(every: list[Mismatch]) -> Pick | None:
    """Return the cause that explains every shape that differs; None where there is none."""
    for explains in (_empty, _flat, _packed, _same_numbers, _adapter, _grouped, _shard):
        found = explains(every)
        if found is not None:
            return found
    return None


def numbers(mismatch: Mismatch) -> str:
    """Return both shapes of a key in words."""
    key = mismatch.key or "the parameter"
    return f"{key} is {mismatch.saved} in the checkpoint and {mismatch.wanted} in the model"


def quoted(those: list[Mismatch]) -> str:
    """Return the keys as they stand in a list in code; "key" where there is none."""
    shown = ", ".join(f'"{m.key}"' for m in those[:8] if m.key)
    return shown or '"key"'


def is_packed(saved: Shape, wanted: Shape) -> bool:
    """Whether two 4-bit weights stand in each saved byte, in one column."""
    return len(wanted) == 2 and saved[1:] == (1,) and prod(wanted) == 2 * prod(saved)


def same_numbers(saved: Shape, wanted: Shape) -> bool:
    """Whether one is a linear layer and the other a convolution with the same numbers."""
    if len(saved) == len(wanted) or prod(saved) != prod(wanted):
        return False
    plain = [tuple(size for size in shape if size != 1) for shape in (saved, wanted)]
    return plain[0] == plain[1] or (saved[:1] == wanted[:1] and 2 in (len(saved), len(wanted)))


def _empty(every: list[Mismatch]) -> Pick | None:
    """Nothing stands in the file, or in the model: each process has a part of it."""
    saved = [m for m in every if 0 in m.saved and 0 not in m.wanted]
    wanted = [m for m in every if 0 in m.wanted and 0 not in m.saved]
    name, those = ("saved-empty", saved) if saved else ("model-partitioned", wanted)
    held = [m for m in every if m.saved == (1,) and prod(m.wanted) > 1]
    if len(held) == len(every) > 2 and any(len(m.wanted) > 1 for m in held):
        return pick("saved-empty/placeholders", of=count(every, "key"), first=numbers(held[0]))
    if 2 * len(those) <= len(every):
        return None
    return pick(name, empty=len(those), of=count(every, "key"), first=numbers(those[0]))


def _flat(every: list[Mismatch]) -> Pick | None:
    """All are stored as one row of numbers, as FSDP keeps them."""
    those = [m for m in every if len(m.saved) == 1 < len(m.wanted) and m.saved[0] > 1]
    model = [m for m in every if len(m.wanted) == 1 < len(m.saved) and m.wanted[0] > 1]
    flat, name = (those, "saved-flat") if those else (model, "model-flat")
    if 2 * len(flat) <= len(every) or all(same_numbers(m.saved, m.wanted) for m in flat):
        return None
    return pick(name, first=numbers(flat[0]))


def _packed(every: list[Mismatch]) -> Pick | None:
    packed = [m for m in every if is_packed(m.saved, m.wanted)]
    if not packed:
        return None
    of = count(every, "shape")
    return pick("packed-4bit", numbers=numbers(packed[0]), packed=len(packed), of=of)


def _same_numbers(every: list[Mismatch]) -> Pick | None:
    if not all(same_numbers(m.saved, m.wanted) for m in every):
        return None
    return pick("shape-written-otherwise", first=numbers(every[0]), keys=quoted(every))


def _adapter(every: list[Mismatch]) -> Pick | None:
    """The ranks of adapters differ, or what they were trained for."""
    if not all(ADAPTER.search(m.key) for m in every):
        return None
    older = next((m for m in every if len(m.saved) != len(m.wanted)), None)
    if older is not None:
        return pick("adapter-of-another-version", first=numbers(older))
    ranks: Counter[tuple[int, int]] = Counter()
    for m in every:
        down = DOWN.search(m.key) is not None
        side = 0 if down else 1
        if len(m.saved) < 2 or m.saved[1 - side] != m.wanted[1 - side]:
            return pick("adapter-of-another-base", first=numbers(m))
        ranks[m.saved[side], m.wanted[side]] += 1
    (saved, wanted), _ = ranks.most_common(1)[0]
    name = "lora-rank" if any(".lora_" in m.key for m in every) else "lora-rank/own"
    return pick(name, saved=saved, wanted=wanted, first=numbers(every[0]), keys=count(every, "key"))


def _grouped(every: list[Mismatch]) -> Pick | None:
    """Only keys and values have fewer rows on one side: several queries share them."""
    pairs = {(m.saved[:1], m.wanted[:1]) for m in every}
    if len(pairs) != 1 or any(m.saved[1:] != m.wanted[1:] for m in every):
        return None
    saved, wanted = every[0].saved[0], every[0].wanted[0]
    few = saved
    width = next((m.saved[1] for m in every if len(m.saved) == 2), 0)
    if any(QUERY_KEY_VALUE.search(m.key) for m in every):
        if not (width and all(QUERY_KEY_VALUE.search(m.key) for m in every)):
            return None
        # split over devices, it is a part of the 3·width rows
        parts = 3 * width // wanted if wanted and 3 * width % wanted == 0 else 0
        if parts not in (1, *PARTS):
            return None
        few, wanted = (saved * parts - width) // 2, width
    elif not all(KEY_VALUE.search(m.key) for m in every):
        return None
    if not parts_of(few, wanted):
        return None
    name = "grouped-query" if few < wanted else "grouped-query/model"
    few, many = sorted((few, wanted))
    return pick(
        name, few=few, many=many, parts=parts_of(few, many), heads=heads_of(few, many),
        first=numbers(every[0]),
    )  # fmt: skip


def parts_of(a: int, b: int) -> int:
    """Return how many times one number is the other; 0 where it is no whole number of times."""
    few, many = sorted((a, b))
    return many // few if few > 0 and many % few == 0 and many > few else 0


def heads_of(few: int, many: int) -> str:
    """Return the heads of attention that rows of keys and of queries may be, in words."""
    size = next((size for size in HEAD_SIZES if few % size == 0 and few > size), None)
    if size is None:
        return ""
    return f", such as {few // size} heads of {size} for {many // size} queries"


def _shard(every: list[Mismatch]) -> Pick | None:
    """One side is halved or quartered throughout: a part for one of several devices."""
    found = {split_of(m.saved, m.wanted) for m in every}
    sides = {side for _, side in found}
    parts = {number for number, _ in found}
    modules = {module_of(m.key) for m in every if len(m.saved) > 1}
    if len(parts) != 1 or len(modules) < 2 or not any(re.search(r"\d", name) for name in modules):
        return None
    number = parts.pop()
    if abs(number) not in PARTS or (sides != {0, 1} and len(modules) < 4):
        return None
    # one width alone may as well be that of a hidden layer
    sizes = {pair for m in every for pair in zip(m.saved, m.wanted, strict=False)}
    if sum(a != b for a, b in sizes) < 2 or max(map(max, sizes)) < LEAST_SPLIT:
        return None
    # of a smaller model, the normalisations are smaller, too
    if any(len(m.saved) == 1 and f"{module_of(m.key)}" not in modules for m in every):
        return None
    whole = next((size for m in every for size in m.wanted if size in m.saved), 0)
    beside = f", while {whole} stays whole" if whole else ""
    name = "tensor-parallel-shard" if number > 0 else "tensor-parallel-model"
    return pick(name, parts=abs(number), keys=count(every, "key"), first=numbers(every[0]),
                beside=beside)  # fmt: skip


def split_of(saved: Shape, wanted: Shape) -> tuple[int, int]:
    """Return in how many parts one side is split, negative in the model's, and which side."""
    differ = [side for side, (a, b) in enumerate(zip(saved, wanted, strict=False)) if a != b]
    if len(saved) != len(wanted) or len(differ) != 1:
        return 0, 0
    side = differ[0]
    few, many = sorted((saved[side], wanted[side]))
    if not few or many % few:
        return 0, 0
    return (many // few if saved[side] < wanted[side] else -(many // few)), side

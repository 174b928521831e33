"""Why shapes in a state dict are not the model's; each cause with how much it explains."""

from __future__ import annotations

import re
from collections import Counter
from math import isqrt

from fcinspect.diagnosis.catalogue.parsing import lists
from fcinspect.diagnosis.records import Pick, pick
from fcinspect.diagnosis.rules.state_dict_parts import explains_all, numbers, quoted
from fcinspect.diagnosis.rules.state_dict_report import (
    Explained,
    LoadingReport,
    Mismatch,
    count,
    leaf_of,
    listed,
    module_of,
    some,
)

TABLE = re.compile(r"emb|wte|vocab|token|shared|lm_head|relative_attention_bias|lookup", re.I)
CLASSES = re.compile(r"class|cls_|bbox|label|score|(?<!lm_)head|pred|logit", re.I)
INSIDE = re.compile(r"(?:^|\.)(?:layers?|blocks?|stages?|h)\.\d+\.")
"""A layer of one block among several, which is no output layer."""
POSITION = re.compile(
    r"pos(?:ition)?(?:al)?_?(?:ids|emb\w*|enc\w*|table)|relative_position_\w+|wpe|(?:^|[._])pe$",
    re.I,
)
LANGUAGE = re.compile(r"LM(?:Head)?|ForConditional|Peft|Llama|GPT|Transformer")
"""Classes of models whose table of tokens can be resized."""
MOST_HEADS = 6
DEFAULTS = {1000, 21841, 21843, 400, 600, 700, 751, 91, 81, 80, 365}
"""Classes that models are made with where no number is given."""
FEW = 64


def shape_causes(report: LoadingReport, *, offered: bool = False) -> list[Explained]:
    """Return all causes that explain shapes that differ, in no order yet.

    `offered` says that the message offers ignore_mismatched_sizes.
    """
    every = list(report.mismatches)
    if not every:
        return []
    whole = explains_all(every)
    if whole is not None:
        return [(len(every), whole)]
    differ = _other_widths(every, offered=offered)
    transposed = [m for m in every if m.saved == m.wanted[::-1]]
    if len(transposed) == len(every):
        return [(len(every), _transposed(every, report)), (0, differ)]
    positions = [m for m in every if _is_position(m)]
    rest = [m for m in every if not _is_position(m)]
    causes: list[Explained] = []
    if positions:
        causes.append((len(positions), _position(positions)))
    if rest:
        others = _rows_or_columns(rest, report, offered=offered)
        causes += others or ([(len(every), differ)] if positions else [])
    if transposed:
        causes.append((len(transposed), _transposed(transposed, report)))
    told = any(cause is differ for _, cause in causes)
    if not causes or (len({module_of(m.key) for m in every}) > 1 and not told):
        causes.append((0 if causes else len(every), differ))
    return causes


def _rows_or_columns(
    rest: list[Mismatch], report: LoadingReport, *, offered: bool
) -> list[Explained]:
    first = rest[0]
    saved, wanted = first.saved, first.wanted
    if all(m.saved[1:] == m.wanted[1:] for m in rest):
        if _one_count(rest) and _tables(rest, report):
            return [(len(rest), _vocabulary(rest, report))]
        if _heads(rest):
            return [(len(rest), _head(rest, report, offered=offered))]
        return []
    if len(rest) == 1 and len(saved) == len(wanted) > 1 and saved[0] == wanted[0]:
        return [(1, _input_width(first))]
    columns = [m for m in rest if m.saved[1:2] != m.wanted[1:2]]
    rows = [m for m in rest if m not in columns]
    if not columns:
        return []
    entering = columns[0]
    alone = len(columns) == 1 and entering.saved[:1] == entering.wanted[:1]
    # what a layer gives, and the next one takes, is a width between them
    sizes = {(m.saved[:1], m.wanted[:1]) for m in rows}
    alone = alone and (entering.saved[1:2], entering.wanted[1:2]) not in sizes
    if rows and alone and all(m.saved[1:] == m.wanted[1:] for m in rows) and _heads(rows):
        ends = pick(
            "ends-changed",
            first=module_of(entering.key) or entering.key,
            last=listed(dict.fromkeys(module_of(m.key) for m in rows)),
            numbers=f"{numbers(entering)}; {numbers(rows[0])}",
            keys=quoted(rest),
        )
        return [(len(rest), ends)]
    return []


def side_of(rows: int) -> tuple[int, int] | None:
    """Return the side of the square of patches that positions stand for, and what is beside it."""
    for beside in (1, 0, 2):
        side = isqrt(max(rows - beside, 0))
        if side > 1 and side * side == rows - beside:
            return side, beside
    return None


def squares(saved: int, wanted: int) -> str:
    """Return both numbers of positions as squares of patches; "" where one is not."""
    found = [(rows, side_of(rows)) for rows in (saved, wanted)]
    words = []
    for rows, square in found:
        if square is None or square[1] != (found[0][1] or (0, -1))[1]:
            return ""
        side, beside = square
        words.append(f"{rows} = {side}²{f' + {beside}' if beside else ''}")
    return " and ".join(words)


def _is_position(mismatch: Mismatch) -> bool:
    return POSITION.search(mismatch.key) is not None and len(mismatch.saved) == len(mismatch.wanted)


def _position(those: list[Mismatch]) -> Pick:
    first = those[0]
    sizes = next(((a, b) for a, b in zip(first.saved, first.wanted, strict=True) if a != b), (0, 0))
    shown = squares(*sizes)
    tokens = [side_of(size) for size in sizes]
    if not shown and all(tokens) and len({found[0] for found in tokens if found}) == 1:
        side, saved, wanted = 0, 0, 0
        if tokens[0] and tokens[1]:
            (side, saved), (_, wanted) = tokens[0], tokens[1]
        return pick(
            "position-tokens", key=first.key, numbers=numbers(first), patches=side * side,
            saved=saved, wanted=wanted,
        )  # fmt: skip
    squared = f"; {shown}: patches of square images" if shown else ""
    return pick("position-count", key=first.key, numbers=numbers(first) + squared)


def _one_count(rows: list[Mismatch]) -> bool:
    return len({(m.saved[:1], m.wanted[:1]) for m in rows}) == 1


def _tables(rows: list[Mismatch], report: LoadingReport) -> bool:
    named = [m.key for m in rows if TABLE.search(m.key) and not CLASSES.search(m.key)]
    return report.model == "Embedding" or bool(named)


def _heads(rows: list[Mismatch]) -> bool:
    """Whether they are output layers; with a normalisation it is a width."""
    modules = dict.fromkeys(module_of(m.key) for m in rows)
    weights = dict.fromkeys(module_of(m.key) for m in rows if len(m.saved) > 1)
    if any(INSIDE.search(name) and not CLASSES.search(name) for name in modules):
        return False
    if _one_count(rows):
        return len(modules) == 1 or (len(modules) <= MOST_HEADS and modules == weights)
    # boxes have four numbers for each class
    ratios = {(m.saved[0] * rows[0].wanted[0], m.wanted[0] * rows[0].saved[0]) for m in rows}
    related = all(a == b for a, b in ratios)
    return modules == weights and len(modules) <= MOST_HEADS and related


def _head(rows: list[Mismatch], report: LoadingReport, *, offered: bool) -> Pick:
    first = rows[0]
    modules = tuple(dict.fromkeys(module_of(m.key) for m in rows))
    saved, wanted = (shape[0] if shape else 1 for shape in (first.saved, first.wanted))
    begins = ", ".join(f'"{module}."' for module in modules)
    begins = begins if len(modules) == 1 else f"({begins})"
    drop = (
        f"state = {{k: v for k, v in state.items() if not k.startswith({begins})}}"
        if all(modules)
        else f"for key in {[m.key for m in rows]}:\n    del state[key]"
    )
    one = len(rows) == 1
    name = "head-replaced" if len(modules) == 1 else "head-replaced/several"
    if name == "head-replaced" and wanted in DEFAULTS and saved not in DEFAULTS:
        name = "head-replaced/default"
    if offered and report.model != "the model":
        name = "head-replaced/pretrained"
    return pick(
        name,
        model=report.model,
        layer=f"The layer {modules[0]}".rstrip(),
        layers=listed(modules),
        keys=some(m.key or "one parameter" for m in rows),
        differ="differs" if one else "differ",
        these="this key" if one else "these keys",
        saved=saved,
        wanted=wanted,
        width="out_channels" if any(len(m.saved) > 2 for m in rows) else "out_features",
        drop=drop,
    )


def _transposed(those: list[Mismatch], report: LoadingReport) -> Pick:
    shown = quoted(those)
    convolutional = any(re.search(r"c_attn|c_proj|c_fc", m.key) for m in those)
    return pick(
        "weight-transposed/conv1d" if convolutional else "weight-transposed",
        number=len(those),
        of=len(report.mismatches),
        first=numbers(those[0]),
        every=shown,
        more="" if len(those) <= 8 else "  # and the others",
    )


def _vocabulary(rows: list[Mismatch], report: LoadingReport) -> Pick:
    saved, wanted = rows[0].saved[0], rows[0].wanted[0]
    models = lists("vocabularies")
    first, second = (" or ".join(models.get(str(n), ())).replace("_", " ") for n in (saved, wanted))
    if first and second:
        return pick(
            "vocabulary-size/other-model", saved=saved, wanted=wanted, first=first, second=second,
            some=some(dict.fromkeys(m.key or "the table" for m in rows)),
        )  # fmt: skip
    known = {m.key for m in rows} & {"lm_head.weight", "shared.weight", "embed_out.weight"}
    resized = (known or LANGUAGE.search(report.model)) and any(
        leaf_of(m.key) == "weight" for m in rows
    )
    return pick(
        "vocabulary-size/resize" if resized else "vocabulary-size",
        saved=saved,
        wanted=wanted,
        kept=min(saved, wanted),
        some=some(m.key or "the table" for m in rows),
        keys=quoted(rows),
    )


def _input_width(first: Mismatch) -> Pick:
    width = "in_channels" if len(first.saved) > 2 else "in_features"
    saved = first.saved[1]
    return pick(
        "input-width-changed", key=first.key or "key", numbers=numbers(first), width=width,
        saved=saved,
    )  # fmt: skip


def _other_widths(every: list[Mismatch], *, offered: bool) -> Pick:
    sizes = Counter(
        (a, b) for m in every for a, b in zip(m.saved, m.wanted, strict=False) if a != b
    )
    keys, first = count(every, "key"), numbers(every[0])
    most = sizes.most_common(1)
    common = ""
    if most and most[0][1] > 2:
        (saved, wanted), times = most[0]
        common = f"; {saved} stands where the model has {wanted}, {times} times"
    kernel = next((m for m in every if len(m.saved) == len(m.wanted) == 4 and
                   m.saved[2:] != m.wanted[2:]), None)  # fmt: skip
    if kernel is not None:
        common = f"; {kernel.key} has kernels (patches) of {kernel.saved[2:]} in the file and"
        common += f" {kernel.wanted[2:]} in the model"
    name = "other-widths/pretrained" if offered else "other-widths"
    return pick(name, keys=keys, first=first, common=common)

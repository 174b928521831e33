"""Why shapes in a state dict differ from the model's; each cause with how much it explains."""

from __future__ import annotations

import re
from math import prod

from fcinspect.diagnosis.records import Pick, pick
from fcinspect.diagnosis.rules.state_dict_report import (
    Explained,
    LoadingReport,
    Mismatch,
    count,
    listed,
    module_of,
    some,
)

TABLE = re.compile(r"emb|wte|vocab|token|shared|lm_head|relative_attention_bias|lookup", re.I)
POSITION = re.compile(r"pos(?:ition)?_?(?:ids|emb\w*|enc\w*)|wpe|(?:^|[._])pe$", re.I)


def shape_causes(report: LoadingReport) -> list[Explained]:
    """Return all causes that explain shapes that differ, in no order yet."""
    if not report.mismatches:
        return []
    packed = [m for m in report.mismatches if _packed(m)]
    if packed:
        return [(len(report.mismatches), _quantised(packed, report))]
    transposed = [m for m in report.mismatches if m.saved == m.wanted[::-1]]
    if len(transposed) == len(report.mismatches):
        return [(len(transposed), _transposed(transposed, report)), (0, _widths(report))]
    modules = dict.fromkeys(module_of(m.key) for m in report.mismatches)
    rows = [m for m in report.mismatches if m.saved[1:] == m.wanted[1:]]
    causes: list[Explained] = []
    if len(rows) == len(report.mismatches) and all(POSITION.search(m.key) for m in rows):
        causes.append(
            (len(rows), pick("position-count", key=rows[0].key, numbers=_numbers(rows[0])))
        )
    elif len(rows) == len(report.mismatches) and _one_count(rows) and _tables(rows, report):
        causes.append((len(rows), _vocabulary(rows[0], report)))
    elif len(rows) == len(report.mismatches) and _one_count(rows) and _heads(rows):
        causes.append((len(rows), _head(rows)))
    elif len(report.mismatches) == 1 and _inputs(report.mismatches[0]):
        causes.append((1, _input_width(report.mismatches[0])))
    if transposed:
        causes.append((len(transposed), _transposed(transposed, report)))
    if not causes or len(modules) > 1:
        causes.append((len(report.mismatches) if not causes else 0, _widths(report)))
    return causes


def _packed(mismatch: Mismatch) -> bool:
    """Whether two 4-bit weights stand in each saved byte, in one column."""
    saved, wanted = mismatch.saved, mismatch.wanted
    return len(wanted) == 2 and saved[1:] == (1,) and prod(wanted) == 2 * prod(saved)


def _one_count(rows: list[Mismatch]) -> bool:
    return len({(m.saved[:1], m.wanted[:1]) for m in rows}) == 1


def _tables(rows: list[Mismatch], report: LoadingReport) -> bool:
    return report.model == "Embedding" or any(TABLE.search(m.key) for m in rows)


def _heads(rows: list[Mismatch]) -> bool:
    """Whether it is one layer, or two with a weight each; with a normalisation it is a width."""
    modules = dict.fromkeys(module_of(m.key) for m in rows)
    weights = dict.fromkeys(module_of(m.key) for m in rows if len(m.saved) > 1)
    return len(modules) == 1 or (len(modules) == 2 and modules == weights)


def _inputs(mismatch: Mismatch) -> bool:
    return (
        len(mismatch.saved) == len(mismatch.wanted) > 1 and mismatch.saved[0] == mismatch.wanted[0]
    )


def _numbers(mismatch: Mismatch) -> str:
    saved, wanted = mismatch.saved, mismatch.wanted
    return f"{mismatch.key} is {saved} in the checkpoint and {wanted} in the model"


def _head(rows: list[Mismatch]) -> Pick:
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
    return pick(
        "head-replaced" if len(modules) == 1 else "head-replaced/several",
        layer=f"The layer {modules[0]}".rstrip(),
        layers=listed(modules),
        keys=some(m.key for m in rows),
        differ="differs" if one else "differ",
        these="this key" if one else "these keys",
        saved=saved,
        wanted=wanted,
        width="out_channels" if any(len(m.saved) > 2 for m in rows) else "out_features",
        drop=drop,
    )


def _transposed(those: list[Mismatch], report: LoadingReport) -> Pick:
    every = ", ".join(f'"{m.key}"' for m in those[:8])
    return pick(
        "weight-transposed",
        number=len(those),
        of=len(report.mismatches),
        first=_numbers(those[0]),
        every=every,
        more="" if len(those) <= 8 else "  # and the others",
    )


def _vocabulary(first: Mismatch, report: LoadingReport) -> Pick:
    saved, wanted = first.saved[0], first.wanted[0]
    return pick(
        "vocabulary-size",
        saved=saved,
        wanted=wanted,
        kept=min(saved, wanted),
        some=some(m.key for m in report.mismatches),
        keys=", ".join(f'"{m.key}"' for m in report.mismatches),
    )


def _input_width(first: Mismatch) -> Pick:
    width = "in_channels" if len(first.saved) > 2 else "in_features"
    numbers = _numbers(first)
    saved = first.saved[1]
    return pick("input-width-changed", key=first.key, numbers=numbers, width=width, saved=saved)


def _quantised(packed: list[Mismatch], report: LoadingReport) -> Pick:
    of = count(report.mismatches, "shape")
    return pick("packed-4bit", numbers=_numbers(packed[0]), packed=len(packed), of=of)


def _widths(report: LoadingReport) -> Pick:
    first = _numbers(report.mismatches[0])
    return pick("other-widths", keys=count(report.mismatches, "key"), first=first)

"""Why shapes in a state dict differ from the model's; each cause with how much it explains."""

from __future__ import annotations

import re
from math import prod

from fcinspect.diagnosis.messages.state_dict_report import (
    LOAD,
    Explained,
    Mismatch,
    Report,
    count,
    listed,
    module_of,
    some,
    written,
)
from fcinspect.diagnosis.records import Cause

STRICT = "strict=False does not help: it skips missing and unexpected keys, not other shapes"
TABLE = re.compile(r"emb|wte|vocab|token|shared|lm_head|relative_attention_bias|lookup", re.I)
POSITION = re.compile(r"pos(?:ition)?_?(?:ids|emb\w*|enc\w*)|wpe|(?:^|[._])pe$", re.I)


def shape_causes(report: Report) -> list[Explained]:
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
        causes.append((len(rows), _positions(rows[0])))
    elif len(rows) == len(report.mismatches) and _one_count(rows) and _tables(rows, report):
        causes.append((len(rows), _vocabulary(rows[0], report)))
    elif len(rows) == len(report.mismatches) and _one_count(rows) and _heads(rows):
        causes.append((len(rows), _head(rows, report)))
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


def _tables(rows: list[Mismatch], report: Report) -> bool:
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
    return f"{mismatch.key} is {written(mismatch.saved)} in the checkpoint and " + (
        f"{written(mismatch.wanted)} in the model"
    )


def _head(rows: list[Mismatch], report: Report) -> Cause:
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
    width = "out_channels" if any(len(m.saved) > 2 for m in rows) else "out_features"
    one = len(rows) == 1
    what = (
        f"The layer {modules[0]}".rstrip() + f" has {wanted} {width} in the model and had {saved}"
    )
    replaced = "when it was saved, as where a new head replaced the old one"
    if len(modules) > 1:
        what = f"The layers {listed(modules)} have {wanted} {width} in the model and had {saved}"
        replaced = "when they were saved, as where new heads replaced the old ones"
    return Cause(
        "head-replaced",
        f"{what} {replaced}",
        f"only {some(m.key for m in rows)} {'differs' if one else 'differ'}, and only in the number"
        f" of rows: {saved} in the checkpoint, {wanted} in the model",
        f"Drop {'this key' if one else 'these keys'} and train the layer anew, or make it with"
        f" {saved} {width}; {STRICT}",
        f"{drop}\nmodel.load_state_dict(state, strict=False)",
    )


def _transposed(those: list[Mismatch], report: Report) -> Cause:
    first = those[0]
    every = ", ".join(f'"{m.key}"' for m in those[:8])
    more = "" if len(those) <= 8 else "  # and the others"
    return Cause(
        "weight-transposed",
        "The weight is kept as (in_features, out_features), as Keras, Flax and TensorFlow do; "
        "nn.Linear keeps (out_features, in_features)",
        f"{len(those)} of the {len(report.mismatches)} that differ, reversed; the first: "
        f"{_numbers(first)}",
        "Transpose these weights before loading",
        f"for key in [{every}]:{more}\n    state[key] = state[key].T\n{LOAD}",
    )


def _vocabulary(first: Mismatch, report: Report) -> Cause:
    saved, wanted = first.saved[0], first.wanted[0]
    kept = min(saved, wanted)
    keys = ", ".join(f'"{m.key}"' for m in report.mismatches)
    return Cause(
        "vocabulary-size",
        "The vocabulary has another size: tokens were added, or the rows were padded to a round "
        "number",
        f"only the rows of {some(m.key for m in report.mismatches)} differ: {saved} in the "
        f"checkpoint, {wanted} in the model",
        f"Make the model with {saved} rows (num_embeddings), or copy the {kept} common "
        f"rows; {STRICT}",
        f"rows = {{key: state.pop(key) for key in [{keys}]}}\n"
        "model.load_state_dict(state, strict=False)\nwith torch.no_grad():\n"
        f"    for key in rows:\n        model.get_parameter(key)[:{kept}] = rows[key][:{kept}]",
    )


def _positions(first: Mismatch) -> Cause:
    return Cause(
        "position-count",
        "The model was made for sequences or images of another length than the saved one",
        _numbers(first),
        f"Make the model with the saved length, or interpolate the positions; {STRICT}",
        f'state.pop("{first.key}")\nmodel.load_state_dict(state, strict=False)',
    )


def _input_width(first: Mismatch) -> Cause:
    width = "in_channels" if len(first.saved) > 2 else "in_features"
    return Cause(
        "input-width-changed",
        "The layer takes another number of features or channels than it did when it was saved",
        f"{_numbers(first)}: the same rows, other columns, and no other key differs",
        f"Make the layer with {width}={first.saved[1]}, or drop the key and train it anew; "
        f"{STRICT}",
        f'state.pop("{first.key}")\nmodel.load_state_dict(state, strict=False)',
    )


def _quantised(packed: list[Mismatch], report: Report) -> Cause:
    return Cause(
        "packed-4bit",
        "The checkpoint holds weights packed to 4 bits, two in a byte",
        f"{_numbers(packed[0])}: half as many numbers, in one column; so it is with {len(packed)} "
        f"of {count(report.mismatches, 'shape')}",
        "Load it with the library that packed it, e.g. with load_in_4bit=True",
        None,
    )


def _widths(report: Report) -> Cause:
    return Cause(
        "other-widths",
        "The model was made with other widths (hidden size, channels, in_features) than the saved "
        "one",
        f"{count(report.mismatches, 'key')} with another shape, the first: "
        f"{_numbers(report.mismatches[0])}",
        f"Make the model with the numbers it was saved with; {STRICT}",
        "for key, value in state.items():\n    print(key, tuple(value.shape))",
    )

"""What changed between two checkpoints, as JSON and as rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fcinspect.page import text

if TYPE_CHECKING:
    from fcinspect.checkpoints.diff.records import (
        Compared,
        Difference,
        Spot,
        TensorFinding,
        TensorSide,
    )
    from fcinspect.reports.documents.diff import (
        ComparedLayerDocument,
        ComparedTensorDocument,
        DiffDocument,
        FindingDocument,
        SideDocument,
        SpotDocument,
        SummaryDocument,
    )


def document(difference: Difference) -> DiffDocument:
    """Return the JSON data."""
    return {
        "a": difference.a,
        "b": difference.b,
        "same": difference.ok,
        "tolerance": difference.tolerance,
        "layers": [_layer(each) for each in difference.compared if each.is_linear],
        "arrays": [_tensor(each) for each in difference.compared if not each.is_linear],
        "only_in_a": [_side(side) for side in difference.only_in_a],
        "only_in_b": [_side(side) for side in difference.only_in_b],
        "not_compared": {
            "arrays_a": difference.not_compared_a,
            "arrays_b": difference.not_compared_b,
            "layers_a": difference.left_out_a,
            "layers_b": difference.left_out_b,
        },
        "problems": list(difference.problems),
        "summary": _summary(difference),
    }


def summary_line(difference: Difference) -> str:
    """Return "37 layers: 35 equal, 2 changed; 0 only in A, 0 only in B"."""
    layers = [each for each in difference.compared if each.is_linear]
    parts = [f"{text.plural(len(layers), 'layer')}{_kinds(difference, linear=True)}"]
    others = len(difference.compared) - len(layers)
    if others:
        parts.append(f"{text.plural(others, 'other array')}{_kinds(difference, linear=False)}")
    only = f"{text.count(len(difference.only_in_a))} only in A"
    parts.append(f"{only}, {text.count(len(difference.only_in_b))} only in B")
    return "; ".join(parts)


def _kinds(difference: Difference, *, linear: bool) -> str:
    counted = difference.counted(linear=linear)
    told = ", ".join(f"{text.count(count)} {kind}" for kind, count in counted.items())
    return f": {told}" if told else ""


def rows(difference: Difference) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: what both have, then what one of them has."""
    yield (
        "name", "name_b", "verdict", "how", "in_features", "out_features", "shape_b", "dtype_a",
        "dtype_b", "changed", "max_abs", "relative", "rank", "bias",
    )  # fmt: skip
    for each in difference.compared:
        widths = (each.a.shape[1], each.a.shape[0]) if each.is_linear else ("", "")
        far = each.finding.magnitude
        nothing = (0, 0.0, 0.0) if each.finding.kind == "equal" else ("", "", "")
        measured = nothing if far is None else (far.changed, far.max_abs, far.relative)
        yield (
            text.safe(each.name), text.safe(each.b.name), str(each.verdict), each.how, *widths,
            text.sizes(each.b.shape), each.a.dtype, each.b.dtype,
            *("" if value is None else value for value in measured),
            "" if each.finding.rank is None else each.finding.rank,
            "" if each.bias is None else each.bias.how,
        )  # fmt: skip
    for where, sides in (("only in A", difference.only_in_a), ("only in B", difference.only_in_b)):
        for side in sides:
            row = [text.safe(side.name), "", where, "", "", "", "", side.dtype, *[""] * 6]
            if where == "only in B":
                row[0:2], row[7:9] = ["", text.safe(side.name)], ["", side.dtype]
                row[6] = text.sizes(side.shape)
            elif len(side.shape) == 2:
                row[4:6] = [str(side.shape[1]), str(side.shape[0])]
            yield row


def _summary(difference: Difference) -> SummaryDocument:
    layers = [each.verdict.value for each in difference.compared if each.is_linear]
    return {
        "layers": len(layers),
        "equal": layers.count("equal"),
        "equal_up_to_rounding": layers.count("equal up to rounding"),
        "different": layers.count("different"),
        "undecided": layers.count("undecided"),
        "kinds": difference.counted(linear=True),
        "arrays": len(difference.compared) - len(layers),
        "array_kinds": difference.counted(linear=False),
        "only_in_a": len(difference.only_in_a),
        "only_in_b": len(difference.only_in_b),
        "text": summary_line(difference),
    }


def _layer(each: Compared) -> ComparedLayerDocument:
    weight = _finding(each.finding)
    return {
        "name": each.name,
        "name_b": each.b.name,
        "verdict": each.verdict.value,
        "kind": each.kind,
        "how": each.how,
        "detail": weight["detail"],
        "in_features": each.a.shape[1],
        "out_features": each.a.shape[0],
        "in_features_b": each.b.shape[1],
        "out_features_b": each.b.shape[0],
        "dtype_a": each.a.dtype,
        "dtype_b": each.b.dtype,
        "renamed": each.renamed,
        "count": weight["count"],
        "changed": weight["changed"],
        "first": weight["first"],
        "max_abs": weight["max_abs"],
        "max_abs_at": weight["max_abs_at"],
        "relative": weight["relative"],
        "rank": weight["rank"],
        "singular_values": weight["singular_values"],
        "bias": None if each.bias is None else _finding(each.bias),
    }


def _tensor(each: Compared) -> ComparedTensorDocument:
    return {
        "name": each.name,
        "name_b": each.b.name,
        "shape_a": list(each.a.shape),
        "shape_b": list(each.b.shape),
        "dtype_a": each.a.dtype,
        "dtype_b": each.b.dtype,
        **_finding(each.finding),
    }


def _finding(finding: TensorFinding) -> FindingDocument:
    far = finding.magnitude
    equal = finding.kind == "equal"
    return {
        "verdict": finding.verdict.value,
        "kind": finding.kind,
        "how": finding.how,
        "detail": list(finding.detail),
        "count": None if far is None else far.count,
        "changed": 0 if equal else None if far is None else far.changed,
        "first": None if far is None else _spot(far.first),
        "max_abs": 0.0 if equal else None if far is None else _finite(far.max_abs),
        "max_abs_at": None if far is None or far.largest is None else list(far.largest.index),
        "relative": 0.0 if equal else None if far is None else _finite(far.relative),
        "rank": finding.rank,
        "singular_values": list(finding.singular_values),
    }


def _spot(spot: Spot | None) -> SpotDocument | None:
    if spot is None:
        return None
    return {"index": list(spot.index), "a": _finite(spot.a), "b": _finite(spot.b)}


def _side(side: TensorSide) -> SideDocument:
    return {"name": side.name, "shape": list(side.shape), "dtype": side.dtype}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

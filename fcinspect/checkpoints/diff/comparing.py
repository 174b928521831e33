"""One layer of A against one of B, weight and bias: from the simplest explanation to none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from fcinspect.checkpoints.diff import grids, pointwise
from fcinspect.checkpoints.diff.records import EQUAL, Compared, Sameness, TensorFinding, TensorSide
from fcinspect.checkpoints.diff.reordering import reordered, reshaped
from fcinspect.checkpoints.diff.rules import low_rank_update, scales_of_lines
from fcinspect.checkpoints.records import StoredLinear, StoredTensor
from fcinspect.rounding.formats import NumberFormat

FEW = 10
"""So many changed numbers are few, whatever the size."""
RARE = 1e-4
"""A share of changed numbers below which they are few."""
FORMATS = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32",
    "I32": "int32", "U64": "uint64", "I64": "int64", "C64": "complex64",
}  # fmt: skip
"""What torch calls the formats of safetensors."""


@dataclass(frozen=True)
class Desk:
    """What every comparison needs."""

    tolerance: NumberFormat | None = None
    """The format whose rounding counts as the same."""
    a: grids.CodeReader = field(default_factory=grids.CodeReader)
    b: grids.CodeReader = field(default_factory=grids.CodeReader)

    def close(self) -> None:
        """Close the files."""
        self.a.close()
        self.b.close()


@dataclass(frozen=True)
class Pair:
    """Two tensors as grids, and how they are spoken of."""

    a: grids.CodeGrid
    """A's, in the order in which it lies."""
    b: grids.CodeGrid
    """B's, in the order of A's."""
    lines: pointwise.Lines
    """What rows and columns are called."""
    is_matrix: bool = True
    """Whether rows and columns may be exchanged or permuted: of a weight, not of a bias."""


def side_of(each: StoredLinear | StoredTensor) -> TensorSide:
    """Return a layer, or a tensor that is none's, as it is listed; its dtype in our words."""
    tensor = each.weight if isinstance(each, StoredLinear) else each
    dtype = tensor.dtype if tensor.place is None else tensor.place.dtype
    return TensorSide(each.name, dtype, each.shape)


def compare_layers(
    a: StoredLinear, b: StoredLinear, desk: Desk, *, renamed: bool = False
) -> Compared:
    """Return how a layer of B differs from one of A; raises InputError as reading them does."""
    finding = unreadable(a.weight, b.weight)
    if finding is None:
        finding = judge(weights(a, b, desk), desk.tolerance)
    bias = _bias(a, b, finding, desk)
    return Compared(a.name, side_of(a), side_of(b), finding, bias, renamed=renamed)


def weights(a: StoredLinear, b: StoredLinear, desk: Desk) -> Pair:
    """Return two weights side by side, in the order in which A's lies."""
    ours, flipped = grids.weight_of(a.weight, a.layout, desk.a)
    theirs, other = grids.weight_of(b.weight, b.layout, desk.b)
    lines = pointwise.Lines("input", "output") if flipped else pointwise.Lines()
    return Pair(ours, theirs if flipped == other else theirs.turned(), lines)


def compare_tensors(a: StoredTensor, b: StoredTensor, desk: Desk) -> Compared:
    """Return how a tensor that is no linear layer differs."""
    finding = _by_bytes(a, b, desk) or unreadable(a, b)
    if finding is None:
        if len(a.shape) == len(b.shape) and a.shape[1:] == b.shape[1:]:
            finding = judge(_side_by_side(a, b, desk), desk.tolerance)
        else:
            finding = _other_shape(a, b)
    return Compared(a.name, side_of(a), side_of(b), finding, is_linear=False)


def unreadable(a: StoredTensor, b: StoredTensor) -> TensorFinding | None:
    """Return why two tensors cannot be compared, None where they can."""
    told = []
    for side, tensor in (("A", a), ("B", b)):
        problem = tensor.refusal
        if problem is None and tensor.rounding is not None:
            rounded = tensor.rounding()
            problem = rounded and f"holds integers that float32 cannot represent: {rounded}"
        if problem is not None:
            told.append(f"{side}: it {problem}")
    if not told:
        return None
    return TensorFinding("not compared", "not compared", tuple(told), Sameness.UNDECIDED)


def _side_by_side(a: StoredTensor, b: StoredTensor, desk: Desk) -> Pair:
    """Return two tensors by their first dimension; vectors as one row."""
    both = grids.grid_of(a, desk.a), grids.grid_of(b, desk.b)
    ours, theirs = (grid.turned() if transposed else grid for grid, transposed in both)
    lines = pointwise.Lines("row" if len(a.shape) > 1 else "", "number", a.shape)
    return Pair(ours, theirs, lines, is_matrix=False)


def _bias(
    a: StoredLinear, b: StoredLinear, weight: TensorFinding, desk: Desk
) -> TensorFinding | None:
    if a.bias is None and b.bias is None:
        return None
    if a.bias is None or b.bias is None:
        how = "added" if a.bias is None else "removed"
        return TensorFinding(f"with the bias {how}", how)
    problem = unreadable(a.bias, b.bias)
    if problem is not None:
        return problem
    pair = _side_by_side(a.bias, b.bias, desk)
    found = judge(pair, desk.tolerance)
    if weight.order is None or found.verdict is Sameness.EQUAL:
        return found
    ours = pair.a.read((0, 1, 0, pair.a.columns))[:, list(weight.order)]
    again = judge(replace(pair, a=grids.HeldGrid(ours, pair.a.dtype)))
    if again.verdict is Sameness.EQUAL:
        return TensorFinding("permuted alike", "permuted alike")
    return found


def judge(pair: Pair, tolerance: NumberFormat | None = None) -> TensorFinding:
    """Return how B differs from A."""
    a, b = pair.a, pair.b
    if (a.rows, a.columns) != (b.rows, b.columns):
        return reshaped(a, b, pair.lines)
    if a.dtype == b.dtype and grids.same_codes(a, b):
        return EQUAL
    found = pointwise.go_through(a, b, tolerance)
    finding = replace(_explained(pair, found), magnitude=pointwise.magnitude(found, pair.lines))
    if tolerance is None or found.outside:
        return finding
    if finding.kind == "changed":
        kind = f"equal up to {tolerance.name} rounding"
        finding = replace(finding, kind=kind, how=kind)
    return replace(finding, verdict=Sameness.ROUNDED)


def _explained(pair: Pair, found: pointwise.Pointwise) -> TensorFinding:
    if pair.a.dtype == pair.b.dtype and found.changed == found.zero_signs:
        zeros = "1 zero" if found.changed == 1 else f"{found.changed:,} zeros"
        return TensorFinding("with signs of zeros changed", f"{zeros} changed sign")
    if pair.a.dtype == pair.b.dtype and found.changed == found.nan_codes:
        nans = "1 NaN has" if found.changed == 1 else f"{found.changed:,} NaNs have"
        return TensorFinding("with other NaNs", f"{nans} different bits")
    return (
        pointwise.rule_of(found.rules)
        or (reordered(pair.a, pair.b, pair.lines, found) if pair.is_matrix else None)
        or _special_values(found)
        or _few(found)
        or (_some_lines(pair.lines, found) if pair.is_matrix else None)
        or (_scaled_lines(pair) if pair.is_matrix else None)
        or (_updated(pair, found) if pair.is_matrix else None)
        or _unrelated(found)
        or TensorFinding("changed", "changed", pointwise.became(found))
    )


def _special_values(found: pointwise.Pointwise) -> TensorFinding | None:
    """Every changed number became, or ceased to be, NaN or infinite; or became 0."""
    told = pointwise.became(found)
    if not found.finite_changed and told:
        kinds = [
            word
            for kind, word in (("nan", "NaN"), ("inf", "Inf"))
            if found.became[kind] or found.ceased[kind]
        ]
        return TensorFinding(f"with {' and '.join(kinds)}", told[0])
    if found.became["zero"] != found.changed:
        return None
    if found.changed == found.count - found.zero_signs and not found.sums.bb:
        return TensorFinding("zeroed", "all numbers became 0")
    how = f"{found.changed:,} of {found.count:,} numbers became 0"
    return TensorFinding("with numbers zeroed", how)


def _few(found: pointwise.Pointwise) -> TensorFinding | None:
    if found.changed > max(min(FEW, found.count // 4), RARE * found.count):
        return None
    how = f"{found.changed:,} number{'' if found.changed == 1 else 's'} changed"
    return TensorFinding("with few numbers changed", how, pointwise.became(found))


def _some_lines(lines: pointwise.Lines, found: pointwise.Pointwise) -> TensorFinding | None:
    """At most half of the outputs, or of the inputs, changed."""
    for noun, marked in ((lines.rows, found.changed_rows), (lines.columns, found.changed_columns)):
        if marked is not None and 0 < marked.sum() <= len(marked) / 2:
            which = np.flatnonzero(marked).tolist()
            detail = (
                f"{len(which):,} of {len(marked):,} {noun}s changed",
                *pointwise.became(found),
            )
            return TensorFinding(
                f"with {noun}s changed", f"{pointwise.places(noun, which)} changed", detail
            )
    return None


def _scaled_lines(pair: Pair) -> TensorFinding | None:
    """Every row, or every column, of B is that of A times a factor."""
    found = scales_of_lines(pair.a, pair.b)
    if found is None:
        return None
    axis, low, high = found
    noun = pair.lines.columns if axis else pair.lines.rows
    detail = (f"the factors are {low:.4g} to {high:.4g}",)
    return TensorFinding(f"with {noun}s scaled", f"{noun}s scaled, each by its own factor", detail)


def _updated(pair: Pair, found: pointwise.Pointwise) -> TensorFinding | None:
    """B is A plus a low-rank update; all numbers must be finite."""
    values = low_rank_update(pair.a, pair.b) if found.sums.count == found.count else None
    if values is None:
        return None
    some = ", ".join(f"{value:.3g}" for value in values[:4])
    more = ", …" if len(values) > 4 else ""
    return TensorFinding(
        "with a low-rank update",
        f"update of rank {len(values)}",
        (f"σ of B − A: {some}{more}; the rest is rounding to {pair.b.dtype}",),
        rank=len(values),
        singular_values=values,
    )


def _unrelated(found: pointwise.Pointwise) -> TensorFinding | None:
    """The numbers of B tell nothing of those of A: as after a new initialisation."""
    r, count = found.sums.correlation, found.sums.count
    if count < 100 or not abs(r) <= 4 / count**0.5:
        return None
    text = f"its numbers are uncorrelated with those of A: r = {r:.2g} over {count:,} pairs"
    how = "uncorrelated, as if re-initialised"
    return TensorFinding("uncorrelated", how, (text, *pointwise.became(found)))


def _by_bytes(a: StoredTensor, b: StoredTensor, desk: Desk) -> TensorFinding | None:
    """Return whether arrays hold the same bytes; None where that does not tell of their numbers."""
    same_format = FORMATS.get(a.dtype, a.dtype) == FORMATS.get(b.dtype, b.dtype)
    if a.extent is None or b.extent is None or not same_format:
        return None
    if a.shape != b.shape:
        return _other_shape(a, b)
    for begin in range(0, a.extent.size, grids.BLOCK):
        length = min(grids.BLOCK, a.extent.size - begin)
        ours = desk.a.bytes_of(a.extent, begin, length)
        if ours != desk.b.bytes_of(b.extent, begin, length):
            told = f"its bytes differ; {a.dtype} numbers are not compared one by one"
            return TensorFinding("changed", "changed", (told,))
    return EQUAL


def _other_shape(a: StoredTensor, b: StoredTensor) -> TensorFinding:
    was, now = (", ".join(map(str, tensor.shape)) for tensor in (a, b))
    return TensorFinding("with another shape", f"shape ({was}) → ({now})")

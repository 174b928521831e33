"""One layer of A against one of B: the weight, then the bias."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fcinspect.checkpoints.diff.judging import Pair, judge
from fcinspect.checkpoints.diff.packed import can_be_compared, compare_bytes, shape_of
from fcinspect.checkpoints.diff.reading import Grid, Held, Reader, grid_of, weight_of
from fcinspect.checkpoints.diff.records import Compared, Finding, Sameness, Side
from fcinspect.checkpoints.diff.words import Lines
from fcinspect.checkpoints.records import StoredLinear, StoredTensor
from fcinspect.rounding.formats import NumberFormat


@dataclass(frozen=True)
class Desk:
    """What every comparison needs."""

    a: Reader
    """Reads the files of A."""
    b: Reader
    """Reads the files of B."""
    tolerance: NumberFormat | None = None
    """The format whose rounding counts as the same."""

    def close(self) -> None:
        """Let go of the files."""
        self.a.close()
        self.b.close()


def side_of(layer: StoredLinear) -> Side:
    """Return a layer as it is listed."""
    return Side(layer.name, dtype_of(layer.weight), (layer.out_features, layer.in_features))


def side_of_tensor(tensor: StoredTensor) -> Side:
    """Return a tensor that is no linear layer as it is listed."""
    return Side(tensor.name, dtype_of(tensor), tensor.shape)


def dtype_of(tensor: StoredTensor) -> str:
    """Return the number format in our words."""
    return tensor.dtype if tensor.place is None else tensor.place.dtype


def compare_layers(
    a: StoredLinear, b: StoredLinear, desk: Desk, *, renamed: bool = False
) -> Compared:
    """Return how a layer of B differs from one of A.

    Raises InputError where a file cannot be read, or was changed since it was opened.
    """
    finding = unreadable(a.weight, b.weight)
    if finding is None:
        finding = judge(weights(a, b, desk), desk.tolerance)
    return Compared(
        a.name, side_of(a), side_of(b), finding, _bias(a, b, finding, desk), renamed=renamed
    )


def weights(a: StoredLinear, b: StoredLinear, desk: Desk) -> Pair:
    """Return two weights side by side, in the order in which A's lies."""
    ours, flipped = weight_of(a.weight, a.layout, desk.a)
    theirs, other = weight_of(b.weight, b.layout, desk.b)
    lines = Lines("input", "output") if flipped else Lines()
    return Pair(ours, theirs if flipped == other else theirs.turned(), lines)


def compare_tensors(a: StoredTensor, b: StoredTensor, desk: Desk) -> Compared:
    """Return how a tensor that is no linear layer differs."""
    sides = side_of_tensor(a), side_of_tensor(b)
    if can_be_compared(a, b):
        finding = compare_bytes(a, b, (desk.a, desk.b))
    else:
        finding = unreadable(a, b) or _tensors(a, b, desk)
    return Compared(a.name, *sides, finding, is_linear=False)


def unreadable(a: StoredTensor, b: StoredTensor) -> Finding | None:
    """Return why two tensors cannot be compared, None where they can."""
    told = [
        f"{side}: it {problem}"
        for side, tensor in (("A", a), ("B", b))
        if (problem := _problem(tensor)) is not None
    ]
    if not told:
        return None
    return Finding("not compared", "not compared", Sameness.UNDECIDED, tuple(told))


def _problem(tensor: StoredTensor) -> str | None:
    """Return why the very numbers of a tensor are not known."""
    if tensor.problem is not None and tensor.place is None:
        return tensor.problem
    rounded = None if tensor.rounding is None else tensor.rounding()
    return None if rounded is None else f"holds whole numbers beyond float32: {rounded}"


def _tensors(a: StoredTensor, b: StoredTensor, desk: Desk) -> Finding:
    if a.shape != b.shape and (len(a.shape) != len(b.shape) or a.shape[1:] != b.shape[1:]):
        how = f"shape {shape_of(a)} → {shape_of(b)}"
        return Finding("with another shape", how, Sameness.DIFFERENT)
    return judge(_side_by_side(a, b, desk), desk.tolerance)


def _side_by_side(a: StoredTensor, b: StoredTensor, desk: Desk) -> Pair:
    """Return two tensors by their first dimension; vectors as one row."""
    ours, turned = grid_of(a, desk.a)
    theirs, other = grid_of(b, desk.b)
    if turned:
        ours = ours.turned()
    if other:
        theirs = theirs.turned()
    lines = Lines("row" if len(a.shape) > 1 else "", "number", a.shape)
    return Pair(ours, theirs, lines, is_matrix=False)


def _bias(a: StoredLinear, b: StoredLinear, weight: Finding, desk: Desk) -> Finding | None:
    if a.bias is None and b.bias is None:
        return None
    if a.bias is None or b.bias is None:
        how = "added" if a.bias is None else "removed"
        return Finding(f"with the bias {how}", how, Sameness.DIFFERENT)
    problem = unreadable(a.bias, b.bias)
    if problem is not None:
        return problem
    pair = _side_by_side(a.bias, b.bias, desk)
    found = judge(pair, desk.tolerance)
    if weight.order is None or found.verdict is Sameness.EQUAL:
        return found
    ours = pair.a.read((0, 1, 0, pair.a.columns))[:, list(weight.order)]
    moved: Grid = Held(ours, pair.a.dtype)
    again = judge(replace(pair, a=moved))
    if again.verdict is Sameness.EQUAL:
        return Finding("permuted alike", "permuted alike", Sameness.DIFFERENT)
    return found

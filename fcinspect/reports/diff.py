"""The report of `diff`: what changed between two checkpoints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.page import text
from fcinspect.page.blocks import Column, Heading, Line, Page, PageBuilder, Table
from fcinspect.page.view import View
from fcinspect.reports.written import written
from fcinspect.rounding.formats import FORMATS

if TYPE_CHECKING:
    from fcinspect.checkpoints.diff.records import (
        Compared,
        Difference,
        Spot,
        TensorFinding,
        TensorSide,
    )

LEGEND = "Δ = b − a for each number; relative: ‖B − A‖/‖A‖ in the Frobenius norm"
MOST_TOLD = 12
"""Most layers that the page shows in detail, and names found on one side only."""


def view_of_diff(difference: Difference, asked: dict[str, Any]) -> View:
    """Return the view of what changed."""
    problems = list(difference.problems[:MOST_TOLD])
    if (more := len(difference.problems) - MOST_TOLD) > 0:
        problems.append(f"{more} more problems; --json lists them all")
    return View(
        command="diff",
        asked=asked,
        data=lambda full: document(difference),
        page=lambda precision: page(difference),
        rows=partial(rows, difference),
        ok=difference.ok,
        warnings=tuple(map(text.safe, (*problems, *difference.notes))),
    )


def document(difference: Difference) -> dict[str, Any]:
    """Return the JSON data."""
    from fcinspect.reports.documents.core import DiffDocument

    layers = [each for each in difference.compared if each.is_linear]
    arrays = [each for each in difference.compared if not each.is_linear]
    not_compared = {
        "arrays_a": difference.not_compared_a,
        "arrays_b": difference.not_compared_b,
        "layers_a": difference.left_out_a,
        "layers_b": difference.left_out_b,
    }
    return written(
        difference,
        DiffDocument,
        same=difference.ok,
        layers=list(map(_layer_document, layers)),
        arrays=list(map(_array_document, arrays)),
        not_compared=not_compared,
        summary=_summary(difference, layers),
    )


def _summary(difference: Difference, layers: Sequence[Compared]) -> dict[str, Any]:
    verdicts = [each.verdict.value for each in layers]
    words = ("equal", "equal up to rounding", "different", "undecided")
    return {
        "layers": len(layers),
        **{word.replace(" ", "_"): verdicts.count(word) for word in words},
        "kinds": difference.counted(linear=True),
        "arrays": len(difference.compared) - len(layers),
        "array_kinds": difference.counted(linear=False),
        "only_in_a": len(difference.only_in_a),
        "only_in_b": len(difference.only_in_b),
        "text": _summary_line(difference),
    }


def _layer_document(each: Compared) -> dict[str, Any]:
    from fcinspect.reports.documents.core import ComparedLayerDocument

    weight = _finding(each.finding)
    return written(
        each,
        ComparedLayerDocument,
        **{key: value for key, value in weight.items() if key not in ("verdict", "kind", "how")},
        name_b=each.b.name,
        in_features=each.a.shape[1],
        out_features=each.a.shape[0],
        in_features_b=each.b.shape[1],
        out_features_b=each.b.shape[0],
        dtype_a=each.a.dtype,
        dtype_b=each.b.dtype,
        bias=each.bias and _finding(each.bias),
    )


def _array_document(each: Compared) -> dict[str, Any]:
    shapes = {"shape_a": list(each.a.shape), "shape_b": list(each.b.shape)}
    dtypes = {"dtype_a": each.a.dtype, "dtype_b": each.b.dtype}
    return {"name": each.name, "name_b": each.b.name, **shapes, **dtypes, **_finding(each.finding)}


def _finding(finding: TensorFinding) -> dict[str, Any]:
    from fcinspect.reports.documents.core import FindingDocument

    far, equal = finding.magnitude, finding.kind == "equal"
    return written(
        finding,
        FindingDocument,
        count=far and far.count,
        changed=0 if equal else far and far.changed,
        first=far and far.first,
        max_abs=0.0 if equal else far and far.max_abs,
        max_abs_at=far and far.largest and far.largest.index,
        relative=0.0 if equal else far and far.relative,
    )


def rows(difference: Difference) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: what both have, then what one of them has."""
    titles = ("name", "name_b", "verdict", "how", "in_features", "out_features", "shape_b")
    yield (*titles, "dtype_a", "dtype_b", "changed", "max_abs", "relative", "rank", "bias")
    for each in difference.compared:
        widths = (each.a.shape[1], each.a.shape[0]) if each.is_linear else ("", "")
        far = each.finding.magnitude
        nothing = (0, 0.0, 0.0) if each.finding.kind == "equal" else ("", "", "")
        measured = nothing if far is None else (far.changed, far.max_abs, far.relative)
        yield (
            each.name, each.b.name, str(each.verdict), each.how, *widths, text.sizes(each.b.shape),
            each.a.dtype, each.b.dtype, *measured, each.finding.rank, each.bias and each.bias.how,
        )  # fmt: skip
    for side in difference.only_in_a:
        sizes = map(str, side.shape[::-1]) if len(side.shape) == 2 else ("", "")
        yield (side.name, "", "only in A", "", *sizes, "", side.dtype, *[""] * 6)
    for side in difference.only_in_b:
        shape = text.sizes(side.shape)
        yield ("", side.name, "only in B", "", "", "", shape, "", side.dtype, *[""] * 5)


def _summary_line(difference: Difference) -> str:
    """Return "37 layers: 35 equal, 2 changed; 0 only in A, 0 only in B"."""
    layers = [each for each in difference.compared if each.is_linear]
    parts = [f"{text.plural(len(layers), 'layer')}{_kinds(difference, linear=True)}"]
    if others := len(difference.compared) - len(layers):
        parts.append(f"{text.plural(others, 'other array')}{_kinds(difference, linear=False)}")
    only = f"{text.count(len(difference.only_in_a))} only in A"
    parts.append(f"{only}, {text.count(len(difference.only_in_b))} only in B")
    return "; ".join(parts)


def _kinds(difference: Difference, *, linear: bool) -> str:
    counted = difference.counted(linear=linear)
    told = ", ".join(f"{text.count(count)} {kind}" for kind, count in counted.items())
    return f": {told}" if told else ""


def page(difference: Difference) -> Page:
    """Return the page; differences of numbers are written to three digits."""
    built = PageBuilder()
    built.add(
        Heading(f"A {text.safe(difference.a)} → B {text.safe(difference.b)}", level=1),
        Line.of((_summary_line(difference), "good" if difference.ok else "bad")),
    )
    # equal layers need no row
    shown = [each for each in difference.compared if each.how != "equal" or each.renamed]
    layers = [each for each in shown if each.is_linear]
    others = [each for each in shown if not each.is_linear]
    if layers:
        names = (text.layer_name(each.name) for each in layers)
        widths = (map(text.count, each.a.shape[::-1]) for each in layers)
        built.group(_table(("layer", "in", "out"), names, widths, layers))
    if others:
        names = (text.safe(each.name) for each in others)
        sizes = ([text.sizes(each.a.shape)] for each in others)
        built.group(_table(("other array", "shape"), names, sizes, others))
    if shown:
        built.add(Line.of((LEGEND, "faint")))
    told = [each for each in (*layers, *others) if any(_told(each))]
    for each in told[:MOST_TOLD]:
        built.group(Line.of((text.layer_name(each.name), "strong")), *_told(each))
    if len(told) > MOST_TOLD:
        left = f"details shown for {MOST_TOLD} of {len(told)}; --json has them all"
        built.group(Line.of((left, "faint")))
    for where, sides in (("only in A", difference.only_in_a), ("only in B", difference.only_in_b)):
        if sides:
            built.group(*_only(where, sides))
    built.group(*(Line.of((line, "faint")) for line in _left_out(difference)))
    return built.page()


def _table(
    titles: Sequence[str],
    names: Iterable[str],
    sizes: Iterable[Iterable[str]],
    shown: Sequence[Compared],
) -> Table:
    """Return a row for each of those shown: its name, its sizes, and how it differs."""
    name, *others = titles
    how = (Column("how it differs", right=False), Column("max |Δ|"), Column("relative"))
    columns = (Column(name, right=False, folds=True), *map(Column, others), *how)
    found = zip(names, sizes, map(_differing, shown), strict=True)
    return Table(columns, tuple((name, *size, *differing) for name, size, differing in found))


def _differing(each: Compared) -> tuple[str, str, str]:
    """Return how two weights differ and how far they, or else the biases, lie apart."""
    how = "equal, renamed" if each.renamed and each.how == "equal" else each.how
    if each.verdict == "equal up to rounding":
        how = f"{how} (within tolerance)"
    finding = each.finding
    if finding.kind == "equal" and each.bias is not None:
        finding = each.bias
    if finding.kind == "equal":
        return how, "0", "0"
    far = finding.magnitude
    return (how, "", "") if far is None else (how, _short(far.max_abs), _short(far.relative))


def _short(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else text.significant(value)


def _told(each: Compared) -> Iterable[Line]:
    """Say more of what differs."""
    if each.renamed:
        yield Line.of(f"named {text.safe(each.b.name)!r} in B", indent=2)
    yield from _told_of(each.finding, "W" if each.is_linear else text.safe(each.name), each)
    if each.bias is not None and each.bias.kind != "equal":
        yield from _told_of(each.bias, "b", each)


WITHOUT_PLACES = (
    "rounded to", "truncated to", "converted to", "unrounded", "negated", "scaled", "transposed",
    "equal up to", "zeroed", "with a low-rank", "uncorrelated",
)  # fmt: skip
"""Kinds that apply to all numbers, so that single positions add nothing."""
SELF_EVIDENT = ("rounded to", "converted to", "negated")
"""Kinds that the table already describes in full."""
FEW = 10
"""Up to this many changed numbers, the first is shown as well."""


def _told_of(finding: TensorFinding, name: str, each: Compared) -> Iterable[Line]:
    if not finding.kind.startswith(SELF_EVIDENT):
        for detail in finding.detail:
            yield Line.of(detail, indent=2, hang=2)
    far = finding.magnitude
    silent = finding.kind.startswith(WITHOUT_PLACES) or "permuted" in finding.kind
    if far is None or silent or not far.changed:
        return
    count = f"{text.count(far.changed)} of {text.count(far.count)} numbers changed"
    yield Line.of(f"{count} ({_percent(far.changed, far.count)})", indent=2)
    first, most = far.first, far.largest
    if first is not None and (far.changed <= FEW or most is None):
        begin = "" if far.changed == 1 else "first "
        yield Line.of(f"{begin}{_at(first, name, each)}", indent=2)
    if most is not None and (most != first or far.changed > FEW):
        yield Line.of(f"largest change {_at(most, name, each)}", indent=2)


def _at(spot: Spot, name: str, each: Compared) -> str:
    a, b = _exact(spot.a, each.a.dtype), _exact(spot.b, each.b.dtype)
    return f"at {name}{text.index(spot.index)}: {a} → {b}"


def _percent(part: int, whole: int) -> str:
    """Write a share; never 100 % for less than all, nor 0 % for more than nothing."""
    if part == whole:
        return "100 %"
    share = 100 * part / whole
    return "over 99.9 %" if share > 99.9 else f"{share:.3g} %"


def _exact(value: float, dtype: str) -> str:
    form = FORMATS.get(dtype)
    return text.significant(value, 6) if form is None else text.shortest(value, form)


def _only(where: str, sides: Sequence[TensorSide]) -> Iterable[Line | Table]:
    name, dtype = Column(where, right=False, folds=True), Column("dtype", right=False)
    shown = sides[:MOST_TOLD]
    body = [(text.layer_name(side.name), text.sizes(side.shape), side.dtype) for side in shown]
    yield Table((name, Column("shape"), dtype), tuple(body))
    if len(sides) > MOST_TOLD:
        yield Line.of((f"showing {MOST_TOLD} of {len(sides)}; --json has them all", "faint"))


def _left_out(difference: Difference) -> Iterable[str]:
    a, b = difference.not_compared_a, difference.not_compared_b
    if a or b:
        yield (
            f"not compared: {text.plural(a, 'array')} of A and {text.count(b)} of B that are not"
            " linear layers; --all compares them"
        )
    a, b = difference.left_out_a, difference.left_out_b
    if a or b:
        yield f"left out by --only: {text.plural(a, 'layer')} of A and {text.count(b)} of B"

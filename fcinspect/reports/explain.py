"""The report of `explain`: formula, matrices, each sum term by term, and the check."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.arithmetic.explanation import shortened
from fcinspect.page import text
from fcinspect.page.blocks import (
    VERDICT_ROLES,
    Column,
    Equation,
    Heading,
    Line,
    Page,
    PageBuilder,
    RunningSum,
    Span,
    Subject,
    Table,
)
from fcinspect.page.matrices import affine_equation, formula_line
from fcinspect.page.view import View
from fcinspect.reports.written import written
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation

EXACT_DIGITS = 40
"""Significant digits of `exact_decimal`; it ends in … when more follow."""
MOST_OUTPUTS, MOST_TERMS = 1_000, 10_000
"""Limits of a whole document; a browser is slow to open and scroll more."""
KEYS = {"weight": "W", "input": "x", "bias": "b", "output": "y"}
WHOLE = "--save FILE.csv or FILE.json writes all"


def view_of_explanation(
    explanation: Explanation, asked: dict[str, Any], warnings: tuple[str, ...]
) -> View:
    """Return the view of an explanation."""
    return View(
        command="explain",
        asked=asked,
        data=lambda full: document(explanation, full=full),
        page=partial(page, explanation),
        pages=dict.fromkeys(
            ("html", "latex"),
            lambda precision: page(_excerpt(explanation), precision, whole=explanation),
        ),
        rows=partial(rows, explanation),
        ok=explanation.verdict is Verdict.WITHIN,
        warnings=warnings,
    )


def document(explanation: Explanation, *, full: bool = False) -> dict[str, Any]:
    """Return the JSON data."""
    from fcinspect.reports.documents import core as documents

    layer = explanation.layer
    return written(
        explanation,
        documents.ExplainDocument,
        full=full,
        layer=written(layer, documents.ExplainedLayerDocument, full=full, rows_held=layer.held),
        arithmetic=explanation.arithmetic.words,
        elements=list(map(_element, explanation.elements)),
        checked=written(
            explanation.check,
            documents.CheckedElementsDocument,
            elements=explanation.checked_elements,
            of=explanation.total_elements,
            worst=explanation.worst,
        ),
    )


def _element(element: ExplainedElement) -> dict[str, Any]:
    from fcinspect.reports.documents.core import ExplainedElementDocument

    exact = element.exact
    return written(
        element,
        ExplainedElementDocument,
        other_terms=element.others,
        exact=None if exact is None else element.exact_float,
        exact_decimal=None if exact is None else text.exact_decimal(exact, EXACT_DIGITS),
    )


def rows(explanation: Explanation) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one per listed term, then the bias, then the output."""
    yield ("element", "term", "index", "weight", "input", "product", "running_sum")
    for element in explanation.elements:
        name = ",".join(map(str, element.index))
        for t in element.terms:
            yield (name, "product", t.index, t.weight, t.input, t.product, t.running_sum)
        if element.others is not None:
            others = element.others
            yield (name, f"{others.count} others", "", "", "", others.sum, others.running_sum)
        if element.bias is not None:
            yield (name, "bias", "", "", "", element.bias, element.exact_float)
        yield (name, "output", "", "", "", "", element.output)


def page(explanation: Explanation, precision: int, *, whole: Explanation | None = None) -> Page:
    """Return the page; of a `whole` explanation where this is the part of it that fits."""
    built = PageBuilder()
    whole = whole or explanation
    built.add(*_header(explanation), *_excerpt_lines(explanation, whole))
    if explanation.total_elements and explanation.layer.in_features:
        built.group(_equation(explanation, precision))
        if explanation.output is None:
            held = ", ".join(map(str, explanation.layer.held or ()))
            built.add(Line.of(f"only the requested rows of W were read: {held}", indent=2))
    for element in explanation.elements:
        built.group(*_element_blocks(explanation, element, precision))
    is_whole = len(explanation.elements) == len(whole.elements)
    ways = "--element selects others, --all shows all"
    if not is_whole:
        ways = f"--element selects others, {WHOLE}"
    built.group(*_summary_lines(explanation, ways))
    return built.page()


def _header(explanation: Explanation) -> list[Heading | Line]:
    layer, x = explanation.layer, explanation.input
    batch, n, m = x.shape[:-1], layer.in_features, layer.out_features
    name = f"{text.layer_called(layer.name)} of " if layer.name else ""
    title = "Y = X·Wᵀ + b" if batch else "y = W·x + b"
    title = title if layer.bias is not None else title.removesuffix(" + b")
    count = math.prod(batch)
    lines: list[Heading | Line] = [
        Heading(f"{title}      {name}{text.safe(layer.source)}, {layer.dtype}", level=1),
        formula_line((m, n), bias=layer.bias is not None, rows=count if batch else None),
    ]
    if len(batch) > 1:
        leading = f"the leading dimensions {text.shape(batch)} of x {text.shape(x.shape)}"
        back = f"restored in y: {text.shape((*batch, m))}"
        lines.append(Line.of(f"{leading} are flattened into {text.plural(count, 'row')}; {back}"))
    if n == 0:
        same = "b" if layer.bias is not None else "0"
        lines.append(Line.of(f"in_features is 0: there is nothing to multiply, y = {same}"))
    return lines


def _equation(explanation: Explanation, precision: int) -> Equation:
    layer = explanation.layer
    shown = affine_equation(
        layer.weight.values,
        None if layer.bias is None else layer.bias.values,
        explanation.input.rows,
        explanation.results,
        _subjects(explanation),
        precision,
        batched=bool(explanation.batch),
        named=True,
        names={"i": layer.held} if layer.held else {},
    )
    return replace(shown, stays=True)


def _subjects(explanation: Explanation) -> tuple[Subject, Subject, Subject, Subject]:
    layer, batch = explanation.layer, bool(explanation.batch)
    shape, x, y = layer.weight.shape, explanation.input.rows, explanation.results
    n = "n " if batch else ""
    b = "" if layer.bias is None else " b"

    def subject(name: str, role: str, shape: Sequence[int], axes: str, lights: str) -> Subject:
        key, formula = KEYS[role], f"dot W x{b}" if role == "output" else ""
        return Subject(key, name, f"{role}, {text.sizes(shape)}", role, axes, lights, formula)

    lights = "W x terms b bias-term" if b else "W x terms"
    return (
        subject("Wᵀ" if batch else "W", "weight", shape, "i j", "x y terms"),
        subject("X" if batch else "x", "input", x.shape, f"{n}j", "W terms"),
        subject("b", "bias", shape[:1], "i", "y bias-term"),
        subject("Y" if batch else "y", "output", y.shape, f"{n}i", lights),
    )


def _element_blocks(
    explanation: Explanation, element: ExplainedElement, precision: int
) -> list[Line | RunningSum]:
    """Return the sentence on an output, its sum, and its distance from the exact result."""
    batch, i, has_bias = bool(explanation.batch), element.column, element.bias is not None
    sentence: list[str | Span] = [
        (f"{'Y' if batch else 'y'}{text.index(element.index)}", "output"),
        "  =  ",
        (f"row {element.row} of X" if batch else f"row {i} of W", "input" if batch else "weight"),
        " times ",
        (f"row {i} of W" if batch else "x", "weight" if batch else "input"),
    ]
    if has_bias:
        sentence += [", plus ", (f"b[{i}]", "bias")]
    blocks: list[Line | RunningSum] = [Line.of(*sentence, title=True)]
    if element.terms or has_bias:
        blocks.append(_sum(explanation, element, precision))
    if element.others is not None:
        which = f"the {'largest' if explanation.ranked else 'first'} {len(element.terms):,}"
        count = f"{explanation.layer.in_features:,} terms"
        blocks.append(Line.of(f"showing {which} of {count}", indent=2))
    return [*blocks, *_verdict_lines(explanation, element)]


def _sum(explanation: Explanation, element: ExplainedElement, precision: int) -> RunningSum:
    terms, others, bias = element.terms, element.others, element.bias
    batch, place = bool(explanation.batch), f"{element.column}"
    axes, at = ("n i", f"{element.row} {place}") if batch else ("i", place)
    weights = text.numbers((t.weight for t in terms), precision)
    inputs = text.numbers((t.input for t in terms), precision)
    steps = [(t.product, t.running_sum) for t in terms]
    begun = [(str(t.index), w, "×", x, "=") for t, w, x in zip(terms, weights, inputs, strict=True)]
    factors = [("", repr(t.weight), "", repr(t.input), "") for t in terms]
    ats = [f"{at} {t.index}" for t in terms]
    subjects = [Subject("terms", "", axes=f"{axes} j", lights="W x")] * len(terms)
    if others is not None:
        more = f"{others.count:,} more"
        steps.append((others.sum, others.running_sum))
        begun.append(("⋮", more, "", "", ""))
        subjects.append(Subject("more-terms", more, axes=axes))
    if bias is not None:
        lights = "b" if explanation.layer.in_features else ""
        steps.append((bias, element.exact_float))
        begun.append(("", "", "", f"b[{place}]", "+"))
        subjects.append(Subject("bias-term", "the bias", axes=axes, lights=lights))
    factors += [("",) * 5] * (len(steps) - len(terms))
    ats += [at] * (len(steps) - len(terms))
    sums = tuple(total for _, total in steps)
    write_added = text.writer([added for added, _ in steps], precision)
    write_sum = text.writer([*sums, element.exact_float], precision)
    x_title = f"X[{element.row},j]" if batch else "x[j]"
    columns = (
        Column("j", "faint"), Column(f"W[{place},j]", "weight"), Column(""),
        Column(x_title, "input"), Column(""), Column("product"), Column("running sum", "output"),
    )  # fmt: skip
    name = f"{'Y' if batch else 'y'}{text.index(element.index)}"
    table = Table(
        columns,
        tuple(
            (*cells, write_added(added), write_sum(total))
            for cells, (added, total) in zip(begun, steps, strict=True)
        ),
        indent=2,
        caption=f"{name}, term by term",
        subjects=tuple(subjects),
        at=tuple(ats),
        exact=tuple((*pair, *map(repr, step)) for pair, step in zip(factors, steps, strict=True)),
    )
    result = "; not every number is finite, so there is no exact result"
    if element.exact is not None:
        result = f", the exact result, {text.exact_decimal(element.exact, 12)}"
    return RunningSum(table, sums, result)


def _excerpt(explanation: Explanation) -> Explanation:
    """Return the explanation with the first of its outputs; a first one too long is shortened."""
    kept: list[ExplainedElement] = []
    room = MOST_TERMS
    for element in explanation.elements[:MOST_OUTPUTS]:
        if len(element.terms) > room and kept:
            break
        kept.append(shortened(element, room))
        room -= len(kept[-1].terms)
    return replace(explanation, elements=tuple(kept))


def _excerpt_lines(shown: Explanation, asked: Explanation) -> list[Line]:
    """Say how much of what was asked for is shown; nothing where that is all of it."""
    outputs, all_outputs = len(shown.elements), len(asked.elements)
    terms, all_terms = (sum(len(one.terms) for one in e.elements) for e in (shown, asked))
    parts = [f"{outputs:,} of {all_outputs:,} outputs"] * (outputs < all_outputs)
    parts += [f"{terms:,} of {all_terms:,} terms"] * (terms < all_terms)
    said = f"showing {' and '.join(parts)}, the most that fit here; {WHOLE}"
    return [Line.of(said)] if parts else []


def _verdict_lines(explanation: Explanation, element: ExplainedElement) -> list[Line]:
    """Say what was returned, how far from the exact sum it is, and the verdict."""
    held = explanation.arithmetic.output
    computed = text.shortest(element.output, held)
    said = f"{explanation.computed_by.split()[0]} returned {computed}"
    judged = (element.verdict.value, VERDICT_ROLES[element.verdict])
    if element.exact is None:
        said += "; not every number is finite, so there is no bound: "
        return [Line.of(said, ("undecided", judged[1]), indent=2)]
    exact = text.exact_decimal(element.exact, len(computed.lstrip("-0.").replace(".", "")) + 3)
    if element.verdict is Verdict.UNDECIDED or element.ulps is None:
        beyond = f"the magnitudes exceed {explanation.arithmetic.accumulate.name}'s range: "
        said += f"; the exact sum is {exact}, {beyond}"
        return [Line.of(said, ("undecided", judged[1]), indent=2)]
    if element.error == 0:
        return [Line.of(f"{said}, which is the exact sum: ", judged, indent=2)]
    if element.tied:
        said += f", one of two {held.name} equally near to the exact {exact}"
    elif element.output == element.correctly_rounded:
        said += f", the {held.name} nearest to the exact {exact}"
    else:
        said += f"; the exact sum is {exact}"
    explained = _share(element.share)
    if element.share is None or element.share <= 10:
        explained += " of what rounding can explain"
    if element.verdict is Verdict.OUTSIDE and element.low is not None:
        low, high = (text.shortest(end or 0.0, held) for end in (element.low, element.high))
        explained = f"rounding explains {low} to {high}"
    apart = f"{text.significant(element.ulps)} ulp apart, {explained}: "
    return [Line.of(said, indent=2), Line.of(apart, judged, indent=2)]


def _share(share: float | None) -> str:
    if share is None:
        return "an unknown part"
    if share > 10:
        return f"{share:,.3g} times the bound"
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 1 else f"{percent:.1g} %"


def _summary_lines(explanation: Explanation, ways: str) -> list[Line]:
    """Say what was checked; `ways` says how to see the outputs that are not shown."""
    shown, total = len(explanation.elements), explanation.total_elements
    dtype = explanation.layer.dtype
    exact = f"products of {dtype} numbers and their sums are exact"
    if dtype == "float64":
        exact = "sums are exact, products shown rounded to float64"
    lines = [
        Line.of(*_overall(explanation)),
        Line.of((f"{explanation.computed_by}: {explanation.arithmetic.words}", "faint")),
        Line.of((f"{exact}; numbers are rounded for display only", "faint")),
    ]
    more = Line.of(f"showing {shown:,} of {text.plural(total, 'output')}; {ways}")
    return [more, *lines] if shown < total else lines


def _overall(explanation: Explanation) -> list[str | Span]:
    check, verdict = explanation.check, explanation.verdict
    total, checked = explanation.total_elements, explanation.checked_elements
    whole = f"{checked:,} of {total:,} outputs computed and checked"
    if checked == total:
        whole = f"{text.plural(total, 'output')} checked"
    judged: Span = (verdict.value, VERDICT_ROLES[verdict])
    if verdict is Verdict.UNDECIDED:
        return [f"{whole}: {check.undecided:,} ", judged, ""]
    if verdict is Verdict.OUTSIDE:
        also = f", {check.undecided:,} undecided" if check.undecided else ""
        return [f"{whole}: {check.outside:,} ", judged, also]
    said: list[str | Span] = [f"{whole}: {'all ' if checked > 1 else ''}", judged]
    worst = explanation.worst
    if worst is not None and check.max_ratio > 0 and checked > 1:
        place = f"{'Y' if explanation.batch else 'y'}{text.index(worst)}"
        said.append(f"; nearest to its bound is {place}, at {_share(check.max_ratio)}")
    return said

"""The view of y = W x + b."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.page.view import View
from fcinspect.reports.affine import page
from fcinspect.reports.affine_excerpt import excerpt
from fcinspect.reports.explain_document import document
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import Explanation


def view_of_explanation(
    explanation: Explanation,
    asked: dict[str, Any],
    warnings: tuple[str, ...],
) -> View:
    """Return the view of an explanation."""
    return View(
        command="explain",
        asked=asked,
        data=lambda full: dict(document(explanation, full=full)),
        page=partial(page, explanation),
        document=lambda precision: page(excerpt(explanation), precision, whole=explanation),
        rows=partial(rows, explanation),
        ok=explanation.verdict is Verdict.WITHIN,
        warnings=warnings,
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

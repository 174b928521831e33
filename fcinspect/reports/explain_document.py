"""The JSON data of `explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fcinspect.page import text
from fcinspect.reports.documents.core import (
    CheckedElementsDocument,
    ExplainDocument,
    ExplainedElementDocument,
)
from fcinspect.reports.written import layer_document, written

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation

EXACT_DIGITS = 40
"""Significant digits of `exact_decimal`; … stands at its end when more follow."""


def document(explanation: Explanation, *, full: bool) -> ExplainDocument:
    """Return the JSON data."""
    layer = explanation.layer
    own: dict[str, Any] = {
        "layer": {**layer_document(layer, full=full), "rows_held": layer.held and list(layer.held)},
        "arithmetic": explanation.arithmetic.words,
        "elements": [_element(element) for element in explanation.elements],
        "checked": written(
            explanation.check,
            CheckedElementsDocument,
            elements=explanation.checked_elements,
            of=explanation.total_elements,
            worst=explanation.worst,
        ),
    }
    return written(explanation, ExplainDocument, full=full, **own)


def _element(element: ExplainedElement) -> ExplainedElementDocument:
    exact = element.exact
    return written(
        element,
        ExplainedElementDocument,
        other_terms=element.others,
        exact=None if exact is None else element.exact_float,
        exact_decimal=None if exact is None else text.exact_decimal(exact, EXACT_DIGITS),
    )

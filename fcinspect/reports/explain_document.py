"""The JSON data of `explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.media.jsonable import array, finite, layer_document
from fcinspect.page import text

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import ExplainedElement, Explanation
    from fcinspect.reports.documents.core import ExplainDocument, ExplainedElementDocument

EXACT_DIGITS = 40
"""Significant digits of `exact_decimal`; … stands at its end when more follow."""


def document(explanation: Explanation, *, full: bool) -> ExplainDocument:
    """Return the JSON data."""
    layer, check = explanation.layer, explanation.check
    return {
        "layer": {
            **layer_document(layer, full=full),
            "rows_held": None if layer.held is None else list(layer.held),
        },
        "input": array(explanation.input, full=full),
        "output": None if explanation.output is None else array(explanation.output, full=full),
        "computed_by": explanation.computed_by,
        "arithmetic": explanation.arithmetic.words,
        "elements": [_element(element) for element in explanation.elements],
        "total_elements": explanation.total_elements,
        "checked": {
            "elements": explanation.checked_elements,
            "of": explanation.total_elements,
            "outside": check.outside,
            "undecided": check.undecided,
            "max_ratio": finite(check.max_ratio),
            "worst": None if explanation.worst is None else list(explanation.worst),
        },
        "verdict": explanation.verdict.value,
    }


def _element(element: ExplainedElement) -> ExplainedElementDocument:
    exact = element.exact
    others = element.others
    return {
        "index": list(element.index),
        "terms": [
            {
                "index": term.index,
                "weight": finite(term.weight),
                "input": finite(term.input),
                "product": finite(term.product),
                "running_sum": finite(term.running_sum),
            }
            for term in element.terms
        ],
        "other_terms": None
        if others is None
        else {
            "count": others.count,
            "sum": finite(others.sum),
            "running_sum": finite(others.running_sum),
        },
        "bias": None if element.bias is None else finite(element.bias),
        "exact": None if exact is None else finite(element.exact_float),
        "exact_decimal": None if exact is None else text.exact_decimal(exact, EXACT_DIGITS),
        "correctly_rounded": finite(element.correctly_rounded),
        "output": finite(element.output),
        "error": _number(element.error),
        "bound": _number(element.bound),
        "low": _number(element.low),
        "high": _number(element.high),
        "ulps": _number(element.ulps),
        "verdict": element.verdict.value,
    }


def _number(value: float | None) -> float | None:
    return None if value is None else finite(value)

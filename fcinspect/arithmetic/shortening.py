"""An output taken apart of which fewer products are listed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from fcinspect.arithmetic.explanation import ExplainedElement, OtherTerms
from fcinspect.rounding.exact import to_float


def shortened(element: ExplainedElement, most: int) -> ExplainedElement:
    """Return the element with at most so many of its terms listed, the others added up exactly."""
    listed, dropped, others = element.terms[:most], element.terms[most:], element.others
    if not dropped:
        return element
    if element.exact is None:
        left = sum((term.product for term in dropped), 0.0) + (others.sum if others else 0.0)
    else:
        rest = element.exact - Fraction(element.bias or 0.0)
        rest -= sum(Fraction(term.weight) * Fraction(term.input) for term in listed)
        left = to_float(rest.numerator, rest.denominator)
    return replace(
        element,
        terms=listed,
        others=OtherTerms(
            len(dropped) + (others.count if others else 0),
            left,
            others.running_sum if others else dropped[-1].running_sum,
        ),
    )

"""A sum with fewer of its terms listed is the one that is taken apart so from the start."""

from __future__ import annotations

import numpy as np
import pytest

from fcinspect.arithmetic.affine import numpy_output
from fcinspect.arithmetic.explanation import (
    MOST_TERMS,
    ExplainedElement,
    Selection,
    explain_affine,
    shortened,
)
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer


def element(selection: Selection, *, bias: bool = True, first: float = 1e8) -> ExplainedElement:
    """Return the only output of a layer of 40 inputs whose products cancel."""
    weight = np.random.default_rng(0).standard_normal((1, 40))
    weight[0, :2] = first, -1e8
    offset = Array.of(np.array([0.3]), "float32") if bias else None
    layer = LinearLayer(Array.of(weight, "float32"), offset, name="", source="given")
    x = Array.of(np.linspace(0.9, 1.1, 40), "float32")
    with np.errstate(all="ignore"):
        result = numpy_output(layer, x)
    return explain_affine(layer, x, result, selection, computed_by="numpy").elements[0]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("first", [1e8, float("inf"), float("nan")])
def test_the_first_terms(first: float, bias: bool) -> None:
    """What is left out is counted and added up without rounding on the way."""
    whole = element(Selection(everything=True), bias=bias, first=first)
    expected = element(Selection(), bias=bias, first=first)
    assert repr(shortened(whole, MOST_TERMS)) == repr(expected)


def test_the_largest_terms() -> None:
    """What was left out before is among the others still."""
    assert shortened(element(Selection(top=30)), 4) == element(Selection(top=4))


def test_what_is_short_enough_is_as_it_was() -> None:
    """No others are made up."""
    whole = element(Selection(everything=True))
    assert shortened(whole, 40) is whole

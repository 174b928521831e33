from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fcinspect.arithmetic.affine import affine, numpy_output
from fcinspect.arithmetic.explanation import Explanation, Selection, explain_affine, parse_elements
from fcinspect.bridge.linear import run_layer
from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer, LinearRequest
from fcinspect.rounding.formats import FORMATS
from fcinspect.rounding.verdict import Verdict

SEEDED = st.builds(
    LinearRequest,
    in_features=st.integers(0, 40),
    out_features=st.integers(0, 6),
    bias=st.booleans(),
    seed=st.integers(0, 2**53 - 1),
    dtype=st.sampled_from(list(FORMATS)),
)


def explained(request: LinearRequest, batch: tuple[int, ...] = (), **choice: object) -> Explanation:
    """Return the explanation of a seeded layer."""
    layer, x, y = run_layer(request, batch)
    return explain_affine(layer, x, y, Selection(**choice), computed_by="torch")  # type: ignore[arg-type]  # a test's shorthand


@settings(max_examples=120, deadline=None)
@given(request=SEEDED, batch=st.lists(st.integers(0, 3), max_size=2))
def test_every_seeded_layer_is_within_bound(request: LinearRequest, batch: list[int]) -> None:
    """torch is right, and each element's exact sum is that of plain Fractions."""
    result = explained(request, tuple(batch), everything=True)
    assert result.verdict is Verdict.WITHIN
    assert len(result.elements) == result.total_elements == math.prod(batch) * request.out_features
    weight, bias = result.layer.weight.values, result.layer.bias
    x = result.input.values.reshape(math.prod(batch), request.in_features)
    for element in result.elements:
        row, column = element.row, element.column
        exact = sum(
            (
                Fraction(float(w)) * Fraction(float(v))
                for w, v in zip(weight[column], x[row], strict=True)
            ),
            Fraction(0 if bias is None else float(bias.values[column])),
        )
        assert element.exact == exact
        assert element.verdict is Verdict.WITHIN
        assert element.low is not None
        assert element.high is not None
        assert element.low <= element.output <= element.high
        assert element.error == float(abs(Fraction(element.output) - exact))
        if element.terms:
            last = element.terms[-1].running_sum
            assert last == float(exact - Fraction(element.bias or 0.0))


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_terms_can_be_redone_by_hand(dtype: str) -> None:
    """Listed terms, the others' sum and the bias add up to the exact value."""
    request = LinearRequest(100, 3, dtype=dtype)
    for choice in ({}, {"top": 5}, {"everything": True}):
        for element in explained(request, (2,), **choice).elements:
            assert element.exact is not None
            total = sum(
                (Fraction(t.weight) * Fraction(t.input) for t in element.terms), Fraction(0)
            )
            shown = sum(t.product for t in element.terms)
            assert float(total) == pytest.approx(shown, rel=1e-12)
            if element.others is not None:
                assert element.others.count + len(element.terms) == 100
                assert float(total) + element.others.sum == pytest.approx(
                    element.others.running_sum, abs=1e-12
                )
                assert element.others.running_sum + (element.bias or 0) == pytest.approx(
                    element.exact_float, abs=1e-12
                )


def test_top_lists_the_largest_terms() -> None:
    """--top K takes the K largest products, largest first."""
    everything = explained(LinearRequest(30, 1), everything=True).elements[0]
    top = explained(LinearRequest(30, 1), top=4).elements[0]
    largest = sorted(everything.terms, key=lambda t: -abs(t.product))[:4]
    assert [t.index for t in top.terms] == [t.index for t in largest]


def test_large_layers_show_eight_elements_of_sixteen_terms() -> None:
    """By default the report stays readable, and every output is still checked."""
    result = explained(LinearRequest(40, 20), (3,))
    assert [e.index for e in result.elements] == [(0, j) for j in range(8)]
    assert {len(e.terms) for e in result.elements} == {16}
    assert result.checked_elements == result.total_elements == 60


def test_a_wrong_output_is_outside() -> None:
    """One changed output is found, in the element and in the whole."""
    layer, x, y = run_layer(LinearRequest(8, 3))
    wrong = np.array(y.values)
    wrong[1] = np.nextafter(wrong[1], np.float32(9)) + np.float32(1e-5)
    result = explain_affine(layer, x, Array(wrong, "float32"), Selection(), computed_by="a fault")
    assert [e.verdict for e in result.elements] == [
        Verdict.WITHIN, Verdict.OUTSIDE, Verdict.WITHIN,
    ]  # fmt: skip
    assert result.verdict is Verdict.OUTSIDE
    assert result.check.worst == (0, 1)
    share = result.elements[1].share
    assert share is not None
    assert share > 1


def test_a_transposed_weight_is_outside() -> None:
    """W instead of its transpose, in a square layer, is found in every output."""
    layer, x, _ = run_layer(LinearRequest(6, 6))
    assert layer.bias is not None
    y = Array.of(x.values @ layer.weight.values + layer.bias.values, "float32")
    result = explain_affine(layer, x, y, Selection(), computed_by="a fault")
    assert result.check.outside == 6


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_undecided(bad: float) -> None:
    """NaN and Inf in x are served: IEEE arithmetic, no exact value, no success."""
    x = Array.of([1.0, bad, 3.0], "float32")
    layer, x, y = run_layer(LinearRequest(3, 2), x=x)
    result = explain_affine(layer, x, y, Selection(), computed_by="torch")
    assert result.verdict is Verdict.UNDECIDED
    assert len(result.elements) == 2
    assert all(e.exact is None and e.verdict is Verdict.UNDECIDED for e in result.elements)


def test_only_the_rows_held_are_explained() -> None:
    """A layer that holds some rows explains those outputs, under their own numbers."""
    layer, x, _ = run_layer(LinearRequest(5, 9))
    assert layer.bias is not None
    part = LinearLayer(
        Array(layer.weight.values[[2, 7]], "float32"),
        Array(layer.bias.values[[2, 7]], "float32"),
        "a test",
        held=(2, 7),
        all_outputs=9,
    )
    result = explain_affine(
        part, x, numpy_output(part, x), Selection(((0, 7),)), computed_by="numpy"
    )
    assert result.output is None
    assert (result.total_elements, result.checked_elements) == (9, 2)
    assert result.elements[0].index == (7,)
    assert result.elements[0].bias == float(layer.bias.values[7])


@pytest.mark.parametrize(
    ("texts", "batch", "pairs"),
    [
        (("1",), (), ((0, 1),)),
        (("0,1",), (), ((0, 1),)),
        (("2,1",), (3,), ((2, 1),)),
        (("1,2,1",), (2, 3), ((5, 1),)),
        (("5,1", "0,0"), (2, 3), ((5, 1), (0, 0))),
    ],
)
def test_elements_are_named_by_row_and_output(
    texts: tuple[str, ...], batch: tuple[int, ...], pairs: tuple[tuple[int, int], ...]
) -> None:
    """One index for a vector, row and output for a batch, or all indices."""
    assert parse_elements(texts, batch, 2) == pairs


@pytest.mark.parametrize(
    ("text", "batch"),
    [("2", ()), ("1,1", ()), ("-1", ()), ("x", ()), ("1.0", ()), ("", ()), ("1", (3,)),
     ("3,0", (3,)), ("0,2", (3,)), ("1,1,1,1", (2, 3)), ("2,0,0", (2, 3)), ("²", ())],
)  # fmt: skip
def test_an_element_that_does_not_exist_is_refused(text: str, batch: tuple[int, ...]) -> None:
    """Each refusal names the text."""
    with pytest.raises(UsageError) as caught:
        parse_elements((text,), batch, 2)
    assert repr(text) in caught.value.message


def test_the_wrong_width_names_both() -> None:
    """x of the wrong length is refused with its shape and in_features."""
    layer, _, y = run_layer(LinearRequest(3, 2))
    with pytest.raises(UsageError, match=r"\(4,\).*in_features, 3"):
        explain_affine(layer, Array.of([1.0] * 4, "float32"), y, Selection(), computed_by="torch")


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 9), m=st.integers(1, 9), rows=st.integers(1, 5)
)
def test_the_closed_forms_are_torchs_autograd(seed: int, n: int, m: int, rows: int) -> None:
    """The affine map and its gradients equal autograd's in float64 up to γ of each sum."""
    random = np.random.default_rng(seed)
    x, w, g = (random.standard_normal(s) for s in ((rows, n), (m, n), (rows, m)))
    b = random.standard_normal(m)
    tensors = [torch.from_numpy(v.copy()).requires_grad_() for v in (x, w, b)]
    y = torch.nn.functional.linear(*tensors)
    y.backward(torch.from_numpy(g))  # type: ignore[no-untyped-call]  # torch's own signature
    gradients = (g @ w, g.T @ x, g.sum(axis=0))
    bound = 2.0**-50 * 16
    np.testing.assert_allclose(affine(x, w, b), y.detach().numpy(), atol=bound * 10)
    for ours, theirs in zip(gradients, tensors, strict=True):
        assert theirs.grad is not None
        np.testing.assert_allclose(ours, theirs.grad.numpy(), atol=bound * 10)

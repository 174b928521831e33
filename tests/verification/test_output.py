from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from fcinspect.bridge.linear import to_array
from fcinspect.errors import InputError, UsageError
from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import VerificationReport, carried_out
from fcinspect.verification.output import plan_of

Arrays = dict[str, Array]
Floats = npt.NDArray[np.floating[Any]]


def claimed(dtype: str = "float32", *batch: int, bias: bool = True) -> Arrays:
    """Return x, W, b and torch's y, in_features 48 and out_features 6."""
    kind = getattr(torch, dtype)
    made = torch.Generator().manual_seed(3)
    x, w, b = (
        torch.randn(*shape, generator=made).to(kind) for shape in ((*batch, 48), (6, 48), (6,))
    )
    y = torch.nn.functional.linear(x, w, b if bias else None)
    found = {"x": to_array(x), "W": to_array(w), "b": to_array(b), "y": to_array(y)}
    if not bias:
        del found["b"]
    return found


def report(
    arrays: Arrays, layout: str = "out,in", accumulate: str | None = None
) -> VerificationReport:
    """Return what all checks of these arrays find."""
    return carried_out(plan_of(arrays, "a file", layout, accumulate))


def replaced(arrays: Arrays, **changed: Floats) -> Arrays:
    """Return the arrays with other numbers, each in the format it had."""
    return {**arrays, **{k: Array.of(v, arrays[k].dtype) for k, v in changed.items()}}


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("batch", [(), (5,), (2, 3), (2, 1, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_torch_is_within(dtype: str, batch: tuple[int, ...], bias: bool) -> None:
    """In every format and shape."""
    found = report(claimed(dtype, *batch, bias=bias))
    assert [check.name for check in found.checks] == ["output/y"]
    assert found.verdict is Verdict.WITHIN
    assert found.checks[0].elements == 6 * int(np.prod(batch))


def doubled_bias(a: Arrays) -> Floats:
    """Return y + b."""
    return a["y"].values + a["b"].values


FAULTS: dict[str, tuple[Callable[[Arrays], Floats], str]] = {
    "bias": (lambda a: a["y"].values - a["b"].values, "the bias is missing"),
    "twice": (doubled_bias, "the bias is added twice"),
    "sign": (lambda a: -a["y"].values, "the sign of the result is flipped"),
    "order": (lambda a: np.roll(a["y"].values, 1, axis=-1), "the outputs are shifted by 1"),
    "scale": (lambda a: 2 * a["y"].values, "the result is doubled"),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_named(fault: str, dtype: str) -> None:
    """The cause is the one that was planted."""
    arrays = claimed(dtype, 7)
    spoil, words = FAULTS[fault]
    found = report(replaced(arrays, y=spoil(arrays)))
    assert found.verdict is Verdict.OUTSIDE
    assert found.likely_cause == words


def test_the_worst_element_is_named_in_the_shape_of_y() -> None:
    """One wrong number of a batch of two dimensions, with its interval."""
    arrays = claimed("float32", 2, 3)
    wrong = arrays["y"].values.copy()
    wrong[1, 2, 4] += 1.0
    (check,) = report(replaced(arrays, y=wrong)).checks
    assert (check.outside, check.elements) == (1, 36)
    assert check.worst is not None
    assert check.worst.index == (1, 2, 4)
    assert check.worst.computed == wrong[1, 2, 4]
    assert check.worst.low is not None
    assert check.worst.high is not None
    assert check.worst.low <= arrays["y"].values[1, 2, 4] <= check.worst.high < wrong[1, 2, 4]


def test_two_correct_results_differ_by_rounding() -> None:
    """The order of summation explains the difference."""
    arrays = claimed("float32", 5)
    x, w, b = (arrays[name].values for name in ("x", "W", "b"))
    other = np.cumsum(x[:, None, ::-1] * w[None, :, ::-1], axis=-1)[..., -1] + b
    assert (other != arrays["y"].values).any()
    found = report({**arrays, "y2": Array(other, "float32")})
    assert [check.name for check in found.checks] == [
        "output/y", "output/y2", "output/y against y2",
    ]  # fmt: skip
    assert found.verdict is Verdict.WITHIN
    assert "elements differ" in found.checks[2].detail


def test_a_difference_that_is_no_rounding_is_blamed_on_the_wrong_one() -> None:
    """y is within; y2 is wrong at one place."""
    arrays = claimed("float32", 5)
    wrong = arrays["y"].values.copy()
    wrong[2, 3] *= 1.01
    found = report({**arrays, "y2": Array(wrong, "float32")})
    assert [check.verdict for check in found.checks] == [
        Verdict.WITHIN, Verdict.OUTSIDE, Verdict.OUTSIDE,
    ]  # fmt: skip
    difference = found.checks[2]
    assert difference.cause == "y2 is outside the bound of the exact value"
    assert difference.outside == 1
    assert difference.worst is not None
    assert (difference.worst.index, difference.worst.computed) == ((2, 3), wrong[2, 3])


def test_the_same_wrong_numbers_do_not_differ() -> None:
    """Each is outside; between them there is nothing to explain."""
    arrays = claimed("float32", 5)
    wrong = Array.of(arrays["y"].values + 1.0, "float32")
    found = report({**arrays, "y": wrong, "y2": wrong})
    assert [check.verdict for check in found.checks] == [
        Verdict.OUTSIDE, Verdict.OUTSIDE, Verdict.WITHIN,
    ]  # fmt: skip


def test_an_output_in_another_format_is_judged_in_its_own() -> None:
    """bfloat16 operands with a float32 output, and the same cut to bfloat16, are both right."""
    arrays = claimed("bfloat16", 4)
    x, w, b = (arrays[name].values for name in ("x", "W", "b"))
    exact = Array.of(x.astype(np.float64) @ w.T.astype(np.float64) + b, "float32")
    found = report({**arrays, "y2": exact})
    assert found.verdict is Verdict.WITHIN
    cut = Array(arrays["y"].values, "float32")
    assert report({**arrays, "y": cut}).verdict is Verdict.OUTSIDE


def test_what_is_declared_widens_the_bound() -> None:
    """Operands cut to tf32 are outside unless that is declared."""
    arrays = claimed("float32", 6)
    short = [
        (arrays[name].values.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
        for name in ("x", "W")
    ]
    cut = replaced(arrays, y=short[0] @ short[1].T + arrays["b"].values)
    assert report(cut).verdict is Verdict.OUTSIDE
    assert report(cut, accumulate="tf32:truncated").verdict is Verdict.WITHIN
    with pytest.raises(UsageError, match="rx:4"):
        plan_of(arrays, "a file", accumulate="rx:4")


def test_weights_lie_either_way() -> None:
    """in,out as Keras has them; a square weight is taken as declared."""
    arrays = claimed("float32", 3)
    turned = {**arrays, "W": Array(np.ascontiguousarray(arrays["W"].values.T), "float32")}
    assert report(turned, "in,out").verdict is Verdict.WITHIN
    with pytest.raises(InputError, match=r"needs \(…, 6\); --layout in,out fits"):
        report(turned)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": (3, 47)}, r"x has shape \(3, 47\): W of shape \(6, 48\) read as \(out,in\) needs"),
        ({"x": ()}, "x is a scalar"),
        ({"W": (48,)}, r"W has shape \(48,\): expected two dimensions"),
        ({"b": (1, 6)}, r"b has shape \(1, 6\): .* needs \(6,\)"),
        (
            {"y": (6, 3)},
            r"y has shape \(6, 3\): expected \(3, 6\) for x of shape \(3, 48\) and 6 outputs",
        ),
        ({"y2": (3,)}, r"y2 has shape \(3,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(
    changed: dict[str, tuple[int, ...]], message: str
) -> None:
    """Which, and what would fit."""
    arrays = claimed("float32", 3)
    spoilt = {name: Array.of(np.zeros(shape), "float32") for name, shape in changed.items()}
    with pytest.raises(InputError, match=message):
        report({**arrays, **spoilt})


def test_formats_that_do_not_go_together_are_refused() -> None:
    """x and W must be of one; the bias may be of one that the sums hold."""
    arrays, short = claimed("float32", 3), claimed("bfloat16", 3)
    with pytest.raises(InputError, match="x is float32, W is bfloat16: expected one format"):
        report({**arrays, "W": short["W"]})
    with pytest.raises(InputError, match="b is float64, W is float32: float32 sums cannot hold"):
        report({**arrays, "b": claimed("float64", 3)["b"]})
    wide = {**short, "b": Array(short["b"].values, "float32")}
    assert report(wide).verdict is Verdict.WITHIN


def test_an_empty_batch_has_nothing_wrong() -> None:
    """Its shape is all there is to check."""
    (check,) = report(claimed("float32", 0)).checks
    assert (check.verdict, check.elements) == (Verdict.WITHIN, 0)
    assert "no numbers" in check.detail


def test_nan_is_decided_by_its_kind() -> None:
    """NaN in a row of x makes NaN of that row of y; a number there is a fault."""
    arrays = claimed("float32", 3)
    x, y = arrays["x"].values.copy(), arrays["y"].values.copy()
    x[1, 5] = np.nan
    (lost,) = report(replaced(arrays, x=x)).checks
    assert (lost.verdict, lost.outside) == (Verdict.OUTSIDE, 6)
    assert lost.cause == "NaN or Inf in x does not propagate as it must"
    assert lost.worst is not None
    assert lost.worst.low is None
    y[1] = np.nan
    assert report(replaced(arrays, x=x, y=y)).verdict is Verdict.WITHIN


def test_a_fault_beside_nan_is_named_all_the_same() -> None:
    """The cause is looked for where operands are finite."""
    arrays = claimed("float32", 6)
    x, y = arrays["x"].values.copy(), arrays["y"].values - arrays["b"].values
    x[1, 5], y[1] = np.nan, np.nan
    assert report(replaced(arrays, x=x, y=y)).likely_cause == "the bias is missing"


def test_what_may_overflow_is_undecided() -> None:
    """With the reason, and the difference of two such results as well."""
    huge = Array.of(np.full((1, 4), 1e30), "float32")
    arrays = {"x": huge, "W": huge, "y": Array.of([[np.inf]], "float32")}
    found = report({**arrays, "y2": Array.of([[np.nan]], "float32")})
    assert {check.verdict for check in found.checks} == {Verdict.UNDECIDED}
    assert found.checks[0].cause == "sums may exceed the range of float32"
    assert found.checks[2].cause == "y and y2 hold elements without a bound"
    assert found.verdict is Verdict.UNDECIDED

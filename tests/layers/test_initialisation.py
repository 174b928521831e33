from __future__ import annotations

import numpy as np
import pytest
import torch

from fcinspect.bridge.linear import create_layer
from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.layers.initialisation import (
    bias_law,
    inspect_layer,
    is_orthogonal,
    obeys,
    weight_law,
)
from fcinspect.layers.linear import INITIALISERS, LinearRequest
from fcinspect.rounding.verdict import Verdict

DTYPES = ("float64", "float32", "bfloat16", "float16")
SIXTEEN_BITS = ("bfloat16", "float16")
RANDOM = ("default", "kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("init", INITIALISERS)
def test_what_torch_makes_obeys_its_law(init: str, dtype: str) -> None:
    """No false alarm, at small and large widths, tall and wide."""
    if init == "orthogonal" and dtype in SIXTEEN_BITS:
        pytest.skip("torch has none")
    for widths in ((1, 1), (4, 2), (2, 40), (300, 200), (0, 3), (3, 0), (1000, 1000)):
        for seed in range(3 if max(widths) < 1000 else 1):
            layer = create_layer(LinearRequest(*widths, seed=seed, dtype=dtype, init=init))
            found = inspect_layer(layer, init)
            assert found.verdict is Verdict.WITHIN, (widths, seed, found.weight, found.bias)


def judged(init: str, values: np.ndarray, dtype: str = "float32") -> Verdict:
    """Return the verdict on numbers as if `init` had made them."""
    outputs, inputs = values.shape
    return obeys(weight_law(init, inputs, outputs), Array.of(values, dtype)).verdict


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("init", RANDOM)
def test_planted_faults_are_seen(init: str, dtype: str) -> None:
    """Scaled, shifted, constant and transposed-fan numbers are outside the law."""
    made = create_layer(LinearRequest(200, 800, dtype=dtype, init=init)).weight.values
    values = np.array(made, dtype=np.float64)
    assert judged(init, values, dtype) is Verdict.WITHIN
    for name, fault in {
        "scaled up by 1.2": values * 1.2,
        "scaled down by 0.8": values * 0.8,
        "shifted": values + values.std() * 0.2,
        "absolute values": np.abs(values),
        "zeros": values * 0,
    }.items():
        assert judged(init, fault, dtype) is Verdict.OUTSIDE, name
    if not init.startswith("xavier"):  # fan_in mistaken for fan_out
        assert judged(init, values.T, dtype) is Verdict.OUTSIDE


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_uniform_bound_is_sharp(dtype: str) -> None:
    """One step beyond the outward rounded bound is seen, the bound itself is not."""
    from fcinspect.layers.law_bounds import rounded_outward
    from fcinspect.rounding.formats import format_named

    for width in (1, 3, 4, 7, 784):
        law, held = bias_law(width), format_named(dtype)
        bound = rounded_outward(law.scale, held)
        assert held.holds(bound)
        # float64 leaves room for torch's own roundings of the bound
        steps = 20 if dtype == "float64" else 4
        assert law.scale < bound <= law.scale * (1 + steps * held.unit_roundoff)
        beyond = bound + held.ulp(bound)
        assert obeys(law, Array.of(np.array([bound]), dtype)).verdict is Verdict.WITHIN
        assert obeys(law, Array.of(np.array([-beyond]), dtype)).verdict is Verdict.OUTSIDE


@pytest.mark.parametrize("widths", [(5, 3), (3, 5), (64, 64)])
def test_orthogonality_sees_one_changed_number(widths: tuple[int, int]) -> None:
    """A small change of one entry is beyond rounding."""
    values = np.array(create_layer(LinearRequest(*widths, init="orthogonal")).weight.values)
    assert judged("orthogonal", values) is Verdict.WITHIN
    values[0, 0] += 0.05
    assert judged("orthogonal", values) is Verdict.OUTSIDE
    assert judged("orthogonal", np.zeros((3, 3))) is Verdict.OUTSIDE


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("widths", [(3, 3), (4, 300), (200, 60), (4096, 48)])
def test_what_is_orthogonal_is_told_from_chance(widths: tuple[int, int], dtype: str) -> None:
    """In as few digits as bfloat16 has; independent numbers of the same lengths are not."""
    made = create_layer(LinearRequest(*widths, init="orthogonal")).weight.values
    rounded = torch.from_numpy(np.array(made)).to(getattr(torch, dtype)).double().numpy()
    assert is_orthogonal(Array.of(rounded, dtype))
    random = np.random.default_rng(0)
    for _ in range(100 if max(widths) < 100 else 3):
        by_chance = random.normal(size=made.shape)
        by_chance /= np.linalg.norm(by_chance, axis=int(widths[0] > widths[1]), keepdims=True)
        assert not is_orthogonal(Array.of(by_chance, dtype))
    assert not is_orthogonal(Array.of(rounded * 1.2, dtype))


@pytest.mark.parametrize("init", ["zeros", "ones", "eye"])
def test_exact_laws_see_one_changed_bit(init: str) -> None:
    """Zeros, ones and the identity have no tolerance."""
    values = np.array(create_layer(LinearRequest(5, 3, init=init)).weight.values)
    assert judged(init, values) is Verdict.WITHIN
    values[2, 2] += 2.0**-23
    assert judged(init, values) is Verdict.OUTSIDE


def test_what_is_not_finite_is_undecided() -> None:
    """NaN is never success."""
    for init in INITIALISERS:
        assert judged(init, np.full((3, 3), np.nan)) is Verdict.UNDECIDED


def test_laws_in_words() -> None:
    """Each law is written in symbols and in numbers."""
    words = {init: weight_law(init, 4, 2).words for init in INITIALISERS}
    assert words["default"] == "U(−1/√4, 1/√4) = U(−0.5, 0.5)"
    assert words["kaiming_uniform"] == "U(−√(6/4), √(6/4)) = U(−1.225, 1.225)"
    assert words["xavier_uniform"] == "U(−√(6/(4+2)), √(6/(4+2))) = U(−1, 1)"
    assert words["kaiming_normal"] == "N(0, 2/4), σ = 0.7071"
    assert words["orthogonal"] == "orthogonal: WWᵀ = I"
    assert weight_law("orthogonal", 2, 4).words == "orthogonal: WᵀW = I"


@pytest.mark.parametrize(
    ("init", "widths", "words"),
    [
        ("xavier_uniform", (0, 0), "which is 0"),
        ("kaming_uniform", (1, 1), "unknown initialization"),
    ],
)
def test_laws_that_do_not_exist_are_refused(init: str, widths: tuple[int, int], words: str) -> None:
    """Unknown names and divisions by zero are usage errors."""
    with pytest.raises(UsageError, match=words):
        weight_law(init, *widths)

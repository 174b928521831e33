from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fcinspect.checkpoints.scan.findings import fingerprint_of
from fcinspect.checkpoints.scan.records import LineCount, MatrixStatistics, ScannedNumbers
from tests.checkpoints.scan.weights import LAWS, default, found, fresh, published, statistics_of

DTYPES = ("float64", "float32", "bfloat16", "float16")


SHAPES = ((32, 32), (10, 784), (200, 7), (3, 400), (256, 128), (128, 384), (300, 1000))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.sampled(3)
def test_what_torch_makes_is_recognised(law: str, dtype: str) -> None:
    """Every shape with enough numbers, and fifty seeds of one."""
    fill, maker = LAWS[law]
    tried = 0
    for shape in SHAPES:
        for seed in range(50 if shape == (256, 128) else 2):
            result = found(fresh(fill, *shape, dtype=dtype, seed=seed), with_leading=seed < 5)
            enough = 2**15 if "normal" in law or law == "published" else 2**10
            if math.prod(shape) < enough:
                assert result is None or maker not in result.makers
                continue
            assert result is not None, (shape, seed)
            assert result.untrained is (enough == 2**10)
            square = shape[0] == shape[1]
            assert (maker.removesuffix(" with fan_out") if square else maker) in result.makers
            tried += 1
    assert tried > 50


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("law", LAWS)
def test_made_in_one_format_and_kept_in_another(law: str, dtype: str) -> None:
    """Rounded afterwards, or widened: the bound is that of the format it was made in."""
    fill, maker = LAWS[law]
    for seed in range(5):
        narrowed = fresh(fill, 256, 128, seed=seed).to(getattr(torch, dtype))
        widened = fresh(fill, 256, 128, dtype=dtype, seed=seed).float()
        for weight in (narrowed, widened, widened.double()):
            result = found(weight)
            assert result is not None
            assert maker in result.makers


def test_words() -> None:
    """The law in symbols, and who draws from it."""

    def words(fill: Callable[[Tensor], object], *shape: int) -> str:
        result = found(fresh(fill, *shape), with_leading=True)
        assert result is not None
        return result.words

    assert words(default, 128, 384) == (
        "within U(−1/√384, 1/√384): looks untrained (nn.Linear's default)"
    )
    assert words(nn.init.xavier_uniform_, 64, 32) == (
        "within U(−√(6/(32+64)), √(6/(32+64))): looks untrained (Xavier uniform)"
    )
    assert words(published, 300, 300) == (
        "like N(0, 0.02²): may be untrained (as GPT-2 and BERT are initialized)"
    )
    assert words(nn.init.kaiming_normal_, 300, 200) == (
        "like N(0, 2/200): may be untrained (Kaiming normal)"
    )
    assert words(nn.init.zeros_, 4, 4) == "every number is 0 (nn.init.zeros_)"
    assert words(nn.init.ones_, 4, 4) == "every number is 1 (nn.init.ones_)"
    assert words(lambda weight: weight.fill_(-0.5), 8, 2) == (
        "every number is -0.5 (nn.init.constant_)"
    )
    # 6/(in + out) = 1/in
    assert words(default, 500, 100) == (
        "within U(−1/√100, 1/√100): looks untrained (nn.Linear's default or Xavier uniform)"
    )


Change = Callable[[Tensor], Tensor]


def scaled(factor: float) -> Change:
    """Return what multiplies a weight."""

    def change(weight: Tensor) -> Tensor:
        changed: Tensor = weight * factor
        return changed

    return change


def with_one(value: float) -> Change:
    """Return what puts one number, in standard deviations, into a weight."""

    def change(weight: Tensor) -> Tensor:
        changed = weight.clone()
        changed[1, 2] = value * weight.std()
        return changed

    return change


def pruned(weight: Tensor) -> Tensor:
    """Return a weight with one number in 100 set to zero."""
    changed = weight.clone()
    changed.view(-1)[::100] = 0
    return changed


def updated(weight: Tensor) -> Tensor:
    """Return a weight moved by an update of rank one, a twentieth of its norm."""
    torch.manual_seed(1)
    update = torch.outer(torch.randn(weight.shape[0]), torch.randn(weight.shape[1]))
    changed: Tensor = weight + (update * weight.norm() / update.norm() / 20).to(weight.dtype)
    return changed


def one_long_row(weight: Tensor) -> Tensor:
    """Return a weight one row of which was redrawn from ±(largest)."""
    changed = weight.clone()
    changed[3] = weight[3].sign() * weight.abs().max() * 0.999
    return changed


UNIFORM_FAULTS: dict[str, Change] = {
    "scaled by 0.99": scaled(0.99),
    "scaled by 1.001": scaled(1.001),
    "scaled by 0.5": scaled(0.5),
    "one outlier": with_one(2.0),
    "pruned": pruned,
    "shifted": lambda weight: weight * 0.98 + weight.abs().max() * 0.02,
    "absolute values": lambda weight: weight.abs(),
    "an update of rank one": updated,
    "squeezed towards the bound": lambda weight: (
        weight.sign() * weight.abs().max() * (weight.abs() / weight.abs().max()).sqrt()
    ),
    "one row at the bound": one_long_row,
}


@pytest.mark.parametrize("fault", UNIFORM_FAULTS)
@pytest.mark.parametrize("law", ["default", "kaiming_uniform", "xavier_uniform"])
def test_changed_uniform_numbers_are_not_called_untrained(law: str, fault: str) -> None:
    """Near to a law is not of the law."""
    weight = fresh(LAWS[law][0], 128, 384)
    assert found(weight) is not None
    assert found(UNIFORM_FAULTS[fault](weight)) is None


NORMAL_FAULTS: dict[str, Change] = {
    "scaled by 0.95": scaled(0.95),
    "scaled by 1.05": scaled(1.05),
    "clipped at 2 σ": lambda weight: weight.clamp(-2 * weight.std(), 2 * weight.std()),
    "clipped at 3 σ": lambda weight: weight.clamp(-3 * weight.std(), 3 * weight.std()),
    "one outlier": with_one(8.0),
    "pruned": pruned,
    "shifted": lambda weight: weight + weight.std() * 0.05,
    "heavier tails": lambda weight: weight.sign() * weight.abs() ** 1.5 / weight.std() ** 0.5 * 0.8,
    "one row at the bound": one_long_row,
}


@pytest.mark.parametrize("fault", NORMAL_FAULTS)
@pytest.mark.parametrize("law", ["kaiming_normal", "xavier_normal", "published"])
def test_changed_normal_numbers_are_not_called_untrained(law: str, fault: str) -> None:
    """Its standard deviation alone does not name a normal law."""
    weight = fresh(LAWS[law][0], 256, 384)
    assert found(weight) is not None
    assert found(NORMAL_FAULTS[fault](weight)) is None


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_few_digits_leave_little_open(dtype: str) -> None:
    """A weight scaled by 0.95 is seen in 8 bits too."""
    weight = fresh(default, 128, 384, dtype=dtype)
    assert found(weight) is not None
    assert found(weight * 0.95) is None


def test_another_bound_is_another_law() -> None:
    """U(−a, a) with an a that nobody is known for is not named."""
    for bound in (0.01, 0.05, 0.06, 0.2, 1.0):
        assert found(fresh(lambda weight, a=bound: weight.uniform_(-a, a), 128, 384)) is None  # type: ignore[misc]


@pytest.mark.parametrize("law", ["default", "published"])
def test_a_direction_that_stands_out_is_seen_by_its_singular_value(law: str) -> None:
    """Signs that agree, in a third of the numbers, with those of one direction: σ₁ tells it."""
    weight = fresh(LAWS[law][0], 500, 500)
    signs = torch.sign(torch.outer(torch.randn(500), torch.randn(500)))
    changed = weight.clone()
    some = torch.rand(500, 500) < 1 / 3
    changed[some] = weight[some].abs() * signs[some]
    assert found(weight, with_leading=True) is not None
    assert found(changed) is not None
    assert found(changed, with_leading=True) is None


def test_too_few_numbers_prove_nothing() -> None:
    """A small weight has no fingerprint, random or constant."""
    assert found(fresh(default, 31, 33)) is None
    assert found(fresh(default, 32, 32)) is not None
    assert found(fresh(nn.init.zeros_, 3, 5)) is None
    assert found(fresh(published, 100, 300)) is None


def test_not_finite_not_known_and_empty() -> None:
    """Nothing is said of NaN, of 8-bit formats and of no numbers."""
    weight = fresh(default, 64, 64)
    statistics = statistics_of(weight)
    assert fingerprint_of(statistics, 64, 64, "float32") is not None
    assert fingerprint_of(statistics, 64, 64, "float8_e4m3fn") is None
    weight[1, 1] = math.nan
    assert found(weight) is None
    nothing = ScannedNumbers(0, math.nan, math.nan, math.nan, math.nan, 0.0, 0, 0, 0)
    empty = MatrixStatistics(nothing, LineCount(0), LineCount(0), None, 0.0, 0.0)
    assert fingerprint_of(empty, 0, 0, "float32") is None
    huge = dataclasses.replace(statistics.numbers, norm=math.inf, max=1e308, min=-1e308)
    assert fingerprint_of(dataclasses.replace(statistics, numbers=huge), 64, 64, "float32") is None

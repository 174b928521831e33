"""Every kind of difference is planted and named; what only looks like one is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from fcinspect.checkpoints.diff.records import Sameness
from tests.checkpoints.diff.planting import compared, finding, weights

Change = Callable[[torch.Tensor], torch.Tensor]
FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
NARROWER = [
    (torch.float64, torch.float32),
    (torch.float64, torch.bfloat16),
    (torch.float32, torch.bfloat16),
    (torch.float32, torch.float16),
    (torch.float16, torch.bfloat16),
    (torch.float32, torch.float8_e4m3fn),
    (torch.bfloat16, torch.float8_e5m2),
]


def name_of(dtype: torch.dtype) -> str:
    """Return "float32"."""
    return str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(24, 17), (1, 1), (1, 9), (9, 1), (0, 4), (4, 0), (300, 7)])
def test_the_same_numbers_are_equal(
    tmp_path: Path, shape: tuple[int, int], dtype: torch.dtype
) -> None:
    """Whatever the shape and format, empty layers too."""
    weight = weights(*shape, dtype=dtype)
    found = finding(tmp_path, weight, weight)
    assert (found.verdict, found.how) == (Sameness.EQUAL, "equal")


@pytest.mark.parametrize(("wide", "narrow"), NARROWER, ids=str)
def test_rounding_is_recognised_bit_for_bit_both_ways(
    tmp_path: Path, wide: torch.dtype, narrow: torch.dtype
) -> None:
    """torch's own conversion is what it is held against, kept as the narrow or the wide format."""
    weight = weights(dtype=wide)
    rounded = weight.to(narrow)
    name = name_of(narrow)
    assert finding(tmp_path, weight, rounded).how == f"rounded to {name}"
    assert finding(tmp_path, rounded, weight).how == f"A is B rounded to {name}"
    kept = finding(tmp_path, weight, rounded.to(wide))
    assert kept.how == f"rounded to {name}, kept as {name_of(wide)}"
    assert kept.kind == f"rounded to {name}"
    # a number that is one unit further off is no rounding
    spoilt = rounded.clone()
    place = spoilt.view(torch.uint8)
    place[3, -1] += 1
    assert "rounded" not in finding(tmp_path, weight, spoilt).how


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [(torch.float32, torch.float64), (torch.bfloat16, torch.float32),
     (torch.float16, torch.float32), (torch.bfloat16, torch.float64)],
    ids=str,
)  # fmt: skip
def test_conversion_without_loss_is_told_from_rounding(
    tmp_path: Path, narrow: torch.dtype, wide: torch.dtype
) -> None:
    """The numbers are the same, the format is not: different, unless a tolerance is given."""
    weight = weights(dtype=narrow)
    found = finding(tmp_path, weight, weight.to(wide))
    assert found.how == f"converted from {name_of(narrow)} to {name_of(wide)} without loss"
    assert found.verdict is Sameness.DIFFERENT
    assert found.magnitude is not None
    assert (found.magnitude.changed, found.magnitude.max_abs) == (0, 0)
    found = finding(tmp_path, weight.to(wide), weight)
    assert found.how.endswith(f"to {name_of(narrow)} without loss")
    tolerated = finding(tmp_path, weight, weight.to(wide), "float32")
    assert tolerated.verdict is Sameness.ROUNDED


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2], ids=str)
def test_weights_of_one_byte_are_compared_as_well(tmp_path: Path, dtype: torch.dtype) -> None:
    """Equal, negated, transposed, permuted, or the rounding of what they were made of."""
    wide = weights()
    weight = wide.to(dtype)
    assert finding(tmp_path, weight, weight).verdict is Sameness.EQUAL
    assert finding(tmp_path, wide, weight).how == f"rounded to {name_of(dtype)}"
    assert finding(tmp_path, weight, (-weight.float()).to(dtype)).how == "negated"
    assert finding(tmp_path, weight, weight.float().flip(0).to(dtype)).how == "outputs permuted"
    assert finding(tmp_path, weight, weight.float().T.to(dtype)).how == "transposed"
    other = weight.float()
    other[3, 3] = 4
    assert finding(tmp_path, weight, other.to(dtype)).how == "1 number changed"


def test_dropped_bits_are_named_truncation(tmp_path: Path) -> None:
    """The upper half of a float32 is its truncation to bfloat16, toward zero."""
    weight = weights()
    cut = (weight.view(torch.int32) & -65536).view(torch.float32)
    assert finding(tmp_path, weight, cut.to(torch.bfloat16)).how == "truncated to bfloat16"
    found = finding(tmp_path, weight, cut)
    assert found.how == "truncated to bfloat16, kept as float32"
    assert "toward zero" in found.detail[0]


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_negated_weight_is_named(tmp_path: Path, dtype: torch.dtype) -> None:
    """Every sign, those of zeros too; one sign that is not turned is seen."""
    weight = weights(dtype=dtype)
    weight[2, 3] = 0
    assert finding(tmp_path, weight, -weight).how == "negated"
    spoilt = -weight
    spoilt[5, 5] = weight[5, 5]
    found = finding(tmp_path, weight, spoilt)
    assert found.how == "changed"
    assert found.magnitude is not None
    assert found.magnitude.changed == weight.numel() - 1


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("factor", [0.5, 3.0, -0.3, 1e-3])
def test_a_scaled_weight_is_named_with_its_factor(
    tmp_path: Path, dtype: torch.dtype, factor: float
) -> None:
    """One number that is off by a hundredth is no scaling."""
    weight = weights(dtype=dtype)
    found = finding(tmp_path, weight, weight * factor)
    assert (found.kind, found.how) == ("scaled", f"scaled by {factor:g}")
    spoilt = weight * factor
    spoilt[7, 7] *= 1.01
    assert "scaled" not in finding(tmp_path, weight, spoilt).how


def test_a_few_numbers_are_no_evidence_of_a_factor(tmp_path: Path) -> None:
    """Any number is another one times something."""
    one = torch.tensor([[0.3]])
    assert finding(tmp_path, one, one * 2).how == "changed"
    short = torch.tensor([[1.0, 2.0, 3.0]]).to(torch.float8_e5m2)
    twice = torch.tensor([[2.0, 4.0, 6.0]]).to(torch.float8_e5m2)
    assert "scaled" not in finding(tmp_path, short, twice).how


def test_all_zeros_are_no_scaling(tmp_path: Path) -> None:
    """A weight that was erased is told as such, and one that was made of nothing is not."""
    weight = weights()
    assert finding(tmp_path, weight, weight * 0).how == "all numbers became 0"
    assert finding(tmp_path, weight * 0, weight).how == "changed"


@pytest.mark.parametrize("shape", [(24, 24), (24, 17), (1, 5), (2, 2), (700, 130)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_transposed_weight_is_named(
    tmp_path: Path, shape: tuple[int, int], dtype: torch.dtype
) -> None:
    """Square or not; with one number off, a square one only changed."""
    weight = weights(*shape, dtype=dtype)
    assert finding(tmp_path, weight, weight.T).how == "transposed"
    if shape == (24, 24):
        spoilt = weight.T.clone()
        spoilt[3, 8] += 1
        assert "transposed" not in finding(tmp_path, weight, spoilt).how


def test_transposed_and_more_are_both_named(tmp_path: Path) -> None:
    """What was done besides is told by the same rules."""
    weight = weights(24, 24)
    found = finding(tmp_path, weight, weight.T.to(torch.bfloat16))
    assert found.how == "transposed, then rounded to bfloat16"
    assert found.kind == "transposed and rounded to bfloat16"
    assert finding(tmp_path, weight, -weight.T).how == "transposed, then negated"
    assert finding(tmp_path, weight, weight.T * 0.5).how == "transposed, then scaled by 0.5"


@pytest.mark.parametrize("dtype", FLOATS)
def test_permuted_outputs_and_inputs_are_named_with_an_example(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    """Row 0 went where the order says; one row that is off is no permutation."""
    weight = weights(dtype=dtype)
    rows = torch.roll(torch.arange(24), 5)
    found = finding(tmp_path, weight, weight[rows])
    assert found.how == "outputs permuted"
    assert "24 of 24 outputs moved: output 0 is now output 5" in found.detail
    assert found.order == tuple(rows.tolist())
    columns = torch.arange(17)
    columns[[3, 9]] = columns[[9, 3]]
    found = finding(tmp_path, weight, weight[:, columns])
    assert found.how == "inputs permuted"
    assert "2 of 17 inputs moved: input 3 is now input 9" in found.detail
    spoilt = weight[rows].clone()
    spoilt[4, 4] = 1
    assert "permuted" not in finding(tmp_path, weight, spoilt).how


def test_equal_rows_do_not_hide_a_permutation(tmp_path: Path) -> None:
    """Rows of zeros and rows that occur twice are matched in any order."""
    weight = weights(12, 5)
    weight[3] = weight[7] = 0
    weight[1] = weight[10]
    assert finding(tmp_path, weight, weight.flip(0)).how == "outputs permuted"


def test_permuted_and_rounded_are_both_named(tmp_path: Path) -> None:
    """In the narrower format the rows are the same."""
    weight = weights()
    order = torch.arange(23, -1, -1)
    found = finding(tmp_path, weight, weight[order].to(torch.bfloat16))
    assert found.how == "outputs permuted, then rounded to bfloat16"
    found = finding(tmp_path, weight[order].to(torch.bfloat16), weight)
    assert found.how == "outputs permuted, then A is B rounded to bfloat16"
    found = finding(tmp_path, weight, weight[order].to(torch.float64))
    assert found.how == "outputs permuted, then converted from float32 to float64 without loss"


def test_a_bias_follows_its_permuted_outputs(tmp_path: Path) -> None:
    """It is said whether the bias moved with the rows."""
    weight, bias = weights(), weights(24, 1)[:, 0]
    order = torch.roll(torch.arange(24), 5)
    a = {"fc.weight": weight, "fc.bias": bias}
    moved = compared(tmp_path, a, {"fc.weight": weight[order], "fc.bias": bias[order]})
    assert moved.how == "outputs permuted; bias permuted alike"
    stayed = compared(tmp_path, a, {"fc.weight": weight[order], "fc.bias": bias})
    assert stayed.how == "outputs permuted"
    other = compared(tmp_path, a, {"fc.weight": weight[order], "fc.bias": bias[order] + 1})
    assert other.how == "outputs permuted; bias changed"


@pytest.mark.parametrize("rank", [1, 4, 16])
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_low_rank_update_is_found_in_every_format(
    tmp_path: Path, dtype: torch.dtype, rank: int
) -> None:
    """LoRA merged and rounded to the format: its rank, and σ as torch's own svd finds them."""
    weight = weights(160, 96, dtype=dtype)
    made = torch.Generator().manual_seed(1)
    update = torch.randn(160, rank, generator=made, dtype=torch.float64) @ torch.randn(
        rank, 96, generator=made, dtype=torch.float64
    )
    update *= 0.02 / rank**0.5
    found = finding(tmp_path, weight, (weight.double() + update).to(dtype))
    assert (found.kind, found.rank) == ("with a low-rank update", rank)
    true = torch.linalg.svdvals(update)[:rank].tolist()
    assert found.singular_values == pytest.approx(true, rel=2e-2)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [1e-1, 1e-2, 5e-3, 2e-3, 1e-3, 3e-4, 1e-4])
def test_noise_of_full_rank_is_no_low_rank_update(
    tmp_path: Path, dtype: torch.dtype, size: float
) -> None:
    """Nor is a low-rank update with noise beside it."""
    weight = weights(160, 96, dtype=dtype)
    made = torch.Generator().manual_seed(2)
    noise = torch.randn(160, 96, generator=made) * size * 0.05
    tuned = (weight.double() + noise).to(dtype)
    if not torch.equal(tuned, weight):
        assert finding(tmp_path, weight, tuned).rank is None
    spiked = noise.double() + 0.02 * torch.ones(160, 1) @ torch.randn(1, 96, generator=made)
    if dtype in (torch.float32, torch.float64):
        assert finding(tmp_path, weight, (weight.double() + spiked).to(dtype)).rank is None


def test_new_numbers_are_told_from_tuned_ones(tmp_path: Path) -> None:
    """Independent numbers are uncorrelated; tuned ones are not."""
    weight = weights(100, 100)
    fresh = finding(tmp_path, weight, weights(100, 100, seed=1))
    assert fresh.how == "uncorrelated, as if re-initialised"
    assert "uncorrelated" in fresh.detail[0]
    tuned = finding(tmp_path, weight, weight + 0.3 * weights(100, 100, seed=1))
    assert tuned.how == "changed"
    assert tuned.magnitude is not None
    assert tuned.magnitude.relative == pytest.approx(0.3, rel=0.05)


def test_a_few_changed_numbers_are_counted_and_shown(tmp_path: Path) -> None:
    """The count, the first place and both numbers."""
    weight = weights()
    changed = weight.clone()
    changed[3, 5], changed[20, 1] = 7.0, -1.0
    found = finding(tmp_path, weight, changed)
    assert (found.kind, found.how) == ("with few numbers changed", "2 numbers changed")
    assert found.magnitude is not None
    assert found.magnitude.first is not None
    first = found.magnitude.first
    assert (first.index, first.a, first.b) == ((3, 5), weight[3, 5].item(), 7.0)
    assert found.magnitude.max_abs == 7.0 - weight[3, 5].item()


def test_changed_outputs_and_inputs_are_listed(tmp_path: Path) -> None:
    """A block of rows, scattered rows, a block of columns."""
    weight = weights()
    changed = weight.clone()
    changed[5:9] += 0.01
    assert finding(tmp_path, weight, changed).how == "outputs 5 to 8 changed"
    changed = weight.clone()
    changed[[1, 7, 20]] *= 1.5
    assert finding(tmp_path, weight, changed).how == "outputs 1, 7 and 20 changed"
    changed = weight.clone()
    changed[:, 4] -= 0.5
    assert finding(tmp_path, weight, changed).how == "input 4 changed"


@pytest.mark.parametrize("dtype", FLOATS)
def test_special_values_that_appear_or_vanish_are_counted(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    """NaN, infinities and zeros."""
    weight = weights(dtype=dtype)
    spoilt = weight.clone()
    spoilt[0, :3] = float("nan")
    spoilt[1, 0] = float("-inf")
    found = finding(tmp_path, weight, spoilt)
    assert found.kind == "with NaN and Inf"
    assert found.how == "3 numbers became NaN, 1 number became infinite"
    found = finding(tmp_path, spoilt, weight)
    assert found.how == "3 numbers are no longer NaN, 1 number is no longer infinite"
    pruned = torch.where(weight.abs() < 0.02, torch.zeros_like(weight), weight)
    count = int((pruned != weight).sum())
    found = finding(tmp_path, weight, pruned)
    assert found.how == f"{count} of {weight.numel()} numbers became 0"


def test_equal_nans_are_equal_and_others_are_not(tmp_path: Path) -> None:
    """By their bits; a tolerance takes any NaN for any other, and none for a number."""
    weight = weights()
    weight[2, 2] = float("nan")
    assert finding(tmp_path, weight, weight).verdict is Sameness.EQUAL
    other = weight.clone()
    other.view(torch.int32)[2, 2] += 1
    assert finding(tmp_path, weight, other).how == "1 NaN has different bits"
    assert finding(tmp_path, weight, other, "float16").verdict is Sameness.ROUNDED
    number = weight.clone()
    number[2, 2] = 1.0
    assert finding(tmp_path, weight, number, "float16").verdict is Sameness.DIFFERENT


def test_minus_zero_is_not_zero(tmp_path: Path) -> None:
    """They compare equal, but not bit for bit; under a tolerance they are the same."""
    weight = weights()
    weight[0] = 0.0
    turned = weight.clone()
    turned[0] = -0.0
    assert finding(tmp_path, weight, turned).how == "17 zeros changed sign"
    assert finding(tmp_path, weight, turned, "float32").verdict is Sameness.ROUNDED


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_resized_weight_says_what_of_it_is_equal(tmp_path: Path, dtype: torch.dtype) -> None:
    """Outputs added, inputs removed, both."""
    weight = weights(dtype=dtype)
    grown = finding(tmp_path, weight, torch.cat([weight, weight[:2]]))
    assert grown.how == "resized: out 24 → 26"
    assert grown.detail == ("the first 24 outputs are equal, bit for bit",)
    cut = finding(tmp_path, weight, weight[:, :16])
    assert cut.how == "resized: in 17 → 16"
    assert cut.detail == ("the first 16 inputs are equal, bit for bit",)
    both = finding(tmp_path, weight, weight[:3, :4])
    assert both.how == "resized: in 17 → 4, out 24 → 3"
    changed = torch.cat([weight, weight[:2]])
    changed[0, 0] += 1
    found = finding(tmp_path, weight, changed)
    assert found.detail == ("1 of 408 numbers of the first 24 outputs changed",)


def test_a_bias_is_compared_too(tmp_path: Path) -> None:
    """Changed, added, removed, or of another format."""
    weight, bias = weights(), weights(24, 1)[:, 0]
    a = {"fc.weight": weight, "fc.bias": bias}
    assert compared(tmp_path, a, a).how == "equal"
    other = bias.clone()
    other[3] = 9.0
    found = compared(tmp_path, a, {**a, "fc.bias": other})
    assert (found.how, found.kind) == ("bias 1 number changed", "with another bias")
    assert found.verdict is Sameness.DIFFERENT
    assert found.bias is not None
    assert found.bias.magnitude is not None
    assert found.bias.magnitude.first is not None
    assert found.bias.magnitude.first.index == (3,)
    assert compared(tmp_path, a, {"fc.weight": weight}).how == "bias removed"
    assert compared(tmp_path, {"fc.weight": weight}, a).how == "bias added"
    found = compared(tmp_path, a, {**a, "fc.bias": bias.to(torch.bfloat16)})
    assert found.how == "bias rounded to bfloat16"


def test_outputs_and_inputs_permuted_at_once_are_named(tmp_path: Path) -> None:
    """As of a hidden layer whose neighbours' units were sorted; one number off is no such thing."""
    weight = weights()
    rows, columns = torch.roll(torch.arange(24), 5), torch.arange(16, -1, -1)
    moved = weight[rows][:, columns]
    found = finding(tmp_path, weight, moved)
    assert found.how == "outputs and inputs permuted"
    assert found.detail == (
        "24 of 24 outputs moved: output 0 is now output 5",
        "16 of 17 inputs moved: input 0 is now input 16",
    )
    moved[3, 3] += 1
    assert "permuted" not in finding(tmp_path, weight, moved).how


def test_shuffled_numbers_are_not_taken_for_new_ones(tmp_path: Path) -> None:
    """The same numbers in an order that keeps no row and no column."""
    weight = weights(30, 30)
    order = torch.randperm(900, generator=torch.Generator().manual_seed(0))
    shuffled = weight.reshape(-1)[order].reshape(30, 30)
    assert finding(tmp_path, weight, shuffled).how == "numbers in another order"
    shuffled[0, 0] += 1
    assert finding(tmp_path, weight, shuffled).how == "uncorrelated, as if re-initialised"


def test_reshaped_is_told_from_transposed(tmp_path: Path) -> None:
    """What Tensor.reshape makes where .T was meant."""
    weight = weights()
    found = finding(tmp_path, weight, weight.reshape(17, 24))
    assert found.how == "resized: in 17 → 24, out 24 → 17"
    assert found.detail == ("the numbers are in the same order as in A: reshaped, not transposed",)
    spoilt = weight.reshape(17, 24).clone()
    spoilt[16, 23] += 1
    assert finding(tmp_path, weight, spoilt).detail == ()


def test_lines_that_were_left_out_are_found(tmp_path: Path) -> None:
    """Pruned outputs and inputs, and those that were put between others."""
    weight = weights()
    found = finding(tmp_path, weight, weight[[0, 3, 4, 20, 21, 23]])
    assert found.how == "resized: out 24 → 6"
    assert found.detail == ("B keeps only outputs 0, 3, 4 and 3 more of A, unchanged",)
    found = finding(tmp_path, weight, weight[:, 2:9])
    assert found.detail == ("B keeps only inputs 2 to 8 of A, unchanged",)
    grown = torch.cat([weight[:3], weights(2, 17, seed=1), weight[3:]])
    found = finding(tmp_path, weight, grown)
    assert found.detail[0].startswith(
        "all of A is in B, unchanged: its outputs are outputs 0, 1, 2"
    )
    spoilt = weight[[0, 3, 4]].clone()
    spoilt[1, 1] += 1
    assert "unchanged" not in finding(tmp_path, weight, spoilt).detail[0]


@pytest.mark.parametrize("dtype", FLOATS)
def test_lines_scaled_each_by_its_own_factor_are_named(tmp_path: Path, dtype: torch.dtype) -> None:
    """As when the scale of a normalisation is merged; one number off is no such thing."""
    weight = weights(dtype=dtype)
    weight[3, 4] = 0
    by_input = torch.linspace(0.5, 2, 17, dtype=dtype)
    found = finding(tmp_path, weight, weight * by_input)
    assert found.how == "inputs scaled, each by its own factor"
    assert found.detail == ("the factors are 0.5 to 2",)
    by_output = torch.linspace(-1, -3, 24, dtype=dtype)[:, None]
    found = finding(tmp_path, weight, weight * by_output)
    assert found.how == "outputs scaled, each by its own factor"
    spoilt = weight * by_output
    spoilt[5, 6] *= 1.1
    assert finding(tmp_path, weight, spoilt).how == "changed"


@pytest.mark.parametrize("size", [1e300, 1e307, 1e-310])
def test_numbers_whose_squares_have_no_float64_are_served(tmp_path: Path, size: float) -> None:
    """Nothing is claimed of sums that overflow."""
    a, b = (weights(dtype=torch.float64, seed=seed) * size for seed in (0, 1))
    found = finding(tmp_path, a, b)
    assert found.verdict is Sameness.DIFFERENT
    assert found.magnitude is not None
    assert found.magnitude.changed == a.numel()
    assert finding(tmp_path, a, -a).how == "negated"

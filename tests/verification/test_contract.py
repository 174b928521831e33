from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from fcinspect.bridge.foreign import Kind
from fcinspect.bridge.subject import InProcess
from fcinspect.rounding.accumulation import arithmetic_of
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Plan, carried_out
from fcinspect.verification.contract import batch_checks, contract_checks
from fcinspect.verification.initial_law import initialisation_checks
from fcinspect.verification.subject import Setting
from tests.subjects import correct, faulty_kernels, faulty_modules


def findings(
    family: Any,
    found: Any,
    kind: Kind,
    widths: tuple[int, int] = (16, 12),
    bias: bool = True,
    dtype: str = "float32",
    only: str | None = None,
) -> dict[str, Check]:
    """Return the checks of one family that are not within their bounds, by name."""
    subject = InProcess(found, kind, "it", dtype)
    setting = Setting(subject, *widths, bias, dtype, arithmetic_of(dtype))
    plan = Plan("implementation", "it", family(setting))
    report = carried_out(plan.chosen([only] if only else []))
    names = [check.name for check in report.checks]
    assert len(set(names)) == len(names)
    return {c.name: c for c in report.checks if c.verdict is not Verdict.WITHIN}


FAMILIES = [contract_checks, batch_checks, initialisation_checks]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (nn.Linear, "factory"),
        (correct.Own, "factory"),
        (correct.by_einsum, "kernel"),
        (correct.by_numpy, "kernel"),
        (faulty_modules.Prints, "factory"),
        (faulty_modules.kaiming_by_default, "factory"),
    ],
)
def test_a_correct_layer_keeps_the_contract(found: Any, kind: Kind, dtype: str) -> None:
    """In every dtype that it has; printing is no fault."""
    if found is correct.by_numpy and dtype == "bfloat16":
        pytest.skip("numpy has no bfloat16")
    for family in FAMILIES:
        assert findings(family, found, kind, dtype=dtype) == {}


@pytest.mark.parametrize("widths", [(1, 1), (1, 5), (2, 1), (3, 3), (67, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_narrow_and_square_layers_keep_the_contract(widths: tuple[int, int], bias: bool) -> None:
    """One input, one output, as many of both."""
    for family in FAMILIES:
        assert findings(family, nn.Linear, "factory", widths, bias) == {}


@pytest.mark.parametrize(
    ("module", "widths", "bias"),
    [(correct.ready, (20, 10), True), (correct.ready_without_bias, (7, 7), False)],
)
def test_a_ready_module_keeps_the_contract(
    module: nn.Module, widths: tuple[int, int], bias: bool
) -> None:
    """With its own numbers."""
    for family in FAMILIES:
        assert findings(family, module, "module", widths, bias) == {}


MODULES = [
    (faulty_modules.Raises, "shapes", "expected two dimensions, got 1 .*, with x of shape (16,)"),
    (faulty_modules.RefusesEmpty, "shapes", "ZeroDivisionError.* with x of shape (0, 16)"),
    (faulty_modules.CutsWidth, "wrong widths refused", "x of shape (3, 17) gives (3, 12)"),
    (faulty_modules.Reshapes, "wrong widths refused", "x of shape (3, 32) gives (6, 12)"),
    (faulty_modules.StoresTransposed, "parameters", "weight has shape .* stored (in, out)"),
    (faulty_modules.AlwaysBias, "without bias", "created with bias=False has a bias"),
    (faulty_modules.Buffers, "parameters", "weight is not a trainable parameter"),
    (faulty_modules.RenamesBias, "parameters", "the state dict has no 'bias'"),
    (faulty_modules.Forgetful, "same again", "the same input gives different outputs"),
    (faulty_modules.CachesFirst, "parameters used", "ignores its weight, or uses a copy"),
]
KERNELS = [
    (faulty_kernels.none, "shapes", "returned None"),
    (faulty_kernels.flat, "shapes", "has shape (12,) instead of (1, 12)"),
    (faulty_kernels.scales_input, "operands untouched", "input is modified in place"),
    (faulty_kernels.scales_weight, "operands untouched", "weight is modified in place"),
    (faulty_kernels.ignores_bias, "shapes", "the bias is missing"),
    (faulty_kernels.needs_bias, "without bias", "raised TypeError"),
    (faulty_kernels.upcasts, "dtype", "the result is float64 for float32 operands"),
    (faulty_kernels.ignores_strides, "layouts", "the strides of the operands are ignored"),
]


@pytest.mark.parametrize(
    ("found", "kind", "where", "words"),
    [
        *((found, "factory", where, words) for found, where, words in MODULES),
        *((found, "kernel", where, words) for found, where, words in KERNELS),
    ],
)
def test_a_broken_contract_is_found_and_named(
    found: Any, kind: Kind, where: str, words: str
) -> None:
    """The check that looks for it finds it, and says what is wrong."""
    name = f"contract/{where}"
    check = findings(contract_checks, found, kind, only=name)[name]
    assert check.verdict is Verdict.OUTSIDE
    assert check.cause is not None
    for part in words.split(".*"):
        assert part in check.cause


class Lying(correct.Own):
    """Tells other widths than it has."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.in_features = in_features + 1


class Burdened(correct.Own):
    """Keeps more than weight and bias."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.register_buffer("calls", torch.zeros(1))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Lying, "its in_features is 17 instead of 16"),
        (Burdened, "the state dict also has 'calls'"),
    ],
)
def test_what_a_module_tells_of_itself_is_checked(found: Any, words: str) -> None:
    """Its attributes and the keys of its state dict."""
    assert findings(contract_checks, found, "factory")["contract/parameters"].cause == words


def test_broadcasting_one_number_per_row_is_a_fact() -> None:
    """einsum broadcasts a width of 1; that is told and is no fault."""
    subject = InProcess(correct.by_einsum, "kernel", "it", "float32")
    setting = Setting(subject, 16, 12, True, "float32", arithmetic_of("float32"))
    report = carried_out(Plan("implementation", "it", contract_checks(setting)))
    told = {check.name: check.detail for check in report.checks}
    assert told["contract/wrong widths refused"].endswith("width 1 is broadcast")


def test_rows_that_depend_on_the_batch_are_found() -> None:
    """Beyond rounding; which rows is told."""
    found = findings(batch_checks, faulty_kernels.changes_with_batch, "kernel")
    assert found["batches/rows"].cause == "inputs from 15 on are left out in rows from 2 on"


def test_rounding_between_batch_sizes_is_a_fact() -> None:
    """A row may round differently in another batch: that is told with the bound, and no fault."""

    def by_size(input: Any, weight: Any, bias: Any) -> Any:
        if input.dim() == 2 and len(input) == 1:
            y = (input.flip(-1)[:, None, :] * weight.flip(-1)).cumsum(-1)[..., -1]
            return y if bias is None else y + bias
        return correct.by_torch(input, weight, bias)

    for found in (by_size, correct.by_torch):
        subject = InProcess(found, "kernel", "it", "float32")
        setting = Setting(subject, 256, 12, True, "float32", arithmetic_of("float32"))
        (check,) = carried_out(Plan("implementation", "it", batch_checks(setting))).checks
        assert check.verdict is Verdict.WITHIN
        if found is by_size:
            assert "% of its bound" in check.detail


LAWS = [
    (faulty_modules.standard_normal, "weight", ": it fits N(0, 1)"),
    (faulty_modules.zeros, "weight", ": every number is 0"),
    (faulty_modules.kaiming, "weight", "it is kaiming_uniform, U(−√(6/64)"),
    (faulty_modules.xavier, "weight", "it is xavier_uniform, U(−√(6/(64+48))"),
    (faulty_modules.fan_out, "weight", "it is U(−1/√48, 1/√48)"),
    (faulty_modules.one_over_inputs, "weight", "it is U(−1/64, 1/64)"),
    (faulty_modules.zero_bias, "bias", ": every number is 0"),
    (faulty_modules.wide_bias, "bias", "it is not a known law"),
    (faulty_modules.started(nn.init.orthogonal_), "weight", "orthogonal"),
    (
        faulty_modules.started(nn.init.kaiming_normal_),
        "weight",
        "it fits kaiming_normal, N(0, 2/6",
    ),
    (faulty_modules.started(nn.init.xavier_normal_), "weight", "it fits xavier_normal"),
    (faulty_modules.same_rows, "rows differ", "only 1 of 48 rows of the fresh weight are distinct"),
    (faulty_modules.unseeded, "seeds", "every torch.manual_seed gives the same weights"),
]


@pytest.mark.parametrize(("found", "where", "words"), LAWS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_wrong_law_is_found_and_the_right_one_named(
    found: Any, where: str, words: str, dtype: str
) -> None:
    """What the numbers are drawn from instead, where it is known."""
    if dtype == "bfloat16" and "orthogonal" in words:
        pytest.skip("rounded to 8 bits no matrix is orthogonal")
    name = f"initialisation/{where}"
    widths = (64, 48)
    check = findings(initialisation_checks, found, "factory", widths, dtype=dtype, only=name)[name]
    assert check.verdict is Verdict.OUTSIDE
    assert check.cause is not None
    assert words in check.cause


@pytest.mark.parametrize("widths", [(1, 1), (4, 2), (16, 12)])
def test_zero_biases_are_found_in_small_layers(widths: tuple[int, int]) -> None:
    """The numbers of many fresh modules are taken together."""
    found = findings(initialisation_checks, faulty_modules.zero_bias, "factory", widths)
    assert set(found) == {"initialisation/bias"}

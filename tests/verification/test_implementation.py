from __future__ import annotations

from typing import Any

import pytest
from torch import nn
from torch.nn import functional

from fcinspect.bridge.foreign import Kind
from fcinspect.bridge.subject import InProcess
from fcinspect.rounding.accumulation import arithmetic_of
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Plan, VerificationReport, carried_out
from fcinspect.verification.layer import plan_implementation
from tests.subjects import correct, faulty_kernels, faulty_modules


def plan(
    found: Any,
    kind: Kind,
    dtype: str = "float32",
    widths: tuple[int, int] = (16, 12),
    bias: bool = True,
) -> Plan:
    """Return the plan of a layer of this process."""
    subject = InProcess(found, kind, "it", dtype)
    return plan_implementation(subject, *widths, bias, dtype, arithmetic_of(dtype))


def report(found: Any, kind: Kind, *arguments: Any) -> VerificationReport:
    """Carry a plan out."""
    return carried_out(plan(found, kind, *arguments))


def wrong(found: VerificationReport) -> list[tuple[str, str | None]]:
    """Return the names and causes of what is not within its bound."""
    return [(c.name, c.cause) for c in found.checks if c.verdict is not Verdict.WITHIN]


CORRECT: list[tuple[Any, Kind]] = [
    (nn.Linear, "factory"),
    (correct.Own, "factory"),
    (functional.linear, "kernel"),
    (correct.by_einsum, "kernel"),
    (correct.by_function, "kernel"),
    (correct.by_numpy, "kernel"),
    (correct.with_backward, "kernel"),
]
ON_NUMPY = (correct.by_numpy, correct.with_backward)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("found", "kind"), CORRECT)
def test_correct_layers_pass_in_every_dtype(found: Any, kind: Kind, dtype: str) -> None:
    """No finding, whoever wrote it; numpy has no bfloat16."""
    if dtype == "bfloat16" and found in ON_NUMPY:
        pytest.skip("numpy has no bfloat16")
    made = report(found, kind, dtype)
    assert wrong(made) == []
    assert made.verdict is Verdict.WITHIN


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("widths", [(1, 1), (1, 9), (9, 1), (33, 33), (257, 31), (1024, 96)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("found", "kind"), CORRECT)
def test_correct_layers_pass_at_every_width(
    found: Any, kind: Kind, dtype: str, widths: tuple[int, int], bias: bool
) -> None:
    """No finding, wide or narrow, with and without bias."""
    if dtype == "bfloat16" and found in ON_NUMPY:
        pytest.skip("numpy has no bfloat16")
    if not bias and found in (correct.by_function, correct.with_backward):
        pytest.skip("its backward gives a gradient of a bias that is not there")
    if found is correct.by_einsum and widths == (1, 9) and dtype in ("float16", "bfloat16"):
        pytest.skip("one product per sum: torch rounds each of its gradient's terms to 16 bits")
    assert wrong(report(found, kind, dtype, widths, bias)) == []


@pytest.mark.parametrize(
    ("module", "dtype", "widths", "bias"),
    [
        (correct.ready, "float32", (20, 10), True),
        (correct.ready_without_bias, "float32", (7, 7), False),
        (correct.half, "bfloat16", (20, 10), True),
    ],
)
def test_ready_modules_pass(
    module: nn.Module, dtype: str, widths: tuple[int, int], bias: bool
) -> None:
    """With their own numbers; what that leaves out is said."""
    made = report(module, "module", dtype, widths, bias)
    assert wrong(made) == []
    assert any("weights other than the module's own" in left for left in made.not_exercised)


def test_a_factory_goes_through_every_group() -> None:
    """Nothing of the suite is missing."""
    assert plan(nn.Linear, "factory").groups == (
        "contract", "exact", "fingerprint", "random signs", "gradients", "batches",
        "initialisation",
    )  # fmt: skip


def test_what_a_kernel_is_not_asked_is_said() -> None:
    """It makes no layers, and numpy without a backward gives no gradients."""
    made = plan(correct.by_numpy, "kernel")
    assert "gradients" not in made.groups
    assert "initialisation" not in made.groups
    assert "gradients: the layer returns none" in made.not_exercised
    assert "initialisation: a kernel creates no layers" in made.not_exercised


@pytest.mark.parametrize(
    ("found", "kind", "cause"),
    [
        (faulty_kernels.none, "kernel", "returned None instead of an array"),
        (faulty_kernels.ignores_bias, "kernel", "the bias is missing"),
        (faulty_kernels.transposed, "kernel", "the weight is used transposed"),
        (faulty_kernels.upcasts, "kernel", "the result is float64 for float32 operands"),
        (faulty_kernels.scales_input, "kernel", "input is modified in place"),
        (faulty_modules.StoresTransposed, "factory", "it is stored (in, out)"),
        (faulty_modules.HalvesBiasGradient, "factory", "the gradient of the bias: it is halved"),
        (faulty_modules.Detached, "factory", "the weight receives no gradient"),
        (faulty_modules.AlwaysBias, "factory", "a module created with bias=False has a bias"),
        (faulty_modules.RenamesBias, "factory", "the module has no tensor 'bias'"),
        (faulty_modules.zero_bias, "factory", "every number is 0"),
    ],
)
def test_planted_faults_are_found_and_their_cause_is_named(
    found: Any, kind: Kind, cause: str
) -> None:
    """By the suite as a whole; the likely cause is the fault that was planted."""
    made = report(found, kind)
    assert made.verdict is Verdict.OUTSIDE
    named = [named for _, named in wrong(made) if named is not None]
    assert any(cause in words for words in named), named

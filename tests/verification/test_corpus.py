"""Planted faults: each that can be seen is found and named, and correct code next to it is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, carried_out
from fcinspect.verification.claimed_step import plan_step
from fcinspect.verification.step import check_steps
from tests.corpus import CORPUS, KINDS, Fault, Kind, of_kind
from tests.corpus.gradients import kernel_of, right
from tests.corpus.judged import (
    OUT_FEATURES,
    Found,
    claimed,
    find,
    layer_plan,
    operations_of,
    optimizer_plan,
)
from tests.corpus.rules import CORRECT, Rule
from tests.corpus.training import LOSSES, Run, as_it_should_be

Tensor = torch.Tensor

WIDTHS = (16, 64, 256)
WIDE = (1024, 4096)
DTYPES = ("float32", "bfloat16")
SHARE_NAMED = 0.9
EVERY = 3
"""One fault in so many is run by default, at one width, in one dtype."""


def verdict_on(found: Sequence[Found]) -> None:
    """Assert that all are seen, and nearly all named."""
    missed = [f.words for f in found if not f.seen]
    unnamed = [f.words for f in found if f.seen and not f.named]
    assert not missed, "\n".join(missed)
    assert len(unnamed) <= (1 - SHARE_NAMED) * len(found), "\n".join(unnamed)


def observable(kind: Kind) -> list[Fault]:
    """Return the faults that can be seen."""
    return [fault for fault in of_kind(kind) if fault.observable]


def test_corpus_is_large_and_its_names_are_unique() -> None:
    """At least 80 faults, of every kind; each says what its cause must name, or why none is."""
    assert len(CORPUS) >= 80
    assert all(of_kind(kind) for kind in KINDS)
    assert len({(fault.kind, fault.name) for fault in CORPUS}) == len(CORPUS)
    for fault in CORPUS:
        assert fault.words if fault.observable else fault.why_not, fault.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_faults_is_found(kind: Kind) -> None:
    """Every third fault, at widths and in dtypes that take turns."""
    found = []
    for i, fault in enumerate(observable(kind)[::EVERY]):
        width, dtype = WIDTHS[i % len(WIDTHS)], fault.dtypes[i % len(fault.dtypes)]
        found.append(find(fault, width, dtype))
    verdict_on(found)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "width"), list(product(KINDS, WIDTHS + WIDE)))
def test_every_observable_fault_is_found(kind: Kind, width: int) -> None:
    """Every fault, in every dtype in which it is one."""
    if kind == "optimizer" and width != WIDTHS[0]:
        pytest.skip("an optimizer's parameters have no width")
    verdict_on(
        [
            find(fault, width, dtype)
            for fault in observable(kind)
            if width <= fault.most
            for dtype in fault.dtypes
        ]
    )


@pytest.mark.parametrize("fault", [f for f in CORPUS if not f.observable], ids=lambda f: f.name)
def test_unobservable_faults_are_not_found(fault: Fault) -> None:
    """What the corpus calls unobservable is so: no check may claim to see it."""
    assert not find(fault, 64, fault.dtypes[0]).seen


def matmul(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Multiply and add in two steps."""
    y = x @ weight.T
    return y if bias is None else y + bias


def by_einsum(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Sum products by their indices."""
    y = torch.einsum("...k,jk->...j", x, weight)
    return y if bias is None else y + bias


def blocked(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Sum blocks of 5 inputs, in float32, the last block first."""
    y = torch.zeros((*x.shape[:-1], len(weight)), dtype=torch.float32)
    for k in reversed(range(0, x.shape[-1], 5)):
        y = y + x[..., k : k + 5].float() @ weight[:, k : k + 5].float().T
    return (y if bias is None else y + bias.float()).to(x.dtype)


CORRECT_KERNELS: tuple[Callable[..., Tensor], ...] = (
    F.linear, matmul, by_einsum, blocked, kernel_of(right),
)  # fmt: skip


def not_within(checks: Sequence[Check]) -> list[str]:
    """Return what was said of checks that are outside or undecided."""
    return [
        f"{check.name}: {check.verdict}, {check.detail}, {check.cause}"
        for check in checks
        if check.verdict is not Verdict.WITHIN
    ]


def refuses_other_widths(kernel: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the kernel with its shapes checked."""

    def checked(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if x.shape[-1] != weight.shape[1]:
            raise ValueError("widths differ")
        return kernel(x, weight, bias)

    return checked


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", CORRECT_KERNELS, ids=lambda k: k.__name__)
@pytest.mark.sampled(3)
def test_correct_kernels_are_within(kernel: Callable[..., Tensor], dtype: str) -> None:
    """Ways to compute a linear layer that the faulty ones resemble."""
    for width in (16, 50, 256):
        plan = layer_plan(refuses_other_widths(kernel), "kernel", width, dtype, OUT_FEATURES)
        assert not_within(carried_out(plan).checks) == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_torchs_layer_is_within(dtype: str) -> None:
    """nn.Linear, made by a factory, its initialisation judged as well."""
    for width in (16, 256):
        plan = layer_plan(nn.Linear, "factory", width, dtype, 48)
        assert not_within(carried_out(plan).checks) == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", CORRECT, ids=lambda rule: rule.like)
def test_correct_optimizers_are_within(rule: type[Rule], dtype: str) -> None:
    """The hand-written optimizers in which faults are planted."""
    assert not_within(carried_out(optimizer_plan(rule, dtype)).checks) == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
def test_correct_loops_are_within(loss: str, dtype: str) -> None:
    """The recorded training in which faults are planted."""
    for width in WIDTHS:
        steps = list(Run(width, dtype=dtype, loss_name=loss).steps(as_it_should_be))
        assert not_within(operations_of(check_steps(steps))) == []
        for step in steps:
            assert not_within(carried_out(plan_step(claimed(step))).checks) == []

"""Somebody's own linear layer: the plan of its conformance suite."""

from __future__ import annotations

from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.verification.batches import batch_checks
from fcinspect.verification.check import Plan
from fcinspect.verification.contract import contract_checks
from fcinspect.verification.initial_law import initialisation_checks
from fcinspect.verification.layer import FAMILIES, left_out
from fcinspect.verification.setting import Setting
from fcinspect.verification.subject import Subject


def plan_implementation(
    subject: Subject,
    in_features: int,
    out_features: int,
    bias: bool,
    dtype: str,
    arithmetic: DotArithmetic,
    not_exercised: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Plan:
    """Return contract, exact probes, fingerprint, random signs, gradients, batches, initialisation.

    A ready module keeps its parameters: checks that need others are listed as not exercised.
    """
    setting = Setting(subject, in_features, out_features, bias, dtype, arithmetic)
    families = [
        made
        for family in FAMILIES
        for made in family(subject, in_features, out_features, bias, dtype, arithmetic)
    ]
    checks = (
        *contract_checks(setting),
        *families,
        *batch_checks(setting),
        *initialisation_checks(setting),
    )
    left = [*left_out(subject, in_features, out_features, arithmetic), *not_exercised]
    if subject.kind != "factory":
        left.append(f"initialisation: a {subject.kind} makes no layers")
    return Plan("implementation", subject.words, checks, tuple(left), notes)

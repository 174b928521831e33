"""The plans of a linear layer's verification: torch's own nn.Linear, and somebody's own layer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.verification.check import Check, Plan, Planned
from fcinspect.verification.contract import batch_checks, contract_checks
from fcinspect.verification.gradients import gradient_checks
from fcinspect.verification.initial_law import initialisation_checks
from fcinspect.verification.output import Claim
from fcinspect.verification.probes import exact_probes, fingerprint
from fcinspect.verification.signs import applies, random_sign_tests
from fcinspect.verification.subject import (
    MOST_COLUMNS,
    MOST_WEIGHTS,
    LayerCall,
    LayerSubject,
    Setting,
)


def plan_layer(
    subject: LayerSubject,
    layer: LinearLayer,
    x: Array,
    arithmetic: DotArithmetic,
    not_exercised: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Plan:
    """Return all families of checks, and the check of the output for x, (*batch, in_features)."""
    n, out, dtype = layer.in_features, layer.out_features, layer.dtype
    setting = Setting(subject, n, out, layer.bias is not None, dtype, arithmetic)
    own = Planned("data/output", partial(_output, subject, layer, x, arithmetic))
    left = (*_left_out(setting), *not_exercised)
    return Plan("layer", subject.words, (*family_checks(setting), own), left, notes)


def plan_implementation(
    subject: LayerSubject,
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
    checks = (
        *contract_checks(setting),
        *family_checks(setting),
        *batch_checks(setting),
        *initialisation_checks(setting),
    )
    left = [*_left_out(setting), *not_exercised]
    if subject.kind != "factory":
        left.append(f"initialisation: a {subject.kind} creates no layers")
    return Plan("implementation", subject.words, checks, tuple(left), notes)


def family_checks(setting: Setting) -> Iterator[Planned]:
    """Yield the checks that every linear layer is put through, in order."""
    for family in (exact_probes, fingerprint, random_sign_tests, gradient_checks):
        yield from family(setting)


def _left_out(setting: Setting) -> tuple[str, ...]:
    subject, said = setting.subject, []
    in_features, out_features = setting.in_features, setting.out_features
    if in_features > MOST_COLUMNS:
        said.append(f"one weight at a time: {MOST_COLUMNS} of {in_features} inputs are tested")
    if in_features * out_features > MOST_WEIGHTS:
        fewer = setting.fewer_outputs(in_features)
        tested = f"{fewer} of {out_features} outputs are tested"
        said.append(f"other widths, random signs and gradients: {tested}")
    if subject.kind == "module":
        said.append("weights other than the module's own, and with them its accumulator")
    if not applies(setting.arithmetic):
        said.append("random signs beyond the bound: declared truncation or splits bias the errors")
    if not subject.differentiable:
        said.append("gradients: the layer returns none")
    return tuple(said)


def _output(
    subject: LayerSubject, layer: LinearLayer, x: Array, arithmetic: DotArithmetic
) -> Check:
    output = subject.call(LayerCall(x, layer.weight, layer.bias)).output
    if output.shape != (*x.shape[:-1], layer.out_features):
        raise Misbehaved(f"the result has shape {output.shape} for x of shape {x.shape}")
    return Claim(x, layer.weight, layer.bias, output, arithmetic).check("data/output")

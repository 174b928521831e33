"""torch's own nn.Linear on this machine: the plan of its verification."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.verification.check import Check, Plan, Planned
from fcinspect.verification.claim import Claim
from fcinspect.verification.fingerprint import fingerprint
from fcinspect.verification.gradients import gradient_checks
from fcinspect.verification.probes import exact_probes
from fcinspect.verification.setting import MOST_COLUMNS, MOST_WEIGHTS
from fcinspect.verification.signs import applies, random_sign_tests
from fcinspect.verification.subject import Call, Subject

Planner = Callable[[Subject, int, int, bool, str, DotArithmetic], tuple[Planned, ...]]

FAMILIES: tuple[Planner, ...] = (exact_probes, fingerprint, random_sign_tests, gradient_checks)
"""What every linear layer is put through, in order."""


def plan_layer(
    subject: Subject,
    layer: LinearLayer,
    x: Array,
    arithmetic: DotArithmetic,
    not_exercised: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Plan:
    """Return the checks of a layer of these numbers: all families, and its own output for x.

    x is (*batch, in_features).
    """
    n, out, dtype = layer.in_features, layer.out_features, layer.dtype
    bias = layer.bias is not None
    planned = [
        made for family in FAMILIES for made in family(subject, n, out, bias, dtype, arithmetic)
    ]
    own = Planned("data/output", partial(_output, subject, layer, x, arithmetic))
    return Plan(
        "layer",
        subject.words,
        (*planned, own),
        (*left_out(subject, n, out, arithmetic), *not_exercised),
        notes,
    )  # fmt: skip


def left_out(
    subject: Subject, in_features: int, out_features: int, arithmetic: DotArithmetic
) -> tuple[str, ...]:
    """Return what the families do not look at in a layer of these widths."""
    said = []
    if in_features > MOST_COLUMNS:
        said.append(f"one weight at a time: {MOST_COLUMNS} of {in_features} inputs are sent")
    if in_features * out_features > MOST_WEIGHTS:
        fewer = max(1, MOST_WEIGHTS // in_features)
        said.append(f"other widths, random signs and gradients: {fewer} of {out_features} outputs")
    if subject.kind == "module":
        said.append("other weights than the module's own, and with them its accumulator")
    if not applies(arithmetic):
        said.append("random signs beyond the bound: declared truncation or splits lean to one side")
    if not subject.differentiable:
        said.append("gradients: the layer gives none")
    return tuple(said)


def _output(subject: Subject, layer: LinearLayer, x: Array, arithmetic: DotArithmetic) -> Check:
    call = Call(x, layer.weight, layer.bias)
    output = subject.call(call).output
    if output.shape != (*x.shape[:-1], layer.out_features):
        raise Misbehaved(f"the result has shape {output.shape} for x of shape {x.shape}")
    claim = Claim(x, layer.weight, layer.bias, output, arithmetic)
    return claim.check("data/output")

"""fcinspect verify implementation: a conformance suite for somebody's own linear layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.module import Code, arguments_of, say_that_code_runs
from fcinspect.cli.options import Bias, choice, dtype_option, option, timeout_option, whole_number
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.cli.verify import Accumulate, Checks, Device, carry_out
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.bridge.hosted import Hosted
    from fcinspect.verification.check import Plan

KINDS = ("module", "factory", "kernel")
WIDTHS = (64, 48)
"""in_features and out_features where none are given."""


@dataclass(frozen=True)
class ImplementationOptions:
    """Somebody's layer, how it is made, and how its sums are formed."""

    code: Code
    kind: Annotated[
        str | None,
        choice(
            "--kind KIND",
            "What the object is, where it cannot be told: module, factory (in_features,"
            " out_features, bias), or kernel (input, weight, bias).",
            KINDS,
        ),
    ] = None
    in_features: Annotated[
        int | None, option("--in N", "in_features, else 64.", whole_number(1))
    ] = None
    out_features: Annotated[
        int | None, option("--out M", "out_features, else 48.", whole_number(1))
    ] = None
    bias: Bias = None
    dtype: Annotated[
        str | None,
        dtype_option("float32 (default; a ready module's own), float64, bfloat16 or float16."),
    ] = None
    accumulate: Accumulate = None
    device: Device = "cpu"
    arg: Annotated[
        list[str] | None, option("--arg NAME=VALUE", "A further argument of the factory.")
    ] = None
    timeout: Annotated[float, timeout_option("one call of the code")] = 10.0

    def asked(self) -> dict[str, Any]:
        """Return the options, for the report."""
        return {**vars(self), "bias": self.bias is not False, "arg": self.arg or None}

    def plan(self, subject: Hosted) -> Plan:
        """Return the checks; raises UsageError for widths that a ready module has not."""
        from fcinspect.bridge.linear import version
        from fcinspect.rounding.accumulation import arithmetic_of, parse_accumulate
        from fcinspect.verification.implementation import plan_implementation

        found = subject.description
        n, out = _widths(subject, self.in_features, self.out_features)
        bias = found.bias if found.kind == "module" else self.bias is not False
        how = self.accumulate
        arithmetic = parse_accumulate(how, found.dtype) if how else arithmetic_of(found.dtype)
        what = {
            "kernel": f"a function on {subject.takes} numbers",
            "factory": "a maker of modules",
            "module": "a ready module",
        }[found.kind]
        shape = f"{n} inputs, {out} outputs{'' if bias else ', no bias'}"
        left = (f"devices other than {self.device}", f"widths far from {n} and {out}")
        notes = (f"{what}; {shape}; {version()}", arithmetic.words)
        return plan_implementation(subject, n, out, bias, found.dtype, arithmetic, left, notes)


def implementation(
    options: ImplementationOptions, checks: Checks = None, *, output: Annotated[Output, Writes()]
) -> ExitStatus:
    """Check your own linear layer, kernel or module.

    Its contract, inputs on which floating point is exact, the accumulator's digits, random signs,
    gradients, batches and initialisation. This executes the code you name.
    """
    from fcinspect.bridge.hosted import Hosted
    from fcinspect.bridge.linear import require_device
    from fcinspect.bridge.loading import require_there
    from fcinspect.rounding.accumulation import parse_accumulate

    code, dtype, device = options.code, options.dtype, options.device
    arguments = arguments_of(options.arg or [])
    require_device(device)
    if options.accumulate:
        parse_accumulate(options.accumulate, dtype or "float32")
    require_there(code)
    say_that_code_runs(code, output)
    subject = Hosted(code, options.kind, dtype, device, arguments, options.timeout)
    try:
        return carry_out(options.plan(subject), checks, options.asked(), output)
    finally:
        subject.close()


def _widths(subject: Hosted, in_features: int | None, out_features: int | None) -> tuple[int, int]:
    found = subject.description
    if found.kind != "module":
        return in_features or WIDTHS[0], out_features or WIDTHS[1]
    widths = (found.in_features, found.out_features)
    given = (in_features, out_features)
    for flag, own, wanted in zip(("--in", "--out"), widths, given, strict=True):
        if own is not None and wanted is not None and own != wanted:
            raise UsageError(f"{flag} {wanted}: the ready module {subject.words} has {own}")
    n, out = (own if own is not None else wanted for own, wanted in zip(widths, given, strict=True))
    if n is None or out is None:
        raise UsageError(
            f"the ready module {subject.words} does not tell its widths: give --in and --out"
        )
    return n, out

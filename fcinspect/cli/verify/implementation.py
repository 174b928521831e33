"""fcinspect verify implementation: a conformance suite for somebody's own linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.module import Code, arguments_of, say_that_code_runs
from fcinspect.cli.options import Bias, choice, dtype_option, option, timeout_option
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import whole_number
from fcinspect.cli.verify.carry_out import Accumulate, Checks, Device, carry_out
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.bridge.hosted import Hosted

KINDS = ("module", "factory", "kernel")
WIDTHS = (64, 48)
"""in_features and out_features where none are given."""


def implementation(
    code: Code,
    kind: Annotated[
        str | None,
        choice(
            "--kind",
            "KIND",
            "What the object is, where it cannot be told: module, factory (in_features,"
            " out_features, bias), or kernel (input, weight, bias).",
            KINDS,
        ),
    ] = None,
    in_features: Annotated[
        int | None, option("--in", "N", "in_features, else 64.", whole_number(1))
    ] = None,
    out_features: Annotated[
        int | None, option("--out", "M", "out_features, else 48.", whole_number(1))
    ] = None,
    bias: Bias = None,
    dtype: Annotated[
        str | None,
        dtype_option("float32 (default; a ready module's own), float64, bfloat16 or float16."),
    ] = None,
    accumulate: Accumulate = None,
    device: Device = "cpu",
    arg: Annotated[
        list[str] | None,
        option("--arg", "NAME=VALUE", "A further argument of the factory."),
    ] = None,
    timeout: Annotated[float, timeout_option("one call of the code")] = 10.0,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check your own linear layer, kernel or module.

    Its contract, inputs on which floating point is exact, the accumulator's digits, random signs,
    gradients, batches and initialisation. This executes the code you name.
    """
    with_bias = bias is not False
    arguments = arguments_of(arg or [])
    asked: dict[str, Any] = {
        "code": code,
        "kind": kind,
        "in_features": in_features,
        "out_features": out_features,
        "bias": with_bias,
        "dtype": dtype,
        "accumulate": accumulate,
        "device": device,
        "arg": arg or None,
        "timeout": timeout,
    }
    from fcinspect.bridge.hosted import Hosted
    from fcinspect.bridge.linear import require_device, version
    from fcinspect.bridge.loading import require_there
    from fcinspect.rounding.accumulation import arithmetic_of, parse_accumulate
    from fcinspect.verification.implementation import plan_implementation

    require_device(device)
    if accumulate:
        parse_accumulate(accumulate, dtype or "float32")
    require_there(code)
    say_that_code_runs(code, output)
    subject = Hosted(code, kind, dtype, device, arguments, timeout)
    try:
        found = subject.description
        n, out = _widths(subject, in_features, out_features)
        with_bias = found.bias if found.kind == "module" else with_bias
        name = found.dtype
        arithmetic = parse_accumulate(accumulate, name) if accumulate else arithmetic_of(name)
        what = {
            "kernel": f"a function on {subject.takes} numbers",
            "factory": "a maker of modules",
            "module": "a ready module",
        }[found.kind]
        shape = f"{n} inputs, {out} outputs{'' if with_bias else ', no bias'}"
        plan = plan_implementation(
            subject, n, out, with_bias, name, arithmetic,
            (f"devices other than {device}", f"widths far from {n} and {out}"),
            (f"{what}; {shape}; {version()}", arithmetic.words),
        )  # fmt: skip
        return carry_out(plan, checks, asked, output)
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

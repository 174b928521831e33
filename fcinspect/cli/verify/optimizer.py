"""fcinspect verify optimizer: somebody's optimizer, or torch's own, against its rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fcinspect.arithmetic.settings import OPTIMIZER_NAMES
from fcinspect.cli.code import say_that_code_runs, timeout_option
from fcinspect.cli.options import Dtype, Output
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.step_options import OptimizerOptions
from fcinspect.cli.values import completion_of, one_of
from fcinspect.cli.verify.carry_out import Checks, carry_out
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.verification.check import Plan

OWN = "torch"


@dataclass(frozen=True)
class RuleOptions(OptimizerOptions):
    """The rule that the optimizer should follow, and its hyperparameters."""

    optimizer: Annotated[
        str,
        typer.Option(
            "--like",
            parser=one_of("like", OPTIMIZER_NAMES),
            autocompletion=completion_of(OPTIMIZER_NAMES),
            metavar="NAME",
            help="The rule it should follow: " + ", ".join(OPTIMIZER_NAMES) + ".",
        ),
    ] = "sgd"


def optimizer(
    code: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:OBJECT|torch",
            help="package.module:Class or file.py:Class; this code is executed. torch stands for"
            " torch.optim's own class.",
        ),
    ],
    rule: RuleOptions,
    dtype: Dtype = "float32",
    fused: Annotated[bool, typer.Option("--fused", help="torch: its fused kernel.")] = False,
    foreach: Annotated[
        bool, typer.Option("--foreach", help="torch: its kernel for lists of tensors.")
    ] = False,
    timeout: Annotated[float, timeout_option("one call of the code")] = 10.0,
    checks: Checks = None,
    *,
    output: Output,
) -> ExitStatus:
    """Check an optimizer's steps against its rule.

    Exact probes, several steps under several options with a bound on each update, the caller's
    arrays and the state. Unless it is torch's own, this executes the code you name.
    """
    if (fused or foreach) and code != OWN:
        raise UsageError("--fused and --foreach choose torch's own kernels: expected torch")
    if fused and foreach:
        raise UsageError("--fused and --foreach exclude each other")
    chosen = rule.chosen()
    asked: dict[str, Any] = {
        "code": code, "dtype": dtype, "fused": fused, "foreach": foreach, "timeout": timeout,
        **rule.asked(),
    }  # fmt: skip
    if code != OWN:
        from fcinspect.bridge.loading import require_there

        require_there(code)
        say_that_code_runs(code, output)

    from fcinspect.verification.optimizer import plan_optimizer
    from fcinspect.verification.optimizer_subject import OptimizerSubject

    def planned(subject: OptimizerSubject) -> Plan:
        note = f"held against {chosen.call} and variations, in {dtype}"
        return plan_optimizer(subject, chosen, dtype, ("other devices than cpu",), (note,))

    if code == OWN:
        from fcinspect.bridge.linear import version
        from fcinspect.bridge.optimizer_host import torch_optimizer

        own = torch_optimizer(chosen.name, fused=fused, foreach=foreach)
        own.words = f"{own.words}, of {version()}"
        return carry_out(planned(own), checks, asked, output)

    from fcinspect.bridge.optimizer_host import HostedOptimizer

    subject = HostedOptimizer(code, timeout)
    try:
        return carry_out(planned(subject), checks, asked, output)
    finally:
        subject.close()

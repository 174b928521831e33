"""fcinspect verify optimizer: somebody's optimizer, or torch's own, against its rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
GUESSED = "auto"


@dataclass(frozen=True)
class RuleOptions(OptimizerOptions):
    """The rule that the optimizer should follow, and its hyperparameters."""

    optimizer: Annotated[
        str,
        typer.Option(
            "--like",
            parser=one_of("like", (GUESSED, *OPTIMIZER_NAMES)),
            autocompletion=completion_of((GUESSED, *OPTIMIZER_NAMES)),
            metavar="NAME",
            help="The rule it should follow: "
            + ", ".join(OPTIMIZER_NAMES)
            + "; auto guesses it from the name of the class or of its base, sgd for torch.",
        ),
    ] = GUESSED

    def of(self, code: str) -> tuple[RuleOptions, str | None]:
        """Return the rule that the code should follow, and how it was guessed if it was.

        Raises UsageError where neither --like nor a name tells it.
        """
        if self.optimizer != GUESSED:
            return self, None
        if code == OWN:
            return replace(self, optimizer="sgd"), None
        from fcinspect.cli.verify.guessed_rule import guessed_rule

        name, why = guessed_rule(code)
        return replace(self, optimizer=name), f"--like {name} is guessed from {why}"


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
    if code != OWN:
        from fcinspect.bridge.loading import require_there

        require_there(code)
    rule, guess = rule.of(code)
    chosen = rule.chosen()
    asked: dict[str, Any] = {
        "code": code, "dtype": dtype, "fused": fused, "foreach": foreach, "timeout": timeout,
        **rule.asked(),
    }  # fmt: skip
    if code != OWN:
        say_that_code_runs(code, output)

    from fcinspect.verification.optimizer import plan_optimizer
    from fcinspect.verification.optimizer_subject import OptimizerSubject

    def planned(subject: OptimizerSubject) -> Plan:
        note = f"held against {chosen.call} and variations, in {dtype}"
        notes = (note,) if guess is None else (note, guess)
        return plan_optimizer(subject, chosen, dtype, ("other devices than cpu",), notes)

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

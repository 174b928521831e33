"""fcinspect verify optimizer: somebody's optimizer, or torch's own, against its rule."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.arithmetic.settings import OPTIMIZER_NAMES
from fcinspect.cli.module import say_that_code_runs
from fcinspect.cli.options import Dtype, OptimizerOptions, argument, choice, switch, timeout_option
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.cli.verify import Checks, carry_out
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.verification.check import Plan

OWN = "torch"
GUESSED = "auto"
OTHERS = re.compile(r"[nr]adam|adamax|sparseadam|adam8|ada(delta|factor|bound|belief)")
"""Names of rules that are not checked here, though they hold the name of one that is."""


@dataclass(frozen=True)
class RuleOptions(OptimizerOptions):
    """The rule that the optimizer should follow, and its hyperparameters."""

    optimizer: Annotated[
        str,
        choice(
            "--like NAME",
            f"The rule it should follow: {', '.join(OPTIMIZER_NAMES)}; auto guesses it from the"
            " name of the class or of its base, sgd for torch.",
            (GUESSED, *OPTIMIZER_NAMES),
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
        name, why = guessed_rule(code)
        return replace(self, optimizer=name), f"--like {name} is guessed from {why}"


def optimizer(
    code: Annotated[
        str,
        argument(
            "MODULE:OBJECT|torch",
            "package.module:Class or file.py:Class; this code is executed. torch stands for"
            " torch.optim's own class.",
        ),
    ],
    rule: RuleOptions,
    dtype: Dtype = "float32",
    fused: Annotated[bool, switch("--fused", "torch: its fused kernel.")] = False,
    foreach: Annotated[
        bool, switch("--foreach", "torch: its kernel for lists of tensors.")
    ] = False,
    timeout: Annotated[float, timeout_option("one call of the code")] = 10.0,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
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
        from fcinspect.bridge.hosted import torch_optimizer
        from fcinspect.bridge.linear import version

        own = torch_optimizer(chosen.name, fused=fused, foreach=foreach)
        own.words = f"{own.words}, of {version()}"
        return carry_out(planned(own), checks, asked, output)

    from fcinspect.bridge.hosted import HostedOptimizer

    subject = HostedOptimizer(code, timeout)
    try:
        return carry_out(planned(subject), checks, asked, output)
    finally:
        subject.close()


def guessed_rule(code: str) -> tuple[str, str]:
    """Return the rule that MODULE:OBJECT is named after, and the name that says so.

    The source is read and not run. Raises UsageError where names say nothing, or several things.
    """
    name = code.rpartition(":")[2]
    found = {
        rule: why
        for why, words in (*_bases(code), (f"the name {name}", name))
        if (rule := rule_in(words)) is not None
    }
    rules = ", ".join(OPTIMIZER_NAMES)
    if not found:
        raise UsageError(f"the name of {code} does not say which rule it follows: --like {rules}")
    if len(found) > 1:
        said = " and ".join(f"{why} says {rule}" for rule, why in found.items())
        raise UsageError(f"the rule of {code} is not clear: {said}; --like {rules}")
    return next(iter(found.items()))


def rule_in(name: str) -> str | None:
    """Return the rule that a name holds, None for none and for rules that are not checked."""
    plain = name.lower().replace("_", "")
    if OTHERS.search(plain):
        return None
    found = {rule for rule in OPTIMIZER_NAMES if rule in plain}
    if "adamw" in found:  # which holds adam, too
        found.remove("adam")
    return found.pop() if len(found) == 1 else None


def _bases(code: str) -> list[tuple[str, str]]:
    """Return the bases of a class as its file names them, each with what it is in words."""
    place, _, name = code.rpartition(":")
    path = Path(place if place.endswith(".py") else place.replace(".", "/") + ".py")
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # what cannot be read is refused when it is loaded
    return [
        (f"its base class {ast.unparse(base)}", ast.unparse(base).rpartition(".")[2])
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == name
        for base in node.bases
    ]

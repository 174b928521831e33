"""fcinspect verify step: was a recorded step taken as claimed?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.arithmetic.settings import LOSS_NAMES, OPTIMIZER_NAMES, Optimizer
from fcinspect.cli.options import (
    HiddenActivation,
    JsonDtype,
    LastActivation,
    OptimizerOptions,
    argument,
    choice,
    option,
    whole_number,
)
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.cli.verify import Checks, carry_out
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.checkpoints.step_file import StepFile


@dataclass(frozen=True)
class ClaimedOptions(OptimizerOptions):
    """The optimizer that is said to have taken the step; the file's own if none is given."""

    optimizer: Annotated[
        str | None,
        choice(
            "--optimizer NAME",
            f"{', '.join(OPTIMIZER_NAMES)}; where the file does not tell.",
            OPTIMIZER_NAMES,
        ),
    ] = None  # type: ignore[assignment]  # None: the file's own

    def claimed(self, file: StepFile) -> Optimizer:
        """Return the optimizer; raises UsageError where none is named, or two are."""
        from fcinspect.verification.claimed_step import told_optimizer

        told = None if file.optimizer is None else told_optimizer(file.optimizer, file.source)
        given = {k: v for k, v in asdict(self).items() if v not in (None, False)}
        if not given:
            if told is None:
                raise UsageError(
                    f"{file.source} does not tell the optimizer: expected --optimizer NAME --lr R"
                )
            return told
        if not self.optimizer:
            raise UsageError(f"--{next(iter(given)).replace('_', '-')} needs --optimizer NAME")
        chosen = self.chosen()
        if told is not None and chosen != told:
            raise UsageError(
                f"{chosen.call} is asked for, {file.source} tells {told.call}: expected one of them"
            )
        return chosen


def step(
    file: Annotated[
        str,
        argument(
            "FILE",
            "The output of step --json --full, or a .npz, .safetensors or .json file with"
            " NAME.before, NAME.grad and NAME.after of each parameter, and input and target if"
            " the gradients are to be checked; - for JSON on standard input.",
        ),
    ],
    optimizer: ClaimedOptions,
    number: Annotated[int | None, option("--step T", "Counted from 1.", whole_number(1))] = None,
    loss: Annotated[
        str | None,
        choice(
            "--loss NAME", f"{', '.join(LOSS_NAMES)}; where the file does not tell.", LOSS_NAMES
        ),
    ] = None,
    activation: HiddenActivation = None,
    output_activation: LastActivation = None,
    dtype: JsonDtype = None,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check a recorded training step.

    Was it taken as claimed, and if not, what was done instead?
    """
    from fcinspect.checkpoints.step_file import load_step_file
    from fcinspect.verification.claimed_step import claimed_step, plan_step

    held = load_step_file(file, dtype)
    chosen = optimizer.claimed(held)
    for flag, given, told in (("--step", number, held.number), ("--loss", loss, held.loss_name)):
        if given is not None and told is not None and given != told:
            raise UsageError(f"{flag} {given}: {held.source} tells {told}")
    counted = number or held.number or 1
    by_layer: Any = held.activations or (activation, output_activation)
    if held.activations and (activation or output_activation):
        raise UsageError(f"{held.source} tells the activations: --activation cannot change them")
    claim = claimed_step(
        held.source, chosen, counted, held.parameters, held.states, held.surroundings,
        loss or held.loss_name, by_layer, held.notes,
    )  # fmt: skip
    options = {k: list(v) if isinstance(v, tuple) else v for k, v in chosen.options.items()}
    asked: dict[str, Any] = {
        "file": file, "optimizer": chosen.name, **options, "step": counted, "loss": loss,
        "activation": activation, "output_activation": output_activation, "dtype": dtype,
    }  # fmt: skip
    return carry_out(plan_step(claim), checks, asked, output)

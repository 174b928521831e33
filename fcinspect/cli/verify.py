"""fcinspect verify: a verdict from derived bounds, and the name of the fault.

Here is what all verifications share, and those of files: output, step and example.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.arithmetic.settings import LOSS_NAMES, OPTIMIZER_NAMES, Optimizer
from fcinspect.cli.network import HiddenActivation, LastActivation, OptimizerOptions
from fcinspect.cli.options import JsonDtype, argument, choice, option, switch, whole_number
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.checkpoints.step_file import StepFile
    from fcinspect.verification.check import Plan

COMMANDS = ("layer", "implementation", "optimizer", "output", "step", "example")
"""In the order of the help."""

HELP = "Prove a layer, gradient or step correct, or name the fault."

Checks = Annotated[
    list[str] | None,
    option(
        "--checks NAMES",
        "Run only these checks: groups, names or patterns, separated by commas; list shows them.",
    ),
]
Accumulate = Annotated[
    str | None,
    option(
        "--accumulate HOW",
        "How sums are accumulated, if not as on a CPU: a format (float32), rz:K for truncation"
        " in blocks of K, tf32, split:P:FORMAT for P partial sums, ftz; separated by commas.",
    ),
]
Device = Annotated[
    str, option("--device NAME", "Device to compute on, as torch names it: cpu, cuda, mps.")
]


def carry_out(
    plan: Plan, checks: list[str] | None, asked: dict[str, Any], output: Output
) -> ExitStatus:
    """Make the checks of the plan that are chosen, and write the report."""
    from fcinspect.media.progress import tracked
    from fcinspect.reports.verify import view_of_plan, view_of_report
    from fcinspect.verification.check import carried_out

    names = [name.strip() for part in checks or () for name in part.split(",") if name.strip()]
    asked = {**asked, "checks": names or None}
    if names == ["list"]:
        return output.write(view_of_plan(plan, asked))
    report = carried_out(plan.chosen(names), lambda found: tracked(found, len(found), "checks"))
    return output.write(view_of_report(report, asked))


def output(
    file: Annotated[
        str,
        argument(
            "FILE",
            "A .npz, .safetensors or .json file, or - for JSON on standard input, with x (or"
            " input), W (weight), y (output), and optionally b (bias) and a second output y2; or"
            " the output of explain --json --full.",
        ),
    ],
    accumulate: Accumulate = None,
    layout: Annotated[
        str,
        choice(
            "--layout LAYOUT",
            "Axis order of the weight in the file: out,in as in torch; in,out as in Keras and"
            " GPT-2.",
            ("out,in", "in,out"),
        ),
    ] = "out,in",
    dtype: JsonDtype = None,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check a computed y = Wx + b.

    Report whether rounding explains the difference from the exact value, and if not, what could.
    """
    from fcinspect.checkpoints.claimed import load_claimed
    from fcinspect.verification.output import plan_of

    claimed = load_claimed(file, dtype)
    plan = plan_of(claimed.arrays, claimed.source, layout, accumulate, claimed.readings)
    left = tuple(f"{name!r}: not one of x, W, b, y, y2" for name in claimed.others)
    plan = replace(plan, notes=(*plan.notes, *claimed.notes), not_exercised=left)
    asked = {"file": file, "accumulate": accumulate, "layout": layout, "dtype": dtype}
    return carry_out(plan, checks, asked, output)


@dataclass(frozen=True)
class ClaimedOptions(OptimizerOptions):
    """The optimizer that is claimed to have taken the step; the file's own if none is given."""

    optimizer: Annotated[
        str | None,
        choice(
            "--optimizer NAME",
            f"{', '.join(OPTIMIZER_NAMES)}; if the file does not name one.",
            OPTIMIZER_NAMES,
        ),
    ] = None  # type: ignore[assignment]  # None: the file's own

    def claimed(self, file: StepFile) -> Optimizer:
        """Return the optimizer; raises UsageError where none is named, or two are."""
        from fcinspect.verification.claimed_step import told_optimizer

        told = None if file.optimizer is None else told_optimizer(file.optimizer, file.source)
        given = {k: v for k, v in vars(self).items() if v not in (None, False)}
        if not given:
            if told is None:
                raise UsageError(
                    f"{file.source} does not name the optimizer: expected --optimizer NAME --lr R"
                )
            return told
        if not self.optimizer:
            raise UsageError(f"--{next(iter(given)).replace('_', '-')} needs --optimizer NAME")
        chosen = self.chosen()
        if told is not None and chosen != told:
            raise UsageError(
                f"the options name {chosen.call}, but {file.source} names {told.call}: expected the"
                " same"
            )
        return chosen


@dataclass(frozen=True)
class RecordedStep:
    """What else is claimed about the step."""

    step: Annotated[
        int | None, option("--step T", "Number of the step, counted from 1.", whole_number(1))
    ] = None
    loss: Annotated[
        str | None,
        choice(
            "--loss NAME", f"{', '.join(LOSS_NAMES)}; if the file does not name one.", LOSS_NAMES
        ),
    ] = None
    activation: HiddenActivation = None
    output_activation: LastActivation = None
    dtype: JsonDtype = None


def step(
    file: Annotated[
        str,
        argument(
            "FILE",
            "The output of step --json --full, or a .npz, .safetensors or .json file with"
            " NAME.before, NAME.grad and NAME.after of each parameter, and input and target to"
            " check the gradients; or - for JSON on standard input.",
        ),
    ],
    optimizer: ClaimedOptions,
    said: RecordedStep,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check a recorded training step.

    Report whether it was taken as claimed, and if not, what was done instead.
    """
    from fcinspect.checkpoints.step_file import load_step_file
    from fcinspect.verification.claimed_step import claimed_step, plan_step

    held = load_step_file(file, said.dtype)
    chosen = optimizer.claimed(held)
    pairs = (("--step", said.step, held.number), ("--loss", said.loss, held.loss_name))
    for flag, given, told in pairs:
        if given is not None and told is not None and given != told:
            raise UsageError(f"{flag} {given}: {held.source} says {told}")
    number, loss = said.step or held.number or 1, said.loss or held.loss_name
    asked = (said.activation, said.output_activation)
    by_layer: Any = held.activations or asked
    if held.activations and any(asked):
        raise UsageError(f"{held.source} names the activations: --activation cannot change them")
    claim = claimed_step(
        held.source, chosen, number, held.parameters, held.states, held.surroundings, loss,
        by_layer, held.notes,
    )  # fmt: skip
    options = {"file": file, "optimizer": chosen.name, **chosen.options, **vars(said)}
    return carry_out(plan_step(claim), checks, {**options, "step": number}, output)


def example(
    file: Annotated[
        str | None,
        argument(
            "FILE|NAME",
            "A .json file, - for JSON on standard input, or part of the name of an example"
            " that --list shows, such as mazur. A file has layers, input and printed, and target,"
            " loss and optimizer if gradients or a step are printed; numbers are strings such as"
            ' "0.150".',
        ),
    ] = None,
    listed: Annotated[
        bool, switch("--list", "List the examples that come with fcinspect.")
    ] = False,
    template: Annotated[
        bool, switch("--template", "Print a file to start from, with correct numbers.")
    ] = False,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check a published worked example.

    Each printed number is consistent, explained by rounded intermediates, or wrong. For a wrong
    number, the right value is shown, and the slip that explains it, if one is known.
    """
    _require_one_wish(file, listed=listed, template=template, checks=checks)
    if listed:
        from fcinspect.reports.verify import view_of_examples
        from fcinspect.verification.examples.shipped import shipped

        return output.write(view_of_examples(shipped(), {"list": True}))
    if template:
        from fcinspect.verification.examples.shipped import template_text

        return output.write_as_it_is(template_text(), "--template prints a file")
    from fcinspect.verification.example import plan_of

    assert file is not None
    return carry_out(plan_of(*_document(file)), checks, {"file": file}, output)


def _require_one_wish(
    file: str | None, *, listed: bool, template: bool, checks: list[str] | None
) -> None:
    wishes = [name for name, given in (("--list", listed), ("--template", template)) if given]
    if file is not None:
        wishes.insert(0, repr(file))
    if not wishes:
        raise UsageError(
            "FILE is missing: expected a .json file, - or the name of an example",
            "--list shows the examples that come with fcinspect, --template a file to start from",
        )
    if wishes[1:]:
        raise UsageError(f"{' and '.join(wishes)} cannot be combined: expected one of them")
    if checks and file is None:
        raise UsageError(f"--checks selects checks of an example, but {wishes[0]} runs none")


def _document(file: str) -> tuple[Any, str]:
    """Return the JSON of a file, or of the shipped example of that name, and its source."""
    from fcinspect.checkpoints.paths import is_file
    from fcinspect.verification.examples.shipped import shipped_named

    if file != "-" and not is_file(file) and not set(file) & set("./\\:"):
        found = shipped_named(file)
        return found.document, found.source
    from fcinspect.checkpoints.formats.json_array import parse
    from fcinspect.cli.inputs import json_text

    text, source = json_text(file)
    return parse(text, source, "a worked example"), source

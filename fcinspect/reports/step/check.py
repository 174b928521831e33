"""The check of a training step in words, and its loss by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcinspect.arithmetic.optimizers import STATE_SYMBOLS
from fcinspect.page import text
from fcinspect.page.blocks import VERDICT_ROLES, Block, Column, Line, Table, of_words
from fcinspect.reports.step.update import symbols, working_of
from fcinspect.rounding.verdict import Verdict, overall

if TYPE_CHECKING:
    from fcinspect.verification.check import Check
    from fcinspect.verification.step import StepReport

MOST_STEPS = 12
MOST_DETAILS = 12

WORDS = {
    "pre_activation": "z",
    "activation": "a",
    "loss": "loss",
    "output.grad": "∂L/∂y",
    "grad_output": "G",
    "weight.grad": "∂L/∂W",
    "bias.grad": "∂L/∂b",
    "grad_input": "∂L/∂x",
    "handovers": "hand-overs",
    "weight.update": "weight update",
    "bias.update": "bias update",
    "pre_activation after the step": "z afterwards",
    "activation after the step": "a afterwards",
    "loss after the step": "loss afterwards",
}


def check_blocks(report: StepReport) -> list[Block]:
    """Return the table of verdicts by kind of operation, what is not within, and the sentence."""
    groups = text.grouped((_kind(check, report), check) for check in report.checks)
    numbers = map(Column, ("numbers", "of bound"))
    columns = (*of_words("computed", "closed form"), *numbers, *of_words("verdict"))
    rows = tuple(_row(kind, checks, report) for kind, checks in groups.items())
    blocks: list[Block] = [
        Line.of(
            "Each operation is compared with its closed form on the same inputs; the bound is what"
            " rounding can explain."
        ),
        Table(columns, rows, indent=2, caption="Checks by kind of operation"),
    ]
    failed = [check for check in report.checks if check.verdict is not Verdict.WITHIN]
    for check in failed[:MOST_DETAILS]:
        judged = (f"{check.verdict}: ", VERDICT_ROLES[check.verdict])
        blocks.append(Line.of(judged, f"{check.name}: {check.sentence}"))
    if len(failed) > MOST_DETAILS:
        blocks.append(Line.of(f"showing {MOST_DETAILS} of {len(failed)} findings"))
    verdict = report.verdict
    words = {
        Verdict.WITHIN: "Within bound: rounding explains every difference in all"
        f" {len(report.checks)} operations.",
        Verdict.OUTSIDE: "Outside bound: rounding does not explain the computed numbers.",
        Verdict.UNDECIDED: "Undecided: numbers that are not finite cannot be checked.",
    }
    return [*blocks, *_earlier(report), Line.of((words[verdict], VERDICT_ROLES[verdict]))]


def history(losses: Sequence[float], precision: int, most: int = MOST_STEPS) -> Table:
    """Return the table of the loss by step, the middle left out when it is over `most`."""
    count, half = len(losses), most // 2
    written = text.numbers(losses, precision)
    rows = [("before", written[0], "")]
    for place in range(1, count):
        rows.append((f"after {place}", written[place], change(losses, place, precision)))
    if count > most:
        rows[half : count - half + 1] = [("⋮", f"showing {most - 1} of {count:,}", "")]
    columns = (Column("step", right=False), Column("loss", "output"), Column("change"))
    return Table(columns, tuple(rows), indent=2, caption="Loss by step")


def change(losses: Sequence[float], place: int, precision: int) -> str:
    """Write by how much a loss differs from the one before."""
    difference = losses[place] - losses[place - 1]
    written = text.number(difference, precision)
    return written if written.startswith("-") else f"+{written}"


def _kind(check: Check, report: StepReport) -> str:
    """Return the check's name without its layer's."""
    for layer in report.last.layers:
        if check.name.startswith(f"{layer.name}."):
            return check.name.removeprefix(f"{layer.name}.")
    return check.name


def _row(kind: str, checks: list[Check], report: StepReport) -> tuple[str, ...]:
    verdict = overall(check.verdict for check in checks)
    numbers = sum(check.elements for check in checks)
    worst = max(check.max_ratio or 0.0 for check in checks)
    used = text.share(worst) if numbers and verdict is not Verdict.UNDECIDED else "–"
    formula = _formula(kind, checks[0], report)
    return (WORDS.get(kind, kind), formula, text.count(numbers), used, str(verdict))


def _formula(kind: str, check: Check, report: StepReport) -> str:
    """Return the closed form of a kind of operation, the same for all layers."""
    if kind.startswith("activation"):
        return "φ(z)"
    if kind == "grad_output":
        return "∂L/∂a ⊙ φ′(z)"
    if kind == "handovers":
        return "the same, bit for bit"
    working = {line.name: symbols(line.formula) for line in working_of(report.last)}
    name = kind.split(".")[-1]
    name = STATE_SYMBOLS.get(name, name)
    return working.get(name) or check.detail.split(" = ", 1)[-1]


def _earlier(report: StepReport) -> list[Block]:
    steps = len(report.losses) - 2
    if steps < 1:
        return []
    verdict = (str(report.earlier_verdict), VERDICT_ROLES[report.earlier_verdict])
    which = "step 1" if steps == 1 else f"steps 1 to {steps}"
    said = (f"step {one.step}: {one.check.name}: {one.check.sentence}" for one in report.earlier)
    lines = (Line.of(words, indent=2) for words in said)
    return [Line.of(f"{which}, checked the same way: ", verdict), *lines]

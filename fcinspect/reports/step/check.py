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
    blocks: list[Block] = [
        Line.of(
            "Each operation, on the numbers that entered it, against its closed form; the bound is"
            " what rounding can explain."
        ),
        Table(
            columns,
            tuple(_row(kind, checks, report) for kind, checks in groups.items()),
            indent=2,
            caption="The check of each kind of operation",
        ),
    ]
    failed = [check for check in report.checks if check.verdict is not Verdict.WITHIN]
    blocks += [
        Line.of(
            (f"{check.verdict}: ", VERDICT_ROLES[check.verdict]), f"{check.name}: {check.sentence}"
        )
        for check in failed[:MOST_DETAILS]
    ]
    if len(failed) > MOST_DETAILS:
        blocks.append(Line.of(f"showing {MOST_DETAILS} of {len(failed)} findings"))
    blocks += _earlier(report)
    blocks.append(_sentence(report))
    return blocks


def history(losses: Sequence[float], precision: int, most: int = MOST_STEPS) -> Table:
    """Return the table of the loss by step, the middle left out when it is over `most`."""
    count = len(losses)
    places = list(range(count))
    if count > most:
        half = most // 2
        places = [*range(half), -1, *range(count - half + 1, count)]
    written = text.numbers(losses, precision)
    rows = []
    for place in places:
        if place < 0:
            rows.append(("⋮", f"showing {most - 1} of {count:,}", ""))
            continue
        step = "before" if place == 0 else f"after {place}"
        rows.append((step, written[place], change(losses, place, precision) if place else ""))
    return Table(
        (Column("step", right=False), Column("loss", "output"), Column("change")),
        tuple(rows),
        indent=2,
        caption="Loss by step",
    )


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
    role = VERDICT_ROLES[report.earlier_verdict]
    which = "step 1" if steps == 1 else f"steps 1 to {steps}"
    blocks: list[Block] = [
        Line.of(f"{which}, checked in the same way: ", (str(report.earlier_verdict), role))
    ]
    blocks += [
        Line.of(f"step {found.step}: {found.check.name}: {found.check.sentence}", indent=2)
        for found in report.earlier
    ]
    return blocks


def _sentence(report: StepReport) -> Line:
    verdict = report.verdict
    count = len(report.checks)
    words = {
        Verdict.WITHIN: f"Within bound: rounding explains every difference in all {count}"
        " operations.",
        Verdict.OUTSIDE: "Outside bound: rounding does not explain what was computed.",
        Verdict.UNDECIDED: "Undecided: numbers that are not finite cannot be checked.",
    }
    return Line.of((words[verdict], VERDICT_ROLES[verdict]))

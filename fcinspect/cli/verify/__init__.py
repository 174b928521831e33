"""fcinspect verify: a verdict from derived bounds, and the name of the fault.

What all verifications share stands here: choosing checks, progress, and the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.options import option
from fcinspect.cli.output import Output
from fcinspect.cli.system import ExitStatus

if TYPE_CHECKING:
    from fcinspect.verification.check import Plan, Planned

COMMANDS = ("layer", "implementation", "optimizer", "output", "step", "example")
"""In the order of the help; each is the function of that name in the module of that name."""

HELP = "Prove a layer, a gradient or a step right, or name the fault."

Checks = Annotated[
    list[str] | None,
    option(
        "--checks NAMES",
        "Make only these checks: groups, names or patterns, separated by commas; list shows them.",
    ),
]
Accumulate = Annotated[
    str | None,
    option(
        "--accumulate HOW",
        "How sums are formed, where not as on a CPU: a format (float32), rz:K for truncation"
        " in blocks of K, tf32, split:P:FORMAT for P partial sums, ftz; separated by commas.",
    ),
]
Device = Annotated[
    str, option("--device NAME", "torch's name of the device that computes: cpu, cuda, mps.")
]


def carry_out(
    plan: Plan, checks: list[str] | None, asked: dict[str, Any], output: Output
) -> ExitStatus:
    """Make the checks of the plan that are chosen, and write the report."""
    from fcinspect.reports.verify import view_of_plan, view_of_report
    from fcinspect.verification.check import carried_out

    names = [name.strip() for part in checks or () for name in part.split(",") if name.strip()]
    asked = {**asked, "checks": names or None}
    if names == ["list"]:
        return output.write(view_of_plan(plan, asked))
    return output.write(view_of_report(carried_out(plan.chosen(names), _tracked), asked))


def _tracked(checks: Sequence[Planned]) -> Iterator[Planned]:
    from fcinspect.media.progress import tracked

    return tracked(checks, len(checks), "checks")

"""fcinspect verify output: is a claimed y = x·Wᵀ + b right, is a difference rounding?"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fcinspect.cli.options import JsonDtype, argument
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.sources import LAYOUTS, layout_option
from fcinspect.cli.system import ExitStatus
from fcinspect.cli.verify import Accumulate, Checks, carry_out


def output(
    file: Annotated[
        str,
        argument(
            "FILE",
            "A .npz, .safetensors or .json file, or - for JSON on standard input, with x (or"
            " input), W (weight), y (output), and b (bias) and a second y2 if there are any; also"
            " the output of explain --json --full.",
        ),
    ],
    accumulate: Accumulate = None,
    layout: Annotated[str, layout_option("--layout", "the file", LAYOUTS[1:])] = "out,in",
    dtype: JsonDtype = None,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check a computed y = Wx + b.

    Is the difference from the exact value rounding, and if not, what could it be?
    """
    from fcinspect.checkpoints.claimed import load_claimed
    from fcinspect.verification.output import plan_of

    claimed = load_claimed(file, dtype)
    plan = plan_of(claimed.arrays, claimed.source, layout, accumulate, claimed.readings)
    left = tuple(f"{name!r}: not one of x, W, b, y, y2" for name in claimed.others)
    plan = replace(plan, notes=(*plan.notes, *claimed.notes), not_exercised=left)
    asked: dict[str, Any] = {
        "file": file,
        "accumulate": accumulate,
        "layout": layout,
        "dtype": dtype,
    }
    return carry_out(plan, checks, asked, output)

"""fcinspect verify layer: torch's nn.Linear on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.inputs import read_input
from fcinspect.cli.options import Batch, option
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.sources import Fresh, Stored, StoredOrWords, source_of
from fcinspect.cli.system import ExitStatus
from fcinspect.cli.verify import Accumulate, Checks, Device, carry_out

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer

ROWS = 3
"""Rows of the input that is drawn where none is given."""


def layer(
    stored: StoredOrWords,
    fresh: Fresh,
    x: Annotated[
        str | None,
        option(
            "--x X",
            "Input of the layer itself: numbers 1,2,3 (rows separated by ;), a file, - for stdin,"
            " zeros, ones or basis:J; drawn if not given.",
        ),
    ] = None,
    batch: Batch = None,
    accumulate: Accumulate = None,
    device: Device = "cpu",
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check torch's nn.Linear on this machine.

    Inputs on which floating point is exact, random signs, gradients, and the layer's own numbers
    on your input.
    """
    asked: dict[str, Any] = {
        "x": x,
        "batch": None if batch is None else list(batch),
        "accumulate": accumulate,
        "device": device,
    }
    stored, fresh = source_of(stored, fresh)
    if stored.file is None:
        asked = {**fresh.asked(), **asked}
        found, given, notes = _fresh(fresh, x, batch)
    else:
        asked = {**stored.asked(), **asked}
        found, given, notes = _stored(stored, x, batch)

    from fcinspect.bridge.linear import require_device, threads, version
    from fcinspect.bridge.subject import torch_linear
    from fcinspect.rounding.accumulation import arithmetic_of, parse_accumulate
    from fcinspect.verification.layer import plan_layer

    dtype = found.dtype
    require_device(device)
    arithmetic = parse_accumulate(accumulate, dtype) if accumulate else arithmetic_of(dtype)
    words = f"nn.Linear({found.in_features}, {found.out_features}) in {dtype} by {version()}"
    on = "" if device == "cpu" else f" on {device}"
    subject = torch_linear(words + on, dtype, device)
    left = (
        f"devices other than {device}",
        f"numbers of threads other than torch's own, {threads()}",
    )
    plan = plan_layer(subject, found, given, arithmetic, left, (arithmetic.words, *notes))
    return carry_out(plan, checks, asked, output)


def _fresh(
    fresh: Fresh, x: str | None, batch: tuple[int, ...] | None
) -> tuple[LinearLayer, Array, tuple[str, ...]]:
    wanted = fresh.request()
    given, notes = _input(x, wanted.in_features, wanted.out_features, wanted.dtype, batch)

    from fcinspect.bridge.linear import create_layer

    return create_layer(wanted), given, notes


def _stored(
    stored: Stored, x: str | None, batch: tuple[int, ...] | None
) -> tuple[LinearLayer, Array, tuple[str, ...]]:
    chosen = stored.choose()
    given, notes = _input(x, chosen.in_features, chosen.out_features, chosen.dtype, batch)
    found = chosen.read(None)
    found.require_one_dtype()
    return found, given, (f"its numbers are those of {chosen.source}", *notes, *chosen.remarks())


def _input(
    x: str | None,
    in_features: int,
    out_features: int,
    dtype: str,
    batch: tuple[int, ...] | None,
) -> tuple[Array, tuple[str, ...]]:
    """Return the input of the layer's own check, and what a reader should know of it."""
    import math

    from fcinspect.layers.memory import require_free_for_rows

    shape = (ROWS,) if batch is None else batch
    require_free_for_rows(math.prod(shape), in_features, out_features)
    if x is not None:
        return read_input(x, in_features, dtype, batch)
    from fcinspect.arithmetic.affine import drawn_input

    return drawn_input((*shape, in_features), dtype), ()

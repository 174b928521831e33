"""fcinspect create: a real nn.Linear, made by torch."""

from __future__ import annotations

from typing import Annotated

import typer

from fcinspect.cli.options import LayerOutput, ShowCode
from fcinspect.cli.sources import Fresh, bytes_of
from fcinspect.cli.status import ExitStatus


def create(
    fresh: Fresh,
    widths: Annotated[
        str | None,
        typer.Argument(
            metavar="WIDTHS", help="4-2 or 'nn.Linear(4, 2)', in place of --in and --out."
        ),
    ] = None,
    show_code: ShowCode = False,
    *,
    output: LayerOutput,
) -> ExitStatus:
    """Make a seeded nn.Linear and show its weight and bias."""
    if widths is not None:
        fresh = fresh.named(widths)
    request = fresh.request()
    if show_code:
        from fcinspect.reports import scripts

        return output.write_script(scripts.seeded_layer(request) + scripts.PRINT_PARAMETERS)

    from fcinspect.bridge.linear import create_layer
    from fcinspect.layers.inspection import inspect_layer
    from fcinspect.reports.show import view_of_created

    layer = create_layer(request)
    view = view_of_created(inspect_layer(layer, request.init), fresh.asked())
    return output.write(view, bytes_of(layer))

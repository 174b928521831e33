"""fcinspect create: a real nn.Linear made by torch."""

from __future__ import annotations

from typing import Annotated

from fcinspect.cli.options import ShowCode, argument
from fcinspect.cli.output import LAYER, REPORT_BESIDE_LAYER, Output, Writes
from fcinspect.cli.sources import Fresh
from fcinspect.cli.system import ExitStatus


def create(
    fresh: Fresh,
    widths: Annotated[
        str | None, argument("WIDTHS", "4-2 or 'nn.Linear(4, 2)', instead of --in and --out.")
    ] = None,
    show_code: ShowCode = False,
    *,
    output: Annotated[Output, Writes(layers=True, files=(LAYER, REPORT_BESIDE_LAYER))],
) -> ExitStatus:
    """Create a seeded nn.Linear and show its weight and bias."""
    if widths is not None:
        fresh = fresh.named(widths)
    request = fresh.request()
    if show_code:
        from fcinspect.reports import scripts

        return output.write_script(scripts.seeded_layer(request) + scripts.PRINT_PARAMETERS)

    from fcinspect.bridge.linear import create_layer
    from fcinspect.layers.initialisation import inspect_layer
    from fcinspect.reports.show import view_of_created

    layer = create_layer(request)
    view = view_of_created(inspect_layer(layer, request.init), fresh.asked())
    return output.write(view, layer)

"""fcinspect show: a layer in a file, or the layers that a file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.cli.options import DrawnLayerOutput, Plot
from fcinspect.cli.sources import Stored, bytes_of
from fcinspect.cli.status import ExitStatus
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint


def show(stored: Stored, plot: Plot = False, *, output: DrawnLayerOutput) -> ExitStatus:
    """Show a linear layer of a file, or list its layers."""
    from fcinspect.cli.choosing import choose_layer
    from fcinspect.layers.inspection import inspect_layer
    from fcinspect.render.layer import view_of_stored
    from fcinspect.render.listing import notes_on, view_of_listing
    from fcinspect.render.skipped import skipped_notes

    checkpoint = stored.open()
    if stored.layer is None and len(checkpoint.layers) > 1:
        if output.draws(plot):
            _refuse_to_draw(checkpoint)
        return output.write(view_of_listing(checkpoint, stored.asked()))
    chosen = choose_layer(checkpoint, stored.layer)
    layer = chosen.read()
    inspection = inspect_layer(layer, activation=chosen.activation)
    notes = list(chosen.remarks())
    if stored.layer is None:  # the whole file is meant: it only holds no other layer
        notes += [note for note in notes_on(checkpoint) if note not in notes]
        notes += skipped_notes(checkpoint)
    view = view_of_stored(
        inspection, tuple(notes), stored.asked(), plot=plot, draws=output.draws(plot)
    )
    return output.write(view, bytes_of(layer))


def _refuse_to_draw(checkpoint: Checkpoint) -> None:
    """Raise UsageError where the layer to draw is not named."""
    name = checkpoint.layers[0].name
    raise UsageError(
        f"{checkpoint.source} holds {len(checkpoint.layers)} layers, and a plot is of one: name it,"
        f" for example {name!r}",
        "fcinspect scan FILE --plot draws them all",
    )

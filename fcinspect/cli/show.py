"""fcinspect show: a layer in a file, or its layers."""

from __future__ import annotations

from typing import Annotated

from fcinspect.cli.inputs import BiasOption, OwnLayer, WeightOption, own_layer
from fcinspect.cli.options import Plot
from fcinspect.cli.output import FIGURE, LAYER, REPORT_BESIDE_LAYER, Output, Writes
from fcinspect.cli.sources import Stored, choose_layer
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError
from fcinspect.layers.spec import is_spec


def show(
    stored: Stored,
    weight: WeightOption = None,
    bias: BiasOption = None,
    plot: Plot = False,
    *,
    output: Annotated[
        Output, Writes(layers=True, figure=True, files=(LAYER, FIGURE, REPORT_BESIDE_LAYER))
    ],
) -> ExitStatus:
    """Show a linear layer in a file, or list the file's layers."""
    from fcinspect.layers.initialisation import inspect_layer
    from fcinspect.reports.show import view_of_stored
    from fcinspect.reports.show_listing import notes_on, skipped_notes, view_of_listing

    own = _own(stored, weight, bias)
    checkpoint = stored.open() if own is None else own.open()
    asked = vars(stored if own is None else own)
    if stored.layer is None and len(checkpoint.layers) > 1:
        if output.draws(plot):
            name = checkpoint.layers[0].name
            raise UsageError(
                f"{checkpoint.source} holds {len(checkpoint.layers)} layers, but a plot shows one:"
                f" name it, for example {name!r}",
                "fcinspect scan FILE --plot draws them all",
            )
        return output.write(view_of_listing(checkpoint, asked))
    chosen = choose_layer(checkpoint, stored.layer)
    layer = chosen.read()
    inspection = inspect_layer(layer, activation=chosen.activation)
    notes = list(chosen.remarks())
    if stored.layer is None:  # the whole file is meant: it only holds no other layer
        notes += [note for note in notes_on(checkpoint) if note not in notes]
        notes += skipped_notes(checkpoint)
    view = view_of_stored(inspection, tuple(notes), asked, plot=plot, draws=output.draws(plot))
    return output.write(view, layer)


def _own(stored: Stored, weight: str | None, bias: str | bool | None) -> OwnLayer | None:
    """Return the layer of --weight or None; raises UsageError for both, or for widths alone."""
    from fcinspect.checkpoints.paths import is_file

    if weight is not None:
        return own_layer(weight, bias, "float32", stored)
    if bias is not None:
        raise UsageError("--bias requires --weight: show does not create layers")
    words = stored.file
    if words is not None and is_spec(words) and not is_file(words):
        if stored.layer is not None and stored.layer.isdigit():
            words = f"{words}-{stored.layer}"
        raise UsageError(
            f"{words!r} names a new layer, but show reads a file",
            hint=f"fcinspect create {words if ' ' not in words else repr(words)}",
        )
    return None

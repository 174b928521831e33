"""fcinspect show: a layer in a file, or the layers that a file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fcinspect.cli.given import BiasOption, OwnLayer, WeightOption
from fcinspect.cli.options import Plot
from fcinspect.cli.output import FIGURE, LAYER, REPORT_BESIDE_LAYER, Output, Writes
from fcinspect.cli.sources import Stored
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint

WRITES = Writes(layers=True, figure=True, files=(LAYER, FIGURE, REPORT_BESIDE_LAYER))


def show(
    stored: Stored,
    weight: WeightOption = None,
    bias: BiasOption = None,
    plot: Plot = False,
    *,
    output: Annotated[Output, WRITES],
) -> ExitStatus:
    """Show a linear layer of a file, or list its layers."""
    from fcinspect.cli.given import choose_layer
    from fcinspect.layers.initialisation import inspect_layer
    from fcinspect.reports.show import view_of_stored
    from fcinspect.reports.show_listing import notes_on, skipped_notes, view_of_listing

    own = _own(stored, weight, bias)
    checkpoint = stored.open() if own is None else own.open()
    asked = stored.asked() if own is None else own.asked()
    if stored.layer is None and len(checkpoint.layers) > 1:
        if output.draws(plot):
            _refuse_to_draw(checkpoint)
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
    """Return the layer of --weight, None for that of a file.

    Raises UsageError where both are given, or neither but the words of a new layer.
    """
    from fcinspect.checkpoints.paths import is_file
    from fcinspect.layers.spec import is_spec

    if weight is not None:
        if stored.file is not None:
            raise UsageError(f"--weight and {stored.file!r} both give a layer: give one of them")
        return OwnLayer(weight, bias, "float32", stored.way)
    if bias is not None:
        raise UsageError("--bias goes with --weight: show makes no layer of its own")
    words = stored.file
    if words is not None and is_spec(words) and not is_file(words):
        if stored.layer is not None and stored.layer.isdigit():
            words = f"{words}-{stored.layer}"
        raise UsageError(
            f"{words!r} names a new layer, and show reads a file",
            hint=f"fcinspect create {words if ' ' not in words else repr(words)}",
        )
    return None


def _refuse_to_draw(checkpoint: Checkpoint) -> None:
    """Raise UsageError where the layer to draw is not named."""
    name = checkpoint.layers[0].name
    raise UsageError(
        f"{checkpoint.source} holds {len(checkpoint.layers)} layers, and a plot is of one: name it,"
        f" for example {name!r}",
        "fcinspect scan FILE --plot draws them all",
    )

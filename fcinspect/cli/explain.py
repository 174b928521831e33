"""fcinspect explain: every product and sum of y = W x + b."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fcinspect.cli.inputs import read_input
from fcinspect.cli.options import Batch, Output, ShowCode
from fcinspect.cli.sources import Fresh, Stored
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import whole_number
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import Explanation
    from fcinspect.arithmetic.selection import Selection
    from fcinspect.layers.array import Array


@dataclass(frozen=True)
class Request:
    """What is asked of the layer."""

    x: str | None
    batch: tuple[int, ...] | None
    elements: tuple[str, ...]
    top: int | None
    everything: bool

    def require_memory(self, in_features: int, out_features: int) -> None:
        """Raise UsageError when the batch that is asked for would not fit into memory."""
        from fcinspect.layers.memory import require_free_for_rows

        require_free_for_rows(math.prod(self.batch or ()), in_features, out_features)

    def selection(self, shape: tuple[int, ...], out_features: int) -> Selection:
        """Return which elements and terms are taken apart, for x of that shape."""
        from fcinspect.arithmetic.selection import Selection, parse_elements

        chosen = parse_elements(self.elements, shape[:-1], out_features)
        return Selection(chosen or None, self.top, self.everything)


Answer = tuple["Explanation", tuple[str, ...], Callable[[], str]]
"""The explanation, warnings, and the script that gives the same numbers."""


def explain(
    stored: Stored,
    fresh: Fresh,
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            metavar="X",
            help="Input: numbers 1,2,3 (rows separated by ;), a .json .npz .npy .safetensors"
            " file, - for stdin, zeros, ones or basis:J.",
        ),
    ] = None,
    batch: Batch = None,
    element: Annotated[
        list[str] | None,
        typer.Option(
            "--element",
            metavar="I,J",
            help="Take this output apart: J, or I,J for row I of a batch; may be repeated.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            parser=whole_number(1),
            metavar="K",
            help="Show the K terms that contribute most, largest first.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every output and every term.")
    ] = False,
    show_code: ShowCode = False,
    *,
    output: Output,
) -> ExitStatus:
    """Show every product and sum of y = Wx + b, and check them."""
    from fcinspect.render.affine import view_of_explanation

    if everything and (top is not None or element):
        raise UsageError("--all excludes --element and --top")
    request = Request(x, batch, tuple(element or ()), top, everything)
    source = fresh if stored.file is None else stored
    if stored.file is None:
        stored.refuse_layout()
    else:
        fresh.refuse_any("a layer from a file")
    explanation, warnings, script = (
        _fresh(fresh, request) if stored.file is None else _stored(stored, request)
    )
    asked = {
        **source.asked(),
        "x": x,
        "batch": None if batch is None else list(batch),
        "element": element or None,
        "top": top,
        "all": everything,
    }
    view = view_of_explanation(explanation, asked, warnings, script)
    return output.write_script(view) if show_code else output.write(view)


def _fresh(fresh: Fresh, request: Request) -> Answer:
    """Explain a layer that torch makes and runs."""
    from fcinspect.arithmetic.explanation import explain_affine

    wanted = fresh.request()
    request.require_memory(wanted.in_features, wanted.out_features)
    given: Array | None = None
    warnings: tuple[str, ...] = ()
    if request.x is not None:
        given, warnings = read_input(request.x, wanted.in_features, wanted.dtype, request.batch)
    from fcinspect.bridge.linear import run_layer, version

    layer, x, y = run_layer(wanted, request.batch or (), given)
    selection = request.selection(x.shape, layer.out_features)
    explanation = explain_affine(layer, x, y, selection, computed_by=version())

    def script() -> str:
        from fcinspect.render import scripts

        drawn = scripts.seeded_input(x.shape, x.dtype) if given is None else scripts.given_input(x)
        return scripts.seeded_layer(wanted) + drawn + scripts.output_of_module()

    return explanation, warnings, script


def _stored(stored: Stored, request: Request) -> Answer:
    """Explain a layer from a file, computed by numpy."""
    from fcinspect.arithmetic.affine import drawn_input, numpy_output, numpy_version
    from fcinspect.arithmetic.explanation import explain_affine

    chosen = stored.choose()
    request.require_memory(chosen.in_features, chosen.out_features)
    if request.x is None:
        x = drawn_input((*(request.batch or ()), chosen.in_features), chosen.dtype)
        warnings: tuple[str, ...] = (
            "x is drawn by numpy.random.default_rng(0).standard_normal; --x gives your own",
        )
    else:
        x, warnings = read_input(request.x, chosen.in_features, chosen.dtype, request.batch)
    selection = request.selection(x.shape, chosen.out_features)
    columns = None
    if selection.elements is not None:
        columns = sorted({column for _, column in selection.elements})
    layer = chosen.read(columns)
    result = numpy_output(layer, x)
    explanation = explain_affine(layer, x, result, selection, computed_by=numpy_version())

    def script() -> str:
        from fcinspect.render import scripts

        return scripts.stored_layer(layer) + scripts.given_input(x) + scripts.output_of_function()

    return explanation, (*warnings, *chosen.warnings), script

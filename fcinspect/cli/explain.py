"""fcinspect explain: every product and sum of y = W x + b."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fcinspect.cli.inputs import read_input
from fcinspect.cli.options import ArticleOutput, Batch, ShowCode
from fcinspect.cli.own import OwnLayer
from fcinspect.cli.sources import Fresh, FreshOrOwn, Stored, StoredOrWords, source_of
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import whole_number
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import Explanation
    from fcinspect.arithmetic.selection import Selection
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer, LinearRequest


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


Answer = tuple["Explanation", tuple[str, ...]]
"""The explanation, and what a reader should know of how the input was understood."""


def explain(
    stored: StoredOrWords,
    fresh: FreshOrOwn,
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
    output: ArticleOutput,
) -> ExitStatus:
    """Show every product and sum of y = Wx + b, and check them."""
    from fcinspect.reports.explain import view_of_explanation

    if everything and (top is not None or element):
        raise UsageError("--all excludes --element and --top")
    request = Request(x, batch, tuple(element or ()), top, everything)
    asked: dict[str, Any] = {
        "x": x,
        "batch": None if batch is None else list(batch),
        "element": element or None,
        "top": top,
        "all": everything,
    }
    given: OwnLayer | Stored | None = fresh.own(stored)
    if given is None:
        stored, fresh = source_of(stored, fresh)
        given = stored if stored.file is not None else None
    if given is None:
        if show_code:
            return output.write_script(_fresh_script(fresh, request))
        explanation, warnings = _fresh(fresh, request)
        asked = {**fresh.asked(), **asked}
    else:
        if show_code:
            return output.write_script(_given_script(given, request))
        explanation, warnings = _given(given, request)
        asked = {**given.asked(), **asked}
    return output.write(view_of_explanation(explanation, asked, warnings))


def _fresh(fresh: Fresh, request: Request) -> Answer:
    """Explain a layer that torch makes and runs."""
    wanted, given, warnings = _wanted(fresh, request)

    from fcinspect.arithmetic.explanation import explain_affine
    from fcinspect.bridge.linear import run_layer, version

    layer, x, y = run_layer(wanted, request.batch or (), given)
    selection = request.selection(x.shape, layer.out_features)
    return explain_affine(layer, x, y, selection, computed_by=version()), warnings


def _fresh_script(fresh: Fresh, request: Request) -> str:
    """Return the script that makes the layer and runs it; nothing is computed."""
    from fcinspect.reports import scripts

    wanted, x, _ = _wanted(fresh, request)
    shape = (*(request.batch or ()), wanted.in_features) if x is None else x.shape
    request.selection(shape, wanted.out_features)
    drawn = scripts.seeded_input(shape, wanted.dtype) if x is None else scripts.given_input(x)
    return scripts.seeded_layer(wanted) + drawn + scripts.RUN_MODULE


def _wanted(fresh: Fresh, request: Request) -> tuple[LinearRequest, Array | None, tuple[str, ...]]:
    """Return the layer that is asked for, and x where it is given."""
    wanted = fresh.request()
    request.require_memory(wanted.in_features, wanted.out_features)
    if request.x is None:
        return wanted, None, ()
    return wanted, *read_input(request.x, wanted.in_features, wanted.dtype, request.batch)


def _given(given: Stored | OwnLayer, request: Request) -> Answer:
    """Explain a layer from a file or of --weight, computed by numpy."""
    from fcinspect.arithmetic.affine import numpy_output, numpy_version
    from fcinspect.arithmetic.explanation import explain_affine

    layer, x, selection, warnings = _chosen(given, request)
    result = numpy_output(layer, x)
    return explain_affine(layer, x, result, selection, computed_by=numpy_version()), warnings


def _given_script(given: Stored | OwnLayer, request: Request) -> str:
    """Return the script that holds the layer's numbers and runs F.linear."""
    from fcinspect.reports import scripts

    layer, x, _, _ = _chosen(given, request)
    layer.require_one_dtype()
    return scripts.stored_layer(layer) + scripts.given_input(x) + scripts.RUN_FUNCTION


def _chosen(
    given: Stored | OwnLayer, request: Request
) -> tuple[LinearLayer, Array, Selection, tuple[str, ...]]:
    """Return the rows of the layer that are needed, x, and what is taken apart."""
    chosen = given.choose()
    request.require_memory(chosen.in_features, chosen.out_features)
    if request.x is None:
        from fcinspect.arithmetic.affine import drawn_input

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
    return chosen.read(columns), x, selection, (*warnings, *chosen.remarks())

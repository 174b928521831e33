"""fcinspect explain: every product and sum of y = W x + b."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.given import OwnLayer
from fcinspect.cli.options import Batch, ShowCode, option, switch, whole_number
from fcinspect.cli.output import ARTICLE, ARTICLE_FORMATS, Output, Writes
from fcinspect.cli.sources import Fresh, FreshOrOwn, Stored, StoredOrWords, source_of
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import Explanation, Selection
    from fcinspect.checkpoints.records import StoredLinear
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer, LinearRequest

WRITES = Writes(forms=ARTICLE_FORMATS, files=(ARTICLE,))


@dataclass(frozen=True)
class ExplainRequest:
    """What is asked of the layer."""

    x: Annotated[
        str | None,
        option(
            "--x X",
            "Input: numbers 1,2,3 (rows separated by ;), a .json .npz .npy .safetensors file, -"
            " for stdin, zeros, ones or basis:J.",
        ),
    ] = None
    batch: Batch = None
    element: Annotated[
        list[str] | None,
        option(
            "--element I,J",
            "Take this output apart: J, or I,J for row I of a batch; may be repeated.",
        ),
    ] = None
    top: Annotated[
        int | None,
        option("--top K", "Show the K terms that contribute most, largest first.", whole_number(1)),
    ] = None
    everything: Annotated[bool, switch("--all", "Show every output and every term.")] = False

    def asked(self) -> dict[str, Any]:
        """Return the options, for the report; raises UsageError where they exclude each other."""
        if self.everything and (self.top is not None or self.element):
            raise UsageError("--all excludes --element and --top")
        return {
            "x": self.x,
            "batch": None if self.batch is None else list(self.batch),
            "element": self.element or None,
            "top": self.top,
            "all": self.everything,
        }

    def read_x(self, layer: LinearRequest | StoredLinear) -> tuple[Array | None, tuple[str, ...]]:
        """Return x where it is given, and what a reader should know of how it was understood.

        Raises UsageError where the batch that is asked for would not fit into memory.
        """
        from fcinspect.layers.memory import require_free_for_rows

        n, rows = layer.in_features, math.prod(self.batch or ())
        require_free_for_rows(rows, n, layer.out_features)
        if self.x is None:
            return None, ()
        from fcinspect.cli.inputs import read_input

        return read_input(self.x, n, layer.dtype, self.batch)

    def selection(self, shape: tuple[int, ...], out_features: int) -> Selection:
        """Return which elements and terms are taken apart, for x of that shape."""
        from fcinspect.arithmetic.explanation import Selection, parse_elements

        chosen = parse_elements(self.element or (), shape[:-1], out_features)
        return Selection(chosen or None, self.top, self.everything)


Answer = tuple["Explanation", tuple[str, ...]]
"""The explanation, and what a reader should know of how the input was understood."""


def explain(
    stored: StoredOrWords,
    fresh: FreshOrOwn,
    request: ExplainRequest,
    show_code: ShowCode = False,
    *,
    output: Annotated[Output, WRITES],
) -> ExitStatus:
    """Show every product and sum of y = Wx + b, and check them."""
    from fcinspect.reports.explain import view_of_explanation

    asked = request.asked()
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


def _fresh(fresh: Fresh, request: ExplainRequest) -> Answer:
    """Explain a layer that torch makes and runs."""
    wanted = fresh.request()
    given, warnings = request.read_x(wanted)

    from fcinspect.arithmetic.explanation import explain_affine
    from fcinspect.bridge.linear import run_layer, version

    layer, x, y = run_layer(wanted, request.batch or (), given)
    selection = request.selection(x.shape, layer.out_features)
    return explain_affine(layer, x, y, selection, computed_by=version()), warnings


def _fresh_script(fresh: Fresh, request: ExplainRequest) -> str:
    """Return the script that makes the layer and runs it; nothing is computed."""
    from fcinspect.reports import scripts

    wanted = fresh.request()
    x, _ = request.read_x(wanted)
    shape = (*(request.batch or ()), wanted.in_features) if x is None else x.shape
    request.selection(shape, wanted.out_features)
    drawn = scripts.seeded_input(shape, wanted.dtype) if x is None else scripts.given_input(x)
    return scripts.seeded_layer(wanted) + drawn + scripts.RUN_MODULE


def _given(given: Stored | OwnLayer, request: ExplainRequest) -> Answer:
    """Explain a layer from a file or of --weight, computed by numpy."""
    from fcinspect.arithmetic.affine import numpy_output, numpy_version
    from fcinspect.arithmetic.explanation import explain_affine

    layer, x, selection, warnings = _chosen(given, request)
    result = numpy_output(layer, x)
    return explain_affine(layer, x, result, selection, computed_by=numpy_version()), warnings


def _given_script(given: Stored | OwnLayer, request: ExplainRequest) -> str:
    """Return the script that holds the layer's numbers and runs F.linear."""
    from fcinspect.reports import scripts

    layer, x, _, _ = _chosen(given, request)
    layer.require_one_dtype()
    return scripts.stored_layer(layer) + scripts.given_input(x) + scripts.RUN_FUNCTION


def _chosen(
    given: Stored | OwnLayer, request: ExplainRequest
) -> tuple[LinearLayer, Array, Selection, tuple[str, ...]]:
    """Return the rows of the layer that are needed, x, and what is taken apart."""
    chosen = given.choose()
    x, warnings = request.read_x(chosen)
    if x is None:
        from fcinspect.arithmetic.affine import drawn_input

        x = drawn_input((*(request.batch or ()), chosen.in_features), chosen.dtype)
        warnings = (
            "x is drawn by numpy.random.default_rng(0).standard_normal; --x gives your own",
        )
    selection = request.selection(x.shape, chosen.out_features)
    columns = None
    if selection.elements is not None:
        columns = sorted({column for _, column in selection.elements})
    return chosen.read(columns), x, selection, (*warnings, *chosen.remarks())

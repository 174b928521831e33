"""fcinspect explain: every product and sum of y = W x + b."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.inputs import FreshOrOwn, OwnLayer, read_x
from fcinspect.cli.options import Batch, ShowCode, option, switch, whole_number
from fcinspect.cli.output import ARTICLE, ARTICLE_FORMATS, Output, Writes
from fcinspect.cli.sources import Fresh, Stored, StoredOrWords, source_of
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.arithmetic.explanation import Explanation, Selection
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer


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
            "Show the terms of this output: J, or I,J for row I of a batch (repeatable).",
        ),
    ] = None
    top: Annotated[
        int | None,
        option("--top K", "Show the K terms that contribute most, largest first.", whole_number(1)),
    ] = None
    all: Annotated[bool, switch("--all", "Show every output and every term.")] = False

    def asked(self) -> dict[str, Any]:
        """Return the options, for the report; raises UsageError where two cannot be combined."""
        if self.all and (self.top is not None or self.element):
            raise UsageError("--all cannot be combined with --element or --top")
        return {**vars(self), "element": self.element or None}

    def selection(self, shape: tuple[int, ...], out_features: int) -> Selection:
        """Return which elements and terms are taken apart, for x of that shape."""
        from fcinspect.arithmetic.explanation import Selection, parse_elements

        chosen = parse_elements(self.element or (), shape[:-1], out_features)
        return Selection(chosen or None, self.top, self.all)


def explain(
    stored: StoredOrWords,
    fresh: FreshOrOwn,
    request: ExplainRequest,
    show_code: ShowCode = False,
    *,
    output: Annotated[Output, Writes(forms=ARTICLE_FORMATS, files=(ARTICLE,))],
) -> ExitStatus:
    """Show every product and sum of y = Wx + b, and check them."""
    from fcinspect.reports.explain import view_of_explanation

    asked = request.asked()
    given: OwnLayer | Stored | None = fresh.own(stored)
    if given is None:
        stored, fresh = source_of(stored, fresh)
        given = stored if stored.file is not None else None
    asked = {**(fresh.asked() if given is None else vars(given)), **asked}
    if show_code:
        return output.write_script(_script(fresh, given, request))
    explanation, warnings = _fresh(fresh, request) if given is None else _given(given, request)
    return output.write(view_of_explanation(explanation, asked, warnings))


def _fresh(fresh: Fresh, request: ExplainRequest) -> tuple[Explanation, tuple[str, ...]]:
    wanted = fresh.request()
    given, warnings = read_x(request.x, wanted, request.batch)

    from fcinspect.arithmetic.explanation import explain_affine
    from fcinspect.bridge.linear import run_layer, version

    layer, x, y = run_layer(wanted, request.batch or (), given)
    selection = request.selection(x.shape, layer.out_features)
    return explain_affine(layer, x, y, selection, computed_by=version()), warnings


def _given(
    given: Stored | OwnLayer, request: ExplainRequest
) -> tuple[Explanation, tuple[str, ...]]:
    from fcinspect.arithmetic.affine import numpy_output, numpy_version
    from fcinspect.arithmetic.explanation import explain_affine

    layer, x, selection, warnings = _chosen(given, request)
    result = numpy_output(layer, x)
    return explain_affine(layer, x, result, selection, computed_by=numpy_version()), warnings


def _script(fresh: Fresh, given: Stored | OwnLayer | None, request: ExplainRequest) -> str:
    """Return the script that makes the layer, or holds its numbers, and runs it."""
    from fcinspect.reports import scripts

    if given is not None:
        layer, x, _, _ = _chosen(given, request)
        layer.require_one_dtype()
        return scripts.stored_layer(layer) + scripts.given_input(x) + scripts.RUN_FUNCTION
    wanted = fresh.request()
    read, _ = read_x(request.x, wanted, request.batch)
    shape = (*(request.batch or ()), wanted.in_features) if read is None else read.shape
    request.selection(shape, wanted.out_features)
    drawn = scripts.seeded_input(shape, wanted.dtype) if read is None else scripts.given_input(read)
    return scripts.seeded_layer(wanted) + drawn + scripts.RUN_MODULE


def _chosen(
    given: Stored | OwnLayer, request: ExplainRequest
) -> tuple[LinearLayer, Array, Selection, tuple[str, ...]]:
    """Return the rows of the layer that are needed, x, and what is taken apart."""
    chosen = given.choose()
    x, warnings = read_x(request.x, chosen, request.batch)
    if x is None:
        from fcinspect.arithmetic.affine import drawn_input

        x = drawn_input((*(request.batch or ()), chosen.in_features), chosen.dtype)
        warnings = (
            "x is drawn with numpy.random.default_rng(0).standard_normal; use --x for your own",
        )
    selection = request.selection(x.shape, chosen.out_features)
    elements = selection.elements
    columns = None if elements is None else sorted({column for _, column in elements})
    return chosen.read(columns), x, selection, (*warnings, *chosen.remarks())

"""The report of `create`, and of `show` on one layer: its numbers, and the law they follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.layers.law_bounds import DELTA
from fcinspect.layers.statistics import Distribution, distribution_of
from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Page, PageBuilder, Part, Span, Table
from fcinspect.page.matrices import formula_line
from fcinspect.page.view import View
from fcinspect.pictures.charts.weight import heat_map, histogram
from fcinspect.reports.written import written
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.layers.initialisation import Inspected, Inspection
    from fcinspect.layers.linear import LinearLayer

MOST_SHOWN = 16
"""Most outputs and inputs shown; fewer inputs if they do not fit the width."""
ELSEWHERE = "all in --format csv or --json --full"


def view_of_created(inspection: Inspection, asked: dict[str, Any]) -> View:
    """Return the view of a layer that torch made; its law is a check."""
    return _view("create", inspection, asked, ok=inspection.verdict is Verdict.WITHIN)


def view_of_stored(
    inspection: Inspection,
    warnings: tuple[str, ...],
    asked: dict[str, Any],
    *,
    plot: bool,
    draws: bool,
) -> View:
    """Return the view of a layer from a file; the law it follows is a fact, not a check.

    `plot` puts charts of its weight on the page, `draws` gives the view its figure.
    """
    figure = partial(_weight_figure, inspection) if draws else None
    more = {"warnings": warnings, "figure": figure, "svg_is_figure": plot}
    return _view("show", inspection, asked, plot=plot, **more)


def _view(
    command: str, inspection: Inspection, asked: dict[str, Any], *, plot: bool = False, **more: Any
) -> View:
    return View(
        command=command,
        asked=asked,
        data=lambda full: document(inspection, full=full),
        page=partial(page, inspection, plot=plot),
        rows=partial(rows, inspection.layer),
        **more,
    )


def document(inspection: Inspection, *, full: bool = False) -> dict[str, Any]:
    """Return the JSON data."""
    from fcinspect.reports.documents import core as documents

    layer, parts = inspection.layer, {"weight": inspection.weight, "bias": inspection.bias}
    laws = {name: part and _law(part) for name, part in parts.items()}
    making = {"name": inspection.init, "known": inspection.known, "delta": DELTA, **laws}
    activation = inspection.activation
    return written(
        inspection,
        documents.InspectedLayerDocument,
        layer=written(layer, documents.ShownLayerDocument, full=full, activation=activation),
        parameters=layer.parameters,
        statistics={name: part and part.statistics for name, part in parts.items()},
        initialisation=making,
    )


def _law(parameter: Inspected) -> dict[str, Any]:
    from fcinspect.reports.documents.core import LawDocument

    return written(parameter.check, LawDocument, law=parameter.law.words, bound=parameter.law.bound)


def rows(layer: LinearLayer) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one per output, its weights, then its bias."""
    bias = [] if layer.bias is None else ["b"]
    yield ("output", *(f"x[{j}]" for j in range(layer.in_features)), *bias)
    for i in range(layer.out_features):
        last = [] if layer.bias is None else [layer.bias.values[i].item()]
        yield (f"y[{i}]", *layer.weight.values[i].tolist(), *last)


def page(inspection: Inspection, precision: int, *, plot: bool = False) -> Page:
    """Return the page, with charts of the weight where they are wanted."""
    layer = inspection.layer
    built = PageBuilder()
    name = f"{text.layer_called(layer.name)} of " if layer.name else ""
    built.add(
        Heading(f"{name}{text.safe(layer.source)}, {layer.dtype}", level=1),
        formula_line(layer.weight.shape, bias=layer.bias is not None),
        Line.of(_counts(inspection)),
    )
    if layer.in_features and layer.out_features:
        built.group(*_parameters(layer, precision))
    elif layer.out_features:
        y = ("y = b" if layer.bias is not None else "y = 0", "strong")
        said = "in_features is 0: there is nothing to multiply, so "
        built.group(Line.of(said, y, " for every x"))
        if layer.bias is not None:
            built.add(*_parameters(layer, precision))
    else:
        built.group(Line.of(f"out_features is 0: y is empty, of shape {text.shape((0,))}"))
    built.group(_statistics_table(inspection, precision))
    built.group(*_laws(inspection))
    for blocks in _weight_charts(inspection) if plot else ():
        built.group(*blocks)
    return built.page()


def _counts(inspection: Inspection) -> str:
    layer = inspection.layer
    of = f"{text.count(layer.out_features)}·{text.count(layer.in_features)}"
    bias = "" if layer.bias is None else f" + {text.count(layer.out_features)}"
    counted = f"{of}{bias} = {text.plural(layer.parameters, 'parameter')}"
    behind = f"; followed by {text.safe(inspection.activation)}" if inspection.activation else ""
    return f"{counted}, {text.byte_count(inspection.parameter_bytes)}{behind}"


def _parameters(layer: LinearLayer, precision: int) -> list[Line | Table]:
    title: list[str | Span] = []
    if layer.in_features:
        title = [("W", "weight"), ": one row per output, one column per input"]
    if layer.bias is not None:
        title += ["; " if title else "", ("b", "bias"), ": one number per output"]
    return [Line.of(*title), parameters_table(layer, precision)]


def parameters_table(layer: LinearLayer, precision: int) -> Table:
    """Return W and b as one table, a row for each output; of large ones the ends."""
    outputs, inputs = _ends(layer.out_features), _ends(layer.in_features)
    block = layer.weight.values[outputs][:, inputs]
    write = text.writer(block.reshape(-1).tolist(), precision)
    cells = [list(map(write, row)) for row in block.tolist()]
    columns = [Column("", "output", right=False), *(Column(f"x[{j}]", "weight") for j in inputs)]
    if layer.bias is not None:
        columns.append(Column("b", "bias"))
        biases = text.numbers(layer.bias.values[outputs].tolist(), precision)
        cells = [[*row, bias] for row, bias in zip(cells, biases, strict=True)]
    body = tuple((f"y[{i}]", *row) for i, row in zip(outputs, cells, strict=True))
    part = Part(1, len(inputs), (layer.out_features, layer.in_features), ELSEWHERE)
    return Table(tuple(columns), body, part=part)


def _ends(count: int) -> list[int]:
    """Return all of `count` indices or, of many, the first ones and the last."""
    return list(range(count)) if count <= MOST_SHOWN else [*range(MOST_SHOWN - 1), count - 1]


def _statistics_table(inspection: Inspection, precision: int) -> Table:
    parts = [("weight", inspection.weight.statistics)]
    if inspection.bias is not None:
        parts.append(("bias", inspection.bias.statistics))
    lost = [
        (key, name)
        for key, name in (("nan", "NaN"), ("inf", "±inf"))
        if any(getattr(found, key) for _, found in parts)
    ]
    body = []
    for name, found in parts:
        moments = (found.min, found.max, found.mean, found.std)
        cells = ["–" if v != v else text.number(v, precision) for v in moments]
        counts = (found.zeros, *(getattr(found, key) for key, _ in lost))
        body.append((name, *cells, *map(text.count, counts)))
    titles = ("min", "max", "mean", "std", "zeros", *(name for _, name in lost))
    return Table((Column("", right=False), *map(Column, titles)), tuple(body))


def _laws(inspection: Inspection) -> Iterable[Line]:
    layer = inspection.layer
    parts = [("weight", inspection.weight)] if layer.weight.size else []
    if inspection.bias is not None and layer.out_features:
        parts.append(("bias", inspection.bias))
    if parts:
        yield Line.of(("Initialization: ", "strong"), _maker(inspection))
    for name, part in parts:
        yield Line.of((f"{name:<7}", name), part.law.words, indent=2)
        word, colour = _judged(part.check.verdict, known=inspection.known)
        yield Line.of((word, colour), f": {part.check.detail}", indent=9)
    if any("mean" in part.check.detail for _, part in parts):
        rare = "Each comparison of a mean or variance fails a correct layer at most once in 10⁹."
        yield Line.of((rare, "faint"), indent=2)


def _maker(inspection: Inspection) -> str:
    if not inspection.known:
        return "not recorded in the file; compared with nn.Linear's default"
    if inspection.init == "default":
        return "nn.Linear's default"
    bias = "" if inspection.bias is None else ", nn.Linear's default for b"
    return f"torch.nn.init.{inspection.init}_ for W{bias}"


def _judged(verdict: Verdict, *, known: bool) -> Span:
    """Return the verdict in words; for a layer of unknown origin it is only a description."""
    if verdict is Verdict.UNDECIDED:
        return ("undecided", "unsure")
    if verdict is Verdict.WITHIN:
        return ("satisfied", "good") if known else ("consistent with the default", "")
    return ("not satisfied", "bad") if known else ("trained, scaled or initialized differently", "")


def _weight_charts(inspection: Inspection) -> list[tuple[Block, ...]]:
    """Return the heat map of W and the histogram of its numbers, each a group of blocks."""
    layer = inspection.layer
    if not layer.weight.size:
        return [(Heading("Heat map of W"), Line.of("W is empty: nothing to draw"))]
    shape = text.matrix_shape(layer.weight.shape)
    return [
        (Heading(f"Heat map of W {shape}"), heat_map(layer.weight.values)),
        (Heading("Values of W"), histogram(_numbers_of_weight(inspection))),
    ]


def _numbers_of_weight(inspection: Inspection) -> Distribution:
    found = inspection.weight.statistics
    return distribution_of(inspection.layer.weight, found.min, found.max)


def _weight_figure(inspection: Inspection, ending: str) -> bytes:
    from fcinspect.pictures.figures.weight import weight_bytes

    layer = inspection.layer
    name = f"{text.safe(layer.name)} of " if layer.name else ""
    title = f"{name}{text.safe(layer.source)}, {layer.dtype}"
    return weight_bytes(ending, layer.weight, _numbers_of_weight(inspection), title)

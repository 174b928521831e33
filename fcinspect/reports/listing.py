"""The picture of a file that holds several layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.page import text
from fcinspect.page.blocks import Column, Heading, Line, Page, PageBuilder, Table
from fcinspect.page.view import View
from fcinspect.reports.skipped import layer_remarks, skipped_blocks

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint
    from fcinspect.reports.documents.core import ListingDocument

MOST_PROBLEMS = 12
"""Problems of shards that are told on the page; JSON has them all."""


def view_of_listing(checkpoint: Checkpoint, asked: dict[str, Any]) -> View:
    """Return the view of the layers of a file."""
    return View(
        command="show",
        asked=asked,
        data=lambda full: dict(document(checkpoint)),
        page=partial(page, checkpoint),
        rows=partial(rows, checkpoint),
        warnings=(*notes_on(checkpoint), *layer_remarks(checkpoint)),
    )


def document(checkpoint: Checkpoint) -> ListingDocument:
    """Return the JSON data."""
    return {
        "source": checkpoint.source,
        "layers": [
            {
                "name": layer.name,
                "in_features": layer.in_features,
                "out_features": layer.out_features,
                "dtype": layer.dtype,
                "bias": layer.bias is not None,
                "parameters": layer.parameters,
                "warnings": list(layer.warnings),
            }
            for layer in checkpoint.layers
        ],
        "parameters": sum(layer.parameters for layer in checkpoint.layers),
        "skipped": [{"name": skip.name, "reason": skip.reason} for skip in checkpoint.skipped],
        "problems": list(checkpoint.problems),
    }


def rows(checkpoint: Checkpoint) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: the layers, then what was skipped and why."""
    yield ("name", "in_features", "out_features", "dtype", "bias", "parameters", "skipped")
    for layer in checkpoint.layers:
        widths = (layer.in_features, layer.out_features)
        has_bias = "true" if layer.bias is not None else "false"
        yield (text.safe(layer.name), *widths, layer.dtype, has_bias, layer.parameters, "")
    for skip in checkpoint.skipped:
        yield (text.safe(skip.name), "", "", "", "", "", text.safe(skip.reason))


def page(checkpoint: Checkpoint, precision: int = 4) -> Page:
    """Return the page."""
    del precision  # a listing holds whole numbers only
    built = PageBuilder()
    total = sum(layer.parameters for layer in checkpoint.layers)
    counted = text.plural(len(checkpoint.layers), "linear layer")
    built.add(
        Heading(text.safe(checkpoint.source), level=1),
        Line.of(f"{counted}, {text.plural(total, 'parameter')}; name one to see its numbers"),
    )
    built.group(_layers(checkpoint, total))
    if checkpoint.skipped:
        built.group(*skipped_blocks(checkpoint))
    return built.page()


def _layers(checkpoint: Checkpoint, total: int) -> Table:
    columns = (
        Column("layer", right=False, folds=True),
        Column("in"),
        Column("out"),
        Column("bias", right=False),
        Column("dtype", right=False),
        Column("parameters"),
    )
    body = [
        (
            text.safe(layer.name) or "weight",  # what chooses a layer without a name
            text.count(layer.in_features),
            text.count(layer.out_features),
            "yes" if layer.bias is not None else "no",
            layer.dtype,
            text.count(layer.parameters),
        )
        for layer in checkpoint.layers
    ]
    sums = ("total", "", "", "", "", text.count(total))
    return Table(columns, (*body, sums), rule_before=frozenset({len(body)}))


def notes_on(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return what is said of how a checkpoint was found: its problems, then its notes."""
    told = [text.safe(problem) for problem in checkpoint.problems[:MOST_PROBLEMS]]
    if len(checkpoint.problems) > MOST_PROBLEMS:
        count = len(checkpoint.problems)
        told.append(f"showing {MOST_PROBLEMS} of {count} problems; the list's --json has them all")
    return (*told, *map(text.safe, checkpoint.notes))
